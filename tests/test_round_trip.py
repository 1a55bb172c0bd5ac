"""What the instrument writes it reads again, and it says the same: rigs, scenes, accidents, takes, cards, credits."""

from __future__ import annotations

import dataclasses
import string
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from handshost import TABLE, on_the_table
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from stage import null_part

from instrument.base.errors import RosinError
from instrument.base.paths import accident_folder, file_name
from instrument.base.processes import pieces
from instrument.base.seeds import name_number
from instrument.chance.accident import Accident
from instrument.documents.options import MidiOptions, OscOptions
from instrument.documents.patch import read_patch
from instrument.documents.rig import Rig, read_rig
from instrument.documents.rig_bindings import save_bindings
from instrument.documents.scene_file import keep_scene
from instrument.documents.take import TakeLog, gestures, line_of, read_take
from instrument.hands.osc.addresses import OscBinding, OscMappings, is_address, read_addresses
from instrument.hands.osc.arguments import NAME_MAX
from instrument.hands.osc.codec import read, write
from instrument.hands.osc.handlers import FOR_THE_HANDS
from instrument.hands.osc.namespace import Namespace
from instrument.hands.state.bindings import Binding, read_bindings
from instrument.hands.state.positions import Positions
from instrument.hands.worker import HandsSettings
from instrument.ipc import Gesture, Kind, Link, Source
from instrument.knobs import Label
from instrument.model.library.card import read_card, write_card
from instrument.model.library.credits import Credits, Made, Sound, read_credits, write_credits
from instrument.model.runtime.null import null_card
from instrument.storage.accident_store import AccidentStore
from instrument.storage.bank import Bank

QUICK = settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
WILD = st.text(
    st.characters(exclude_categories=("Cs",)) | st.sampled_from("\"'\\\n\r\t\x7f\x85\u2028\u2029\ufeff[]=#{}")
)
"""Any text that UTF-8 has, with much of what ends a line, a text or a table."""
ADDRESS = WILD.map(lambda text: f"/{text}").filter(is_address)
FILE = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="/\0"), min_size=1, max_size=20)
FINITE = st.floats(-1e9, 1e9)
RAW = st.floats(0, 1, width=32)


def two(values: st.SearchStrategy[float]) -> st.SearchStrategy[tuple[float, float]]:
    return st.tuples(values, values).filter(lambda pair: pair[0] != pair[1])


OSC_BINDINGS = st.builds(
    lambda address, knob, ends, way, takeover, argument: OscBinding(address, knob, *ends, *way, takeover, argument),
    ADDRESS, WILD, two(FINITE), two(st.floats(0, 1)), st.sampled_from(["", "pickup", "scale", "jump"]),
    st.integers(1, 1024),
)  # fmt: skip
ANYWHERE = {"number": st.integers(7, 31), "channel": st.integers(0, 16), "port": WILD}
OF_KNOBS = st.builds(
    Binding, WILD.filter(bool), st.sampled_from(["cc", "cc14", "nrpn", "bend", "pressure", "polypressure", "note"]),
    low=st.floats(0, 0.4), high=st.floats(0.5, 1), invert=st.booleans(), ring=st.integers(64, 95),
    motion=st.sampled_from(["absolute", "twos", "offset", "sign"]), push=st.floats(-1, 1),
    takeover=st.sampled_from(["", "pickup", "scale", "jump"]), **ANYWHERE,
)  # fmt: skip
OF_SCENES = st.builds(
    Binding, st.just(""), st.sampled_from(["cc", "note", "program"]), scene=st.integers(1, 8), **ANYWHERE
)


# --- the rig


@QUICK
@given(osc=st.lists(OSC_BINDINGS, max_size=4), midi=st.lists(OF_KNOBS | OF_SCENES, max_size=4), again=st.booleans())
def test_a_rig_has_every_binding_again_osc_and_midi(
    tmp_path: Path, osc: list[OscBinding], midi: list[Binding], again: bool
) -> None:
    rig = tmp_path / "rig.toml"
    rig.write_text('# mine\nschema = 1\n[osc]\nroot = "/r" # short\n[sound]\nblock = 256 # small\n')
    for _ in range(1 + again):
        save_bindings(rig, [binding.row() for binding in midi])
        save_bindings(rig, [binding.row() for binding in osc], "osc")
    there = read_rig(rig)
    assert read_addresses(there.osc.bindings) == osc
    assert read_bindings(there.midi.bindings) == midi
    assert (there.osc.root, there.sound.block) == ("/r", 256)
    told = HandsSettings.from_json(HandsSettings.of(there, ["p"], False).to_json())
    assert read_addresses(told.osc.bindings) == osc
    text = rig.read_text()
    assert "# mine" in text
    assert "# short" in text


@QUICK
@given(ADDRESS.filter(lambda text: len(text.encode()) <= 512), st.lists(st.floats(-1e30, 1e30), min_size=1, max_size=5))
def test_whatever_address_is_learned_by_whatever_numbers_the_next_start_has_it(
    tmp_path: Path, address: str, values: list[float]
) -> None:
    messages = [message for value in values for message in read(write(address, 0.0, min(3e38, value)))[0]]
    mappings, positions = OscMappings([], "jump", TABLE), Positions(TABLE)
    for i, message in enumerate(messages):
        assert message.address == address
        if not mappings.slots:
            mappings.learn(OscBinding(address, "z2", argument=2), message.args[1], float(i))
        mappings.turn(address, message.args, positions, float(i))
    save_bindings(tmp_path / "rig.toml", mappings.rows(), "osc")
    assert read_addresses(read_rig(tmp_path / "rig.toml").osc.bindings) == [slot.binding for slot in mappings.slots]


def test_a_name_that_is_no_text_is_refused_with_a_sentence_and_the_rig_stays_whole(tmp_path: Path) -> None:
    rig = tmp_path / "rig.toml"
    save_bindings(rig, [{"knob": "level", "kind": "bend"}])
    before = rig.read_text()
    with pytest.raises(RosinError, match="another name"):
        save_bindings(rig, [{"knob": "level", "kind": "bend", "port": "half \ud800"}])
    assert rig.read_text() == before


def test_a_rig_is_never_written_larger_than_it_is_read(tmp_path: Path) -> None:
    rows = [{"address": f"/{i}" + "x" * 480, "knob": f"k{i}"} for i in range(2500)]
    with pytest.raises(RosinError, match="larger than it may be"):
        save_bindings(tmp_path / "rig.toml", rows, "osc")
    save_bindings(tmp_path / "rig.toml", rows[:1500], "osc")
    assert len(read_rig(tmp_path / "rig.toml").osc.bindings) == 1500


def test_a_rig_that_has_learned_hundreds_of_long_addresses_still_starts() -> None:
    import random
    import subprocess
    import sys

    dice = random.Random(0)
    rows = tuple(
        {"address": "/" + "".join(chr(dice.randrange(0x4E00, 0x9FFF)) for _ in range(170)), "knob": f"k{i}"}
        for i in range(256)
    )
    told = pieces(HandsSettings.of(Rig(osc=OscOptions(bindings=rows)), ["p"], False).to_json())
    again = [sys.executable, "-S", "-c", "import sys; print(''.join(sys.argv[1:]))", *told]
    heard = subprocess.run(again, check=True, capture_output=True, text=True).stdout
    assert HandsSettings.from_json(heard).osc.bindings == rows


@pytest.mark.parametrize("seed", range(3))
def test_whatever_is_learned_of_whatever_a_controller_sends_is_read_again(seed: int) -> None:
    import random

    dice = random.Random(seed)
    with on_the_table(OscOptions("127.0.0.1:0"), MidiOptions(takeover="jump")) as t:
        client = t.client()
        for _ in range(60):
            low, high = dice.random(), dice.random()
            request = dice.choice([(), (low,), (low, high), (low, high, 1)])
            client.send("/rosin/learn", dice.choice(["z2", "z3", "level", "loud"]), *request)
            t.step(1)
            status, number = dice.choice([0xB0, 0xB0, 0xE0, 0xD0, 0xA0, 0x90, 0xC0]), dice.randrange(128)
            for value in (0, 30, 60, 90, 127):
                t.midi((status | dice.randrange(2), number, value)[: 2 if status in (0xC0, 0xD0) else 3])
                if dice.random() < 0.3:
                    t.midi((0xB0, number % 32 + 32, value))
        assert len(t.saved) > 5
        for rows in t.saved:
            assert [binding.row() for binding in read_bindings(rows)] == rows


# --- scenes in patches, accidents


@QUICK
@given(
    st.dictionaries(st.text(string.ascii_letters + string.digits + "_-.", min_size=1, max_size=40), RAW, max_size=8),
    st.integers(0, 7), WILD,
)  # fmt: skip
def test_a_scene_is_in_its_patch_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, knobs: dict[str, float], slot: int, comment: str
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    path = tmp_path / "p.toml"
    safe = "".join(c for c in comment if c.isprintable())
    path.write_text(f'# {safe}\nschema = 1\nname = "p"\nmodel = {{ name = "null" }}\n', encoding="utf-8")
    assert keep_scene(read_patch(path), slot, knobs).path == path
    assert dict(read_patch(path).scenes[slot].knobs) == knobs


@QUICK
@given(name=st.text(min_size=1, max_size=NAME_MAX), knobs=st.lists(WILD, min_size=1, max_size=4),
       seed=st.integers(0, 2**64 - 1), ticks=st.integers(1, 20))  # fmt: skip
def test_an_accident_is_kept_under_its_name(tmp_path: Path, name: str, knobs: list[str], seed: int, ticks: int) -> None:
    track = np.linspace(-1, 1, ticks * 3 * len(knobs)).astype(np.float32).reshape(ticks, 3, len(knobs))
    path = tmp_path / f"{file_name(name)}.npz"
    path.write_bytes(Accident(name, seed, 7, 100.0, tuple(knobs), track).to_bytes())
    found = Accident.read(path)
    assert (found.name, found.seed, found.first_tick, found.knobs) == (name, seed, 7, tuple(knobs))
    assert np.array_equal(found.track, track)


def test_two_accidents_whose_names_make_one_file_name_are_both_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    part = null_part()
    with Link.create() as link:
        accident_store = AccidentStore(Bank([part]), link, "en")
        for name in ("what?", "what!", "what?"):
            link.names.speak(name)
            accident_store.keep_accident(part, name_number(name), 1.0)
        accident_store.close()  # a thread writes them
    found = [Accident.read(path).name for path in accident_folder(part.patch.name).glob("*.npz")]
    assert sorted(found) == ["what!", "what?", "what?"], "and one that was kept before under a name stays beside"


# --- takes: every gesture that the hands can make


BOOK = Namespace("/rosin", TABLE, [("a",), ("b",)])
ANY = st.one_of(st.floats(-1e9, 1e9), st.integers(-(2**63), 2**63 - 1), st.booleans(), st.text(max_size=70))
PLAYED = sorted({BOOK.find(address)[0].verb: address for address in BOOK}.values())
"""An address of every verb."""


@settings(deadline=None, max_examples=300)
@given(st.sampled_from(PLAYED), st.lists(ANY, max_size=3), st.floats(0, 86400))
@example("/rosin/seed", [-1], 0.0)
@example("/rosin/accident/loop", ["x", -0.29], 0.0)
@example("/rosin/accident/play", ["x", 1e9], 0.0)
def test_whatever_osc_plays_a_take_has_it_again(address: str, args: list[Any], t: float) -> None:
    lines, played = ['{"rosin": 1, "patch": "p", "seed": 1}'], []
    for meaning in BOOK.find(address):
        if meaning.verb in FOR_THE_HANDS:
            continue
        try:
            acts = BOOK.acts(meaning, tuple(args))
        except (ValueError, LookupError):
            continue
        for kind, knob, value, extra in acts:
            gesture = Gesture(kind, knob, value, t, Source.OSC, extra)
            if (line := line_of(gesture, t, TABLE)) is not None:
                lines.append(line)
                played.append(gesture)
    again = list(gestures(take_of(lines), TABLE))
    assert [same(g) for g in again] == [same(g) for g in played]


def take_of(lines: list[str]) -> Any:
    from instrument.documents.take import take_from

    return take_from(lines, "x")


def same(gesture: Gesture) -> tuple[Any, ...]:
    """What a gesture does. A note let go has no velocity, a trigger no value."""
    valued = (Kind.KNOB, Kind.FORCE, Kind.NOTE_ON, Kind.BEND, Kind.PRESSURE, Kind.SUSTAIN, Kind.HANDS_ONLY, Kind.BRIDGE,
              Kind.ACCIDENT, Kind.HEAR)  # fmt: skip
    of_name = gesture.kind == Kind.ACCIDENT and gesture.value > 0.5
    value = gesture.value if gesture.kind in valued else 0.0
    extra = gesture.extra if gesture.kind != Kind.ACCIDENT or of_name else 0
    return gesture.kind, gesture.knob, value, round(gesture.time, 6), extra


@QUICK
@given(WILD, st.integers(0, 2**64 - 1), st.dictionaries(st.integers(0, 7), st.dictionaries(WILD, RAW, max_size=3)),
       st.floats(0, 60000))  # fmt: skip
def test_a_takes_first_line_is_read_as_it_was_written(
    tmp_path: Path, patch: str, seed: int, scenes: dict[int, dict[str, float]], blend_ms: float
) -> None:
    log = TakeLog(tmp_path / "t.jsonl", patch, seed, TABLE, [0.5] * len(TABLE), scenes, blend_ms)
    log.close()
    take = read_take(tmp_path / "t.jsonl")
    assert (take.patch, take.seed, take.blend_ms) == (patch, seed, blend_ms)
    assert take.scenes is not None
    assert {slot: dict(scene.knobs) for slot, scene in take.scenes.items()} == scenes
    assert len(take.events) == len(TABLE)


# --- cards and credits: what their writers accept


@QUICK
@given(WILD, WILD, st.lists(WILD, max_size=3), st.dictionaries(WILD.filter(bool), FINITE | WILD, max_size=4),
       FILE)  # fmt: skip
def test_a_card_says_what_was_written(
    tmp_path_factory: pytest.TempPathFactory,
    title: str,
    about: str,
    authors: list[str],
    training: dict[str, Any],
    file: str,
) -> None:
    folder = tmp_path_factory.mktemp("card")
    if file.strip(".") and len(file.encode()) < 200:
        (folder / file).write_bytes(b"x")
    card = dataclasses.replace(
        null_card(), title=Label(title, about), about=Label(about, title), authors=tuple(authors), training=training
    )
    try:
        written = write_card(card, folder)
    except RosinError:
        assert file == "card.toml"
        return
    assert dataclasses.replace(written, sha256="", files={}) == dataclasses.replace(card, sha256="", files={})
    assert read_card(folder) == written
    assert set(written.files) == {path.name for path in folder.iterdir()} - {"card.toml"}


SOUNDS = st.builds(
    Sound, WILD, WILD, WILD, st.sampled_from(["CC0-1.0", "CC-BY-4.0"]), WILD, st.floats(0, 1e7),
    st.text("0123456789abcdef", min_size=64, max_size=64), WILD,
)  # fmt: skip
MADE = st.builds(Made, WILD, WILD, st.floats(0, 1e6), WILD, st.floats(0, 1e12), st.booleans(), WILD)


@QUICK
@given(WILD, MADE, st.lists(SOUNDS, min_size=1, max_size=3))
def test_credits_say_what_was_written(tmp_path: Path, model: str, made: Made, sounds: list[Sound]) -> None:
    credits = Credits(model, made, tuple(sounds))
    try:
        write_credits(credits, tmp_path)
    except RosinError:
        assert any(not text.strip() for s in sounds for text in (s.title, s.author, s.consent))
        return
    assert read_credits(tmp_path) == credits
