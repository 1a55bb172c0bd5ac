"""What is played into a patch: its pitch comes out in tune, keys and knobs mean what they say, and a file is heard as a
microphone is."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from stage import PATCHES, now, shipped_part
from training_sounds import tone

from instrument.audio.ring import Adapter
from instrument.base.errors import RosinError
from instrument.chance.noise import Noise
from instrument.cli import main
from instrument.documents.patch import read_patch
from instrument.engine.control import QUANTUM
from instrument.engine.engine import Engine
from instrument.engine.layer import Layer
from instrument.ipc import Kind
from instrument.model.library.finder import open_voice
from instrument.rehearsal.render import offline_blocks
from instrument.storage.input_file import InputFile

RATE = 48000
BLOCKS = 260


def mirror(**changes: Any) -> Engine:
    """The shipped mirror, its friction and chance at rest, with ``changes``."""
    patch = replace(read_patch(PATCHES / "mirror.toml"), difficulty=0.0, hazard=0.0, **changes)
    return Engine(Layer(patch, open_voice(patch.model, patch.model_sha256, noise=Noise(0), providers="cpu")))


def sung_into(engine: Engine, sound: np.ndarray, blocks: int = BLOCKS) -> np.ndarray:
    """f32 [blocks]: the note the model is given at the end of each block."""
    out, told = np.zeros((2, QUANTUM), np.float32), []
    for k in range(blocks):
        engine.block(out, np.stack([sound[k * QUANTUM : (k + 1) * QUANTUM]] * 2))
        told.append(float(engine.layer.z[0, 0, -1]))
    return np.array(told)


def settled(told: np.ndarray) -> float:
    return float(np.median(told[-60:]))


@pytest.mark.parametrize("note", [40, 52, 57, 64, 76, 88])
@pytest.mark.parametrize("mode", ["blend", "add"])
def test_a_tone_from_e2_to_e6_comes_out_within_ten_cents(note: int, mode: str) -> None:
    assert abs(settled(sung_into(mirror(input_mode=mode), tone(note))) - note) < 0.1


@pytest.mark.parametrize("amount", [0.1, 0.5, 1.0])
def test_the_pitch_is_as_it_is_heard_however_much_of_the_rest_is_taken(amount: float) -> None:
    half = sung_into(mirror(input_amount=amount), tone(64))
    assert np.array_equal(half, sung_into(mirror(input_amount=0.9), tone(64)))


def test_a_sung_line_is_given_to_the_model_as_it_is_sung() -> None:
    formant, pitch = (
        pytest.importorskip("instrument.training.data.formant"),
        pytest.importorskip("instrument.training.data.pitch"),
    )
    notes = ((0.0, 47), (0.6, 47), (0.7, 51), (1.2, 51), (1.3, 44), (1.9, 44), (2.0, 52), (2.4, 52))
    song = formant.Song(2.4, notes, ((0.0, "a"), (0.8, "e"), (1.6, "o"), (2.4, "a")), ((0.0, 0.8), (2.4, 0.8)))
    sound = formant.sing(formant.THROATS[0], song, "mirror")
    told = sung_into(mirror(), sound, len(sound) // QUANTUM)
    sung, sure = pitch.track(sound, RATE, QUANTUM)
    count = min(len(told), len(sung))
    away = np.abs(told[:count] - sung[:count])[sure[:count] > 0.8]
    assert len(away) > 600
    assert (away < 0.5).mean() > 0.9
    assert np.median(away) < 0.2


def test_the_note_at_which_a_patch_rests_puts_nothing_out_of_tune() -> None:
    for mode in ("blend", "add"):
        told = [sung_into(mirror(input_mode=mode, note=note), tone(64)) for note in (57.0, 45.3)]
        assert np.allclose(*told, atol=1e-4)


def test_the_pitch_knob_and_the_wheel_move_what_is_heard_by_semitones() -> None:
    plain = settled(sung_into(mirror(), tone(64)))
    engine = mirror(bend_semitones=2.0)
    now(engine, Kind.BEND, 0, 0.5)
    assert settled(sung_into(engine, tone(64))) == pytest.approx(plain + 1.0, abs=1e-4)
    now(engine, Kind.KNOB, engine.layer.table.index("pitch"), 0.5 + 7 / 24)
    assert settled(sung_into(engine, tone(64))) == pytest.approx(plain + 8.0, abs=1e-3)


def test_a_key_takes_the_pitch_while_it_sounds_and_gives_it_back_to_the_voice() -> None:
    engine = mirror(release_ms=30.0)
    now(engine, Kind.NOTE_ON, 50, 0.8)
    assert set(sung_into(engine, tone(64))) == {50.0}
    now(engine, Kind.NOTE_OFF, 50)
    assert abs(settled(sung_into(engine, tone(64))) - 64.0) < 0.1, "and the key let go is no offset"


def test_added_a_key_transposes_by_as_far_as_it_is_from_the_patchs_note() -> None:
    engine = mirror(input_mode="add", release_ms=30.0)
    now(engine, Kind.NOTE_ON, 57 + 5, 0.8)
    assert abs(settled(sung_into(engine, tone(64))) - 69.0) < 0.1
    now(engine, Kind.NOTE_OFF, 57 + 5)
    assert abs(settled(sung_into(engine, tone(64))) - 64.0) < 0.1


def test_a_patch_that_leaves_listens_until_it_is_gone() -> None:
    engine, sound = mirror(), tone(64)
    sung_into(engine, sound, 150)
    leaving = engine.layer
    engine.change(shipped_part("bow"))
    out = np.zeros((2, QUANTUM), np.float32)
    engine.block(out, np.stack([sound[150 * QUANTUM : 151 * QUANTUM]] * 2))
    assert engine.layer is not leaving
    assert engine.fading
    assert abs(float(leaving.z[0, 0, -1]) - 64.0) < 0.1


@pytest.mark.parametrize("mode", ["blend", "add"])
def test_loudness_and_timbre_are_mixed_by_the_amount(mode: str) -> None:
    """What the knobs say, what is heard, and what the model is given, at every block."""
    deaf, engine = mirror(input_mode=mode, input_amount=0.0), mirror(input_mode=mode, input_amount=0.6)
    voice = open_voice("first-bow", noise=Noise(0), providers="cpu")
    out, heard, sound = np.zeros((2, QUANTUM), np.float32), np.zeros((10, 1), np.float32), tone(64)
    centre = np.array([spec.start for spec in voice.latents], np.float32)
    for k in range(40):
        live = np.stack([sound[k * QUANTUM : (k + 1) * QUANTUM]] * 2)
        deaf.block(out, live)
        engine.block(out, live)
        voice.encode(live[:1], heard)
        knobs, given = deaf.layer.z[0, :, 0], engine.layer.z[0, :, 0]
        from_what = knobs if mode == "blend" else centre
        np.testing.assert_allclose(given[1:], (knobs + 0.6 * (heard[:, 0] - from_what))[1:], atol=1e-4)


# --- a file in the place of the microphone


def rendered(engine: Engine, path: Path, block: int = QUANTUM) -> np.ndarray:
    file = InputFile(path, engine.rate)
    return np.concatenate(list(offline_blocks(engine, file.seconds, block=block, live=file.next)), axis=1)


def test_a_file_played_into_a_render_is_what_the_microphone_would_have_been(tmp_path: Path) -> None:
    sides = np.stack([tone(64, 0.5), tone(57, 0.5)])
    soundfile.write(tmp_path / "in.wav", sides.T, RATE, "FLOAT")
    engine, adapter = Engine(shipped_part("mirror")), Adapter(2, QUANTUM, 256)
    out, live = np.zeros((2, 256), np.float32), []

    def produce(into: np.ndarray) -> None:
        engine.block(into, adapter.live())

    for k in range(sides.shape[1] // 256):  # as the device's callback does
        adapter.feed(sides[:, k * 256 : (k + 1) * 256])
        adapter.pull(out, produce)
        live.append(out.copy())
    heard = np.concatenate(live, axis=1)
    for block in (QUANTUM, 100, 512):
        again = rendered(Engine(shipped_part("mirror")), tmp_path / "in.wav", block)
        assert again.shape == sides.shape
        assert np.array_equal(again[:, : heard.shape[1]], heard)


@pytest.mark.parametrize(("name", "rate", "channels"), [
    ("slow.wav", 8000, 1), ("cd.flac", 44100, 2), ("fast.aiff", 96000, 4), ("odd.ogg", 32000, 1), ("cd.mp3", 44100, 2),
])  # fmt: skip
def test_any_format_and_rate_is_heard_in_tune_and_as_long_as_it_is(
    name: str, rate: int, channels: int, tmp_path: Path
) -> None:
    soundfile.write(tmp_path / name, np.stack([tone(64, 0.7, rate)] * channels, 1), rate)
    file = InputFile(tmp_path / name, RATE)
    assert abs(file.seconds - 0.7) < (0.08 if name.endswith("mp3") else 1e-3)  # an MP3 says nothing of its padding
    engine, out, told = mirror(), np.zeros((2, QUANTUM), np.float32), []
    for _ in range(200):
        engine.block(out, file.next())
        told.append(float(engine.layer.z[0, 0, -1]))
    assert abs(settled(np.array(told)) - 64.0) < 0.1
    assert [not file.next().any() for _ in range(200)][-1], "silence after the end"


@pytest.mark.parametrize(("before", "after"), [
    (44100, 48000), (48000, 44100), (96000, 48000), (8000, 48000), (44099, 48000), (384_000, 48000),
])  # fmt: skip
def test_a_file_of_another_rate_is_heard_as_if_it_had_been_of_ours(tmp_path: Path, before: int, after: int) -> None:
    t = np.arange(before // 5) / before

    def heard(hz: float) -> np.ndarray:
        soundfile.write(tmp_path / "sine.wav", 0.5 * np.sin(2 * np.pi * hz * t), before, subtype="FLOAT")
        first, again = (InputFile(tmp_path / "sine.wav", after) for _ in range(2))
        blocks = after // 5 // QUANTUM
        got = np.concatenate([first.next() for _ in range(blocks)], axis=1)
        assert np.array_equal(got, np.concatenate([again.next() for _ in range(blocks)], axis=1))
        return got[:, after // 50 : -after // 50]

    hz = 0.43 * min(before, after)
    got = heard(hz)
    want = 0.5 * np.sin(2 * np.pi * hz * (after // 50 + np.arange(got.shape[1])) / after)
    assert np.abs(got - want).max() < 0.5 * 4e-4, "0.004 dB, near the edge of what the lower rate holds"
    if before > after:
        assert np.abs(heard(0.51 * after)).max() < 1e-5, "nothing is folded down"


# --- from the command line


def test_render_plays_a_file_into_a_patch_for_as_long_as_it_lasts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from instrument.training.data.pitch import track

    soundfile.write(tmp_path / "e4.flac", tone(64, 1.2, 44100), 44100)
    begin = ["render", "mirror", "--input", str(tmp_path / "e4.flac"), "-o"]
    assert main([*begin, str(tmp_path / "a.wav")]) == 0
    assert main([*begin, str(tmp_path / "b.wav"), "--block", "333"]) == 0
    said = [line for line in capsys.readouterr().out.splitlines() if line.startswith("sha256")]
    assert said[0] == said[1]
    audio, rate = soundfile.read(tmp_path / "a.wav", dtype="float32")
    assert len(audio) == round(1.2 * rate)
    note, sure = track(np.ascontiguousarray(audio[:, 0]), rate, 128)
    assert abs(np.median(note[150:350]) - 64.0) < 0.1
    assert sure[150:350].min() > 0.9


def pipe(path: Path) -> None:
    os.mkfifo(path)


def not_a_number(path: Path) -> None:
    soundfile.write(path, np.array([0.0, 0.1, np.nan, 0.1], np.float32), RATE, "FLOAT", format="WAV")


def far_too_loud(path: Path) -> None:
    soundfile.write(path, np.array([0.0, 0.1, 3e38, 0.1], np.float32), RATE, "FLOAT", format="WAV")


def nothing_in_it(path: Path) -> None:
    soundfile.write(path, np.zeros(0, np.float32), RATE, format="WAV")


@pytest.mark.parametrize(("make", "why"), [
    (pipe, "it is no file"), (Path.mkdir, "it is no file"), (lambda path: None, "No such file"),
    (lambda path: path.write_bytes(b"words"), "not recogni"), (not_a_number, "numbers that are no sound"),
    (far_too_loud, "numbers that are no sound"), (nothing_in_it, "no samples"),
])  # fmt: skip
def test_what_cannot_be_heard_is_said_in_a_sentence_before_anything_is_written(
    make: Callable[[Path], None], why: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make(tmp_path / "in.wav")
    assert main(["render", "mirror", "--input", str(tmp_path / "in.wav"), "-o", str(tmp_path / "out.wav")]) == 2
    said = capsys.readouterr().err
    assert "in.wav cannot be heard" in said
    assert why in said
    assert "; give " in said
    assert not (tmp_path / "out.wav").exists()


def test_what_would_not_listen_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path, out = tmp_path / "in.wav", tmp_path / "out.wav"
    soundfile.write(path, tone(64, 0.2), RATE)
    for more, why in (
        (["bow", "-o", str(out)], "the patch bow does not listen; write [input] mode"),
        (["glass", "-o", str(out)], "the model null has no ears; give --model"),
        (["mirror", "-o", str(path)], "is what is to be heard; give -o another name"),
    ):
        assert main(["render", *more, "--input", str(path)]) == 2
        assert why in capsys.readouterr().err
    quiet = tmp_path / "quiet.toml"
    quiet.write_text((PATCHES / "mirror.toml").read_text().replace("amount = 0.9", "amount = 0.0"))
    assert main(["render", str(quiet), "-o", str(out), "--input", str(path)]) == 2
    assert "its input is at 0; give --set input=0.9" in capsys.readouterr().err
    assert main(["render", str(quiet), "-o", str(out), "--input", str(path), "--set", "input=0.9"]) == 0
    assert soundfile.read(path)[0].size == round(0.2 * RATE), "and what was played is still there"


def test_a_file_with_a_name_in_latin_1_is_heard(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "in.wav", tone(64, 0.2), RATE)
    odd = Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.wav"))
    (tmp_path / "in.wav").rename(odd)
    assert InputFile(odd, RATE).next().shape == (2, QUANTUM)


def test_bytes_of_any_kind_are_heard_or_refused(tmp_path: Path) -> None:
    whole = tmp_path / "in.wav"
    soundfile.write(whole, tone(64, 0.05), RATE)
    data, dice = whole.read_bytes(), np.random.default_rng(4)
    heard = 0
    for _ in range(300):
        odd = bytearray(data[: dice.integers(4, len(data))] if dice.random() < 0.3 else data)
        for at in dice.integers(0, min(len(odd), 80), dice.integers(1, 6)):
            odd[at] = dice.integers(256)
        whole.write_bytes(bytes(odd))
        with contextlib.suppress(RosinError):
            heard += np.isfinite(InputFile(whole, RATE).next()).all()
    assert heard > 50
