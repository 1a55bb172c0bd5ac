"""Keyboard: which key means what, by its place or by what is printed on it. Pure. Before input.

Force keys and digits are known by their place (the evdev number, which is the PC's scan code): AZERTY has its digits on
Shift, and its A where QWERTY has Q. Commands are letters as printed. A layout without Latin letters has the commands
where QWERTY prints them.
"""

from __future__ import annotations

PUSH_KEYS = tuple(range(16, 24))
"""QWERTYUI by place: push knobs 1-8 up."""
PULL_KEYS = tuple(range(30, 38))
"""ASDFGHJK by place: pull knobs 1-8 down."""
DIGIT_KEYS = tuple(range(2, 10))
"""1 to 8 of the upper row by place."""
TAB = 15

COMMANDS = {
    "F": "rehearsal",
    "D": "display",
    "M": "learn",
    "S": "save",
    "B": "black",
    "R": "mark",
    "C": "credits",
}
"""Letters as printed; with Ctrl always, alone where letters do not play."""
NAMED = {
    "SPACE": "freeze", "?": "keys", "SLASH": "keys", "QUESTION": "keys", "F1": "keys", "F11": "fullscreen",
    "ESCAPE": "silence", "ENTER": "letters", "NUM_ENTER": "letters", "RETURN": "letters", "HOME": "home",
    "DELETE": "free", "BACKSPACE": "free", "PAGEUP": "back", "PAGEDOWN": "on",
    "LEFT": "before", "RIGHT": "next", "UP": "up", "DOWN": "down", "TAB": "next",
}  # fmt: skip
PLACES = {33: "F", 32: "D", 50: "M", 31: "S", 48: "B", 19: "R", 46: "C", 53: "SLASH"}
"""What QWERTY prints at the places of the commands."""


def force_key(place: int) -> int | None:
    """The knob that the key at a place pushes or pulls, None for other keys."""
    for keys in (PUSH_KEYS, PULL_KEYS):
        if place in keys:
            return keys.index(place)
    return None


def digit_key(place: int, name: str) -> int | None:
    """0 to 7 for the keys 1 to 8 of the upper row, or of the block of numbers; None for other keys."""
    if place in DIGIT_KEYS:
        return DIGIT_KEYS.index(place)
    return int(name) - 1 if len(name) == 1 and name in "12345678" else None


def command(place: int, name: str) -> str | None:
    """What a key asks for: ``name`` is what is printed on it, upper case. None when nothing."""
    if place == TAB:  # with Shift it has another name
        return "next"
    latin = name.isascii() and name.isalpha()
    if not latin and len(name) != 1 and name not in NAMED:  # a number: a letter that this window has no name for
        name = PLACES.get(place, name)
    return COMMANDS.get(name) or NAMED.get(name)


def place_of(name: str) -> int:
    """The place of a letter or digit on a QWERTY keyboard, 0 for others: where the system does not tell the place."""
    for first, row in ((2, "12345678"), (16, "QWERTYUI"), (30, "ASDFGHJK")):
        if len(name) == 1 and name in row:
            return first + row.index(name)
    return TAB if name == "TAB" else 0
