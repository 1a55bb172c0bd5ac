"""Control: one patch's knobs in motion, tick by tick - hand, chance, friction, chance, latent. The chain in one place.

A block is QUANTUM samples and TICKS control ticks. ``place_*`` puts what the hands did at a tick of the coming block,
``step`` runs the chain and leaves the model's z. With difficulty 0 and hazard 0 every knob passes bit for bit.

    hand u --(chance at hand)--> friction (chance at bearing = force noise) --(chance at sound)--> x --> z

Time: at ``time`` 1 a tick of the chain is a tick of the clock. Slower, the chain runs its ticks - the very same ones,
with the same chance - further apart, and knobs and keys go straight from one to the next: nothing changes its shape.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from instrument.chance.entry import add_into
from instrument.chance.mix import Mix
from instrument.documents.patch import Patch
from instrument.engine.automation import Automation
from instrument.engine.effective_params import Amounts
from instrument.engine.latents import LOUDNESS, PITCH, PLAIN, SILENCE_DB, to_latents
from instrument.engine.voices.expressing import Expressing
from instrument.engine.voices.note_queue import ALL_UP, PEDAL, SOSTENUTO, NoteQueue
from instrument.engine.voices.note_voices import NoteShape
from instrument.engine.voices.notes import NoteMode, Notes
from instrument.friction.bearing import Friction
from instrument.friction.ramp import HandRamp
from instrument.ipc import Source
from instrument.knobs import KnobTable

F32 = NDArray[np.float32]

QUANTUM = 128
TICK = 32
TICKS = QUANTUM // TICK

TARGETS_MAX = 512
"""Hand movements placed in one block; of more, the newest of each knob count (a burst carries absolute state)."""

_ROLES = {"pitch": PITCH, "loudness": LOUDNESS}


class ControlChain:
    """The knobs of one patch on one model. ``rate`` in Hz; K playable knobs, N in all.

    ``correlation`` f64 [K, K] of the training latents, for coupling and habit; None where the model does not tell.
    """

    def __init__(
        self, patch: Patch, table: KnobTable, rate: int, seed: int, correlation: NDArray[np.float64] | None = None
    ) -> None:
        self.patch, self.table = patch, table
        count = table.playable_count
        self.count = count
        tick_hz = rate / TICK
        self.raw = np.array([knob.start for knob in table], np.float32)
        self.origin = np.zeros(len(table), np.uint8)
        self.hands_only = False
        self.tick = self.blocks = 0
        self.hand = np.zeros((TICKS, count), np.float32)
        self.pos = np.zeros((TICKS, count), np.float32)
        self.x = np.zeros((TICKS, count), np.float32)
        self._u = np.zeros((TICKS, count), np.float32)
        self._pushed = np.zeros((TICKS, count), np.float32)
        self._pushing = False
        self._bearing = np.zeros((TICKS, count), np.float32)
        self._one = np.ones(count, np.float32)
        self._targets = 0
        self._target_knob = np.zeros(TARGETS_MAX, np.int32)
        self._target_value = np.zeros(TARGETS_MAX, np.float32)
        self._target_at = np.zeros(TARGETS_MAX, np.float64)
        names = [knob.id for knob in table.playable]
        self.ramp = HandRamp(count)
        self.travel = Automation(names, len(table) - count, tick_hz, seed, self.ramp)
        self.friction = Friction(count, tick_hz)
        self.mix = Mix(names, tick_hz, seed, patch.entries, correlation)
        shape = NoteShape(patch.attack_ms, patch.release_ms, patch.glide_ms, patch.decay_ms)
        how = NoteMode(patch.notes, patch.voices, patch.detune_cents, patch.late_ms, seed)
        self.notes = Notes(patch.note, shape, patch.bend_semitones, tick_hz, how)
        self.voices = self.notes.voices.count
        self.pitch = np.zeros((self.voices, TICKS), np.float32)
        self.level = np.zeros((self.voices, TICKS), np.float32)
        """What the keys play, tick by tick, f32 [V, T]: note and bend, raw loudness."""
        self.expressing = Expressing(patch, names, self.notes, TICKS, tick_hz)
        self.fingers = self.expressing.fingers
        self.keys = NoteQueue(self.notes, self.expressing.say)
        self._role = np.array([_ROLES.get(knob.role or "", PLAIN) for knob in table.playable], np.uint8)
        self._low = np.array([knob.low for knob in table.playable], np.float32)
        self._span = np.array([knob.high - knob.low for knob in table.playable], np.float32)
        self._loudness = int(np.argmax(self._role == LOUDNESS)) if LOUDNESS in self._role else -1
        self._bottom = min(SILENCE_DB, float(self._low[self._loudness])) if self._loudness >= 0 else SILENCE_DB
        self._home = self.raw[:count].copy()
        self.amounts = Amounts(table)
        self._level_at = table.index("level")
        self._phase = 0.0
        self._last = np.zeros((2, count + 2 * self.voices))
        self.ramp.reset(self._home)
        self.friction.reset(self._home)
        self.friction.couple(correlation, self._home)
        self.refresh()

    def parameter(self, id: str) -> float:
        """Present value of a parameter knob, in its unit."""
        return self.amounts.of(id)

    def gain(self) -> float:
        """Linear gain of the level knob; its lowest position is silence."""
        return self.amounts.gain

    @property
    def hand_loudness(self) -> float:
        """Where the loudness knob is at most in the block, raw; 0 without one."""
        return float(self.x[:, self._loudness].max()) if self._loudness >= 0 else 0.0

    @property
    def key_sounds(self) -> bool:
        """Whether a key is held or rings on."""
        return self.notes.sounding or self.notes.level > 0.0

    def note_into(self, out: F32, voice: int = 0) -> F32:
        """The note of a voice, f32 [F], as each frame of the last ``step`` had it: without knob and wheel."""
        np.mean(self.pitch[voice].reshape(len(out), -1), axis=1, out=out)
        out -= np.float32(self.notes.bend * self.notes.bend_semitones)
        return out

    def refresh(self) -> None:
        """Parameters moved: work out the effective friction and chance of every knob."""
        self.mix.settle()
        self.amounts.refresh(float(self.raw[self._level_at]), self.hands_only)
        self.fingers.weigh(0.0 if self.hands_only else self.amounts.of("difficulty"))

    # --- what the hands did, ``at`` ticks (0 <= at < TICKS, with fractions) into the coming block, in order of time

    def place_knob(self, index: int, raw: float, at: float, source: int) -> None:
        """A knob's hand goes to raw 0..1. A parameter acts at once, a playable knob through the chain."""
        raw = min(1.0, max(0.0, raw))
        self.travel.stop(index, float(self.raw[index]))  # whoever takes the knob has it
        self.raw[index] = raw
        self.origin[index] = source
        if index < self.count:
            n = min(self._targets, TARGETS_MAX - 1)
            self._target_knob[n], self._target_value[n], self._target_at[n] = index, raw, at
            self._targets = n + 1
        else:
            self.amounts.put(index, float(self.raw[index]))

    def place_force(self, index: int, push: float, at: float) -> None:
        """A push of ``push`` travels on the knob, held until another one."""
        self._pushed[int(at) :, index] = push
        self._pushing = True

    def place_bridge(self, index: int, target: float, seconds: float) -> None:
        """A hand that goes to raw ``target`` by itself, wandering, and is there after so many seconds exactly."""
        if index < self.count and seconds > 0.0:
            self.travel.bridge(index, float(self.raw[index]), min(1.0, max(0.0, target)), seconds, self.tick)

    def place_scene(self, target: F32, named: NDArray[np.bool_], seconds: float, at: float) -> None:
        """The hands of the ``named`` knobs set out for raw ``target``, both [N], and arrive together. Nobody's hand
        moves them, so everybody is told where they are."""
        tick = self.tick + (int(at) if self.amounts.time >= 1.0 else 0)
        for index in np.flatnonzero(named).tolist():
            here, there = float(self.raw[index]), float(target[index])
            if here == there:
                self.travel.stop(index, here)
            elif self.travel.straight(index, here, there, seconds, tick):
                self.origin[index] = Source.SHOW
            else:
                self.place_knob(index, there, at, Source.SHOW)

    def place_note(self, note: int, velocity: float, at: float, channel: int = 0, note_id: int = 0) -> None:
        """A key down (velocity > 0) or up."""
        self.keys.place(note, velocity, at, channel, note_id)

    def place_sustain(self, down: bool, at: float) -> None:
        """The pedal goes down or up."""
        self.keys.place(PEDAL, float(down), at)

    def place_sostenuto(self, down: bool, at: float) -> None:
        """The middle pedal goes down or up."""
        self.keys.place(SOSTENUTO, float(down), at)

    def place_finger(self, what: int, value: float, at: float, channel: int, note: int = -1, note_id: int = 0) -> None:
        """A finger's bend, pressure or slide (fingers.BEND ...), raw 0..1."""
        self.keys.place_finger(what, value, at, channel, note, note_id)

    def place_all_off(self, at: float) -> None:
        """Every key and the pedal up."""
        self.keys.place(ALL_UP, 0.0, at)

    def silence(self) -> None:
        """Panic: no key is down, and none that came in this block goes down."""
        self.keys.clear()
        self.fingers.forget()

    def place_pressure(self, value: float, at: float, source: int) -> None:
        """Pressure leans on the loudness knob, when there is one."""
        if self._loudness >= 0:
            self.place_knob(self._loudness, value, at, source)

    def obey(self, on: bool) -> None:
        """Hands only: friction, chance and slow time rest from the next block on, and no knob moves by itself."""
        self.hands_only = on
        if on:
            self.mix.replay.stop()
            self.travel.stop_all(self.raw)
        self.refresh()

    # --- the chain

    def step(self, z: F32) -> None:
        """Advance TICKS ticks of the clock; z f32 [V, K, F] is filled in latent units."""
        for index in self.travel.parameters(self.tick, self.raw):
            self.amounts.put(index, float(self.raw[index]))
        if self.amounts.stale:  # once a block, however many parameters moved in it
            self.refresh()
        if self.amounts.time >= 1.0:
            self._chain(TICKS)
            self._phase = 0.0
            self._mark(self._last[1], -1)
        else:
            self._slowly(self.amounts.time)
        self.blocks += 1
        to_latents(
            self.x, self.pitch, self.level, self.notes.leads, self.expressing.own, self.expressing.reach, self._low,
            self._span, self._role, self._bottom, z,
        )  # fmt: skip

    def _slowly(self, time: float) -> None:
        """Ticks of the clock between those of the chain: straight lines."""
        count, before, now = self.count, *self._last
        line = np.empty((TICKS, len(now)))
        for i in range(TICKS):
            self._phase += time
            if self._phase >= 1.0 - 1e-6:  # ten times a tenth, as a knob's float32 has it, is one
                self._phase = self._phase - 1.0 if self._phase > 1.0 + 1e-6 else 0.0
                before[:] = now
                self._target_at[: self._targets] = 0.0
                self.keys.now()
                self._chain(1)
                self._mark(now, 0)
            np.multiply(now - before, self._phase, out=line[i])
            line[i] += before
        knobs, notes = count, count + self.voices
        self.x[:], self.pitch[:], self.level[:] = line[:, :knobs], line[:, knobs:notes].T, line[:, notes:].T

    def _mark(self, into: NDArray[np.float64], tick: int) -> None:
        """Where knobs, notes and levels are at a tick, f64 [K + 2V]."""
        knobs, notes = self.count, self.count + self.voices
        into[:knobs], into[knobs:notes], into[notes:] = self.x[tick], self.pitch[:, tick], self.level[:, tick]

    def _chain(self, ticks: int) -> None:
        """``ticks`` ticks of the chain into the first rows of hand, pos, x, pitch and level.

        Shares of a block's time as in ``Engine.block``, 8 knobs; all of control takes 1.8 %.
        """
        hand, pos, x, amounts = self.hand[:ticks], self.pos[:ticks], self.x[:ticks], self.amounts
        friction = amounts.friction
        # Hand: straight from where it was to where each message of the block put it, at its tick. 0.1 %
        self.ramp.step(self._targets, self._target_knob, self._target_value, self._target_at, friction, hand)
        self._targets = 0
        # Hands that go by themselves (bridges, scenes) come over it. 0.1 %
        self.travel.hands(self.tick, ticks, amounts.chance["bridge"], hand, self.raw)
        # Chance: every source for every knob, sorted by where it enters. 0.6 %, the dearest stage of control
        chance = self.mix.step(self.tick, ticks, amounts.chance)
        at_hand, at_bearing, at_sound = self.mix.active
        # At the hand: friction takes it for what the player did.
        u = add_into(hand, chance[0], self._one, self._u[:ticks]) if at_hand else hand
        # In the bearing: a force beside the hand's, with what pushes the knob (controllers, keys).
        bearing: F32 | None = None
        if at_bearing or self._pushing:
            bearing = np.add(
                chance[1], self._pushed[:ticks] if ticks == TICKS else self._pushed[-1:], out=self._bearing[:ticks]
            )
            self._pushed[:] = self._pushed[-1]
            self._pushing = bool(self._pushed.any())
        # Friction: from the hand to the knob, one mass each. 0.3 %
        self.friction.step(u, friction, bearing, pos)
        # At the sound: past friction, as a voice trembles by itself.
        if at_sound:
            add_into(pos, chance[2], self._one, x)
        else:
            np.copyto(x, pos)
        # Habit and accidents look at what came of it.
        self.mix.after(self.tick, amounts.chance, x, self._home)
        # Keys: note, glide and envelope of each voice; they meet the knobs in to_latents. 0.1 %
        self.keys.step(self.pitch, self.level, ticks)
        self.expressing.step(self.pitch, self.level, ticks)
        self.tick += ticks

    # --- state

    def reseed(self, seed: int) -> None:
        """Chance begins again at tick 0 under another seed."""
        self.travel.reseed(seed, self.tick)
        self.tick = 0
        self.mix.reseed(seed)
        if self.notes.unison is not None:
            self.notes.unison.reseed(seed)

    def _rooms(self) -> dict[str, Any]:
        return {
            "ramp": self.ramp,
            "friction": self.friction,
            "mix": self.mix,
            "travel": self.travel,
            "notes": self.notes,
        }

    def state(self) -> dict[str, Any]:
        """Everything that decides the next tick, copied: dicts of arrays and numbers."""
        return {
            **{name: room.state() for name, room in self._rooms().items()},
            "raw": self.raw.copy(),
            "pushed": self._pushed.copy(),
            "last": self._last.copy(),
            "phase": self._phase,
            "tick": self.tick,
            "blocks": self.blocks,
            "known": self.friction.known.copy(),
            "hands_only": self.hands_only,
            **({"fingers": self.fingers.state()} if self.fingers.moved else {}),
        }

    def set_state(self, state: dict[str, Any], pushes: bool = True) -> None:
        """Back to a state taken by ``state()``; without its ``pushes`` the knobs are pushed as they are now."""
        self.travel.under(int(state["mix"]["seed"]))
        for name, room in self._rooms().items():
            room.set_state(state[name])
        self.fingers.set_state(state.get("fingers", {}))
        self.raw[:], self._last[:] = state["raw"], state["last"]
        if pushes:
            self._pushed[:] = state["pushed"]
        self._pushing = True
        self._phase, self.tick = float(state["phase"]), int(state["tick"])
        self.blocks, self.hands_only = int(state["blocks"]), bool(state["hands_only"])
        self.friction.known[:] = state["known"]
        self.amounts.put_all(self.raw)
        self.refresh()
