"""Scenes: the eight places of a layer where hands were, ready to be gone back to. Between patch and engine.

What a scene holds: every playable knob, because a scene is a posture and leads to one place from anywhere; and those
parameters that are not where the patch starts, because the patch says the rest, and says it anew when it is edited. On
the way back a parameter that is not named goes to the patch's start, a playable knob that is not named stays where it
is. Level and input belong to the room the instrument stands in: they are not kept, and move only where somebody wrote
them into the file by hand.

``keep`` is the engine's, between two blocks; everything else belongs to whoever owns the layer. Kept in the file of the
patch by instrument/documents/scene_file.py.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from instrument.documents.patch import Scene
from instrument.documents.take import Take
from instrument.ipc import Frame
from instrument.knobs import SCENES, KnobTable

F32 = NDArray[np.float32]
OF_THE_ROOM = ("level", "input")


class Scenes:
    """Of one knob table of N knobs. ``blend_ms``: how long hands travel when nothing else is asked."""

    def __init__(self, table: KnobTable, scenes: Mapping[int, Scene], blend_ms: float) -> None:
        self.table = table
        count = len(table)
        self._start = np.array([knob.start for knob in table], np.float32)
        self._room = np.array([knob.id in OF_THE_ROOM for knob in table])
        self._playable = np.arange(count) < table.playable_count
        self.raw: F32 = np.zeros((SCENES, count), np.float32)
        """[SCENES, N], where the hands go"""
        self.named: NDArray[np.bool_] = np.zeros((SCENES, count), np.bool_)
        """[SCENES, N], which of them; none: the slot is empty"""
        self.last = -1
        self.mask = 0
        self.kept = [0] * SCENES
        """How often the player has kept something in a slot; for who writes it down."""
        self.hold(scenes, blend_ms)

    def hold(self, scenes: Mapping[int, Scene], blend_ms: float) -> None:
        """These scenes instead of those there are. Not while a block is made. Knobs that are not here are left out."""
        self.blend_ms = blend_ms
        self.raw[:] = self._start
        self.named[:] = False
        self.mask = 0
        for slot, scene in scenes.items():
            for id, raw in scene.knobs.items():
                if id in self.table:
                    self.raw[slot, self.table.index(id)] = raw
                    self.named[slot, self.table.index(id)] = True
            if self.named[slot].any():
                self.named[slot] |= ~self._playable & ~self._room
                self.mask |= 1 << slot

    def hold_those_of(self, take: Take) -> None:
        """The scenes that a take began with, when it says; so it is the same again whatever was kept since."""
        if take.scenes is not None:
            self.hold(take.scenes, self.blend_ms if take.blend_ms is None else take.blend_ms)

    def has(self, slot: int) -> bool:
        return bool(self.mask >> slot & 1)

    def keep(self, slot: int, raw: F32, by_player: bool) -> None:
        """Where the hands are now, ``raw`` [N]; to be written down if the player asked for it."""
        self.raw[slot] = raw
        self.named[slot] = ~self._room
        self.mask |= 1 << slot
        self.last = slot
        self.kept[slot] += by_player

    def knobs(self, slot: int) -> dict[str, float]:
        """What a slot says, by id, as a file has it: the shortest number that is the same in 32 bits."""
        said = self.named[slot] & (self._playable | self._room | (self.raw[slot] != self._start))
        return {self.table[i].id: float(str(self.raw[slot, i])) for i in np.flatnonzero(said).tolist()}

    def all_knobs(self) -> dict[int, dict[str, float]]:
        """What every slot that holds one says."""
        return {slot: self.knobs(slot) for slot in range(SCENES) if self.has(slot)}

    def fill_frame(self, frame: Frame) -> None:
        frame.scene, frame.scenes = self.last, self.mask

    def resume_from(self, frame: Frame) -> None:
        self.last = frame.scene if 0 <= frame.scene < SCENES and self.has(frame.scene) else -1
