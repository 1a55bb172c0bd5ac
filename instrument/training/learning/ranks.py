"""Ranks: several processes that train one network together, each on its part of a step's crops. Under loop.

Started by ``torchrun --nproc-per-node N -m instrument train ...``. N ranks that take s crops each hear what one process
with N * s hears: crops and noise are drawn for the whole step and every rank takes its rows; gradients are averaged
(DistributedDataParallel); what is no mean over crops is weighted so that their mean is what one process would have had.
"""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn

from instrument.base.errors import RosinError
from instrument.training.network.chance import Chance


class Ranks:
    """One of ``world`` processes. Alone, everything here does nothing."""

    def __init__(self, rank: int = 0, world: int = 1, local: int = 0) -> None:
        self.rank, self.world, self.local = rank, world, local

    @property
    def first(self) -> bool:
        """Whether this is the one that speaks and writes."""
        return self.rank == 0

    def rows(self, whole: Any, size: int) -> Any:
        """This rank's rows of something that has ``world * size`` of them."""
        return whole[self.rank * size : (self.rank + 1) * size]

    def mean(self, values: Tensor) -> Tensor:
        """The mean over all ranks, on every rank."""
        return self._all(values, "SUM") / self.world if self.world > 1 else values

    def total(self, values: Tensor) -> Tensor:
        return self._all(values, "SUM") if self.world > 1 else values

    def most(self, *values: float) -> list[float]:
        """The largest of each number over all ranks: what they all must agree on."""
        if self.world == 1:
            return list(values)
        return [float(v) for v in self._all(torch.tensor(values, dtype=torch.float64), "MAX")]

    def _all(self, values: Tensor, how: str) -> Tensor:
        from torch import distributed

        device = torch.device("cuda", self.local) if distributed.get_backend() == "nccl" else torch.device("cpu")
        shared = values.detach().to(device, copy=True)
        distributed.all_reduce(shared, getattr(distributed.ReduceOp, how))
        return shared.to(values.device)

    def gathered(self, part: Tensor) -> Tensor:
        """Everybody's rows in the order of the ranks; gradients find their way back. [B, ...] -> [world * B, ...]."""
        if self.world == 1:
            return part
        return _Gathered.apply(part, self)

    def shared(self, module: nn.Module) -> nn.Module:
        """The module with its gradients averaged over all ranks."""
        if self.world == 1:
            return module
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # its successor is not in every torch we go with
            return nn.parallel.DistributedDataParallel(module, broadcast_buffers=False)

    def average_gradients(self, parameters: Iterable[nn.Parameter]) -> None:
        """Average each gradient as it is made, for what steps by itself."""
        if self.world == 1:
            return
        for parameter in parameters:
            parameter.register_post_accumulate_grad_hook(self._averaged)

    def _averaged(self, parameter: Tensor) -> None:
        if parameter.grad is not None:
            parameter.grad.copy_(self.mean(parameter.grad))

    def wait(self) -> None:
        """Until everybody is here."""
        self.most(0.0)

    def close(self) -> None:
        if self.world > 1:
            from torch import distributed

            distributed.destroy_process_group()


class _Gathered(torch.autograd.Function):
    """Everybody's rows; backwards everybody's gradients of one's own rows are added up."""

    @staticmethod
    def forward(ctx: Any, part: Tensor, ranks: Ranks) -> Tensor:
        from torch import distributed

        ctx.ranks, ctx.size = ranks, len(part)
        parts = [torch.empty_like(part, memory_format=torch.contiguous_format) for _ in range(ranks.world)]
        distributed.all_gather(parts, part.contiguous())
        return torch.cat(parts)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        return ctx.ranks.rows(ctx.ranks.total(gradients[0].contiguous()), ctx.size), None


ALONE = Ranks()


def ranks_from_environment(device: str) -> Ranks:
    """What torchrun says in the environment; alone when it says nothing. Joins the others."""
    world = _world()
    if world == 1:
        return ALONE
    from torch import distributed

    ranks = Ranks(int(os.environ["RANK"]), world, int(os.environ.get("LOCAL_RANK", "0")))
    if device != "cpu":
        if ranks.local >= torch.cuda.device_count():
            raise RosinError(f"there are {torch.cuda.device_count()} GPUs here; start as many: --nproc-per-node")
        torch.cuda.set_device(ranks.local)
    distributed.init_process_group("gloo" if device == "cpu" else "nccl")
    return ranks


def leave() -> None:
    """End this process, if it is one of several, with nothing more than its streams written out.

    Torch's threads outlive their group, and one that lets go of the last numbers while Python is taken down ends the
    process with SIGABRT (once in twenty times on a busy machine): a training that is done would count as failed, and
    torchrun would end the others.
    """
    if _world() > 1:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(0)


def _world() -> int:
    """How many processes torchrun says there are."""
    return int(os.environ.get("WORLD_SIZE", "1"))


class PartOfChance(Chance):
    """One rank's rows of the random numbers of a step. ``size``: crops of this rank.

    What a decoder draws once for all crops (one number, one stretch of noise) is the same on every rank.
    """

    def __init__(self, whole: Chance, ranks: Ranks, size: int) -> None:
        self.__dict__.update(whole.__dict__)
        self._ranks, self._size = ranks, size

    def white(self, *sizes: int) -> Tensor:
        return self._part(super().white, sizes)

    def uniform(self, *sizes: int) -> Tensor:
        return self._part(super().uniform, sizes)

    def _part(self, draw: Any, sizes: tuple[int, ...]) -> Tensor:
        if sizes[0] != self._size:
            return draw(*sizes)
        return self._ranks.rows(draw(sizes[0] * self._ranks.world, *sizes[1:]), self._size)
