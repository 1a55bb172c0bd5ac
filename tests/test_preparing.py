"""What playing needs is compiled once on a machine, with a bar to look at, and never silently."""

from __future__ import annotations

import io
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numba
import pytest

from instrument.base import machine_code
from instrument.base.console import console
from instrument.base.text import say
from instrument.commands import preparing
from instrument.commands.preparing import compile_all, prepare
from instrument.engine import warm


@pytest.fixture
def done(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of what was compiled, on a machine that has compiled nothing yet; here in the place of a child."""
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(tmp_path / "laws" / "cache"))
    monkeypatch.setattr(machine_code, "_home", lambda: tmp_path / "home")
    names: list[str] = []

    def steps() -> Iterator[tuple[str, Callable[[], None]]]:
        for name in ("friction.one", "chance.two", "engine.three"):
            yield name, lambda name=name: names.append(name)  # type: ignore[misc]

    def child(command: list[str], env: dict[str, str], **rest: Any) -> None:
        assert command[1:] == ["-m", "instrument", "warm"]
        compile_all(env["ROSIN_LANGUAGE"])

    monkeypatch.setattr(warm, "steps", steps)
    monkeypatch.setattr(subprocess, "run", child)
    return names


def test_it_is_compiled_once_and_again_when_asked(done: list[str]) -> None:
    prepare("en")
    prepare("en")
    assert done == ["friction.one", "chance.two", "engine.three"]
    compile_all("en")
    assert len(done) == 6


def test_another_python_another_numba_and_another_place_are_compiled_anew(
    done: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    prepare("en")
    monkeypatch.setattr(machine_code, "version", lambda name: "99.0")
    prepare("en")
    monkeypatch.setattr(sys, "version_info", (3, 99, 0))
    prepare("en")
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(tmp_path / "other" / "laws"))
    prepare("en")
    assert len(done) == 4 * 3


def test_before_numba_is_loaded_it_is_known_where_it_will_look(
    done: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delitem(sys.modules, "numba")
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "chosen"))
    prepare("en")
    assert [path.name[:6] for path in (tmp_path / "chosen").iterdir()] == ["ready-"]
    monkeypatch.delenv("NUMBA_CACHE_DIR")
    prepare("en")
    assert len(done) == 6
    assert machine_code.is_ready()
    assert list(machine_code.cache_folder().glob("ready-*"))
    monkeypatch.setattr(machine_code, "cache_folder", lambda: tmp_path / "other laws")
    assert not machine_code.is_ready()


def test_what_fails_half_way_is_compiled_the_next_time(done: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    whole = warm.steps

    def broken() -> Iterator[tuple[str, Callable[[], None]]]:
        yield next(iter(whole()))
        yield "chance.two", lambda: (_ for _ in ()).throw(KeyboardInterrupt)

    monkeypatch.setattr(warm, "steps", broken)
    with pytest.raises(KeyboardInterrupt):
        prepare("en")
    monkeypatch.setattr(warm, "steps", whole)
    prepare("en")
    assert done == ["friction.one", "friction.one", "chance.two", "engine.three"]


def test_what_cannot_be_kept_is_not_compiled_for_nothing(
    done: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(tmp_path / "file" / "below"))
    prepare("en")
    assert done == []


@pytest.mark.parametrize(("language", "words"), [("en", "once on this machine"), ("fr", "une fois sur cette machine")])
def test_a_bar_says_what_is_being_done(
    done: list[str], monkeypatch: pytest.MonkeyPatch, language: str, words: str
) -> None:
    terminal = io.StringIO()
    monkeypatch.setenv("TERM", "xterm")  # on a dumb one there are no bars
    monkeypatch.setattr(preparing, "console", lambda stderr: console(file=terminal, force_terminal=True, width=120))
    prepare(language)
    assert words in terminal.getvalue()
    assert ("sound" if language == "en" else "son") in terminal.getvalue()
    assert ("about a minute" if language == "en" else "une minute") in terminal.getvalue()
    assert "engine.three" not in terminal.getvalue(), "no name out of the code"


def test_the_bar_says_how_long_it_takes_yet() -> None:
    column = preparing.TimeLeft("en")
    task = SimpleNamespace(total=10.0, completed=0.5, elapsed=9.0, fields={"begun": 8.0})
    assert str(column.render(task)) == "about a minute", "nothing to go by yet"  # type: ignore[arg-type]
    task = SimpleNamespace(total=10.0, completed=4.0, elapsed=22.0, fields={"begun": 20.0})
    assert str(column.render(task)) == "about 28 s left"  # type: ignore[arg-type]
    task.elapsed = 99.0
    assert str(column.render(task)) == "about 1 s left"  # type: ignore[arg-type]


@pytest.mark.parametrize(("language", "first"), [("en", "Compiling the laws of friction"), ("fr", "Compilation des")])
def test_without_a_terminal_a_line_says_that_it_begins_before_it_begins(
    done: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], language: str, first: str
) -> None:
    whole, before = warm.steps, []

    def steps() -> Iterator[tuple[str, Callable[[], None]]]:
        for name, how in whole():
            yield name, lambda how=how: (before.append(capsys.readouterr().err), how())  # type: ignore[misc]

    monkeypatch.setattr(warm, "steps", steps)
    prepare(language)
    assert before[0].startswith(first)
    assert before[0].count("\n") == 1
    assert capsys.readouterr().err.count("\n") == 1, "and one that it is done"


def test_what_is_compiled_already_is_loaded_without_a_word(done: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    prepare("en")
    assert capsys.readouterr().out == ""
    prepare("en")
    compile_all("en")
    assert capsys.readouterr() == ("", "")


def test_the_real_thing_compiles_all_there_is_and_says_so(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """In a process of its own; what is compiled already is only loaded."""
    monkeypatch.setenv("NUMBA_CACHE_DIR", numba.config.CACHE_DIR)
    mark = machine_code._mark()
    before = mark.stat().st_mtime_ns if mark.exists() else 0
    monkeypatch.setattr(preparing, "is_ready", lambda: False)
    prepare("en")
    assert mark.stat().st_mtime_ns > before
    out, err = capfd.readouterr()
    assert (out, err.count("\n")) == ("", 0 if before else 2)


def test_every_step_has_a_word_in_both_languages_and_what_is_heavy_is_a_step() -> None:
    steps = [what for what, _ in warm.steps()]
    for language in ("en", "fr"):
        assert all(say(f"preparing.room.{what.partition('.')[0]}", language) for what in steps)
    assert set(preparing.HEAVY) <= set(steps)
