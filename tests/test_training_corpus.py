"""The corpus: what is read, what is refused, and that its pitch is right."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest
import soundfile
from training_sounds import RATE, tone, tone_folder, write_credits

pytest.importorskip("scipy")

from instrument.base.errors import RosinError, ValidationErrors
from instrument.model.library import licences
from instrument.training.data.corpus import read_corpus, read_sound
from instrument.training.data.credits_check import read_credits
from instrument.training.data.pitch import track
from instrument.training.data.prompts import ask_credits


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
    with pytest.raises(ValidationErrors) as mistakes:
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


@pytest.mark.parametrize(("licence", "said"), [
    ("CC-BY-NC-4.0", "CC-BY-NC-4.0 is not free"), ("CC-BY-ND-4.0", "allows no changed versions"),
    ("CC-BY-NC-ND-3.0", "allows no changed versions"), ("All rights reserved", "is no known SPDX licence"),
    ("cc0-1.0", "is written CC0-1.0"), ("LicenseRef-Freesound", "nobody here knows what LicenseRef-Freesound allows"),
    ("CC0-1.0 AND CC-BY-NC-4.0", "CC-BY-NC-4.0 is not free"),
])  # fmt: skip
def test_what_may_not_be_learned_from_is_refused_with_a_sentence(tmp_path: Path, licence: str, said: str) -> None:
    tone_folder(tmp_path, (60, 62))
    path = tmp_path / "credits.toml"
    path.write_text(path.read_text().replace("CC0-1.0", licence, 1))
    with pytest.raises(ValidationErrors) as mistakes:
        read_corpus(tmp_path, RATE, 128)
    assert len(mistakes.value.lines) == 1
    assert said in mistakes.value.lines[0]


@pytest.mark.parametrize("licence", [
    "CC0-1.0", "CC-BY-3.0", "CC-BY-SA-4.0", "MIT", "CC0-1.0 AND MIT", "CC-BY-NC-4.0 OR CC-BY-4.0", "LicenseRef-Own",
    "LicenseRef-PublicDomain",
])  # fmt: skip
def test_free_licences_and_ones_own_sounds_may_be_learned_from(licence: str) -> None:
    assert licences.refusal_to_learn(licence) == ""


@pytest.mark.parametrize("file", ["[]", "7", "{a = 1}", '""'])
def test_a_file_that_is_no_name_is_a_mistake_like_any_other(tmp_path: Path, file: str) -> None:
    tone_folder(tmp_path, (60, 62))
    path = tmp_path / "credits.toml"
    path.write_text(path.read_text().replace('"tone60.wav"', file, 1))
    with pytest.raises(ValidationErrors, match=r"sounds\[0\]\.file: .*; say it in words"):
        read_credits(tmp_path)


def test_the_template_in_the_refusal_is_a_credits_file(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "take1.wav", tone(60), RATE)
    with pytest.raises(RosinError) as refusal:
        read_credits(tmp_path)
    (tmp_path / "credits.toml").write_text(str(refusal.value).split("per sound: ")[1])
    assert read_credits(tmp_path)[0]["file"] == "take1.wav"


def test_sounds_in_folders_below_are_found_and_files_elsewhere_are_not(tmp_path: Path) -> None:
    tone_folder(tmp_path / "in", (60, 62))
    (tmp_path / "in" / "sub").mkdir()
    soundfile.write(tmp_path / "in" / "sub" / "low#1.wav", tone(50), RATE)
    soundfile.write(tmp_path / "out.wav", tone(55), RATE)
    with pytest.raises(ValidationErrors, match=r"sub/low#1\.wav: has no credit"):
        read_corpus(tmp_path / "in", RATE, 128)
    names = ("tone60.wav", "tone62.wav", "sub/low#1.wav")
    write_credits(tmp_path / "in", *names)
    assert [c.name for c in read_corpus(tmp_path / "in", RATE, 128).clips] == list(names)
    write_credits(tmp_path / "in", *names, "../out.wav")
    with pytest.raises(ValidationErrors, match=r"'\.\./out\.wav' is elsewhere"):
        read_corpus(tmp_path / "in", RATE, 128)


def test_the_held_out_tenth_has_the_lowest_hashes_and_is_named(tmp_path: Path) -> None:
    tone_folder(tmp_path, tuple(range(45, 65)), 0.2)
    corpus = read_corpus(tmp_path, RATE, 128)
    by_hash = sorted(corpus.clips, key=lambda c: c.credit["sha256"])
    assert {c.name for c in corpus.held_out} == {c.name for c in by_hash[:2]}
    words = "\n".join(corpus.report())
    assert "18 sounds" in words
    assert "under CC0-1.0" in words
    assert all(c.name in words for c in corpus.held_out)


class Player:
    """Somebody at a terminal, who gives these answers and then leaves."""

    def __init__(self, *answers: str) -> None:
        self.answers = list(answers)
        self.asked: list[str] = []
        self.told: list[str] = []

    def ask(self, question: str) -> str:
        self.asked.append(question)
        if not self.answers:
            raise EOFError
        return self.answers.pop(0)

    def tell(self, words: str) -> None:
        self.told.append(words)


def test_in_a_terminal_one_answer_credits_all_sounds(tmp_path: Path) -> None:
    tone_folder(tmp_path, (60, 62))
    (tmp_path / "credits.toml").unlink()
    player = Player("Bells", "", "A. Player", "recorded by me", "CC-BY-NC-4.0", "mine", "I am alone on it")
    ask_credits(tmp_path, "en", player.ask, player.tell)
    assert any("Something has to stand there" in words for words in player.told)
    assert any("CC-BY-NC-4.0 is not free" in words for words in player.told)
    corpus = read_corpus(tmp_path, RATE, 128)
    assert corpus.warnings == ()
    assert [c.credit["title"] for c in corpus.clips] == ["Bells: tone60", "Bells: tone62"]
    assert {(c.credit["author"], c.credit["licence"]) for c in corpus.clips} == {("A. Player", "LicenseRef-Own")}


def test_in_a_terminal_each_folder_can_have_its_own_answer(tmp_path: Path) -> None:
    for name in ("bow", "reed"):
        tone_folder(tmp_path / name, (60, 62))
        (tmp_path / name / "credits.toml").unlink()
    player = Player("d", "", "A", "here", "CC0-1.0", "given", "", "B", "there", "CC-BY-4.0", "asked")
    ask_credits(tmp_path, "fr", player.ask, player.tell)
    assert "2 dossiers" in player.asked[0]
    rows = read_credits(tmp_path)
    assert [(row["file"], row["author"]) for row in rows] == [
        ("bow/tone60.wav", "A"), ("bow/tone62.wav", "A"), ("reed/tone60.wav", "B"), ("reed/tone62.wav", "B"),
    ]  # fmt: skip
    assert rows[0]["title"] == "tone60"


def test_whoever_leaves_the_questions_writes_nothing(tmp_path: Path) -> None:
    tone_folder(tmp_path, (60, 62))
    (tmp_path / "credits.toml").unlink()
    with pytest.raises(RosinError, match="no credits were written, so nothing was learned; start again"):
        ask_credits(tmp_path, "en", Player("", "A").ask, lambda _: None)
    assert not (tmp_path / "credits.toml").exists()


def test_what_a_soundfont_says_of_itself_is_shown_and_asked_all_the_same(tmp_path: Path) -> None:
    from test_training_soundfont import font_bytes, words_of

    path = tmp_path / "my.sf2"
    path.write_bytes(font_bytes([(b"A", words_of(tone(60)), RATE, None, 1, 0)]))
    player = Player("Font", "Me", "mine", "CC0-1.0", "given")
    ask_credits(path, "en", player.ask, player.tell)
    assert any("author: A. Maker" in words for words in player.told)
    assert any("copyright: CC0" in words for words in player.told)
    assert read_credits(path)[0]["author"] == "Me"


def test_a_note_in_the_credits_settles_the_octave_and_what_is_no_note_is_refused(tmp_path: Path) -> None:
    hz, t = 55.0, np.arange(RATE) / RATE
    low = sum(a * np.sin(2 * np.pi * k * hz * t) for k, a in ((1, 0.02), (2, 1.0), (4, 0.7), (5, 0.02)))
    for name in ("low.wav", "other.wav"):
        soundfile.write(tmp_path / name, (0.1 * low).astype(np.float32), RATE)
    soundfile.write(tmp_path / "third.wav", tone(60), RATE)
    write_credits(tmp_path, "low.wav", "third.wav")
    (tmp_path / "other.wav").unlink()
    path = tmp_path / "credits.toml"
    plain = path.read_text()

    def heard() -> float:
        clip = next(c for c in read_corpus(tmp_path, RATE, 128).clips if c.name == "low.wav")
        return float(np.median(clip.note[clip.sure > 0.7]))

    assert heard() == pytest.approx(45.0, abs=0.2), "else this test shows nothing"
    path.write_text(plain.replace('file = "low.wav"', 'file = "low.wav"\nnote = 33'))
    assert heard() == pytest.approx(33.0, abs=0.2), "and no pitch kept from before is taken for it"
    for wrong in ("300", "true", '"A1"', "nan"):
        path.write_text(plain.replace('file = "low.wav"', f'file = "low.wav"\nnote = {wrong}'))
        with pytest.raises(ValidationErrors, match=r"sounds\[0\].note: .*MIDI note that is heard"):
            read_corpus(tmp_path, RATE, 128)
