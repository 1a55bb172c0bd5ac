"""Terminal keys: what each key does in the terminal of `rosin play`. Beside play; the window's are in stage/input."""

from __future__ import annotations

from instrument.commands.status import Status
from instrument.ipc import Flags, Gesture, Kind, Source
from instrument.run.show import Show

NUDGE = 0.02
TENTH = 10
"""The knob that the key 0 chooses, as on a row of numbers; those beyond are stepped to."""


def press(key: str, show: Show, status: Status, patches: int) -> None:
    """What a key of the terminal does."""
    if key == "w":
        show.open_stage()
    frame = show.frame()
    if frame is None:
        return
    if key == "escape":
        show.gesture(Gesture(Kind.PANIC, source=Source.KEYS))
    elif key == "enter":
        show.gesture(Gesture(Kind.RESUME, source=Source.KEYS))
    elif key == "r":
        recording = bool(frame.flags & Flags.RECORDING)
        show.gesture(Gesture(Kind.RECORD, value=0.0 if recording else 1.0, source=Source.KEYS))
    elif key == "h":
        show.gesture(Gesture(Kind.HEAR, value=1.0, source=Source.KEYS))
    elif key in "np" and patches:
        step = 1 if key == "n" else -1
        show.gesture(Gesture(Kind.PATCH, knob=(frame.patch + step) % patches, source=Source.KEYS))
    elif key.isdecimal():
        status.focus = min(int(key) or TENTH, max(1, frame.playable)) - 1
    elif key in ("left", "right"):
        status.focus = (status.focus + (1 if key == "right" else -1)) % max(1, frame.playable)
    elif key in ("up", "down") and status.focus < frame.playable:
        raw = float(frame.hand[status.focus]) + (NUDGE if key == "up" else -NUDGE)
        raw = min(1.0, max(0.0, raw))
        show.gesture(Gesture(Kind.KNOB, knob=status.focus, value=raw, source=Source.KEYS))
