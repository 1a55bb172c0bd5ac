"""Examples: every one runs as it stands, on a machine with no sound card, no controller and no window."""

from __future__ import annotations

import runpy
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
from pythonosc.osc_message import OscMessage
from pythonosc.osc_message_builder import OscMessageBuilder

import instrument

ROOT = Path(__file__).resolve().parent.parent
EXAMPLES = ROOT / "examples"

Run = Callable[..., str]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs an example as a script, in an empty folder; returns what it printed."""

    def play(name: str, *arguments: str) -> str:
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr(sys, "argv", [name, *arguments])
        runpy.run_path(str(EXAMPLES / name), run_name="__main__")
        return capsys.readouterr().out

    return play


@pytest.fixture
def instrument_on_osc() -> Iterator[tuple[str, list[OscMessage]]]:
    """Where something listens that answers a /rosin/sync, and all that it was sent."""
    heard: list[OscMessage] = []
    answer = OscMessageBuilder("/rosin/out/level")
    answer.add_arg(0.25)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as ear:
        ear.bind(("127.0.0.1", 0))
        ear.settimeout(0.05)
        stop = threading.Event()

        def listen() -> None:
            while not stop.is_set():
                try:
                    data, sender = ear.recvfrom(65535)
                except TimeoutError:
                    continue
                heard.append(OscMessage(data))
                if heard[-1].address == "/rosin/sync":
                    ear.sendto(answer.build().dgram, sender)

        listener = threading.Thread(target=listen)
        listener.start()
        yield f"127.0.0.1:{ear.getsockname()[1]}", heard
        stop.set()
        listener.join()


def sound_of(path: Path) -> np.ndarray:
    sound, rate = soundfile.read(path, dtype="float32")
    assert rate == 48000
    assert np.isfinite(sound).all()
    return sound


def test_every_python_example_has_a_test_here() -> None:
    tested = Path(__file__).read_text(encoding="utf-8")
    assert [p.name for p in EXAMPLES.glob("*.py") if f'"{p.name}"' not in tested] == []


def test_examples_are_short() -> None:
    lengths = {p.name: len(p.read_text(encoding="utf-8").splitlines()) for p in EXAMPLES.glob("*.py")}
    assert {name: n for name, n in lengths.items() if not 10 <= n <= 40} == {}


def test_five_lines_render_a_patch(run: Run, tmp_path: Path) -> None:
    assert "4 s" in run("render_patch.py")
    sound = sound_of(tmp_path / "bow.wav")
    assert sound.shape == (4 * 48000, 2)
    assert np.abs(sound[:9000]).max() < 1e-4  # nothing sounds before the first key
    assert np.sqrt(np.mean(sound[48000:96000] ** 2)) > 0.003


def test_devices_are_listed(run: Run) -> None:
    assert " out, " in run("list_devices.py")


def test_a_take_plays_from_python_on_its_patch_and_on_another(run: Run, tmp_path: Path) -> None:
    lines = (EXAMPLES / "first-take.jsonl").read_text(encoding="utf-8").splitlines()
    short = tmp_path / "short.jsonl"
    short.write_text("\n".join([lines[0].replace('"seconds": 20', '"seconds": 1.5'), *lines[1:60]]), encoding="utf-8")
    said = run("play_take.py", str(short))
    assert "on bow, seed 7" in said
    first = sound_of(tmp_path / "short.wav")
    run("play_take.py", str(short), "clay")
    second = sound_of(tmp_path / "short.wav")
    assert len(first) == len(second) == 72000
    assert not np.array_equal(first, second)


def test_a_plain_socket_moves_a_knob(run: Run, instrument_on_osc: tuple[str, list[OscMessage]]) -> None:
    where, heard = instrument_on_osc
    run("osc_sweep.py", "glass", "0.3", where)
    deadline = time.monotonic() + 5.0
    while (not heard or heard[-1].params != [0.0]) and time.monotonic() < deadline:
        time.sleep(0.01)  # the last datagram is on its way
    values = [m.params[0] for m in heard]
    assert {m.address for m in heard} == {"/rosin/knob/glass"}
    assert max(values) > 0.9
    assert values[-1] == 0.0


def test_a_client_hears_what_the_instrument_says(run: Run, instrument_on_osc: tuple[str, list[OscMessage]]) -> None:
    where, _ = instrument_on_osc
    assert "/rosin/out/level 0.250" in run("osc_follow.py", "0.4", where)


def test_a_callback_of_ones_own_drives_the_engine(run: Run) -> None:
    lines = run("own_callback.py").splitlines()
    assert len(lines) == 20
    assert "-100.0 dB" in lines[0]
    assert float(lines[-1].split()[2]) > -40.0


def test_a_restored_snapshot_plays_the_same_bits(run: Run) -> None:
    said = run("snapshot.py")
    assert said.count("True") == 2


def test_a_patch_made_in_python_sounds(run: Run, tmp_path: Path) -> None:
    assert "Rust" in run("own_patch.py")
    assert np.abs(sound_of(tmp_path / "rust.wav")).max() > 0.05


def test_patches_for_other_programs_speak_to_addresses_that_there_are() -> None:
    for name in ("osc_sweep.scd", "osc_sweep.pd"):
        text = (EXAMPLES / name).read_text(encoding="utf-8").replace("oscformat rosin latent 3", "/rosin/latent/3")
        assert "/rosin/latent/3" in text
        assert "9000" in text


# --- the door itself


def test_the_library_imports_nothing_until_it_is_used() -> None:
    code = (
        "import sys; import instrument; "
        "print([m for m in ('numpy', 'numba', 'onnxruntime', 'sounddevice', 'soundfile', 'mido', 'pythonosc') "
        "if m in sys.modules])"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert said.stdout.strip() == "[]"


@pytest.mark.parametrize("name", [*instrument.__all__, "__version__"])
def test_every_public_name_is_there(name: str) -> None:
    assert getattr(instrument, name) is not None
    assert name in dir(instrument)


def test_a_name_that_is_not_public_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="nothing_of_the_kind"):
        _ = instrument.nothing_of_the_kind


def test_renders_follow_one_another_on_one_clock() -> None:
    whole = instrument.open_engine("glass", seed=5)
    parts = instrument.open_engine("glass", seed=5)
    events = [instrument.note(0.1, 57), instrument.knob(0.64, "glass", 0.9)]
    at_once = instrument.render(whole, 1.28, events)
    first = instrument.render(parts, 0.64, [instrument.note(0.1, 57)])
    second = instrument.render(parts, 0.64, [instrument.knob(0.0, "glass", 0.9)])
    assert np.array_equal(at_once, np.concatenate([first, second], axis=1))


def test_a_file_carries_its_patch_seed_and_credits(tmp_path: Path) -> None:
    engine = instrument.open_engine("glass", seed=5)
    instrument.save(tmp_path / "a.flac", instrument.render(engine, 0.1), engine)
    with soundfile.SoundFile(tmp_path / "a.flac") as file:
        assert file.title == "glass"
        assert "seed 5" in file.comment


def test_a_file_that_cannot_be_written_says_what_to_do(tmp_path: Path) -> None:
    engine = instrument.open_engine("glass")
    for path in (tmp_path / "nowhere" / "a.wav", tmp_path / "a.nothing"):
        with pytest.raises(instrument.RosinError, match=r"name a \.wav"):
            instrument.save(path, instrument.render(engine, 0.1), engine)


def test_a_knob_that_is_not_there_is_said_before_anything_sounds() -> None:
    engine = instrument.open_engine("glass")
    with pytest.raises(instrument.RosinError, match="there is no knob"):
        instrument.render(engine, 0.1, [instrument.knob(0.0, "no-such-knob", 0.5)])
    assert engine.sample == 0
