"""Names: the texts whose numbers gestures carry. Beside the gesture ring, from the process that pushes to the sound.

A gesture has room for a number of 64 bits and none for a name. Its sender writes the name here first and the gesture
then; whoever acts on the gesture finds the name by its number, however many others were written in between.
"""

from __future__ import annotations

from instrument.base.seeds import name_number
from instrument.ipc.texts import TEXT_BYTES, TextRing


class Names:
    """The last names that were spoken. ``speak`` is for one process alone, ``find`` for all."""

    def __init__(self, ring: TextRing) -> None:
        self._ring = ring

    def speak(self, name: str) -> int:
        """Its number, for a gesture. ValueError: longer than a text of the link, or no Unicode text."""
        number = name_number(name)
        if len(name.encode()) > TEXT_BYTES:
            raise ValueError(f"a name of more than {TEXT_BYTES} bytes")
        self._ring.say(name)
        return number

    def find(self, number: int) -> str | None:
        """None: it was never spoken, or too many others were since. Up to a millisecond; not for the audio thread."""
        for name in self._ring.newest():
            if name_number(name) == number:
                return name
        return None
