"""Opening: an ONNX file becomes a session, or one sentence says why not. Under graph.

One thread, in order, no spinning, denormals off, every optimisation, and not a word on the terminal.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import onnxruntime as ort

from instrument.base.errors import RosinError
from instrument.model.gate.onnx_gate import check_graph
from instrument.model.runtime import providers
from instrument.model.runtime.denormals import AsItWas

QUIET = 4
"""Log severity: fatal only. A warning of the runtime must not land in the middle of the terminal's stage."""


@dataclass(frozen=True, slots=True)
class Opened:
    """A session and the truth about it."""

    session: ort.InferenceSession
    cuda: bool
    captured: bool
    where: str
    notice: str
    metadata: Mapping[str, str]


def _session(path: Path, sizes: Mapping[str, int], asked: Sequence[Any]) -> ort.InferenceSession:
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
        return ort.InferenceSession(str(path), options, providers=list(asked))


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


def open_session(path: Path, sizes: Mapping[str, int], wanted: providers.Wanted) -> Opened:
    """``sizes``: what the symbolic sizes of the file are set to, by name. RosinError for a file that will not load."""
    check_graph(path, sizes)
    tries = [providers.provider_list(wanted)]
    if len(tries[0]) > 1:
        # An operation that only the CPU has cannot be part of a CUDA graph: then CUDA without one, then the CPU.
        tries += [providers.provider_list(wanted, graph=False), [providers.CPU]]
    for asked in tries:
        try:
            session = _session(path, sizes, asked)
            break
        except Exception as error:
            refusal = _refusal(path, error)
    else:
        raise refusal
    real = session.get_providers()
    cuda = providers.CUDA in real
    captured = cuda and len(asked) > 1 and asked[0][1]["enable_cuda_graph"] == "1"
    try:
        metadata = dict(session.get_modelmeta().custom_metadata_map)
    except (UnicodeDecodeError, RuntimeError):
        raise RosinError(f"{path} holds unreadable metadata; fetch the model again") from None
    return Opened(session, cuda, captured, providers.where(real, captured), providers.notice(wanted, real), metadata)
