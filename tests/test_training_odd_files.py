"""What lies in people's folders: odd formats, odd names, broken headers, sounds that are none. Each is told, the rest
trains."""

from __future__ import annotations

import contextlib
import os
import random
import re
import struct
import tomllib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st
from training_sounds import RATE, tone, tone_folder, write_credits

pytest.importorskip("scipy")

from instrument.base.errors import RosinError, ValidationErrors
from instrument.training.data import reading
from instrument.training.data.corpus import read_corpus, read_sound
from instrument.training.data.credits_check import read_credits, sounds_of
from instrument.training.data.files import PASSED_OVER, SUFFIXES
from instrument.training.data.prompts import ask_credits
from instrument.training.data.prompts import write_credits as keep_credits
from instrument.training.data.wording import quoted, shown

SOUND = tone(60, 0.4)
CREDITED = '[[sounds]]\nfile = {file}\ntitle = "t"\nauthor = "a"\nsource = "s"\nlicence = "CC0-1.0"\nconsent = "c"\n'


def beside(folder: Path, name: str, write: Callable[[Path], object]) -> tuple[str, ...]:
    """A folder of two good tones and one odd file, all credited: what the corpus says of the odd one."""
    tone_folder(folder, (60, 62), 0.4)
    write(folder / name)
    write_credits(folder, "tone60.wav", "tone62.wav", name)
    corpus = read_corpus(folder, RATE, 128)
    assert [c.name for c in corpus.clips] == ["tone60.wav", "tone62.wav"], "and the others train"
    return corpus.warnings


def bad(value: float) -> Callable[[Path], object]:
    def write(path: Path) -> None:
        sound = SOUND.copy()
        sound[7000] = value
        soundfile.write(path, np.stack([sound, sound], 1), RATE, "FLOAT")

    return write


def floats(sound: np.ndarray) -> Callable[[Path], object]:
    return lambda path: soundfile.write(path, sound.astype(np.float32), RATE, "FLOAT")


def nothing(path: Path) -> None:
    soundfile.write(path, np.zeros(0, np.float32), RATE)


def half_a_flac(path: Path) -> None:
    soundfile.write(path, SOUND, RATE, format="FLAC")
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def never_still(path: Path) -> None:
    """A constant that wanders: 1 Hz, far below hearing."""
    floats(0.3 * np.sin(2 * np.pi * np.arange(RATE) / RATE))(path)


@pytest.mark.parametrize(("write", "why"), [
    (bad(3e38), r"is 3e\+38 times as loud as full scale at 0\.15 s; export it again"),
    (bad(-32768.0), r"is 32768 times as loud as full scale at 0\.15 s; export it again"),
    (bad(np.nan), r"holds a sample that is no number at 0\.15 s; export it again"),
    (bad(np.inf), r"holds a sample that is no number at 0\.15 s; export it again"),
    (floats(np.full(RATE, 0.25)), "holds a constant and no sound; take it away or record it again"),
    (floats(np.full(RATE, -0.9) + 1e-6 * np.sin(np.arange(RATE))), "holds a constant and no sound"),
    (never_still, "holds a constant and no sound"),
    (floats(np.zeros(RATE)), "is silent; take it away or export it again"),
    (nothing, "holds no samples; take it away or export it again"),
    (floats(SOUND[4000:6000]), r"is shorter than 0\.1 s"),
    (half_a_flac, r"cannot be read as sound \(.*\); export it again"),
])  # fmt: skip
def test_one_sound_that_cannot_be_learned_from_is_told_and_the_rest_trains(
    write: Callable[[Path], object], why: str, tmp_path: Path
) -> None:
    (said,) = beside(tmp_path, "odd.wav", write)
    assert re.match(rf"odd\.wav {why}", said), said
    assert "\n" not in said


def test_a_constant_under_a_sound_is_taken_away_and_told(tmp_path: Path) -> None:
    tone_folder(tmp_path, (60, 62), 0.4)
    floats(SOUND + 0.4)(tmp_path / "shifted.wav")
    write_credits(tmp_path, "tone60.wav", "tone62.wav", "shifted.wav")
    corpus = read_corpus(tmp_path, RATE, 128)
    clip = next(c for c in corpus.clips if c.name == "shifted.wav")
    assert abs(clip.audio.mean()) < 1e-6
    assert np.abs(clip.audio - (SOUND - SOUND.mean())).max() < 1e-6
    assert "freed from a constant: shifted.wav" in corpus.notes
    plain = next(c for c in corpus.clips if c.name == "tone60.wav")
    assert np.array_equal(plain.audio, soundfile.read(tmp_path / "tone60.wav", dtype="float32")[0]), "as it was"


@pytest.mark.parametrize(("sides", "channels"), [([1.0, -1.0], 2), ([0.5, -0.52], 2), ([0.3, -0.3, 0.3, -0.31], 4)])
def test_channels_that_cancel_each_other_are_no_silence(sides: list[float], channels: int, tmp_path: Path) -> None:
    sound = np.stack([side * SOUND for side in sides], 1)
    soundfile.write(tmp_path / "wide.wav", sound, RATE, "FLOAT")
    heard = reading.read(tmp_path / "wide.wav", "wide.wav", RATE)
    loudest = max(sides, key=abs)
    assert np.abs(heard.audio - loudest * SOUND).max() < 1e-6
    assert heard.done == f"taken from the loudest of {channels} channels, which cancel each other"


def test_channels_that_do_not_cancel_are_mixed_as_ever(tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    for name, sound in (
        ("one side.wav", np.stack([SOUND, 0 * SOUND], 1)), ("six.wav", np.stack([SOUND] + [0 * SOUND] * 5, 1)),
        ("noise.wav", 0.1 * rng.standard_normal((9000, 2))),
    ):  # fmt: skip
        soundfile.write(tmp_path / name, sound.astype(np.float32), RATE, "FLOAT")
        heard = reading.read(tmp_path / name, name, RATE)
        assert np.array_equal(heard.audio, sound.astype(np.float32).mean(axis=1))
        assert heard.done == f"mixed from {sound.shape[1]} channels to one"


@pytest.mark.parametrize("size", [0, 0xFFFFFFFF, 0x7FFFFFFF])
@pytest.mark.parametrize("whole", [True, False])
def test_a_recording_that_was_never_closed_is_read_to_its_end(size: int, whole: bool, tmp_path: Path) -> None:
    path = tmp_path / "lost.wav"
    soundfile.write(path, SOUND, RATE)
    data = bytearray(path.read_bytes())
    at = data.index(b"data") + 4
    data[at : at + 4] = struct.pack("<I", size)
    if whole:
        data[4:8] = struct.pack("<I", size)
    path.write_bytes(bytes(data))
    heard = reading.read(path, path.name, RATE)
    assert np.array_equal(heard.audio, soundfile.read(path)[0] if size else read_whole(data, at))
    assert heard.done == ("" if size else "read to the end though it says it has no samples")


def read_whole(data: bytearray, at: int) -> np.ndarray:
    return (np.frombuffer(bytes(data[at + 4 :]), "<i2") / 32768.0).astype(np.float32)


def test_a_recording_of_nothing_with_notes_behind_it_stays_empty(tmp_path: Path) -> None:
    path = tmp_path / "empty.wav"
    nothing(path)
    note = b"LIST" + struct.pack("<I", 18) + b"INFOINAM" + struct.pack("<I", 6) + b"words\0"
    path.write_bytes(path.read_bytes() + note)
    with pytest.raises(RosinError, match="holds no samples"):
        read_sound(path, RATE)


@pytest.mark.parametrize("says", [0, 10**9, 2**36 - 1])
def test_a_flac_that_lies_about_its_length_is_read_to_its_end(says: int, tmp_path: Path) -> None:
    path = tmp_path / "liar.flac"
    soundfile.write(path, SOUND, RATE)
    want, data = soundfile.read(path, dtype="float32")[0], bytearray(path.read_bytes())
    data[21] = (data[21] & 0xF0) | (says >> 32)
    data[22:26] = struct.pack(">I", says & 0xFFFFFFFF)
    path.write_bytes(bytes(data))
    assert np.array_equal(read_sound(path, RATE), want)


@pytest.mark.parametrize(("name", "kind", "subtype", "rate"), [
    ("a.mp3", "MP3", None, 44100), ("a.opus", "OGG", "OPUS", 48000), ("a.caf", "CAF", None, 44100),
    ("a.w64", "W64", "PCM_24", 48000), ("a.au", "AU", None, 22050), ("a.snd", "AU", None, 48000),
    ("a.WAV", "WAV", "PCM_U8", 8000), ("a.wav", "WAV", "DOUBLE", 384_000), ("a.wave", "WAVEX", "PCM_24", 192_000),
    ("a.oga", "OGG", None, 48000), ("a.AIFF", "AIFF", None, 11025), ("a.rf64", "RF64", None, 48000),
    ("a.voc", "VOC", None, 44100), ("a.flac", "FLAC", "PCM_24", 96000),
])  # fmt: skip
def test_whatever_libsndfile_reads_is_learned_from(
    name: str, kind: str, subtype: str | None, rate: int, tmp_path: Path
) -> None:
    tone_folder(tmp_path, (60, 62), 0.4)
    (tmp_path / "sub").mkdir()
    soundfile.write(tmp_path / "sub" / name, tone(57, 0.6, rate), rate, subtype, format=kind)
    with pytest.raises(ValidationErrors, match=rf"sub/{name}: has no credit"):
        read_corpus(tmp_path, RATE, 128)
    write_credits(tmp_path, "tone60.wav", "tone62.wav", f"sub/{name}")
    corpus = read_corpus(tmp_path, RATE, 128)
    assert corpus.warnings == ()
    clip = next(c for c in corpus.clips if c.name.startswith("sub/"))
    assert abs(len(clip.audio) / RATE - 0.6) < 0.08
    assert abs(np.median(clip.note[clip.sure > 0.8]) - 57.0) < 0.1


def test_kinds_that_are_not_read_are_named_once_each_with_what_to_do(tmp_path: Path) -> None:
    tone_folder(tmp_path, (60, 62), 0.4)
    for name in ("a.m4a", "b.m4a", "c.M4A", "d.m4a", "e.m4a", "sub/x.wma", "drum.sfz", "song.mid", "font.sfArk",
                 "me.jpg", ".hidden.m4a", "notes.txt"):  # fmt: skip
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"something")
    said = read_corpus(tmp_path, RATE, 128).warnings
    assert len(said) == 5
    m4a = next(line for line in said if "m4a" in line)
    assert m4a.startswith("a.m4a, b.m4a, c.M4A and 2 more: a .m4a file is no sound that is read here; convert with: ")
    assert "ffmpeg -i a.m4a a.flac" in m4a
    for name, remedy in (("sub/x.wma", "convert"), ("drum.sfz", "names samples"), ("song.mid", "notes and no sound"),
                         ("font.sfArk", "unpack")):  # fmt: skip
        assert any(name in line and remedy in line for line in said)
    assert not PASSED_OVER.keys() & SUFFIXES


def test_a_folder_of_nothing_that_is_read_ends_with_a_sentence(tmp_path: Path) -> None:
    for name in ("a.m4a", "b.m4a"):
        (tmp_path / name).write_bytes(b"something")
    for what in (tmp_path, tmp_path / "a.m4a"):
        with pytest.raises(RosinError, match=r"a\.m4a") as refused:
            read_corpus(what, RATE, 128)
        assert "convert with: ffmpeg" in str(refused.value)
        assert "\n" not in str(refused.value)


def test_of_thousands_of_mistakes_the_first_are_named(tmp_path: Path) -> None:
    for i in range(3000):
        (tmp_path / f"{i:04}.wav").write_bytes(b"no")
    (tmp_path / "credits.toml").write_text(CREDITED.format(file='"0000.wav"'))
    with pytest.raises(ValidationErrors) as wrong:
        read_corpus(tmp_path, RATE, 128)
    assert len(wrong.value.lines) == 21
    assert wrong.value.lines[-1] == "and 2979 more mistakes like these"
    write_credits(tmp_path, *(f"{i:04}.wav" for i in range(3000)))
    with pytest.raises(RosinError, match=r"0 sound that can be trained on.*and 2995 more like these") as refused:
        read_corpus(tmp_path, RATE, 128)
    assert len(str(refused.value)) < 1200


# --- names


def test_a_name_is_the_same_however_its_accents_are_written(tmp_path: Path) -> None:
    tone_folder(tmp_path, (60, 62), 0.4)
    apart, composed = "e\u0301te\u0301 n\u0303.wav", "\u00e9t\u00e9 \u00f1.wav"
    for disk, credits in ((apart, composed), (composed, apart)):
        folder = tone_folder(tmp_path / str(len(disk)), (60, 62), 0.4)
        soundfile.write(folder / disk, tone(57, 0.4), RATE)
        write_credits(folder, "tone60.wav", "tone62.wav", credits)
        corpus = read_corpus(folder, RATE, 128)
        assert corpus.warnings == ()
        assert credits in [c.name for c in corpus.clips]
        alone = read_corpus([folder / disk, folder / "tone62.wav"], RATE, 128)
        assert len(alone.clips) == 2, "and given by its own name"


def test_two_names_that_differ_in_spelling_alone_are_told_apart(tmp_path: Path) -> None:
    tone_folder(tmp_path, (60, 62), 0.4)
    for name in ("e\u0301.wav", "\u00e9.wav"):
        soundfile.write(tmp_path / name, tone(50 + len(name), 0.4), RATE)
    write_credits(tmp_path, "tone60.wav", "tone62.wav", "\u00e9.wav")
    with pytest.raises(ValidationErrors, match="two files have this name, in two spellings; rename one of them"):
        read_corpus(tmp_path, RATE, 128)
    write_credits(tmp_path, "tone60.wav", "tone62.wav", "\u00e9.wav", "e\u0301.wav")
    assert len(read_corpus(tmp_path, RATE, 128).clips) == 4


def test_a_sound_credited_twice_is_a_mistake_and_not_learned_from_twice(tmp_path: Path) -> None:
    tone_folder(tmp_path, (60, 62), 0.4)
    write_credits(tmp_path, "tone60.wav", "tone62.wav", "tone60.wav")
    with pytest.raises(ValidationErrors, match=r"sounds\[2\]\.file: 'tone60\.wav' is credited a second time"):
        read_corpus(tmp_path, RATE, 128)


def test_a_name_in_latin_1_is_told_and_the_rest_trains(tmp_path: Path) -> None:
    tone_folder(tmp_path, (60, 62), 0.4)
    odd = os.fsencode(tmp_path) + b"/caf\xe9.wav"
    soundfile.write(tmp_path / "x.wav", SOUND, RATE)
    os.rename(tmp_path / "x.wav", odd)
    (said,) = read_corpus(tmp_path, RATE, 128).warnings
    assert said.startswith(r"caf\xe9.wav has a name that is no UTF-8")
    assert "rename it" in said
    said.encode()
    with pytest.raises(RosinError, match="no UTF-8"):
        read_corpus(Path(os.fsdecode(odd)), RATE, 128)
    (tmp_path / "credits.toml").unlink()
    told: list[str] = []
    answers = iter(("", "A", "here", "CC0-1.0", "given"))
    ask_credits(tmp_path, "en", lambda _: next(answers), told.append)
    assert any(r"caf\xe9.wav" in line for line in told)
    assert [row["file"] for row in read_credits(tmp_path)] == ["tone60.wav", "tone62.wav"]


def test_a_folder_with_a_name_in_latin_1_does_not_reach_the_models_credits(tmp_path: Path) -> None:
    tone_folder(tmp_path / "one", (60, 62), 0.4)
    odd = Path(os.fsdecode(os.fsencode(tmp_path) + b"/t\xf6ne"))
    tone_folder(tmp_path / "two", (64, 65), 0.4).rename(odd)
    for clip in read_corpus([tmp_path / "one", odd], RATE, 128).clips:
        clip.name.encode()


ODD_NAMES = (
    'say "hi".wav', "back\\slash.wav", "two\nlines.wav", "\U0001f3bb bow.wav", "tab\t.wav", "'single'.wav", "#1.wav",
    "[[sounds]].wav", "bell\x07.wav", "del\x7f.wav", "a = 1.wav", " .wav", "\u00e4 \u00f6 \u00fc \u00df.wav",
)  # fmt: skip


@pytest.mark.parametrize("name", ODD_NAMES)
def test_any_name_is_asked_for_written_and_read_again(name: str, tmp_path: Path) -> None:
    tone_folder(tmp_path, (60,), 0.4)
    soundfile.write(tmp_path / "x.wav", SOUND, RATE)
    (tmp_path / "x.wav").rename(tmp_path / name)
    with pytest.raises(ValidationErrors) as wrong:
        read_credits(tmp_path)
    (line,) = wrong.value.lines
    assert "\n" not in line
    template = line.split("file = ")[1].split(" or take the file away")[0]
    assert tomllib.loads(f"file = {template}")["file"] == name, "what is said to be added can be added as it is"
    (tmp_path / "credits.toml").unlink()
    answers = iter((f"of {name!r}", f'"{name}"', "\\here", "CC0-1.0", "given\t!"))
    ask_credits(tmp_path, "en", lambda _: next(answers), lambda _: None)
    assert name in [row["file"] for row in read_credits(tmp_path)]
    assert name in [c.name for c in read_corpus(tmp_path, RATE, 128).clips]


@given(st.text(st.characters(exclude_categories=("Cs",)), max_size=40))
@settings(max_examples=60, deadline=None)
def test_any_text_is_quoted_as_toml_reads_it_and_shown_in_one_line(text: str) -> None:
    assert tomllib.loads(f"a = {quoted(text)}")["a"] == text
    assert shown(text).isprintable()


def test_credits_are_written_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tone_folder(tmp_path, (60, 62), 0.4)
    path = tmp_path / "credits.toml"
    before = path.read_text()
    rows = read_credits(tmp_path)
    with pytest.raises(RosinError, match="cannot be written"):
        keep_credits([{**rows[0], "title": "\udce9"}], path)
    assert path.read_text() == before
    monkeypatch.setattr(os, "replace", lambda *_: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    with pytest.raises(RosinError, match="No space left on device"):
        keep_credits(rows, path)
    assert path.read_text() == before
    assert sorted(p.name for p in tmp_path.iterdir()) == ["credits.toml", "tone60.wav", "tone62.wav"]


def test_letters_that_no_file_can_hold_are_asked_for_again(tmp_path: Path) -> None:
    tone_folder(tmp_path, (60, 62), 0.4)
    (tmp_path / "credits.toml").unlink()
    answers: list[str | Exception] = [
        "", "Andr\udce9", UnicodeDecodeError("utf-8", b"\xe9", 0, 1, "invalid"), "Andr\u00e9", "here", "CC0-1.0",
        "given",
    ]  # fmt: skip
    told: list[str] = []

    def ask(_: str) -> str:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    ask_credits(tmp_path, "en", ask, told.append)
    assert sum("no UTF-8" in line for line in told) == 2
    assert read_credits(tmp_path)[0]["author"] == "Andr\u00e9"


# --- the credits file


ONE = CREDITED.format(file='"tone60.wav"')


@pytest.mark.parametrize("text", [
    "sounds = " + "9" * 5000, "sounds = " + "[" * 3000 + "]" * 3000, "sounds = 7", "sounds = [1]", "[sounds]", "\0",
    "a" * 9, CREDITED.format(file=r'"a\u0000.wav"'), ONE + 'held_out = "no"', ONE + "sha256 = 7",
    ONE + "note = " + "9" * 400, ONE + "note = [[1]]",
])  # fmt: skip
def test_credits_that_are_none_are_refused_in_sentences(text: str, tmp_path: Path) -> None:
    tone_folder(tmp_path, (60, 62), 0.4)
    (tmp_path / "credits.toml").write_text(text)
    with pytest.raises(RosinError) as refused:
        read_corpus(tmp_path, RATE, 128)
    assert all(len(line) < 400 for line in str(refused.value).splitlines())
    assert "; " in str(refused.value)


def test_credits_from_a_windows_editor_are_read(tmp_path: Path) -> None:
    tone_folder(tmp_path, (60, 62), 0.4)
    path = tmp_path / "credits.toml"
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n"))
    assert len(read_corpus(tmp_path, RATE, 128).clips) == 2


@given(st.binary(max_size=200), st.integers(0, 10**6))
@settings(max_examples=80, deadline=None)
def test_credits_of_any_bytes_are_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, odd: bytes, at: int
) -> None:
    folder = tmp_path_factory.mktemp("odd")
    (folder / "tone60.wav").write_bytes(b"no sound")
    whole = CREDITED.format(file='"tone60.wav"').encode()
    at %= len(whole)
    (folder / "credits.toml").write_bytes(whole[:at] + odd + whole[at:])
    with contextlib.suppress(RosinError):
        read_credits(folder)


# --- the folder


def test_pipes_links_in_circles_and_links_to_nowhere_hold_nothing_up(tmp_path: Path) -> None:
    folder = tone_folder(tmp_path / "in", (60, 62), 0.4)
    elsewhere = tone_folder(tmp_path / "elsewhere", (64,), 0.4)
    os.mkfifo(folder / "pipe.wav")
    (folder / "gone.wav").symlink_to(tmp_path / "nowhere.wav")
    (folder / "self.wav").symlink_to(folder / "self.wav")
    (folder / "round").symlink_to(folder)
    (folder / "linked").symlink_to(elsewhere)
    (folder / "again").symlink_to(elsewhere)
    (folder / ".hidden").mkdir()
    (folder / ".hidden" / "x.wav").write_bytes(b"no")
    (folder / "._tone60.wav").write_bytes(b"a Mac's")
    (folder / "odd.wav").mkdir()
    there = sounds_of(folder)
    assert there.files == ("linked/tone64.wav", "tone60.wav", "tone62.wav"), "each folder once, and linked ones too"
    assert [line.split(" ")[0] for line in there.passed] == ["gone.wav", "pipe.wav", "self.wav"]
    write_credits(folder, *there.files)
    corpus = read_corpus(folder, RATE, 128)
    assert len(corpus.clips) == 3
    assert corpus.warnings == there.passed
    write_credits(folder, *there.files, "pipe.wav")
    assert any(line == "pipe.wav is no file; take its credit away" for line in read_corpus(folder, RATE, 128).warnings)
    with pytest.raises(RosinError, match="is no folder"):
        read_corpus(folder / "pipe.wav", RATE, 128)


def test_a_damaged_soundfont_in_a_folder_stops_neither_asking_nor_reading(tmp_path: Path) -> None:
    tone_folder(tmp_path, (60, 62), 0.4)
    (tmp_path / "credits.toml").unlink()
    (tmp_path / "odd.sf2").write_bytes(b"RIFF\x10\0\0\0sfbk")
    answers, told = iter(("", "A", "here", "CC0-1.0", "given")), []
    ask_credits(tmp_path, "en", lambda _: next(answers), told.append)
    assert any(line.startswith("odd.sf2 ") for line in told)
    corpus = read_corpus(tmp_path, RATE, 128)
    assert len(corpus.clips) == 2
    assert len(corpus.warnings) == 1


def test_a_file_of_any_bytes_is_a_sound_or_a_sentence(tmp_path: Path) -> None:
    dice, heard, refused = random.Random(3), 0, 0
    for kind in ("WAV", "FLAC", "OGG", "AIFF", "CAF", "W64", "AU"):
        path = tmp_path / f"in.{kind.lower()}"
        soundfile.write(path, tone(60, 0.15), RATE, format=kind)
        whole = path.read_bytes()
        for _ in range(60):
            data = bytearray(whole[: dice.randrange(4, len(whole))] if dice.random() < 0.3 else whole)
            for _ in range(dice.randrange(1, 8)):
                data[dice.randrange(min(len(data), 120))] = dice.randrange(256)
            path.write_bytes(bytes(data))
            try:
                sound = read_sound(path, RATE)
            except RosinError:
                refused += 1
            else:
                heard += 1
                assert np.isfinite(sound).all()
    assert heard > 30
    assert refused > 30
