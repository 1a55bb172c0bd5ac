"""Compiled: how laws become machine code. Below every kernel of friction and chance, before anything sounds.

No ``fastmath``: the same words and the same additions in the same order, so the same bits at every block size.

numba's disk cache notices a change in the kernel's own file only. So a law lives in one file with all that it calls,
or calls what is as good as frozen; whoever does change such a callee deletes ``__pycache__``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from numba import njit


def compiled(law: Callable[..., Any]) -> Any:
    """Compile on the first call, keep the machine code on disk.

    The GIL is kept: a kernel lasts some microseconds, and in the audio callback letting go of it would mean asking
    for it back, which can take a switch interval (0.5 ms) when another thread got there first.
    """
    return njit(cache=True, error_model="numpy")(law)


def close(*kernels: Any) -> None:
    """After warming: a call with other dtypes is now a TypeError, not seconds of compiling on stage."""
    for kernel in kernels:
        kernel.disable_compile()
