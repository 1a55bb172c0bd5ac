"""Hands or sound are killed in the middle of everything: whoever takes over knows what they knew, and nothing hangs."""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from jackhost import jack_is_here, jack_server
from playhost import datagram, free_port, playing

from instrument.audio.settings import SoundSettings
from instrument.base.paths import shipped
from instrument.documents.options import Folders, MidiOptions, OscOptions, SoundOptions
from instrument.documents.rig import Rig, read_rig
from instrument.hands.worker import HandsSettings, tables_of
from instrument.ipc import Frame, Gesture, Kind
from instrument.run.show import Show

PATCHES = tuple(str(shipped("patches") / f"{name}.toml") for name in ("bow", "storm"))
BREAK_SECONDS = 8.0


class Played:
    """A show in processes of its own, watched by this one, with OSC into it."""

    def __init__(self, folder: Path, **sound: object) -> None:
        self.port, self.rig = free_port(), folder / "rig.toml"
        rig = Rig(str(self.rig), osc=OscOptions(f"127.0.0.1:{self.port}"), midi=MidiOptions("off"))
        if self.rig.exists():
            rig = read_rig(self.rig)
        settings = SoundSettings(
            "",
            PATCHES,
            sound=SoundOptions("null"),
            folders=Folders(str(folder / "takes")),
            **sound,  # type: ignore[arg-type]
        )
        self.show = Show(settings, HandsSettings.of(rig, PATCHES, False))
        self.voice = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.voice.bind(("127.0.0.1", 0))

    def osc(self, address: str, *values: object) -> None:
        self.voice.sendto(datagram(address, *values), ("127.0.0.1", self.port))

    def until(self, true: Callable[[], object], seconds: float = BREAK_SECONDS) -> bool:
        """Watch the show until something is so; whether it came to be."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.show.look()
            if true():
                return True
            time.sleep(0.01)
        return False

    def frame(self) -> Frame:
        frame = self.show.frame()
        assert frame is not None
        return frame

    def bindings(self) -> list[str]:
        return sorted(row["knob"] for row in read_rig(self.rig).osc.bindings) if self.rig.exists() else []

    def learn(self, knob: str, address: str, ask: bool = True) -> None:
        """As a player does: ask, then move the control, until the rig has it."""
        if ask:
            self.osc("/rosin/learn", knob)
        moved = iter(range(10**6))

        def known() -> bool:
            self.osc(address, (next(moved) % 50) / 100.0)
            return knob in self.bindings()

        assert self.until(known), (knob, list(self.show.notices))
        assert self.until(lambda: False, 0.8) is False  # it comes to rest, and is played from then on

    def kill(self, name: str) -> None:
        """kill -9; returns when another plays."""
        role = {"hands": self.show.hands, "sound": self.show.sound}[name]
        assert role is not None
        assert role.player is not None
        role.player.kill()
        role.player.wait()
        starts = role.row.count("starts")
        assert self.until(lambda: role.row.count("starts") > starts and not role.lost_at), list(self.show.notices)


@contextlib.contextmanager
def played(folder: Path, **sound: object) -> Iterator[Played]:
    play = Played(folder, **sound)
    try:
        play.show.open()
        yield play
    finally:
        play.voice.close()
        play.show.close()
        play.show.link.close()


def test_hands_that_take_over_have_learned_what_those_before_had_and_hold_nothing(tmp_path: Path) -> None:
    table = tables_of(PATCHES, "")[0]
    with played(tmp_path) as play:
        play.learn("z1", "/desk/1")
        play.learn("z2", "/desk/2")
        with play.rig.open("a") as rig:  # meanwhile somebody writes a row by hand
            rig.write('\n[[osc.bindings]]\naddress = "/desk/9"\nknob = "z3"\n')
        play.show.gesture(Gesture(Kind.NOTE_ON, 45, 0.9))  # of a take that plays along
        play.osc("/rosin/knob/hazard", 0.0)
        play.osc("/rosin/sustain", 1.0)
        play.osc("/rosin/knob/z4/push", 0.3)
        play.osc("/rosin/bend", 0.5)
        play.osc("/rosin/note", 57, 0.9)
        assert play.until(lambda: play.frame().note > 57.5)
        play.osc("/rosin/learn", "level")  # and a knob waits for its controller
        assert play.until(lambda: "move a controller for level" in list(play.show.notices))
        assert play.until(lambda: False, 0.2) is False

        play.kill("hands")

        play.osc("/rosin/note", 57, 0.0)
        assert play.until(lambda: abs(play.frame().note - 45.0) < 0.01), "key, pedal and bend are let go of"
        assert play.frame().gate > 0.5, "and what others hold is not"
        strain = table.index("z4")
        assert play.until(lambda: abs(play.frame().hand[strain] - play.frame().pos[strain]) < 0.05), "nothing pushes"
        play.learn("level", "/desk/3", ask=False)
        for address, knob in (("/desk/1", "z1"), ("/desk/9", "z3")):
            sent = iter(range(10**6))

            def moved(address: str = address, knob: str = knob, sent: Iterator[int] = sent) -> bool:
                play.osc(address, (next(sent) % 101) / 100.0)
                return abs(play.frame().hand[table.index(knob)] - 0.97) < 0.005

            assert play.until(moved), f"{address} moves nothing any more"
        assert play.bindings() == ["level", "z1", "z2", "z3"]


def test_a_sound_that_takes_over_has_the_same_keys_under_the_fingers_and_nothing_hangs(tmp_path: Path) -> None:
    with played(tmp_path) as play:
        play.osc("/rosin/knob/hazard", 0.0)
        play.osc("/rosin/note", 50, 0.9)
        play.osc("/rosin/note", 57, 0.6)
        play.osc("/rosin/bend", 1.0)
        assert play.until(lambda: play.frame().gate > 0.5 and play.frame().note > 58.999), "there, and bent all the way"
        before = play.frame().note
        play.kill("sound")
        assert play.until(lambda: abs(play.frame().note - before) < 0.01), (play.frame().note, before)
        play.osc("/rosin/note", 57, 0.0)
        assert play.until(lambda: abs(play.frame().note - (before - 7.0)) < 0.02), "the key below it"
        play.osc("/rosin/note", 50, 0.0)
        assert play.until(lambda: 0.0 < play.frame().gate < 0.8)
        play.kill("sound")
        assert play.until(lambda: play.frame().gate == 0.0), "what was dying away dies away"


@pytest.mark.skipif(not jack_is_here(), reason="JACK is not installed")
def test_controllers_learned_by_midi_outlive_the_hands_on_jack(tmp_path: Path) -> None:
    pytest.importorskip("jack", reason="the JACK client library is not here", exc_type=ImportError)
    from test_show import midi_player

    def rows() -> list[str]:
        return sorted(row["knob"] for row in read_rig(tmp_path / "rig.toml").midi.bindings)

    with jack_server(period=256, rate=48000) as jack, playing(tmp_path, "bow", env=jack.env, midi="jack") as play:
        with midi_player(jack) as send:
            for knob, number in (("z1", "15"), ("z2", "16")):
                play.osc("/rosin/learn", knob)
                assert play.wait_for_text(f"move a controller for {knob}")
                send(*(f"b0 {number} {value}" for value in ("10", "20", "30", "40")))
                assert play.wait_for_text(f"{knob} learned")
        play.child("hands").kill()
        assert play.wait_for_text("The hands (MIDI, OSC) stopped and were brought back", 15.0), play.text
        assert jack.wait_for_port(":in")
        with midi_player(jack) as send:
            play.osc("/rosin/learn", "z3")
            assert play.wait_for_text("move a controller for z3")
            send("b0 17 10", "b0 17 20", "b0 17 30", "b0 17 40")
            assert play.wait_for_text("z3 learned")
            assert rows() == ["z1", "z2", "z3"]
            send(*(f"b0 15 {v:02x}" for v in range(128)))
            assert play.wait_for("/rosin/knob/z1", 1.0), "the first one plays"
