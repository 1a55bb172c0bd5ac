"""Control: one patch's knobs in motion, tick by tick - hand, chance, friction, chance, latent. The chain in one place.

A block is QUANTUM samples and TICKS control ticks. ``place_*`` puts what the hands did at a tick of the coming block,
``step`` runs the chain and leaves the model's z. With difficulty 0 and hazard 0 every knob passes bit for bit.

    hand u --(chance at hand)--> friction (chance at bearing = force noise) --(chance at sound)--> x --> z
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from instrument.chance.drift import Drift, scaled_sigma
from instrument.chance.entry import add_into
from instrument.chance.words import stream_id
from instrument.friction.law import Friction
from instrument.friction.params import FrictionParams, scaled
from instrument.friction.ramp import HandRamp
from instrument.knobs import KnobTable
from instrument.link import Flags, Frame
from instrument.patch import FRICTION, Patch
from instrument.sound.latents import LOUDNESS, PITCH, PLAIN, SILENCE_DB, to_latents
from instrument.sound.notes import Notes

F32 = NDArray[np.float32]

QUANTUM = 128
TICK = 32
TICKS = QUANTUM // TICK

TARGETS_MAX = 512
"""Hand movements placed in one block; of more, the newest of each knob count (a burst carries absolute state)."""

PEDAL, ALL_UP = -1, -2
"""Note events that are no note: they wait in line with the notes, or a pedal would come before the key under it."""

_ROLES = {"pitch": PITCH, "loudness": LOUDNESS}

# Unless the patch says otherwise for that very knob: a drift that colours a timbre would put a melody out of tune,
# and one on loudness would sound without a gesture.
DRIFT_SHARE = {"pitch": 0.1, "loudness": 0.0}


class Control:
    """The knobs of one patch on one model. ``rate`` in Hz; K playable knobs, N in all."""

    def __init__(self, patch: Patch, table: KnobTable, rate: int, seed: int) -> None:
        self.patch, self.table = patch, table
        count = table.playable_count
        self.count = count
        tick_hz = rate / TICK
        self.raw = np.array([knob.start for knob in table], np.float32)
        self.origin = np.zeros(len(table), np.uint8)
        self.hands_only = False
        self.tick = 0
        self.hand = np.zeros((TICKS, count), np.float32)
        self.pos = np.zeros((TICKS, count), np.float32)
        self.x = np.zeros((TICKS, count), np.float32)
        self._pushed = np.zeros((TICKS, count), np.float32)
        self._wander = np.zeros((TICKS, count), np.float32)
        self._one = np.ones(count, np.float32)
        self._targets = 0
        self._target_knob = np.zeros(TARGETS_MAX, np.int32)
        self._target_value = np.zeros(TARGETS_MAX, np.float32)
        self._target_at = np.zeros(TARGETS_MAX, np.float64)
        self.ramp = HandRamp(count)
        self.friction = Friction(count, tick_hz)
        self.drift = Drift([stream_id(f"drift/{knob.id}") for knob in table.playable], tick_hz, seed)
        self.notes = Notes(patch.note, patch.attack_ms, patch.release_ms, patch.glide_ms, patch.bend_semitones, tick_hz)
        self._pitch = np.zeros(TICKS, np.float32)
        self._level = np.zeros(TICKS, np.float32)
        self._note_events: list[tuple[int, int, float]] = []
        self._role = np.array([_ROLES.get(knob.role or "", PLAIN) for knob in table.playable], np.uint8)
        self._low = np.array([knob.low for knob in table.playable], np.float32)
        self._span = np.array([knob.high - knob.low for knob in table.playable], np.float32)
        self._loudness = int(np.argmax(self._role == LOUDNESS)) if LOUDNESS in self._role else -1
        self._bottom = min(SILENCE_DB, float(self._low[self._loudness])) if self._loudness >= 0 else SILENCE_DB
        self._given = FrictionParams(count)
        self._params = FrictionParams(count)
        self._sigma = np.zeros(count, np.float32)
        self._tau = np.ones(count, np.float32)
        self._value = [knob.value(float(self.raw[i])) for i, knob in enumerate(table)]
        self._at = {knob.id: i for i, knob in enumerate(table)}
        self._gain = 1.0
        self._chancy = False
        self._stale = False
        self.ramp.reset(self.raw[:count])
        self.friction.reset(self.raw[:count])
        self._refresh()

    def parameter(self, id: str) -> float:
        """Present value of a parameter knob, in its unit."""
        return self._value[self._at[id]]

    def gain(self) -> float:
        """Linear gain of the level knob; its lowest position is silence."""
        return self._gain

    def _refresh(self) -> None:
        """Parameters moved: work out the effective friction and chance of every knob."""
        self._stale = False
        level = self._at["level"]
        self._gain = 0.0 if self.raw[level] <= 0.0 else 10.0 ** (self._value[level] / 20.0)
        for name in FRICTION:
            array = getattr(self._given, name)
            array[:] = self.parameter(f"friction.{name}")
            for id, mine in self.patch.friction_knobs.items():
                if name in mine and id in self._at:
                    array[self._at[id]] = mine[name]
        scaled(self._given, 0.0 if self.hands_only else self.parameter("difficulty"), self._params)
        drift, tau = self._sigma, self._tau
        for i, knob in enumerate(self.table.playable):
            mine = self.patch.chance_knobs.get(knob.id, {})
            share = DRIFT_SHARE.get(knob.role or "", 1.0)
            drift[i] = mine.get("drift", self.parameter("chance.drift") * share)
            tau[i] = mine.get("tau", self.parameter("chance.tau"))
        hazard = 0.0 if self.hands_only else self.parameter("hazard")
        scaled_sigma(drift, hazard, drift)
        self._chancy = bool(drift.any())

    # --- what the hands did, ``at`` ticks (0 <= at < TICKS, with fractions) into the coming block, in order of time

    def place_knob(self, index: int, raw: float, at: float, source: int) -> None:
        """A knob's hand goes to raw 0..1. A parameter acts at once, a playable knob through the chain."""
        raw = min(1.0, max(0.0, raw))
        self.raw[index] = raw
        self.origin[index] = source
        if index < self.count:
            n = min(self._targets, TARGETS_MAX - 1)
            self._target_knob[n], self._target_value[n], self._target_at[n] = index, raw, at
            self._targets = n + 1
        else:
            self._value[index] = self.table[index].value(raw)
            self._stale = True

    def place_force(self, index: int, push: float, at: float) -> None:
        """A push of ``push`` travels on the knob, held until another one."""
        self._pushed[int(at) :, index] = push

    def place_note(self, note: int, velocity: float, at: float) -> None:
        """A key down (velocity > 0) or up."""
        self._note_events.append((int(at), note, velocity))

    def place_sustain(self, down: bool, at: float) -> None:
        """The pedal goes down or up."""
        self._note_events.append((int(at), PEDAL, float(down)))

    def place_all_off(self, at: float) -> None:
        """Every key and the pedal up."""
        self._note_events.append((int(at), ALL_UP, 0.0))

    def silence(self) -> None:
        """Panic: no key is down, and none that came in this block goes down."""
        self._note_events.clear()
        self.notes.reset()

    def place_pressure(self, value: float, at: float, source: int) -> None:
        """Pressure leans on the loudness knob, when there is one."""
        if self._loudness >= 0:
            self.place_knob(self._loudness, value, at, source)

    def obey(self, on: bool) -> None:
        """Hands only: friction and chance rest from the next block on."""
        self.hands_only = on
        self._refresh()

    # --- the chain

    def step(self, z: F32) -> None:
        """Advance TICKS ticks; z f32 [K, F] is filled in latent units."""
        if self._stale:  # once a block, however many parameters moved in it
            self._refresh()
        hand, pos, x = self.hand, self.pos, self.x
        self.ramp.step(self._targets, self._target_knob, self._target_value, self._target_at, self._params, hand)
        self._targets = 0
        entry = self.patch.entry
        bearing: F32 | None = None
        u = hand
        if self._chancy:
            self.drift.step(self.tick, TICKS, self._sigma, self._tau, self._wander)
            if entry == "hand":
                u = add_into(hand, self._wander, self._one, x)
            elif entry == "bearing":
                bearing = self._wander
        if self._pushed.any():
            bearing = self._pushed if bearing is None else np.add(bearing, self._pushed, out=self._wander)
            self._pushed[:] = self._pushed[-1]
        self.friction.step(u, self._params, bearing, pos)
        if self._chancy and entry == "sound":
            add_into(pos, self._wander, self._one, x)
        else:
            np.copyto(x, pos)
        self._play_notes()
        to_latents(x, self._pitch, self._level, self._low, self._span, self._role, self._bottom, z)
        self.tick += TICKS

    def _play_notes(self) -> None:
        begin = 0
        for tick, note, velocity in self._note_events:
            if tick > begin:  # (equal ticks: both act before the next step)
                self.notes.step(self._pitch[begin:tick], self._level[begin:tick])
                begin = tick
            if note == PEDAL:
                self.notes.sustain(velocity > 0.0)
            elif note == ALL_UP:
                self.notes.all_off()
            elif velocity > 0.0:
                self.notes.on(note, velocity)
            else:
                self.notes.off(note)
        self._note_events.clear()
        self.notes.step(self._pitch[begin:], self._level[begin:])

    # --- state

    def reseed(self, seed: int) -> None:
        """Chance begins again at tick 0 under another seed."""
        self.tick = 0
        self.drift.reseed(seed)
        self.drift.reset()

    def state(self) -> dict[str, Any]:
        """Everything that decides the next tick, copied."""
        return {
            "raw": self.raw.copy(), "pushed": self._pushed.copy(), "tick": self.tick, "hands_only": self.hands_only,
            "ramp": self.ramp.state(), "friction": self.friction.state(), "drift": self.drift.state(),
            "notes": self.notes.state(), "seed": self.drift.seed,
        }  # fmt: skip

    def set_state(self, state: dict[str, Any]) -> None:
        """Back to a state taken by ``state()``."""
        self.raw[:] = state["raw"]
        self._pushed[:] = state["pushed"]
        self.tick = state["tick"]
        self.hands_only = state["hands_only"]
        self.ramp.set_state(state["ramp"])
        self.friction.set_state(state["friction"])
        self.drift.set_state(state["drift"])
        self.drift.reseed(state["seed"])
        self.notes.set_state(state["notes"])
        self._value = [knob.value(float(self.raw[i])) for i, knob in enumerate(self.table)]
        self._refresh()

    def resume_from(self, frame: Frame) -> None:
        """Knobs, hands and keys as the last frame of a lost engine showed them."""
        count = min(len(self.raw), frame.knob_count)
        self.raw[:count] = np.clip(np.nan_to_num(frame.hand[:count]), 0.0, 1.0)
        self.origin[:count] = frame.origin[:count]
        self.ramp.reset(self.raw[: self.count])
        self.friction.reset(np.clip(np.nan_to_num(frame.pos[: self.count]), 0.0, 1.0))
        self.hands_only = bool(frame.flags & Flags.HANDS_ONLY)
        self._value = [knob.value(float(self.raw[i])) for i, knob in enumerate(self.table)]
        if frame.gate > 0.0:
            self.notes.resume(frame.note, frame.gate)
        self._refresh()

    def fill_frame(self, frame: Frame) -> None:
        """Hand, position, force and the rest of one block into the frame."""
        count, total = self.count, len(self.raw)
        frame.hand[:total] = self.raw
        frame.pos[:count] = self.x[-1]
        frame.force[:count] = self.friction.force
        frame.stick[:count] = self._params.stick
        frame.stuck[:count] = self.friction.stuck
        frame.origin[:total] = self.origin
        frame.note = float(self._pitch[-1])
        frame.gate = float(self._level[-1])
