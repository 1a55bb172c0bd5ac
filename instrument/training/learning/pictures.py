"""Pictures: what a network makes of sounds it never learned from, to be seen; and how its loss fell. By listening.

Spectrograms of an original above its resynthesis, one scale for both. matplotlib is imported when the first one is
drawn; without it there are none, and training goes on.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from instrument.base.colours import EMBER, FAINT, GROUND, HAND, IVORY, STRAIN, TEXT
from instrument.training.learning.objective import ADVERSARY

Doubles = npt.NDArray[np.float64]
Pair = tuple[str, Doubles, Doubles]
"""Name, original, resynthesis."""

HEAT = (GROUND, "#20203C", "#4A3A5E", "#8E4A48", EMBER, STRAIN, "#FFC46B", IVORY)
"""Evenly brighter from nothing to loud, in the colours of the stage."""
STYLE: dict[Any, Any] = {
    "figure.facecolor": GROUND, "axes.facecolor": GROUND, "savefig.facecolor": GROUND, "text.color": IVORY,
    "axes.edgecolor": FAINT, "axes.labelcolor": TEXT, "xtick.color": FAINT, "ytick.color": FAINT,
    "xtick.labelcolor": TEXT, "ytick.labelcolor": TEXT, "axes.titlecolor": IVORY, "axes.titlelocation": "left",
    "axes.titlesize": 11, "axes.labelsize": 10, "xtick.labelsize": 9, "ytick.labelsize": 9, "legend.fontsize": 10,
    "axes.spines.top": False, "axes.spines.right": False, "grid.color": FAINT, "lines.linewidth": 1.6,
    "legend.frameon": False, "legend.labelcolor": TEXT, "font.size": 10, "figure.constrained_layout.use": True,
}  # fmt: skip
HIGH_HZ, BEND_HZ = 16000.0, 1500.0
"""The scale of frequency is even below the second and even in octaves above it."""
RANGE_DB = 75.0
ROWS = 420
SHADES = 198
WINDOW, HOP = 2048, 240
CUT = -5
"""The last columns are half of what is not there."""
SMOOTH = 25
"""Rows of the history, at most, that a curve is the mean of."""


def can_draw() -> bool:
    return find_spec("matplotlib") is not None


def _palette() -> Any:
    """The colours a picture is written in: those of sound, and the stage's fading into the ground. A third the size."""
    from matplotlib.colors import LinearSegmentedColormap, to_rgb
    from PIL import Image

    ground = np.array(to_rgb(GROUND))
    heat = LinearSegmentedColormap.from_list("stage", HEAT)(np.linspace(0.0, 1.0, SHADES))[:, :3]
    fading = [
        ground + (np.array(to_rgb(colour)) - ground) * share
        for colour in (IVORY, HAND, STRAIN, TEXT)
        for share in np.linspace(0.0, 1.0, 14)
    ]
    table = np.round(255.0 * np.array([*heat, *fading, to_rgb(FAINT), to_rgb(GROUND)])).astype(np.uint8)
    out = Image.new("P", (1, 1))
    out.putpalette(table.tobytes())
    return out


@contextmanager
def sheet(path: Path, width: float, height: float, **more: Any) -> Iterator[tuple[Any, Any]]:
    """A figure to draw on; written when it is done. Inches of 100 pixels."""
    import matplotlib
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from PIL import Image

    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(width, height), dpi=100)
        canvas: Any = FigureCanvasAgg(figure)
        yield figure, figure.subplots(squeeze=False, **more)
        canvas.draw()
        picture = Image.fromarray(np.asarray(canvas.buffer_rgba())[..., :3].copy())
        fresh = path.with_suffix(".part")
        picture.quantize(palette=_palette(), dither=Image.Dither.NONE).save(fresh, "PNG", optimize=True)
        fresh.replace(path)


def spectrogram(sound: Doubles, rate_hz: int) -> Doubles:
    """Levels in dB (a sine of amplitude 1 gives 0) on the scale of frequency, low first. Shape: [ROWS, frames]."""
    padded = np.pad(sound, (WINDOW // 2, WINDOW // 2), "reflect" if len(sound) > WINDOW else "constant")
    rows = np.lib.stride_tricks.sliding_window_view(padded, WINDOW)[::HOP]
    magnitude = np.abs(np.fft.rfft(rows * np.hanning(WINDOW), axis=1)) * (4.0 / WINDOW)
    hz = BEND_HZ * np.expm1(np.linspace(0.0, np.log1p(HIGH_HZ / BEND_HZ), ROWS))
    bins = hz * WINDOW / rate_hz
    at = np.arange(magnitude.shape[1])
    # where several bins fall on one row the strongest is shown: a partial must not fade away for being high
    reach = max(1, int(np.ceil(np.diff(bins).max() / 2)))
    wide = np.max([np.roll(magnitude, k, 1) for k in range(-reach, reach + 1)], axis=0)
    dense = np.diff(bins, append=bins[-1]) > 1.0
    out = np.stack([np.interp(bins, at, row) for row in magnitude], 1)
    out[dense] = np.stack([np.interp(bins, at, row) for row in wide], 1)[dense]
    return 20.0 * np.log10(out + 1e-6)


def row_of(hz: float) -> float:
    return float((ROWS - 1) * np.log1p(hz / BEND_HZ) / np.log1p(HIGH_HZ / BEND_HZ))


def draw_spectrograms(path: Path, pairs: Sequence[Pair], rate_hz: int, words: str) -> None:
    """Originals above, what the network makes of them below; each pair on one scale."""
    from matplotlib.colors import LinearSegmentedColormap

    heat = LinearSegmentedColormap.from_list("stage", HEAT)
    ticks = [0, 250, 500, 1000, 2000, 4000, 8000, 16000]
    names = [f"{hz / 1000:g}k" if hz >= 1000 else f"{hz}" for hz in ticks]
    with sheet(path, 4.2 * len(pairs) + 0.9, 6.4, nrows=2, ncols=len(pairs), sharey=True) as (figure, axes):
        shown = None
        for column, (name, original, own) in enumerate(pairs):
            two = [spectrogram(sound, rate_hz)[:, :CUT] for sound in (original, own)]
            top = float(two[0].max())
            for ax, levels in zip(axes[:, column], two, strict=True):
                shown = ax.imshow(
                    levels - top,
                    origin="lower",
                    aspect="auto",
                    cmap=heat,
                    vmin=-RANGE_DB,
                    vmax=0.0,
                    interpolation="bilinear",
                    extent=(0.0, len(original) / rate_hz, 0.0, ROWS - 1),
                )
                ax.set_yticks([row_of(hz) for hz in ticks], names)
                ax.tick_params(length=0)
                for spine in ax.spines.values():
                    spine.set_visible(False)
            axes[0, column].set_title(name if len(name) < 40 else "..." + name[-37:])
            axes[0, column].set_xticklabels([])
            axes[1, column].set_xlabel("seconds")
        axes[0, 0].set_ylabel("original, Hz", color=IVORY)
        axes[1, 0].set_ylabel("resynthesis, Hz", color=HAND)
        if shown is not None:
            bar = figure.colorbar(shown, ax=axes, shrink=0.5, aspect=24, pad=0.015)
            bar.set_label("dB below the original's loudest", color=TEXT)
            bar.outline.set_visible(False)
        figure.suptitle(words, x=0.012, ha="left", fontsize=12, color=TEXT)


def smooth(values: Doubles, count: int) -> Doubles:
    """Running mean over ``count`` values round each, over fewer at the ends."""
    sums = np.cumsum(np.concatenate([[0.0], values]))
    at = np.arange(len(values))
    first, last = np.maximum(at - count // 2, 0), np.minimum(at + count // 2 + 1, len(values))
    out: Doubles = (sums[last] - sums[first]) / (last - first)
    return out


def draw_loss(path: Path, history: Sequence[Sequence[float]], figures: Sequence[Mapping[str, float]]) -> None:
    """Loss over steps, and below it what was measured on held-out clips along the way, if it was twice."""
    from matplotlib.ticker import LogFormatter

    panels = 2 if len(figures) > 1 else 1
    steps = np.array([row[0] for row in history])
    width = max(1, min(SMOOTH, len(steps) // 8))
    second = [row[0] for row in history if len(row) > 8 and row[8] == ADVERSARY]
    with sheet(path, 9.0, 3.4 + 2.2 * (panels - 1), nrows=panels, sharex=True) as (_, axes):
        ax = axes[0, 0]
        for column, colour, name in ((1, STRAIN, "loss"), (2, HAND, "spectrum alone")):
            values = np.array([row[column] for row in history], np.float64)
            ax.plot(steps, values, color=colour, alpha=0.3, linewidth=0.8)
            ax.plot(steps, smooth(values, width), color=colour, label=name)
        ax.set_yscale("log")
        for axis_formatter in (ax.yaxis.set_major_formatter, ax.yaxis.set_minor_formatter):
            axis_formatter(LogFormatter(labelOnlyBase=False, minor_thresholds=(2, 0.6)))
        ax.grid(True, which="both", axis="y", linewidth=0.6)
        ax.set_title(f"loss; thick: the mean of {10 * width} steps")
        ax.legend(loc="upper right")
        if panels == 2:
            name = next(key for key in figures[0] if key.endswith("_db"))
            low = axes[1, 0]
            low.plot([row["step"] for row in figures], [row[name] for row in figures], "o-", color=IVORY, markersize=4)
            low.set_title(f"held-out sounds: {name.removesuffix('_db').replace('_', ' ')}, dB")
            low.grid(True, axis="y", linewidth=0.6)
        for each in axes[:, 0] if second else ():
            each.axvspan(second[0], steps[-1], color=FAINT, alpha=0.6, linewidth=0)
        if second:
            ax.text(second[0], 0.02, " judges join", color=TEXT, transform=ax.get_xaxis_transform(), fontsize=9)
        axes[-1, 0].set_xlabel("steps")
