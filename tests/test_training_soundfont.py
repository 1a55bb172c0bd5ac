"""SoundFonts: samples come out as they went in, loops are held, pairs become one, and no broken file is believed."""

from __future__ import annotations

import contextlib
import io
import os
import random
import struct
from pathlib import Path

import numpy as np
import pytest
import soundfile
from training_sounds import RATE, tone

pytest.importorskip("scipy")

from instrument.base.errors import RosinError
from instrument.training.data import soundfont
from instrument.training.data.corpus import read_corpus


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


def zones_of(data: bytes, zones: list[list[tuple[int, int]]], presets: bytes = b"") -> bytes:
    """The same file with other zones of its one instrument: lists of (generator, amount), amounts signed."""
    bags, values = b"", b""
    for zone in zones:
        bags += struct.pack("<HH", len(values) // 4, 0)
        values += b"".join(struct.pack("<HH", name, amount & 0xFFFF) for name, amount in zone)
    bags += struct.pack("<HH", len(values) // 4, 0)
    inst = struct.pack("<20sH", b"All", 0) + struct.pack("<20sH", b"EOI", len(zones))
    shdr = data[data.index(b"shdr") :]
    at = data.index(b"LIST", data.index(b"sdta"))
    pdta = chunk(
        b"LIST", b"pdta" + presets + chunk(b"inst", inst) + chunk(b"ibag", bags) + chunk(b"igen", values) + shdr
    )
    return chunk(b"RIFF", data[8:at] + pdta)


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


LOOP, SAMPLE = (54, 1), (53, 0)
PERIOD = 200


def looped_ramp(tmp_path: Path, zones: list[list[tuple[int, int]]], loop: tuple[int, int] = (400, 1000)) -> np.ndarray:
    """A sample of 2000 samples that count themselves, with a loop in its header, played by these zones."""
    counting = (np.arange(2000) * 10).astype("<i2").tobytes()
    around = np.full(500, 77, "<i2").tobytes()  # another one lies before and behind it
    data = font_bytes([(b"Before", around, 4000, None, 1, 0), (b"Ramp", counting, 4000, loop, 1, 0),
                       (b"Behind", around, 4000, None, 1, 0)])  # fmt: skip
    path = tmp_path / "moved.sf2"
    path.write_bytes(zones_of(data, zones))
    font = soundfont.open_soundfont(path)
    return np.round(soundfont.sound(font, font.samples[1]) * 32768 / 10).astype(int)


def test_a_loop_is_where_the_instrument_moves_it(tmp_path: Path) -> None:
    own = [LOOP, (2, 100), (3, -50), (53, 1)]
    heard = looped_ramp(tmp_path, [own])
    want = np.concatenate([np.arange(950), np.tile(np.arange(500, 950), 20)])
    fade = int(soundfont.FADE_S * 4000)
    assert len(heard) >= 8000
    assert np.array_equal(heard[:-fade], want[: len(heard) - fade])
    # by 32768 at a time: back by that, and forth again by the fine one
    assert np.array_equal(looped_ramp(tmp_path, [[LOOP, (45, -1), (2, 32767), (50, 1), (3, -32768), (53, 1)]])[:1000],
                          np.concatenate([np.arange(1000)]))  # fmt: skip
    coarse = looped_ramp(tmp_path, [[LOOP, (45, -1), (2, 32767), (50, 1), (3, -32768), (53, 1)]])
    assert np.array_equal(coarse[1000:1600], np.arange(399, 999)), "-32768 + 32767: the loop begins one earlier"


def test_start_and_end_are_where_the_instrument_moves_them_and_never_in_another_sample(tmp_path: Path) -> None:
    cut = looped_ramp(tmp_path, [[(0, 300), (1, -500), (53, 1)]])
    assert np.array_equal(cut, np.arange(300, 1500))
    assert np.array_equal(looped_ramp(tmp_path, [[(0, -300), (1, 400), (4, -2), (12, 3), (53, 1)]]), np.arange(2000))
    both = looped_ramp(tmp_path, [[LOOP, (0, 300), (1, -500), (53, 1)]])
    assert np.array_equal(both[:1300], np.concatenate([np.arange(300, 1000), np.arange(400, 1000)]))
    gone = looped_ramp(tmp_path, [[(0, 1500), (1, -1500), (53, 1)]])
    assert len(gone) == 0
    edge = looped_ramp(tmp_path, [[LOOP, (2, -10000), (3, 10000), (53, 1)]])
    assert np.array_equal(edge[:4000], np.tile(np.arange(2000), 2)), "a loop ends where its sample does"
    none = looped_ramp(tmp_path, [[LOOP, (2, 10000), (53, 1)]])
    assert np.array_equal(none, np.arange(2000)), "and what is no loop is none"


def test_the_first_zone_speaks_for_its_instrument_and_a_zone_for_itself(tmp_path: Path) -> None:
    usual, plain = [LOOP, (2, 100)], [(53, 1)]
    want = np.concatenate([np.arange(1000), np.arange(500, 1000)])
    assert np.array_equal(looped_ramp(tmp_path, [usual, plain])[:1500], want)
    assert np.array_equal(looped_ramp(tmp_path, [usual, [(2, 0), (53, 1)]])[1000:1600], np.arange(400, 1000))
    assert np.array_equal(looped_ramp(tmp_path, [usual, [(54, 0), (53, 1)]]), np.arange(2000))
    late = looped_ramp(tmp_path, [[(53, 0)], usual, plain])
    assert np.array_equal(late, np.arange(2000)), "a zone without a sample that is not the first means nothing"
    behind = looped_ramp(tmp_path, [[LOOP, (53, 1), (2, 100)]])
    assert np.array_equal(behind[1000:1600], np.arange(400, 1000)), "nor does what comes after the sample"
    two = looped_ramp(tmp_path, [[(0, 700), (53, 1)], [LOOP, (53, 1)]])
    assert np.array_equal(two[:1600], np.concatenate([np.arange(1000), np.arange(400, 1000)])), "who loops it, counts"


def test_what_a_preset_says_moves_nothing(tmp_path: Path) -> None:
    data = font_bytes([(b"Ramp", (np.arange(2000) * 10).astype("<i2").tobytes(), 4000, None, 1, 0)])
    pgen = chunk(b"pgen", struct.pack("<HHHH", 0, 700, 41, 0))
    path = tmp_path / "preset.sf2"
    path.write_bytes(zones_of(data, [[SAMPLE]], pgen))
    font = soundfont.open_soundfont(path)
    assert len(soundfont.sound(font, font.samples[0])) == 2000


def test_a_sample_moved_otherwise_is_another_sound(tmp_path: Path) -> None:
    """Or what was heard of it before, its pitch, would be taken for what it is now."""
    data = font_bytes([(b"A", words_of(tone(60, 0.5)), RATE, None, 1, 0)])
    digests = []
    for zone in ([SAMPLE], [(0, 100), SAMPLE], [(1, -100), SAMPLE]):
        (tmp_path / "a.sf2").write_bytes(zones_of(data, [zone]))
        digests += [digest for _, digest, *_ in soundfont.clips(soundfont.open_soundfont(tmp_path / "a.sf2"))]
    assert len(set(digests)) == 3


def test_channels_of_a_pair_that_cancel_each_other_are_no_silence(tmp_path: Path) -> None:
    sound = tone(60, 0.3)
    path = tmp_path / "pair.sf2"
    path.write_bytes(font_bytes([(b"P(L)", words_of(sound), RATE, None, soundfont.LEFT, 1),
                                 (b"P(R)", words_of(-sound), RATE, None, soundfont.RIGHT, 0)]))  # fmt: skip
    ((_, _, audio, _),) = soundfont.clips(soundfont.open_soundfont(path))
    assert np.abs(audio - sound).max() < 1e-3


def test_names_that_are_none_are_numbered_and_stay_in_one_line(tmp_path: Path) -> None:
    path = tmp_path / "names.sf2"
    data = words_of(tone(60, 0.2))
    path.write_bytes(font_bytes([(b"", data, RATE, None, 1, 0), (b"two\nlines\x1b[2J", data, RATE, None, 1, 0)]))
    assert [name for name, *_ in soundfont.clips(soundfont.open_soundfont(path))] == ["sample 1", "two lines [2J"]


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


MUTATIONS = 10_000


def test_a_damaged_soundfont_never_ends_in_anything_but_a_sentence(tmp_path: Path) -> None:
    whole = font_bytes([(b"One", words_of(tone(60, 0.2)), RATE, (100, 900), 1, 0),
                        (b"Two(L)", words_of(tone(60, 0.2)), RATE, None, 4, 2),
                        (b"Two(R)", words_of(tone(60, 0.2)), RATE, None, 2, 1)])  # fmt: skip
    path = tmp_path / "odd.sf2"
    dice = random.Random(5)
    read = refused = 0
    for _ in range(MUTATIONS):
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
    assert read > 3000
    assert refused > 300


def test_a_damaged_sf3_file_never_ends_in_anything_but_a_sentence(tmp_path: Path) -> None:
    file = io.BytesIO()
    soundfile.write(file, tone(60, 0.2), RATE, format="OGG", subtype="VORBIS")
    whole = font_bytes([(b"One", file.getvalue(), RATE, (100, 900), 1 | soundfont.VORBIS, 0)], vorbis=True)
    path, dice, read = tmp_path / "odd.sf3", random.Random(6), 0
    for _ in range(400):
        data = bytearray(whole)
        for _ in range(dice.randrange(1, 6)):
            data[dice.randrange(len(data) - 250 if dice.random() < 0.8 else 0, len(data))] = dice.randrange(256)
        path.write_bytes(bytes(data))
        with contextlib.suppress(RosinError):
            read += sum(len(audio) > 0 for _, _, audio, _ in soundfont.clips(soundfont.open_soundfont(path)))
    assert read > 20


def test_zeros_without_end_are_not_walked_through(tmp_path: Path) -> None:
    path = tmp_path / "zeros.sf2"
    path.write_bytes(b"RIFF\xff\xff\xff\xffsfbk")
    os.truncate(path, 1 << 36)
    with pytest.raises(RosinError, match="holds no samples"):
        soundfont.open_soundfont(path)
