"""Layer: one patch on stage - its voice, its knobs in motion. The engine fades from one to the next.
Between control and engine.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from instrument.base.errors import RosinError
from instrument.chance.accident import Accident
from instrument.chance.words import stream_id
from instrument.documents.patch import Patch, table_of
from instrument.engine.control import QUANTUM, TICK, ControlChain
from instrument.engine.held import HeldKeys
from instrument.engine.live import Live
from instrument.engine.scenes import Scenes
from instrument.engine.voices.chorus import Chorus
from instrument.ipc import Source
from instrument.knobs import KnobTable
from instrument.model.atlas.excerpts import Excerpts
from instrument.model.runtime.rows import VoiceRows
from instrument.model.runtime.voice import Voice, VoiceState

F32 = NDArray[np.float32]


LOOK_BLOCKS = 4
"""How often the latents are looked up: 94 times a second."""


class Place(Protocol):
    """What an atlas (model/atlas/atlas.py) tells, or a double of it in tests; rewritten in place by ``look``."""

    @property
    def known(self) -> float: ...
    @property
    def unknown(self) -> float: ...

    nearest: NDArray[np.int32]
    weight: F32
    share: F32
    top: NDArray[np.int32]
    top_share: F32
    excerpts: Excerpts | None
    heard_s: NDArray[np.float64]
    played_s: NDArray[np.float64]

    def look(self, z: F32, dt_s: float) -> None: ...
    def sounded(self, seconds: float) -> None: ...
    def settle(self) -> None: ...
    def load_excerpts(self) -> None: ...
    @property
    def has_excerpts(self) -> bool: ...


class LatentSource(Protocol):
    """What a layer may be told its latents by instead of its control: a stream that is listened to again."""

    at: int
    gain: float

    def next_into(self, z: F32) -> None: ...


class Layer:
    """One patch on stage: its voice, its knobs in motion."""

    def __init__(
        self,
        patch: Patch,
        voice: Voice,
        index: int = 0,
        seed: int | None = None,
        credits: str = "",
        rows: VoiceRows | None = None,
    ) -> None:
        """``rows``: of the same model, as many as the patch has voices, where it has several."""
        self.patch = patch
        self.voice = voice
        self.index = index
        self.credits = credits
        self.patch_seed = patch.seed if seed is None else seed
        self.seed = self.patch_seed
        self.table: KnobTable = table_of(patch, voice.latents)
        self.scenes = Scenes(self.table, patch.scenes, patch.blend_ms)
        self.correlation = correlation_of(voice, self.table)
        self.control = self._control(self.seed)
        self.place: Place | None = None
        """Where in the training sounds the latents are, when the model can tell."""
        self.stream: LatentSource | None = None
        """Set: the model is told what it was told then, and the knobs rest."""
        self.fresh = True
        """It stands as the patch begins: nothing was played on it since it was opened or recalled."""
        self.wrong = ""
        """What is wrong with the scenes kept beside the patch, else empty."""
        self.accident_keys: dict[int, int] = {}
        self.accidents: dict[str, Accident] = {}
        self._learned_at: dict[Path, int] = {}
        self.speaking = patch.sounds == "always"
        latents = len(voice.latents)
        frames = voice.frames
        self._frame_ticks = max(1, voice.ratio // TICK) if voice.ratio <= QUANTUM else QUANTUM // TICK
        self.z = np.zeros((self.control.voices, latents, frames), np.float32)
        """What the model is told of each voice, f32 [V, L, F]."""
        self.chorus: Chorus | None = None
        if rows is not None:
            self.chorus = Chorus(rows, voice.channels, QUANTUM, patch.notes == "unison", patch.width)
        channels = voice.channels if self.chorus is None else self.chorus.channels
        self.audio = np.zeros((channels, QUANTUM), np.float32)
        self.live = Live(patch, voice)
        self.voice.reseed(self.seed, 0)

    def _control(self, seed: int) -> ControlChain:
        control = ControlChain(self.patch, self.table, self.voice.sample_rate, seed, self.correlation)
        for name, accident in getattr(self, "accidents", {}).items():
            control.mix.replay.learn(stream_id(name), accident, control.mix.names)
        return control

    def gain(self) -> float:
        """Linear gain of the level."""
        return self.control.gain() if self.stream is None else self.stream.gain

    def learn(self, accident: Accident) -> None:
        """Have a kept accident ready, and the key the patch gives it. Not for the thread that plays."""
        self.accidents[accident.name] = accident
        self.control.mix.replay.learn(stream_id(accident.name), accident, self.control.mix.names)
        mine = self.patch.accidents.get(accident.name)
        if mine is not None:
            self.accident_keys[mine] = stream_id(accident.name)

    def learn_all(self, folder: Path, known: bool = False) -> list[str]:
        """Every accident kept in a folder; what is wrong with those that are none, a sentence each.

        ``known``: those of an earlier look need not be read again.
        """
        wrong = []
        for path in sorted(folder.glob("*.npz")):
            at = path.stat().st_mtime_ns
            if known and self._learned_at.get(path) == at:
                continue
            self._learned_at[path] = at
            try:
                self.learn(Accident.read(path))
            except RosinError as error:
                wrong.append(str(error))
        return wrong

    def block(self, live: F32 | None, input_amount: float) -> F32:
        """Advance one quantum; returns audio f32 [C, QUANTUM], valid until the next call."""
        if self.stream is not None:
            if self.place is not None and self.stream.at % LOOK_BLOCKS == 0:
                self.place.look(self.z[0, :, -1], LOOK_BLOCKS * QUANTUM / self.voice.sample_rate)
            self.stream.next_into(self.z)
            self.voice.decode(self.z[0], self.audio)
            return self.audio
        control, voice = self.control, self.voice
        if self.place is not None and control.blocks % LOOK_BLOCKS == 0:
            heard = self.z[control.notes.foremost, :, -1]
            self.place.look(heard, LOOK_BLOCKS * QUANTUM / voice.sample_rate)
            control.friction.known[:] = self.place.known
        control.step(self.z)
        model = control.amounts.model
        voice.temperature = model.temperature
        voice.bend(model.bend)
        voice.wear(model.wear)
        self.live.hear(live, input_amount, control, voice, self.z)
        if (chorus := self.chorus) is None:
            voice.decode(self.z[0], self.audio)
            return self.audio
        # Of many voices only those that sound: 10 % of a block for one to eight of a shipped model.
        chorus.step(self.z, control.level, control.notes.voices, self.seed, control.notes.leads, control.hand_loudness)
        chorus.mix(self.audio)
        return self.audio

    def hears(self, live: F32) -> bool:
        """Whether what comes in at the device is heard now: no gesture says it."""
        can = self.live.mode != "off" and self.stream is None
        return can and self.control.parameter("input") > 0.0 and bool(live.any())

    def recall(self) -> None:
        """Back to how the patch starts; only while it is not sounding."""
        self.control = self._control(self.patch_seed)
        self.seed = self.patch_seed
        self.speaking = self.patch.sounds == "always"
        self.scenes.last = -1
        self.z[:] = 0.0  # (the atlas looks at the last latents: those of another evening are none)
        self.forget()
        self.voice.reseed(self.seed, 0)
        self.fresh = True

    def forget(self) -> None:
        """The model's own memory is empty, of every voice; the noise goes on."""
        self.voice.reset()
        if self.chorus is not None:
            self.chorus.reset()

    def voice_state(self) -> VoiceState:
        """All that the model remembers, copied."""
        kept = self.voice.snapshot()
        return kept if self.chorus is None else replace(kept, arrays={**kept.arrays, **self.chorus.state()})

    def restore_voice(self, kept: VoiceState) -> None:
        """Back to a ``voice_state``. RosinError when it is another model's, or of another number of voices."""
        own = {name: array for name, array in kept.arrays.items() if name.startswith("rows.")}
        if self.chorus is not None:
            self.chorus.set_state(own)
        elif own:
            raise RosinError(f"this snapshot is of many voices, and {self.patch.name} plays one; take it again")
        self.voice.restore(replace(kept, arrays={n: a for n, a in kept.arrays.items() if n not in own}))

    def take_keys(self, held: HeldKeys) -> bool:
        """Coming on stage: what hands hold down is held here too. True when a key of theirs sounds."""
        sounds = self.hold_keys(held)
        if held.pressure > 0.0:
            self.control.place_pressure(held.pressure, 0.0, Source.SHOW)
        return sounds

    def hold_keys(self, held: HeldKeys) -> bool:
        """Keys, fingers, pedal and bend alone: the knob that pressure leans on stays. True when a key sounds."""
        plays = self.patch.notes != "off"
        presses = [press for press in held.presses if plays and press.note not in self.accident_keys]
        kept = [press for press in held.kept if plays and press.note not in self.accident_keys]
        for (channel, note, note_id, what), value in held.fingers.items():
            if note < 0 and not note_id:  # where the notes that speak now begin
                self.control.fingers.say(what, value, (), 0.0, channel)
        self.control.notes.hold(presses, kept, held.pedal, held.bend)
        for (channel, note, note_id, what), value in held.fingers.items():
            self.control.place_finger(what, value, 0.0, channel, note, note_id)
        return bool(presses or kept)

    def warm(self) -> None:
        """Decode in silence, so that the first heard block is as quick as the others."""
        self.voice.warm()
        if self.chorus is not None:
            self.chorus.rows.warm()

    def recording_notes(self, also: str = "") -> dict[str, str]:
        """What is written into every recording: what was played, on what, and who is owed for it."""
        card = self.voice.card
        played = f"patch {self.patch.name}, seed {self.seed}, model {card.sha256 or card.name}"
        return {
            "title": self.patch.name,
            "artist": self.patch.author,
            "software": "Rosin",
            "copyright": f"model {card.title.en} ({card.licence}) by {', '.join(card.authors)}",
            "comment": "; ".join(filter(None, (self.credits, also, played))),
        }

    def reseed(self, seed: int) -> None:
        """Every chance of this layer begins again under ``seed``."""
        self.seed = seed
        self.control.reseed(seed)
        self.voice.reseed(seed, 0)


def correlation_of(voice: Voice, table: KnobTable) -> NDArray[np.float64] | None:
    """Which latents went together in the training sound: f64 [K, K], or None where the card does not tell."""
    count = table.playable_count
    matrix = np.array(voice.card.correlation, np.float64)
    return matrix if matrix.shape == (count, count) else None
