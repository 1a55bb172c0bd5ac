"""Settings of the sound process: what show tells it on its command line, as JSON. Plain data alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from instrument.documents.options import Folders, SoundOptions
from instrument.ipc.worker import WorkerSettings


@dataclass(frozen=True, slots=True)
class SoundSettings(WorkerSettings):
    """What only the sound is told."""

    sound: SoundOptions = field(default_factory=SoundOptions)
    folders: Folders = field(default_factory=Folders)
    record: bool = False
    seed: int | None = None
    allow_uncredited: bool = False
    scenes: Mapping[str, Mapping[str, float]] | None = None
    """Of the patch at ``index`` by slot, instead of its own: those of a take that is played along."""
    blend_ms: float | None = None
    device_waits: bool = False
    """A named device that is not there is waited for, instead of being an error."""
    place: str = ""
    """A folder of the show's own, for what a successor is to find; empty: there is none."""
