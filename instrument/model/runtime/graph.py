"""Graph: one ONNX graph with its state outside, bound once. Under session, which makes a voice of one or two of them.

The graph is a pure function (inputs, state, noise) -> (outputs, next state). Two IOBindings over two sets of state
buffers take turns: what one run writes the next one reads, nothing is copied and nothing is allocated. Inputs,
noise and outputs live in numpy memory that ONNX Runtime reads and writes in place.

Measured on one core (onnxruntime 1.31): 5 us a run with one state, 1 us more for each further one, Add node included.
RunOptions would add 28 us, so there are none. On CUDA buffers live on the device and inputs are copied in: untested.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import onnxruntime as ort

from instrument.base.errors import RosinError
from instrument.model.runtime import providers
from instrument.model.runtime.denormals import DenormalsOff
from instrument.model.runtime.layers import BEND, TAP, layers_from
from instrument.model.runtime.noise_inputs import NoiseInput, noise_kinds
from instrument.model.runtime.opening import open_session
from instrument.model.runtime.voice import F32, NoiseSource, noise_stream

FLOAT = "tensor(float)"

Shape: TypeAlias = tuple["int | str", ...]


def _paired_states(
    ins: Mapping[str, Any],
    outs: Mapping[str, Any],
    shapes: Mapping[str, tuple[int, ...]],
    refuse: Callable[[str], RosinError],
) -> list[str]:
    """The numbers of the states, each of which goes in and comes out in one shape."""

    def numbers(names: Mapping[str, Any], prefix: str) -> list[str]:
        return sorted((n.removeprefix(prefix) for n in names if n.startswith(prefix)), key=lambda n: (len(n), n))

    states = numbers(ins, "state.")
    if states != numbers(outs, "next."):
        lonely = set(states) ^ set(numbers(outs, "next."))
        raise refuse(f"its states do not pair up (state or next {', '.join(sorted(lonely))} stands alone)")
    for i in states:
        after = tuple(outs[f"next.{i}"].shape)
        if len(after) != len(shapes[f"state.{i}"]) or any(
            isinstance(a, int) and a != b for a, b in zip(after, shapes[f"state.{i}"], strict=True)
        ):
            raise refuse(f"state.{i} and next.{i} have different shapes")
    return states


class BoundGraph:
    """``inputs`` and ``outputs`` name the arrays with their shapes, "F" for frames, "T" for samples (F*ratio).

    Symbolic sizes of that name in the file are set to what ``frames`` says (and B to 1); a file that fixes F decides
    itself: see ``frames`` afterwards. Every other input must be a state, a noise or a bend (layers.py); every other
    output a next state or a tap. Fill ``array(name)`` in place, call ``run(frame)``, read ``array(name)``.

    ``rows``: instruments side by side in a file of that batch size; each has noise of a stream of its own.

    ``layers``: what can be bent, neutral; write into it, then call ``send_layers()``. ``temperature``: of the noises
    that have one (hiss.py), 0.
    """

    def __init__(
        self,
        path: Path,
        inputs: Mapping[str, Shape],
        outputs: Mapping[str, Shape],
        ratio: int,
        frames: int,
        noise: NoiseSource,
        wanted: providers.Wanted = "auto",
        rows: int = 1,
    ) -> None:
        self.path = path
        self.rows = rows
        self.frames = frames
        self.ratio = ratio
        self.temperature = 0.0
        self._source = noise
        self._off = DenormalsOff()
        opened = open_session(path, {"F": frames, "T": frames * ratio, "B": 1, "batch": 1}, wanted)
        self._session, self.metadata, self.captured = opened.session, opened.metadata, opened.captured
        self.where, self.notice = opened.where, opened.notice
        self.device = "cuda" if opened.cuda else "cpu"
        self._learn_frames(inputs)
        self._check({n: self._sized(s) for n, s in inputs.items()}, {n: self._sized(s) for n, s in outputs.items()})
        self._bind()
        self.reseed(0)

    # --- opening

    def _learn_frames(self, inputs: Mapping[str, Shape]) -> None:
        for node in self._session.get_inputs():
            for have, asked in zip(node.shape, inputs.get(node.name, ()), strict=False):
                if isinstance(have, int) and asked in ("F", "T"):
                    self.frames = max(1, have if asked == "F" else have // self.ratio)

    def _sized(self, shape: Shape) -> tuple[int, ...]:
        sizes = {"F": self.frames, "T": self.frames * self.ratio}
        return tuple(sizes[size] if isinstance(size, str) else size for size in shape)

    def _check(self, inputs: Mapping[str, tuple[int, ...]], outputs: Mapping[str, tuple[int, ...]]) -> None:
        """Everything about names, types and sizes that could break a run, refused here in one sentence."""

        def refuse(what: str) -> RosinError:
            return RosinError(f"{self.path}: {what}; export it again")

        ins = {node.name: node for node in self._session.get_inputs()}
        outs = {node.name: node for node in self._session.get_outputs()}
        # Initialisers that are inputs too stand apart; those that bend nothing are as good as constants.
        bends = {n.name: n for n in self._session.get_overridable_initializers() if n.name.startswith(BEND)}
        for node in (*ins.values(), *bends.values(), *outs.values()):
            if node.type != FLOAT:
                raise refuse(f"{node.name} is {node.type}, and only float32 is played")
        self.shapes: dict[str, tuple[int, ...]] = {}
        for name, node in ins.items():
            if not all(isinstance(size, int) and size > 0 for size in node.shape):
                raise refuse(f"the size of {name} is left open ({node.shape}) and is none of F, T, B")
            self.shapes[name] = tuple(node.shape)
            if np.prod(node.shape, dtype=np.float64) > 2**26:
                raise refuse(f"{name} is larger than 256 MB")
        for names, table, given in ((inputs, ins, "takes"), (outputs, outs, "gives")):
            for name, shape in names.items():
                if name not in table:
                    raise refuse(f"it {given} no {name}, only {', '.join(sorted(table)) or 'nothing'}")
                have = tuple(table[name].shape)
                if len(have) != len(shape) or any(
                    isinstance(a, int) and a != b for a, b in zip(have, shape, strict=True)
                ):
                    raise refuse(f"{name} has the shape {list(have)} where its card asks for {list(shape)}")
                self.shapes[name] = shape

        self.states = _paired_states(ins, outs, self.shapes, refuse)
        noises = [name for name in ins if name.startswith("noise.")]
        for name in set(ins) - set(inputs) - set(noises):
            if not name.startswith(("state.", BEND)):
                raise refuse(f"it takes an input {name!r} that no model here has")
        for name in set(outs) - set(outputs):
            if not name.startswith(("next.", TAP)):
                raise refuse(f"it gives an output {name!r} that no model here has")
        inner = {name: tuple(node.shape) for name, node in (ins | bends | outs).items()}
        self.layers = layers_from(inner, self.metadata, refuse)
        self._kinds = noise_kinds(self.path, noises, self.metadata)
        self._fixed_inputs, self._fixed_outputs = tuple(inputs), tuple(outputs)

    def _bind(self) -> None:
        """Make every buffer and both bindings."""
        self._values: dict[str, ort.OrtValue] = {}
        self._arrays: dict[str, F32] = {}
        for name in (*self._fixed_inputs, *self._fixed_outputs, *self._kinds):
            self._values[name], self._arrays[name] = self._buffer(self.shapes[name])
        for name in self.layers.names:
            self._arrays[name] = self.layers.view(name)
            self._values[name] = ort.OrtValue.ortvalue_from_numpy(self._arrays[name], self.device, 0)
        self._bends = tuple(name for name in self.layers.names if name.startswith(BEND))
        self._taps = tuple(name for name in self.layers.names if name.startswith(TAP))
        self._hiss = [
            NoiseInput(name, kind, row)
            for name, kind in self._kinds.items()
            for row in self._arrays[name].reshape(self.rows, -1)
        ]
        self._sets = [{i: self._buffer(self.shapes[f"state.{i}"]) for i in self.states} for _ in range(2)]
        self._bindings = []
        for now in range(2):
            binding = self._session.io_binding()
            for name in (*self._fixed_inputs, *self._kinds, *self._bends):
                binding.bind_ortvalue_input(name, self._values[name])
            for name in (*self._fixed_outputs, *self._taps):
                binding.bind_ortvalue_output(name, self._values[name])
            for i in self.states:
                binding.bind_ortvalue_input(f"state.{i}", self._sets[now][i][0])
                binding.bind_ortvalue_output(f"next.{i}", self._sets[1 - now][i][0])
            self._bindings.append(binding)
        self._turn = 0
        self._plain: Any = self._session.run_with_iobinding
        if self.captured:
            # One captured graph per binding, told apart by this id: addresses are frozen in a graph.
            self._options = [ort.RunOptions(), ort.RunOptions()]
            for number, options in enumerate(self._options):
                options.add_run_config_entry("gpu_graph_id", str(number + 1))

    def _buffer(self, shape: tuple[int, ...]) -> tuple[ort.OrtValue, F32]:
        array = np.zeros(shape, np.float32)
        if self.device == "cpu":
            # The OrtValue borrows numpy's memory (the pair must live together): writing the array feeds the graph.
            return ort.OrtValue.ortvalue_from_numpy(array, "cpu", 0), array
        return ort.OrtValue.ortvalue_from_numpy(array, self.device, 0), array

    # --- playing

    def array(self, name: str) -> F32:
        """The memory of an input or output: write before run(), read after."""
        return self._arrays[name]

    def run(self, frame: int) -> None:
        """One step. ``frame``: the model frame it starts at, which is all the noise depends on besides the seed."""
        for hiss, stream in zip(self._hiss, self._streams, strict=True):
            first = frame * hiss.flat.size // self.frames
            if hiss.tempered:
                hiss.temper(self._source, stream, first, self.temperature)
            else:
                hiss.fill(self._source, stream, first)
        if self.device == "cpu":
            with self._off:
                self._plain(self._bindings[self._turn])
        else:
            self._run_on_device()
        self._turn ^= 1

    def _run_on_device(self) -> None:
        for name in (*self._fixed_inputs, *self._kinds):
            self._values[name].update_inplace(self._arrays[name])
        binding = self._bindings[self._turn]
        if self.captured:
            self._plain(binding, self._options[self._turn])
        else:
            self._plain(binding)
        for name in self._fixed_outputs:
            np.copyto(self._arrays[name], self._values[name].numpy())

    def send_layers(self) -> None:
        """What was written into the gains and biases of ``layers`` counts from the next run on."""
        if self.device != "cpu":
            for name in self._bends:
                self._values[name].update_inplace(self._arrays[name])

    def fetch_taps(self) -> None:
        """The taps of the last run are in ``layers.tap`` from now on, on the CPU they are there anyway."""
        if self.device != "cpu":
            for name in self._taps:
                np.copyto(self._arrays[name], self._values[name].numpy())

    def reseed(self, seed: int) -> None:
        self._streams = [noise_stream(hiss.name, seed) for hiss in self._hiss]

    def reseed_row(self, row: int, seed: int) -> None:
        """The noise of one row alone is that of ``seed`` from the next run on."""
        for i in range(row, len(self._hiss), self.rows):
            self._streams[i] = noise_stream(self._hiss[i].name, seed)

    # --- state

    def state(self) -> dict[str, F32]:
        """The arrays the next run will read; valid until then, on the CPU they are the buffers themselves."""
        now = self._sets[self._turn]
        if self.device == "cpu":
            return {i: array for i, (_, array) in now.items()}
        return {i: value.numpy() for i, (value, _) in now.items()}

    def set_state(self, arrays: Mapping[str, F32]) -> None:
        for i, (value, array) in self._sets[self._turn].items():
            np.copyto(array, arrays[i])
            if self.device != "cpu":
                value.update_inplace(array)

    def reset(self) -> None:
        for value, array in self._sets[self._turn].values():
            array.fill(0.0)
            if self.device != "cpu":
                value.update_inplace(array)

    def reset_row(self, row: int) -> None:
        """One row alone begins from rest; of the others, what the device has and not what was last sent there."""
        for value, array in self._sets[self._turn].values():
            if self.device != "cpu":
                array[:] = value.numpy()
            array[row] = 0.0
            if self.device != "cpu":
                value.update_inplace(array)

    def close(self) -> None:
        """Let go of the session and all buffers."""
        self._bindings.clear()
        self._sets.clear()
        self._values.clear()
        del self._session, self._plain
