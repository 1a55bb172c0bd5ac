"""Sounds made up for the training room's tests: tones with overtones, and the credits that go with them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import soundfile

RATE = 48000
CREDIT = """[[sounds]]
file = "{file}"
title = "a tone"
author = "the tests"
source = "computed"
licence = "CC0-1.0"
consent = "nobody was recorded"
"""


def tone(note: float, seconds: float = 1.0, rate: int = RATE, level: float = 0.1) -> np.ndarray:
    """Eight overtones that swell and fade."""
    t = np.arange(int(seconds * rate)) / rate
    hz = 440.0 * 2.0 ** ((note - 69.0) / 12.0)
    sound = sum(np.sin(2 * np.pi * hz * k * t) / k for k in range(1, 9))
    return (level * sound * np.minimum(1.0, np.minimum(t, seconds - t) / 0.05)).astype(np.float32)


def write_credits(folder: Path, *files: str) -> None:
    (folder / "credits.toml").write_text("\n".join(CREDIT.format(file=f) for f in files), encoding="utf-8")


def tone_folder(folder: Path, notes: tuple[float, ...] = (50, 55, 60, 64, 67), seconds: float = 0.8) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    files = []
    for note in notes:
        files.append(f"tone{note:g}.wav")
        soundfile.write(folder / files[-1], tone(note, seconds), RATE)
    write_credits(folder, *files)
    return folder
