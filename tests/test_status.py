"""The status line says what a frame says: level, load, hand and sound, in the player's language; keys play."""

from __future__ import annotations

import time
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instrument.knobs import Label, LatentSpec, table_for
from instrument.link import Flags, Frame, Gesture, Kind, Source
from instrument.verbs.play import NUDGE, press
from instrument.verbs.status import METER_CELLS, Status, decibels, meter

TABLE = table_for([LatentSpec("z1", Label("brightness", "brillance")), LatentSpec("z2", Label("air", "air"))])


class FakeShow:
    """A show that holds one frame and keeps the gestures it is given."""

    def __init__(self, frame: Frame | None) -> None:
        self._frame = frame
        self.gestures: list[Gesture] = []
        self.notices: list[str] = []

    def frame(self) -> Frame | None:
        return self._frame

    def gesture(self, gesture: Gesture) -> None:
        self.gestures.append(gesture)


def frame_of(flags: Flags = Flags.SPEAKING, **fields: Any) -> Frame:
    frame = Frame()
    frame.time = time.monotonic()
    frame.playable = 2
    frame.knob_count = len(TABLE)
    frame.flags = int(flags)
    for name, value in fields.items():
        setattr(frame, name, value)
    return frame


def line(frame: Frame | None, language: str = "en", focus: int = 0, later: float = 0.0) -> str:
    status = Status(FakeShow(frame), ["bow", "clay"], {0: TABLE}, language)  # type: ignore[arg-type]
    status.focus = focus
    return status.line(frame, time.monotonic() + later).plain


@pytest.mark.parametrize(
    ("linear", "db"), [(1.0, 0.0), (0.5, -6.02), (0.0, -99.0), (1e-9, -99.0), (-1.0, -99.0), (float("nan"), -99.0)]
)
def test_decibels(linear: float, db: float) -> None:
    assert decibels(linear) == pytest.approx(db, abs=0.01)


@given(one=st.floats(-200, 20), two=st.floats(-200, 20))
def test_a_meter_has_its_width_and_rises_with_the_level(one: float, two: float) -> None:
    def lit(db: float) -> int:
        bar = meter(db)
        assert len(bar) == METER_CELLS
        return sum(" ▏▎▍▌▋▊▉█".index(cell) for cell in bar)

    low, high = sorted((one, two))
    assert lit(low) <= lit(high)
    assert lit(-60.0) == 0
    assert lit(0.0) == METER_CELLS * 8


@pytest.mark.parametrize(
    ("flags", "english", "french"),
    [
        (Flags(0), "silent until you play", "muet jusqu'au premier geste"),
        (Flags.SPEAKING, "playing", "en jeu"),
        (Flags.SPEAKING | Flags.PANICKED, "SILENCED", "COUPÉ"),
        (Flags.SPEAKING | Flags.SWAPPING, "changing", "change"),
    ],
)
def test_the_line_says_how_it_stands_in_both_languages(flags: Flags, english: str, french: str) -> None:
    assert english in line(frame_of(flags))
    assert french in line(frame_of(flags), "fr")


def test_the_line_shows_the_patch_the_level_the_load_and_what_was_missed() -> None:
    text = line(frame_of(patch=1, rms=0.5, load=0.25, load_p99=0.5, latency=0.012, xruns=3))
    for words in (" clay ", "-6.0 dB", "load 25 %", "p99 50 %", "latency 12.0 ms", "dropouts 3"):
        assert words in text
    assert " ? " in line(frame_of(patch=7))


def test_the_line_shows_where_the_hand_is_and_where_the_sound_is() -> None:
    frame = frame_of()
    frame.hand[:2], frame.pos[:2] = (0.5, 0.25), (0.4, 0.25)
    assert "brightness ○0.50→●0.40" in line(frame)
    assert "brillance ○0.50→●0.40" in line(frame, "fr")
    assert "air ○0.25=●0.25" in line(frame, focus=1)
    assert "air ○0.25=●0.25" in line(frame, focus=99)


def test_recording_is_shown_with_its_time() -> None:
    assert "● rec 2:05" in line(frame_of(Flags.SPEAKING | Flags.RECORDING, record_seconds=125.9))
    assert "rec" not in line(frame_of())


@pytest.mark.parametrize(("frame", "later"), [(None, 0.0), (frame_of(), 1.0)])
def test_without_a_fresh_frame_the_sound_is_coming_back(frame: Frame | None, later: float) -> None:
    assert line(frame, later=later + 600.0 if frame else 0.0) == "sound is coming back"


@given(data=st.binary(min_size=8, max_size=64))
def test_a_frame_of_nonsense_is_a_line_and_no_fault(data: bytes) -> None:
    frame = Frame()
    frame.bytes[:] = (data * (len(frame.bytes) // len(data) + 1))[: len(frame.bytes)]
    frame.time, frame.record_seconds = time.monotonic(), 1.0
    assert line(frame)


def test_elsewhere_than_in_a_terminal_a_plain_line_and_every_notice_once(capsys: pytest.CaptureFixture[str]) -> None:
    show = FakeShow(frame_of(peak=0.5, load_p99=0.25, latency=0.01))
    show.notices = ["OSC is [here]."]
    with Status(show, ["bow"], {0: TABLE}, "en") as status:  # type: ignore[arg-type]
        for _ in range(5):
            status.tick()
        show.notices.append("And gone.")
    out = capsys.readouterr().out
    assert (out.count("OSC is [here]."), out.count("And gone."), out.count(" bow ")) == (1, 1, 1)
    assert (status.peak, status.load_p99, status.latency) == (0.5, 0.25, pytest.approx(0.01))


# --- keys


def pressed(key: str, frame: Frame | None, focus: int = 0) -> tuple[list[Gesture], int]:
    show, status = FakeShow(frame), SimpleNamespace(focus=focus)
    press(key, show, status, 5)  # type: ignore[arg-type]
    return show.gestures, status.focus


@pytest.mark.parametrize(
    ("key", "gesture"),
    [
        ("escape", Gesture(Kind.PANIC)),
        ("enter", Gesture(Kind.RESUME)),
        ("n", Gesture(Kind.PATCH, 1)),
        ("p", Gesture(Kind.PATCH, 4)),
        ("r", Gesture(Kind.RECORD, value=1.0)),
    ],
)
def test_a_key_is_a_gesture_of_the_keys(key: str, gesture: Gesture) -> None:
    assert pressed(key, frame_of()) == ([gesture._replace(source=Source.KEYS)], 0)


def test_r_ends_a_recording_that_runs() -> None:
    assert pressed("r", frame_of(Flags.RECORDING))[0][0].value == 0.0


def test_up_and_down_move_the_knob_in_focus_within_its_travel() -> None:
    frame = frame_of()
    frame.hand[:2] = (0.5, 1.0)
    assert pressed("up", frame)[0][0][:3] == (Kind.KNOB, 0, 0.5 + NUDGE)
    assert pressed("down", frame)[0][0][:3] == (Kind.KNOB, 0, 0.5 - NUDGE)
    assert pressed("up", frame, 1)[0][0][:3] == (Kind.KNOB, 1, 1.0)


@pytest.mark.parametrize(
    ("key", "focus", "found"),
    [("1", 1, 0), ("2", 0, 1), ("9", 0, 1), ("right", 0, 1), ("right", 1, 0), ("left", 0, 1), ("0", 1, 1)],
)
def test_numbers_and_arrows_choose_the_knob(key: str, focus: int, found: int) -> None:
    assert pressed(key, frame_of(), focus) == ([], found)


@given(key=st.text(max_size=3) | st.sampled_from(["escape", "up", "down", "left", "right", "space", "backspace"]))
def test_no_key_is_a_fault(key: str) -> None:
    for playable in (0, 2):
        gestures, focus = pressed(key, frame_of(playable=playable))
        assert 0 <= focus < 2
        assert all(isinstance(gesture, Gesture) for gesture in gestures)
    assert pressed(key, None) == ([], 0)
