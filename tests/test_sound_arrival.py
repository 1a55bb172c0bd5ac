"""A sound device that comes later is played into when it comes, and how its ports were connected is not forgotten."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jackhost import JackServer, jack_is_here, jack_server
from playhost import playing

from instrument.audio import output
from instrument.audio.device import NO_CARD
from instrument.audio.null_device import NullDevice
from instrument.audio.output import REFUSED_SECONDS, Output
from instrument.audio.patchbay import STEADY_SECONDS, WAIT_SECONDS, Patchbay, Patched
from instrument.audio.portaudio import NoSuchDevice
from instrument.audio.settings import SoundSettings
from instrument.base.errors import RosinError
from instrument.documents.options import SoundOptions
from instrument.ipc import Flags, Link

needs_jack = pytest.mark.skipif(not jack_is_here(), reason="jackd is not installed")


# --- the real parts


@contextlib.contextmanager
def serving(first: JackServer, rate: int = 48000) -> Iterator[None]:
    """A server under the name of one that was killed."""
    server = subprocess.Popen(
        ["jackd", "-r", "-n", first.name, "-d", "dummy", "-r", str(rate), "-p", "256"],
        env=first.env, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        yield
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait(timeout=10)


def connected(jack: JackServer) -> dict[str, list[str]]:
    """What each output of the instrument goes to."""
    found: dict[str, list[str]] = {}
    port = ""
    for line in jack.ports("-c"):
        if not line.startswith(" "):
            port = line
        elif port.startswith("rosin") and ":out_" in port:
            found.setdefault(port, []).append(line.strip())
    return found


def comes_to_be(jack: JackServer, wanted: dict[str, list[str]], seconds: float = 8.0) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if connected(jack) == wanted:
            return True
        time.sleep(0.05)
    return False


STRAIGHT = {"rosin:out_0": ["system:playback_1"], "rosin:out_1": ["system:playback_2"]}
CROSSED = {"rosin:out_0": ["system:playback_2"], "rosin:out_1": ["system:playback_1"]}


@needs_jack
def test_it_waits_for_its_device_and_its_ports_stay_connected_as_the_player_wants_them(tmp_path: Path) -> None:
    (tmp_path / "rig.toml").write_text('schema = 1\n[sound]\ndevice = "system"\n')
    with jack_server(period=256, rate=48000) as first:
        first.kill()
        with playing(tmp_path, "storm", env=first.env) as play:
            assert play.wait_for_text("Playing silently until the sound device comes"), play.text
            with serving(first):
                assert play.wait_for_text("The sound device is here: system.", 15.0), play.text
                assert comes_to_be(first, STRAIGHT), connected(first)
                for port, (before,), (after,) in zip(STRAIGHT, STRAIGHT.values(), CROSSED.values(), strict=True):
                    subprocess.run(["jack_disconnect", port, before], env=first.env, check=True, capture_output=True)
                    first.connect(port, after)
                time.sleep(STEADY_SECONDS + 0.7)  # the time itself: seen and believed
                play.child("audio.process").send_signal(signal.SIGKILL)
                assert play.wait_for_text("The sound stopped and was brought back", 15.0), play.text
                assert comes_to_be(first, CROSSED), connected(first)
            assert play.wait_for_text("went away"), play.text
            with serving(first):
                assert play.wait_for_text("is back", 15.0), play.text
                assert comes_to_be(first, CROSSED), connected(first)
                text = play.stop()
    assert "Traceback" not in text
    assert text.count("Playing silently") == 1


# --- the output, with a scout and devices of straw


class Straw:
    """A device of straw; ``refuses``: why it does not open."""

    is_null = False
    api, client, latency_s, xruns, notice, refusal = "straw", "", 0.01, 0, "", ""
    refuses: list[RosinError] = []  # noqa: RUF012
    opened: list[str] = []  # noqa: RUF012

    def __init__(self, wanted: str, *_: object) -> None:
        if self.refuses:
            raise self.refuses.pop(0)
        self.name = wanted or "card"
        self.opened.append(self.name)

    def start(self) -> None: ...
    def close(self) -> None: ...
    def alive(self) -> bool:
        return True


class Messenger:
    """A scout that says what the test wants."""

    there = False
    sent: list[float] = []  # noqa: RUF012

    def __init__(self, wanted: str) -> None: ...

    def send(self, after_s: float = 0.0) -> None:
        self.sent.append(after_s)

    def found(self, now: float) -> bool:
        there, Messenger.there = Messenger.there, False
        return there

    def close(self) -> None: ...


@pytest.fixture
def straw(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Any]]:
    """Makes an Output whose first opening fails as told; ``play()`` looks until nothing is being opened."""
    link = Link.create()
    Straw.refuses, Straw.opened, Messenger.sent, Messenger.there = [], [], [], False
    monkeypatch.setattr(output, "PortAudioDevice", Straw)
    monkeypatch.setattr(output, "Scout", Messenger)
    made = []

    def make(first: RosinError | None, device: str = "", patient: bool = False, waits: bool = True) -> Any:
        def opened(name: str | None, rate: float, out: int, inp: int, block: int, callback: Any) -> NullDevice:
            if first is not None:
                raise first
            return NullDevice(rate, out, inp, block, callback, "" if name == "null" else NO_CARD)

        monkeypatch.setattr(output, "open_device", opened)
        player = SimpleNamespace(
            rate=48000, channels=2, callback=lambda out, inp, now: out.fill(0.0), delay=0, latency_s=0.0, device=None,
            extra_flags=Flags(0), resync=lambda: None,
        )  # fmt: skip
        wants = SoundSettings("", (), sound=SoundOptions(device), device_waits=waits)
        found = Output(wants, player, link.health.row("sound"), patient)  # type: ignore[arg-type]
        made.append(found)
        found.open()
        found.start()
        return SimpleNamespace(output=found, player=player, play=lambda: play(found), said=said)

    def play(one: Output) -> None:
        Messenger.there = True
        one.look(time.monotonic())
        while one._opening is not None:
            one.look(time.monotonic())
            time.sleep(0.001)

    def said() -> list[str]:
        return [notice.text for notice in link.health.row("sound").notices()]

    yield make
    for one in made:
        one.close()
    link.close()


def test_from_no_card_at_all_it_moves_over_to_the_one_that_comes(straw: Callable[..., Any]) -> None:
    one = straw(None)
    assert one.player.extra_flags & Flags.NO_DEVICE
    one.output.look(time.monotonic())
    assert Straw.opened == []
    one.play()
    assert isinstance(one.output.device, Straw)
    assert not one.player.extra_flags & Flags.NO_DEVICE
    assert one.said()[-1] == "The sound device is here: card."
    one.play()
    assert Straw.opened == ["card"], "and is not looked for any more"


def test_a_device_that_refuses_is_told_of_once_and_tried_again_seldom(straw: Callable[..., Any]) -> None:
    one = straw(None)
    Straw.refuses = [RosinError("card runs at 44100 Hz, not 48000; set it") for _ in range(3)]
    for _ in range(3):
        one.play()
    assert one.output.device.is_null
    assert one.output.device.alive(), "the null device plays on"
    assert sum("44100" in text for text in one.said()) == 1
    assert Messenger.sent[1:] == [REFUSED_SECONDS] * 3
    Straw.refuses = [RosinError("card is in use; close it")]
    one.play()
    assert "in use" in one.said()[-1], "another reason is told"
    one.play()
    assert "is here" in one.said()[-1]


def test_the_null_device_that_was_asked_for_stays(straw: Callable[..., Any]) -> None:
    one = straw(None, device="null")
    one.play()
    assert Straw.opened == []
    assert Messenger.sent == []
    assert one.said() == []


def test_a_device_named_in_the_rig_is_waited_for_and_one_named_on_the_command_line_is_an_error(
    straw: Callable[..., Any],
) -> None:
    missing = NoSuchDevice("there is no sound device 'Scarlett'; choose one of: null")
    with pytest.raises(RosinError, match="Scarlett"):
        straw(missing, device="Scarlett", waits=False)
    one = straw(missing, device="Scarlett")
    assert "Scarlett" in one.said()[-1]
    one.play()
    assert Straw.opened == ["Scarlett"]


def test_a_device_that_refuses_a_sound_that_takes_over_does_not_end_the_show(straw: Callable[..., Any]) -> None:
    busy = RosinError("card can't be opened; is it in use?")
    with pytest.raises(RosinError, match="in use"):
        straw(busy)
    one = straw(busy, patient=True)
    one.play()
    assert isinstance(one.output.device, Straw)


# --- the patchbay, with a JACK of straw


class Cables:
    """JACK's ports and cables."""

    def __init__(self) -> None:
        self.ports = {"rosin:out_0", "rosin:out_1", "system:playback_1", "system:playback_2", "fx:in"}
        self.cables: set[tuple[str, str]] = set()

    def connections(self, client: str) -> Patched:
        mine = sorted(port for port in self.ports if port.startswith(f"{client}:"))
        return {m.partition(":")[2]: frozenset(o for a, o in self.cables if a == m) for m in mine}

    def exists(self, port: str) -> bool:
        return port in self.ports

    def connect(self, mine: str, other: str) -> bool:
        self.cables.add((mine, other))
        return True

    def disconnect(self, mine: str, other: str) -> None:
        self.cables.discard((mine, other))

    def die(self) -> None:
        """The sound's client goes, and its cables."""
        self.ports -= {"rosin:out_0", "rosin:out_1"}
        self.cables.clear()

    def open(self) -> None:
        """It comes again, and PortAudio does what it always does."""
        self.ports |= {"rosin:out_0", "rosin:out_1"}
        self.cables = {("rosin:out_0", "system:playback_1"), ("rosin:out_1", "system:playback_2")}


class Bench:
    def __init__(self, link: Link) -> None:
        self.link, self.row, self.jack, self.now = link, link.health.row("sound"), Cables(), 0.0
        self.row.set_text("device", "system (JACK Audio Connection Kit)")
        self.row.set_text("ports", "rosin")
        self.bay = Patchbay(self.jack, self.row, link.memos["patchbay"])

    def pass_by(self, seconds: float = 2.0) -> None:
        end = self.now + seconds
        while self.now < end:
            self.now += self.bay.look(self.now)

    def reopen(self) -> None:
        self.row.add("openings")
        self.pass_by(0.1)
        self.jack.open()
        self.pass_by(0.1)
        self.row.add("openings")

    def again(self) -> None:
        """The patchbay's own process is another one."""
        self.bay = Patchbay(self.jack, self.row, self.link.memos["patchbay"])


@pytest.fixture
def bench() -> Iterator[Bench]:
    with Link.create() as link:
        yield Bench(link)


def test_the_first_opening_keeps_what_portaudio_connects(bench: Bench) -> None:
    bench.reopen()
    bench.pass_by()
    assert bench.jack.cables == {("rosin:out_0", "system:playback_1"), ("rosin:out_1", "system:playback_2")}


@given(
    wanted=st.sets(
        st.tuples(
            st.sampled_from(["rosin:out_0", "rosin:out_1"]),
            st.sampled_from(["system:playback_1", "system:playback_2", "fx:in"]),
        )
    ),
    dies=st.booleans(), again=st.booleans(),
)  # fmt: skip
def test_after_another_opening_the_cables_are_those_that_were_last_seen(
    wanted: set[tuple[str, str]], dies: bool, again: bool
) -> None:
    with Link.create() as link:
        bench = Bench(link)
        bench.reopen()
        bench.pass_by()
        bench.jack.cables = set(wanted)
        bench.pass_by()
        if dies:
            bench.jack.cables -= set(sorted(wanted)[:1])  # the cables of one that dies go one after the other
            bench.pass_by(STEADY_SECONDS / 3)
            bench.jack.die()
            bench.pass_by()
        if again:
            bench.again()
        bench.reopen()
        bench.pass_by(0.2)
        assert bench.jack.cables == wanted


def test_a_program_that_comes_back_after_us_is_connected_again_for_five_minutes(bench: Bench) -> None:
    bench.reopen()
    bench.pass_by()
    bench.jack.cables.add(("rosin:out_0", "fx:in"))
    bench.pass_by()
    bench.jack.ports.discard("fx:in")
    bench.jack.die()
    bench.reopen()
    bench.pass_by()
    assert ("rosin:out_0", "fx:in") not in bench.jack.cables
    bench.again()  # what is waited for is not forgotten with the process
    bench.pass_by()
    bench.jack.ports.add("fx:in")
    bench.pass_by(0.3)
    assert ("rosin:out_0", "fx:in") in bench.jack.cables

    bench.jack.ports.discard("fx:in")
    bench.jack.die()
    bench.reopen()
    bench.pass_by(WAIT_SECONDS + 5.0)
    bench.jack.ports.add("fx:in")
    bench.pass_by()
    assert ("rosin:out_0", "fx:in") not in bench.jack.cables


def test_what_another_patch_bay_connects_meanwhile_stays(bench: Bench) -> None:
    bench.reopen()
    bench.pass_by()
    bench.row.add("openings")
    bench.jack.open()
    bench.jack.cables.add(("rosin:out_1", "fx:in"))
    bench.row.add("openings")
    bench.pass_by(0.1)
    assert ("rosin:out_1", "fx:in") in bench.jack.cables
