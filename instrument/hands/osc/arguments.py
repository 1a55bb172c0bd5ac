"""Arguments: what a message says, as the numbers and names that are meant. Under the namespace. Pure.

ValueError for what does not fit; the namespace's reader then says what the endpoint ``takes``.
"""

from __future__ import annotations

from typing import Any

from instrument.hands.osc.codec import flat, number

KEEP_SECONDS = 4.0
"""Of the past, kept when nothing else is said."""
KEEP_SECONDS_MOST = 600.0
KEPT = "accident"
"""Name of an accident kept without one."""
NAME_MAX = 60
"""Characters of an accident's name: it travels in a text of 240 bytes."""


def kept(args: tuple[Any, ...]) -> tuple[str, float] | None:
    """Name and seconds of an accident to be kept: a text, a number, both or none. None: a button let go."""
    name, rest = (name_of(args), args[1:]) if args and isinstance(args[0], str) else (KEPT, args)
    seconds = number(rest[0]) if rest else KEEP_SECONDS
    if seconds == 0.0:
        return None
    return name, between(0.1, seconds, KEEP_SECONDS_MOST)


def name_of(args: tuple[Any, ...]) -> str:
    if not args or not isinstance(args[0], str):
        raise ValueError("a name is a text")
    name = args[0].strip()
    if not 0 < len(name) <= NAME_MAX or not name.isprintable():
        raise ValueError(f"a name has 1 to {NAME_MAX} characters")
    return name


def first(args: tuple[Any, ...]) -> float:
    if not args:
        raise ValueError("no argument")
    return number(args[0])


def newest(args: tuple[Any, ...]) -> float:
    return first(tuple(flat(args)[-1:]))


def whole(value: float) -> int:
    return round(value)


def unit(value: float) -> float:
    return between(0.0, value, 1.0)


def between(low: float, value: float, high: float) -> float:
    return min(high, max(low, value))
