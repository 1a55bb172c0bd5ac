"""The rig: what was learned is on disk at once and whole, and what the player wrote stays as it was."""

from __future__ import annotations

import json
import os
import stat
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from instrument.audio.settings import SoundSettings
from instrument.base.errors import RosinError, ValidationErrors
from instrument.base.validation import Section
from instrument.documents.options import Folders, MidiOptions, OscOptions, SoundOptions, StageOptions, rows
from instrument.documents.rig import (
    SCHEMA,
    SHAPE,
    Rig,
    read_rig,
    rig_from,
    rig_path,
    rig_schema,
)
from instrument.documents.rig_bindings import save_bindings, write_whole
from instrument.hands.state.bindings import Binding, read_bindings
from instrument.hands.worker import HandsSettings

ROWS: list[dict[str, Any]] = [
    {"knob": "friction.stick", "kind": "cc", "number": 21, "high": 0.5},
    {"knob": "level", "kind": "bend", "port": 'a "quoted" \\ pört'},
]
RIG = """\
# My machine.
schema = 1  # the first
language = "fr"

# what I play
[midi]
api = "off"  # until the cable comes

# the fader on the left
[[midi.bindings]]
knob = "friction.stick"  # it sticks
kind = "cc"
number = 21
high = 0.5

# and the pedal
[[midi.bindings]]
knob = "hazard"
kind = "cc"
number = 11

# the card in the rack
[sound]
block = 256  # small enough
# the end
"""


def rig_file(folder: Path, text: str = RIG) -> Path:
    path = folder / "rig.toml"
    path.write_text(text, encoding="utf-8")
    return path


def mistakes(table: dict[str, Any]) -> list[str]:
    with pytest.raises(ValidationErrors) as caught:
        rig_from(table, "rig.toml")
    return caught.value.lines


# --- reading


def test_a_machine_without_a_rig_is_a_new_machine(tmp_path: Path) -> None:
    assert read_rig(tmp_path / "none" / "rig.toml") == Rig(path=str(tmp_path / "none" / "rig.toml"))
    assert not (tmp_path / "none").exists(), "looking writes nothing"


def test_the_least_rig_is_a_new_machine() -> None:
    assert rig_from({"schema": 1}, "r") == Rig(path="r")


def test_every_entry_of_the_file_reaches_the_rig() -> None:
    table: dict[str, Any] = {
        "schema": 1, "language": "fr",
        "sound": {"device": "usb", "block": 64, "ahead": 2, "input": True, "provider": "cpu", "ceiling_db": -3},
        "osc": {"listen": "0.0.0.0:7000", "allow": ["10.0.0.1"], "echo": ["10.0.0.1:7001"], "root": "/r",
                "schedule": True, "detail": True, "neighbours": "numbers",
                "bindings": [{"address": "/1/fader3", "knob": "level"}]},
        "midi": {"api": "jack", "ports": ["nano"], "takeover": "jump", "mpe": "lower", "mpe_bend": 24,
                 "bindings": ROWS},
        "folders": {"takes": "/t", "models": "/m", "patches": "/p"},
        "stage": {"window": False, "fullscreen": True, "display": 2, "width": 1920, "height": 1080, "big_type": True,
                  "calm": True},
    }  # fmt: skip
    assert {key for key, part in SHAPE.fields.items() if isinstance(part, Section)} == set(table) - {
        "schema",
        "language",
    }
    for key, part in SHAPE.fields.items():
        if isinstance(part, Section):
            assert set(part.fields) == set(table[key]), "a new entry belongs in this test"
    rig = rig_from(table, "r")
    learned = ({"address": "/1/fader3", "knob": "level"},)
    assert rig == Rig(
        "r",
        "fr",
        SoundOptions("usb", 64, 2, True, "cpu", -3),
        OscOptions("0.0.0.0:7000", ("10.0.0.1",), ("10.0.0.1:7001",), "/r", True, True, "numbers", learned),
        MidiOptions("jack", ("nano",), "jump", "lower", 24, tuple(ROWS)),
        StageOptions(False, True, 2, 1920, 1080, True, True),
        Folders("/t", "/m", "/p"),
    )
    assert rig.language != Rig().language
    usual = {(row.section, row.key): row.usual for row in rows(Rig) if row.section}
    assert [at for at, value in usual.items() if getattr(getattr(rig, at[0]), at[1]) == value] == []


def test_mistakes_come_all_at_once() -> None:
    lines = mistakes(
        {"schema": 1, "sond": {}, "sound": {"block": 8, "devise": ""}, "osc": {"allow": "all"}, "midi": {"takeover": 1}}
    )
    assert [line.split(":")[0] for line in lines] == [
        "sond",
        "sound.block",
        "sound.devise",
        "osc.allow",
        "midi.takeover",
    ]
    assert "did you mean 'sound'?" in lines[0]
    assert "did you mean 'device'?" in lines[2]


@pytest.mark.parametrize("root", ["rosin", "/rosin/", "/", "/a b", "/a*", "/a{b}", "/a#"])
def test_a_root_that_is_no_osc_address_is_a_line(root: str) -> None:
    assert mistakes({"schema": 1, "osc": {"root": root}}) == [
        f"osc.root: {root!r} is no OSC address; write one such as /rosin"
    ]


def test_a_rig_of_a_newer_rosin_is_refused_with_one_sentence() -> None:
    assert mistakes({"schema": SCHEMA + 1, "hologram": 1}) == [
        f"schema: {SCHEMA + 1} is newer than this Rosin reads ({SCHEMA}); update Rosin"
    ]


def test_folders_may_begin_at_home(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/me")
    rig = rig_from({"schema": 1, "folders": {"takes": "~/takes", "models": "~"}}, "r")
    assert (rig.folders.takes, rig.folders.models, rig.folders.patches) == ("/home/me/takes", "/home/me", "")
    assert mistakes({"schema": 1, "folders": {"models": "~nobody-of-that-name/x"}}) == [
        "folders.models: '~nobody-of-that-name/x' is in the home of nobody here; write the whole path"
    ]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"\xff\xfe", "is not text in UTF-8"),
        (b"schema = ", "is not readable TOML"),
        (b"a = " + b"[" * 100_000, "nests too deep"),
        (b"schema = " + b"1" * 5000, "is not readable TOML"),
        (b"", "schema: it is missing"),
    ],
)
def test_a_file_that_is_no_rig_is_a_sentence(tmp_path: Path, content: bytes, said: str) -> None:
    path = tmp_path / "rig.toml"
    path.write_bytes(content)
    with pytest.raises(RosinError) as caught:
        read_rig(path)
    assert said in str(caught.value)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("path", ["/", "/etc/passwd/rig.toml", "x" * 5000])
def test_a_rig_that_cannot_be_looked_at_is_a_sentence_and_no_new_machine(path: str) -> None:
    with pytest.raises(RosinError, match="cannot be read"):
        read_rig(Path(path))


def test_the_rig_is_where_the_environment_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROSIN_RIG", "/somewhere/r.toml")
    assert rig_path() == Path("/somewhere/r.toml")
    monkeypatch.delenv("ROSIN_RIG")
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setenv("XDG_CONFIG_HOME", "/cfg")
    assert rig_path() == Path("/cfg/rosin/rig.toml")
    monkeypatch.setattr("sys.platform", "darwin")
    monkeypatch.setenv("HOME", "/Users/me")
    assert rig_path() == Path("/Users/me/Library/Application Support/rosin/rig.toml")


def test_the_editors_schema_asks_for_what_check_asks_for() -> None:
    schema = rig_schema()
    assert schema["required"] == ["schema"]
    assert schema["properties"]["sound"]["properties"]["block"]["maximum"] == 8192


# --- learning


def test_what_was_learned_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "er" / "rig.toml"
    save_bindings(path, ROWS)
    assert read_rig(path) == Rig(str(path), midi=MidiOptions(bindings=tuple(ROWS)))
    assert [b.row() for b in read_bindings(read_rig(path).midi.bindings)] == ROWS
    save_bindings(path, ROWS[:1])
    assert read_rig(path).midi.bindings == tuple(ROWS[:1])
    save_bindings(path, [])
    assert read_rig(path).midi.bindings == ()


def test_everything_else_stays_as_it_is(tmp_path: Path) -> None:
    path = rig_file(tmp_path)
    kept, gone = ROWS[0], RIG[RIG.index("# and the pedal") : RIG.index("# the card")]
    save_bindings(path, [kept])
    assert path.read_text() == RIG.replace(gone, "").replace("= 0.5\n\n\n", "= 0.5\n\n")
    save_bindings(path, [kept, ROWS[1]])
    text = path.read_text()
    for words in ("# My machine.", "# the first", "# what I play", "# until the cable comes", "# the fader on the left",
                  "# it sticks", "# the card in the rack", "# small enough", "# the end"):  # fmt: skip
        assert words in text
    assert text.index("# the card in the rack") == text.index("[sound]") - len("# the card in the rack\n")
    save_bindings(path, [])
    text = path.read_text()
    assert "bindings" not in text
    assert "# the card in the rack\n[sound]" in text
    assert text.endswith("# the end\n")


def test_two_rows_that_say_the_same_keep_each_its_own_comment(tmp_path: Path) -> None:
    row = '[[midi.bindings]]\nknob = "level"\nkind = "bend"\n'
    path = rig_file(tmp_path, f"schema = 1\n# the left one\n{row}# the right one\n{row}")
    before = path.read_text()
    save_bindings(path, list(read_rig(path).midi.bindings))
    assert path.read_text() == before


def test_learning_twice_the_same_changes_no_byte(tmp_path: Path) -> None:
    path = rig_file(tmp_path)
    rows = list(read_rig(path).midi.bindings)
    save_bindings(path, rows)
    assert path.read_text() == RIG
    save_bindings(path, rows[::-1])
    save_bindings(path, rows)
    assert path.read_text() == RIG


@pytest.mark.parametrize(
    "text",
    [
        'schema = 1\n[midi]\nbindings = [ { knob = "a", kind = "bend" } ]  # short\napi = "off"\n[sound]\nblock=256',
        'schema = 1\nmidi.api = "off"\nmidi.takeover = "jump"\n[sound]\nblock = 256\n',
        'schema = 1\n[midi]\napi = "off"\n[sound]\nblock = 256\n[[midi.bindings]]\nknob = "a"\n',
        'schema = 1\n[[midi.bindings]]\nknob = "a"\n[sound]\nblock = 256\n[[ midi . bindings ]] # two\nknob = "b"',
        "schema = 1\r\n[sound]\r\nblock = 256\r\n",
        "schema = 1\n[sound]\nblock = 256\n# the end without a line end",
        "\ufeffschema = 1\nsound = { block = 256 }",
    ],
)
@pytest.mark.parametrize("rows", [ROWS, ROWS[1:], []], ids=["two", "one", "none"])
def test_however_the_file_is_written_the_rest_of_it_says_the_same(tmp_path: Path, text: str, rows: list[Any]) -> None:
    path = rig_file(tmp_path, text)
    before = read_rig(path)
    for _ in range(2):
        save_bindings(path, rows)
        after = read_rig(path)
        assert after.midi.bindings == tuple(rows)
        kept = (after.sound.block, after.midi.api, after.midi.takeover)
        assert kept == (256, before.midi.api, before.midi.takeover)
    assert ("# short" in path.read_text()) <= ("# short" in text)


@pytest.mark.parametrize(
    "text",
    [
        'schema = 1\nmidi = { api = "off" }\n',
        "schema = 1\nmidi = 5\n",
        "schema = \n",
        'schema = 1\n[osc]\nroot = """\n[[midi.bindings]]\n"""\n[midi]\n',
    ],
)
def test_a_file_with_no_place_for_it_is_left_alone_and_told(tmp_path: Path, text: str) -> None:
    path = rig_file(tmp_path, text)
    with pytest.raises(RosinError, match=r"rig\.toml (has no place|is not readable)"):
        save_bindings(path, ROWS)
    assert path.read_text() == text
    assert os.listdir(tmp_path) == ["rig.toml"]


TEXT = st.text(st.characters(exclude_categories=("Cs",)), max_size=20)
BINDINGS = st.builds(
    Binding,
    knob=TEXT.filter(bool),
    kind=st.sampled_from(["cc14", "nrpn", "bend"]),
    number=st.integers(7, 31),
    channel=st.integers(0, 16),
    low=st.floats(0, 0.4),
    high=st.floats(0.5, 1),
    invert=st.booleans(),
    motion=st.sampled_from(["absolute", "twos", "offset", "sign"]),
    takeover=st.sampled_from(["", "pickup", "scale", "jump"]),
    port=TEXT,
)


@settings(deadline=None, max_examples=50)
@given(first=st.lists(BINDINGS, max_size=5), second=st.lists(BINDINGS, max_size=5))
def test_any_bindings_go_to_the_file_and_come_back(tmp_path_factory: Any, first: Any, second: Any) -> None:
    path = rig_file(tmp_path_factory.mktemp("rig"))
    for bindings in (first, second):
        save_bindings(path, [binding.row() for binding in bindings])
        assert read_bindings(read_rig(path).midi.bindings) == bindings
    assert "# the card in the rack\n[sound]\nblock = 256  # small enough\n# the end\n" in path.read_text()


def test_a_crash_before_the_last_step_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = rig_file(tmp_path)

    def crash(*_: object) -> None:
        raise KeyboardInterrupt

    for step in ("fsync", "replace"):
        with monkeypatch.context() as broken:
            broken.setattr(os, step, crash)
            with pytest.raises(KeyboardInterrupt):
                save_bindings(path, ROWS)
        assert path.read_text() == RIG
        assert os.listdir(tmp_path) == ["rig.toml"], "no half of a file is left about"


def test_a_full_disk_is_a_sentence_and_the_old_file_is_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = rig_file(tmp_path)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(RosinError, match=r"cannot be written \(No space left on device\); make its folder writable"):
        save_bindings(path, ROWS)
    assert path.read_text() == RIG


@pytest.mark.parametrize("folder", ["/proc/rosin", "/dev/null/rosin"])
def test_a_folder_that_cannot_be_written_is_a_sentence(folder: str) -> None:
    with pytest.raises(RosinError, match=r"rig\.toml cannot be (written|read)"):
        save_bindings(Path(folder) / "rig.toml", ROWS)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_read_only_folder_is_a_sentence_and_the_old_file_is_whole(tmp_path: Path) -> None:
    path = rig_file(tmp_path)
    tmp_path.chmod(stat.S_IRUSR | stat.S_IXUSR)
    try:
        with pytest.raises(RosinError, match="make its folder writable"):
            save_bindings(path, ROWS)
        assert path.read_text() == RIG
    finally:
        tmp_path.chmod(stat.S_IRWXU)


def test_a_link_to_a_rig_kept_elsewhere_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "kept").mkdir()
    kept, link = rig_file(tmp_path / "kept"), tmp_path / "rig.toml"
    link.symlink_to(kept)
    save_bindings(link, ROWS)
    assert link.is_symlink()
    assert read_rig(kept).midi.bindings == tuple(ROWS)


def test_what_is_written_whole_is_what_was_given(tmp_path: Path) -> None:
    write_whole(tmp_path / "a" / "f", "é\n")
    write_whole(tmp_path / "a" / "f", "ê\n")
    assert (tmp_path / "a" / "f").read_text(encoding="utf-8") == "ê\n"
    assert tomllib.loads("") == {}


# --- told to the processes


def test_the_hands_are_told_what_the_rig_says() -> None:
    rig = Rig(
        "r", osc=OscOptions(allow=("10.0.0.1",), echo=("10.0.0.1:9",)),
        midi=MidiOptions(ports=("nano",), bindings=tuple(ROWS)), folders=Folders(models="/m"),
    )  # fmt: skip
    told = HandsSettings.of(rig, ["a.toml", "b.toml"], True, "fr")
    assert HandsSettings.from_json(told.to_json()) == told
    assert (told.patches, told.rig, told.models, told.language) == (("a.toml", "b.toml"), "r", "/m", "fr")
    assert told.osc.allow == ("10.0.0.1",)
    assert told.midi.bindings == tuple(ROWS)


def test_a_binding_that_json_cannot_say_is_left_for_the_hands_to_refuse() -> None:
    rows = tomllib.loads("[[b]]\nknob = 1979-05-27\nkind = 'cc'")["b"]
    told = HandsSettings.from_json(HandsSettings.of(Rig(midi=MidiOptions(bindings=tuple(rows))), [], False).to_json())
    assert told.midi.bindings == ({"knob": "1979-05-27", "kind": "cc"},)


def test_the_sound_is_told_what_it_was_given() -> None:
    told = SoundSettings(
        "t",
        ("a", "b"),
        1,
        SoundOptions("usb", 64, 2, True, "cpu", -3.0),
        Folders("/t", "/m"),
        True,
        2**63 - 1,
        True,
        language="fr",
    )
    assert SoundSettings.from_json(told.to_json()) == told
    assert json.loads(told.to_json())["seed"] == 2**63 - 1


def test_a_choice_that_is_missing_is_told_with_what_there_is_to_choose() -> None:
    with pytest.raises(ValidationErrors) as wrong:
        read_bindings([{"knob": "z1"}])
    assert "kind: it is missing; write kind = one of cc, cc14, nrpn, bend" in str(wrong.value)
