"""Frames as a show would publish them, made of formulas: for pictures of the stage without a sound process."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np

from instrument.ipc import FRAME, HELD, SLIPPING, Frame

RATE = 94.0
PLAYABLE = 8


def wave_at(time: float, level: float, chance: float, seed: int) -> np.ndarray:
    """512 samples of a bowed tone: six partials and some noise."""
    t = time + np.arange(512) / 48000.0
    tone = sum(np.sin(2 * math.pi * 187.5 * n * t + n * n) / n for n in range(1, 7))
    noise = np.random.Generator(np.random.Philox(seed)).standard_normal(512)
    return (level * (0.55 * tone + chance * noise)).astype(np.float32)


def make(situation: str, seconds: float = 8.5, playable: int = PLAYABLE) -> list[Frame]:
    """``rest``: hands and knobs agree, soft and clean. ``hard``: knobs 1, 4, 6 slip, 2, 5, 8 are held, chance is on."""
    hard = situation == "hard"
    frames = []
    k = np.arange(playable)
    phase = 2.6 * k + 0.4
    for n in range(round(seconds * RATE)):
        t = 100.0 + n / RATE
        frame = Frame()
        frame.seq, frame.time, frame.sample = n + 1, t, n * 512
        frame.playable, frame.knob_count, frame.patch = playable, playable + 50, 0
        rest = 0.45 + 0.30 * np.sin(phase)
        if hard:
            sway = 0.15 * np.sin(0.9 * (t - 100.0) + 2.1 * k)
            pos = np.clip(rest + sway, 0.03, 0.97)
            slips, held = np.isin(k % 8, (0, 3, 5)), np.isin(k % 8, (1, 4, 7))
            lead = np.where(slips, 0.30 * np.sign(np.cos(k)), 0.0) + np.where(
                held, 0.19 * np.sign(np.cos(2.0 * k + 1)) * (0.8 + 0.2 * np.sin(k)), 0.0
            )
            hand = np.clip(pos + lead, 0.0, 1.0)
            frame.stick[:playable] = 0.20
            frame.force[:playable] = np.clip(hand - pos, -0.20, 0.20)
            frame.stuck[:playable] = np.where(slips, SLIPPING, HELD)
            frame.grain = np.array([0.010, 0.012, 0.045], np.float32)
            level = 0.30 * (1.0 + 0.5 * math.sin(2.4 * t)) if not 3.2 < t - 100.0 < 4.0 else 0.0005
        else:
            pos = rest + 0.012 * np.sin(0.4 * (t - 100.0) + k)
            hand = pos + 0.003
            frame.stick[:playable] = 0.03
            frame.stuck[:playable] = 1
            level = 0.045 + 0.02 * math.sin(0.8 * t)
        frame.pos[:playable], frame.hand[:playable] = pos, hand
        frame.wave = wave_at(t, level, 0.2 if hard else 0.02, n)
        frame.rms = float(np.sqrt(np.mean(frame.wave**2)))
        frame.peak, frame.load, frame.latency = float(np.abs(frame.wave).max()), 0.3, 0.012
        frames.append(frame)
    return frames


def save(frames: list[Frame], path: Path) -> Path:
    """As ``--frames`` reads them: one array of dtype FRAME."""
    np.save(path, np.array([frame.data for frame in frames], FRAME))
    return path
