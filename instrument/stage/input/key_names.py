"""Key names: what the keys are called where letters play and where they command, on this keyboard. Pure. Before views.

Some letters of commands lie in the two rows that play: where those play, the command is the letter with Ctrl, and every
word that names it says so.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from instrument.base.text import say
from instrument.stage.input.keyboard import COMMANDS, PLACES, force_key

Rows = tuple[str, str]
"""The letters that push and those that pull, as printed."""
PLAYED = "".join(letter for place, letter in PLACES.items() if letter in COMMANDS and force_key(place) is not None)
"""Letters of commands that play as well: those four are in these rows on QWERTY, AZERTY and QWERTZ alike."""
PLAYING = ("force", "letters", "drag", "focus", "arrows", "home", "escape", "scene", "save", "learn")
WINDOW = ("view", "display", "full", "black", "freeze", "mark", "record", "credits", "help", "ctrl")
_LETTER = re.compile(rf"(?<!\w)((?:Shift|Maj) \+ )?([{PLAYED}])(?![\w'’])")


def with_ctrl(words: str, plays: bool) -> str:
    """Words that name keys, as it is where letters play: ``F`` becomes ``Ctrl + F``."""
    return _LETTER.sub(r"Ctrl + \1\2", words) if plays else words


def key_rows(keys: Sequence[str], language: str, plays: bool = True, rows: Rows | None = None) -> list[tuple[str, str]]:
    """Of each key how it is pressed and what it does then; ``rows``: where the language's usual keyboard is not it."""
    said = []
    for key in keys:
        name, does = say(f"stage.key.{key}", language), say(f"stage.does.{key}", language)
        if key == "force":
            name = "  /  ".join(" ".join(row) for row in rows) if rows else name
            does = does if plays else say("stage.does.force_after", language)
        else:
            name, does = with_ctrl(name, plays), with_ctrl(does, plays)
        said.append((name, does))
    return said
