"""Patches: the shipped ones play, a wrong one is told of all its mistakes at once, and the editors' schema agrees."""

from __future__ import annotations

import dataclasses
import re
import tomllib
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from instrument.base.errors import RosinError, ValidationErrors
from instrument.base.paths import shipped
from instrument.base.seeds import daily_seed
from instrument.documents.patch import SCHEMA, Patch, mistakes_against, patch_from, patch_schema, read_patch, table_of
from instrument.knobs import PARAMETERS, Label, LatentSpec
from instrument.model.library.cards import card_for

SHIPPED = sorted(shipped("patches").glob("*.toml"))
EVERY = pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
LEAST: dict[str, Any] = {"schema": 1, "name": "p", "model": {"name": "null"}}


def mistakes(table: dict[str, Any]) -> list[str]:
    with pytest.raises(ValidationErrors) as caught:
        patch_from(table, "p.toml")
    return caught.value.lines


def written(folder: Path, text: str | bytes) -> Path:
    path = folder / "p.toml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


# --- the shipped ones


@EVERY
def test_every_shipped_patch_is_read_and_fits_its_model(path: Path) -> None:
    patch = read_patch(path)
    assert patch.name == path.stem
    table = table_of(patch, card_for(patch.model, patch.model_sha256).specs)
    assert mistakes_against(patch, table) == []


@EVERY
def test_every_shipped_patch_speaks_to_the_player_in_both_languages(path: Path) -> None:
    patch = read_patch(path)
    for label in (patch.title, patch.about):
        assert label.en
        assert label.fr
        assert label.en != label.fr
    assert patch.author


@EVERY
def test_every_shipped_patch_pleases_the_schema(path: Path) -> None:
    jsonschema.Draft202012Validator(patch_schema()).validate(tomllib.loads(path.read_text(encoding="utf-8")))


@EVERY
def test_no_patch_says_how_many_latents_its_model_has(path: Path) -> None:
    assert "latent" not in path.read_text(encoding="utf-8").lower()
    assert not [key for key in re.findall(r'"([a-z_]+)": \{', str(patch_schema())) if "latent" in key or "count" in key]


def test_there_are_at_least_four_patches_and_they_play_differently() -> None:
    patches = [read_patch(path) for path in SHIPPED]
    assert len(patches) >= 4
    assert len({patch.seed for patch in patches}) == len(patches)
    assert len({(patch.difficulty, *sorted(patch.friction.items())) for patch in patches}) == len(patches)
    assert len({(patch.hazard, patch.entry, *sorted(patch.chance.items())) for patch in patches}) == len(patches)
    assert len({(p.model, p.sounds, p.note, p.attack_ms, p.release_ms, p.input_mode) for p in patches}) == len(patches)
    assert len({patch.model for patch in patches}) >= 2
    assert len({patch.entry for patch in patches}) == 3


# --- reading


def test_the_least_patch_takes_everything_else_from_the_table() -> None:
    patch = patch_from(LEAST, "p.toml")
    rests = {knob.id: knob.start for knob in PARAMETERS}
    table = table_of(patch, ())
    assert {knob.id: knob.start for knob in table} == pytest.approx(rests)


def test_a_patch_names_and_starts_the_knobs_of_its_model() -> None:
    latents = (LatentSpec("z1", Label("z1", "z1")), LatentSpec("z2", Label("z2", "z2")))
    mine = {"z1": {"start": 0.75, "label": {"en": "grain", "fr": "grain fin"}}, "z2": {"label": "air"}}
    patch = patch_from({**LEAST, "knobs": mine, "friction": {"stick": 0.3}, "level": {"db": -60}}, "p.toml")
    table = table_of(patch, latents)
    assert (table["z1"].start, table["z1"].label) == (0.75, Label("grain", "grain fin"))
    assert (table["z2"].start, table["z2"].label) == (0.5, Label("air", "air"))
    assert table["friction.stick"].start == 1.0
    assert table["level"].start == 0.0
    assert mistakes_against(patch, table) == []


def test_knobs_that_the_model_does_not_have_are_each_a_line_with_those_it_has() -> None:
    row = {"knob": {"z9": {"stick": 0.1}}}
    patch = patch_from({**LEAST, "knobs": {"zz": {}}, "friction": row, "chance": {"knob": {"z8": {}}}}, "p.toml")
    lines = mistakes_against(patch, table_of(patch, (LatentSpec("z1", Label("z1", "z1")),)))
    assert [line.split(":")[0] for line in lines] == ["knobs.zz", "friction.knob.z9", "chance.knob.z8"]
    assert all(line.endswith("it has z1") for line in lines)


def test_a_parameter_is_not_set_among_the_knobs_of_the_model() -> None:
    patch = patch_from({**LEAST, "knobs": {"level": {"start": 0.5}}}, "p.toml")
    assert len(mistakes_against(patch, table_of(patch, ()))) == 1


def test_a_patch_is_frozen_through_and_through() -> None:
    table = {**LEAST, "knobs": {"z1": {"start": 0.5}}, "friction": {"stick": 0.1, "knob": {"z1": {"visc": 1}}}}
    patch = patch_from(table, "p.toml")
    with pytest.raises(dataclasses.FrozenInstanceError):
        patch.seed = 2  # type: ignore[misc]
    for mapping in (patch.knobs, patch.friction, patch.friction_knobs, patch.friction_knobs["z1"], patch.chance):
        with pytest.raises(TypeError):
            mapping["z1"] = 0  # type: ignore[index]
    table["friction"]["knob"]["z1"]["visc"] = 2
    assert patch.friction_knobs["z1"]["visc"] == 1.0


def test_a_file_is_read_as_its_table(tmp_path: Path) -> None:
    path = written(tmp_path, 'schema = 1\nname = "é"\nmodel.name = "null"\nvoice.note = 60\n')
    patch = read_patch(path)
    assert (patch.name, patch.model, patch.note, patch.path) == ("é", "null", 60.0, str(path))
    assert isinstance(patch.note, float)


def test_windows_line_ends_and_a_byte_order_mark_are_no_mistakes(tmp_path: Path) -> None:
    text = b'\xef\xbb\xbfschema = 1\r\nname = "p"\r\n[model]\r\nname = "null"\r\n'
    assert read_patch(written(tmp_path, text)).name == "p"


# --- what is wrong


def test_five_mistakes_are_five_lines_each_with_path_value_and_remedy() -> None:
    lines = mistakes(
        {
            **LEAST,
            "voice": {"note": 128, "sounds": "never"},
            "friction": {"stik": 0.1, "knob": {"z1": {"visc": "thick"}}},
            "seed": -1,
        }
    )
    assert lines == [
        "voice.note: 128 is too large; the range is 0 to 127",
        "voice.sounds: 'never' does not fit; write one of gesture, always",
        "friction.stik: unknown entry; did you mean 'stick'?",
        "friction.knob.z1.visc: 'thick' does not fit; write a number",
        "seed: -1 is too small; the range is 0 to 9223372036854775807",
    ]


def test_the_whole_complaint_names_the_file_on_every_line() -> None:
    with pytest.raises(ValidationErrors) as caught:
        patch_from({}, "p.toml")
    assert str(caught.value).splitlines() == [
        "p.toml: schema: it is missing; write schema = a whole number",
        "p.toml: name: it is missing; write name = a text",
        "p.toml: model: it is missing; write [model]",
    ]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"nmae": "x"}, "nmae: unknown entry; did you mean 'name'?"),
        ({"zoom": 8}, "zoom: unknown entry; known here: schema, name, title, author"),
        ({"name": "a/b"}, "name: 'a/b' is no name; use 1 to 64 characters without slashes"),
        ({"name": ""}, "name: '' is no name"),
        ({"model": {"name": "first-bow"}}, "model.sha256: it is missing; write the hash that `rosin models list`"),
        ({"model": {"name": "first-bow", "sha256": "1"}}, "model.sha256: '1' does not fit; write 64 hexadecimal"),
        ({"model": {"name": "first-bow", "sha256": ""}}, "model.sha256: '' does not fit; write 64 hexadecimal"),
        ({"model": {"name": "x" * 300, "sha256": "0" * 64}}, "model.name: 'xxxxxx"),
        ({"model": {"name": "../../x", "sha256": "0" * 64}}, "model.name: '../../x' is no name"),
        ({"model": {}}, "model.name: it is missing; write name = a text"),
        ({"model": 5}, "model: 5 should be a table; write [model]"),
        ({"seed": True}, "seed: True does not fit; write a whole number"),
        ({"seed": 1.5}, "seed: 1.5 does not fit; write a whole number"),
        ({"seed": 10**400}, "seed: 1000000"),
        ({"seed": 16**5000}, "seed: this number is not a finite number; write one"),
        ({"voice": {"note": float("nan")}}, "voice.note: nan is not a finite number; write one"),
        ({"voice": {"note": float("inf")}}, "voice.note: inf is not a finite number; write one"),
        ({"voice": {"note": 10**400}}, "voice.note: 1000000"),
        ({"title": {"en": "x"}}, "title: {'en': 'x'} does not fit; write a text, or { en = ..., fr = ... }"),
        ({"title": {"en": "x", "fr": 1}}, "title: {'en': 'x', 'fr': 1} does not fit"),
        ({"knobs": {"z1": 0.5}}, "knobs.z1: 0.5 should be a table; write [knobs.z1]"),
        ({"knobs": {"z1": {"strat": 0.5}}}, "knobs.z1.strat: unknown entry; did you mean 'start'?"),
        ({"chance": {"entry": ["hand"]}}, "chance.entry: ['hand'] does not fit; write one of hand, bearing, sound"),
        ({"schema": "1"}, "schema: '1' does not fit; write a whole number"),
        ({"schema": True}, "schema: True does not fit; write a whole number"),
        ({"schema": -1}, "schema: -1 is too small"),
    ],
)
def test_one_mistake_is_one_line(change: dict[str, Any], said: str) -> None:
    lines = mistakes({**LEAST, **change})
    assert len(lines) == 1
    assert lines[0].startswith(said)
    assert len(lines[0]) < 300


def test_a_patch_of_a_newer_rosin_is_refused_with_one_sentence_whatever_else_it_holds() -> None:
    lines = mistakes({"schema": SCHEMA + 1, "hologram": True, "seed": "x"})
    assert lines == [f"schema: {SCHEMA + 1} is newer than this Rosin reads ({SCHEMA}); update Rosin"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"\xff\xfe\x00", "is not text in UTF-8; save the patch again as UTF-8"),
        (b"name = ", "is not readable TOML"),
        (b"a = " + b"[" * 100_000, "nests too deep to be a patch"),
        (b"schema = 1\nseed = " + b"9" * 5000, "is not readable TOML (Exceeds the limit"),
        (b"#" * (1 << 20) + b"##", "is too large to be a patch"),
        (b"", "schema: it is missing"),
    ],
)
def test_a_file_that_is_no_patch_is_a_sentence(tmp_path: Path, content: bytes, said: str) -> None:
    with pytest.raises(RosinError) as caught:
        read_patch(written(tmp_path, content))
    assert said in str(caught.value)
    assert "p.toml" in str(caught.value)


def test_a_key_of_a_thousand_dots_is_a_line_and_no_fault(tmp_path: Path) -> None:
    with pytest.raises(ValidationErrors, match="name: this heap does not fit"):
        read_patch(written(tmp_path, "name" + ".a" * 3000 + " = 1\n"))


@pytest.mark.parametrize("path", ["/nowhere/p.toml", "/", "/dev/zero", "x" * 5000, "a\x00b"])
def test_a_path_that_leads_nowhere_is_a_sentence(path: str) -> None:
    with pytest.raises(RosinError, match="give the path of a patch"):
        read_patch(Path(path))


# --- older ones


def test_the_oldest_patches_are_brought_up_to_now() -> None:
    old = {"schema": 0, "name": "p", "model": {"name": "null"}, "difficulty": 7, "drift": 0.5, "chance": {"tau": 3}}
    patch = patch_from(old, "p.toml")
    assert (patch.difficulty, patch.chance) == (7, {"drift": 0.5, "tau": 3.0})
    assert old["schema"] == 0, "what was given is not written to"
    assert patch == patch_from({**LEAST, "friction": {"difficulty": 7}, "chance": {"drift": 0.5, "tau": 3}}, "p.toml")


def test_an_old_patch_with_nothing_to_move_is_only_renumbered() -> None:
    assert patch_from({**LEAST, "schema": 0}, "p.toml") == patch_from(LEAST, "p.toml")


def test_a_broken_old_patch_is_told_of_its_mistakes_like_any_other() -> None:
    lines = mistakes({**LEAST, "schema": 0, "difficulty": 3, "friction": 5})
    assert "friction: 5 should be a table; write [friction]" in lines
    assert mistakes({**LEAST, "schema": 0, "drift": "much"}) == ["chance.drift: 'much' does not fit; write a number"]
    for no_version in (False, 0.0, "0"):
        assert mistakes({**LEAST, "schema": no_version})[0].startswith(f"schema: {no_version!r} does not fit")


def test_the_library_type_says_what_the_file_may_leave_out() -> None:
    assert Patch("p", "null") == dataclasses.replace(patch_from(LEAST, "p.toml"), path="")


def test_a_patch_may_have_the_seed_of_the_day_and_a_feel(tmp_path: Path) -> None:
    file = tmp_path / "p.toml"
    file.write_text(
        'schema = 1\nname = "p"\nseed = "daily"\n[model]\nname = "null"\n[friction]\nfeel = "rust"\nvs = 0.5\n'
    )
    patch = read_patch(file)
    assert patch.seed == daily_seed()
    assert patch.friction["stick"] == 0.24
    assert patch.friction["vs"] == 0.5, "what stands in the patch wins"
    assert mistakes({**LEAST, "seed": "yearly"}) == ["seed: 'yearly' does not fit; write a whole number or daily"]
    file.write_text('schema = 1\nname = "p"\n[model]\nname = "null"\n[friction]\nfeel = "velvet"\n')
    with pytest.raises(ValidationErrors, match="there is no feel 'velvet'; the feels here: clay, glass"):
        read_patch(file)


def test_what_belongs_to_no_single_knob_is_refused_for_one() -> None:
    for name in ("tape", "bend", "wear", "temperature", "habit_shape", "lorenz_rho"):
        (line,) = mistakes({**LEAST, "chance": {"knob": {"breath": {name: 0.5}}}})
        assert line.startswith(f"chance.knob.breath.{name}: unknown entry")
