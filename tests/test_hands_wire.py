"""Wire: what clients send is read, what enemies send is refused, quickly and without a word on the terminal."""

from __future__ import annotations

import logging
import struct
import time

import pytest
from collector import without_collector
from hypothesis import example, given
from hypothesis import strategies as st
from pythonosc.osc_bundle_builder import OscBundleBuilder
from pythonosc.osc_message import OscMessage
from pythonosc.osc_message_builder import OscMessageBuilder

from instrument.hands.osc.codec import AT_ONCE, BUNDLE, NotOsc, bang, number, read, write


def bundle(*elements: bytes, timetag: int = AT_ONCE) -> bytes:
    return BUNDLE + struct.pack(">Q", timetag) + b"".join(struct.pack(">i", len(e)) + e for e in elements)


@given(st.lists(st.floats(width=32, allow_nan=False) | st.integers(-(2**31), 2**31 - 1) | st.text(max_size=20)))
def test_what_is_written_is_read(args: list[float | int | str]) -> None:
    args = [a.replace("\0", "") if isinstance(a, str) else a for a in args]
    if len(args) > 500:
        return
    datagram = write("/rosin/out/x", *args)
    assert read(datagram) == ([("/rosin/out/x", tuple(args), AT_ONCE)], 0)
    assert OscMessage(datagram).params == list(args)  # and by the codec on its own


def test_every_type_a_client_may_send_is_read() -> None:
    builder = OscMessageBuilder("/a")
    for value, kind in ((1, "i"), (2.5, "f"), (2**40, "h"), (0.1, "d"), (True, "T"), (False, "F"), ("x", "s")):
        builder.add_arg(value, kind)
    assert read(builder.build().dgram)[0][0].args == (1, 2.5, 2**40, 0.1, True, False, "x")
    assert read(b"/a\0\0,I\0\0")[0][0].args == ()  # a bang, to Processing and others
    assert read(b"/a\0\0,S\0\0x\0\0\0")[0][0].args == ("x",)
    assert read(b"/a\0\0")[0][0].args == ()
    assert read(b"/a\0\0,f\0\0\x3f\x80\0")[0][0].args == (1.0,)  # Reaktor forgets the last zeros


def test_bundles_give_their_messages_in_order_with_their_time() -> None:
    builder = OscBundleBuilder(1_700_000_000.25)
    builder.add_content(OscMessage(write("/a", 1)))
    builder.add_content(OscMessage(write("/b", 2)))
    messages, bad = read(builder.build().dgram)
    assert [m.address for m in messages] == ["/a", "/b"]
    assert bad == 0
    assert messages[0].unix_time == pytest.approx(1_700_000_000.25, abs=1e-3)
    inner = bundle(write("/c"))
    assert [m.address for m in read(bundle(write("/a"), inner, write("/d")))[0]] == ["/a", "/c", "/d"]
    assert read(bundle(write("/a")))[0][0].unix_time is None


def test_a_bad_message_in_a_good_bundle_costs_only_itself() -> None:
    messages, bad = read(bundle(write("/a", 1.0), b"/b\0\0,q\0\0", write("/c", 2.0)))
    assert [m.address for m in messages] == ["/a", "/c"]
    assert bad == 1


def nested(depth: int) -> bytes:
    inner = write("/a")
    for _ in range(depth):
        inner = bundle(inner)
    return inner


HOSTILE = {
    "nothing": b"",
    "zeros": bytes(64),
    "no end": b"/" + b"a" * 5000,
    "no tags": b"/a\0\0\x3f\x80\0\0",
    "negative size, for ever": BUNDLE + struct.pack(">Qi", 1, -4) * 100,
    "huge size": BUNDLE + struct.pack(">Qi", 1, 2**31 - 1),
    "half a header": BUNDLE + b"\0\0",
    "half a size": BUNDLE + struct.pack(">Q", 1) + b"\0\0",
    "nested 1000 deep": nested(1000),
    "65000 tags": b"/a\0\0," + b"f" * 65000 + b"\0",
    "65000 brackets": b"/a\0\0," + b"[" * 65000 + b"\0",
    "65000 unknown tags": b"/a\0\0," + b"q" * 65000 + b"\0",
    "8000 messages": bundle(*[b"/a\0\0"] * 5000),
    "blob of 2 GB": b"/a\0\0,b\0\0\x7f\xff\xff\xff",
    "blob of -8": b"/a\0\0,bb\0\xff\xff\xff\xf8\xff\xff\xff\xf8",
    "time out of this world": b"/a\0\0,t\0\0" + b"\xff" * 4,
    "not text": b"/\xff\xfe\0,f\0\0" + bytes(4),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_datagram_is_refused_in_milliseconds_and_silently(
    name: str, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG), without_collector():
        start = time.thread_time()  # the reader's own work; how long the machine stood still is not its doing
        with pytest.raises(NotOsc):
            read(HOSTILE[name])
        assert time.thread_time() - start < 0.05
    assert capfd.readouterr() == ("", "")
    assert not caplog.records


def test_the_largest_honest_datagram_is_read_within_a_few_blocks() -> None:
    datagram = bundle(*[write(f"/rosin/knob/z{i}", 0.5) for i in range(1000)])
    with without_collector():
        start = time.thread_time()
        assert len(read(datagram)[0]) == 1000
        assert time.thread_time() - start < 0.2


@given(st.binary(max_size=400))
@example(bundle(bundle(b"")))
def test_bytes_are_read_or_refused_and_nothing_else(data: bytes) -> None:
    for datagram in (data, b"/" + data, BUNDLE + data, b"/a\0\0," + data):
        try:
            messages, bad = read(datagram)
        except NotOsc:
            continue
        assert bad >= 0
        assert all(m.address.startswith("/") for m in messages)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf"), "1", None, b"", [1.0]])
def test_what_is_not_a_finite_number_is_none(value: object) -> None:
    with pytest.raises(ValueError):
        number(value)


def test_a_trigger_is_no_argument_or_any_but_0() -> None:
    assert bang(())
    assert bang((1,))
    assert bang((0, 0.5))
    assert bang((True,))
    assert bang(("bang",))
    assert bang((None,))
    assert not bang((0,))
    assert not bang((0.0, False))
    with pytest.raises(ValueError):
        bang((float("nan"),))
