"""Make docs/img/friction-*.png and chance-*.png: what the laws do, drawn from the kernels that play.

    pip install matplotlib && python scripts/make_plots.py [NAME ...]

Measured anew each time it is run; NAME draws those pictures only, as ``friction-play``.
"""

from __future__ import annotations

import io
import math
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from PIL import Image

from instrument.base.colours import FAINT, GROUND, HAND, IVORY, STRAIN, TEXT
from instrument.bench.laws.bearing import DIRECT
from instrument.bench.laws.chance import EVEN, drawn, streams
from instrument.bench.laws.friction import BOW, BOW_SPEED, DRIVEN, LUGRE, moved
from instrument.bench.laws.measure import F64, TICK_HZ
from instrument.bench.laws.sound import worn_tone
from instrument.chance.bridge import Bridge
from instrument.chance.chaos import Logistic
from instrument.chance.dice import Dice
from instrument.chance.drift import Drift
from instrument.chance.habit import Habit
from instrument.chance.lorenz import Lorenz
from instrument.chance.pink import Pink
from instrument.documents.feels import read_feel
from instrument.engine.effects.flutter_meter import deviation, weighting
from instrument.friction.law import trace

ROOT = Path(__file__).resolve().parent.parent
WIDTH_PX, DPI = 1200, 100
COLOURS = 128
STYLE = {
    "figure.facecolor": GROUND, "axes.facecolor": GROUND, "savefig.facecolor": GROUND, "text.color": IVORY,
    "axes.edgecolor": FAINT, "axes.labelcolor": TEXT, "xtick.color": FAINT, "ytick.color": FAINT,
    "xtick.labelcolor": TEXT, "ytick.labelcolor": TEXT, "axes.titlecolor": IVORY, "axes.titlelocation": "left",
    "axes.titlesize": 13, "axes.labelsize": 12, "xtick.labelsize": 11, "ytick.labelsize": 11, "legend.fontsize": 11.5,
    "axes.spines.top": False, "axes.spines.right": False, "grid.color": FAINT, "lines.linewidth": 1.6,
    "lines.solid_capstyle": "round", "legend.frameon": False, "legend.labelcolor": TEXT, "font.size": 12,
    "figure.constrained_layout.use": True, "figure.constrained_layout.w_pad": 0.12,
    "figure.constrained_layout.h_pad": 0.1,
}  # fmt: skip


def sheet(height: float, rows: int = 1, columns: int = 1, **more: Any) -> tuple[Figure, Any]:
    """A figure 1200 pixels wide and ``height`` hundred high."""
    return plt.subplots(rows, columns, figsize=(WIDTH_PX / DPI, height), dpi=DPI, **more)


def seconds(count: int) -> F64:
    return np.arange(count) / TICK_HZ


def both(axes: Axes, t: F64, hand: F64, pos: F64, width: float = 1.6) -> None:
    """Hand and knob, and the strain between them."""
    axes.fill_between(t, hand, pos, color=STRAIN, alpha=0.28, linewidth=0)
    axes.plot(t, hand, color=HAND, linewidth=width)
    axes.plot(t, pos, color=IVORY, linewidth=width)


# --- friction


def stick_slip() -> Figure:
    hand = 0.1 + BOW_SPEED * seconds(15 * 1500)
    pos = moved(hand, 0.1, **BOW)
    t = seconds(len(hand))
    figure, (above, below) = sheet(6.2, 2, 1, sharex=True, height_ratios=(2, 1))
    both(above, t, hand, pos)
    above.text(10.9, 0.219, "hand", color=HAND)
    above.text(10.9, 0.140, "knob", color=IVORY)
    above.set(ylabel="position [travel]", title="Stick and slip: a hand that moves evenly, a knob that cannot")
    below.plot(t, hand - pos, color=STRAIN)
    for name in ("stick", "slide"):
        below.axhline(BOW[name], color=TEXT, linewidth=0.9, linestyle=(0, (4, 4)))
        below.text(0.05, BOW[name] + 0.002, name, color=TEXT, fontsize=11)
    below.set(ylabel="lead [travel]", xlabel="time [s]", xlim=(0, 15), ylim=(0.01, 0.072))
    return figure


def stribeck() -> Figure:
    figure, axes = sheet(5.2)
    v = np.geomspace(2e-5, 1.0, 400)
    g = LUGRE.slide + (LUGRE.stick - LUGRE.slide) * np.exp(-((v / LUGRE.vs) ** 2))
    axes.semilogx(v, g + LUGRE.s2 * v, color=TEXT, linewidth=1.4, label="g(v) + s2 v")
    for speed in np.geomspace(3e-5, 0.8, 28):
        step = 1e-4 if speed < 0.05 else 1e-5
        count = int(max(5000, 3e-4 / speed / step))
        settled = trace(DRIVEN, step, speed * step * np.arange(1, count + 1), np.zeros(count))[-1, 3]
        axes.plot(speed, settled, "o", color=STRAIN, markersize=6.5, markeredgewidth=0)
    axes.plot([], [], "o", color=STRAIN, label="measured: force of a steady slide")
    axes.annotate("sticks: 1.5 N", (2.4e-5, 1.5), (2.4e-5, 1.42), color=IVORY)
    axes.annotate("slides: 1 N", (6e-3, 1.0), (5e-3, 0.945), color=IVORY)
    axes.annotate("thickness takes over", (0.4, 1.2), (0.06, 1.22), color=IVORY)
    axes.set(xlabel="speed [m/s]", ylabel="friction [N]", ylim=(0.9, 1.55), title="Stribeck curve: less, the faster")
    axes.legend(loc="upper right")
    return figure


def presliding() -> Figure:
    figure, pair = sheet(5.4, 1, 2, sharex=True, sharey=True)
    for axes, elastic in zip(pair, (0.0, 0.7), strict=True):
        for share, colour in ((0.95, TEXT), (0.8, IVORY), (0.6, STRAIN)):
            push = share * 1.5 * np.sin(2 * math.pi * np.arange(1, 40_001) / 20_000)
            x = trace(LUGRE._replace(elastic=elastic), 1e-3, np.zeros(len(push)), push)[:, 0] * 1e6
            axes.plot(x, push, color=colour, linewidth=1.8, label=f"to {share:g} of it")
        axes.axhline(1.5, color=TEXT, linewidth=0.9, linestyle=(0, (4, 4)))
        axes.set(xlabel="position [µm]")
    pair[0].set(ylabel="force [N]", title="elastic 0: every push leaves a trace")
    pair[1].set(title="elastic 0.7: too little a push comes back")
    pair[1].text(33, 1.53, "break-away", color=TEXT, fontsize=11)
    pair[1].legend(loc="lower right")
    pair[0].set(ylim=(-1.65, 1.7))
    return figure


def play() -> Figure:
    t = seconds(12 * 1500)
    hand = 0.5 + 0.42 * np.exp(-t / 9) * np.sin(2 * math.pi * t / 3)
    pos = moved(hand, 0.5, play=0.16, **DIRECT)
    figure, (left, right) = sheet(5.0, 1, 2, width_ratios=(1.5, 1))
    both(left, t, hand, pos)
    left.set(xlabel="time [s]", ylabel="position [travel]", title="Play: the hand turns round before the knob does")
    left.text(1.15, 0.86, "hand", color=HAND)
    left.text(1.75, 0.62, "knob", color=IVORY)
    right.plot(hand, pos, color=STRAIN)
    right.plot([0.05, 0.95], [0.05, 0.95], color=TEXT, linewidth=0.9, linestyle=(0, (4, 4)))
    right.set(xlabel="hand", ylabel="knob", title="the loops of it", aspect="equal")
    return figure


def detents() -> Figure:
    amounts = {**DIRECT, "detents": 9.0, "detent_strength": 0.03, "weight": 12.0, "zeta": 0.5}
    up = 0.04 + 0.92 * seconds(9 * 1500) / 9
    figure, (left, right) = sheet(5.2, 1, 2, width_ratios=(1.5, 1))
    for k in range(9):
        left.axhline(k / 8, color=FAINT, linewidth=0.9)
        right.axhline(k / 8, color=FAINT, linewidth=0.9)
    both(left, seconds(len(up)), up, moved(up, 0.04, **amounts))
    left.set(xlabel="time [s]", ylabel="position [travel]", xlim=(0, 9), title="Detents: nine places, a slow hand")
    there = np.concatenate([up, up[::-1]])
    for snap, colour in ((0.5, IVORY), (0.8, STRAIN)):
        pos = moved(there, 0.04, snap_point=snap, **amounts)
        right.plot(there, pos, color=colour, label=f"snap_point {snap:g}")
    right.set(xlabel="hand", ylabel="knob", xlim=(0.3, 0.7), ylim=(0.3, 0.7), title="there and back")
    right.legend(loc="upper left")
    return figure


def gesture() -> F64:
    """A slow pull, a jerk back, a rest, a trembling, a fast sweep: 8 s."""
    t = seconds(8 * 1500)
    knots = [(0, 0.2), (0.3, 0.2), (3.0, 0.62), (3.1, 0.4), (4.2, 0.4), (5.6, 0.4), (6.0, 0.85), (7.0, 0.85), (8, 0.85)]
    hand = np.interp(t, *zip(*knots, strict=True))
    return np.asarray(hand + np.where((t > 4.3) & (t < 5.6), 0.04 * np.sin(2 * math.pi * 5 * (t - 4.3)), 0.0))


def feels() -> Figure:
    hand = gesture()
    t = seconds(len(hand))
    figure, grid = sheet(7.4, 2, 3, sharex=True, sharey=True)
    for axes, name in zip(grid.flat, ("glass", "rosin", "rope", "clay", "rust", "stone"), strict=True):
        feel = read_feel(ROOT / "feels" / f"{name}.toml")
        both(axes, t, hand, moved(hand, float(hand[0]), **feel.friction), 1.5)
        axes.set_title(name, fontsize=15)
        axes.text(0.15, 0.985, textwrap.fill(feel.about.en, 36), color=TEXT, fontsize=10, va="top")
        axes.set(xlim=(0, 8), ylim=(0.1, 1.0))
    grid[1, 2].text(6.2, 0.875, "hand", color=HAND)
    grid[1, 2].text(6.2, 0.6, "knob", color=IVORY)
    for axes in grid[1]:
        axes.set_xlabel("time [s]")
    for axes in grid[:, 0]:
        axes.set_ylabel("position [travel]")
    return figure


# --- chance


def spectra() -> Figure:
    ticks, knobs = 1 << 18, 16
    hz = np.fft.rfftfreq(ticks, 1 / TICK_HZ)[1:]
    edges = np.geomspace(hz[0] * 8, 745, 70)
    bins = np.digitize(hz, edges)
    figure, axes = sheet(5.6)

    def density(x: F64) -> F64:
        x = (x - x.mean(0)) * np.hanning(len(x))[:, None]
        power = (np.abs(np.fft.rfft(x, axis=0)) ** 2).mean(1)[1:] * 2 / (TICK_HZ * 0.375 * ticks)
        return np.array([power[bins == b].mean() for b in range(1, len(edges))])

    middle = np.sqrt(edges[1:] * edges[:-1])
    for tau, colour in ((2.0, HAND), (0.05, "#2F6C90")):
        x = drawn(Drift(streams("drift", knobs), TICK_HZ, 1), ticks, knobs, 1.0, tau)
        axes.loglog(middle, density(x), color=colour, label=f"drift, tau {tau:g} s")
        keep = math.exp(-1 / (TICK_HZ * tau))
        law = 2 / TICK_HZ * (1 - keep**2) / (1 - 2 * keep * np.cos(2 * math.pi * middle / TICK_HZ) + keep**2)
        axes.loglog(middle, law, color=TEXT, linewidth=0.9, dashes=(4, 4))
    pink = density(drawn(Pink(streams("pink", knobs), TICK_HZ, 1), ticks, knobs, 1.0))
    axes.loglog(middle, pink, color=STRAIN, label="pink")
    line = (middle > 0.2) & (middle < 200)
    level = np.exp(np.mean(np.log(pink[line] * middle[line])))
    axes.loglog(middle[line], level / middle[line], color=TEXT, linewidth=0.9, dashes=(4, 4), label="the laws")
    axes.set(
        xlabel="frequency [Hz]",
        ylabel="power [travel² / Hz]",
        ylim=(3e-8, 30),
        xlim=(0.045, 750),
        title="Drift has one memory, pink has all of them",
    )
    axes.legend(loc="lower left")
    return figure


def dice() -> Figure:
    figure, rows = sheet(8.4, 4, 1, sharex=True, sharey=True)
    for axes, (dejavu, what) in zip(
        rows,
        (
            (0.0, "always a fresh one"),
            (0.25, "now and then a fresh one"),
            (0.5, "the loop, for ever"),
            (0.75, "jumps inside the loop"),
        ),
        strict=True,
    ):
        source = Dice(streams("dice", 1), TICK_HZ, 3)
        x = drawn(source, 64, 1, 0.5, TICK_HZ, EVEN, 0.5, 0.0, dejavu, 8.0)[:, 0] + 0.5
        seen, fresh = set[float](), []
        for value in x:
            fresh.append(value not in seen)
            seen.add(value)
        new = np.array(fresh)
        axes.step(np.arange(65), np.append(x, x[-1]), where="post", color=TEXT, alpha=0.45, linewidth=1.2)
        axes.plot(np.flatnonzero(~new) + 0.5, x[~new], "o", color=IVORY, markersize=5, markeredgewidth=0)
        axes.plot(np.flatnonzero(new) + 0.5, x[new], "o", color=STRAIN, markersize=7, markeredgewidth=0)
        axes.set(title=f"déjà vu {dejavu:g}: {what}", ylabel="value", xlim=(0, 64), ylim=(-0.06, 1.06))
        axes.set_xticks(range(0, 65, 8))
        axes.grid(axis="x", linewidth=0.8)
    rows[3].set_xlabel("throw; loops of 8. Orange: never seen before")
    return figure


def bridge() -> Figure:
    knobs, ticks = 70, 6000
    fan = Bridge(streams("fan", knobs), TICK_HZ, 5)
    for k in range(knobs):
        fan.start(k, 0.2, 0.8, ticks / TICK_HZ, 0)
    x = drawn(fan, ticks + 1, knobs, 0.1)
    t, s = seconds(ticks + 1), np.arange(ticks + 1) / ticks
    figure, axes = sheet(5.2)
    axes.plot(t[::24], x[::24], color=HAND, linewidth=0.6, alpha=0.2)
    wide = 0.1 * 2 * np.sqrt(s * (1 - s))
    for side in (-1, 1):
        axes.plot(t, 0.2 + 0.6 * s + side * wide, color=TEXT, linewidth=1.1, linestyle=(0, (4, 4)))
    axes.plot(t[::6], x[::6, 7], color=IVORY, linewidth=1.5)
    axes.plot([0, t[-1]], [0.2, 0.8], "o", color=STRAIN, markersize=9, markeredgewidth=0, zorder=5)
    axes.set(
        xlabel="time [s]",
        ylabel="position [travel]",
        xlim=(-0.05, 4.05),
        ylim=(0, 1),
        title="Bridge: it wanders, and it arrives (dashed: one deviation, width 0.1)",
    )
    return figure


def chaos() -> Figure:
    figure, grid = plt.subplot_mosaic(
        [["a", "z"], ["b", "z"], ["c", "z"], ["l", "l"]],
        figsize=(12, 7.6),
        dpi=DPI,
        width_ratios=(1.35, 1),
        height_ratios=(1, 1, 1, 1.5),
    )
    for key, r, what in (("a", 3.5, "four places"), ("b", 3.83, "three"), ("c", 3.9, "never the same")):
        source = Logistic(streams("chaos", 1), TICK_HZ, 4)
        drawn(source, 3050, 1, 0.0, TICK_HZ, r)
        x = drawn(source, 9000, 1, 1.0, 8.0, r)[:, 0]
        grid[key].plot(seconds(len(x)), x, color=STRAIN, linewidth=1.3)
        grid[key].set(xlim=(0, 6), ylim=(-1.15, 1.15), yticks=(-1, 0, 1))
        grid[key].set_title(f"logistic map, r {r:g}: {what}", fontsize=12)
    grid["c"].set_xlabel("time [s]")
    source = Lorenz(streams("butterfly", 3), TICK_HZ, 1)
    drawn(source, 8000, 3, 0.0, 4.0, 28.0)
    path = drawn(source, 45_000, 3, 1.0, 2.0, 28.0)
    grid["z"].plot(path[::6, 0], path[::6, 2], color=IVORY, linewidth=0.5, alpha=0.75)
    grid["z"].set(xlabel="knob 1", ylabel="knob 3", title="Lorenz, rho 28: three knobs, one system")
    t = seconds(18_000)
    for k, colour in enumerate((IVORY, HAND, STRAIN)):
        grid["l"].plot(t, path[:18_000, k], color=colour, linewidth=1.3, label=f"knob {k + 1}")
    grid["l"].set(xlim=(0, 12), ylim=(-1.2, 1.6), xlabel="time [s]", ylabel="of the amount")
    grid["l"].set_title("the same three, two turns a second", fontsize=12)
    grid["l"].legend(loc="upper right", ncols=3)
    return figure


def habit() -> Figure:
    together = np.array([[1.0, 0.85], [0.85, 1.0]])
    figure, row = sheet(4.6, 1, 3, sharex=True, sharey=True)
    for axes, (shape, what) in zip(
        row, ((1.0, "along the habits"), (0.0, "as if there were none"), (-1.0, "against them")), strict=True
    ):
        out, ones = np.empty((60_000, 2), np.float32), np.ones(2, np.float32)
        source = Habit(streams("habit", 2), TICK_HZ, together, 2)
        source.step(0, len(out), 0.1 * ones, shape, 0.5 * ones, out)
        axes.plot(out[::20, 0], out[::20, 1], ".", color=HAND, markersize=3, alpha=0.5, markeredgewidth=0)
        axes.plot(out[30_000:33_000:5, 0], out[30_000:33_000:5, 1], color=STRAIN, linewidth=1.1)
        axes.set(title=f"shape {shape:g}: {what}", xlabel="knob 1 [travel]", aspect="equal")
        axes.set(xlim=(-0.38, 0.38), ylim=(-0.38, 0.38))
    row[0].set_ylabel("knob 2 [travel]")
    return figure


def tape() -> Figure:
    off, rate = deviation(worn_tone(1.0, 240), 48_000.0)
    figure, (above, below) = sheet(6.8, 2, 1, height_ratios=(1, 1.7))
    shown = slice(0, round(8 * rate))
    above.plot(np.arange(shown.stop)[::4] / rate, 100 * off[shown][::4], color=IVORY, linewidth=0.8)
    above.set(xlim=(0, 8), xlabel="time [s]", ylabel="speed [%]", title="Worn tape at 1 %: how far the speed is off")
    hz = np.fft.rfftfreq(len(off), 1 / rate)
    power = np.abs(np.fft.rfft(off * np.hanning(len(off)))) ** 2 * 2 / (rate * 0.375 * len(off))
    edges = np.geomspace(0.2, 250, 70)
    bins, middle = np.digitize(hz, edges), np.sqrt(edges[1:] * edges[:-1])
    level = np.array(
        [np.sqrt((power * hz)[bins == b].mean()) if (bins == b).any() else np.nan for b in range(1, len(edges))]
    )
    known = np.isfinite(level)
    below.loglog(middle[known], 100 * level[known], color=STRAIN, label="speed error, per factor e of frequency [%]")
    below.loglog(
        middle,
        weighting(middle),
        color=TEXT,
        linewidth=1.1,
        dashes=(4, 4),
        label="what the meter makes of it (AES6-2008), as a factor",
    )
    below.axvspan(0.2, 6, color=HAND, alpha=0.08, linewidth=0)
    below.text(4.4, 0.023, "wow", color=HAND)
    below.text(6.4, 0.023, "flutter", color=TEXT)
    below.set(xlabel="frequency of the error [Hz]", xlim=(0.2, 250), ylim=(0.02, 4))
    below.legend(loc="upper right")
    return figure


PICTURES: dict[str, Callable[[], Figure]] = {
    "friction-stick-slip": stick_slip,
    "friction-stribeck": stribeck,
    "friction-presliding": presliding,
    "friction-play": play,
    "friction-detents": detents,
    "friction-feels": feels,
    "chance-spectra": spectra,
    "chance-dice": dice,
    "chance-bridge": bridge,
    "chance-chaos": chaos,
    "chance-habit": habit,
    "chance-tape": tape,
}


def save(figure: Figure, path: Path) -> int:
    """As a PNG of few colours; bytes written."""
    raw = io.BytesIO()
    figure.savefig(raw, dpi=DPI)
    plt.close(figure)
    picture = Image.open(raw).convert("RGB").quantize(COLOURS, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
    picture.save(path, optimize=True)
    return path.stat().st_size


def main() -> None:
    with plt.rc_context(STYLE):
        for name in sys.argv[1:] or PICTURES:
            size = save(PICTURES[name](), ROOT / "docs" / "img" / f"{name}.png")
            print(f"docs/img/{name}.png: {size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
