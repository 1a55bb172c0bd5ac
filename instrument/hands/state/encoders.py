"""Encoders: how an endless encoder counts, found out from the first bytes it sends. Beside candidates. Pure.

Three ways are in use, and a byte alone fits two of them: 1 is a step up in two's complement and with a sign, 65 is a
step up from 64 and a step down with a sign. What gives an encoder away is that it says the same again and again, or
jumps from one end of its numbers to the other; a fader never does.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Literal

from instrument.hands.state.bindings import Motion, encoder_step

COUNTS: dict[Motion, tuple[str, str]] = {"twos": ("1", "127"), "offset": ("65", "63"), "sign": ("1", "65")}
"""What each kind of encoder sends for one step up, and for one down."""
FASTEST = 15
"""Steps in one byte; faster ones come after slower ones."""
FAST = 7
"""Two bytes that differ by more than such steps are the two ends of a fader or a switch, not of an encoder."""
AGAIN = 3
"""So many times the same byte, one after the other, and it is an encoder."""
TREMBLING = 6
"""So many bytes near 64 and none of them 64: no fader that trembles there."""

Side = Literal["up", "down", "above", "below", ""]
"""Of which numbers a byte is: 1.. (up), ..127 (down), 65.. (above 64), ..63 (below 64); empty: of none."""

_KINDS: dict[frozenset[str], tuple[Motion, bool]] = {
    frozenset({"up"}): ("twos", False),
    frozenset({"down"}): ("twos", True),
    frozenset({"up", "down"}): ("twos", True),
    frozenset({"above"}): ("offset", False),
    frozenset({"below"}): ("offset", True),
    frozenset({"above", "below"}): ("offset", True),
    frozenset({"up", "above"}): ("sign", True),
}
"""The kind that sends these, and whether that is sure: turned one way only, two kinds may say the same."""
_ROUND_64 = frozenset({"above", "below"})


def side(byte: int) -> Side:
    """Of which numbers a byte is."""
    if 1 <= byte <= FASTEST:
        return "up"
    if 128 - FASTEST <= byte <= 127:
        return "down"
    if 65 <= byte <= 64 + FASTEST:
        return "above"
    return "below" if 64 - FASTEST <= byte <= 63 else ""


def guess(raw: Sequence[int]) -> tuple[Motion | None, bool]:
    """What sends these bytes, oldest first: ``absolute``, or how an encoder counts and whether that is sure.

    None: too few to tell. Round 64, where a fader may stand and tremble, more are needed.
    """
    sides = frozenset(side(byte) for byte in raw)
    if not raw or sides not in _KINDS:
        return "absolute", True
    if len(sides) == 2 and not _repeats(raw, 2) and max(abs(encoder_step(b, _KINDS[sides][0])) for b in raw) > FAST:
        return "absolute", True
    enough = len(raw) >= TREMBLING or not sides <= _ROUND_64
    return _KINDS[sides] if enough and _counts(raw, sides) else (None, False)


def at_rest(raw: Sequence[int]) -> tuple[Motion | None, bool]:
    """As ``guess``, when nothing more comes, and so nothing trembles: a step there and one back are an encoder."""
    motion, sure = guess(raw)
    if motion is not None:
        return motion, sure
    sides = frozenset(side(byte) for byte in raw)
    if _counts(raw, sides):
        return _KINDS[sides]
    if len(sides) == 2 and not sides <= _ROUND_64:
        small = all(abs(encoder_step(byte, _KINDS[sides][0])) <= 2 for byte in raw)
        return _KINDS[sides] if small else ("absolute", True)
    return ("absolute", True) if len(raw) == 1 else (None, False)


def _counts(raw: Sequence[int], sides: frozenset[str]) -> bool:
    """Whether it says the same again and again, or goes from side to side; a fader on its way crosses once."""
    crossings = sum(side(a) != side(b) for a, b in pairwise(raw))
    return _repeats(raw, AGAIN) or (len(sides) == 2 and (crossings >= 2 or _repeats(raw, 2)))


def _repeats(raw: Sequence[int], times: int) -> bool:
    return any(len(set(raw[i : i + times])) == 1 for i in range(len(raw) - times + 1))


def other_way(byte: int, motion: Motion) -> Motion | None:
    """The kind of an encoder that was seen turning up only and taken for ``motion``; None: it still turns that way."""
    came = side(byte)
    if motion == "twos" and came in ("down", "above"):
        return "twos" if came == "down" else "sign"
    if motion == "offset" and came in ("below", "up"):
        return "offset" if came == "below" else "sign"
    return None
