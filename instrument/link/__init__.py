"""Link: what the processes share, and all they share: gestures go one way, frames come the other."""

from __future__ import annotations

from instrument.link.house import Link
from instrument.link.memory import Memory
from instrument.link.pressed import Pressed
from instrument.link.records import (
    AUTHORS_MAX,
    CLIPS_TOLD,
    FRAME,
    HELD,
    NO_SHIFT,
    SLIPPING,
    Flags,
    Frame,
    Gesture,
    Kind,
    Source,
)  # fmt: skip
from instrument.link.rings import FrameRing, GestureRing

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
    "Memory",
    "Pressed",
    "Source",
]  # fmt: skip
