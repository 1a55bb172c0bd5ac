"""Ten thousand mutations of each file that makes a model or lies beside one: read, or told in one sentence, in time.

    python scripts/fuzz_models.py [COUNT] [SEED] [--only accident,onnx,...]

Exit 1 with the mutation kept beside as fuzz-NAME.bin where a reader raised anything else, or took more than a second.
"""

# ruff: noqa: E402  (run from a checkout: the tests' own doubles and mutations are used)

from __future__ import annotations

import argparse
import collections
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from mutations import mutated

from instrument.errors import RosinError

SLOW_S = 1.0
Reader = Callable[[bytes], Any]


def readers(folder: Path) -> dict[str, tuple[bytes, Reader]]:
    """A good file and its reader, by name: every npz, the card, the credits, the graph and the bundle."""
    from doubles import tiny_model
    from test_npz import reads

    from instrument.model.bundle import pack, unpack
    from instrument.model.card import read_card
    from instrument.model.credits import read_credits
    from instrument.model.opening import open_session

    whole = folder / "whole" / "tiny"
    tiny_model(whole, frames=1, encoder=True, bends=True)
    bundle = folder / "tiny.rosin.zip"
    pack(whole, bundle)
    place = folder / "place"
    place.mkdir()
    count = iter(range(10**9))

    def at(name: str, read: Callable[[Path], Any]) -> Reader:
        def reading(data: bytes) -> Any:
            (place / name).write_bytes(data)
            return read(place / name)

        return reading

    npz = folder / "npz"
    npz.mkdir()
    return {
        **reads(npz),
        "card": ((whole / "card.toml").read_bytes(), at("card.toml", lambda path: read_card(path.parent))),
        "credits": ((whole / "credits.toml").read_bytes(), at("credits.toml", lambda path: read_credits(path.parent))),
        "onnx": ((whole / "decode.onnx").read_bytes(), at("decode.onnx", lambda path: open_session(path, {}, "cpu"))),
        "bundle": (bundle.read_bytes(), at("x.rosin.zip", lambda path: unpack(path, folder / f"out{next(count)}"))),
    }  # fmt: skip


def tried(name: str, good: bytes, read: Reader, count: int, seed: int) -> bool:
    """True when every mutation was read, or told in one sentence, within a second."""
    counts: collections.Counter[str] = collections.Counter()
    begin, longest = time.perf_counter(), 0.0
    for data in mutated(good, count, seed):
        start = time.perf_counter()
        try:
            read(data)
            counts["read"] += 1
        except RosinError as error:
            counts["told"] += 1
            wrong = "" if str(error).strip() else "an empty sentence"
        except Exception as error:
            wrong = f"{type(error).__name__}: {error}"
        else:
            wrong = ""
        took = time.perf_counter() - start
        longest = max(longest, took)
        if wrong or took > SLOW_S:
            Path(f"fuzz-{name}.bin").write_bytes(data)
            print(f"{name}: {wrong or f'took {took:.1f} s'}; kept as fuzz-{name}.bin")
            return False
    spent = time.perf_counter() - begin
    print(f"{name}: {counts['read']} read, {counts['told']} told, {spent:.1f} s, longest {1000 * longest:.1f} ms")
    return True


def main() -> int:
    """All of them; 1 where one is not as it should be."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("count", nargs="?", type=int, default=10000)
    parser.add_argument("seed", nargs="?", type=int, default=0)
    parser.add_argument("--only", default="")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="fuzz-") as place:
        chosen = [(n, *r) for n, r in readers(Path(place)).items() if not args.only or n in args.only.split(",")]
        whole = [tried(name, good, read, args.count, args.seed) for name, good, read in chosen]
        return 0 if all(whole) else 1


if __name__ == "__main__":
    sys.exit(main())
