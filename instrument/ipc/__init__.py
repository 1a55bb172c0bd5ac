"""Link: what the processes share, and all they share: gestures go one way, frames come the other."""

from __future__ import annotations

from instrument.ipc.events import NO_SHIFT, Kind
from instrument.ipc.memory import SharedMemory
from instrument.ipc.pressed import Pressed
from instrument.ipc.records import (
    AUTHORS_MAX,
    CLIPS_TOLD,
    FRAME,
    Flags,
    Frame,
    Gesture,
    Source,
)
from instrument.ipc.rings import FrameRing, GestureRing
from instrument.ipc.shared_link import Link
from instrument.knobs import HELD, SLIPPING

__all__ = [
    "AUTHORS_MAX",
    "CLIPS_TOLD",
    "FRAME",
    "HELD",
    "NO_SHIFT",
    "SLIPPING",
    "Flags",
    "Frame",
    "FrameRing",
    "Gesture",
    "GestureRing",
    "Kind",
    "Link",
    "Pressed",
    "SharedMemory",
    "Source",
]
