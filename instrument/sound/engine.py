"""Engine: from gestures to samples, one block of 128 at a time. After control and model, before the device.

The real-time contract: ``block()`` allocates nothing that grows, waits for nothing, reads no file, logs nothing and
raises nothing that a broken model could cause. Everything slow (loading a patch, opening a file) is done by whoever
owns the engine, and handed in whole. Three drivers call it: the audio callback, a thread that runs ahead of it, and
the offline renderer; the sound depends on the sample count alone, never on who called or in what sizes.
"""

from __future__ import annotations

import heapq
import math
from collections import deque

import numpy as np
from numpy.typing import NDArray

from instrument.knobs import SCENES
from instrument.link import NO_SHIFT, Gesture, Kind, Source
from instrument.model.heard import AUDIBLE
from instrument.sound.control import QUANTUM, TICK
from instrument.sound.guard import Guard
from instrument.sound.neighbour import Hearing, Played
from instrument.sound.part import Part
from instrument.sound.snapshot import Snapshot
from instrument.sound.tape import Tape

F32 = NDArray[np.float32]

CHANNELS = 2
"""The engine is stereo; a voice of one channel sounds on both."""

SPEAK_SECONDS = 0.02
HURRY_SECONDS = 0.05
SLOTS = 8


class Engine:
    """The instrument without its hands and its loudspeaker.

    ``post`` gestures at sample positions, call ``block`` for QUANTUM samples at a time. ``requests`` collects what
    the engine may not do itself (load a patch, start a recording): (kind, number, value) for its owner.
    """

    def __init__(self, part: Part, ceiling_db: float = -1.0) -> None:
        self.part = part
        self.rate = part.voice.sample_rate
        self.sample = 0
        self.guard = Guard(CHANNELS, self.rate, ceiling_db=ceiling_db)
        self.panicked = False
        self.tape = Tape(CHANNELS, self.rate, part.seed)
        self.requests: deque[tuple[Kind, int, float]] = deque(maxlen=64)
        self.hearing = Hearing(self.rate)
        self._played = Played(self.rate, QUANTUM)
        self.resets = 0
        self.snapshot_wanted = False
        """Set by who may not look while a block is made; ``snapshot_taken`` is there after the next one."""
        self.snapshot_taken: Snapshot | None = None
        self.late = 0
        self.lost = 0
        self.fading = False
        self._leaving: Part | None = None
        self._incoming: Part | None = None
        self._fade = 0.0
        self._fade_step = 0.0
        self._due: list[tuple[int, int, Gesture]] = []
        self._order = 0
        self.slots: list[Snapshot | None] = [None] * SLOTS
        self.mix = np.zeros((CHANNELS, QUANTUM), np.float32)
        self._other = np.zeros((CHANNELS, QUANTUM), np.float32)
        self._ramp = np.arange(1, QUANTUM + 1, dtype=np.float32) / np.float32(QUANTUM)
        self._gain_curve = np.zeros(QUANTUM, np.float32)
        self._gain = 0.0

    # --- from the hands

    def post(self, gesture: Gesture, sample: int) -> None:
        """Let a gesture act at an absolute sample position; one that is already past acts at once (counted)."""
        if len(self._due) >= 65536 or gesture.value != gesture.value:  # too many, or not a number
            self.lost += 1
            return
        if sample < self.sample:
            self.late += 1
            sample = self.sample
        self._order += 1
        heapq.heappush(self._due, (sample, self._order, gesture))

    def _place(self) -> None:
        end = self.sample + QUANTUM
        due = self._due
        while due and due[0][0] < end:
            sample, _, gesture = heapq.heappop(due)
            self._act(gesture, max(0, sample - self.sample) / TICK)

    def _act(self, g: Gesture, at: float) -> None:
        part, control, kind = self.part, self.part.control, g.kind
        if kind == Kind.KNOB:
            if g.knob < len(part.table):
                control.place_knob(g.knob, g.value, at, g.source)
                part.speaking |= part.table[g.knob].group != "visual"  # a picture is no gesture of sound
        elif kind == Kind.FORCE:
            if g.knob < part.table.playable_count:
                control.place_force(g.knob, g.value, at)
                part.speaking = True
        elif kind == Kind.NOTE_ON:
            if (accident := part.accident_keys.get(g.knob)) is not None:
                part.speaking |= control.mix.replay.play(accident)
            elif part.patch.notes != "off":
                control.place_note(g.knob, g.value, at)
                part.speaking = True
                self.panicked = False
        elif kind == Kind.NOTE_OFF:
            if g.knob not in part.accident_keys:
                control.place_note(g.knob, 0.0, at)
        elif kind == Kind.BEND:
            control.notes.bend = min(1.0, max(-1.0, g.value))
        elif kind == Kind.SUSTAIN:
            control.place_sustain(g.value >= 0.5, at)
        elif kind == Kind.PRESSURE:
            control.place_pressure(g.value, at, g.source)
        elif kind == Kind.ALL_NOTES_OFF:
            control.place_all_off(at)
        elif kind == Kind.PANIC:
            self.panicked = True
            control.silence()
            self.hearing.let_go()
        elif kind == Kind.RESUME:
            self.panicked = False
        elif kind == Kind.SEED:
            part.reseed(g.extra)
            self.tape.reseed(g.extra)
        elif kind == Kind.RESET:
            part.voice.reset()
        elif kind == Kind.HANDS_ONLY:
            control.obey(g.value >= 0.5)
        elif kind == Kind.SNAPSHOT:
            if g.knob < SLOTS:
                self.slots[g.knob] = self.snapshot()
        elif kind == Kind.RESTORE:
            if g.knob < SLOTS and (kept := self.slots[g.knob]) is not None and kept.patch == part.patch.name:
                self.restore(kept, with_guard=False)
            else:
                self.requests.append((Kind.RESTORE, g.knob, 0.0))
        elif kind == Kind.BRIDGE:
            control.place_bridge(g.knob, g.value, g.extra / 1000.0)
            part.speaking = True
        elif kind == Kind.SCENE:
            self._go_to_scene(g, at)
        elif kind == Kind.SCENE_SAVE:
            if g.knob < SCENES:
                part.scenes.keep(g.knob, control.raw, g.source != Source.TAKE)
        elif kind == Kind.ACCIDENT:
            if g.value < 0.5:
                control.mix.replay.stop()
            else:
                shift = (g.knob - NO_SHIFT) / 100.0
                part.speaking |= control.mix.replay.play(g.extra, g.value >= 1.5, shift)
        elif kind == Kind.FILL:
            control.friction.fill()
        elif kind == Kind.HEAR:
            self._hear(g.knob - 1, g.value >= 0.5)
        elif kind == Kind.PATCH:
            self.requests.append((Kind.PATCH, g.knob, 0.0))
        elif kind == Kind.RECORD:
            self.requests.append((Kind.RECORD, int(g.value >= 0.5), 0.0))
        elif kind == Kind.KEEP:
            self.requests.append((Kind.KEEP, g.extra, g.value))

    def _go_to_scene(self, g: Gesture, at: float) -> None:
        """The hands set out for where a scene has them; an empty one is asked about, and nothing moves."""
        scenes = self.part.scenes
        if g.knob >= SCENES or not scenes.has(g.knob):
            self.requests.append((Kind.SCENE, g.knob, 0.0))
            return
        seconds = (g.extra or scenes.blend_ms) / 1000.0
        self.part.control.place_scene(scenes.raw[g.knob], scenes.named[g.knob], seconds, at)
        scenes.last = g.knob
        self.part.speaking = True

    def _hear(self, sound: int, on: bool) -> None:
        """Let a neighbouring sound be heard; of the nearest (-1) the first that may be. What can not is asked about."""
        if not on:
            self.hearing.let_go()
            return
        place = self.part.place
        if self.panicked:
            return
        if place is None or place.excerpts is None:
            self.requests.append((Kind.HEAR, sound, 0.0))
            return
        for clip in place.top.tolist() if sound < 0 else (sound,):
            if (audio := place.excerpts.of(clip)) is not None:
                self.hearing.start(audio, clip, place, self._played.power)
                return
        self.requests.append((Kind.HEAR, int(place.top[0]) if sound < 0 else sound, 1.0))

    # --- patches

    def change(self, part: Part) -> None:
        """Hand in a loaded, warmed part; the next block begins the crossfade to it. Safe from another thread."""
        if part.voice.sample_rate != self.rate:
            raise ValueError("a part of another sample rate")
        self._incoming = part

    def _take_incoming(self) -> None:
        part = self._incoming
        if part is None:
            return
        if self._leaving is not None and part is not self._leaving and part is not self.part:
            # Three at once would mean dropping one in the middle of its sound: the fade under way is hurried instead.
            self._fade_step = max(self._fade_step, QUANTUM / (HURRY_SECONDS * self.rate))
            return
        self._incoming = None
        if part is self.part:  # the patch that sounds, recalled: its knobs go home through their friction
            for i, knob in enumerate(part.table):
                part.control.place_knob(i, knob.start, 0.0, 0)
            part.scenes.last = -1
            return
        if part is self._leaving:  # going back before the fade was over: turn it round
            self._leaving, self.part = self.part, part
            self._fade = 1.0 - self._fade
        else:
            self._leaving, self.part = self.part, part
            self._fade = 0.0
        part.speaking = part.speaking or self._leaving.speaking
        seconds = max(0.005, part.patch.fade_ms / 1000.0)
        self._fade_step = QUANTUM / (seconds * self.rate)
        self.fading = True

    # --- the block

    def block(self, out: F32, live: F32 | None = None) -> None:
        """Fill ``out`` f32 [2, QUANTUM] with the next samples; ``live`` f32 [Ci, QUANTUM] is what came in."""
        self._take_incoming()
        self._place()
        mix = self.mix
        amount = self.part.control.parameter("input")
        np.copyto(mix, self.part.block(live, amount))
        if self._leaving is not None:
            self._crossfade(mix, live)
        model = self.part.control.amounts.model
        self.tape.step(mix, model.tape, model.tape_drops, self.sample)
        aim = self.part.gain() if self.part.speaking else 0.0
        if aim != self._gain:
            step = QUANTUM / (SPEAK_SECONDS * self.rate)
            aim = self._gain + min(step, max(-step, aim - self._gain))
            np.multiply(self._ramp, np.float32(aim - self._gain), out=self._gain_curve)
            self._gain_curve += np.float32(self._gain)
            mix *= self._gain_curve
            self._gain = aim
        elif aim != 1.0:
            mix *= np.float32(aim)
        alone = self.hearing.sound < 0
        self._count(mix)
        self.hearing.add(mix, self.part.gain())
        self.guard.step(mix, self.panicked)
        # As it is heard, behind the limiter. In the block in which the gain goes to nothing there may still be some.
        if alone and self.guard.rms > AUDIBLE and self._gain > AUDIBLE and not self.panicked:
            self._played.hear((self.guard.rms / self._gain) ** 2)
        if self.guard.tripped:
            self.part.voice.reset()
            if self._leaving is not None:
                self._leaving.voice.reset()
            self.resets += 1
        np.copyto(out, mix)
        self.sample += QUANTUM
        if self.snapshot_wanted:
            self.snapshot_taken, self.snapshot_wanted = self.snapshot(), False

    def _count(self, mix: F32) -> None:
        """Time in which the instrument sounds counts for the sounds that are near, that of excerpts for their own."""
        seconds = QUANTUM / self.rate
        if float(np.vdot(mix, mix)) > AUDIBLE**2 * mix.size and not self.panicked:
            here = math.sin(self._fade * math.pi / 2) ** 2 if self._leaving is not None else 1.0
            if self.part.place is not None:
                self.part.place.sounded(here * seconds)
            if self._leaving is not None and self._leaving.place is not None:
                self._leaving.place.sounded((1.0 - here) * seconds)
        if (whose := self.hearing.whose) is not None and not self.panicked:
            whose.played_s[self.hearing.sound] += seconds

    def _crossfade(self, mix: F32, live: F32 | None) -> None:
        """Equal power: two models are not in phase, so a linear fade would dip by 3 dB in the middle. Who leaves hears
        as much as before: with the other's amount it would fall back to its resting note as it fades."""
        assert self._leaving is not None
        other = self._other
        np.copyto(other, self._leaving.block(live, self._leaving.control.parameter("input")))
        begin, end = self._fade, min(1.0, self._fade + self._fade_step)
        turn = (begin + (end - begin) * self._ramp) * np.float32(math.pi / 2)
        mix *= np.sin(turn)
        other *= np.cos(turn)
        mix += other
        self._fade = end
        if end >= 1.0:
            self._leaving.control.notes.reset()
            self._leaving = None
            self.fading = False

    # --- state

    def snapshot(self) -> Snapshot:
        """All that decides the next samples, copied."""
        part = self.part
        return Snapshot(part.patch.name, part.speaking, part.seed, self.sample, part.voice.snapshot(),
                        part.control.state(), self.tape.state(), self.guard.state(), self._gain,
                        self._played.state())  # fmt: skip

    def restore(self, kept: Snapshot, with_guard: bool = True) -> None:
        """Back to a snapshot of the same patch. Live, the guard keeps its own state so that nothing clicks."""
        part = self.part
        part.voice.restore(kept.voice)
        part.control.set_state(kept.control)
        part.seed = kept.seed
        part.speaking = kept.speaking
        if with_guard:
            self.guard.set_state(kept.guard)
            self.tape.set_state(kept.tape)
            self.sample, self._gain = kept.sample, kept.gain
            self._played.set_state(kept.played)
