"""Collector: Python's own, out of the way while a piece of work is timed."""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Iterator


@contextlib.contextmanager
def without_collector() -> Iterator[None]:
    """A test process holds torch and all the tests: to go through that takes 0.3 s, and is nobody's work here."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
