"""Realtime: what the operating system can do for the sound process, asked for and honestly reported."""

from __future__ import annotations

import contextlib
import ctypes
import gc
import os
import sys

SWITCH_SECONDS = 0.0005
PRIORITY = 60
_MCL_CURRENT, _MCL_FUTURE, _MCL_ONFAULT = 1, 2, 4


def settle() -> None:
    """Before the stream opens: no garbage collection from here on (163 ms were measured), quick thread switches."""
    gc.collect()
    gc.freeze()
    gc.disable()
    sys.setswitchinterval(SWITCH_SECONDS)


def lock_memory() -> bool:
    """Keep every page that is touched in memory. False where the system does not allow it."""
    if not sys.platform.startswith("linux"):
        return False
    with contextlib.suppress(OSError, AttributeError):
        libc = ctypes.CDLL(None, use_errno=True)
        return int(libc.mlockall(_MCL_CURRENT | _MCL_FUTURE | _MCL_ONFAULT)) == 0
    return False


def raise_priority() -> bool:
    """Real-time priority for the calling thread, not for what it starts. False where the system does not allow it.

    A priority that the audio system gave already (a JACK server's own, of its clients) stays.
    """
    if not hasattr(os, "sched_setscheduler"):
        return False
    alone = getattr(os, "SCHED_RESET_ON_FORK", 0)  # Linux has it, other systems with these calls do not
    try:
        if os.sched_getscheduler(0) & ~alone in (os.SCHED_FIFO, os.SCHED_RR):
            return True
        os.sched_setscheduler(0, os.SCHED_FIFO | alone, os.sched_param(PRIORITY))
    except (OSError, PermissionError):
        return False
    return True
