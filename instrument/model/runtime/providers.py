"""Providers: what a model really runs on, said in plain words. Beside graph, which asks for it.

onnxruntime-gpu lists CUDA on every machine and falls back to the CPU without a word. So the only truth is
``session.get_providers()`` after creation; a fall-back that the player did not want is said once, in ``notice``.
The CUDA path is written from the documentation and untested: no machine with a GPU was at hand.
"""

from __future__ import annotations

import contextlib
import ctypes
import io
import sys
from pathlib import Path
from typing import Any, Literal

Wanted = Literal["auto", "cpu", "cuda"]

CPU = "CPUExecutionProvider"
CUDA = "CUDAExecutionProvider"

NO_DRIVER = "CUDA was asked for but there is no NVIDIA driver here; the model runs on the CPU"
NOT_STARTED = (
    "CUDA was asked for but ONNX Runtime could not start it; the model runs on the CPU: "
    "install CUDA 13 and cuDNN 9 (pip install 'onnxruntime-gpu[cuda,cudnn]')"
)
"""What ``notice`` says."""

CUDA_OPTIONS = {
    # EXHAUSTIVE tries every algorithm at the first run: seconds, and another choice each time.
    "cudnn_conv_algo_search": "HEURISTIC",
    "cudnn_conv_use_max_workspace": "1",
    "do_copy_in_default_stream": "1",
}


def has_nvidia_driver() -> bool:
    """Whether a CUDA driver can be loaded at all: asked first, because asking ONNX Runtime is slow and noisy."""
    name = "nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1"
    try:
        ctypes.CDLL(name)
    except OSError:
        return False
    return True


def provider_list(wanted: Wanted, graph: bool = True) -> list[Any]:
    """What to ask of InferenceSession, best first. Loads the CUDA libraries when it asks for CUDA."""
    if wanted == "cpu" or not has_nvidia_driver():
        return [CPU]
    import onnxruntime

    if CUDA not in onnxruntime.get_available_providers():
        return [CPU]
    if hasattr(onnxruntime, "preload_dlls"):
        # It prints what it did not find; the truth is told later, by the session.
        with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(Exception):
            onnxruntime.preload_dlls()
    return [(CUDA, {**CUDA_OPTIONS, "enable_cuda_graph": "1" if graph else "0"}), CPU]


def gpu_name() -> str:
    """The name on the card, or "" when the driver does not tell."""
    for path in sorted(Path("/proc/driver/nvidia/gpus").glob("*/information")):
        with contextlib.suppress(OSError):
            for line in path.read_text(errors="replace").splitlines():
                if line.startswith("Model:"):
                    return line.partition(":")[2].strip()
    return ""


def where(session_providers: list[str], graph: bool = False) -> str:
    """One plain sentence on what runs where, from ``session.get_providers()``."""
    if CUDA in session_providers:
        name = gpu_name()
        on = f"CUDA ({name})" if name else "CUDA"
        return f"the model runs on {on}" + (", as one CUDA graph" if graph else "")
    return "the model runs on the CPU (one thread)"


def notice(wanted: Wanted, session_providers: list[str]) -> str:
    """What the player has to be told once: empty when the model runs where it was asked to."""
    if wanted != "cuda" or CUDA in session_providers:
        return ""
    return NOT_STARTED if has_nvidia_driver() else NO_DRIVER
