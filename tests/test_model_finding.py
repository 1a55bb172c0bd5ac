"""What is found on a model is said in French to a French player: same findings, same figures, no English left."""

from __future__ import annotations

import ast
import dataclasses
import json
import re
from pathlib import Path

import pytest
from doubles import CREDITS, SOUNDS, PlainNoise, tiny_card, tiny_model

import instrument
from instrument.base.text import LANGUAGES, catalogue
from instrument.cli import main
from instrument.model.library import licences
from instrument.model.library.bundle import pack
from instrument.model.library.card import Card, write_card
from instrument.model.library.lineage import Ancestor
from instrument.model.report.check_result import CheckResult, CheckTeller, topic
from instrument.model.report.verify import verify

MODEL = Path(instrument.__file__).parent / "model" / "report"
ENGLISH = re.compile(r"\b(the|its|it|of|plays?|takes|has|none|nobody|sounds|files|made|and|not|with|here|anchors)\b")


@pytest.fixture(autouse=True)
def machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    for name in ("XDG_DATA_HOME", "XDG_CACHE_HOME"):
        monkeypatch.setenv(name, str(tmp_path / name))
    monkeypatch.setenv("ROSIN_RIG", str(tmp_path / "rig.toml"))
    monkeypatch.setenv("ROSIN_MODELS", str(tmp_path / "models"))
    monkeypatch.setenv("ROSIN_LANGUAGE", "fr")
    return tmp_path


def odd_model(folder: Path) -> Card:
    """One with as many things to say of it as fit on one model."""
    sounds = (dataclasses.replace(SOUNDS[0], licence="CC-BY-NC-SA-4.0"),)
    card = tiny_card(name=folder.name, licence="cc0-1.0", derived_from=(Ancestor("a" * 64, "tide.ts"),))
    tiny_model(folder, card=card, credits=dataclasses.replace(CREDITS, sounds=sounds), encoder=True)
    (folder / "notes.txt").write_text("not of the card")
    return card


def both(folder: Path, **more: object) -> list[tuple[CheckResult, CheckResult]]:
    english, french = (verify(folder, PlainNoise(), blocks=5, language=one, **more) for one in ("en", "fr"))
    assert [f.about for f in english] == [f.about for f in french]
    return list(zip(english, french, strict=True))


def test_each_finding_is_said_in_french_and_grades_do_not_depend_on_the_language(machine: Path) -> None:
    odd_model(machine / "models" / "odd")
    (machine / "models" / "odd" / "notes.txt").unlink()
    card = tiny_model(machine / "models" / "bare", credits=None)
    write_card(card, machine / "models" / "bare")
    (machine / "models" / "odd" / "notes.txt").write_text("x")
    seen = set()
    for name in ("odd", "bare"):
        for english, french in both(machine / "models" / name):
            seen.add(english.about)
            if english.about in ("speed", "silence"):  # measured anew
                assert not ENGLISH.search(french.text), french.text
                continue
            assert english.grade == french.grade
            if english.about not in ("card",):
                assert english.text != french.text, english.text
                own = french.text.replace("notes.txt", "").replace("tide.ts", "").replace("--allow-uncredited", "")
                assert not ENGLISH.search(own), french.text
            figures = re.findall(r"\d+", english.text)
            if english.about not in ("opens", "speed"):
                assert re.findall(r"\d+", french.text) == figures
    assert seen >= {"card", "files", "size", "licence", "credits", "lineage", "atlas", "equality", "opens", "sound"}


def test_a_bundle_is_told_as_one(machine: Path) -> None:
    odd_model(machine / "models" / "odd")
    (machine / "models" / "odd" / "notes.txt").unlink()
    write_card(dataclasses.replace(tiny_card(name="odd"), licence="CC0-1.0"), machine / "models" / "odd")
    pack(machine / "models" / "odd", machine / "odd.rosin.zip")
    first = both(machine / "odd.rosin.zip")[0]
    assert first[0].text == "odd.rosin.zip holds what it says, and nothing else"
    assert first[1].text == "odd.rosin.zip contient ce qu'il annonce, et rien d'autre"


def test_the_verb_speaks_french_and_its_json_keeps_its_keys(machine: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tiny_model(machine / "models" / "own")
    assert main(["models", "verify", "own"]) == 0
    said = capsys.readouterr().out
    assert "crédits: " in said
    assert "vitesse: " in said
    assert "nombres finis" in said
    assert main(["models", "verify", "own", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)["models"][0]["findings"]
    assert {"credits", "speed", "sound"} <= {f["about"] for f in found}
    assert any("nombres finis" in f["text"] for f in found)


def test_numbers_are_written_as_the_language_writes_them() -> None:
    assert CheckTeller("fr").number(1.25, ".2f") == "1,25"
    assert CheckTeller("en").number(1.25, ".2f") == "1.25"
    assert CheckTeller().number(-3.0, "+.1f") == "-3.0"


def test_licences_speak_french_too() -> None:
    assert licences.mistake("cc0-1.0", "fr") == "'cc0-1.0' s'écrit CC0-1.0"
    assert licences.mistake("cc0-1.0") == "'cc0-1.0' is written CC0-1.0"
    assert "n'est pas une licence" in licences.mistake("nonsense", "fr")
    for sound, model in (("CC-BY-ND-4.0", "CC0-1.0"), ("CC-BY-NC-4.0", "CC0-1.0"), ("CC-BY-SA-4.0", "CC0-1.0"),
                         ("CC-BY-4.0", "CC0-1.0")):  # fmt: skip
        english, french = licences.conflict(sound, model), licences.conflict(sound, model, "fr")
        assert english != french
        assert sound in english
        assert sound in french


def test_every_topic_a_finding_can_have_is_a_word_in_both_languages() -> None:
    abouts = set()
    for name in ("verify", "probe"):
        for node in ast.walk(ast.parse((MODEL / f"{name}.py").read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") in ("tell", "CheckResult"):
                abouts.add(node.args[1].value)  # type: ignore[attr-defined]
    assert len(abouts) >= 14
    for about in abouts:
        assert all(topic(about, language) for language in LANGUAGES)


def test_every_sentence_of_a_finding_has_its_blanks_filled_in() -> None:
    """What tests/test_text.py does for say(), for the teller."""
    count = 0
    for name in ("verify", "probe"):
        for node in ast.walk(ast.parse((MODEL / f"{name}.py").read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call):
                continue
            if getattr(node.func, "id", "") == "tell":
                key = node.args[2]
            elif getattr(node.func, "attr", "") == "words":
                key = node.args[0]
            else:
                continue
            keys = [key.body.value, key.orelse.value] if isinstance(key, ast.IfExp) else [key.value]  # type: ignore[attr-defined]
            for each in keys:
                blanks = set(re.findall(r"{(\w+)}", catalogue()[each]["en"]))
                assert blanks == {word.arg for word in node.keywords}, each
                count += 1
    assert count >= 25
