"""Scenes in files: read and refused with the patch, written into it line by line, beside it where that cannot be."""

from __future__ import annotations

import json
import os
import stat
import string
import subprocess
import sys
import threading
import tomllib
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import tomlkit
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from stage import null_part, play

from instrument.base.errors import RosinError, ValidationErrors
from instrument.base.paths import scene_file
from instrument.cli import main
from instrument.documents import scene_file as scenes_module
from instrument.documents.patch import Patch, Scene, patch_from, read_patch, scene_mistakes, table_of
from instrument.documents.scene_file import SHIPPED, Kept, keep_scene, read_own, with_own_scenes, with_scene
from instrument.engine.engine import Engine
from instrument.ipc import Gesture, Kind, Link, Source
from instrument.knobs import PARAMETERS, SCENES
from instrument.model.library.retarget import retarget
from instrument.model.runtime.null import null_card
from instrument.storage.accident_store import AccidentStore
from instrument.storage.bank import Bank

HEAD = 'schema = 1\nname = "p"\nmodel = { name = "null" }\n'
FULL = """\
# my patch, over two evenings
schema = 1   # one
name = "rope"

[model]
name = "null"

# where to go
[scenes]
blend_ms = 900  # slowly

[scenes.2]
title = { en = "two", fr = "deux" }   # hey
[scenes.2.knobs]
# low, and
pitch   = 0.5     # at home
"friction.stick" = 0.25
glass = 1

# thick
[friction]
stick = 0.1
# the end
"""


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "home"))
    return tmp_path / "home" / "rosin"


def patch_at(path: Path, text: str = FULL) -> Patch:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return read_patch(path)


def saved(path: Path) -> Any:
    return tomllib.loads(path.read_text(encoding="utf-8-sig"))["scenes"]


# --- read


def test_a_patch_says_its_scenes_by_slot_and_how_long_the_way_is() -> None:
    patch = patch_from(tomllib.loads(FULL), "x")
    assert patch.blend_ms == 900.0
    assert dict(patch.scenes[1].knobs) == {"pitch": 0.5, "friction.stick": 0.25, "glass": 1.0}
    assert patch.scenes[1].title.fr == "deux"
    assert list(patch.scenes) == [1]
    plain = patch_from(tomllib.loads(HEAD), "x")
    assert (plain.blend_ms, dict(plain.scenes)) == (1500.0, {})
    with pytest.raises(TypeError):
        patch.scenes[0] = Scene()  # type: ignore[index]


def test_a_file_of_the_oldest_version_may_have_them_too() -> None:
    patch = patch_from({**tomllib.loads(FULL), "schema": 0, "difficulty": 4}, "x")
    assert patch.difficulty == 4.0
    assert patch.scenes[1].knobs["pitch"] == 0.5


def test_every_mistake_is_told_at_once_with_its_place() -> None:
    text = HEAD + (
        "[scenes]\nblend_ms = 60001\nfaster = true\n[scenes.9]\n[scenes.1]\ntitel = 'x'\nknobs = 3\n"
        "[scenes.8.knobs]\npitch = 1.5\nglass = 'x'\nz = nan\nfriction.stick = 0.5\n[[scenes.3]]\n"
    )
    with pytest.raises(ValidationErrors) as caught:
        patch_from(tomllib.loads(text), "x")
    told = {line.split(": ")[0]: line for line in caught.value.lines}
    assert set(told) == {
        "scenes.blend_ms", "scenes.faster", "scenes.9", "scenes.1.titel", "scenes.1.knobs", "scenes.3",
        "scenes.8.knobs.pitch", "scenes.8.knobs.glass", "scenes.8.knobs.z", "scenes.8.knobs.friction",
    }  # fmt: skip
    assert "did you mean 'title'" in told["scenes.1.titel"]
    assert "range is 0 to 60000" in told["scenes.blend_ms"]


def test_a_scene_of_another_training_is_told_and_does_without(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "p.toml"
    path.write_text(HEAD + "[scenes.3.knobs]\nz99 = 0.5\nglass = 0.25\n[scenes.4.knobs]\nz98 = 0.5\n")
    patch = read_patch(path)
    lines = scene_mistakes(patch, table_of(patch, null_card().specs))
    assert [line.split(":")[0] for line in lines] == ["scenes.3.knobs.z99", "scenes.4.knobs.z98"]
    assert all("; take the line out" in line for line in lines)
    assert main(["check", str(path)]) == 2
    assert capsys.readouterr().err.count("has no such knob") == 2
    bank = Bank([path])
    part = bank.layer(0)
    assert part.scenes.all_knobs() == {2: {"glass": 0.25}}, "what it says of the knobs that are here holds"
    assert part.scenes.mask == 0b100, "a scene of which nothing is left is none"
    (said,) = bank.wrong
    assert "scenes.3.knobs.z99, scenes.4.knobs.z98" in said


def test_the_scenes_are_listed_with_the_knobs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "rope.toml"
    patch_at(path)
    assert main(["knobs", str(path), "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["blend_ms"] == 900
    assert said["scenes"] == [
        {"scene": 2, "en": "two", "fr": "deux", "knobs": {"pitch": 0.5, "friction.stick": 0.25, "glass": 1.0}}
    ]
    assert main(["knobs", str(path)]) == 0
    table = capsys.readouterr().out
    assert "scene 2 two" in table
    glass = next(line for line in table.splitlines() if " glass " in line)
    assert glass.split()[-1] == "3", "in the knob's own unit"


# --- written


def test_only_the_lines_of_the_scene_change(tmp_path: Path) -> None:
    knobs = {"pitch": 0.5, "glass": 0.75, "breath": 0.125}
    after = with_scene(FULL, 1, knobs)
    assert after == FULL.replace('"friction.stick" = 0.25\nglass = 1\n', "glass = 0.75\nbreath = 0.125\n")
    assert tomllib.loads(after)["scenes"]["2"]["title"]["fr"] == "deux"
    assert with_scene(after, 1, knobs) == after, "written again it is the same"


def test_a_new_scene_stands_among_its_own_in_their_order() -> None:
    text = FULL
    for slot in (7, 0, 4, 2):
        text = with_scene(text, slot, {"friction.stick": 0.5})
    headers = [line for line in text.splitlines() if line.startswith("[scenes.")]
    assert [header[8:-1] for header in headers] == ["1.knobs", "2", "2.knobs", "3.knobs", "5.knobs", "8.knobs"]
    assert [line for line in FULL.splitlines() if line not in text.splitlines()] == []
    assert text.index("[scenes.8.knobs]") < text.index("# thick\n[friction]")
    assert '"friction.stick" = 0.5' in text
    assert with_scene(HEAD, 0, {"a": 1.0}) == HEAD + "\n[scenes.1.knobs]\na = 1.0\n"


@pytest.mark.parametrize(
    "text",
    [
        "scenes = { 1 = { knobs = { a = 0.5 } }, blend_ms = 7 } # mine\n",
        "scenes.1.knobs.a = 0.5 # mine\nscenes.blend_ms = 7\n[x]\n",
        "[scenes]\nblend_ms = 7\n1.knobs.a = 0.25 # mine\n[x]\n",
        "[scenes.1]\nknobs = { a = 1 } # mine\n[scenes]\nblend_ms = 7\n",
        '[ scenes . "1" . knobs ] # mine\n a=0.5\n[scenes]\nblend_ms=7',
        'x = """\n[scenes.1.knobs]\na = 0.5\n""" # mine\n[scenes]\nblend_ms = 7\n',
        "x = [\n[1],\n[2]\n] # mine\n[[y]]\n[[y]]\n[scenes]\nblend_ms = 7\n",
    ],
)
def test_any_layout_takes_a_scene_and_keeps_what_is_not_of_it(text: str) -> None:
    before = tomllib.loads(text)
    after = with_scene(text, 0, {"a": 0.75, "b.c": 0.125, 'q"': 1.0})
    found = tomllib.loads(after)
    assert found["scenes"].pop("1") == {"knobs": {"a": 0.75, "b.c": 0.125, 'q"': 1.0}}
    before["scenes"].pop("1", None)
    assert found == before
    assert "# mine" in after


@pytest.mark.parametrize("text", ["[scenes", "scenes = 3\n", "scenes = []\n", "[scenes]\n1 = 5\n", "a = 1\na = 2\n"])
def test_what_cannot_take_one_is_refused_in_words(text: str) -> None:
    with pytest.raises(RosinError, match=";"):
        with_scene(text, 0, {"a": 0.5})


KEYS = st.text(string.ascii_letters + string.digits + "._- é\"'\\#[]=\u2028\U0001f39b", min_size=1, max_size=8)
RAWS = st.dictionaries(KEYS, st.floats(0, 1).map(lambda raw: float(np.float32(raw))), max_size=6)
COMMENTS = st.text(string.ascii_letters + " []=\"'#.1\u2028", max_size=12)


THERE = st.dictionaries(st.integers(0, SCENES - 1), RAWS, max_size=4)


@given(THERE, st.lists(COMMENTS, max_size=8), st.integers(0, 7), RAWS, st.integers(0, 99))
@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_whatever_is_kept_is_read_again_and_no_comment_is_lost(
    there: dict[int, dict[str, float]], comments: list[str], slot: int, knobs: dict[str, float], seed: int
) -> None:
    table = {"schema": 1, "name": "p", "model": {"name": "null"}, "chance": {"drift": 0.5}}
    if there:
        table["scenes"] = {str(n + 1): {"title": "t", "knobs": k} for n, k in there.items()}
    lines = tomlkit.dumps(table).split("\n")
    rng = np.random.default_rng(seed)
    for i, comment in enumerate(comments):
        lines.insert(int(rng.integers(0, len(lines) + 1)), f"# {i} {comment}")
    text = "\n".join(lines)
    after = with_scene(text, slot, knobs)
    found = patch_from(tomllib.loads(after), "x")
    wanted = {**{n: dict(k) for n, k in there.items()}, slot: knobs}
    assert {n: dict(scene.knobs) for n, scene in found.scenes.items()} == wanted
    assert found.chance == {"drift": 0.5}
    for i, comment in enumerate(comments):
        assert f"# {i} {comment}" in after


ODD = st.one_of(st.floats(-1, 2), st.booleans(), st.text(max_size=2))
TITLES = st.one_of(st.text(max_size=4), st.dictionaries(st.sampled_from(["en", "fr", "de"]), st.text(max_size=3)))
ROWS = st.fixed_dictionaries(
    {},
    optional={
        "title": TITLES,
        "knobs": st.one_of(st.integers(), st.dictionaries(KEYS, ODD)),
        "else": st.integers(),
    },
)
NAMES = st.sampled_from([str(n) for n in range(12)] + ["blend_ms", "knobs", "title"])
ANY = st.one_of(st.floats(), st.integers(-5, 70000), st.text(max_size=3), ROWS)


@given(st.dictionaries(NAMES, ANY, max_size=4))
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_scenes_of_any_kind_are_read_or_refused_line_by_line(scenes: dict[str, Any]) -> None:
    told: list[str] = []
    try:
        patch = patch_from({"schema": 1, "name": "p", "model": {"name": "null"}, "scenes": scenes}, "x")
    except ValidationErrors as error:
        told = list(error.lines)
    if told:
        assert all(line.startswith("scenes.") and ";" in line for line in told)
    else:
        assert all(0 <= slot < SCENES for slot in patch.scenes)
        assert all(0.0 <= raw <= 1.0 for scene in patch.scenes.values() for raw in scene.knobs.values())
        part = null_part(scenes=patch.scenes)
        assert part.scenes.mask < 256


# --- the file


def test_a_scene_is_in_the_patchs_file_and_another_process_reads_it(tmp_path: Path) -> None:
    path = tmp_path / "rope.toml"
    patch = patch_at(path)
    path.chmod(0o640)
    assert keep_scene(patch, 4, {"glass": 0.625}) == Kept(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert [name for name in os.listdir(tmp_path) if name != "home"] == ["rope.toml"], "nothing is left beside it"
    read = "import sys; from pathlib import Path; from instrument.documents.patch import read_patch; " \
           "print(dict(read_patch(Path(sys.argv[1])).scenes[4].knobs))"  # fmt: skip
    done = subprocess.run([sys.executable, "-c", read, str(path)], capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "{'glass': 0.625}", done.stderr


def test_what_an_editor_wrote_meanwhile_stays(tmp_path: Path) -> None:
    path = tmp_path / "rope.toml"
    patch = patch_at(path)
    path.write_text(FULL.replace("stick = 0.1", "stick = 0.2  # thicker").replace("glass = 1", "glass = 0.5"))
    keep_scene(patch, 4, {"glass": 0.625})
    text = path.read_text()
    assert "stick = 0.2  # thicker" in text
    assert saved(path)["2"]["knobs"]["glass"] == 0.5
    assert saved(path)["5"]["knobs"] == {"glass": 0.625}


def test_an_editor_that_saves_at_that_very_moment_is_not_overwritten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "rope.toml"
    patch = patch_at(path)
    times = []

    def slow(text: str, slot: int, knobs: Any) -> str:
        if not times:
            path.write_text(FULL.replace("# the end", "# saved just now"))
        times.append(1)
        return with_scene(text, slot, knobs)

    monkeypatch.setattr(scenes_module, "with_scene", slow)
    keep_scene(patch, 4, {"glass": 0.625})
    assert len(times) == 2
    assert "# saved just now" in path.read_text()
    assert saved(path)["5"]["knobs"] == {"glass": 0.625}


def test_line_ends_byte_order_mark_and_a_link_stay_what_they_are(tmp_path: Path) -> None:
    real, link = tmp_path / "elsewhere" / "real.toml", tmp_path / "rope.toml"
    real.parent.mkdir()
    real.write_bytes(b"\xef\xbb\xbf" + FULL.replace("\n", "\r\n").encode())
    link.symlink_to(real)
    assert keep_scene(read_patch(link), 0, {"glass": 0.5}) == Kept(link)
    assert link.is_symlink()
    data = real.read_bytes()
    assert data.startswith(b"\xef\xbb\xbf# my patch")
    assert data.count(b"\n") == data.count(b"\r\n")
    assert dict(read_patch(link).scenes[0].knobs) == {"glass": 0.5}


@pytest.mark.parametrize("why", ["read-only", "gone", "broken", "no place"])
def test_what_cannot_be_written_goes_beside_it_and_is_read_with_it(tmp_path: Path, home: Path, why: str) -> None:
    path = tmp_path / "patches" / "rope.toml"
    patch = patch_at(path)
    if why == "read-only":
        path.chmod(0o444)
    elif why == "gone":
        path.unlink()
    else:
        path.write_text("[scenes" if why == "broken" else "scenes = 3\n")
    before = path.read_bytes() if path.exists() else b""
    where, said = keep_scene(patch, 4, {"glass": 0.625})
    assert where == scene_file("rope") == home / "scenes" / "rope.toml"
    assert said
    keep_scene(patch, 1, {"glass": 0.125})
    assert (path.read_bytes() if path.exists() else b"") == before
    assert {slot: dict(scene.knobs) for slot, scene in read_own(where).items()} == {
        1: {"glass": 0.125}, 4: {"glass": 0.625}
    }  # fmt: skip
    found, wrong = with_own_scenes(patch)
    assert not wrong
    assert dict(found.scenes[4].knobs) == {"glass": 0.625}
    assert dict(found.scenes[1].knobs) == {"glass": 0.125}, "the player's own wins"
    assert found.scenes[1].title.fr == "deux", "and keeps the title"
    assert main(["check", str(where)]) == 0


def test_a_patch_that_came_with_rosin_stays_as_it_is(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scenes_module, "shipped", lambda kind: tmp_path / kind)
    path = tmp_path / "patches" / "rope.toml"
    patch = patch_at(path)
    assert keep_scene(patch, 0, {"glass": 0.5}) == Kept(home / "scenes" / "rope.toml", SHIPPED)
    assert path.read_text() == FULL
    assert Bank([path]).layer(0).scenes.all_knobs()[0] == {"glass": 0.5}, "it is there when the patch is opened again"


def test_a_scene_of_a_patch_on_another_model_outlives_the_show(tmp_path: Path, home: Path) -> None:
    path = tmp_path / "rope.toml"
    patch_at(path)
    made = retarget(path, "null", tmp_path / "until the end of the show")
    own, why = keep_scene(made.patch, 4, {"glass": 0.625})
    assert own == home / "scenes" / "rope.toml"
    assert why
    keep_scene(made.patch, 5, {"glass": 0.75})
    assert {slot: scene.knobs["glass"] for slot, scene in read_own(own).items()} == {4: 0.625, 5: 0.75}
    assert retarget(path, "null", made.path.parent).path == made.path


def test_once_the_file_can_be_written_an_older_scene_beside_it_does_not_hide_the_new_one(tmp_path: Path) -> None:
    path = tmp_path / "rope.toml"
    patch = patch_at(path)
    path.chmod(0o444)
    own, _ = keep_scene(patch, 4, {"glass": 0.625})
    keep_scene(patch, 5, {"glass": 0.75})
    path.chmod(0o644)
    assert keep_scene(patch, 4, {"glass": 0.25}) == Kept(path)
    found, _ = with_own_scenes(read_patch(path))
    assert (found.scenes[4].knobs["glass"], found.scenes[5].knobs["glass"]) == (0.25, 0.75)
    assert list(read_own(own)) == [5]


def test_broken_scenes_beside_a_patch_are_told_and_the_patch_plays(
    tmp_path: Path, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "rope.toml"
    patch_at(path)
    own = home / "scenes" / "rope.toml"
    own.parent.mkdir(parents=True)
    own.write_text("schema = 1\n[scenes.1.knobs]\nglass = 7\n")
    bank = Bank([path])
    assert bank.layer(0).scenes.mask == 0b10
    assert [line for line in bank.wrong if "scenes.1.knobs.glass: 7 is too large" in line]
    assert main(["check", str(path)]) == 2
    assert str(own) in capsys.readouterr().err
    patch = read_patch(path)
    assert keep_scene(patch, 0, {"glass": 0.25}) == Kept(path), "it is in the patch's own file, which is what counts"
    path.chmod(0o444)
    own.write_text("schema = [")
    with pytest.raises(RosinError, match=f"{own}: it is not readable TOML"):
        keep_scene(patch, 0, {"glass": 0.5})
    assert own.read_text() == "schema = [", "nothing of it is thrown away"


# --- the sound process' part in it


def keepsakes_of(path: Path) -> tuple[AccidentStore, Engine, list[str], Bank]:
    bank = Bank([path])
    link = Link.create()
    keeper = AccidentStore(bank, link, "en")
    said: list[str] = []
    keeper._row = SimpleNamespace(say=said.append)  # type: ignore[assignment]
    return keeper, Engine(bank.layer(0)), said, bank


def test_saving_ends_in_the_file_and_in_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "rope.toml"
    patch_at(path)
    keeper, engine, said, _ = keepsakes_of(path)
    glass = engine.layer.table.index("glass")
    for raw, slot in ((0.3, 0), (0.4, 0), (0.6, 7)):
        engine.post(Gesture(Kind.KNOB, glass, raw), engine.sample)
        engine.post(Gesture(Kind.SCENE_SAVE, slot, source=Source.STAGE), engine.sample + 64)
        play(engine, 2)
    engine.post(Gesture(Kind.SCENE_SAVE, 5, source=Source.TAKE), engine.sample)
    play(engine, 1)
    assert [t for t in threading.enumerate() if t.name == "scenes"] == []
    keeper.look(0.0)
    keeper.close()
    assert sorted(said) == [f"Scene 1 is kept in {path}.", f"Scene 8 is kept in {path}."]
    found = saved(path)
    assert (found["1"]["knobs"]["glass"], found["8"]["knobs"]["glass"]) == (0.4, 0.6), "the last of two wins"
    assert "6" not in found
    assert "[friction]\nstick = 0.1\n# the end\n" in path.read_text()
    assert Bank([path]).layer(0).scenes.raw[7].tolist() == engine.layer.scenes.raw[7].tolist(), "to the bit"


def test_a_save_at_the_very_end_is_written_too(tmp_path: Path) -> None:
    path = tmp_path / "rope.toml"
    patch_at(path)
    keeper, engine, said, _ = keepsakes_of(path)
    engine.post(Gesture(Kind.SCENE_SAVE, 3), 0)
    play(engine, 1)
    keeper.close()
    assert said == [f"Scene 4 is kept in {path}."]
    assert "4" in saved(path)


def test_a_scene_that_cannot_be_written_anywhere_is_said_and_still_recalled(tmp_path: Path, home: Path) -> None:
    path = tmp_path / "rope.toml"
    patch_at(path)
    path.chmod(0o444)
    home.parent.mkdir(exist_ok=True)
    home.write_text("a file where a folder should be")
    keeper, engine, said, _ = keepsakes_of(path)
    engine.post(Gesture(Kind.SCENE_SAVE, 3), 0)
    play(engine, 1)
    keeper.close()
    assert len([line for line in said if line.startswith("Scene 4 can be recalled until you stop")]) == 1
    assert engine.layer.scenes.has(3)


def test_the_standby_takes_up_what_was_kept_since_it_learned_its_part(tmp_path: Path) -> None:
    path = tmp_path / "rope.toml"
    patch = patch_at(path)
    standby = Bank([path])
    part = standby.layer(0)
    standby.refresh()
    assert part.scenes.mask == 0b10
    keep_scene(patch, 4, {"glass": 0.625})
    path.chmod(0o444)
    keep_scene(patch, 5, {"glass": 0.75})
    standby.refresh()
    assert part.scenes.mask == 0b110010
    assert part.scenes.knobs(5) == {"glass": 0.75}
    path.chmod(0o644)
    path.write_text("broken [")
    standby.refresh()
    assert part.scenes.mask == 0b110010, "what cannot be read changes nothing"


def test_what_belongs_to_the_room_is_a_parameter_of_the_table() -> None:
    from instrument.engine.scenes import OF_THE_ROOM

    assert set(OF_THE_ROOM) <= {knob.id for knob in PARAMETERS}
