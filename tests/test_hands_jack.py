"""MIDI through a real JACK server: independent clients play our port, come, go, and take the server with them.

This file is also the independent client: ``python test_hands_jack.py NAME BYTES...`` sends hexadecimal messages from a
port of that name, one every 5 ms, when it is told to by a line on stdin.
"""

from __future__ import annotations

import itertools
import os
import re
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator

import pytest
from handshost import TABLE, Table, kinds, moves, on_the_table
from jackhost import JackServer, jack_is_here, jack_server

from instrument.documents.options import MidiOptions, OscOptions
from instrument.hands.midi.driver import finder
from instrument.ipc import Gesture, Kind

pytestmark = pytest.mark.skipif(not jack_is_here(), reason="no jackd here")
NO_OSC = OscOptions("off")
Z2 = TABLE.index("z2")
ROWS = (
    {"knob": "level", "kind": "cc", "number": 7},
    {"knob": "z2", "kind": "cc14", "number": 1},
)


def client(name: str, *messages: str) -> None:
    """The other process. Not through our code: JACK-Client alone."""
    import jack

    me = jack.Client(name, no_start_server=True)
    out = me.midi_outports.register("out")
    waiting: deque[bytes] = deque()

    @me.set_process_callback
    def process(frames: int) -> None:
        out.clear_buffer()
        for offset in range(min(len(waiting), 32)):
            out.write_midi_event(offset, waiting.popleft())

    with me:
        print("ready", flush=True)
        for _ in sys.stdin:
            for message in messages:
                waiting.append(bytes.fromhex(message))
                time.sleep(0.005)
            while waiting:
                time.sleep(0.001)
            print("sent", flush=True)


class Peer:
    def __init__(self, jack: JackServer, name: str, *messages: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, __file__, name, *messages],
            env=jack.env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        )  # fmt: skip
        self._expect("ready")

    def _expect(self, word: str) -> None:
        assert self.process.stdout is not None
        assert self.process.stdout.readline().strip() == word

    def send(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()

    def sent(self) -> None:
        self._expect("sent")

    def end(self) -> None:
        if self.process.poll() is None:
            assert self.process.stdin is not None
            self.process.stdin.close()
            self.process.wait(timeout=10)
        assert self.process.stdout is not None
        self.process.stdout.close()


@pytest.fixture
def jack() -> Iterator[JackServer]:
    with jack_server(synchronous=True) as server:
        yield server


def play(t: Table, done: Callable[[list[Gesture]], bool], seconds: float = 5.0) -> list[Gesture]:
    """Steps until it is done; what was played."""
    found: list[Gesture] = []
    until = time.monotonic() + seconds
    while not done(found):
        assert time.monotonic() < until, (found, [str(e) for e in t.said])
        found += t.step(1)
    return found


def stood_still_s(jack: JackServer) -> float:
    """How long the server's clock has stood still so far, by its own log: what it was too late for it leaves out."""
    return 1e-6 * sum(map(int, re.findall(r"XRun = (\d+) usec", jack.log.read_text(errors="replace"))))


def keys(t: Table) -> list[str]:
    return [event.key for event in t.said]


def midi(**settings: object) -> MidiOptions:
    return MidiOptions(takeover="jump", bindings=ROWS, **settings)  # type: ignore[arg-type]


def test_an_independent_client_plays_cc_fourteen_bits_program_and_notes_into_our_own_port(
    jack: JackServer, capfd: pytest.CaptureFixture[str]
) -> None:
    with on_the_table(NO_OSC, midi(ports=("nothing else",)), find=finder("auto")) as t:
        ours = jack.wait_for_port("rosin-midi:in")
        peer = Peer(jack, "keyboard", "b00740", "b00120", "b02105", "b00120", "b02106", "c002", "90407f", "804000")
        jack.connect(jack.wait_for_port("keyboard:out"), ours)
        peer.send()
        found = play(t, lambda g: any(x.kind == Kind.NOTE_OFF for x in g))
        assert moves(found) == [
            (TABLE.index("level"), round(64 / 127, 6)),
            (Z2, round((0x20 << 7 | 0x20) / 16383, 6)),
            (Z2, round((0x20 << 7 | 5) / 16383, 6)),
            (Z2, round((0x20 << 7 | 6) / 16383, 6)),
        ]
        assert [g[:3] for g in found if g.kind != Kind.KNOB] == [
            (Kind.PATCH, 2, 0.0),
            (Kind.NOTE_ON, 64, 1.0),
            (Kind.NOTE_OFF, 64, 0.0),
        ]
        assert t.hands.counts.midi_malformed == t.hands.counts.faults == 0
        assert str(t.said[0]) == "MIDI through jack"
        peer.end()
    assert capfd.readouterr().err == ""


def test_a_sequencer_of_jacks_own_plays_notes_in_time(jack: JackServer) -> None:
    # One note every 4800 frames (100 ms), held for 2400, from the sequencer that comes with JACK.
    with on_the_table(NO_OSC, midi(ports=("nothing else",)), find=finder("jack")) as t:
        ours = jack.wait_for_port("rosin-midi:in")
        peer = subprocess.Popen(
            ["jack_midiseq", "seq", "4800", "0", "60", "2400"], env=jack.env, stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            jack.connect(jack.wait_for_port("seq:out"), ours)
            play(t, lambda g: any(x.kind == Kind.NOTE_ON for x in g))
            before = stood_still_s(jack)
            found = play(t, lambda g: len(g) >= 20)
            lost = stood_still_s(jack) - before
        finally:
            peer.terminate()
            peer.wait(timeout=5)
        assert {g.knob for g in found} == {60}
        ons = [g.time for g in found if g.kind == Kind.NOTE_ON]
        gaps = sorted(b - a for a, b in itertools.pairwise(ons))
        # Where the host takes the cores away the server's own clock stands still, and says for how long.
        assert gaps[len(gaps) // 2] == pytest.approx(0.1, abs=0.01 + lost / len(gaps))


def test_a_device_is_connected_when_it_comes_and_missed_when_it_goes(jack: JackServer) -> None:
    with on_the_table(NO_OSC, midi(ports=("fader box",)), find=finder("jack")) as t:
        assert t.hands.ports is not None
        for round_ in (1, 2):
            peer = Peer(jack, "Fader-Box", "b00740")
            t.hands.ports._look_at = 0.0
            play(t, lambda _: t.hands.counts.midi_devices == 1)
            assert t.hands.ports.names == ("Fader-Box:out",)
            peer.send()
            assert moves(play(t, bool)) == [(TABLE.index("level"), round(64 / 127, 6))]
            peer.end()
            play(t, lambda _: t.hands.counts.midi_devices == 0)
            assert keys(t).count("hands.midi.came") == keys(t).count("hands.midi.went") == round_


def test_a_device_that_goes_and_is_back_at_once_lets_its_keys_go_and_is_heard_again(jack: JackServer) -> None:
    with on_the_table(NO_OSC, midi(ports=("fader box",)), find=finder("jack")) as t:
        assert t.hands.ports is not None
        peer = Peer(jack, "Fader-Box", "903c40")
        t.hands.ports._look_at = 0.0
        play(t, lambda _: t.hands.counts.midi_devices == 1)
        peer.send()
        assert kinds(play(t, bool)) == [Kind.NOTE_ON]
        peer.end()
        again = Peer(jack, "Fader-Box", "b00740")  # no look in between
        assert kinds(play(t, bool)) == [Kind.NOTE_OFF]
        play(t, lambda _: keys(t).count("hands.midi.came") == 2)
        again.send()
        assert moves(play(t, bool)) == [(TABLE.index("level"), round(64 / 127, 6))]
        again.end()


def test_a_cable_to_a_device_that_the_player_cut_stays_cut(jack: JackServer) -> None:
    with on_the_table(NO_OSC, midi(ports=("fader box",)), find=finder("jack")) as t:
        assert t.hands.ports is not None
        peer = Peer(jack, "Fader-Box", "b00740")
        t.hands.ports._look_at = 0.0
        play(t, lambda _: t.hands.counts.midi_devices == 1)
        ours = next(name for name in jack.ports() if name.startswith("rosin-midi:from"))
        subprocess.run(["jack_disconnect", "Fader-Box:out", ours], env=jack.env, check=True, timeout=10)
        t.see(0.3)
        t.hands.ports._look_at = 0.0
        t.see(0.1)
        assert keys(t).count("hands.midi.went") == 0
        peer.send()
        peer.sent()
        t.see(0.1)
        assert t.link.hands.pop(9) == []
        peer.end()


def test_a_port_of_ours_outlives_its_device_for_a_while_and_then_goes(
    jack: JackServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    # libjack crashes the process when a port is taken down while the server tells of another's going.
    def ours() -> list[str]:
        return [name for name in jack.ports() if name.startswith("rosin-midi:from")]

    with on_the_table(NO_OSC, midi(ports=("fader box",)), find=finder("jack")) as t:
        assert t.hands.ports is not None
        peer = Peer(jack, "Fader-Box", "b00740")
        t.hands.ports._look_at = 0.0
        play(t, lambda _: t.hands.counts.midi_devices == 1)
        assert len(ours()) == 1
        peer.end()
        play(t, lambda _: t.hands.counts.midi_devices == 0)
        assert len(ours()) == 1
        monkeypatch.setattr("instrument.hands.midi.jack.RETIRED_SECONDS", 0.0)
        t.hands.ports._look_at = 0.0
        play(t, lambda _: not ours())
        assert jack.wait_for_port("rosin-midi:in")
    assert not [name for name in jack.ports() if name.startswith("rosin")]


def test_a_server_that_crashes_is_said_and_the_next_one_is_found(
    jack: JackServer, capfd: pytest.CaptureFixture[str]
) -> None:
    with on_the_table(NO_OSC, midi(), find=finder("jack")) as t:
        assert t.hands.ports is not None
        jack.wait_for_port("rosin-midi:in")
        jack.kill()
        play(t, lambda _: "hands.midi.lost" in keys(t))
        t.hands.ports._look_at = 0.0
        t.step(1)
        assert keys(t)[-1] == "hands.midi.none"
        with jack_server(synchronous=True) as other:
            t.hands.ports._look_at = 0.0
            t.step(1)
            assert keys(t)[-1] == "hands.midi.api"
            peer = Peer(other, "keyboard", "b00740")
            t.hands.ports._look_at = 0.0
            t.step(1)
            peer.send()
            assert moves(play(t, bool)) == [(TABLE.index("level"), round(64 / 127, 6))]
            peer.end()
        assert t.hands.counts.faults == 0
    assert capfd.readouterr().err == ""


def test_where_there_is_no_server_it_is_one_event_nothing_on_the_terminal_and_no_server_is_started(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JACK_DEFAULT_SERVER", f"rosin-nobody-{os.getpid()}")
    monkeypatch.delenv("JACK_NO_START_SERVER", raising=False)
    for api in ("jack", "core", "winmm", "off"):
        with on_the_table(NO_OSC, midi(), find=finder(api)) as t:
            assert keys(t) == ["hands.midi.none"]
            assert t.hands.counts.faults == 0
    assert os.environ["JACK_NO_START_SERVER"] == "1"
    assert capfd.readouterr() == ("", "")


def test_a_thousand_fast_messages_all_arrive_in_order(jack: JackServer) -> None:
    with on_the_table(NO_OSC, midi(ports=("nothing else",)), find=finder("jack")) as t:
        ours = jack.wait_for_port("rosin-midi:in")
        code = (
            "import jack,sys\n"
            "me=jack.Client('fast',no_start_server=True);out=me.midi_outports.register('out')\n"
            "to_come=iter(())\n"
            "def process(frames):\n"
            " out.clear_buffer()\n"
            " for offset,i in zip(range(8),to_come): out.write_midi_event(offset,(0x90,i%128,1+i//128))\n"
            "me.set_process_callback(process);me.activate();print('ready',flush=True)\n"
            "sys.stdin.readline()\n"
            "to_come=iter(range(1000))\n"
            "sys.stdin.readline();me.close()\n"
        )
        peer = subprocess.Popen(
            [sys.executable, "-c", code], env=jack.env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            stderr=subprocess.DEVNULL,
        )  # fmt: skip
        assert peer.stdout is not None
        assert peer.stdin is not None
        peer.stdout.readline()
        jack.connect(jack.wait_for_port("fast:out"), ours)
        peer.stdin.write("\n")
        peer.stdin.flush()
        found = play(t, lambda g: len(g) >= 1000, seconds=10.0)
        assert [(g.knob, round(g.value * 127)) for g in found] == [(i % 128, 1 + i // 128) for i in range(1000)]
        peer.stdin.close()
        peer.wait(timeout=5)
        peer.stdout.close()


if __name__ == "__main__":
    client(sys.argv[1], *sys.argv[2:])
