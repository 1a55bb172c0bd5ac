"""A signal comes at any instruction: what it asks for is done, and what was being done is not lost for it."""

from __future__ import annotations

from zlib import crc32

import pytest

from instrument.audio.settings import SoundSettings
from instrument.ipc import Gesture, Kind
from instrument.run.show import Show


def test_a_panic_in_the_middle_of_another_gesture_costs_neither(monkeypatch: pytest.MonkeyPatch) -> None:
    show = Show(SoundSettings("", ("bow.toml",)), None)
    came = []

    def interrupted(data: bytes) -> int:
        if not came:
            came.append(True)
            show._panic(0, None)
        return crc32(data)

    with monkeypatch.context() as patched:
        patched.setattr("instrument.ipc.rings.crc32", interrupted)
        show.gesture(Gesture(Kind.NOTE_ON, 60, 0.5))
    show._panic(0, None)
    assert [gesture.kind for gesture in show.link.shows.pop()] == [Kind.NOTE_ON, Kind.PANIC, Kind.PANIC]
    show.link.close()
