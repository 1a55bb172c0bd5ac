"""Denormals off: arithmetic that does not slow down in silence. Around every run of a model, in its own thread.

A fade to silence fills a recurrent state with numbers below 1.2e-38, which cost a CPU 30 to 90 times as much. ONNX
Runtime's ``session.set_denormal_as_zero`` is not enough (1.31, measured): it sets the mode of the first thread that
opens the first session of the process, once for all. A model opened in the background then runs with denormals in
the audio thread. So the mode is set here, per run, and given back afterwards: nothing else in the thread changes,
which keeps a render equal to what was played whatever voice was opened first. Cost: 1 us a run.
"""

from __future__ import annotations

import ctypes
import platform
import sys
from types import TracebackType


def _place() -> tuple[str, int, int, int] | None:
    """Library, bytes of fenv_t, index of the 32-bit control word in it, bits that flush. None: not known here."""
    machine = platform.machine().lower()
    intel, arm = machine in ("x86_64", "amd64", "i686"), machine in ("aarch64", "arm64")
    if sys.platform.startswith("linux"):
        if intel:
            return "libm.so.6", 32, 7, 0x8040  # MXCSR: flush to zero, denormals are zero
        if arm:
            return "libm.so.6", 8, 0, 1 << 24  # FPCR: FZ
    if sys.platform == "darwin":
        if intel:
            return "libSystem.dylib", 16, 1, 0x8040
        if arm:
            return "libSystem.dylib", 16, 2, 1 << 24
    return None


class DenormalsOff:
    """``with off: run()``, in any thread, one at a time; afterwards the thread's mode is what it was before.

    ``works`` is False where the mode cannot be set: then nothing happens. Tested on Linux x86-64.
    """

    def __init__(self) -> None:
        self.works = False
        place = _place()
        if place is None:
            return
        name, size, index, bits = place
        try:
            # PyDLL keeps the GIL: giving it up twice a block would cost more than the call.
            library = ctypes.PyDLL(name)
            self._get, self._set = library.fegetenv, library.fesetenv
        except (OSError, AttributeError):
            return
        self._get.argtypes = self._set.argtypes = [ctypes.c_void_p]
        self._get.restype = self._set.restype = ctypes.c_int
        before, flushing = ((ctypes.c_uint32 * (size // 4))() for _ in range(2))
        self._words = before, flushing
        self._as_it_was, self._flushing = ctypes.cast(before, ctypes.c_void_p), ctypes.cast(flushing, ctypes.c_void_p)
        self._get(self._flushing)
        flushing[index] |= bits
        self.works = True

    def __enter__(self) -> None:
        if self.works:
            self._get(self._as_it_was)
            self._set(self._flushing)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.works:
            self._set(self._as_it_was)


class AsItWas(DenormalsOff):
    """``with AsItWas(): open()`` gives the thread its mode back after something that changes it for good."""

    def __enter__(self) -> None:
        if self.works:
            self._get(self._as_it_was)
