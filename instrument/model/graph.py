"""Graph: one ONNX graph with its state outside, bound once. Under session, which makes a voice of one or two of them.

The graph is a pure function (inputs, state, noise) -> (outputs, next state). Two IOBindings over two sets of state
buffers take turns: what one run writes the next one reads, nothing is copied and nothing is allocated. Inputs,
noise and outputs live in numpy memory that ONNX Runtime reads and writes in place.

Measured on one core (onnxruntime 1.31): 5 us a run with one state, 1 us more for each further one, Add node included.
RunOptions would add 28 us, so there are none. On CUDA buffers live on the device and inputs are copied in: untested.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort

from instrument.errors import RosinError
from instrument.model import providers
from instrument.model.denormals import AsItWas, DenormalsOff
from instrument.model.voice import F32, NoiseSource, noise_stream

FLOAT = "tensor(float)"
KINDS = ("normal", "uniform")
QUIET = 4
"""Log severity: fatal only. A warning of the runtime must not land in the middle of the terminal's stage."""


@dataclass(frozen=True, slots=True)
class Hiss:
    """One noise input: where its numbers go and where they come from."""

    name: str
    kind: str
    flat: F32


def _session(path: Path, sizes: Mapping[str, int], wanted: Sequence[Any]) -> ort.InferenceSession:
    options = ort.SessionOptions()
    options.log_severity_level = QUIET
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.execution_mode = ort.ExecutionMode.ORT_SEQUENTIAL
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_ALL
    options.add_session_config_entry("session.set_denormal_as_zero", "1")
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.add_session_config_entry("session.inter_op.allow_spinning", "0")
    for name, size in sizes.items():
        options.add_free_dimension_override_by_name(name, size)
    with AsItWas():
        # From the path, not from bytes: the file is mapped and parsed without the GIL.
        return ort.InferenceSession(str(path), options, providers=list(wanted))


def _refusal(path: Path, error: Exception) -> RosinError:
    """What ONNX Runtime said of a file it will not load, as a sentence."""
    said = " ".join(str(error).split())
    if "INVALID_PROTOBUF" in said or "Protobuf parsing failed" in said or "ModelProto does not have a graph" in said:
        return RosinError(f"{path} is not an ONNX file; fetch the model again")
    if re.search(r"opset|ir_?version|IR version", said, re.IGNORECASE):
        return RosinError(
            f"{path} is written for a newer ONNX Runtime than {ort.__version__}; export it with opset 18, or update"
        )
    if "not a registered function" in said or "NOT_IMPLEMENTED" in said:
        return RosinError(f"{path} uses an operation this ONNX Runtime does not know; export it again ({said[-120:]})")
    return RosinError(f"{path} cannot be loaded ({said[:160]}); export it again, or fetch the model again")


class Graph:
    """``inputs`` and ``outputs`` name the fixed arrays with their shapes; all else must be state, noise or bend.

    ``frames`` and ``ratio`` fill the symbolic sizes: F (frames), T (samples), B (1). Fill ``array(name)`` in place,
    call ``run(frame)``, read ``array(name)``. ``fixed_frames`` reads F from a file that fixes it.
    """

    def __init__(
        self,
        path: Path,
        inputs: Mapping[str, tuple[int, ...]],
        outputs: Mapping[str, tuple[int, ...]],
        sizes: Mapping[str, int],
        frames: int,
        noise: NoiseSource,
        wanted: providers.Wanted = "auto",
    ) -> None:
        self.path = path
        self.frames = frames
        self._source = noise
        self._off = DenormalsOff()
        if not path.is_file():
            raise RosinError(f"{path} is missing; fetch the model again")
        self._open(sizes, wanted)
        self._check(inputs, outputs)
        self._bind()
        self.reseed(0)

    # --- opening

    def _open(self, sizes: Mapping[str, int], wanted: providers.Wanted) -> None:
        asked = providers.provider_list(wanted)
        try:
            self._session = _session(self.path, sizes, asked)
        except Exception as error:
            if len(asked) == 1:
                raise _refusal(self.path, error) from None
            # A graph with an operation that only the CPU has cannot be captured: try CUDA without, then the CPU.
            try:
                asked = providers.provider_list(wanted, graph=False)
                self._session = _session(self.path, sizes, asked)
            except Exception:
                asked = [providers.CPU]
                try:
                    self._session = _session(self.path, sizes, asked)
                except Exception as last:
                    raise _refusal(self.path, last) from None
        real = self._session.get_providers()
        self.device = "cuda" if providers.CUDA in real else "cpu"
        self.captured = self.device == "cuda" and asked[0][1]["enable_cuda_graph"] == "1"
        self.where = providers.where(real, self.captured)
        self.notice = providers.notice(wanted, real)
        try:
            self.metadata = dict(self._session.get_modelmeta().custom_metadata_map)
        except (UnicodeDecodeError, RuntimeError):
            raise RosinError(f"{self.path} holds unreadable metadata; fetch the model again") from None

    def _check(self, inputs: Mapping[str, tuple[int, ...]], outputs: Mapping[str, tuple[int, ...]]) -> None:
        """Everything about names, types and sizes that could break a run, refused here in one sentence."""

        def refuse(what: str) -> RosinError:
            return RosinError(f"{self.path}: {what}; export it again")

        ins = {node.name: node for node in self._session.get_inputs()}
        outs = {node.name: node for node in self._session.get_outputs()}
        for node in (*ins.values(), *outs.values()):
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
                if len(have) != len(shape) or any(isinstance(a, int) and a != b for a, b in zip(have, shape, strict=True)):
                    raise refuse(f"{name} has the shape {list(have)} where its card asks for {list(shape)}")
                self.shapes[name] = shape

        def numbers(names: Mapping[str, Any], prefix: str) -> list[str]:
            return sorted((n.removeprefix(prefix) for n in names if n.startswith(prefix)), key=lambda n: (len(n), n))

        self.states = numbers(ins, "state.")
        if self.states != numbers(outs, "next."):
            lonely = set(self.states) ^ set(numbers(outs, "next."))
            raise refuse(f"its states do not pair up (state or next {', '.join(sorted(lonely))} stands alone)")
        for i in self.states:
            after = tuple(outs[f"next.{i}"].shape)
            if len(after) != len(self.shapes[f"state.{i}"]) or any(
                isinstance(a, int) and a != b for a, b in zip(after, self.shapes[f"state.{i}"], strict=True)
            ):
                raise refuse(f"state.{i} and next.{i} have different shapes")
        noises = [name for name in ins if name.startswith("noise.")]
        for name in set(ins) - set(inputs) - set(noises):
            if not name.startswith("state."):
                raise refuse(f"it takes an input {name!r} that no model here has")
        for name in set(outs) - set(outputs):
            if not name.startswith("next."):
                raise refuse(f"it gives an output {name!r} that no model here has")
        self._kinds = self._noise_kinds(noises)
        self._fixed_inputs, self._fixed_outputs = tuple(inputs), tuple(outputs)

    def _noise_kinds(self, names: list[str]) -> dict[str, str]:
        if not names:
            return {}
        try:
            table = json.loads(self.metadata.get("noise", "{}"))
            kinds = {name: table[name] for name in names}
        except (ValueError, KeyError, TypeError, RecursionError):
            raise RosinError(
                f"{self.path} does not say what kind of noise it takes ({', '.join(names)}); export it again"
            ) from None
        for name, kind in kinds.items():
            if kind not in KINDS:
                raise RosinError(f"{self.path}: {name} wants noise of kind {kind!r}, known are normal and uniform")
        return kinds

    def _bind(self) -> None:
        """Make every buffer and both bindings."""
        self._values: dict[str, ort.OrtValue] = {}
        self._arrays: dict[str, F32] = {}
        for name in (*self._fixed_inputs, *self._fixed_outputs, *self._kinds):
            self._values[name], self._arrays[name] = self._buffer(self.shapes[name])
        self._hiss = [Hiss(name, kind, self._arrays[name].reshape(-1)) for name, kind in self._kinds.items()]
        self._sets = [{i: self._buffer(self.shapes[f"state.{i}"]) for i in self.states} for _ in range(2)]
        self._bindings = []
        for now in range(2):
            binding = self._session.io_binding()
            for name in (*self._fixed_inputs, *self._kinds):
                binding.bind_ortvalue_input(name, self._values[name])
            for name in self._fixed_outputs:
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
            if hiss.kind == "normal":
                self._source.normal(stream, first, hiss.flat)
            else:
                self._source.uniform(stream, first, hiss.flat)
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

    def reseed(self, seed: int) -> None:
        self._streams = [noise_stream(hiss.name, seed) for hiss in self._hiss]

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
        for i, (value, array) in self._sets[self._turn].items():
            array.fill(0.0)
            if self.device != "cpu":
                value.update_inplace(array)

    def close(self) -> None:
        """Let go of the session and all buffers."""
        self._bindings.clear()
        self._sets.clear()
        self._values.clear()
        del self._session, self._plain
