"""Crops: the part of each step's crops that this process learns from, cut ahead of time if asked. Batches to loop."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field

from instrument.training.data.batches import SHIFT_SEMITONES, Batch, batch, ear_batch
from instrument.training.data.corpus import Corpus
from instrument.training.learning.ranks import Ranks
from instrument.training.network.shape import Shape

EAR_FRAMES = 64
"""Long enough to know a low note (0.17 s), short enough to cost little."""


@dataclass(frozen=True, slots=True)
class Cut:
    """What a step learns from: ``whole`` crops, and ``ears``, crops for the pitch alone (None where none has one)."""

    whole: Batch
    ears: Batch | None


@dataclass
class Crops:
    """What is heard at a step, whenever it is asked for. ``size``: crops of this rank; ``ahead``: steps cut ahead."""

    corpus: Corpus
    shape: Shape
    seed: int
    size: int
    frames: int
    ranks: Ranks
    ahead: int = 0
    _pool: ThreadPoolExecutor | None = None
    _coming: dict[int, Future[Cut]] = field(default_factory=dict)

    def cut(self, step: int) -> Cut:
        """This rank's rows of the step's crops."""
        # a bank of fixed tones hears nothing transposed: its frequencies would not be there
        shift = SHIFT_SEMITONES if not self.shape.tones else 0.0
        size = self.size * self.ranks.world
        whole = self._own(batch(self.corpus, self.seed, step, size, self.frames, shift))
        ears = ear_batch(self.corpus, self.seed, step, size, min(EAR_FRAMES, self.frames))
        return Cut(whole, self._own(ears) if ears is not None else None)

    def _own(self, all_rows: Batch) -> Batch:
        parts = (
            self.ranks.rows(part, self.size) for part in (all_rows.audio, all_rows.note, all_rows.sure, all_rows.stiff)
        )
        return Batch(*parts)

    def at(self, step: int) -> Cut:
        """The same; the next ones are begun meanwhile."""
        if not self.ahead:
            return self.cut(step)
        if self._pool is None:
            self._pool = ThreadPoolExecutor(self.ahead, "crops")
        for each in range(step, step + self.ahead + 1):
            if each not in self._coming:
                self._coming[each] = self._pool.submit(self.cut, each)
        got = self._coming.pop(step)
        for stale in [each for each in self._coming if each < step]:
            self._coming.pop(stale).cancel()
        return got.result()

    def close(self) -> None:
        if self._pool is not None:
            self._pool.shutdown(wait=False, cancel_futures=True)
            self._pool, self._coming = None, {}
