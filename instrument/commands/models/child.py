"""Models' child: the process that tries a model, for `rosin models verify`, `rosin check` and `rosin import`.

    python -m instrument.commands.models.child REQUEST

What it finds it writes as a line of JSON each, and ``null`` at the end (model/report/trial.py reads them).
"""

from __future__ import annotations

import dataclasses
import json
import os
import sys
from pathlib import Path

from instrument.chance.noise import Noise
from instrument.model.report.trial import limit
from instrument.model.report.verify import findings


def main(request: str) -> int:
    """Everything that is found of one model."""
    asked = json.loads(request)
    answer = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # whatever a library prints is no finding
    limit()
    found = findings(
        Path(asked["path"]),
        Noise(0),
        shipped=asked["shipped"],
        allow_uncredited=asked["allow_uncredited"],
        given=[Path(one) for one in asked["given"]],
        language=asked["language"],
    )
    for one in found:
        print(json.dumps(dataclasses.asdict(one)), file=answer, flush=True)
    print("null", file=answer, flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
