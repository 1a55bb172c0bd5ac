"""Nobody's words command a terminal: escapes, C1, bidi, markup and line breaks in any name come out as text."""

from __future__ import annotations

import dataclasses
import io
import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest
from doubles import CREDITS, tiny_card, tiny_model
from hypothesis import given
from hypothesis import strategies as st
from rich.table import Table
from rich.text import Text

from instrument.base.console import console
from instrument.base.errors import RosinError, ValidationErrors
from instrument.base.printable import escaped, printable, printable_lines, sentences
from instrument.base.streams import SafeStream, Sturdy
from instrument.cli import main
from instrument.knobs import Label

EVIL = "\x1b]0;x\x07\x1b[2J\x9b31m\u202eevil\u2066\r[red]no[/red]:smile:"
"""A window's title, a cleared screen, a colour in one character, a sentence backwards, a line over the line."""
OBEYED = [*map(chr, [*range(0x0A), *range(0x0B, 0x20), *range(0x7F, 0xA0)]), *"\u202a\u202e\u2066\u200f\u2028\ufeff"]


def asked(*arguments: str) -> object:
    """The exit code, whichever way it comes."""
    try:
        return main(arguments)
    except SystemExit as end:
        return end.code


def safe(said: str) -> bool:
    return not any(char in said for char in OBEYED)


def test_what_a_terminal_obeys_is_written_out_and_all_else_is_left() -> None:
    assert printable("\x1b[2J") == "\\u001b[2J"
    assert printable("a\nb\tc\rd\x9bm") == "a\\nb\\tc\\rd\\u009bm"
    assert printable("\u202eabc \U000e0041 \udcff") == "\\u202eabc \\udb40\\udc41 \\udcff"
    for fine in ("à la corde ½ « non » — 弓", "עברית שלום", "🎻 👩\u200d🎤 é e\u0301", "[red]", "a\u00a0b\u202fc", ""):
        assert printable(fine) == fine


@given(st.text(alphabet=st.characters() | st.sampled_from(OBEYED), max_size=60))
def test_whatever_it_is_it_is_one_safe_line_and_a_program_gets_it_back(text: str) -> None:
    said = printable(text)
    assert safe(said)
    assert "\n" not in said
    assert "\x00" not in said
    written = json.dumps({"title": text}, ensure_ascii=False)
    assert json.loads(escaped(written)) == {"title": text}


def test_a_very_long_name_keeps_its_end_with_the_remedy() -> None:
    said = printable("x" * 10**6 + "; give another", 200)
    assert 190 <= len(said) <= 200
    assert said.endswith("xx; give another")
    assert said.startswith("xxx")
    assert " … " in said
    assert len(printable("\x1b" * 10**6)) <= 6 * 1000


def test_accents_are_not_stacked_over_the_lines_above() -> None:
    assert printable("e" + "\u0301" * 500 + "!") == "e" + "\u0301" * 4 + "!"


def test_an_about_keeps_its_own_lines_but_not_a_thousand() -> None:
    assert printable_lines("one\ntwo\x1b") == "one\ntwo\\u001b"
    assert len(printable_lines("\n" * 10**5).split("\n")) == 41


def test_an_error_is_one_line_and_mistakes_are_one_each() -> None:
    assert sentences(RosinError("a\nrosin: all is well; really"), "rosin: ") == "rosin: a\\nrosin: all is well; really"
    assert sentences(ValidationErrors("p\n.toml", ["x\x1b", "y"]), "rosin: ") == "p\\n.toml: x\\u001b\np\\n.toml: y"


def test_on_a_console_text_is_text_and_colours_are_the_houses_own() -> None:
    out = io.StringIO()
    shown = console(file=out, force_terminal=True, color_system="truecolor", width=200)
    table = Table(title=EVIL)
    table.add_column(EVIL)
    table.add_row(EVIL)
    table.add_row(Text(EVIL, style="red"))
    shown.print(table, EVIL, Text(EVIL))
    said = out.getvalue()
    assert said.count("[red]no[/red]:smile:") == 6
    assert "\x1b]0;" not in said
    assert "\x1b[2J" not in said
    assert "\x9b" not in said
    assert "\u202e" not in said
    assert "\x1b[31m" in said or "\x1b[91m" in said or "\x1b[38" in said, "and red is still red"


def test_what_is_printed_is_safe_and_colours_go_past(capsys: pytest.CaptureFixture[str]) -> None:
    out = SafeStream(Sturdy(io.StringIO()))
    print(EVIL, file=out)  # type: ignore[call-overload]
    assert safe(out.getvalue().replace("\n", ""))
    out.past.write("\x1b[31m")
    assert out.getvalue().endswith("\x1b[31m")


# --- from the player's door


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A machine where everything bears an evil name: a model, its author, its sounds, a patch, a feel, files."""
    monkeypatch.setenv("ROSIN_RIG", str(tmp_path / "rig.toml"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("ROSIN_MODELS", str(tmp_path / "models"))
    monkeypatch.setenv("ROSIN_LANGUAGE", "en")
    monkeypatch.chdir(tmp_path)
    evil = Label(EVIL, EVIL)
    latents = tuple(dataclasses.replace(one, label=evil) for one in tiny_card().latents)
    sounds = tuple(dataclasses.replace(one, title=EVIL, author=EVIL, consent=EVIL) for one in CREDITS.sounds)
    made = dataclasses.replace(CREDITS.made, by=EVIL, machine=EVIL, note=EVIL)
    card = tiny_model(
        tmp_path / "models" / "evil",
        card=tiny_card(name="evil", title=evil, about=evil, authors=(EVIL,), family=EVIL, latents=latents,
                       training={"held_out": {EVIL: EVIL}, "imported_from": EVIL}),
        credits=dataclasses.replace(CREDITS, model="evil", sounds=sounds, made=made),
    )  # fmt: skip
    said = json.dumps(EVIL)
    patches = tmp_path / "home" / "rosin" / "patches"
    feels = tmp_path / "home" / "rosin" / "feels"
    patches.mkdir(parents=True)
    feels.mkdir()
    (feels / "evil.toml").write_text(
        f'schema = 1\nname = "evil"\ntitle = {said}\nabout = {said}\n[friction]\n'.replace("\\u009b", "\\u009B")
    )
    (patches / "evil.toml").write_text(
        f'schema = 1\nname = "evil"\nauthor = {said}\nmodel = {{ name = "evil", sha256 = "{card.sha256}" }}\n'
        f"[scenes.1]\ntitle = {said}\nknobs = {{ z1 = 0.5 }}\n"
    )
    (tmp_path / f"{EVIL}\nrosin: all is well".replace("/", "-")).mkdir()
    (tmp_path / f"{EVIL.replace('/', '-')}.toml").write_text(f"{said} = 1\nschema = 1\n[model]\nname = {said}\n")
    return tmp_path


EVERY: list[list[str]] = [
    ["knobs", "evil"], ["check", "evil"], ["feels"], ["models", "list"], ["models", "show", "evil"],
    ["models", "verify", "evil"], ["knobs", EVIL], ["models", "show", EVIL], ["check", EVIL], [EVIL], ["--" + EVIL],
    ["play", "--device", EVIL, "--stage", EVIL], ["render", EVIL, "-o", EVIL], ["check", "models/evil"],
    ["render", "evil", "-o", "a.wav", "--seconds", "0.01"], ["render", "evil", "-o", "a.wav", "--set", EVIL],
    ["play", "--take", EVIL + ".jsonl"], ["knobs", "--rig", EVIL], ["models", "pack", "evil", "--out", EVIL],
]  # fmt: skip


@pytest.mark.parametrize("arguments", EVERY, ids=lambda arguments: " ".join(arguments).replace(EVIL, "EVIL"))
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_no_verb_lets_a_name_command_the_terminal(
    arguments: list[str], machine: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = [str(path) for path in machine.iterdir()] if arguments[0] == "check" else []
    assert asked(*arguments, *files) in (0, 1, 2)
    out, err = capsys.readouterr()
    assert out + err, "something is said"
    for said in (out, err):
        assert safe(said.replace("\n", "")), [char for char in OBEYED if char in said.replace("\n", "")]
        assert "Traceback" not in said
        assert not any(line.startswith("rosin: all is well") for line in said.splitlines())
        assert "\U0001f604" not in said, "and no :smile: is a picture"
        assert all(len(line) < 3000 for line in said.splitlines())


@pytest.mark.parametrize("arguments", [["knobs", "evil"], ["models", "show", "evil"], ["models", "verify", "evil"]])
def test_for_programs_the_words_are_what_they_are(
    arguments: list[str], machine: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main([*arguments, "--json"])
    out = capsys.readouterr().out
    assert safe(out.replace("\n", ""))
    assert any(EVIL in text for text in texts(json.loads(out)))


def texts(value: Any) -> list[str]:
    """All texts of a JSON value."""
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [value] if isinstance(value, str) else [text for part in inner for text in texts(part)]


def test_the_wall_of_an_argument_is_told_in_a_few_lines(machine: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in (["x" * 10**5], ["knobs", "x" * 10**5], ["render", "y" * 10**5, "-o", "z" * 10**5 + ".wav"]):
        assert asked(*arguments) == 2
        out, err = capsys.readouterr()
        assert out == ""
        assert 10 < len(err) < 2500


def test_the_streams_are_as_before_afterwards(capsys: pytest.CaptureFixture[str]) -> None:
    before = sys.stdin, sys.stdout, sys.stderr
    main(["feels"])
    assert (sys.stdin, sys.stdout, sys.stderr) == before
    assert os.fstat(1)
