"""``python -m instrument``: the command line; with no verb, what a bug report needs."""

from __future__ import annotations

import platform
import sys
from importlib import metadata

from instrument.base.streams import Streams
from instrument.cli import main


def report() -> str:
    """Versions of everything that sounds."""
    lines = [f"python {platform.python_version()} on {platform.platform()}"]
    for name in (
        "rosin",
        "numpy",
        "numba",
        "onnxruntime",
        "onnxruntime-gpu",
        "sounddevice",
        "soundfile",
        "supriya-midi",
        "mido",
        "python-osc",
    ):
        try:
            lines.append(f"{name} {metadata.version(name)}")
        except metadata.PackageNotFoundError:
            lines.append(f"{name} -")
    return "\n".join(lines)


if __name__ == "__main__":
    if len(sys.argv) == 1:
        with Streams() as streams:
            print(report())
            if said := streams.unwritten():
                print(f"rosin: {said}", file=sys.stderr)
            sys.exit(2 if said else 0)
    sys.exit(main())
