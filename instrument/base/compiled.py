"""Compiled: how laws become machine code. Below every kernel of friction and chance, before anything sounds.

No ``fastmath``: the same words and the same additions in the same order, so the same bits at every block size.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba

from instrument.base.machine_code import cache_folder

if not numba.config.CACHE_DIR:  # a player's own NUMBA_CACHE_DIR is the player's choice
    numba.config.CACHE_DIR = str(cache_folder())


def compiled(law: Callable[..., Any]) -> Any:
    """Compile on the first call, keep the machine code on disk.

    The GIL is kept: a kernel lasts some microseconds, and in the audio callback letting go of it would mean asking
    for it back, which can take a switch interval (0.5 ms) when another thread got there first.
    """
    return numba.njit(cache=True, error_model="numpy")(law)


def close(*kernels: Any) -> None:
    """After warming: a call with other dtypes is now a TypeError, not seconds of compiling on stage."""
    for kernel in kernels:
        kernel.disable_compile()
