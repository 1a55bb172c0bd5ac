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

from instrument.engine.acted import AS_IT_WAS, FRESH, WAITS, Acted
from instrument.engine.acts import HEAVY_A_BLOCK, act, without_excess
from instrument.engine.control import QUANTUM, TICK
from instrument.engine.effects.excerpt_player import ExcerptPlayer, PlayedLevel
from instrument.engine.effects.guard import Guard
from instrument.engine.effects.tape_effect import TapeEffect
from instrument.engine.held import HeldKeys
from instrument.engine.layer import Layer
from instrument.engine.layout import STEREO, ChannelLayout
from instrument.engine.snapshot import Snapshot
from instrument.ipc import Gesture, Kind
from instrument.ipc.events import SLOTS, Is, kinds
from instrument.model.atlas.attribution import AUDIBLE

F32 = NDArray[np.float32]

_ASKED_FIRST = kinds(Is.ASKED_FIRST)
SPEAK_SECONDS = 0.02
HURRY_SECONDS = 0.05
REQUESTS_MAX, REQUESTS = 1024, 64
"""How many of them wait at most; and how many, when all that is asked is no change of patch and no recording, of which
the newest has to arrive."""


class Engine:
    """The instrument without its hands and its loudspeaker.

    ``post`` gestures at sample positions, call ``block`` for QUANTUM samples at a time. ``requests`` collects what
    the engine may not do itself (load a patch, start a recording): (kind, number, value) for its owner.
    """

    def __init__(self, layer: Layer, ceiling_db: float = -1.0, layout: ChannelLayout = STEREO) -> None:
        self.layer, self.layout = layer, layout
        layer.fresh = False
        self.rate = layer.voice.sample_rate
        self.sample = 0
        self.ceiling_db = ceiling_db
        self.guard = Guard(layout.count, self.rate, ceiling_db=ceiling_db)
        self.panicked = False
        self.tape = TapeEffect(layout.count, self.rate, layer.seed)
        self.requests: deque[tuple[Kind, int, float]] = deque(maxlen=REQUESTS_MAX)
        self.hearing = ExcerptPlayer(self.rate)
        self._played = PlayedLevel(self.rate, QUANTUM)
        self.resets = 0
        self.held = HeldKeys()
        self.acted: Acted | None = None
        """While a take is written: what acted, to the sample; its owner empties it."""
        self.late = 0
        self.lost = 0
        self.fading = False
        self._leaving: Layer | None = None
        self._incoming: Layer | None = None
        self._waiting: Layer | None = None
        self._fade = 0.0
        self._fade_step = 0.0
        self._due: list[tuple[int, int, Gesture]] = []
        self._order = 0
        self.slots: list[Snapshot | None] = [None] * SLOTS
        self.mix = np.zeros((layout.count, QUANTUM), np.float32)
        self._other = np.zeros((layout.count, QUANTUM), np.float32)
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

    def ask(self, kind: Kind, number: int, value: float) -> None:
        """Leave to the owner what the engine may not do itself."""
        if len(self.requests) < REQUESTS or kind in _ASKED_FIRST:
            self.requests.append((kind, number, value))

    def _place(self) -> None:
        end = self.sample + QUANTUM
        due = self._due
        if not due or due[0][0] >= end:
            return
        now: list[tuple[int, Gesture]] = []
        while due and due[0][0] < end:
            sample, _, gesture = heapq.heappop(due)
            now.append((sample, gesture))
        if len(now) > HEAVY_A_BLOCK:
            now, lost = without_excess(now)
            self.lost += lost
        for sample, gesture in now:
            done = act(self, gesture, max(0, sample - self.sample) / TICK)
            if done is not None and self.acted is not None:
                self.acted.note(sample, done, self.layer)

    # --- patches

    def change(self, layer: Layer) -> None:
        """Hand in a loaded, warmed layer; the next block begins the crossfade to it. Safe from another thread."""
        if layer.voice.sample_rate != self.rate:
            raise ValueError("a layer of another sample rate")
        self._incoming = layer

    def on_stage(self, layer: Layer) -> bool:
        """Whether it sounds, fades, or waits for its turn: then its state is not for others to touch."""
        return layer in (self.layer, self._leaving, self._incoming)

    def hurry(self) -> None:
        """End the fade under way soon: somebody waits."""
        self._fade_step = max(self._fade_step, QUANTUM / (HURRY_SECONDS * self.rate))

    def _take_incoming(self) -> None:
        layer = self._incoming
        if layer is None:
            return
        acted = self.acted
        if self._leaving is not None and layer is not self._leaving and layer is not self.layer:
            # Three at once would mean dropping one in the middle of its sound: the fade under way is hurried instead.
            if acted is not None and self._waiting is not layer:
                acted.note_change(self.sample, layer, WAITS)
            self._waiting = layer
            self.hurry()
            return
        self._incoming = self._waiting = None
        if acted is not None:
            acted.note_change(self.sample, layer, FRESH if layer.fresh else AS_IT_WAS)
        if layer is self.layer:  # the patch that sounds, recalled: its knobs go home through their friction
            for i, knob in enumerate(layer.table):
                layer.control.place_knob(i, knob.start, 0.0, 0)
            layer.scenes.last = -1
            return
        if layer is self._leaving:  # going back before the fade was over: turn it round
            self._leaving, self.layer = self.layer, layer
            self._fade = 1.0 - self._fade
        else:
            self._leaving, self.layer = self.layer, layer
            self._fade = 0.0
        layer.fresh = False
        layer.speaking = layer.take_keys(self.held) or layer.speaking or self._leaving.speaking
        seconds = max(0.005, layer.patch.fade_ms / 1000.0)
        self._fade_step = QUANTUM / (seconds * self.rate)
        self.fading = True

    @property
    def layers(self) -> tuple[Layer, ...]:
        """The layer on stage, and the one that fades away."""
        return (self.layer,) if self._leaving is None else (self.layer, self._leaving)

    # --- the block

    def block(self, out: F32, live: F32 | None = None) -> None:
        """Fill ``out`` f32 [layout.count, QUANTUM] with the next samples; ``live`` f32 [Ci, QUANTUM]: what came in.

        Shares of a block's time (2.67 ms at 48 kHz): medians with the patch bow, a knob moved in every block.
        """
        # A patch that was handed in takes the stage; what the hands did lands on its tick. 0.3 %
        self._take_incoming()
        self._place()
        # Knobs through friction and chance, then the model: 6.3 %, of which the model 4.2 and control 1.8.
        mix = self.mix
        amount = self.layer.control.parameter("input")
        self.layout.spread(self.layer.block(live, amount), mix)
        # While a patch changes the other one is played as well, so a fade costs a second patch.
        if self._leaving is not None:
            self._crossfade(mix, live)
        # The worn tape: nothing, unless its knobs are up.
        model = self.layer.control.amounts.model
        self.tape.step(mix, model.tape, model.tape_drops, self.sample)
        # Level, and silence until somebody has played: a straight line over the block, so that no step is heard.
        aim = self.layer.gain() if self.layer.speaking else 0.0
        if aim != self._gain:
            step = QUANTUM / (SPEAK_SECONDS * self.rate)
            aim = self._gain + min(step, max(-step, aim - self._gain))
            np.multiply(self._ramp, np.float32(aim - self._gain), out=self._gain_curve)
            self._gain_curve += np.float32(self._gain)
            mix *= self._gain_curve
            self._gain = aim
        elif aim != 1.0:
            mix *= np.float32(aim)
        # Whose sounds are near is counted before a neighbour that is heard itself is added. 0.1 %
        alone = self.hearing.sound < 0
        self._count(mix)
        self.hearing.add(mix, self.layer.gain())
        # Whatever was made up to here: no NaN, no offset, no sample above the ceiling leaves. 0.2 %
        self.guard.step(mix, self.panicked)
        # As it is heard, behind the limiter. In the block in which the gain goes to nothing there may still be some.
        if alone and self.guard.rms > AUDIBLE and self._gain > AUDIBLE and not self.panicked:
            self._played.hear((self.guard.rms / self._gain) ** 2)
        # A model that ran away begins again at rest; the guard has faded the block that tripped it.
        if self.guard.tripped:
            self.layer.forget()
            if self._leaving is not None:
                self._leaving.forget()
            self.resets += 1
        np.copyto(out, mix)
        self.sample += QUANTUM

    def _count(self, mix: F32) -> None:
        """Time in which the instrument sounds counts for the sounds that are near, that of excerpts for their own."""
        seconds = QUANTUM / self.rate
        if float(np.vdot(mix, mix)) > AUDIBLE**2 * mix.size and not self.panicked:
            here = math.sin(self._fade * math.pi / 2) ** 2 if self._leaving is not None else 1.0
            if self.layer.place is not None:
                self.layer.place.sounded(here * seconds)
            if self._leaving is not None and self._leaving.place is not None:
                self._leaving.place.sounded((1.0 - here) * seconds)
        if (whose := self.hearing.whose) is not None and not self.panicked:
            whose.played_s[self.hearing.sound] += seconds

    def _crossfade(self, mix: F32, live: F32 | None) -> None:
        """Equal power: two models are not in phase, so a linear fade would dip by 3 dB in the middle. Who leaves hears
        as much as before: with the other's amount it would fall back to its resting note as it fades."""
        assert self._leaving is not None
        other = self._other
        self.layout.spread(self._leaving.block(live, self._leaving.control.parameter("input")), other)
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

    @property
    def loudness(self) -> float:
        """Power of what is played: a neighbouring sound that is asked for is as loud."""
        return self._played.power

    @property
    def coming(self) -> Layer | None:
        """The layer that waits for its turn."""
        return self._incoming

    @property
    def fade(self) -> tuple[float, float]:
        """How far the change of patch is, 0..1, and how far it goes in a block."""
        return self._fade, self._fade_step

    def fade_from(self, leaving: Layer, fade: float, step: float) -> None:
        """Be in the middle of a change of patch, from ``leaving`` to the layer there is."""
        self._leaving, self._fade, self._fade_step, self.fading = leaving, fade, step, True

    def snapshot(self) -> Snapshot:
        """All that decides the next samples, copied."""
        layer = self.layer
        return Snapshot(
            layer.patch.name,
            layer.speaking,
            layer.seed,
            self.sample,
            layer.voice_state(),
            layer.control.state(),
            self.tape.state(),
            self.guard.state(),
            self._gain,
            self._played.state(),
        )

    def restore(self, kept: Snapshot, with_guard: bool = True) -> None:
        """Back to a snapshot of the same patch. Live, the guard keeps its own state so that nothing clicks, and keys
        and pushes are those of now: what was held then and has been let go of since would be so for ever."""
        layer = self.layer
        layer.restore_voice(kept.voice)
        layer.control.set_state(kept.control, pushes=with_guard)
        layer.seed = kept.seed
        layer.speaking = kept.speaking
        if not with_guard:
            layer.speaking |= layer.hold_keys(self.held)
            return
        self.held.adopt(layer.control.notes, layer.control.fingers)
        self.guard.set_state(kept.guard)
        self.tape.set_state(kept.tape)
        self.sample, self._gain = kept.sample, kept.gain
        self._played.set_state(kept.played)
