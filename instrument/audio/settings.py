"""Settings of the sound process: what show tells it on its command line, as JSON. No imports but plain data."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SoundSettings:
    """``patches``: paths in program order. ``device`` empty: the system's own. ``understudy``: wait for the cue."""

    token: str
    patches: tuple[str, ...]
    index: int = 0
    device: str = ""
    block: int = 128
    ahead: int = 0
    input: bool = False
    provider: str = "auto"
    ceiling_db: float = -1.0
    takes: str = "takes"
    models: str = ""
    record: bool = False
    seed: int | None = None
    allow_uncredited: bool = False
    language: str = "en"
    understudy: bool = False
    scenes: Mapping[str, Mapping[str, float]] | None = None
    """Of the patch at ``index`` by slot, instead of its own: those of a take that is played along."""
    blend_ms: float | None = None
    device_waits: bool = False
    """A named device that is not there is waited for, instead of being an error."""
    place: str = ""
    """A folder of the show's own, for what a successor is to find; empty: there is none."""

    def to_json(self) -> str:
        return json.dumps(dataclasses.asdict(self))

    @classmethod
    def from_json(cls, text: str) -> SoundSettings:
        table = json.loads(text)
        table["patches"] = tuple(table["patches"])
        return cls(**table)
