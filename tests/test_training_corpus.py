"""The corpus: what is read, what is refused, and that its pitch is right."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest
import soundfile
from training_sounds import RATE, tone, tone_folder, write_credits

pytest.importorskip("scipy")
pytest.importorskip("soxr")

from instrument.errors import Mistakes, RosinError
from instrument.training.corpus import read_corpus, read_sound
from instrument.training.pitch import track


def test_sounds_without_credits_are_refused_in_one_sentence_with_the_remedy(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", tone(60), RATE)
    with pytest.raises(RosinError, match="nobody is credited; write one") as refusal:
        read_corpus(tmp_path, RATE, 128)
    assert "\n" not in str(refusal.value)


def test_every_sound_needs_its_own_credit_and_every_field_of_it(tmp_path: Path) -> None:
    tone_folder(tmp_path, (60, 62))
    soundfile.write(tmp_path / "stranger.wav", tone(60), RATE)
    text = (tmp_path / "credits.toml").read_text().replace('author = "the tests"', 'author = ""', 1)
    (tmp_path / "credits.toml").write_text(text)
    with pytest.raises(Mistakes) as mistakes:
        read_corpus(tmp_path, RATE, 128)
    assert len(mistakes.value.lines) == 2
    assert any("stranger.wav: has no credit" in line for line in mistakes.value.lines)
    assert any("sounds[0].author" in line for line in mistakes.value.lines)


def test_broken_silent_missing_and_tiny_files_are_left_out_with_a_sentence_each(tmp_path: Path) -> None:
    tone_folder(tmp_path, (60, 62))
    (tmp_path / "broken.wav").write_bytes(b"RIFF\x00\x00nothing of the kind")
    (tmp_path / "empty.flac").write_bytes(b"")
    soundfile.write(tmp_path / "silent.wav", np.zeros(RATE, np.float32), RATE)
    soundfile.write(tmp_path / "tiny.wav", tone(60)[4000:4100], RATE)
    odd = ("broken.wav", "empty.flac", "silent.wav", "tiny.wav", "missing.wav")
    write_credits(tmp_path, "tone60.wav", "tone62.wav", *odd)
    corpus = read_corpus(tmp_path, RATE, 128)
    assert [c.name for c in corpus.clips] == ["tone60.wav", "tone62.wav"]
    assert len(corpus.warnings) == 5
    for name, line in zip(odd, corpus.warnings, strict=True):
        assert line.startswith(name)
        assert ";" in line, "what is wrong; the remedy"


def test_nothing_left_to_train_on_says_why(tmp_path: Path) -> None:
    (tmp_path / "broken.wav").write_bytes(b"no")
    write_credits(tmp_path, "broken.wav")
    with pytest.raises(RosinError, match=r"give two at least.*broken\.wav cannot be read"):
        read_corpus(tmp_path, RATE, 128)


def test_a_stereo_file_at_96_khz_becomes_the_same_mono_sound(tmp_path: Path) -> None:
    fast = tone(57, rate=96000)
    soundfile.write(tmp_path / "fast.flac", np.stack([1.5 * fast, 0.5 * fast], 1), 96000)
    got = read_sound(tmp_path / "fast.flac", RATE)
    want = tone(57)
    assert abs(len(got) - len(want)) <= 1
    assert np.abs(got[: len(want)] - want[: len(got)])[2000:-2000].max() < 0.01


def test_a_sound_that_is_not_the_credited_one_is_left_out(tmp_path: Path) -> None:
    tone_folder(tmp_path, (60, 62, 64))
    text = (tmp_path / "credits.toml").read_text()
    right = hashlib.sha256((tmp_path / "tone62.wav").read_bytes()).hexdigest()
    parts = text.split("[[sounds]]\n")
    parts[1] += f'sha256 = "{"0" * 64}"\n'
    parts[2] += f'sha256 = "{right}"\n'
    (tmp_path / "credits.toml").write_text("[[sounds]]\n".join(parts))
    corpus = read_corpus(tmp_path, RATE, 128)
    assert [c.name for c in corpus.clips] == ["tone62.wav", "tone64.wav"]
    assert "not the file its credit was written for" in corpus.warnings[0]


def test_a_tenth_is_held_out_and_always_the_same_tenth(tmp_path: Path) -> None:
    tone_folder(tmp_path, tuple(range(48, 60)), 0.3)
    names = [{c.name for c in read_corpus(tmp_path, RATE, 128).held_out} for _ in range(2)]
    assert names[0] == names[1]
    assert len(names[0]) == 1


@pytest.mark.parametrize("note", [29.3, 41.0, 57.5, 69.0, 83.2, 98.0])
def test_the_tracker_finds_a_note_within_ten_cents(note: float) -> None:
    found, sure = track(tone(note), RATE, 128)
    assert len(found) == RATE // 128
    middle = slice(80, -80)
    assert np.abs(found[middle] - note).max() < 0.1
    assert sure[middle].min() > 0.9


def test_the_tracker_is_unsure_of_noise() -> None:
    noise = np.random.default_rng(1).standard_normal(RATE).astype(np.float32)
    assert np.median(track(noise, RATE, 128)[1]) < 0.5
