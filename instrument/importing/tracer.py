"""Tracer: one call of a scripted method becomes a flat graph of inputs, state and noise.
After state buffers, before lower.

Every operation of the TorchScript interpreter passes through a dispatch mode. What depends on no input, state or
noise is worked out on the spot, so branches on flags vanish; the rest is noted with its writes in place, and
``functionalize`` turns those into dataflow.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import fx
from torch._decomp import get_decompositions
from torch.func import functionalize
from torch.utils._pytree import tree_flatten, tree_map

from instrument.base.errors import RosinError
from instrument.importing.chance import Watching, drawn, is_random
from instrument.importing.state_buffers import StateBuffer

aten = torch.ops.aten

SIMPLER = (
    aten.silu, aten.hardswish, aten.hardsigmoid, aten.mish, aten.glu, aten.addcmul, aten.addcdiv, aten.lerp, aten.celu,
    aten.selu, aten.logit, aten.native_group_norm, aten.native_layer_norm, aten.upsample_linear1d, aten.hardtanh,
    aten.threshold, aten._prelu_kernel, aten.hardshrink, aten.softshrink, aten.trunc, aten.frac, aten.linspace,
    aten.unsafe_chunk, aten.norm, aten.linalg_vector_norm, aten.std, aten.std_mean, aten.log_sigmoid_forward, aten.tril,
    aten.triu, aten.rot90, aten.silu_, aten.hardtanh_, aten.hardswish_, aten.elu, aten.elu_, aten.upsample_nearest1d,
    aten._scaled_dot_product_flash_attention_for_cpu, aten._euclidean_dist, aten.pixel_shuffle,
    aten.pixel_unshuffle, aten.sinc, aten.logaddexp, aten.xlogy, aten.nan_to_num, aten.deg2rad,
)  # fmt: skip
"""Operations that torch itself takes apart into simpler ones."""


@dataclass
class Trace:
    """A functional graph: inputs (states, x, noises, constants) to outputs (y, next states).

    ``states``, ``noises`` (kind, example) and ``constants`` in the order of the placeholders.
    """

    graph: fx.GraphModule
    x: torch.Tensor
    y: torch.Tensor
    states: list[torch.Tensor]
    noises: list[tuple[str, torch.Tensor]] = field(default_factory=list)
    constants: list[torch.Tensor] = field(default_factory=list)

    @property
    def inputs(self) -> list[torch.Tensor]:
        return [*self.states, self.x, *(noise for _, noise in self.noises), *self.constants]


def _storage(tensor: torch.Tensor) -> int:
    return int(tensor.untyped_storage()._cdata)


class _Recorder(Watching):
    """Runs everything, notes what depends on what was ``given``."""

    def __init__(self, table: Mapping[Any, Any] | None = None) -> None:
        super().__init__()
        self.table = table or {}
        self.graph = fx.Graph()
        self.nodes: dict[int, fx.Node] = {}
        self.live: set[int] = set()  # storages
        self.keep: list[Any] = []  # an id is only good as long as its tensor lives
        self.views: dict[int, tuple[Any, tuple[Any, ...], dict[str, Any], int | None]] = {}
        self.roots: dict[int, tuple[fx.Node, torch.Tensor]] = {}
        self.noises: list[tuple[str, torch.Tensor, fx.Node]] = []
        self.constants: list[tuple[torch.Tensor, fx.Node]] = []
        self._known: dict[tuple[int, int], fx.Node] = {}
        self.generator = torch.Generator().manual_seed(1)

    def give(self, tensor: torch.Tensor, name: str, own: bool = False) -> None:
        """An input; ``own``: it will be written to."""
        node = self.graph.placeholder(name)
        if own:
            node = self.graph.call_function(aten.clone.default, (node,))
        self.nodes[id(tensor)] = node
        self.live.add(_storage(tensor))
        self.keep.append(tensor)

    def draw(self, shape: tuple[int, ...], kind: str) -> torch.Tensor:
        real = torch.randn(shape, generator=self.generator)
        real = real if kind == "normal" else real.clamp(-1.0, 0.999)
        self.give(real, f"noise_{len(self.noises)}")
        self.noises.append((kind, real, self.nodes[id(real)]))
        return real

    # --- the graph's name for a tensor

    def constant(self, tensor: torch.Tensor) -> fx.Node:
        key = (id(tensor), tensor._version)
        if key not in self._known:
            node = self.graph.placeholder(f"constant_{len(self.constants)}")
            self.constants.append((tensor.detach().clone(), node))
            self._known[key] = node
            self.keep.append(tensor)
        return self._known[key]

    def lasting(self, tensor: torch.Tensor) -> fx.Node:
        """The node of a tensor whose storage is written to by what is live, its chain of views included."""
        if id(tensor) in self.nodes:
            return self.nodes[id(tensor)]
        self.keep.append(tensor)
        if id(tensor) in self.views:
            func, args, kwargs, i = self.views[id(tensor)]
            node = self.graph.call_function(func, (self.lasting(args[0]), *args[1:]), kwargs)
            if i is not None:
                node = self.graph.call_function(_item, (node, i))
        elif (known := self.roots.get(_storage(tensor))) is not None:
            size, stride, offset = list(tensor.shape), list(tensor.stride()), tensor.storage_offset()
            node = self.graph.call_function(aten.as_strided.default, (known[0], size, stride, offset))
        elif tensor.untyped_storage().nbytes() > tensor.numel() * tensor.element_size():
            # A part of something larger that others look into as well (the gates of a GRU): the whole is the root.
            size, stride, offset = list(tensor.shape), list(tensor.stride()), tensor.storage_offset()
            long = tensor.untyped_storage().nbytes() // tensor.element_size()
            whole = torch.as_strided(tensor, [long], [1], 0)
            root = self.graph.call_function(aten.clone.default, (self.constant(whole),))
            self.roots[_storage(tensor)] = (root, whole)
            node = self.graph.call_function(aten.as_strided.default, (root, size, stride, offset))
        else:
            node = self.graph.call_function(aten.clone.default, (self.constant(tensor),))
            self.roots[_storage(tensor)] = (node, tensor)
        self.nodes[id(tensor)] = node
        return node

    def is_live(self, value: Any) -> bool:
        return isinstance(value, torch.Tensor) and _storage(value) in self.live

    def graph_of(self, outs: Sequence[torch.Tensor]) -> fx.GraphModule:
        """The whole: what was given, noises, constants in; the nodes of ``outs`` out."""
        self.graph.output(tuple(self.lasting(v) if self.is_live(v) else self.constant(v) for v in outs))
        late = {node for _, _, node in self.noises} | {node for _, node in self.constants}
        wanted = [n for n in self.graph.nodes if n.op == "placeholder" and n not in late]
        wanted += [node for _, _, node in self.noises] + [node for _, node in self.constants]
        new = fx.Graph()
        env: dict[fx.Node, fx.Node] = {}
        for node in wanted:
            env[node] = new.placeholder(node.name)
        for node in self.graph.nodes:
            if node not in env:
                env[node] = new.node_copy(node, lambda n: env[n])
        new.eliminate_dead_code()
        return fx.GraphModule(torch.nn.Module(), new)

    # --- every operation

    def met(self, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if is_random(func):
            return drawn(func, args, kwargs, self.draw, lambda f, *a, **k: self.do(f, a, k))
        return self.do(func, args, kwargs)

    def do(self, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        flat = tree_flatten((args, kwargs))[0]
        if not any(self.is_live(value) for value in flat):
            out = func(*args, **kwargs)
            self._note_views(func, args, kwargs, out)
            return out
        # Under a mode torch takes composite operations apart by itself, but not those met in taking others apart.
        simpler = self.table.get(func) or (func.decompose if func._can_decompose() else None)
        if simpler is not None:
            with self:
                out = simpler(*args, **kwargs)
            if out is not NotImplemented:
                return out
        name = func._schema.name.split("::")[1]
        if name in ("_local_scalar_dense", "item", "is_nonzero", "equal"):
            raise RosinError(
                "its code decides by what it hears or remembers (a branch on a tensor), which no graph can hold; "
                "ask its author for an export without that"
            )
        for position, argument in enumerate(func._schema.arguments):
            if argument.alias_info is not None and argument.alias_info.is_write:
                target = args[position] if position < len(args) else kwargs.get(argument.name)
                if isinstance(target, torch.Tensor):
                    self.lasting(target)
                    self.live.add(_storage(target))

        def named(value: Any) -> Any:
            if not isinstance(value, torch.Tensor):
                return value
            return self.lasting(value) if _storage(value) in self.live else self.constant(value)

        node = self.graph.call_function(func, *tree_map(named, (tuple(args), kwargs)))
        out = func(*args, **kwargs)
        self._note(out, node)
        return out

    def _note(self, out: Any, node: fx.Node) -> None:
        if isinstance(out, torch.Tensor):
            self.keep.append(out)
            self.nodes.setdefault(id(out), node)
            self.live.add(_storage(out))
        elif isinstance(out, (tuple, list)):
            for i, part in enumerate(out):
                if isinstance(part, torch.Tensor):
                    self._note(part, self.graph.call_function(_item, (node, i)))

    def _note_views(self, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any], out: Any) -> None:
        """Remember how a tensor that is still a constant looks into another: both may be written to later."""
        if not func.is_view or not args or not isinstance(args[0], torch.Tensor):
            return
        for i, part in enumerate(out if isinstance(out, (tuple, list)) else (out,)):
            if isinstance(part, torch.Tensor) and part is not args[0]:
                self.views[id(part)] = (func, args, kwargs, i if isinstance(out, (tuple, list)) else None)
                self.keep.append((part, args))


def _item(values: Any, i: int) -> Any:
    return values[i]


def record(module: Any, method: str, x: torch.Tensor, slots: Sequence[StateBuffer]) -> Trace:
    """One call of ``method`` on ``x``, from the state now in the slots."""
    recorder = _Recorder()
    states = [slot.get().clone() for slot in slots]
    firsts = [state.clone() for state in states]
    for slot, state in zip(slots, states, strict=True):
        slot.put(state)
    for i, state in enumerate(states):
        recorder.give(state, f"state_{i}", own=True)
    recorder.give(x, "x")
    with recorder:
        y = getattr(module, method)(x)
    if not isinstance(y, torch.Tensor):
        raise RosinError(f"its {method} gives a {type(y).__name__} and no sound; ask its author for an nn~ export")
    nexts = [slot.get() for slot in slots]
    y_real = y.detach().clone()
    graph = recorder.graph_of([y, *nexts])
    noises = [(kind, real) for kind, real, _ in recorder.noises]
    given = [*firsts, x, *(real for _, real in noises)]
    # Again, now that its inputs are known: without writes in place, and with the larger operations taken apart.
    again = _Recorder(get_decompositions(SIMPLER))
    inputs = [tensor.clone() for tensor in given]
    for i, tensor in enumerate(inputs):
        again.give(tensor, f"input_{i}")
    flat = functionalize(graph, remove="mutations")
    with again:
        outs = flat(*inputs, *(real.clone() for real, _ in recorder.constants))
    whole = again.graph_of(outs)
    return Trace(whole, x, y_real, firsts, noises, [real for real, _ in again.constants])
