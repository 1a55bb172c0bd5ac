"""rosin play, wished wrongly or where something is lacking: a sentence with the remedy, quickly, no traceback."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


def played(folder: Path, *arguments: str, listen: str = "127.0.0.1:0") -> subprocess.CompletedProcess[str]:
    """One `rosin play` on a machine of its own, without a terminal, MIDI, or a card unless it is named."""
    environment = {
        **os.environ,
        "ROSIN_RIG": str(folder / "rig.toml"),
        "XDG_DATA_HOME": str(folder),
        "ROSIN_LANGUAGE": "en",
    }
    device = [] if "--device" in arguments else ["--device", "null"]
    begin = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", "instrument", "play", "glass", "--midi", "off", "--listen", listen, *device,
         "--for", "1", "--takes", str(folder / "takes"), *arguments],
        capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL, cwd=ROOT, env=environment,
    )  # fmt: skip
    assert "Traceback" not in done.stderr + done.stdout
    assert done.returncode != 2 or time.monotonic() - begin < 20.0, "told at once (with room for a slow machine)"
    return done


def refused(done: subprocess.CompletedProcess[str]) -> str:
    assert done.returncode == 2, done.stderr
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 1
    assert ";" in done.stderr
    return done.stderr


def test_a_device_that_is_not_there_is_a_sentence_with_those_that_are(tmp_path: Path) -> None:
    err = refused(played(tmp_path, "--device", "nosuch"))
    assert err.startswith("rosin: there is no sound device 'nosuch'; choose one of: ")
    assert err.endswith("null\n")


@pytest.mark.parametrize(
    ("listen", "said"),
    [
        ("nonsense", "'nonsense' is not HOST:PORT; write for example 127.0.0.1:9000"),
        ("192.0.2.1:9000", "this machine has no address 192.0.2.1; listen on 127.0.0.1:9000"),
    ],
)
def test_a_wrong_address_is_a_sentence(tmp_path: Path, listen: str, said: str) -> None:
    assert said in refused(played(tmp_path, listen=listen))


def test_a_port_that_is_taken_is_a_sentence_with_another(tmp_path: Path) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1", 0))
        port = other.getsockname()[1]
        err = refused(played(tmp_path, listen=f"127.0.0.1:{port}"))
    assert f"OSC port {port} is already in use; close the program that has it or listen on 127.0.0.1:{port + 1}" in err


def test_what_is_asked_for_and_does_nothing_is_said_at_the_start(tmp_path: Path) -> None:
    (tmp_path / "rig.toml").write_text('schema = 1\n[osc]\necho = ["127.0.0.1:9001"]\n[midi]\nports = ["nano"]\n')
    done = played(tmp_path, "--headless", "--fullscreen", "--size", "800x600", "--input", listen="off")
    assert done.returncode == 0, done.stderr
    for said in (
        "OSC is off (osc.listen): osc.echo does nothing",
        "MIDI is off (midi.api): midi.ports does nothing",
        "there is no window: --fullscreen, --size does nothing",
        "the null device hears nothing: sound.input does nothing",
    ):
        assert done.stdout.count(said) == 1, done.stdout
    done = played(tmp_path, "--headless", "--rig", str(tmp_path / "typo.toml"))
    assert f"there is no rig at {tmp_path / 'typo.toml'} yet" in done.stdout


def test_two_takes_at_once_are_refused(tmp_path: Path) -> None:
    assert "--demo plays the shipped take" in refused(played(tmp_path, "--demo", "--take", "mine.jsonl"))


def test_bindings_that_cannot_be_are_told_before_anything_sounds(tmp_path: Path) -> None:
    (tmp_path / "rig.toml").write_text(
        'schema = 1\n[[midi.bindings]]\nknob = 1979-05-27\nkind = "cc"\n[[midi.bindings]]\nknob = "level"\nkind = "x"\n'
    )
    done = played(tmp_path)
    assert done.returncode == 2
    assert "midi.bindings[1].kind" in done.stderr


def test_a_recording_that_cannot_be_written_is_told_and_the_music_goes_on(tmp_path: Path) -> None:
    done = played(tmp_path, "--record", "--takes", "/dev/null/takes")
    assert done.returncode == 0
    told = [line for line in done.stdout.splitlines() if "can't record into /dev/null/takes" in line]
    assert len(told) == 1
    assert told[0].endswith("choose another one for takes in the rig file")
    assert "What was played" in done.stdout


def test_it_plays_for_a_second_and_sums_up_in_french(tmp_path: Path) -> None:
    done = played(tmp_path, "--language", "fr", "--record")
    assert (done.returncode, done.stderr) == (0, "")
    for words in ("Ce qui a été joué", "OSC écouté sur 127.0.0.1:", "Enregistrement dans", "aucun apprentissage"):
        assert words in done.stdout
    assert "Enregistré 1." in done.stdout, "what is said of a take that the end of the show ended is read, too"
    assert len(list((tmp_path / "takes").glob("*/sound.wav"))) == 1
    assert not (tmp_path / "rig.toml").exists()
