"""Gaps: where a recording lost sound because its disk was slower than the music, and how much. Beside recorder.

The callback notes them, the writer puts silence in their place, so that all that comes after stays in time. Each side
writes its own numbers alone. There is room for GAPS of them at a time: were there more, the last one would go on.
"""

from __future__ import annotations

GAPS = 64


class Gaps:
    """Places in what the ring was given, in frames since the beginning, and what was lost there."""

    def __init__(self) -> None:
        self._at = [-1] * GAPS
        self._lost = [0] * GAPS
        self._noted = 0  # by the callback only
        self._passed = 0  # by the writer only
        self._silent = 0  # by the writer only: frames of silence for the gap it is at

    # --- the callback

    def may_end(self, pushed: int) -> bool:
        """Whether sound may be taken again: not while a gap is open and there is no room for the next one."""
        return not self._is_open(pushed) or self._noted - self._passed < GAPS

    def lose(self, pushed: int, frames: int) -> None:
        """``frames`` did not fit after the ``pushed`` ones."""
        if self._is_open(pushed):
            self._lost[(self._noted - 1) % GAPS] += frames
            return
        self._at[self._noted % GAPS], self._lost[self._noted % GAPS] = pushed, frames
        self._noted += 1

    def _is_open(self, pushed: int) -> bool:
        return self._noted > 0 and self._at[(self._noted - 1) % GAPS] == pushed

    # --- the writer

    def next_at(self, end: int) -> int:
        """Where the next gap is, ``end`` when there is none before it."""
        return min(end, self._at[self._passed % GAPS]) if self._passed < self._noted else end

    def due(self, saved: int) -> int:
        """Frames of silence that are wanted after the ``saved`` ones, as far as is known now."""
        here = self._passed < self._noted and self._at[self._passed % GAPS] == saved
        return self._lost[self._passed % GAPS] - self._silent if here else 0

    def filled(self, frames: int) -> None:
        """So many were written."""
        self._silent += frames

    def pass_by(self, saved: int, pushed: int) -> bool:
        """On to the next one, if the one at ``saved`` is whole: sound came after it, up to ``pushed``, which has to be
        read before ``due`` is."""
        if self._passed == self._noted or not self._at[self._passed % GAPS] == saved < pushed:
            return False
        self._silent = 0
        self._passed += 1
        return True
