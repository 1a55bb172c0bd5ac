"""What tests wait with: a question asked again and again until it is so, or the test fails."""

from __future__ import annotations

import time
from collections.abc import Callable


def until(is_so: Callable[[], object], seconds: float = 10.0) -> None:
    """Wait for it; what never comes fails the test."""
    end = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < end, f"not so after {seconds} s"
        time.sleep(0.01)
