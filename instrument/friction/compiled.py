"""Compiled: how the laws of this room become machine code. Below every kernel of friction, before anything sounds.

No ``fastmath``: the same operations in the same order, so the same bits at every block size.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from numba import njit


def compiled(law: Callable[..., Any]) -> Any:
    """Compile on the first call, keep the machine code on disk, leave the interpreter free while it runs."""
    return njit(cache=True, nogil=True, error_model="numpy")(law)


def close(*kernels: Any) -> None:
    """After warming: a call with other dtypes is now a TypeError, not seconds of compiling on stage."""
    for kernel in kernels:
        kernel.disable_compile()
