"""Keys: what the overlay, the bottom line, the words and the pages call a key is what does it, in every view."""

from __future__ import annotations

import re
import shutil
import subprocess
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
from screens import fine_display
from stagehost import Playing

from instrument.base.text import say
from instrument.ipc import Flags, Frame, Kind
from instrument.stage.input.gestures import StageInput
from instrument.stage.input.key_names import PLAYED, PLAYING, WINDOW, key_rows, with_ctrl
from instrument.stage.input.keyboard import PULL_KEYS, PUSH_KEYS
from instrument.stage.views.control_view import KEYS
from instrument.stage.views.layout import Layout
from instrument.stage.x11 import printed

ROOT = Path(__file__).parent.parent
BOARDS = {
    "qwerty": ("QWERTYUIOP", "ASDFGHJKL;", "ZXCVBNM"),
    "azerty": ("AZERTYUIOP", "QSDFGHJKLM", "WXCVBN"),
    "qwertz": ("QWERTZUIOP", "ASDFGHJKL;", "YXCVBNM"),
}
VIEWS = [(rehearsal, swapped) for rehearsal in (False, True) for swapped in (False, True)]


def places(board: str) -> dict[str, int]:
    """Letter to evdev number."""
    return {c: first + i for first, row in zip((16, 30, 44), BOARDS[board], strict=True) for i, c in enumerate(row)}


def hands_in(rehearsal: bool, swapped: bool, recording: bool = False) -> StageInput:
    it, frame = StageInput(Layout(1280, 720, 8), starts=[0.5] * 8), Frame()
    frame.playable, frame.time = 8, 1.0
    frame.flags = int(Flags.RECORDING if recording else 0)
    it.see(frame)
    if rehearsal:
        it.requests.toggle("rehearsal")
    if swapped:
        it.press(28, "ENTER")
    return it


def press(it: StageInput, said: str, board: str) -> list[Kind]:
    """Press what a name of keys says, such as ``Ctrl + Maj + R``."""
    *held, letter = said.split(" + ")
    assert set(held) <= {"Ctrl", "Shift", "Maj"}
    return [g.kind for g in it.press(places(board)[letter], letter, len(held) > ("Ctrl" in held), "Ctrl" in held)]


def works(key: str, said: str, view: tuple[bool, bool], board: str) -> bool:
    """Does pressing that do what the key is for?"""
    it = hands_in(*view, recording=key == "mark")
    requests, before = it.requests, it.requests.wants("rehearsal")
    came = press(it, said, board)
    return {
        "view": lambda: requests.wants("rehearsal") != before,
        "display": lambda: requests.displays == 1,
        "save": lambda: requests.saving,
        "mark": lambda: came == [Kind.MARK],
        "record": lambda: came == [Kind.RECORD],
        "black": lambda: requests.wants("black"),
        "learn": lambda: requests.wants("learn"),
        "credits": lambda: requests.wants("credits"),
    }[key]()


COMMANDS = ("view", "display", "save", "mark", "record", "black", "learn", "credits")


@pytest.mark.parametrize("board", BOARDS)
@pytest.mark.parametrize("language", ["en", "fr"])
@pytest.mark.parametrize("view", VIEWS)
def test_a_key_of_the_overlay_does_what_stands_beside_it_in_its_view(view, language, board):
    plays = hands_in(*view).requests.plays
    keys = [*PLAYING, *WINDOW]
    for key, (said, _) in zip(keys, key_rows(keys, language, plays), strict=True):
        if key in COMMANDS:
            assert works(key, re.split(",", said)[0], view, board), said
    bottom = {key: with_ctrl(say(f"rehearsal.key.{key}", language), plays) for key in KEYS}
    for key in set(KEYS) & set(COMMANDS):
        assert works(key, bottom[key], view, board), bottom[key]


@pytest.mark.parametrize("board", BOARDS)
@pytest.mark.parametrize("view", VIEWS)
def test_the_letters_that_are_shown_push_and_pull_where_they_play(view, board):
    rows = tuple(row[:8] for row in BOARDS[board][:2])
    plays = hands_in(*view).requests.plays
    ((said, does),) = key_rows(("force",), "en", plays, rows)
    for row, sign in zip(said.split("  /  "), (1, -1), strict=True):
        for knob, letter in enumerate(row.split()):
            it = hands_in(*view)
            if not plays:
                assert does.startswith("after Enter")
                it.press(28, "ENTER")
            (force,) = it.press(places(board)[letter], letter)
            assert (force.kind, force.knob, force.value * sign > 0) == (Kind.FORCE, knob, True)


@pytest.mark.parametrize(("language", "shift"), [("en", "Shift"), ("fr", "Maj")])
@pytest.mark.parametrize("view", VIEWS)
def test_a_word_names_the_keys_as_they_are_in_its_view(view, language, shift):
    it = hands_in(*view)
    ctrl = "Ctrl + " if it.requests.plays else ""

    def word() -> str:
        said = it.requests.said()
        return with_ctrl(say(said.key, language, **said.values), it.requests.plays)

    it.press(19, "R", ctrl=True)
    assert re.search(rf"(?<!Ctrl \+ )\b{re.escape(ctrl + shift)} \+ R\b", word())
    it.press(31, "S", ctrl=True)
    assert re.search(rf"(?<!Ctrl \+ )\b{re.escape(ctrl)}S\b", word())
    it.press(32, "D", ctrl=True)
    it.press(3, "2", shift=True)
    assert re.search(rf"(?<!Ctrl \+ )\b{re.escape(ctrl)}S\b", word())


def test_the_pages_say_of_each_letter_that_plays_that_it_needs_ctrl_on_the_stage():
    page = (ROOT / "docs" / "stage.md").read_text(encoding="utf-8")
    table = page.split("| key | what it does |")[1].split("\n\n")[0]
    assert sorted(PLAYED) == ["D", "F", "R", "S"]
    for letter in PLAYED:
        rows = [row for row in table.strip().splitlines() if f"`{letter}`" in row.split("|")[1]]
        assert rows
        for row in rows:
            assert re.search(rf"on the stage Ctrl \+ (Shift \+ )?`{letter}`", row), row
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert "Ctrl + `F` turns to the rehearsal view" in readme


@pytest.mark.skipif(
    None in map(shutil.which, ("Xvfb", "xdotool", "xrdb", "setxkbmap")), reason="needs Xvfb, xdotool, xrdb, setxkbmap"
)
@pytest.mark.parametrize(("board", "map"), [("azerty", "fr"), ("qwertz", "de")])
def test_a_real_keyboard_says_what_its_rows_print_and_plays_by_their_place(board, map):
    pytest.importorskip("pyglet")
    with fine_display(400, 300, "96") as screen:
        subprocess.run(["setxkbmap", "-display", screen, map], check=True, timeout=20)
        from pyglet.libs.x11 import xlib

        opened = xlib.XOpenDisplay(screen.encode())
        assert [printed(SimpleNamespace(_x_display=opened), keys) for keys in (PUSH_KEYS, PULL_KEYS)] == [
            row[:8] for row in BOARDS[board][:2]
        ]
        xlib.XCloseDisplay(opened)
        stage = Playing(screen, 320, 180)
        try:
            stage.begin()
            assert stage.until(Kind.FORCE, "keydown", BOARDS[board][0][5].lower()).knob == 5
            stage.do("keyup", BOARDS[board][0][5].lower())
            stage.play(0.3)
            assert stage.until(Kind.RECORD, "key", "ctrl+shift+r").value == 1.0
            stage.do("key", "ctrl+f")
            end = time.monotonic() + 10.0
            while "rehearsal" not in stage.row.text("device") and time.monotonic() < end:
                stage.play(0.1)
            assert "rehearsal" in stage.row.text("device")
        finally:
            stage.end()
