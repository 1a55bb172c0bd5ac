"""Settings of the stage process: what show tells it on its command line, and what outlives it. Plain data alone."""

from __future__ import annotations

import dataclasses
import json
import re
from dataclasses import dataclass, field

from instrument.base.validation import check
from instrument.documents.options import StageOptions, shape_of
from instrument.ipc.worker import WorkerSettings

BIG_TYPE = 1.35
"""``type_scale`` of the big-type mode."""


@dataclass(frozen=True, slots=True)
class StageSettings(WorkerSettings):
    """What only the stage is told. ``token`` empty: no show, only ``--picture`` of given frames.

    ``stage``: width and height in pixels, more of them on a finer display where the window ``grows``; ``calm`` stills
    grain and the halo's edge and lowers the ripple of the line to a third. ``models``: the folder of models, empty for
    the usual places. ``rig``: path of the rig file, empty for this machine's. ``listen``: HOST:PORT where OSC is heard,
    empty: as the rig file says. A standby opens a window that nobody sees and draws one picture into it.
    """

    models: str = ""
    stage: StageOptions = field(default_factory=StageOptions)
    grows: bool = False
    rig: str = ""
    listen: str = ""

    @property
    def type_scale(self) -> float:
        """Above 1 in the big-type mode."""
        return BIG_TYPE if self.stage.big_type else 1.0


def size_of(text: str) -> tuple[int, int] | None:
    """Width and height in pixels of ``1920x1080``; None when it says no such thing, or none that a rig may say."""
    found = re.fullmatch(r"\s*(\d{1,5})\s*[x×]\s*(\d{1,5})\s*", text, re.IGNORECASE | re.ASCII)
    if found is None:
        return None
    width, height = int(found[1]), int(found[2])
    return None if check(shape_of(StageOptions), {"width": width, "height": height}) else (width, height)


@dataclass(frozen=True, slots=True)
class WindowMemo:
    """What the window was like, for the next process that opens it: one that comes after a crash shows the same.

    ``shown``: the switches of the wishes that are on. ``scale``: of the light, so that it need not be found again.
    A frozen picture is not among it, because its frames are gone.
    """

    width: int = 0
    height: int = 0
    fullscreen: bool = False
    displays: int = 0
    focus: int | None = None
    shown: tuple[str, ...] = ()
    letters: tuple[bool, ...] = ()
    scale: float = 0.5

    def to_text(self) -> str:
        """Fits into a text of a health row."""
        return json.dumps(dataclasses.astuple(self), separators=(",", ":"))

    @classmethod
    def from_text(cls, text: str) -> WindowMemo | None:
        """None where nothing, or nothing whole, was written."""
        try:
            width, height, fullscreen, displays, focus, shown, letters, scale = json.loads(text)
            return cls(
                int(width),
                int(height),
                bool(fullscreen),
                int(displays),
                None if focus is None else int(focus),
                tuple(str(name) for name in shown),
                tuple(bool(letter) for letter in letters),
                float(scale),
            )
        except (ValueError, TypeError):
            return None
