"""Halves: two bytes of 7 bits that come one after the other, put together to one value of 14. Before controls. Pure.

Senders differ. Most send the coarse byte first, some the fine one; some leave out the half that did not change. So the
value is always the newest of both, and the question is only when to say it: at once when both halves of a move are
there, and after WAIT_SECONDS of silence when the other one did not come. In between, a coarse byte without its fine one
would be a jump of up to 1/128 and back.

Which half comes first is learned from the first byte after a silence. Known, nothing waits that need not: of a sender
that begins with the coarse byte a lone fine one is said at once, of one that ends with it a lone coarse one.
"""

from __future__ import annotations

from typing import NamedTuple

FINE = 16383
WAIT_SECONDS = 0.01
"""Both halves need 1.3 ms on a cable; on JACK a cycle may come between them."""
COARSE_ONLY, COARSE_ONLY_SECONDS = 8, 1.0
"""So many coarse bytes in a row, over so long, and the sender no longer sends fine ones."""
_SURE = 3


class Whole(NamedTuple):
    """A value of 14 bits; ``paired``: both halves came together, so surely it is one."""

    raw: int
    paired: bool = False


class Halves:
    """One 14-bit value in the making. Times in seconds, of any clock."""

    __slots__ = ("_alone", "_fine_at", "_heard_at", "_order", "_waits", "coarse", "fine")

    def __init__(self) -> None:
        self.coarse: int | None = None
        self.fine: int | None = None
        """None: no fine byte was ever seen, or none is sent any more."""
        self._waits = ""  # the half that came and whose other one has not: "coarse", "fine"
        self._heard_at = float("-inf")
        self._fine_at = 0.0
        self._order = 0  # > 0: the coarse byte comes first, < 0: the fine one
        self._alone = 0

    def take_coarse(self, byte: int, now: float) -> list[Whole]:
        """The values to be said now, oldest first."""
        said = self.settle(now)
        fresh, self._heard_at = self._rested(now), now
        if self.fine is not None:
            self._alone += 1
            if self._alone > COARSE_ONLY and now - self._fine_at > COARSE_ONLY_SECONDS:
                self.fine, self._waits = None, ""
        if self.fine is None:
            self.coarse = byte
            return [*said, Whole(byte << 7 | byte)]  # the same bits again below: 127 alone is then the very top
        if self._waits == "fine" and self._order <= 0:  # its other half, or as good as that
            self._learn(-1)
            self.coarse = byte
            return [*said, self._whole(paired=True)]
        said += self._say_what_waits()
        self.coarse = byte
        if self._order < 0 and not fresh:
            return [*said, self._whole()]
        self._waits = "coarse"
        return said

    def take_fine(self, byte: int, now: float) -> list[Whole]:
        """The values to be said now, oldest first."""
        said = self.settle(now)
        first = self.fine is None and self.coarse is not None and not self._rested(now)
        self._heard_at = self._fine_at = now
        self._alone = 0
        if self._waits == "coarse" or first:
            self._learn(1)
            self.fine = byte
            return [*said, self._whole(paired=True)]
        said += self._say_what_waits()
        self.fine = byte
        if self._order > 0 and self.coarse is not None:
            return [*said, self._whole()]
        self._waits = "fine"
        return said

    def nudge(self, step: int) -> Whole | None:
        """Data increment and decrement: one fine step, or one coarse step where no fine byte was ever seen."""
        if self.coarse is None:
            return None
        fine = self.coarse if self.fine is None else self.fine
        whole = min(FINE, max(0, (self.coarse << 7 | fine) + step * (129 if self.fine is None else 1)))
        self.coarse = whole >> 7
        self.fine = None if self.fine is None else whole & 127
        self._waits = ""
        return Whole(whole)

    @property
    def waits(self) -> bool:
        """Whether a byte waits for its other half."""
        return bool(self._waits)

    def settle(self, now: float) -> list[Whole]:
        """The value whose other half does not come: the sender had no need to send it."""
        return self._say_what_waits() if self._waits and self._rested(now) else []

    def _say_what_waits(self) -> list[Whole]:
        waited, self._waits = self._waits, ""
        return [self._whole()] if waited and self.coarse is not None else []

    def _whole(self, paired: bool = False) -> Whole:
        assert self.coarse is not None
        assert self.fine is not None
        self._waits = ""
        return Whole(self.coarse << 7 | self.fine, paired)

    def _rested(self, now: float) -> bool:
        return now - self._heard_at >= WAIT_SECONDS

    def _learn(self, order: int) -> None:
        self._order = min(_SURE, max(-_SURE, self._order + order))
