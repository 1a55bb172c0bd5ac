"""Damaged: files of every kind, damaged at random; a reader may only read them or refuse them with a RosinError.

By hand, ten thousand of each:  python tests/damaged.py 10000 [KIND ...]
"""

from __future__ import annotations

import random
import re
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from instrument.base.errors import RosinError
from instrument.commands.check import rig_mistakes
from instrument.commands.models.page import show_page
from instrument.commands.whole import look_at
from instrument.documents.feels import read_feel
from instrument.documents.patch import table_of
from instrument.documents.rig import read_rig
from instrument.documents.scene_file import read_own
from instrument.documents.take import gestures, read_take
from instrument.documents.take_manifest import read_manifest
from instrument.knobs import table_for
from instrument.model.library.card import card_from, card_table, read_card
from instrument.model.library.credit_lines import credits_line, roll
from instrument.model.library.credits import read_credits
from instrument.storage.stream import LatentStream

ROOT = Path(__file__).parent.parent
SECONDS_MOST = 3.0
"""For one file; a bomb that gets through takes hours."""
BYTES_MOST = 400 << 20
"""That all of a run may add to the process."""

NASTY = [
    b"nan", b"inf", b"-inf", b"1e400", b"-0.0", b"1e-320", b"9" * 400, b"0x" + b"f" * 5000, b"9" * 5000, b"1_0", b"-1",
    b"18446744073709551616", b"true", b"null", b"NaN", b"Infinity", b'""', b'"\\u0000"', b'"\\u001b[2J"', b'"\\ud800"',
    b'"' + b"x" * 70000 + b'"', b"[]", b"{}", b"[[]]", b"{a=1}", b'{"a": 1}', b"[" * 300, b"[" * 3000, b"{a=" * 300,
    b"a" + b".a" * 3000 + b"=1\n", b"\n[model]\n", b"\n[[sounds]]\n", b"\n[scenes.9]\n", b"\n[knobs]\n", b'"""', b"'''",
    b"\x00", b"\xff\xfe", b"\xef\xbb\xbf", b"\xed\xa0\x80", b"\r", b"\r\n", b"\t", b"#", b"=", b".", b"\xe2\x80\xa8",
    b"1979-05-27T07:32:00Z", b"07:32:00", b"1979-05-27", b"\\", b'{"t": 1e308, "knob": "pitch", "value": 0.5}\n',
]  # fmt: skip
_PIECE = re.compile(rb'"(?:[^"\\\n]|\\.)*"|[-+]?[0-9][0-9_.eE+-]*|[A-Za-z_]+')


def mutate(data: bytes, rng: random.Random, others: list[bytes] | None = None) -> bytes:
    """``data`` damaged in one to six ways; ``others``: files of which pieces may get in."""
    found = bytearray(data)
    for _ in range(rng.choice((1, 1, 1, 2, 3, 6))):
        i = rng.randrange(len(found) + 1)
        j = min(len(found), i + rng.choice((1, 1, 4, 30, 400)))
        way = rng.randrange(10)
        pieces = list(_PIECE.finditer(bytes(found))) if way in (5, 6, 7) else []
        if way == 0 and found:
            found[rng.randrange(len(found))] ^= 1 << rng.randrange(8)
        elif way == 1:
            del found[i:j]
        elif way == 2:
            found[i:i] = found[i:j] * rng.choice((1, 2, 50))
        elif way == 3:
            found[i:i] = rng.randbytes(rng.choice((1, 3, 20)))
        elif way == 4:
            found[i:i] = rng.choice(NASTY)
        elif way in (5, 6) and pieces:  # a value or a name for another
            piece = rng.choice(pieces)
            found[piece.start() : piece.end()] = rng.choice(NASTY)
        elif way == 7 and pieces:
            one, two = rng.choice(pieces), rng.choice(pieces)
            found[one.start() : one.end()] = two.group()
        elif way == 8:
            del found[i:]
        else:
            lines = bytes(found).split(b"\n")
            other = rng.choice(others or [data]).split(b"\n")
            lines[rng.randrange(len(lines))] = rng.choice(other)
            found = bytearray(b"\n".join(lines))
        if len(found) > 2 << 20:
            del found[2 << 20 :]
    return bytes(found)


def _patch(path: Path) -> None:
    found = look_at(path)
    if found.card is not None:
        table_of(found.patch, found.card.specs)


def _card(path: Path) -> None:
    card = read_card(path.parent)
    table_for(card.specs)
    assert card_from(card_table(card), "again").files == card.files
    show_page(card, None, "fr")


def _credits(path: Path) -> None:
    credits = read_credits(path.parent)
    for language in ("en", "fr"):
        assert credits_line(credits, language)
        assert roll(credits, language)


def _take(path: Path) -> None:
    take = read_take(path)
    list(gestures(take, table_for(read_card(ROOT / "models" / "first-bow").specs)))


def _stream(path: Path) -> None:
    stream = LatentStream(path)
    z = np.zeros(stream.shape, np.float32)
    for _ in range(min(len(stream), 20) + 2):
        stream.next_into(z)
        assert np.isfinite(z).all()
        assert np.isfinite(stream.gain)
    stream.close()


def _rig(path: Path) -> None:
    rig_mistakes(path)
    read_rig(path)


def _manifest(path: Path) -> None:
    found = read_manifest(path.parent)
    found.changed(path.parent)


@dataclass(frozen=True, slots=True)
class Kind:
    """``name`` of the file as its reader wants it; ``seeds``: whole ones; ``read``: all that is done with one."""

    name: str
    seeds: list[bytes]
    read: Callable[[Path], object]


def _few(data: bytes) -> bytes:
    """Credits with their first sounds alone."""
    parts = data.split(b"[[sounds]]")
    return b"[[sounds]]".join(parts[:6])


def kinds() -> dict[str, Kind]:
    """The table: a row a kind of file."""

    def files(pattern: str) -> list[bytes]:
        return [path.read_bytes() for path in sorted(ROOT.glob(pattern))]

    rig = (
        b'schema = 1\nlanguage = "fr"\n[sound]\ndevice = "USB"\nblock = 256\nceiling_db = -1.0\n[osc]\n'
        b'listen = "127.0.0.1:9000"\nallow = ["10.0.0.0/8"]\nroot = "/rosin"\n[[osc.bindings]]\naddress = "/1/fader1"\n'
        b'knob = "z1"\nlow = 0.0\nhigh = 1.0\n[midi]\napi = "auto"\nports = ["a"]\n[[midi.bindings]]\nknob = "z1"\n'
        b'kind = "cc"\nnumber = 21\nchannel = 1\n[stage]\nwidth = 1280\n[folders]\ntakes = "~/takes"\n'
    )
    scenes = b'schema = 1\npatch = "p"\n[scenes.1]\ntitle = "x"\n[scenes.1.knobs]\nz1 = 0.5\n'
    head = b'{"rosin_stream": 1, "latents": 3, "frames": 2, "patch": "p", "seed": 5, "model": "m"}\n'
    take = b'{"rosin": 1, "patch": "bow", "seed": 7, "scenes": {"1": {"z1": 0.5}}, "blend_ms": 10}\n' + b"".join(
        b'{"t": %d.5, %s}\n' % (i, row)
        for i, row in enumerate((
            b'"knob": "level", "value": 0.5', b'"push": "level", "value": -0.5', b'"note": 60, "velocity": 0.5',
            b'"bend": 0.1', b'"panic": true', b'"seed": 4', b'"scene": 1, "blend_ms": 5', b'"hear": 3, "on": 1',
            b'"accident": "00ff", "mode": 1, "shift": 0.5', b'"bridge": "level", "value": 0.2, "seconds": 4',
        ))
    )  # fmt: skip
    manifest = (
        b'schema = 1\nid = "0123456789abcdef0123456789abcdef"\nmade = "2026-12-01T09:00:00Z"\nrosin = "0.1"\n'
        b'finished = true\nseconds = 2.5\nrate = 48000\nchannels = 2\nseed = "7"\n[patch]\nname = "bow"\nsha256 = ""\n'
        b'[model]\nname = "first-bow"\nsha256 = ""\n[parent]\nid = "0123456789abcdef0123456789abcdef"\nseconds = 1.5\n'
        b'[[files]]\nname = "sound.wav"\nsha256 = "' + b"0" * 64 + b'"\nbytes = 7\n'
    )
    row = np.linspace(-1, 1, 7, dtype="<f4").tobytes()
    return {
        "patch": Kind("p.toml", files("patches/*.toml"), _patch),
        "feel": Kind("feels/f.toml", files("feels/*.toml"), read_feel),
        "rig": Kind("rig.toml", [rig], _rig),
        "scenes": Kind("scenes/s.toml", [scenes], read_own),
        "card": Kind("card.toml", files("models/*/card.toml"), _card),
        "credits": Kind("credits.toml", [_few(data) for data in files("models/*/credits.toml")], _credits),
        "take": Kind(
            "t.jsonl", [take, *(data[: data.index(b"\n", 2000)] for data in files("examples/*.jsonl"))], _take
        ),
        "manifest": Kind("take.toml", [manifest], _manifest),
        "stream": Kind("t.z", [head + row * 5, head.replace(b": 1,", b": 2,", 1) + (row + row[:4]) * 5], _stream),
    }


@dataclass
class Report:
    """What a run met: ``refused`` and ``read`` counts, the slowest in seconds, and what must not be."""

    read: int = 0
    refused: int = 0
    slowest_s: float = 0.0
    grown: int = 0
    wrong: list[str] = field(default_factory=list)


def assault(kind: Kind, count: int, seed: int, folder: Path) -> Report:
    """``count`` damaged files of one kind through its reader."""
    rng, report = random.Random(seed), Report()
    path = folder / kind.name
    path.parent.mkdir(parents=True, exist_ok=True)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for i in range(count):
        data = mutate(rng.choice(kind.seeds), rng, kind.seeds)
        path.write_bytes(data)
        begin = time.process_time()
        try:
            kind.read(path)
            report.read += 1
        except RosinError as error:
            report.refused += 1
            if not str(error).strip() or len(str(error)) > 200_000:
                report.wrong.append(f"file {i} of seed {seed}: a sentence of {len(str(error))} characters")
        except BaseException as error:
            if isinstance(error, KeyboardInterrupt):
                raise
            report.wrong.append(f"file {i} of seed {seed}: {type(error).__name__}: {error!s:.200}")
        took = time.process_time() - begin
        report.slowest_s = max(report.slowest_s, took)
        if took > SECONDS_MOST:
            report.wrong.append(f"file {i} of seed {seed}: {took:.1f} s")
    report.grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024
    if report.grown > BYTES_MOST:
        report.wrong.append(f"{report.grown >> 20} MiB of memory")
    return report


def main(arguments: list[str]) -> int:
    """All kinds, or those named; a line each."""
    count = int(arguments[0]) if arguments else 1000
    bad = 0
    for name, kind in kinds().items():
        if arguments[1:] and name not in arguments[1:]:
            continue
        with tempfile.TemporaryDirectory() as place:
            report = assault(kind, count, 1, Path(place))
        print(f"{name:8} {report.read:6} read {report.refused:6} refused, slowest {1000 * report.slowest_s:.0f} ms, "
              f"{report.grown >> 20} MiB", *report.wrong[:10], sep="\n    " if report.wrong else " ")  # fmt: skip
        bad += len(report.wrong)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
