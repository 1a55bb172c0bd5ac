"""Damaged, part two: kinds that take a model, arrays, a shader or a SoundFont to make. Rows for ``damaged.assault``."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from damaged import ROOT, Kind
from doubles import tiny_model
from test_npz import reads
from test_training_soundfont import RATE, font_bytes, tone, words_of

from instrument.isf import parse_header
from instrument.isf.source import read_text
from instrument.model.library.bundle import pack, unpack
from instrument.model.runtime.opening import open_session
from instrument.stage.isf.glsl import rewrite
from instrument.training.data import soundfont


def _shader(path: Path) -> None:
    text = read_text(path)
    for loose in (False, True):
        rewrite(parse_header(text, path.name), text, loose=loose)


def _graph(path: Path) -> None:
    open_session(path, {}, "cpu")


def _font(path: Path) -> None:
    for _name, _digest, audio, _rate in soundfont.clips(soundfont.open_soundfont(path)):
        assert len(audio) <= 3_000_000


def _bundle(path: Path) -> None:
    out = path.parent / "out"
    try:
        unpack(path, out)
    finally:
        shutil.rmtree(out, ignore_errors=True)
    assert {entry.name for entry in path.parent.iterdir()} == {path.name}, "nothing is written beside it"


def _array(read: Callable[[bytes], Any]) -> Callable[[Path], object]:
    def reading(path: Path) -> object:
        return read(path.read_bytes())

    return reading


def kinds(folder: Path) -> dict[str, Kind]:
    """The rows; what they need is made in ``folder``."""
    whole, bundle, arrays = folder / "whole" / "tiny", folder / "tiny.rosin.zip", folder / "arrays"
    tiny_model(whole, frames=1, encoder=True, bends=True)
    pack(whole, bundle)
    arrays.mkdir()
    font = font_bytes([(b"One", words_of(tone(60, 0.2)), RATE, (100, 900), 1, 0),
                       (b"Two(L)", words_of(tone(60, 0.2)), RATE, None, 4, 2),
                       (b"Two(R)", words_of(tone(60, 0.2)), RATE, None, 2, 1)])  # fmt: skip
    shaders = [p.read_bytes() for p in sorted([*(ROOT / "tests" / "isf").glob("*.fs"), *ROOT.glob("visuals/*.fs")])]
    return {
        **{name: Kind(f"{name}.npz", [good], _array(read)) for name, (good, read) in reads(arrays).items()},
        "graph": Kind("decode.onnx", [(whole / "decode.onnx").read_bytes()], _graph),
        "bundle": Kind("bundle/x.rosin.zip", [bundle.read_bytes()], _bundle),
        "shader": Kind("x.fs", shaders, _shader),
        "soundfont": Kind("x.sf2", [font], _font),
    }  # fmt: skip
