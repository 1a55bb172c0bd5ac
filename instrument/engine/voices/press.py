"""Press: a key that is held, and by which finger - how keys are told apart, and kept. Under allocation; pure.

A key is a note on a channel, with an id where one was said: 0 where none was, and then whoever lets go of it means any.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

Key = tuple[int, float]
"""MIDI note, velocity 0..1."""

MOST = 128
"""Keys that are held at once; of more, with ids of their own, the oldest are forgotten."""


class Press(NamedTuple):
    """A key that is held, and by which finger. ``channel`` 1..16, 0: none was said; ``note_id`` likewise."""

    note: int
    velocity: float
    channel: int = 0
    note_id: int = 0

    def of(self, note: int, channel: int = 0, note_id: int = 0) -> bool:
        """Whether this is that key, for one that goes down or up. Where either says no channel or no id, any is."""
        if self.note != note or (note_id and self.note_id and note_id != self.note_id):
            return False
        return not channel or not self.channel or channel == self.channel


def is_under(press: Press, channel: int, note: int, note_id: int) -> bool:
    """Whether a finger that says this is on that key: nothing said is everybody's, and what is said must be just so. An
    id's bend is for no other key, and that of a channel for none that has an id of its own or came on another."""
    if not channel and not note_id:
        return note in (-1, press.note)
    return note in (-1, press.note) and (press.channel, press.note_id) == (channel, note_id)


def pairs(presses: Sequence[Press]) -> list[Key]:
    """Notes and velocities alone."""
    return [press[:2] for press in presses]


def fingers_in(state: Mapping[str, Any], keys: str) -> list[Press]:
    """What ``with_fingers`` wrote under that name, or pairs of before. ValueError and TypeError for what is neither."""
    rows = [(int(note), float(velocity)) for note, velocity in state[keys]]
    fingers = [(int(channel), int(note_id)) for channel, note_id in state.get(f"{keys}_fingers", ())]
    if not fingers:
        return [Press(*row) for row in rows]
    return [Press(*row, *finger) for row, finger in zip(rows, fingers, strict=True)]


def with_fingers(name: str, presses: Sequence[Press]) -> dict[str, Any]:
    """Presses under ``name`` as pairs, as they ever were, and beside them channels and ids where any was said."""
    said: dict[str, Any] = {name: pairs(presses)}
    if any(press[2:] != (0, 0) for press in presses):
        said[f"{name}_fingers"] = [list(press[2:]) for press in presses]
    return said
