"""Fuzz of the reader by structure: sound OSC bent in one place, lengths that lie, depths and counts without end."""

from __future__ import annotations

import struct
import time
import tracemalloc
from typing import Any

import pytest
from collector import without_collector
from handshost import on_the_table
from hypothesis import given, settings
from hypothesis import strategies as st
from pythonosc.osc_message import OscMessage

from instrument.documents.options import OscOptions
from instrument.hands.osc.codec import BUNDLE, DEPTH_MAX, MESSAGES_MAX, NotOsc, Other, flat, read, shown

SIZES = st.sampled_from([-(2**31), -4, -1, 0, 1, 3, 4, 8, 16, 2**16, 2**31 - 1])
TEXT = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"), max_size=12)


def padded(data: bytes) -> bytes:
    return data + b"\0" * (4 - len(data) % 4)


def argument() -> st.SearchStrategy[tuple[str, bytes]]:
    number = st.one_of(
        st.tuples(st.just("f"), st.floats(width=32).map(lambda v: struct.pack(">f", v))),
        st.tuples(st.just("d"), st.floats().map(lambda v: struct.pack(">d", v))),
        st.tuples(st.just("i"), st.integers(-(2**31), 2**31 - 1).map(lambda v: struct.pack(">i", v))),
        st.tuples(st.just("h"), st.integers(-(2**63), 2**63 - 1).map(lambda v: struct.pack(">q", v))),
    )
    word = st.tuples(st.sampled_from("sS"), TEXT.map(lambda v: padded(v.encode())))
    blob = st.tuples(
        st.just("b"), st.binary(max_size=9).map(lambda v: struct.pack(">i", len(v)) + v + b"\0" * (-len(v) % 4))
    )
    other = st.tuples(st.sampled_from("rcm"), st.binary(min_size=4, max_size=4))
    bare = st.tuples(st.sampled_from("TFNI"), st.just(b""))
    stamp = st.tuples(st.just("t"), st.binary(min_size=8, max_size=8))
    plain = st.one_of(number, word, blob, other, bare, stamp)
    array = st.lists(plain, max_size=3).map(
        lambda rows: (f"[{''.join(t for t, _ in rows)}]", b"".join(d for _, d in rows))
    )
    return plain | array


@st.composite
def messages(draw: Any) -> bytes:
    rows = draw(st.lists(argument(), max_size=5))
    tags = "".join(tag for tag, _ in rows)
    return padded(f"/{draw(TEXT)}".encode()) + padded(f",{tags}".encode()) + b"".join(data for _, data in rows)


def bundles() -> st.SearchStrategy[bytes]:
    return st.recursive(
        messages(),
        lambda inner: st.tuples(st.lists(inner, max_size=4), st.none() | SIZES, st.integers(0, 2**64 - 1)).map(framed),
        max_leaves=12,
    )


def framed(parts: tuple[list[bytes], int | None, int]) -> bytes:
    """A bundle, whose last element may say another length than it has."""
    elements, lie, timetag = parts
    sizes = [len(element) for element in elements]
    if lie is not None and sizes:
        sizes[-1] = lie
    body = b"".join(struct.pack(">i", size) + element for size, element in zip(sizes, elements, strict=True))
    return BUNDLE + struct.pack(">Q", timetag) + body


@st.composite
def bent(draw: Any) -> bytes:
    """A datagram with a few of its bytes cut, put in or changed."""
    data = bytearray(draw(bundles()))
    for _ in range(draw(st.integers(0, 4))):
        at = draw(st.integers(0, len(data)))
        kind = draw(st.sampled_from(["cut", "put", "change", "size"]))
        if kind == "cut":
            del data[at:]
        elif kind == "put":
            data[at:at] = draw(st.binary(max_size=8))
        elif kind == "size":
            data[at : at + 4] = struct.pack(">i", draw(SIZES))
        elif at < len(data):
            data[at] = draw(st.integers(0, 255))
    return bytes(data)


def check(value: Any) -> None:
    assert value is None or isinstance(value, (bool, int, float, str, bytes, list, Other))
    assert not isinstance(value, list) or all(check(inner) is None for inner in value)


@settings(deadline=None, max_examples=150)
@given(bent())
def test_what_is_bent_is_read_or_refused_and_nothing_else(data: bytes) -> None:
    wrong: list[NotOsc] = []
    try:
        found, bad = read(data, wrong)
    except NotOsc:
        return
    assert bad == len(wrong)
    assert len(found) <= MESSAGES_MAX
    for message in found:
        assert message.address.startswith("/")
        assert "\0" not in message.address
        for value in message.args:
            check(value)
        assert shown(message.args).isprintable()
        assert len(shown(message.args)) <= 60


@settings(deadline=None, max_examples=200)
@given(messages())
def test_a_sound_message_is_read_as_the_codec_reads_it_but_for_what_is_no_number(data: bytes) -> None:
    (message,), bad = read(data)
    assert not bad
    tags = data[data.index(b",") + 1 :].split(b"\0", 1)[0].decode() if b"," in data else ""
    if set(tags) & set("rcmtISN") or message.address.count(","):
        marked = [value for value in flat(message.args) if isinstance(value, Other)]
        assert len(marked) == sum(tag in "rcmt" for tag in tags) or message.address.count(",")
        return
    assert [repr(value) for value in message.args] == [repr(value) for value in OscMessage(data).params]


@pytest.mark.parametrize("depth", range(DEPTH_MAX + 3))
def test_bundles_in_bundles_are_read_to_their_depth_and_no_deeper(depth: int) -> None:
    data = padded(b"/a") + padded(b",")
    for _ in range(depth):
        data = framed(([data], None, 1))
    if depth > DEPTH_MAX:
        with pytest.raises(NotOsc):
            read(data)
    else:
        assert [message.address for message in read(data)[0]] == ["/a"]


@pytest.mark.parametrize(
    "data",
    [
        framed(([padded(b"/a")] * 16000, None, 1))[:65507],
        framed(([b""] * 16000, None, 1))[:65507],
        framed(([b"/"] * 9000, None, 1))[:65507],
        framed(([BUNDLE + b"\0" * 8] * 3000, None, 1))[:65507],
        padded(b"/a") + b"," + b"[" * 60000,
        padded(b"/a") + padded(b"," + b"[f]" * 300),
        padded(b"/a") + padded(b"," + b"[" * 500 + b"]" * 500),
        padded(b"/a") + padded(b"," + b"b" * 1000) + struct.pack(">i", 2**31 - 1) * 1000,
        padded(b"/a") + padded(b"," + b"T" * 1000),
        b"/" + b"[" * 500 + b"\0" * 4,
    ],
    ids=range(10),
)
def test_counts_without_end_cost_milliseconds(data: bytes) -> None:
    with without_collector():
        start = time.thread_time()
        try:
            found, _ = read(data)
        except NotOsc:
            found = []
        assert time.thread_time() - start < 0.2
    assert len(found) <= MESSAGES_MAX


KINDS = ("/x/{}", "/rosin/x{}", "/rosin/knob/{{{},b}}", "/[{}", "/rosin/sync", "/rosin/knob/z2",
         "/rosin/accident/play", "/rosin/accident/keep", "/rosin/patch/load")  # fmt: skip
NAMED = KINDS.index("/rosin/knob/z2")


@pytest.mark.timeout(120)
def test_a_flood_of_distinct_things_leaves_the_hands_as_large_as_they_were() -> None:
    """Addresses, senders of complaints, patterns, names: each new, so that whatever remembers them has to forget."""
    from instrument.hands.osc.codec import ReadMessage
    from instrument.hands.osc.receiver import Received

    with on_the_table(OscOptions("127.0.0.1:0")) as t:
        osc = t.hands.osc
        assert osc is not None

        def flood(start: int, count: int) -> None:
            for i in range(start, start + count):
                sender = (f"10.{i >> 16 & 255}.{i >> 8 & 255}.{i & 255}", 1024 + i % 60000)
                kind = i % len(KINDS)
                number = () if KINDS[kind] == "/rosin/sync" else (i / 1e6, 0.5)
                args = (f"name{i}",) if kind >= NAMED else number
                address = KINDS[kind].format(i)
                osc.take(Received(ReadMessage(address, args), sender, 0.0))
            osc.flush()
            t.link.hands.pop(4096)

        flood(0, 25_000)
        tracemalloc.start()
        before = tracemalloc.get_traced_memory()[0]
        flood(25_000, 10_000)
        grown = tracemalloc.get_traced_memory()[0] - before
        tracemalloc.stop()
        assert t.hands.counts.faults == 0
        assert len(osc.echo.clients) <= 16
        assert grown < 4_000_000, "what was forgotten made room for what came"
        assert len(t.said) < 200
