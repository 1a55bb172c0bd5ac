"""The device: real PortAudio on a real JACK server (each in a process of its own), and the null device."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
import threading
import time

import numpy as np
import pytest
from jackhost import jack_is_here, jack_server

from instrument.audio.device import open_device
from instrument.audio.null_device import NullDevice

RATE = 48000
ON_JACK = """
import json, os, subprocess, sys, threading, time
import numpy as np
from instrument.base.errors import RosinError
from instrument.audio.device import list_devices, open_device
blocks = []
def tone(out, inp, now):
    blocks.append((out.shape, None if inp is None else inp.shape, now))
    out[:] = 0.25
"""


def play(code: str, env: dict[str, str] | None = None) -> str:
    """Run code in a fresh Python and return what it prints; nothing may have gone to stderr."""
    done = subprocess.run(
        [sys.executable, "-c", ON_JACK + textwrap.dedent(code)],
        env=env,
        capture_output=True,
        text=True,
        timeout=40,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout


def without_jack() -> dict[str, str]:
    return {**os.environ, "JACK_DEFAULT_SERVER": "nobody-has-this-name", "JACK_NO_START_SERVER": "1"}


needs_jack = pytest.mark.skipif(not jack_is_here(), reason="jackd is not installed")


@needs_jack
def test_a_jack_server_is_the_default_device_and_gets_every_block_under_our_name() -> None:
    with jack_server(period=128, rate=RATE) as jack:
        out = play(
            """
            print([(d.name, d.api, d.outputs, d.rate, d.default) for d in list_devices()])
            device = open_device(None, 48000, 2, 0, 128, tone)
            device.start(); time.sleep(1.0)  # the time itself: blocks in a second are counted
            print(subprocess.run(["jack_lsp", "-c"], capture_output=True, text=True).stdout.split())
            n = len(blocks)
            print(device.name, 0.85 * 375 < n < 1.3 * 375, set(b[0] for b in blocks), set(b[1] for b in blocks))
            print(device.alive(), 0 < device.latency_s < 0.1, device.errors, device.notice == "")
            begin = time.monotonic(); device.close(); print(time.monotonic() - begin < 1.0, device.alive())
            """,
            jack.env,
        ).splitlines()
        said = jack.log.read_text()
    assert "('system', 'JACK Audio Connection Kit', 2, 48000.0, True)" in out[0]
    assert "('null', 'null', 2, 0.0, False)" in out[0]
    assert "rosin:out_0" in out[1], (out, said[-1000:])
    assert out[2] == "system True {(2, 128)} {None}"
    assert out[3] == "True True 0 True"
    assert out[4] == "True False"


@needs_jack
def test_what_is_played_is_what_another_client_hears_and_mono_is_heard_on_both_sides(tmp_path) -> None:
    import soundfile

    with jack_server(period=128, rate=RATE, synchronous=True) as jack:
        out = play(
            f"""
            def ramp(out, inp, now):
                out[0] = np.arange(ramp.at, ramp.at + out.shape[1]) / 2**20
                ramp.at += out.shape[1]
            ramp.at = 0
            device = open_device("SYS", 48000, 1, 0, 128, ramp)
            device.start()
            while ramp.at < 6400: time.sleep(0.01)
            subprocess.run(["jack_rec", "-f", r"{tmp_path / "heard.wav"}", "-d", "1", "-b", "24",
                            "rosin:out_0", "rosin:out_1"], capture_output=True, timeout=20)
            print(device.errors); device.close()
            """,
            jack.env,
        )
        assert out.split() == ["0"]
        heard, _ = soundfile.read(tmp_path / "heard.wav")
    steps = np.diff(np.round(heard[2000:20000] * 2**20), axis=0)
    assert np.all(heard[:, 0] == heard[:, 1])
    assert np.mean(steps == 1.0) > 0.99  # the ramp goes up by one a sample: nothing swapped, doubled or left out


@needs_jack
def test_live_input_comes_as_planes_and_too_few_inputs_are_told() -> None:
    with jack_server(period=256, rate=RATE) as jack:
        out = play(
            """
            device = open_device("system", 48000, 2, 2, 256, tone); device.start()
            while len(blocks) < 20: time.sleep(0.01)
            print(set(b[1] for b in blocks), device.errors); device.close()
            device = open_device("system", 48000, 2, 8, 0, tone)
            print(device.channels_in, device.notice); device.close()
            """,
            jack.env,
        ).splitlines()
    assert out == ["{(2, 256)} 0", "2 system has 2 inputs: playing with 2 of 8"]


@needs_jack
def test_a_wrong_name_and_a_wrong_rate_are_one_sentence_with_the_remedy() -> None:
    with jack_server(period=128, rate=44100) as jack:
        out = play(
            """
            for name, rate in (("Scarlett", 44100), ("77", 44100), (None, 48000)):
                try:
                    open_device(name, rate, 2, 0, 128, tone)
                except RosinError as error:
                    print(error)
            """,
            jack.env,
        ).splitlines()
    assert out[0].startswith("there is no sound device 'Scarlett'; choose one of: ")
    assert "system" in out[0]
    assert out[0].endswith("null")
    assert out[1].startswith("there is no sound device '77'")
    assert out[2] == (
        "system (JACK Audio Connection Kit) runs at 44100 Hz, not 48000; set it to 48000 Hz or choose another device"
    )


@needs_jack
def test_a_callback_that_raises_is_silence_for_a_block_and_the_stream_goes_on() -> None:
    with jack_server(period=128, rate=RATE) as jack:
        out = play(
            """
            def bad(out, inp, now):
                blocks.append(now)
                out[:] = 1.0
                raise ZeroDivisionError("no")
            device = open_device(None, 48000, 2, 0, 128, bad); device.start()
            while device.errors <= 50: time.sleep(0.01)
            print(device.errors > 50, device.errors == len(blocks), device.last_error, device.alive()); device.close()
            """,
            jack.env,
        )
    assert out == "True True ZeroDivisionError('no') True\n"


@needs_jack
@pytest.mark.parametrize("how", ["SIGKILL", "SIGTERM"])
def test_a_jack_server_that_dies_is_noticed_and_its_successor_played_into_without_a_hang_or_a_crash(how: str) -> None:
    code = f"""
    import signal, uuid
    os.environ["JACK_DEFAULT_SERVER"] = name = "rosin-mortal-" + uuid.uuid4().hex[:8]
    def serve():
        server = subprocess.Popen(["jackd", "-r", "-n", name, "-d", "dummy", "-r", "48000", "-p", "128"],
                                  stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        end = time.monotonic() + 5.0
        while subprocess.run(["jack_lsp"], capture_output=True).returncode:
            assert server.poll() is None and time.monotonic() < end
            time.sleep(0.02)
        return server
    server = serve()
    device = open_device(None, 48000, 2, 0, 128, tone); device.start(); time.sleep(0.2)
    print(device.alive())
    for death in range(2):
        server.send_signal(signal.{how}); server.wait(); dead = time.monotonic()
        while device.alive(): time.sleep(0.01)
        print("seen in time", time.monotonic() - dead < 0.6)
        begin = time.monotonic(); print(device.reopen(), device.reopen(), time.monotonic() - begin < 1.0)
        server = serve(); back = time.monotonic()
        print(device.reopen(), time.monotonic() - back < 1.0)
        n = len(blocks); time.sleep(0.3)  # the time itself: blocks in it are counted
        print(device.alive(), len(blocks) - n > 50)
        # (On a busy machine a server does not take every client that knocks; it is asked until it answers.)
        while (listed := subprocess.run(["jack_lsp"], capture_output=True, text=True)).returncode: time.sleep(0.02)
        print(listed.stdout.count("rosin:out_"))
    server.send_signal(signal.{how}); server.wait()
    while device.alive(): time.sleep(0.01)
    begin = time.monotonic(); device.close(); print(time.monotonic() - begin < 0.5)
    server = serve(); server.terminate(); server.wait()  # JACK has eight names; a killed server keeps its own
    """
    out = play(code, {**os.environ, "JACK_NO_AUDIO_RESERVATION": "1", "JACK_NO_START_SERVER": "1"})
    a_death = ["seen in time True", "False False True", "True True", "True True", "2"]
    assert out.splitlines() == ["True", *a_death, *a_death, "True"]


@needs_jack
def test_a_server_that_hangs_for_a_moment_is_noticed_and_comes_back_by_itself() -> None:
    with jack_server(period=128, rate=RATE) as jack:
        out = play(
            f"""
            import signal
            device = open_device(None, 48000, 2, 0, 0, tone); device.start(); time.sleep(0.2)
            os.kill({jack.process.pid}, signal.SIGSTOP)
            while device.alive(): time.sleep(0.01)
            print(device.alive(), device.reopen()); n = len(blocks)
            os.kill({jack.process.pid}, signal.SIGCONT)
            while not device.alive() or len(blocks) - n <= 50: time.sleep(0.01)
            print(device.alive(), device.reopen(), len(blocks) - n > 50, device.xruns > 0); device.close()
            """,
            jack.env,
        ).splitlines()
    assert out == ["False False", "True True True True"]


@needs_jack
def test_a_process_that_forgets_to_close_ends_without_a_crash() -> None:
    with jack_server(period=64, rate=RATE) as jack:
        play("device = open_device(None, 48000, 2, 0, 64, tone); device.start(); time.sleep(0.2)", jack.env)


def test_without_a_card_the_default_is_the_null_device_with_a_word_about_it() -> None:
    out = play(
        """
        device = open_device(None, 48000, 2, 0, 128, tone)
        print(device.name, device.is_null, "|", device.notice)
        print(open_device("null", 48000, 2, 0, 128, tone).notice == "")
        devices = list_devices(); print(devices[-1].name, sum(d.default for d in devices))
        """,
        without_jack(),
    ).splitlines()
    if out[0].startswith("null"):
        assert out[0] == (
            "null True | no sound device was found; playing into the null device: "
            "plug in a sound card or start JACK to hear it"
        )
    assert out[1:] == ["True", "null 1"]


def test_without_portaudio_the_null_device_plays_and_the_remedy_is_named() -> None:
    out = play(
        """
        sys.modules["sounddevice"] = None
        import builtins
        real = builtins.__import__
        def missing(name, *rest):
            if name == "sounddevice":
                raise OSError("PortAudio library not found")
            return real(name, *rest)
        builtins.__import__ = missing
        del sys.modules["sounddevice"]
        device = open_device("Scarlett", 48000, 2, 0, 128, tone)
        print(device.name, "|", device.notice)
        print([d.name for d in list_devices()])
        """,
        without_jack(),
    ).splitlines()
    assert out[0] == "null | PortAudio is missing: apt install libportaudio2; playing into the null device"
    assert out[1] == "['null']"


@pytest.mark.parametrize("block", [64, 128, 2048])
def test_the_null_device_keeps_the_rate(block: int) -> None:
    times: list[float] = []
    device = NullDevice(RATE, 2, 1, block, lambda out, inp, now: times.append(now))
    device.start()
    time.sleep(0.6)  # the time itself: blocks in it are counted
    assert device.alive()
    device.stop()
    assert not device.alive()
    period = block / RATE
    missed = device.xruns
    assert len(times) + missed >= 0.5 / period
    assert len(times) <= 0.7 / period + 5
    assert abs((times[-1] - times[0]) - (len(times) - 1) * period) <= (missed + 5) * period + 0.02


def test_a_late_null_device_makes_up_for_four_blocks_and_counts_the_rest_as_lost() -> None:
    times: list[float] = []
    slept = threading.Event()

    def sleepy(out, inp, now) -> None:
        times.append(now)
        if len(times) == 10:
            time.sleep(0.2)
            slept.set()

    device = NullDevice(RATE, 1, 0, 480, sleepy)
    device.start()
    assert slept.wait(3.0)
    time.sleep(0.1)
    device.close()
    woken = times[9] + 0.2
    burst = [t for t in times[10:] if t < woken + 0.005]
    assert len(burst) <= 6  # four made up, one due, one for the test's own clock
    assert device.xruns >= 13  # 20 periods slept: at most six of them made up


def test_the_null_device_survives_its_callback() -> None:
    calls: list[float] = []

    def bad(out, inp, now) -> None:
        calls.append(now)
        raise ValueError("no")

    device = open_device("null", RATE, 2, 0, 128, bad)
    device.start()
    time.sleep(0.1)
    assert device.alive()
    assert device.reopen()
    device.close()
    assert device.errors == len(calls) > 5
    assert device.last_error == "ValueError('no')"
