"""Settings of the stage process: what show tells it on its command line, as JSON. No imports but plain data."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class StageSettings:
    """``patches``: paths in program order. ``token`` empty: no show, only ``--picture`` of given frames.

    ``width`` and ``height`` in pixels; ``type_scale`` above 1 is the big-type mode; ``reduced_motion`` stills grain,
    halo and the ripple of the line. ``models``: the folder of models, empty for the usual places. ``understudy``: the
    stage needs none (a window opens in a second); a process that is told to be one ends at once.
    """

    token: str = ""
    patches: tuple[str, ...] = ()
    index: int = 0
    models: str = ""
    language: str = "en"
    width: int = 1280
    height: int = 720
    fullscreen: bool = False
    screen: int = 0
    type_scale: float = 1.0
    reduced_motion: bool = False
    understudy: bool = False

    def to_json(self) -> str:
        return json.dumps(dataclasses.asdict(self))

    @classmethod
    def from_json(cls, text: str) -> StageSettings:
        table = json.loads(text)
        table["patches"] = tuple(table.get("patches", ()))
        return cls(**table)
