"""Session: a model folder as a voice. After chance, before sound; the counterpart with weights of null.py.

Opening reads the card, checks every file against it, runs the graph once and refuses a model that is broken in any
way with one sentence. It is made for a background thread: files are given by path and hashed in pieces, so the GIL is
never held for more than about a millisecond (measured with 38 MB of weights: 51 ms to open, longest hold 0.7 ms).
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from instrument.base.errors import RosinError
from instrument.knobs import LatentSpec
from instrument.model.library.card import DECODE, ENCODE, read_card
from instrument.model.library.credit_lines import credits_line
from instrument.model.library.credits import gate
from instrument.model.library.sealing import check_files
from instrument.model.runtime.bending import Bending, clipped
from instrument.model.runtime.graph import BoundGraph
from instrument.model.runtime.providers import Wanted
from instrument.model.runtime.voice import (
    F32,
    F64,
    QUANTUM,
    TEMPERATURE_MAX,
    NoiseSource,
    VoiceState,
    check_state,
    noise_stream,
)
from instrument.model.runtime.wear import AUDIBLE, EVERY, Wear

SLOWEST, SLOWEST_S = 20.0, 1.0
"""Times real time, and seconds, that the first call may take: it also makes the runtime's own memory."""
FIRST_CALLS = 3
"""Of a graph that seems too slow: the least counts, as a machine that stood still counts as the thread's own time."""


def _timed_run(graph: BoundGraph) -> float:
    """Seconds of this thread that one run takes: what other programs do is not the model's."""
    begin = time.thread_time()
    try:
        graph.run(0)
    except Exception as error:
        said = " ".join(str(error).split())[:160]
        raise RosinError(f"{graph.path} does not run ({said}); export it again") from None
    return time.thread_time() - begin


class OnnxVoice:
    """A trained voice. ``frames``: F, at best ``quantum // ratio``; a file that fixes F decides (see quantum.py)."""

    def __init__(
        self,
        folder: Path,
        noise: NoiseSource,
        quantum: int = QUANTUM,
        providers: Wanted = "auto",
        allow_uncredited: bool = False,
    ) -> None:
        self.card = read_card(folder)
        check_files(self.card, folder)
        self.lineage = gate(self.card, folder, allow_uncredited)
        self.credited = self.lineage is not None
        self.credits = credits_line(self.lineage)
        self.latents: tuple[LatentSpec, ...] = self.card.specs
        self.sample_rate = self.card.sample_rate
        self.ratio = self.card.ratio
        self.channels = self.card.channels
        self.latency_samples = self.card.delay_samples
        wide, deep = self.channels, len(self.latents)
        frames = max(1, quantum // self.ratio)
        self._decoder = BoundGraph(
            folder / DECODE, {"z": (1, deep, "F")}, {"audio": (1, wide, "T")}, self.ratio, frames, noise, providers
        )
        self.frames = self._decoder.frames
        self._encoder: BoundGraph | None = None
        if ENCODE in self.card.files:
            self._encoder = BoundGraph(
                folder / ENCODE,
                {"audio": (1, wide, "T")},
                {"mean": (1, deep, "F"), "std": (1, deep, "F")},
                self.ratio,
                self.frames,
                noise,
                providers,
            )
            if self._encoder.frames != self.frames:
                raise RosinError(
                    f"{folder}: {DECODE} works on {self.frames} frames and {ENCODE} on {self._encoder.frames}; "
                    "export both alike"
                )
            self._ear, self._mean = self._encoder.array("audio")[0], self._encoder.array("mean")[0]
            self._std = self._encoder.array("std")[0]
        self.can_encode = self._encoder is not None
        self.where, self.notice = self._decoder.where, self._decoder.notice
        self._z, self._audio = self._decoder.array("z")[0], self._decoder.array("audio")[0]
        self._model = self.card.sha256 or self.card.name
        self._seed = self._frame = self._heard = 0
        self._source, self._temperature = noise, 0.0
        # Drawn frame by frame, so that where a frame lies in a call changes nothing.
        self._spread = np.zeros((self.frames, deep), np.float32)
        self._posterior = noise_stream("posterior", 0)
        layers = self._decoder.layers
        self.can_bend = bool(layers.bendable)
        self._bending = Bending(layers, noise)
        self._wear = Wear(layers, EVERY * self.frames * self.ratio / self.sample_rate)
        self._bend = self._worn = 0.0
        self._tapped, self._blocks = bool(layers.tapped), 0
        self._first_sound(folder)

    def _first_sound(self, folder: Path) -> None:
        """One run of each graph at rest: what cannot even do this must not reach the stage."""
        self._z[:] = np.array([[spec.start] for spec in self.latents], np.float32)
        for graph, name in ((self._decoder, "audio"), (self._encoder, "mean"), (self._encoder, "std")):
            if graph is None:
                continue
            plays = graph.frames * self.ratio / self.sample_rate
            most = max(SLOWEST_S, SLOWEST * plays)
            took, calls = _timed_run(graph), 1
            while most < took < 10.0 * most and calls < FIRST_CALLS:
                took, calls = min(took, _timed_run(graph)), calls + 1
            if took > most:
                raise RosinError(
                    f"{graph.path} takes {took:.1f} s for {1000.0 * plays:.0f} ms of sound, and cannot be played here; "
                    "choose a smaller model"
                )
            if not np.isfinite(graph.array(name)).all():
                raise RosinError(f"{graph.path} gives no finite {name} at rest; train it again, or fetch it again")
            if not all(np.isfinite(array).all() for array in graph.state().values()):
                raise RosinError(f"{graph.path} gives no finite state at rest; train it again, or fetch it again")
        self.reset()

    # --- playing

    def decode(self, z: F32, out: F32) -> None:
        """z f32 [L, F] to out f32 [C, F*ratio]."""
        self._z[:] = z
        try:
            self._decoder.run(self._frame)
        except Exception:  # a place that is not there, a division by nothing: the guard takes it for a runaway
            self._audio.fill(np.nan)
        self._frame += self.frames
        out[:] = self._audio
        if self._tapped:
            self._blocks += 1
            if self._blocks == EVERY:
                self._blocks = 0
                if self._audio.max() > AUDIBLE:  # false for a NaN too
                    self._decoder.fetch_taps()
                    self._wear.listen()

    def encode(self, audio: F32, mean: F32) -> None:
        """audio f32 [C, F*ratio] to mean f32 [L, F]; the encoder's own state goes on."""
        if self._encoder is None:
            raise RosinError(f"the model {self.card.name!r} has no ears; choose one with an encoder to play through it")
        self._ear[:] = audio
        with contextlib.suppress(Exception):  # then it hears what it heard last
            self._encoder.run(self._heard)
        mean[:] = self._mean
        if self._temperature > 0.0:
            self._source.normal(self._posterior, self._heard * len(self.latents), self._spread.reshape(-1))
            self._spread *= self._temperature
            self._spread *= self._std.T
            mean += self._spread.T
        self._heard += self.frames

    def reseed(self, seed: int, frame: int) -> None:
        self._seed = seed
        self._frame = self._heard = frame
        for graph in (self._decoder, self._encoder):
            if graph is not None:
                graph.reseed(seed)
        self._posterior = noise_stream("posterior", seed)
        self._bending.reseed(seed)
        if self._bend or self._worn:
            self._dress()

    # --- settings of the model itself

    @property
    def temperature(self) -> float:
        return self._temperature

    @temperature.setter
    def temperature(self, value: float) -> None:
        if value == self._temperature:  # set in every block
            return
        self._temperature = clipped(value, TEMPERATURE_MAX, self._temperature)
        for graph in (self._decoder, self._encoder):
            if graph is not None:
                graph.temperature = self._temperature

    def bend(self, amount: float) -> None:
        """As Voice says; nothing to do while the amount stands still."""
        if amount != self._bend and self.can_bend and (amount := clipped(amount, 1.0, self._bend)) != self._bend:
            self._bend = amount
            self._dress()

    def wear(self, amount: float) -> None:
        """As Voice says; nothing to do while the amount stands still."""
        if amount != self._worn and self._tapped and (amount := clipped(amount, 1.0, self._worn)) != self._worn:
            self._worn = amount
            self._dress()

    def _dress(self) -> None:
        """Gains and biases of all layers anew."""
        self._bending.write(self._bend)
        self._wear.write(self._worn)
        self._decoder.send_layers()

    def usage(self) -> dict[str, F64]:
        return self._wear.usage()

    def load_usage(self, usage: Mapping[str, F64]) -> None:
        self._wear.load(usage)
        if self._worn:
            self._dress()

    # --- state

    def _arrays(self) -> dict[str, F32]:
        arrays = {f"decode.{i}": array for i, array in self._decoder.state().items()}
        if self._encoder is not None:
            arrays.update({f"encode.{i}": array for i, array in self._encoder.state().items()})
        return arrays

    def snapshot(self) -> VoiceState:
        arrays: dict[str, NDArray[Any]] = {**self._arrays(), "heard": np.array([self._heard], np.int64)}
        return VoiceState(self._model, self._seed, self._frame, arrays)

    def restore(self, state: VoiceState) -> None:
        check_state(state, self._model, {**{n: a.shape for n, a in self._arrays().items()}, "heard": (1,)})
        for graph, prefix in ((self._decoder, "decode."), (self._encoder, "encode.")):
            if graph is not None:
                graph.set_state({i: state.arrays[prefix + i] for i in graph.states})
        self.reseed(state.seed, state.frame)
        self._heard = int(state.arrays["heard"][0])

    def reset(self) -> None:
        for graph in (self._decoder, self._encoder):
            if graph is not None:
                graph.reset()

    def warm(self, runs: int = 20) -> None:
        """Also what makes CUDA capture its graphs, so at least 4 runs for each of the two bindings."""
        state = self.snapshot()
        for graph, number in ((self._decoder, runs), (self._encoder, runs)):
            for _ in range(number if graph is not None else 0):
                assert graph is not None
                graph.run(0)
        self.restore(state)

    def close(self) -> None:
        """Gives the memory back. The voice cannot play afterwards."""
        for graph in (self._decoder, self._encoder):
            if graph is not None:
                graph.close()
