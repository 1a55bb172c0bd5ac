"""The status line says what a frame says: level, load, hand and sound, in the player's language; keys play."""

from __future__ import annotations

import re
import time
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from stage import now, null_engine, play

from instrument.audio.callback import FRAME_BLOCKS
from instrument.base.text import say
from instrument.base.units import decibels
from instrument.commands.status import METER_CELLS, Status, meter
from instrument.commands.terminal_keys import NUDGE, press
from instrument.engine.control import QUANTUM
from instrument.engine.frame_writer import add_wave, fill_frame
from instrument.ipc import Flags, Frame, Gesture, Kind, Source
from instrument.ipc.level import Level
from instrument.knobs import Label, LatentSpec, table_for
from instrument.run.notices import Notices
from instrument.stage.data.meter import LevelMeter

TABLE = table_for([LatentSpec("z1", Label("brightness", "brillance")), LatentSpec("z2", Label("air", "air"))])


class FakeShow:
    """A show that holds one frame and keeps the gestures it is given."""

    def __init__(self, frame: Frame | None) -> None:
        self._frame = frame
        self.gestures: list[Gesture] = []
        self.notices = Notices()

    def frame(self) -> Frame | None:
        return self._frame

    def open_stage(self) -> None:
        pass

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
    assert decibels(linear, -99.0) == pytest.approx(db, abs=0.01)


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


def fits(text: str, width: int) -> bool:
    return cell_len(text) <= width and "\n" not in text


PLAYING = Flags.SPEAKING | Flags.RECORDING
NAMES = [
    "bow",
    "a patch with a name as long as a sentence",
    "氷の音、とても長い名前",
    "e\u0301te\u0301 \u200b\U0001f9ca",
    "",
]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("flags", [Flags(0), PLAYING, PLAYING | Flags.PANICKED, PLAYING | Flags.SWAPPING])
@pytest.mark.parametrize("language", ["en", "fr"])
def test_the_line_fits_every_terminal_and_never_wraps(name: str, flags: Flags, language: str) -> None:
    frame = frame_of(flags, rms=0.5, load=0.25, load_p99=0.9, latency=0.012, xruns=12345, record_seconds=725.0)
    status = Status(FakeShow(frame), [name], {0: TABLE}, language)  # type: ignore[arg-type]
    whole = status.line(frame, frame.time).plain
    for width in range(20, 201):
        text = status.line(frame, frame.time, width).plain
        assert fits(text, width)
        assert text.strip()
        if cell_len(whole) <= width:
            assert text == whole, "nothing goes that has room"


def test_what_goes_first_is_what_is_needed_least() -> None:
    frame = frame_of(PLAYING, rms=0.5, load=0.25, load_p99=0.5, latency=0.012, record_seconds=65.0)
    status = Status(FakeShow(frame), ["bow"], {0: TABLE}, "en")  # type: ignore[arg-type]
    everything = ("p99", "latency", "load", "○0.00=●0.00", "-6.0 dB", "1:05", "bow")
    for width, kept in ((100, 6), (80, 5), (60, 4), (40, 3), (22, 2)):
        text = status.line(frame, frame.time, width).plain
        assert all(words in text for words in everything[-kept:]), (width, text)


@pytest.mark.parametrize(("language", "key"), [("en", "Enter"), ("fr", "Entrée")])
def test_a_silenced_instrument_names_the_key_that_sounds_again_in_any_width(language: str, key: str) -> None:
    frame = frame_of(PLAYING | Flags.PANICKED, rms=0.5, xruns=3, record_seconds=65.0)
    status = Status(FakeShow(frame), ["a patch with a long name"], {0: TABLE}, language)  # type: ignore[arg-type]
    assert all(key in status.line(frame, frame.time, width).plain for width in range(20, 201))
    assert key in say("how_to_stop", language)


def test_strain_and_dropouts_are_told_where_there_is_little_room() -> None:
    status = Status(FakeShow(None), ["bow"], {0: TABLE}, "en")  # type: ignore[arg-type]
    frame = frame_of(load=0.5, load_p99=0.97, xruns=7)
    narrow = status.line(frame, frame.time, 40).plain
    assert "p99 97 %" in narrow
    assert "dropouts 7" in narrow


def test_the_level_of_a_held_low_note_stands_still_in_the_terminal_and_on_the_stage() -> None:
    """One block is a quarter of its period: their levels lie many dB apart. What is shown does not."""
    engine, frame, told, blocks, stage = null_engine(), Frame(), [], [], LevelMeter()
    status = Status(FakeShow(None), ["bow"], {0: TABLE}, "en")  # type: ignore[arg-type]
    now(engine, Kind.NOTE_ON, 30, 0.8)
    now(engine, Kind.KNOB, 2, 0.0)
    for n in range(1500):
        play(engine, 1)
        add_wave(engine, frame)
        if n % FRAME_BLOCKS == 0:
            fill_frame(engine, frame, n * QUANTUM / 48000.0)
            stage.push(frame)
            text = status.line(frame, frame.time).plain
            told.append((float(re.search(r"(-?\d+\.\d) dB", text)[1]), stage.rms_db))  # type: ignore[index]
            blocks.append(decibels(frame.rms, -99.0))
    late = np.array(told[200:])
    assert np.ptp(blocks[200:]) > 5.0, "or there is nothing to hold still"
    assert np.ptp(late, axis=0).max() < 1.0
    truth = 10.0 * np.log10(np.mean(10.0 ** (np.array(blocks[200:]) / 10.0)))
    assert late.mean(0) == pytest.approx([truth, truth], abs=0.7)


def test_the_level_falls_in_a_moment_and_begins_at_once() -> None:
    level, frame = Level(), Frame()
    for n in range(200):
        frame.time, frame.rms = 5.0 + n / 94.0, 0.5 if n < 100 else 0.0
        level.push(frame)
        if n in (0, 99):
            assert level.rms == pytest.approx(0.5)
    assert decibels(level.rms, -99.0) < -40.0
    frame.time += 10.0
    frame.rms = 0.25
    assert level.push(frame) == 0.25, "after a gap it begins anew"


@given(data=st.binary(min_size=8, max_size=64))
def test_a_frame_of_nonsense_is_a_line_and_no_fault(data: bytes) -> None:
    frame = Frame()
    frame.bytes[:] = (data * (len(frame.bytes) // len(data) + 1))[: len(frame.bytes)]
    frame.time, frame.record_seconds = time.monotonic(), 1.0
    assert line(frame)


def test_elsewhere_than_in_a_terminal_a_plain_line_and_every_notice_once(capsys: pytest.CaptureFixture[str]) -> None:
    show = FakeShow(frame_of(peak=0.5, load_p99=0.25, latency=0.01))
    show.notices.append("OSC is [here].")
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


def test_every_knob_can_be_chosen_the_tenth_by_its_key_and_any_by_steps() -> None:
    frame = frame_of(playable=13)
    assert [pressed(str(key), frame)[1] for key in (1, 9, 0)] == [0, 8, 9]
    focus, seen = 0, []
    for _ in range(13):
        focus = pressed("right", frame, focus)[1]
        seen.append(focus)
    assert seen == [*range(1, 13), 0]
    assert pressed("left", frame, 0)[1] == 12


@given(key=st.text(max_size=3) | st.sampled_from(["escape", "up", "down", "left", "right", "space", "backspace"]))
def test_no_key_is_a_fault(key: str) -> None:
    for playable in (0, 2):
        gestures, focus = pressed(key, frame_of(playable=playable))
        assert 0 <= focus < 2
        assert all(isinstance(gesture, Gesture) for gesture in gestures)
    assert pressed(key, None) == ([], 0)
