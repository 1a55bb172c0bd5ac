"""Moved: which argument of which strange address the player moves for a knob that waits. Under foreign. Pure.

Other programs send hundreds of addresses, of which the player moves one. So, as with MIDI:

- what was moving before the knob began to wait does not count until it has rested;
- a control must travel: a number that trembles, or is sent again and again, has not moved;
- what was never heard before has been moved, if it says one number; of several the one that moves is meant;
- a finger that lands on a fader is not meant: ``/1/fader1/z``, which comes before ``/1/fader1``.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Sequence

TRAVEL = 0.04
"""A control has moved when it went so far within a second, as a share of the largest number it ever sent."""
SCALE_MIN = 0.5
TRAVEL_SECONDS = 1.0
REST_SECONDS = 1.0
"""What moved so shortly before a knob began to wait was not moved for it, until it has rested as long."""
BUSY_SECONDS, BUSY_OF = 4, 8
"""What moved in so many of the last seconds goes on by itself: its rest is longer than any pause that it made."""
PAUSES, PAUSE_SECONDS = 3.0, 30.0
"""By how much longer, and for about how long a pause is remembered."""
ADDRESSES_MAX = 2048
"""Addresses remembered; of more, those that were not heard for longest are forgotten."""
ARGUMENTS_MAX = 16
"""Arguments of each that can be learned."""
TOUCHES = ("/z", "/touch")
"""How the address of a finger on a fader ends, with 1 and 0, in TouchOSC and Lemur."""


def fader_of(address: str) -> str | None:
    """The address of the fader on which a finger of this address is; None for what is no finger."""
    return next((address[: -len(end)] for end in TOUCHES if address.endswith(end)), None)


class _Argument:
    """One argument. ``span``: between which numbers it was since the knob waits."""

    __slots__ = (
        "anchor",
        "anchor_at",
        "arming",
        "moved_at",
        "pause",
        "rest",
        "scale",
        "second",
        "seconds",
        "span",
        "value",
    )

    def __init__(self, value: float, now: float, arming: int) -> None:
        self.value = self.anchor = value
        self.span = (value, value)
        self.scale = max(SCALE_MIN, abs(value))
        self.anchor_at = self.moved_at = now
        self.pause = self.rest = 0.0
        self.second, self.seconds = int(now), 1
        self.arming = arming

    def hear(self, value: float, now: float, arming: int, armed_at: float) -> float:
        """How far it has travelled, in as much as counts as moved; 0 when it was moving before the knob waited."""
        if self.arming != arming:
            self.arming, self.rest, self.span = arming, self._rest(armed_at), (self.value, self.value)
        if now - self.moved_at >= self.rest:
            self.rest = 0.0
        if now - self.anchor_at > TRAVEL_SECONDS:
            self.anchor, self.anchor_at = self.value, now
        self.scale = max(self.scale, abs(value))
        travel = abs(value - self.anchor) / (TRAVEL * self.scale)
        if travel >= 1.0:
            self._moves(now)
            self.anchor, self.anchor_at = value, now
        self.value = value
        self.span = (min(self.span[0], value), max(self.span[1], value))
        return 0.0 if self.rest else travel

    def _moves(self, now: float) -> None:
        pause, self.moved_at = now - self.moved_at, now
        self.pause = max(pause, self.pause * math.exp(-pause / PAUSE_SECONDS)) if pause < BUSY_OF else 0.0
        self.seconds = self._lately(now) | 1
        self.second = int(now)

    def _lately(self, now: float) -> int:
        """A bit for each of the last seconds in which it moved; the lowest is this one."""
        return self.seconds << min(BUSY_OF, max(0, int(now) - self.second)) & (1 << BUSY_OF) - 1

    def _rest(self, armed_at: float) -> float:
        """For how long it has to rest before it counts, as it was when the knob began to wait."""
        if self._lately(armed_at).bit_count() >= BUSY_SECONDS:
            return min(float(BUSY_OF), max(2.0 * REST_SECONDS, PAUSES * self.pause))
        return REST_SECONDS if armed_at - self.moved_at < REST_SECONDS else 0.0


class _Address:
    """What one address has said; ``times`` since the knob waits."""

    __slots__ = ("arguments", "arming", "times")

    def __init__(self) -> None:
        self.arguments: dict[int, _Argument] = {}
        self.arming, self.times = 0, 0


class Moved:
    """``arm`` when a knob begins to wait; ``hear`` every message, whether one waits or not."""

    def __init__(self) -> None:
        self._addresses: OrderedDict[str, _Address] = OrderedDict()
        self._arming, self._armed_at = 0, -math.inf

    def __len__(self) -> int:
        return len(self._addresses)

    def arm(self, now: float) -> None:
        self._arming, self._armed_at = self._arming + 1, now

    def hear(self, address: str, values: Sequence[float | None], now: float) -> int | None:
        """A message; None where an argument is no number. The place of the argument that was moved, from 1."""
        seen = self._addresses.pop(address, None) or _Address()
        self._addresses[address] = seen
        if len(self._addresses) > ADDRESSES_MAX:
            self._addresses.popitem(last=False)
        if seen.arming != self._arming:
            seen.arming, seen.times = self._arming, 0
        seen.times += 1
        numbers = [(i, value) for i, value in enumerate(values[:ARGUMENTS_MAX], 1) if value is not None]
        farthest, found = 1.0, None
        for i, value in numbers:
            argument = seen.arguments.get(i)
            if argument is None:
                seen.arguments[i] = _Argument(value, now, self._arming)
                travel = math.inf if len(numbers) == 1 else 0.0
            else:
                travel = argument.hear(value, now, self._arming, self._armed_at)
            if travel >= farthest:
                farthest, found = travel, i
        return None if found is None or self._is_touch(address, seen, [v for _, v in numbers]) else found

    def _is_touch(self, address: str, seen: _Address, values: Sequence[float]) -> bool:
        """A finger's touch, as far as can be told: a button of that name is heard when it is let go."""
        fader = fader_of(address)
        if fader is None or not {0.0, 1.0}.issuperset(values):
            return False
        return seen.times < 2 or any(f"{fader}{part}" in self._addresses for part in ("", "/x", "/y"))

    def most(self, address: str, than: int) -> int:
        """The argument that has moved at least twice as far as ``than`` since the knob waits; else ``than``."""
        arguments = self._addresses[address].arguments if address in self._addresses else {}
        far = {i: (a.span[1] - a.span[0]) / a.scale for i, a in arguments.items() if a.arming == self._arming}
        best = max(far, key=far.__getitem__, default=than)
        return best if far.get(best, 0.0) >= max(TRAVEL, 2.0 * far.get(than, 0.0)) else than
