"""Sweeps: the picture of what each named knob does. After naming.py, for docs/models.md."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from instrument.base.colours import IVORY, TEXT
from instrument.base.errors import RosinError
from instrument.training.export.descriptors import DESCRIPTORS, IDS
from instrument.training.export.naming import QUIET_FRAMES, Decode, Doubles, Naming, from_silence, played
from instrument.training.learning.pictures import HEAT, sheet

SIZE = 2048
COLUMNS = 700
TOP_HZ, DEEP_DB = 12000.0, 80.0


class Sweep(NamedTuple):
    """One held sound that a knob goes through: ``base`` [2 + latents] is the z it is of."""

    decode: Decode
    base: Doubles
    frames: int
    rate_hz: int
    ratio: int


def sweep_picture(
    decode: Decode,
    z: Doubles,
    result: Naming,
    path: Path,
    *,
    rate_hz: int = 48000,
    ratio: int = 128,
    seconds: float = 3.0,
    title: str = "",
) -> None:
    """A picture, one row per named latent: the spectrogram of one held sound while the knob goes all the way up.

    Beside it the descriptor along the sweep (median of all points of ``result``). RosinError where nothing is named.
    """
    if not result.names:
        raise RosinError("no latent has a name, so there is no sweep to draw; train longer")
    latents = sorted(result.names)
    frames = round(seconds * rate_hz / ratio)
    away = (z - result.centre[:, None]) / np.maximum(result.deviation[:, None], 1e-9)
    base = z[:, int((away**2).sum(0).argmin())].astype(np.float64)
    rows_of = {"nrows": len(latents), "ncols": 2, "width_ratios": (3.2, 1.0)}
    with sheet(path, 10.0, 0.7 + 1.9 * len(latents), **rows_of) as (figure, axes):
        _draw(figure, axes, latents, result, Sweep(decode, base, frames, rate_hz, ratio))
        if title:
            figure.suptitle(title, x=0.012, ha="left", fontsize=12, color=TEXT)


def _draw(
    figure: Any,
    axes: Any,
    latents: list[int],
    result: Naming,
    sweep: Sweep,
) -> None:
    from matplotlib.colors import LinearSegmentedColormap

    decode, base, frames, rate_hz, ratio = sweep
    heat = LinearSegmentedColormap.from_list("stage", HEAT)
    for (wide, side), latent in zip(axes, latents, strict=True):
        descriptor = DESCRIPTORS[IDS.index(result.names[latent])]
        glide = from_silence(base[None], frames)
        turned = np.linspace(result.steps[0], result.steps[-1], frames)
        glide[0, 2 + latent, QUIET_FRAMES:] = result.centre[2 + latent] + result.deviation[2 + latent] * turned
        x = played(decode, glide, ratio)[0, QUIET_FRAMES * ratio :]
        rows = np.lib.stride_tricks.sliding_window_view(np.pad(x, SIZE // 2), SIZE)[:: max(1, len(x) // COLUMNS)]
        db = 20.0 * np.log10(np.abs(np.fft.rfft(rows * np.hanning(SIZE))).T * (4.0 / SIZE) + 1e-7)
        top = int(TOP_HZ * SIZE / rate_hz)
        wide.imshow(
            db[:top],
            origin="lower",
            aspect="auto",
            vmin=db.max() - DEEP_DB,
            vmax=db.max(),
            cmap=heat,
            extent=(result.steps[0], result.steps[-1], 0.0, top * rate_hz / SIZE / 1000.0),
        )
        wide.set_ylabel("kHz")
        arrow = "↑" if result.sign(latent) > 0 else "↓"
        wide.set_title(f"z{latent + 1}: {descriptor.label.en} {arrow}, rho {result.rho_of(latent):+.2f}")
        side.plot(result.steps, result.curves[2 + latent, IDS.index(descriptor.id)], "o-", color=IVORY, markersize=3)
        side.set_ylabel(descriptor.unit, fontsize=8)
        side.grid(True, linewidth=0.6)
        side.tick_params(labelsize=8)
        wide.tick_params(labelsize=8)
    for axis in axes[-1]:
        axis.set_xlabel("knob, standard deviations", fontsize=8)
