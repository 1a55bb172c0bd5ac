"""Expressing: what fingers and velocity add to the notes of a block - pitch, loudness, and knobs. Over fingers.

Bend goes to the pitch, pressure where the patch has it swell to the loudness; pressure, slide and velocity to one knob
each, beside what the shared knob does. Where nobody says anything, nothing is computed.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from instrument.documents.patch import Patch
from instrument.engine.voices.fingers import PRESSURE, TIMBRE, Fingers
from instrument.engine.voices.note_queue import Queued
from instrument.engine.voices.note_voices import SOFTEST
from instrument.engine.voices.notes import Notes
from instrument.ipc.events import VELOCITY

F32 = NDArray[np.float32]

OWN = 3


def reach_of(patch: Patch, names: list[str]) -> tuple[F32, float]:
    """What the fingers move: f32 [E, K], of each knob's travel a unit of pressure, slide and velocity (no rows where
    they move none); and how far pressure swells a note."""
    reach, swell = np.zeros((OWN, len(names)), np.float32), 0.0
    for row, name in enumerate(("pressure", "timbre", "velocity")):
        one = patch.expression.get(name)
        if one is None or not one.knob:
            continue
        if name == "pressure" and one.knob == "loudness":
            swell = one.range
        elif one.knob in names:  # (a slide of half its travel is the whole of its range)
            reach[row, names.index(one.knob)] = one.range * (2.0 if name == "timbre" else 1.0)
    return (reach if reach.any() else reach[:0]), swell


class Expressing:
    """Of one patch, on the ``names`` of its K playable knobs."""

    def __init__(self, patch: Patch, names: list[str], notes: Notes, ticks: int, tick_hz: float) -> None:
        self._notes = notes
        self.fingers = Fingers(notes.voices.count, ticks, tick_hz, patch.expression_feels)
        notes.began = self.fingers.begin
        self.own = np.zeros((notes.voices.count, ticks, OWN), np.float32)
        """What each voice is told beside the knobs, f32 [V, T, 3]: pressure, slide off its middle, how hard struck."""
        self.reach, self._swell = reach_of(patch, names)

    def say(self, what: int, placed: Queued) -> None:
        """A finger's word, in its turn among the notes."""
        channel, note, note_id = placed.channel, placed.note, placed.note_id
        voices = self._notes.voices_of(channel, note, note_id)
        self.fingers.say(what, placed.value, voices, placed.at, channel if note < 0 and not note_id else -1)

    def step(self, pitch: F32, level: F32, ticks: int) -> None:
        """Add it to the first ``ticks`` of f32 [V, T] each."""
        fingers, own = self.fingers, self.own
        if not (fingers.moved or len(self.reach)):
            return
        loud = self._notes.voices.loud
        fingers.step(ticks)
        if fingers.moved:
            pitch[:, :ticks] += fingers.semitones()[:ticks].T
            own[:, :, 0] = fingers.of(PRESSURE).T
            own[:, :, 1] = fingers.of(TIMBRE).T - np.float32(0.5)
            if self._swell:  # from what the key was struck with up to full, as far as the note has spoken
                room = np.float32(self._swell) * (1.0 / np.maximum(loud, SOFTEST) - 1.0).astype(np.float32)
                level[:, :ticks] *= 1.0 + room[:, None] * own[:, :ticks, 0]
        else:  # (a panic, or a moment in which nobody had said anything)
            own[:, :, :2] = 0.0
        own[:, :, 2] = ((loud - SOFTEST) / (1.0 - SOFTEST) - VELOCITY)[:, None]
