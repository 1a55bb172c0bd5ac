"""What is wrong with a message is told: its address, what it brought, what it takes; and one mistake hides no other."""

from __future__ import annotations

import struct
from dataclasses import replace

import pytest
from handshost import TABLE, Table, moves, on_the_table
from hypothesis import given, settings
from hypothesis import strategies as st

from instrument.base.text import LANGUAGES
from instrument.documents.options import OscOptions
from instrument.hands.osc.codec import BUNDLE, write
from instrument.hands.osc.endpoints import ENDPOINTS
from instrument.hands.osc.handlers import FOR_THE_HANDS
from instrument.hands.osc.namespace import Namespace
from instrument.hands.state.counts import NEW_MAX, POSTS_MAX, REMEMBERED_MAX, Complaints, LogEntry, clipped
from instrument.ipc import Kind

HERE = OscOptions("127.0.0.1:0")
Z2 = TABLE.index("z2")


def said(t: Table) -> list[str]:
    return [str(event) for event in t.said if event.key != "hands.osc.on" and "midi" not in event.key]


def bundle(*elements: bytes) -> bytes:
    return BUNDLE + struct.pack(">Q", 1) + b"".join(struct.pack(">i", len(e)) + e for e in elements)


@pytest.mark.parametrize(
    ("address", "args", "sentence"),
    [
        ("knob/z2", ("hello",), 'knob/z2 with "hello"; it takes one number, 0 to 1'),
        ("knob/z2", (), "knob/z2 with nothing; it takes one number, 0 to 1"),
        ("knob/z2", (float("nan"),), "knob/z2 with nan; it takes one number, 0 to 1"),
        ("knob/z2/value", ("x",), 'knob/z2/value with "x"; it takes one number, in the unit of the knob'),
        ("latent/1", ("x",), 'latent/1 with "x"; it takes one number, 0 to 1'),
        ("scene", (12,), "scene with 12; it takes a scene, 1 to 8, and seconds if wanted"),
        ("scene/save", (9,), "scene/save with 9; it takes a scene, 1 to 8"),
        ("snapshot", (8,), "snapshot with 8; it takes a slot, 0 to 7"),
        ("note", (200, 0.5), "note with 200 0.5; it takes a note, 0 to 127, and a velocity if wanted"),
        ("seed", ("\n",), r"seed with '\n'; it takes a whole number"),
        ("sync", (70000,), "sync with 70000; it takes nothing, or another port than ours, 1024 to 65535"),
        ("learn", ("z2", 0.5, 0.5), 'learn with "z2" 0.5 0.5; it takes the id of a knob'),
        ("unlearn", (1,), "unlearn with 1; it takes the id of a knob, a text"),
        ("unlearn", (), "unlearn with nothing; it takes the id of a knob, a text"),
        ("unlearn", ("",), 'unlearn with ""; it takes the id of a knob, a text'),
        ("accident/keep", ("x" * 61,), "accident/keep with"),
        ("neighbour/hear", ("x",), 'neighbour/hear with "x"; it takes nothing, or which one, 0 to 8'),
    ],
)
def test_arguments_that_do_not_fit_are_told_with_the_address_and_what_it_takes(
    address: str, args: tuple, sentence: str
) -> None:
    with on_the_table(HERE) as t:
        t.client().send(f"/rosin/{address}", *args)
        assert t.step() == []
        (line,) = said(t)
        assert line.startswith(f"127.0.0.1 sends /rosin/{sentence}")
        assert "\n" not in line
        assert t.hands.counts.faults == 0


@pytest.mark.parametrize("knob", ["z2", "nope"])
def test_a_knob_that_had_no_controller_is_told_when_it_is_freed(knob: str) -> None:
    with on_the_table() as t:
        t.client().send("/rosin/unlearn", knob)
        t.step()
        assert str(t.said[-1]) == f"{knob} had no controller; nothing changes"


def test_every_verb_says_what_it_takes_in_both_languages() -> None:
    namespace = Namespace("/rosin", TABLE, [])
    verbs = {meaning.verb for address in namespace for meaning in namespace.find(address)}
    assert verbs == set(ENDPOINTS)
    assert set(FOR_THE_HANDS) <= verbs
    for endpoint in ENDPOINTS.values():
        key = endpoint.takes
        assert LogEntry(key).text("en") != LogEntry(key).text("fr")


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_complaint_is_whole_in_one_language(language: str) -> None:
    with on_the_table(HERE) as t:
        t.client().send("/rosin/knob/z2", "hello")
        t.step()
        takes = LogEntry("hands.takes.raw").text(language)
        assert t.said[-1].text(language).endswith(takes)


@pytest.mark.parametrize(
    ("tag", "bytes_"),
    [
        ("r", b"\xff\0\0\xff"),
        ("c", b"\0\0\0a"),
        ("m", b"\0\x90\x40\x40"),
        ("t", b"\0" * 7 + b"\1"),
        ("N", b""),
        ("I", b""),
    ],
)
@pytest.mark.parametrize(
    "address", ["/rosin/knob/loud", "/rosin/latents", "/rosin/scene", "/rosin/seed", "/rosin/level"]
)
def test_colours_characters_and_other_kinds_are_no_numbers(tag: str, bytes_: bytes, address: str) -> None:
    with on_the_table(HERE) as t:
        head = address.encode() + b"\0" * (4 - len(address) % 4)
        t.client().raw(head + f",{tag}".encode() + b"\0\0" + bytes_)
        assert t.step() == []
        assert t.hands.counts.osc_malformed + t.hands.counts.osc_unknown == 1
        assert t.hands.counts.faults == 0
        assert address in said(t)[0]


def test_kinds_among_others_keep_their_places() -> None:
    from instrument.hands.osc.codec import Other, read

    data = b"/a\0\0,i[rf]cT\0\0\0\0" + struct.pack(">i4sf4s", 5, b"\xff\0\0\xff", 0.5, b"\0\0\0a")
    assert read(data)[0][0].args == (5, [Other("r", 0xFF0000FF - 2**32), 0.5], Other("c", 97), True)


@pytest.mark.parametrize(
    ("datagram", "sentence"),
    [
        (bundle(*[write("/rosin/knob/z2", 0.5)] * 1200), "more than 1024 messages in one bundle; send several bundles"),
        (write("/rosin/latents", *[0.5] * 1500), "/rosin/latents with more than 1024 arguments"),
        (write("/rosin/knob/z2", "x" * 9000), "/rosin/knob/z2 with more than 8192 bytes"),
        (b"/rosin/knob/z2\0\0,q\0\0\0\0\0\0", "/rosin/knob/z2 with an argument of type q"),
        (bundle(b"/rosin/knob/z2\0\0,q\0\0\0\0\0\0"), "/rosin/knob/z2 with an argument of type q"),
        (write("/rosin/knob/[z2", 0.5), "/rosin/knob/[z2, a pattern that is not whole"),
    ],
)  # fmt: skip
def test_osc_that_is_too_much_or_of_an_unknown_kind_is_told_for_what_it_is(datagram: bytes, sentence: str) -> None:
    with on_the_table(HERE) as t:
        t.client().raw(datagram)
        assert t.step() == []
        assert sentence in said(t)[0]
        assert "not OSC" not in said(t)[0]
        assert t.hands.counts.osc_malformed == 1


def test_nested_too_deep_is_told_for_what_it_is_and_what_is_no_osc_as_before() -> None:
    with on_the_table(HERE) as t:
        client = t.client()
        inner = write("/a")
        for _ in range(20):
            inner = bundle(inner)
        client.raw(inner)
        client.raw(b"GET / HTTP/1.1\r\n\r\n")
        t.step()
        assert "nested more than 8 deep" in said(t)[0]
        assert said(t)[1:] == ["127.0.0.1 sends datagrams that are not OSC"]


# --- one mistake hides no other


def test_a_typo_is_told_though_others_stream_and_each_is_told_once() -> None:
    with on_the_table(HERE) as t:
        client = t.client()
        for _ in range(3):
            for i in range(100):
                client.send(f"/chan{i}", 0.5)
            client.send("/_samplerate", 60.0)
            t.step(2)
        for _ in range(5):
            client.send("/rosin/knob/loudnes", 0.5)
            client.send("/rosin/knob/ptich", 0.5)
            t.step(1)
        lines = said(t)
        for typo in ("loudnes", "ptich"):
            assert lines.count(f"127.0.0.1 sends to /rosin/knob/{typo}, which is nothing here") == 1
        assert len(lines) == NEW_MAX + 2, "no more than a player can read"


def test_a_typo_of_the_root_is_told_a_minute_after_a_stream_began() -> None:
    complaints = Complaints()
    for second in range(70):
        for i in range(478):
            complaints.due("unknown", f"/chan{i}", float(second))
    assert complaints.due("unknown", "/rosni/knob/z2", 70.5)
    assert not complaints.due("unknown", "/rosni/knob/z2", 71.0)


def test_what_goes_on_is_told_of_once_a_minute() -> None:
    complaints = Complaints()
    times = [t / 10 for t in range(1900) if complaints.due("unknown", "/_samplerate", t / 10)]
    assert times == [0.0, 60.0, 120.0, 180.0]


def test_what_was_silent_for_a_minute_is_new() -> None:
    complaints = Complaints()
    assert complaints.due("unknown", "/a", 0.0)
    assert not complaints.due("unknown", "/a", 59.0)
    assert complaints.due("unknown", "/b", 60.0)
    assert complaints.due("unknown", "/a", 119.5)


@settings(deadline=None, max_examples=30)
@given(st.lists(st.tuples(st.integers(0, 9999), st.floats(0, 5)), max_size=200), st.integers(1, 50))
def test_complaints_are_bounded_in_words_and_memory(steps: list[tuple[int, float]], burst: int) -> None:
    complaints, now, told = Complaints(), 0.0, []
    for about, wait in steps:
        now += wait
        for i in range(burst):
            if complaints.due("k", f"{about}.{i}", now):
                told.append(now)
    assert len(complaints) <= REMEMBERED_MAX
    for start in told:
        assert sum(start <= t < start + 60.0 for t in told) <= 2 * NEW_MAX + 1


def test_a_flood_of_distinct_addresses_grows_no_memory() -> None:
    complaints = Complaints()
    for i in range(3 * REMEMBERED_MAX):
        complaints.due("unknown", f"/{i}", i / 1000)
    assert len(complaints) == REMEMBERED_MAX


@given(st.text(max_size=300))
def test_what_comes_from_outside_is_said_in_one_short_line(text: str) -> None:
    assert clipped(text).isprintable()
    assert len(clipped(text)) <= 80


def test_an_accident_that_is_not_there_is_told_and_one_just_kept_is_not() -> None:
    with on_the_table(HERE) as t:
        assert t.hands.osc is not None
        client = t.client()
        client.send("/rosin/accident/play", "nope")
        assert [g.kind for g in t.step()] == [Kind.ACCIDENT]
        assert said(t)[-1] == (
            "there is no accident nope: none was kept with this patch yet; /rosin/accident/keep keeps one"
        )
        looks = []
        there = lambda patch: (looks.append(patch), ["fall", "rise"])[1]  # noqa: E731
        t.hands.osc._patches = replace(t.hands.osc._patches, accidents=there)
        t.hands.osc._looked_at = 0.0
        client.send("/rosin/accident/loop", "nope!")
        client.send("/rosin/accident/play", "fall")
        client.send("/rosin/accident/keep", "new one")
        client.send("/rosin/accident/play", "new one")
        t.step()
        assert said(t)[-1] == "there is no accident nope!; there are fall, rise"
        for i in range(50):
            client.send("/rosin/accident/play", f"nope {i}")
        t.step()
        assert len(looks) <= 2, "the disk is not looked at for each"
        assert len(said(t)) <= 4 + NEW_MAX


def test_the_accidents_of_a_patch_are_found_by_the_names_of_their_files(tmp_path, monkeypatch) -> None:
    from instrument.base.paths import accident_folder
    from instrument.hands.worker import accidents_of

    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    patch = tmp_path / "p.toml"
    patch.write_text('schema = 1\nname = "my patch"\nmodel = { name = "null" }\n')
    assert accidents_of(str(patch)) == []
    folder = accident_folder("my patch")
    folder.mkdir(parents=True)
    (folder / "fall.npz").write_bytes(b"")
    assert accidents_of(str(patch)) == ["fall"]
    assert accidents_of(str(tmp_path / "none.toml")) == []


# --- what a message means


def test_of_a_time_slice_the_newest_sample_counts() -> None:
    with on_the_table(HERE) as t:
        client = t.client()
        for address in ("/rosin/knob/z2", "/rosin/latent/3"):
            client.send(address, 0.1, 0.2, 0.3, 0.4)
            assert moves(t.step()) == [(Z2, 0.4)]
        client.send("/rosin/bend", 0.1, -0.5)
        client.send("/rosin/knob/z2/push", 0.1, 0.5)
        client.send("/rosin/record", 1, 0)
        assert [round(g.value, 3) for g in t.step()] == [-0.5, 0.5, 0.0]
        client.send("/rosin/knob/z2", 0.5, float("nan"))
        assert t.step() == []


@pytest.mark.parametrize("pattern", ["*", "?*", "[a-z]*", "*l*", "{*}", "[!x]*"])
def test_a_star_over_knobs_moves_those_of_the_model_alone(pattern: str) -> None:
    namespace = Namespace("/rosin", TABLE, [])
    try:
        found = [meaning.knob for meaning in namespace.find(f"/rosin/knob/{pattern}")]
    except ValueError:
        return
    assert all(knob < TABLE.playable_count for knob in found)
    assert pattern == "{*}" or found


@pytest.mark.parametrize(
    ("pattern", "ids"),
    [
        ("{level,loud}", {"level", "loud"}),
        ("friction.st*", {"friction.stick"}),
        ("{friction,chance}.d?ce", {"chance.dice"}),
        ("{friction.stick,z2}", {"friction.stick", "z2"}),
        ("l*", {"loud"}),
        ("tim[e]", set()),
        ("*.stick", set()),
    ],
)
def test_a_parameter_is_moved_as_far_as_a_pattern_spells_it(pattern: str, ids: set[str]) -> None:
    namespace = Namespace("/rosin", TABLE, [])
    for end in ("", "/value"):
        assert {TABLE[meaning.knob].id for meaning in namespace.find(f"/rosin/knob/{pattern}{end}")} == ids


def test_a_pattern_through_the_whole_tree_moves_nothing_but_the_models_knobs() -> None:
    with on_the_table(HERE) as t:
        t.client().send("/rosin/*/*", 1.0)
        assert {knob for knob, _ in moves(t.step())} == set(range(TABLE.playable_count))


def test_what_others_call_by_brackets_is_not_searched_for(monkeypatch: pytest.MonkeyPatch) -> None:
    namespace = Namespace("/rosin", TABLE, [])
    monkeypatch.setattr(namespace._by_pattern, "find", lambda pattern: pytest.fail(pattern))
    assert not namespace.find("/live/track[3]/vol")
    assert not namespace.find("/rosinante/[ab]")


def test_who_makes_us_speak_makes_us_say_no_more_than_can_be_read() -> None:
    with on_the_table(HERE) as t:
        client = t.client()
        for i in range(300):
            client.send("/rosin/learn", ("z2", "nothing", "")[i % 3])
            if i % 50 == 0:
                t.step(2)
        t.step(3)
        assert len(t.said) < 3 * POSTS_MAX + 10
