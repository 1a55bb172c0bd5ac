"""SoundFonts: samples come out as they went in, loops are held, pairs become one, and no broken file is believed."""

from __future__ import annotations

import io
import random
import struct
from pathlib import Path

import numpy as np
import pytest
import soundfile
from training_sounds import RATE, tone

pytest.importorskip("scipy")
pytest.importorskip("soxr")

from instrument.errors import RosinError
from instrument.training import soundfont
from instrument.training.corpus import read_corpus


def chunk(name: bytes, data: bytes, pad: bool = True) -> bytes:
    return name + struct.pack("<I", len(data)) + data + (b"\0" if pad and len(data) & 1 else b"")


def font_bytes(
    samples: list[tuple[bytes, bytes, int, tuple[int, int] | None, int, int]], vorbis: bool = False
) -> bytes:
    """A SoundFont of (name, data, rate, loop, kind, link); one instrument, whose zones loop what has a loop."""
    heads, words, bags, values = b"", b"", b"", b""
    unit = 1 if vorbis else 2
    for i, (name, data, rate, loop, kind, link) in enumerate(samples):
        first = len(words) // unit
        words += data
        begin = 0 if vorbis else first
        low, high = loop or (0, 0)
        heads += struct.pack(
            "<20sIIIIIBbHH", name, first, len(words) // unit, begin + low, begin + high, rate, 60, 0, link, kind
        )
        bags += struct.pack("<HH", len(values) // 4, 0)
        values += struct.pack("<HHHH", 54, 1 if loop else 0, 53, i)
    bags += struct.pack("<HH", len(values) // 4, 0)
    heads += struct.pack("<20sIIIIIBbHH", b"EOS", 0, 0, 0, 0, 0, 0, 0, 0, 0)
    inst = struct.pack("<20sH", b"All", 0) + struct.pack("<20sH", b"EOI", len(samples))
    info = chunk(b"INAM", b"Small\0") + chunk(b"IENG", b"A. Maker\0\0") + chunk(b"ICOP", b"CC0\0")
    body = chunk(b"LIST", b"INFO" + info)
    body += chunk(b"LIST", b"sdta" + chunk(b"smpl", words, pad=not vorbis), pad=not vorbis)
    body += chunk(b"LIST", b"pdta" + chunk(b"inst", inst) + chunk(b"ibag", bags) + chunk(b"igen", values)
                  + chunk(b"shdr", heads))  # fmt: skip
    return chunk(b"RIFF", b"sfbk" + body)


def words_of(audio: np.ndarray) -> bytes:
    return np.round(audio * 32767).astype("<i2").tobytes()


def test_samples_come_out_as_they_went_in_with_what_the_file_says_of_itself(tmp_path: Path) -> None:
    a, b = np.arange(100, dtype="<i2"), -np.arange(77, dtype="<i2")
    path = tmp_path / "small.sf2"
    path.write_bytes(font_bytes([(b"One", a.tobytes(), 44100, None, 1, 0), (b"G#2", b.tobytes(), 48000, None, 1, 0)]))
    font = soundfont.open_soundfont(path)
    assert font.said == {"name": "Small", "author": "A. Maker", "copyright": "CC0"}
    assert [(s.name, s.rate_hz) for s in font.samples] == [("One", 44100), ("G#2", 48000)]
    assert soundfont.raw(font, font.samples[1]) == b.tobytes()
    assert np.array_equal(soundfont.sound(font, font.samples[0]), (a / 32768).astype(np.float32))


def test_a_sample_that_loops_is_held_two_seconds_without_a_seam_and_fades(tmp_path: Path) -> None:
    period = 200
    wave = 0.5 * np.sin(2 * np.pi * np.arange(10 * period) / period)
    path = tmp_path / "loop.sf2"
    path.write_bytes(font_bytes([(b"Loop", words_of(wave), RATE, (5 * period, 9 * period), 1, 0),
                                 (b"Shot", words_of(wave), RATE, None, 1, 0)]))  # fmt: skip
    font = soundfont.open_soundfont(path)
    loop, shot = (soundfont.sound(font, sample) for sample in font.samples)
    assert len(shot) == len(wave), "what nothing loops stays as long as it is"
    assert len(loop) >= 2 * RATE
    steady = 0.5 * np.sin(2 * np.pi * np.arange(len(loop)) / period)
    fade = int(soundfont.FADE_S * RATE)
    assert np.abs(loop[:-fade] - steady[:-fade]).max() < 1e-4
    assert abs(loop[-1]) < 1e-4


def test_a_stereo_pair_is_one_mono_sound(tmp_path: Path) -> None:
    left, right = 0.5 * np.ones(300), 0.1 * np.ones(280)
    path = tmp_path / "pair.sf2"
    path.write_bytes(font_bytes([(b"Piano C4(L)", words_of(left), RATE, None, soundfont.LEFT, 1),
                                 (b"Piano C4(R)", words_of(right), RATE, None, soundfont.RIGHT, 0),
                                 (b"Alone(L)", words_of(left), RATE, None, soundfont.LEFT, 99)]))  # fmt: skip
    got = list(soundfont.clips(soundfont.open_soundfont(path)))
    assert [name for name, *_ in got] == ["Piano C4", "Alone(L)"]
    assert len(got[0][2]) == 280
    assert np.allclose(got[0][2], 0.3, atol=1e-4)


def test_an_sf3_file_holds_vorbis_and_is_read_the_same_way(tmp_path: Path) -> None:
    streams = []
    for note in (57, 64):
        file = io.BytesIO()
        soundfile.write(file, tone(note, 0.7), RATE, format="OGG", subtype="VORBIS")
        streams.append(file.getvalue())
    streams[0] += b"\0" * (1 - len(streams[0]) % 2)  # an odd length, which SF3 does not pad
    path = tmp_path / "small.sf3"
    kind = 1 | soundfont.VORBIS
    path.write_bytes(font_bytes([(b"Low", streams[0], RATE, (9600, 19200), kind, 0),
                                 (b"High", streams[1], RATE, None, kind, 0)], vorbis=True))  # fmt: skip
    font = soundfont.open_soundfont(path)
    low, high = (soundfont.sound(font, sample) for sample in font.samples)
    assert len(low) >= 2 * RATE
    want = tone(64, 0.7)
    assert abs(len(high) - len(want)) < 2000
    both = min(len(high), len(want))
    assert np.corrcoef(high[:both], want[:both])[0, 1] > 0.99


def test_twenty_four_bits_are_read_when_they_are_there(tmp_path: Path) -> None:
    data = font_bytes([(b"Deep", np.array([256, -256], "<i2").tobytes(), RATE, None, 1, 0)])
    low = chunk(b"LIST", b"sdta" + chunk(b"sm24", bytes([128, 64])))
    path = tmp_path / "deep.sf2"
    path.write_bytes(b"RIFF" + struct.pack("<I", len(data) - 8 + len(low)) + data[8:] + low)
    font = soundfont.open_soundfont(path)
    assert np.allclose(soundfont.sound(font, font.samples[0]) * 32768, [256.5, -255.75])


def test_a_soundfont_is_a_corpus_and_its_credits_stand_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "my.sf2"
    names = (b"A3", b"C4", b"E4", b"G#4")
    path.write_bytes(font_bytes([(n, words_of(tone(57 + 4 * i, 0.5)), RATE, None, 1, 0) for i, n in enumerate(names)]))
    with pytest.raises(RosinError, match=r"no my\.sf2\.credits\.toml, so nobody is credited"):
        read_corpus(path, RATE, 128)
    row = 'title = "My font"\nauthor = "A. Maker"\nsource = "mine"\nlicence = "{}"\nconsent = "given"\n'
    one = '[[sounds]]\nfile = "my.sf2"\n' + row.format("CC0-1.0")
    two = '[[sounds]]\nfile = "my.sf2#G#4"\n' + row.format("CC-BY-4.0")
    (tmp_path / "my.sf2.credits.toml").write_text(one + two)
    corpus = read_corpus(path, RATE, 128)
    assert {c.name: c.credit["licence"] for c in corpus.clips} == {
        "my.sf2#A3": "CC0-1.0", "my.sf2#C4": "CC0-1.0", "my.sf2#E4": "CC0-1.0", "my.sf2#G#4": "CC-BY-4.0",
    }  # fmt: skip
    assert len({c.credit["sha256"] for c in corpus.clips}) == 4
    assert len(corpus.held_out) == 1
    assert corpus.warnings == ()
    middle = next(c for c in corpus.clips if c.name == "my.sf2#C4")
    assert abs(np.median(middle.note) - 61) < 0.1


@pytest.mark.parametrize("data", [b"", b"RIFF", b"RIFF\x10\0\0\0WAVEfmt ", b"no" * 100])
def test_what_is_no_soundfont_is_refused_in_a_sentence(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "odd.sf2"
    path.write_bytes(data)
    with pytest.raises(RosinError, match=r"odd\.sf2 is no SoundFont; give"):
        soundfont.open_soundfont(path)


def test_a_damaged_soundfont_never_ends_in_anything_but_a_sentence(tmp_path: Path) -> None:
    whole = font_bytes([(b"One", words_of(tone(60, 0.2)), RATE, (100, 900), 1, 0),
                        (b"Two(L)", words_of(tone(60, 0.2)), RATE, None, 4, 2),
                        (b"Two(R)", words_of(tone(60, 0.2)), RATE, None, 2, 1)])  # fmt: skip
    path = tmp_path / "odd.sf2"
    dice = random.Random(5)
    read = refused = 0
    for _ in range(300):
        data = bytearray(whole[: dice.randrange(12, len(whole))] if dice.random() < 0.3 else whole)
        for _ in range(dice.randrange(1, 12)):
            near_end = dice.random() < 0.8
            place = dice.randrange(max(0, len(data) - 400), len(data)) if near_end else dice.randrange(len(data))
            data[place] = dice.randrange(256)
        path.write_bytes(bytes(data))
        try:
            for _name, _digest, audio, _rate in soundfont.clips(soundfont.open_soundfont(path)):
                assert len(audio) <= 3_000_000
                read += 1
        except RosinError:
            refused += 1
    assert read > 100
    assert refused > 10
