"""What the tests play must not wear, keep or load anything of the person who runs them, nor of each other."""

from __future__ import annotations

import atexit
import gc
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator

import pytest

_HOME = tempfile.mkdtemp(prefix="rosin-tests-")
os.environ["XDG_DATA_HOME"] = _HOME
atexit.register(shutil.rmtree, _HOME, ignore_errors=True)


@pytest.fixture(autouse=True)
def process_as_it_was() -> Iterator[None]:
    """A test that plays in this very process asks for real-time priority, one core, no collector, a place for models:
    the next test and all that it starts must not have it."""
    environment, interval, collecting = dict(os.environ), sys.getswitchinterval(), gc.isenabled()
    linux = sys.platform.startswith("linux")
    if linux:
        cores, policy, parameters = os.sched_getaffinity(0), os.sched_getscheduler(0), os.sched_getparam(0)
    yield
    if linux:
        os.sched_setaffinity(0, cores)
        os.sched_setscheduler(0, policy, parameters)
    os.environ.clear()
    os.environ.update(environment)
    sys.setswitchinterval(interval)
    if collecting:
        gc.enable()
