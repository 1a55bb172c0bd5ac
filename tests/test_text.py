"""Text: every sentence in both languages, with the same blanks; each is said, none is said that is not there."""

from __future__ import annotations

import ast
import re
import string
from collections.abc import Iterator
from pathlib import Path

import pytest

import instrument
from instrument.base.text import LANGUAGES, catalogue, language_of, say
from instrument.hands.osc.endpoints import ENDPOINTS

CODE = sorted(Path(instrument.__file__).parent.rglob("*.py"))


def blanks(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}


def said() -> Iterator[tuple[str, str, set[str]]]:
    """Every say("key", ...) of the code: where, key, the blanks it fills in."""
    for path in CODE:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        ours = any(
            isinstance(node, ast.ImportFrom)
            and node.module == "instrument.base.text"
            and any(a.name == "say" for a in node.names)
            for node in ast.walk(tree)
        )
        for node in ast.walk(tree) if ours else ():
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "say":
                for key in keys_of(node.args[0]):
                    yield (
                        f"{path.name}:{node.lineno}",
                        key,
                        {str(keyword.arg) for keyword in node.keywords} - {"language"},
                    )


def keys_of(argument: ast.expr) -> list[str]:
    """The keys an argument can be: a constant, one of two, or those that fit what is known of it."""
    if isinstance(argument, ast.IfExp):
        return keys_of(argument.body) + keys_of(argument.orelse)
    if isinstance(argument, ast.JoinedStr):
        known = (re.escape(part.value) if isinstance(part, ast.Constant) else ".+" for part in argument.values)
        fitting = re.compile("".join(map(str, known)))
        return [key for key in catalogue() if fitting.fullmatch(key)] or [ast.unparse(argument)]
    return [argument.value] if isinstance(argument, ast.Constant) and isinstance(argument.value, str) else []


def test_the_scan_sees_the_code() -> None:
    assert len(list(said())) > 20


def test_every_sentence_is_in_both_languages_and_in_no_other() -> None:
    for key, texts in catalogue().items():
        assert set(texts) == set(LANGUAGES), key
        assert all(text.strip() for text in texts.values()), key


def test_both_languages_have_the_same_blanks() -> None:
    for key, texts in catalogue().items():
        assert blanks(texts["en"]) == blanks(texts["fr"]), key
        assert all(name.isidentifier() for name in blanks(texts["en"])), key


def test_whatever_the_code_says_is_there_with_its_blanks_filled_in() -> None:
    for where, key, filled in said():
        assert key in catalogue(), f"{where} says {key}"
        assert blanks(catalogue()[key]["en"]) == filled, f"{where} says {key}"


def test_no_sentence_is_left_that_nobody_says() -> None:
    # As a constant anywhere: some keys wait in a table for their turn.
    words = {
        node.value
        for path in CODE
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    words |= {endpoint.takes for endpoint in ENDPOINTS.values()}  # put together there from their addresses
    assert sorted(set(catalogue()) - words - {key for _, key, _ in said()}) == []


def test_what_an_address_takes_is_said_in_words() -> None:
    assert sorted({endpoint.takes for endpoint in ENDPOINTS.values()} - {""} - set(catalogue())) == []


def test_a_sentence_is_said_with_its_blanks_filled_in() -> None:
    assert say("recording_to", path="a.wav") == "Recording to a.wav."
    assert say("recording_to", "fr", path="a.wav") == "Enregistrement dans a.wav."
    with pytest.raises(KeyError):
        say("there_is_no_such_sentence")
    with pytest.raises(KeyError):
        say("recording_to")


@pytest.mark.parametrize(
    ("wanted", "environment", "language"),
    [
        ("fr", {"LANG": "en_US.UTF-8"}, "fr"),
        ("en", {"LANG": "fr_FR.UTF-8"}, "en"),
        ("auto", {"LANG": "fr_FR.UTF-8"}, "fr"),
        ("auto", {"LANG": "fr"}, "fr"),
        ("auto", {"LANG": "de_DE.UTF-8"}, "en"),
        ("auto", {"LANG": "en_US", "LC_ALL": "fr_CA.UTF-8"}, "fr"),
        ("auto", {"LANG": "fr_FR", "LC_MESSAGES": "C"}, "en"),
        ("auto", {"LANG": "en_US", "LC_ALL": "en_US", "ROSIN_LANGUAGE": "fr"}, "fr"),
        ("auto", {"LC_ALL": "", "LANG": "FR_fr"}, "fr"),
        ("de", {"LANG": "fr_FR"}, "fr"),
    ],
)
def test_the_language_is_what_was_asked_for_else_what_the_system_speaks(
    monkeypatch: pytest.MonkeyPatch, wanted: str, environment: dict[str, str], language: str
) -> None:
    for name in ("ROSIN_LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert language_of(wanted) == language


@pytest.mark.parametrize(
    ("spoken", "language"), [("fr_FR", "fr"), ("en_GB", "en"), (None, "en"), ("French_France", "fr")]
)
def test_a_system_that_sets_nothing_is_asked(
    monkeypatch: pytest.MonkeyPatch, spoken: str | None, language: str
) -> None:
    for name in ("ROSIN_LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("locale.getlocale", lambda: (spoken, None))
    assert language_of() == language
