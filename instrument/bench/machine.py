"""Machine: what a figure was measured on. Printed with every bench."""

from __future__ import annotations

import os
import platform
import sys


def machine() -> dict[str, object]:
    """Processor, cores, system, Python and runtime: enough to know which figures may be compared."""
    import numba
    import numpy
    import onnxruntime

    return {
        "processor": _processor(),
        "cores": os.cpu_count() or 0,
        "load_average_1min": os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0,
        "system": platform.platform(),
        "python": sys.version.split()[0],
        "numpy": numpy.__version__,
        "numba": numba.__version__,
        "onnxruntime": onnxruntime.__version__,
    }


def stolen_ms() -> float:
    """Milliseconds, over all cores and since its start, for which this machine wanted a core and the host gave it to
    another (``steal`` of /proc/stat, in steps of 10 ms). 0 on a machine that is not virtual, and where nobody knows.

    A block of the sound that falls into it is lost, whatever the instrument does.
    """
    try:
        with open("/proc/stat", encoding="ascii") as file:
            fields = file.readline().split()
        return 1000.0 * int(fields[8]) / os.sysconf("SC_CLK_TCK")
    except (OSError, ValueError, IndexError):
        return 0.0


def _processor() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            for line in file:
                if line.startswith("model name"):
                    return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()
