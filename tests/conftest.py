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

AT_ONCE = (
    "test_bench", "test_cli_play", "test_film", "test_hands", "test_learn", "test_link", "test_live",
    "test_neighbours_osc", "test_pushback", "test_show", "test_sound", "test_stage", "test_status", "test_streams",
)  # fmt: skip
"""Files whose tests start shows, servers or windows, or wait for a clock: never two of them at once."""


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """With several workers (``-n 2 --dist loadgroup``) a file stays with one, and all that play stay together."""
    if config.pluginmanager.hasplugin("xdist"):
        for item in items:
            group = "at once" if item.path.name.startswith(AT_ONCE) else item.path.name
            item.add_marker(pytest.mark.xdist_group(group))


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
