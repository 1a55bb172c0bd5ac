"""The whole instrument in its processes, on JACK, with independent clients that play it, listen to it and hurt it."""

from __future__ import annotations

import contextlib
import random
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import tomlkit
from jackhost import JackServer, jack_is_here, jack_server
from playhost import ROOT, Playing, datagram, playing

from instrument.documents.take import read_take
from instrument.ipc import Kind

pytest.importorskip("jack", reason="the JACK client library is not here", exc_type=ImportError)
pytestmark = pytest.mark.skipif(not jack_is_here(), reason="JACK is not installed")


class Ear:
    """The independent capture (instrument.bench.ear), running in its own process."""

    def __init__(self, jack: JackServer, folder: Path, seconds: float, port: str) -> None:
        self._path = folder / f"ear-{time.monotonic_ns()}.npz"
        self._child = subprocess.Popen(
            [sys.executable, "-m", "instrument.bench.ear", str(self._path), str(seconds), port],
            env=jack.env, stdout=subprocess.PIPE, text=True, cwd=ROOT,
        )  # fmt: skip
        assert self._child.stdout is not None
        assert self._child.stdout.readline().strip() == "listening"
        self._seconds = seconds

    def result(self) -> tuple[Any, Any]:
        """audio f32 [n] and the monotonic time of each sample."""
        self._child.wait(timeout=self._seconds + 20)
        self._child.stdout.close()  # type: ignore[union-attr]
        with np.load(self._path) as heard:
            at = heard["at"][:, None] + np.arange(int(heard["period"])) / int(heard["rate"])
            return heard["audio"], at.reshape(-1)


def output_of(jack: JackServer) -> str:
    return next(p for p in jack.ports() if p.startswith("rosin") and ":out_" in p)


def spectrum_db(audio: Any) -> Any:
    """Power of 64 log-spaced bands, dB: the median over time, as a missed cycle clicks in all of them."""
    frames = np.lib.stride_tricks.sliding_window_view(audio, 4096)[::2048] * np.hanning(4096)
    power = np.median(np.abs(np.fft.rfft(frames)) ** 2, axis=0)
    edges = np.unique(np.geomspace(4, len(power) - 1, 65).astype(int))
    return 10 * np.log10(np.add.reduceat(power, edges)[:-1] / np.diff(edges) + 1e-9)


def distance_db(a: Any, b: Any) -> float:
    return float(np.sqrt(np.mean((spectrum_db(a) - spectrum_db(b)) ** 2)))


@contextlib.contextmanager
def midi_player(jack: JackServer) -> Iterator[Any]:
    """How to send bytes from an independent JACK MIDI client: call it with hex texts."""
    destination = next(p for p in jack.ports("-t", "-p") if p.startswith("rosin") and ":in" in p)
    child = subprocess.Popen(
        [sys.executable, "tests/midiplayer.py", destination],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=jack.env, cwd=ROOT,
    )  # fmt: skip
    assert child.stdin is not None
    assert child.stdout is not None
    assert child.stdout.readline().strip() == "ready"

    def send(*events: str) -> None:
        assert child.stdin is not None
        assert child.stdout is not None
        child.stdin.write("".join(e + "\n" for e in events) + "wait\n")
        child.stdin.flush()
        assert child.stdout.readline().strip() == "sent"
        time.sleep(0.05)

    try:
        yield send
    finally:
        child.kill()
        child.communicate()


@pytest.fixture(scope="module")
def jack() -> Iterator[JackServer]:
    with jack_server(period=128, rate=48000, synchronous=True) as server:
        yield server


def _calm(play: Playing) -> None:
    """No chance, so that a change of spectrum is the hand's doing."""
    play.osc("/rosin/knob/hazard", 0.0)
    play.osc("/rosin/note", 50, 0.8)
    time.sleep(0.8)  # the time itself: a note comes up


def test_oscsend_and_pd_each_move_a_knob_and_an_independent_capture_hears_it(jack: JackServer, tmp_path: Path) -> None:
    with playing(tmp_path, "bow", env=jack.env) as play:
        _calm(play)
        ear = Ear(jack, tmp_path, 6.0, output_of(jack))
        time.sleep(2.0)  # the time itself: heard before
        first = time.monotonic()
        subprocess.run(["oscsend", "127.0.0.1", str(play.port), "/rosin/knob/z1", "f", "0.95"], check=True, timeout=5)
        time.sleep(1.6)  # the time itself: heard between
        second = time.monotonic()
        patch = tmp_path / "send.pd"
        patch.write_text(
            "#N canvas 0 0 400 300 10;\n#X obj 10 10 loadbang;\n"
            f"#X msg 10 40 connect 127.0.0.1 {play.port};\n#X msg 10 130 0.05;\n"
            "#X obj 10 160 oscformat /rosin/knob/z1;\n#X obj 10 190 list prepend send;\n"
            "#X obj 10 220 list trim;\n#X obj 10 250 netsend -u -b;\n#X obj 60 40 delay 200;\n"
            "#X connect 0 0 1 0;\n#X connect 0 0 7 0;\n#X connect 7 0 2 0;\n#X connect 2 0 3 0;\n"
            "#X connect 3 0 4 0;\n#X connect 4 0 5 0;\n#X connect 5 0 6 0;\n#X connect 1 0 6 0;\n"
        )
        pd = subprocess.Popen(
            ["pd", "-nogui", "-noaudio", "-nomidi", "-nosleep", str(patch)],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=jack.env,
        )  # fmt: skip
        try:
            audio, at = ear.result()
        finally:
            pd.kill()
            pd.wait()
        assert play.wait_for("/rosin/knob/z1", 0.05)
    early = audio[(at > first - 1.9) & (at < first - 1.0)]
    before = audio[(at > first - 1.0) & (at < first)]
    moved = audio[(at > first + 0.6) & (at < first + 1.5)]
    again = audio[(at > second + 1.0)]
    itself = distance_db(early, before)
    assert distance_db(before, moved) > 3 * itself
    assert distance_db(moved, again[-len(moved) :]) > 3 * itself


def test_midi_moves_knobs_changes_the_patch_and_what_was_learned_is_kept(jack: JackServer, tmp_path: Path) -> None:
    with playing(tmp_path, "bow", env=jack.env, midi="jack") as play, midi_player(jack) as send:
        play.osc("/rosin/knob/hazard", 0.0)
        play.osc("/rosin/learn", "z1")
        time.sleep(0.2)
        send("b0 15 10", "b0 15 20", "b0 15 30")
        assert play.wait_for_text("z1 learned")
        rig = tomlkit.parse((tmp_path / "rig.toml").read_text())
        assert [row["knob"] for row in rig["midi"]["bindings"]] == ["z1"]  # type: ignore[index, union-attr]
        send(*(f"b0 15 {v:02x}" for v in range(0x30, 0x80)))
        assert play.wait_for("/rosin/knob/z1", 1.0)

        play.osc("/rosin/learn", "z2")
        time.sleep(0.2)
        send(
            *(f"b0 {n:02x} {v:02x}" for value in range(0, 16384, 1000) for n, v in ((3, value >> 7), (35, value & 127)))
        )
        assert play.wait_for_text("z2 learned")
        for value in range(0, 16384, 256):
            send(f"b0 03 {value >> 7:02x}", f"b0 23 {value & 127:02x}")
        send("b0 03 55", "b0 23 2b")
        assert play.wait_for("/rosin/knob/z2", (0x55 * 128 + 0x2B) / 16383)

        send("c0 01")
        assert play.wait_for("/rosin/out/patch", 1), play.text
        start = play.sync()["/rosin/knob/z1"]
        send("b0 15 7f", "b0 15 7e")
        assert abs(play.sync()["/rosin/knob/z1"] - start) < 1e-4, "pickup: nothing moves before the knob is caught"
        send(*(f"b0 15 {v:02x}" for v in range(0x7E, 0x07, -1)))
        assert play.wait_for("/rosin/knob/z1", 8 / 127)
        play.stop()
    with playing(tmp_path, "bow", env=jack.env, midi="jack") as play, midi_player(jack) as send:
        send(*(f"b0 15 {v:02x}" for v in range(128)))
        assert play.wait_for("/rosin/knob/z1", 1.0), "what was learned works in the next show"


def test_what_is_sung_into_it_comes_out_of_the_model_at_its_pitch(jack: JackServer, tmp_path: Path) -> None:
    with playing(tmp_path, "mirror", "--input", env=jack.env) as play:
        play.osc("/rosin/knob/input", 1.0)
        # The name that JACK gives the audio client; MIDI has another.
        ears = [p for p in jack.ports() if p.startswith("rosin") and ":in_" in p]
        assert len(ears) == 2, jack.ports()
        singer = subprocess.Popen(
            [sys.executable, "tests/tone.py", "330", *ears],
            stdout=subprocess.PIPE, text=True, env=jack.env, cwd=ROOT,
        )  # fmt: skip
        try:
            assert singer.stdout is not None
            assert singer.stdout.readline().strip() == "singing"
            time.sleep(1.0)  # the time itself: so long it sounds
            audio, _ = Ear(jack, tmp_path, 2.0, output_of(jack)).result()
        finally:
            singer.kill()
            singer.communicate()
        heard = play.sync()["/rosin/out/z"]
    assert np.sqrt((audio**2).mean()) > 0.003
    assert abs(heard[0] - 64.0) < 1.0, "the model is told E4"
    spectrum = np.abs(np.fft.rfft(audio * np.hanning(len(audio))))
    hz = np.arange(len(spectrum)) * 48000 / len(audio)
    comb = [spectrum[(hz > f * 0.97) & (hz < f * 1.03)].max() for f in (330, 660, 990)]
    between = [np.median(spectrum[(hz > f * 0.8) & (hz < f * 0.92)]) for f in (330, 660, 990)]
    assert max(comb) > 10 * max(between), "and its sound has that pitch"


def test_killed_hands_and_killed_sound_are_back_within_a_second_and_the_file_opens(tmp_path: Path) -> None:
    # Not synchronous: such a server waits for its dead client, and with it everyone.
    with (
        jack_server(period=256, rate=48000) as jack,
        playing(tmp_path, "bow", "--record", "--block", "256", env=jack.env) as play,
    ):
        play.osc("/rosin/knob/z1", 0.77)
        play.osc("/rosin/note", 50, 0.9)
        assert play.wait_for("/rosin/knob/z1", 0.77), (play.sync(1.0), play.text)
        time.sleep(3.5)  # the time itself: so long it is recorded
        for name in ("hands", "audio.process"):
            play.wait_for_standby(name)
            play.child(name).send_signal(signal.SIGKILL)
            killed = time.monotonic()
            back = None
            while back is None and time.monotonic() < killed + 5.0:
                with contextlib.suppress(OSError):
                    if abs(play.sync(0.05).get("/rosin/knob/z1", 0.0) - 0.77) < 1e-4 and play.heard(0.05):
                        back = time.monotonic() - killed
            assert back is not None, play.text
            assert back < 1.0, f"{name} took {back:.2f} s"
            play.osc("/rosin/note", 50, 0.9)  # what dead hands held is let go of; the player presses it anew
            time.sleep(1.5)  # the time itself: so long it sounds again
        assert play.wait_for_text("The sound stopped and was brought back")
        first = sorted(play.takes.glob("*/sound.wav"))[0]
        done = subprocess.run(["sox", str(first), "-n", "stat"], capture_output=True, text=True, timeout=20)
        assert done.returncode == 0, done.stderr
        audio, rate = soundfile.read(first)
        assert len(audio) > 3 * rate
        assert np.sqrt((audio[-rate:] ** 2).mean()) > 0.01, "the take ends in sound, at the kill"
        assert play.sync()["/rosin/knob/z1"] == pytest.approx(0.77, abs=1e-4)
        text = play.stop()
    assert "Traceback" not in text
    assert len(list(play.takes.glob("*/sound.wav"))) == 2, "the recording goes on in another file"


def _fuzzed(chance: random.Random) -> bytes:
    """A datagram: garbage, a valid message, or one with bytes changed, cut or doubled."""
    addresses = ("/rosin/knob/z1", "/rosin/knob/*", "/rosin/latents", "/rosin/note", "/rosin/{a,b}[!c]?**", "/nothing")
    roll = chance.random()
    if roll < 0.25:
        return chance.randbytes(chance.randrange(0, 200))
    values = [
        chance.choice([0.5, -1.0, float("nan"), float("inf"), 7, "text", 1e30]) for _ in range(chance.randrange(4))
    ]
    data = bytearray(datagram(chance.choice(addresses), *values))
    if roll < 0.35:
        data = bytearray(b"#bundle\x00" + chance.randbytes(8) + len(data).to_bytes(4, "big") + data)
    if roll > 0.5:
        for _ in range(chance.randrange(1, 6)):
            data[chance.randrange(len(data))] = chance.randrange(256)
    if roll > 0.9:
        data = data[: chance.randrange(len(data))]
    return bytes(data)


def _keep_it_up(port: int, done: threading.Event) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as voice:
        while not done.wait(0.01):
            for address, value in (("level", 0.9), ("loudness", 0.8)):
                voice.sendto(datagram(f"/rosin/knob/{address}", value), ("127.0.0.1", port))
            voice.sendto(datagram("/rosin/resume"), ("127.0.0.1", port))


def test_a_hundred_thousand_bad_datagrams_and_midi_bytes_leave_the_sound_unbroken(
    jack: JackServer, tmp_path: Path
) -> None:
    with playing(tmp_path, "storm", env=jack.env, midi="jack") as play, midi_player(jack) as send:
        play.osc("/rosin/knob/friction.stick", 0.2)
        ear = Ear(jack, tmp_path, 14.0, output_of(jack))
        chance = random.Random(11)
        noise = bytes(chance.randrange(256) for _ in range(100_000))
        sent = 0
        begin = time.monotonic()
        done = threading.Event()
        # Knobs at zero and all-sound-off are among what is sent, and rightly silent: a player who turns up again and
        # again what was turned down leaves only a break of the sound itself to be heard.
        keeper = threading.Thread(target=_keep_it_up, args=(play.port, done))
        keeper.start()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as voice:
            voice.sendto(bytes(65507), ("127.0.0.1", play.port))
            while sent < 100_000:
                for _ in range(500):
                    data = _fuzzed(chance)
                    if b"/rosin/p" not in data:  # a panic is a rightful silence, not a break
                        voice.sendto(data, ("127.0.0.1", play.port))
                    sent += 1
                time.sleep(0.004)
        for i in range(0, len(noise), 20_000):
            lines = [noise[k : k + 1 + noise[k] % 3].hex() for k in range(i, i + 20_000, 2)]
            send(*(line for line in lines if line[0] not in "cf" and line[:4] not in ("b078", "b07b", "b079")))
        took = time.monotonic() - begin
        audio, at = ear.result()
        done.set()
        keeper.join()
        child = play.child("hands")
        assert child.is_running()
        play.osc("/rosin/panic")
        play.osc("/rosin/resume")
        play.osc("/rosin/knob/z1", 0.5)
        assert play.sync()["/rosin/knob/level"] >= 0.0
        text = play.stop()
    assert "Traceback" not in text
    assert "osc malformed" in text, text
    assert "midi malformed" in text, text
    played = audio[at < begin + min(took, 12.0)]
    assert np.isfinite(played).all()
    assert np.abs(played).max() <= 10 ** (-1 / 20) + 1e-6
    levels = np.abs(played[: len(played) // 4800 * 4800].reshape(-1, 4800)).max(axis=1)
    assert (levels > 1e-5).mean() > 0.98, "the sound went on all the while"


def test_the_sound_outlives_its_server_and_comes_back(tmp_path: Path) -> None:
    with (
        jack_server(period=256, rate=48000, synchronous=True) as first,
        playing(tmp_path, "storm", env=first.env) as play,
    ):
        first.kill()
        assert play.wait_for_text("went away", 8.0), play.text
        play.osc("/rosin/knob/level", 0.5)
        assert play.wait_for("/rosin/knob/level", 0.5), "the hands and the engine go on without a device"
        again = subprocess.Popen(
            ["jackd", "-r", "-n", first.name, "-S", "-d", "dummy", "-r", "48000", "-p", "256"],
            env=first.env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            assert play.wait_for_text("is back", 15.0), play.text
        finally:
            text = play.stop()
            again.terminate()
            again.wait()
    assert "Traceback" not in text


def test_a_full_disk_keeps_the_take_so_far_says_so_and_the_sound_goes_on(jack: JackServer, tmp_path: Path) -> None:
    disk = tmp_path / "takes"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(disk)], capture_output=True)
    if mounted.returncode != 0:
        pytest.skip("no small disk can be mounted here; the recorder's own test covers it by a file size limit")
    try:
        with playing(tmp_path, "storm", "--record", env=jack.env) as play:
            assert play.wait_for_text("make room", 20.0), play.text
            before = play.sync()["/rosin/out/level"]
            assert before > 0.0
            take = next(play.takes.glob("*/sound.wav"))
            assert soundfile.info(take).frames > 48000
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=False)


def test_nothing_is_left_behind_when_every_process_is_killed(jack: JackServer, tmp_path: Path) -> None:
    shared = Path("/dev/shm")
    before = {p.name for p in shared.iterdir()} if shared.is_dir() else set()
    with playing(tmp_path, "storm", env=jack.env) as play:
        for name in ("hands", "audio.process"):
            play.wait_for_standby(name)
        children = [play.child(name, u) for name in ("hands", "audio.process") for u in (False, True)]
        play.process.kill()
        play.process.wait()
        deadline = time.monotonic() + 3.0
        while any(c.is_running() and c.status() != "zombie" for c in children) and time.monotonic() < deadline:
            time.sleep(0.02)
        assert not any(c.is_running() and c.status() != "zombie" for c in children), "children end with their show"
    left = {p.name for p in shared.iterdir()} - before if shared.is_dir() else set()
    assert not [name for name in left if "jack" not in name.lower()]


def test_ctrl_c_ends_with_a_summary_and_exit_0(jack: JackServer, tmp_path: Path) -> None:
    with playing(tmp_path, "glass", "--record", env=jack.env) as play:
        play.osc("/rosin/note", 60, 0.8)
        play.osc("/rosin/knob/brightness", 0.9)
        time.sleep(1.0)  # the time itself: so long it sounds
        text = play.stop()
        assert play.process.returncode == 0
    take = read_take(next(play.takes.glob("*/gestures.jsonl")))
    assert take.patch == "glass"
    assert [e.number for e in take.events if e.kind == Kind.NOTE_ON] == [60]
    assert [e.value for e in take.events if e.knob == "brightness"][-1] == pytest.approx(0.9)
    comment = soundfile.SoundFile(next(play.takes.glob("*/sound.wav"))).comment
    assert "no training: computed" in comment
    assert "first-bow, learned from" in comment, "the show's other model is credited too: it may have come to sound"
    assert "What was played" in text
    assert "no training: computed" in text
    assert shutil.which("sox") is None or list(play.takes.glob("*/sound.wav"))
