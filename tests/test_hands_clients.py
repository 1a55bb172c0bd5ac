"""OSC from real programs: liblo's oscsend and oscdump, and Pure Data, each in a process of its own."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from handshost import TABLE, Source, Table, moves, on_the_table
from polling import until

from instrument.documents.options import MidiOptions, OscOptions
from instrument.ipc import Gesture, Kind

HERE = OscOptions("127.0.0.1:0")
NO_MIDI = MidiOptions()
Z2, LEVEL = TABLE.index("z2"), TABLE.index("level")

PD = """#N canvas 0 0 450 300 12;
#X obj 10 10 loadbang;
#X obj 10 40 t b b b b;
#X msg 200 70 connect 127.0.0.1 {port};
#X msg 150 100 0.25;
#X obj 150 130 oscformat rosin knob z2;
#X msg 100 160 set rosin latents;
#X msg 60 100 0.125 0.5;
#X obj 60 130 oscformat rosin latents;
#X obj 10 220 netsend -u -b;
#X msg 10 100 64 0.5;
#X obj 10 130 oscformat rosin note;
#X obj 150 160 list prepend send;
#X obj 60 190 list prepend send;
#X obj 10 160 list prepend send;
#X obj 150 190 list trim;
#X obj 60 210 list trim;
#X obj 10 190 list trim;
#X connect 0 0 1 0;
#X connect 1 3 2 0;
#X connect 2 0 8 0;
#X connect 1 2 3 0;
#X connect 3 0 4 0;
#X connect 4 0 11 0;
#X connect 11 0 14 0;
#X connect 14 0 8 0;
#X connect 1 1 6 0;
#X connect 6 0 7 0;
#X connect 7 0 12 0;
#X connect 12 0 15 0;
#X connect 15 0 8 0;
#X connect 1 0 9 0;
#X connect 9 0 10 0;
#X connect 10 0 13 0;
#X connect 13 0 16 0;
#X connect 16 0 8 0;
"""


def play(t: Table, done: Callable[[list[Gesture]], bool], seconds: float = 10.0) -> list[Gesture]:
    found: list[Gesture] = []
    until = time.monotonic() + seconds
    while not done(found):
        assert time.monotonic() < until, (found, t.hands.counts)
        found += t.step(1)
    return found


@pytest.mark.skipif(shutil.which("oscsend") is None, reason="no liblo-tools here")
def test_oscsend_moves_knobs_plays_a_note_and_loads_a_patch() -> None:
    with on_the_table(HERE, NO_MIDI) as t:
        found: list[Gesture] = []
        for words in (
            ("/rosin/knob/z2", "f", "0.25"),
            ("/rosin/knob/level/value", "d", "6"),
            ("/rosin/latent/1", "h", "1"),
            ("/rosin/knob/friction.st*", "i", "1"),
            ("/rosin/note", "if", "60", "0.5"),
            ("/rosin/panic", "T"),
            ("/rosin/patch/load", "s", "glass"),
        ):
            subprocess.run(["oscsend", "127.0.0.1", str(t.osc_at[1]), *words], check=True, timeout=10)
            found += play(t, bool)
        assert moves(found) == [(Z2, 0.25), (LEVEL, 1.0), (0, 1.0), (TABLE.index("friction.stick"), 1.0)]
        assert [g[:3] for g in found[4:]] == [(Kind.NOTE_ON, 60, 0.5), (Kind.PANIC, 0, 0.0), (Kind.PATCH, 1, 0.0)]
        assert t.hands.counts.osc_messages == 7
        assert t.hands.counts.osc_malformed == t.hands.counts.osc_unknown == 0


def is_bound(port: int) -> bool:
    """Whether somebody listens there."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return True
    return False


@pytest.mark.skipif(shutil.which("oscdump") is None, reason="no liblo-tools here")
def test_oscdump_hears_what_oscsend_moved() -> None:
    port = a_port()
    with on_the_table(OscOptions("127.0.0.1:0", echo=(f"127.0.0.1:{port}",)), NO_MIDI) as t:
        dump = subprocess.Popen(["oscdump", "-L", str(port)], stdout=subprocess.PIPE, text=True)
        try:
            until(lambda: is_bound(port))
            t.frame(hand={"z2": 0.0})
            t.see(0.1)
            subprocess.run(
                ["oscsend", "127.0.0.1", str(t.osc_at[1]), "/rosin/knob/z2", "f", "0.625"], check=True, timeout=10
            )
            play(t, bool)
            t.frame(Source.OSC, {"z2": 0.625})
            t.see(0.2)
        finally:
            dump.terminate()
            said = dump.communicate(timeout=10)[0]
        assert "/rosin/knob/z2 f 0.625" in said
        assert "/rosin/out/level f 0" in said


@pytest.mark.skipif(shutil.which("pd") is None, reason="no Pure Data here")
def test_pure_data_moves_knobs_and_plays_a_note(tmp_path: Path) -> None:
    with on_the_table(HERE, NO_MIDI) as t:
        patch = tmp_path / "hand.pd"
        patch.write_text(PD.format(port=t.osc_at[1]), encoding="utf-8")
        pd = subprocess.Popen(
            ["pd", "-nogui", "-noaudio", "-nomidi", "-noprefs", str(patch)],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            found = play(t, lambda g: any(x.kind == Kind.NOTE_ON for x in g))
        finally:
            pd.terminate()
            pd.wait(timeout=10)
        assert sorted(moves(found)) == [(0, 0.125), (1, 0.5), (Z2, 0.25)]
        assert found[-1][:3] == (Kind.NOTE_ON, 64, 0.5)
        assert t.hands.counts.osc_malformed == t.hands.counts.osc_unknown == 0


def a_port() -> int:
    """One that was free a moment ago."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
    return port
