"""Fuzz: whatever arrives on a socket or a cable, the hands play on; no fault of theirs, no gesture out of range.

A few thousand of each here; ``ROSIN_FUZZ=100000`` for the long run (under a minute).
"""

from __future__ import annotations

import os
import random
import struct
import time

import pytest
from handshost import TABLE, Table, moves, on_the_table

from instrument.documents.options import MidiOptions, OscOptions
from instrument.hands.osc.codec import BUNDLE, write
from instrument.hands.osc.namespace import Namespace
from instrument.ipc import Gesture, Kind
from instrument.ipc.events import BEND_SEMITONES

COUNT = int(os.environ.get("ROSIN_FUZZ", "3000"))
BATCH = 50
ADDRESSES = [*Namespace("/rosin", TABLE, []), "/rosin/*", "/rosin/knob/*", "/rosin/latent/[!1]", "/rosin/{a,b}*c?d"]
NUMBERS = [0, 1, -1, 127, 2**31 - 1, -(2**31), 0.0, 0.5, 1.0, -1.0, 1e38, float("nan"), float("inf"), -float("inf")]
# Addresses that would write, learn or ask for an echo are fuzzed too, with their arguments a little less often right.
WORDS = ["", "z2", "level", "strings", "nothing", "é", "x" * 300, "glass", "../x", "\n"]


def valid(dice: random.Random) -> bytes:
    args = [dice.choice([dice.choice(NUMBERS), dice.random(), dice.choice(WORDS)]) for _ in range(dice.randrange(4))]
    return write(dice.choice(ADDRESSES), *args)


def datagram(dice: random.Random) -> bytes:
    kind = dice.randrange(6)
    if kind == 0:
        return dice.randbytes(dice.randrange(200))
    if kind == 1:
        return valid(dice)
    if kind == 2:
        return bundle(dice, 0)
    if kind == 3:
        return BUNDLE + dice.randbytes(dice.randrange(100))
    data = bytearray(valid(dice) if kind == 4 else bundle(dice, 0))
    for _ in range(1 + dice.randrange(6)):
        change = dice.randrange(4)
        at = dice.randrange(len(data) + 1)
        if change == 0:
            del data[at:]
        elif change == 1:
            data[at:at] = dice.randbytes(1 + dice.randrange(8))
        elif change == 2 and at < len(data):
            data[at] = dice.randrange(256)
        else:
            data[at : at + 4] = struct.pack(">i", dice.choice([-1, 0, 4, 2**31 - 1, -(2**31)]))
    return bytes(data)


def bundle(dice: random.Random, depth: int) -> bytes:
    elements = [
        bundle(dice, depth + 1) if depth < 12 and dice.random() < 0.3 else valid(dice) for _ in range(dice.randrange(4))
    ]
    timetag = dice.choice([0, 1, 2**64 - 1, dice.getrandbits(64)])
    return BUNDLE + struct.pack(">Q", timetag) + b"".join(struct.pack(">i", len(e)) + e for e in elements)


def check(gestures: list[Gesture]) -> None:
    for g in gestures:
        kind = Kind(g.kind)
        if kind in (Kind.KNOB, Kind.FORCE, Kind.BRIDGE):
            assert 0 <= g.knob < len(TABLE)
        most = {Kind.KEEP: 600.0, Kind.ACCIDENT: 2.0, Kind.FINGER_BEND: BEND_SEMITONES}.get(kind, 1.0)
        assert -max(1.0, most if kind == Kind.FINGER_BEND else 1.0) <= g.value <= most
        assert 0 <= g.knob < 65536
        assert 0 <= g.extra < 2**64
        assert kind != Kind.KNOB or g.value >= 0.0
        assert kind not in (Kind.NOTE_ON, Kind.NOTE_OFF) or 0 <= g.knob <= 127
        assert kind not in (Kind.SNAPSHOT, Kind.RESTORE) or 0 <= g.knob < 8
        assert kind != Kind.PATCH or g.knob < 3


def still_plays(t: Table) -> None:
    for _ in range(10):
        t.step()
    assert t.hands.osc is not None
    end = time.monotonic() + 5.0
    while t.hands.osc._changing_until and time.monotonic() < end:  # the last datagram but few asked for another patch
        t.step()
        time.sleep(0.01)
    t.client().send("/rosin/knob/z2", 0.375)
    found = t.step()
    assert moves(found) == [(TABLE.index("z2"), 0.375)]
    t.midi((0xF7,), (0xB0, 1, 1), (0x90, 60, 100))
    assert t.hands.counts.faults == 0, t.said


@pytest.mark.timeout(300)
@pytest.mark.parametrize("schedule", [False, True])
def test_random_datagrams(schedule: bool, capfd: pytest.CaptureFixture[str]) -> None:
    dice = random.Random(1)
    with on_the_table(OscOptions("127.0.0.1:0", schedule=schedule)) as t:
        t.frame(hand={"z2": 0.5})
        client = t.client()
        for _ in range(COUNT // 2 // BATCH):
            for _ in range(BATCH):
                client.raw(datagram(dice))
            check(t.step(2))
        still_plays(t)
        assert t.hands.counts.osc_malformed > COUNT // 10
        assert t.hands.counts.osc_messages > COUNT // 10
    assert capfd.readouterr() == ("", "")


@pytest.mark.timeout(300)
def test_random_midi_bytes() -> None:
    dice = random.Random(2)
    rows = (
        {"knob": "level", "kind": "cc", "number": 7},
        {"knob": "z2", "kind": "cc14", "number": 1},
        {"knob": "z3", "kind": "cc", "number": 20, "motion": "twos"},
        {"knob": "z4", "kind": "bend"},
        {"knob": "z5", "kind": "cc", "number": 21, "takeover": "scale", "low": 0.2, "high": 0.8},
        {"knob": "z5", "kind": "cc", "number": 33, "motion": "push", "ring": 98, "ring_pos": 99},
        {"knob": "z2", "kind": "note", "number": 1, "motion": "push", "push": -1.0},
        {"knob": "pitch", "kind": "bend", "channel": 2, "motor": True, "touch": 7, "ring": 20},
        {"knob": "loud", "kind": "cc14", "number": 6 + 14, "motor": True, "takeover": "scale"},
    )
    with on_the_table(OscOptions("127.0.0.1:0"), MidiOptions(bindings=rows)) as t:
        sent = 0
        while sent < COUNT:
            if dice.random() < 0.5:
                data = [dice.randrange(256) for _ in range(dice.randrange(40))]
            else:  # bytes that are likely to mean something
                data = [
                    0x80 | dice.randrange(0x70),
                    *(dice.choice([1, 33, 7, 20, 21, 6, 38, 98, 99, 64]) for _ in "ab"),
                ]
            sent += len(data)
            t.driver.mine.queue.append(data)
            if dice.random() < 0.01:
                t.hands.learn(dice.choice(["z2", "level", "nothing"]))
            if dice.random() < 0.1:
                t.frame(hand={"z2": dice.random(), "level": dice.random()})
                check(t.step(1))
        check(t.step(20))
        still_plays(t)
        assert t.hands.counts.midi_malformed > 0
        assert t.hands.counts.midi_messages > COUNT // 20
