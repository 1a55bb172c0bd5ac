"""Make the pictures of the shipped take: docs/img/first-take.png, and the stage's two views, stage.png, rehearsal.png.

    pip install matplotlib pillow 'rosin[stage]' && python scripts/make_pictures.py [--only take|stage]

first-take.png is the sound, where the hands were, and how late the knobs followed. The views show a moment of the take
in which knobs turn heavy and hands are pulled: what the take itself asks of them is too gentle to be seen small.
Rendered anew by the engine each time it is run: a retrained model or another take gives another picture.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from instrument import CHANNELS, QUANTUM, Gesture, Kind, Label, find_patches, open_engine, read_take, shipped
from instrument.base.colours import FAINT, GROUND, HAND, IVORY, STRAIN, TEXT
from instrument.documents.take import gestures
from instrument.ipc import Frame
from instrument.rehearsal.film import FilmTeller

ROOT = Path(__file__).resolve().parent.parent
LOW_HZ, HIGH_HZ, ROWS = 55.0, 10000.0, 360
LENS_SECONDS = 2.6
MOMENT, SEEN_SECONDS = 9.6, 8.5
BEFORE = (
    (1.20, {"difficulty": 1.0, "friction.stick": 0.65, "friction.weight": 0.1}),
    *((1.00 - 0.05 * i, {"z2": -0.008, "z7": 0.01, "z4": -0.01}) for i in range(18)),
    (0.035, {"z1": -0.40, "z3": -0.40, "z5": 0.38}),
)
"""So long before MOMENT (s) knobs turn heavy and sticky (raw), and hands are pulled from where they are (travel):
some slowly, then some at a blow."""
NAMES = ("C", "C♯", "D", "E♭", "E", "F", "F♯", "G", "A♭", "A", "B♭", "B")


@dataclass(frozen=True, slots=True)
class Performance:
    """What was heard, f32 [2, N]; at the end of each block and for each playable knob: hand, knob, knob with chance."""

    sound: NDArray[np.float32]
    rate: int
    hand: NDArray[np.float32]
    knob: NDArray[np.float32]
    sounding: NDArray[np.float32]
    labels: tuple[Label, ...]
    notes: tuple[tuple[float, int], ...]

    @property
    def at(self) -> NDArray[np.float64]:
        """Seconds at the end of each block."""
        return (np.arange(len(self.hand)) + 1) * QUANTUM / self.rate


def perform(path: Path) -> Performance:
    """Play a take offline and keep what the knobs did."""
    take = read_take(path)
    engine = open_engine(take.patch, seed=take.seed)
    for gesture in gestures(take, engine.layer.table):
        engine.post(gesture, round(gesture.time * engine.rate))
    blocks = int(take.seconds * engine.rate) // QUANTUM
    control, table = engine.layer.control, engine.layer.table
    rows = np.zeros((3, blocks, table.playable_count), np.float32)
    sound = np.zeros((CHANNELS, blocks * QUANTUM), np.float32)
    for i in range(blocks):
        engine.block(sound[:, i * QUANTUM : (i + 1) * QUANTUM])
        rows[:, i] = control.hand[-1], control.pos[-1], control.x[-1]
    notes = tuple((e.t, e.number) for e in take.events if e.kind.name == "NOTE_ON")
    labels = tuple(knob.label for knob in table.playable)
    return Performance(sound, engine.rate, rows[0], rows[1], rows[2], labels, notes)


def pulled(path: Path) -> tuple[Path, list[Frame]]:
    """The take's patch, and the frames that the stage has been told at MOMENT, when hands have just been pulled."""
    take = read_take(path)
    engine = open_engine(take.patch, seed=take.seed)
    table = engine.layer.table
    for gesture in gestures(take, table):
        engine.post(gesture, round(gesture.time * engine.rate))
    teller, frames, out = FilmTeller(engine, 60, round(60 * MOMENT)), [], np.zeros((CHANNELS, QUANTUM), np.float32)
    due = list(BEFORE)
    while engine.sample < MOMENT * engine.rate:
        if due and engine.sample >= (MOMENT - due[0][0]) * engine.rate:
            for id, raw in due.pop(0)[1].items():
                knob = table.index(id)
                hand = float(engine.layer.control.hand[-1, knob]) if knob < table.playable_count else 0.0
                engine.post(Gesture(Kind.KNOB, knob=knob, value=min(1.0, max(0.0, hand + raw))), engine.sample)
        engine.block(out)
        teller.heard()
        for shot in teller.shots():
            frames += shot
    paths, index = find_patches(take.patch)
    return paths[index], [frame for frame in frames if frame.time > MOMENT - SEEN_SECONDS]


def draw_stage(patch: Path, frames: list[Frame], folder: Path) -> list[Path]:
    """Both views of the stage after the same frames, 1280 x 720."""
    from PIL import Image

    from instrument.stage.settings import StageSettings
    from instrument.stage.still import picture

    made = []
    for name, requests in (("stage", ()), ("rehearsal", ("rehearsal",))):
        pixels = picture(StageSettings(patches=(str(patch),)), frames, 1.0, requests)
        made.append(folder / f"{name}.png")
        Image.fromarray(pixels).save(made[-1], optimize=True)
    return made


def spectrogram(sound: NDArray[np.float32], rate: int, columns: int = 1400) -> NDArray[np.float32]:
    """dB [ROWS, columns] on a logarithmic scale of frequency; a long window below, a short one above 1 kHz."""
    mono = sound.mean(axis=0)
    wanted = np.geomspace(LOW_HZ, HIGH_HZ, ROWS)
    layers = []
    for size in (8192, 2048):
        padded = np.pad(mono, size // 2)
        starts = np.linspace(0, len(mono) - 1, columns).astype(int)
        window = np.hanning(size).astype(np.float32)
        power = np.abs(np.fft.rfft(padded[starts[:, None] + np.arange(size)] * window, axis=1)) / window.sum()
        bins = wanted * size / rate
        floor = np.floor(bins).astype(int)
        part = (bins - floor)[:, None]
        layers.append((1 - part) * power.T[floor] + part * power.T[floor + 1])
    mix = np.clip((np.log2(wanted / 1000.0) + 0.5), 0.0, 1.0)[:, None]
    return (20.0 * np.log10((1 - mix) * layers[0] + mix * layers[1] + 1e-7)).astype(np.float32)


def moved(p: Performance) -> list[int]:
    """The knobs that a hand moved, those that moved most first, at most four."""
    travel = np.abs(np.diff(p.hand, axis=0)).sum(axis=0)
    return [int(k) for k in np.argsort(-travel)[:4] if travel[k] > 0.01]


def lens(p: Performance, knobs: list[int]) -> tuple[int, float]:
    """The knob and the moment that show friction best: a hand that goes to and fro, and a knob far behind it."""
    width = int(LENS_SECONDS * p.rate / QUANTUM)
    best = (0.0, knobs[0], 0)
    for k in knobs:
        windows = np.lib.stride_tricks.sliding_window_view(p.hand[:, k], width)
        room = np.maximum(np.ptp(windows, axis=1), 0.03)
        path = np.abs(np.diff(windows, axis=1)).sum(axis=1)
        lag = np.convolve(np.abs(p.hand[:, k] - p.knob[:, k]), np.ones(width), "valid")
        score = lag * path / room**2
        i = int(np.argmax(score))
        best = max(best, (float(score[i]), k, i))
    return best[1], float(p.at[best[2]])


def draw(p: Performance, path: Path) -> None:
    """Spectrogram, lanes of knobs, and the lens."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt
    from matplotlib.colors import LinearSegmentedColormap

    plt.rcParams.update({"font.family": "DejaVu Sans", "font.size": 11, "text.color": TEXT, "axes.edgecolor": FAINT})
    figure = plt.figure(figsize=(12, 9), dpi=150, facecolor=GROUND)
    end = len(p.hand) * QUANTUM / p.rate
    left, width = 0.105, 0.872
    knobs = moved(p)
    pick, begin = lens(p, knobs)

    glow = LinearSegmentedColormap.from_list("glow", [GROUND, "#1A1D27", "#4C4A4C", "#A89A88", IVORY, "#FFFFFF"])
    top = figure.add_axes((left, 0.600, width, 0.358))
    top.imshow(
        spectrogram(p.sound, p.rate),
        aspect="auto",
        origin="lower",
        cmap=glow,
        vmin=-92,
        vmax=-22,
        extent=(0, end, 0, ROWS),
        interpolation="bilinear",
    )
    marks = (100, 300, 1000, 3000, 10000)
    top.set_yticks([ROWS * np.log(hz / LOW_HZ) / np.log(HIGH_HZ / LOW_HZ) for hz in marks])
    top.set_yticklabels(["100 Hz", "300 Hz", "1 kHz", "3 kHz", "10 kHz"])
    for t, number in p.notes:
        top.text(t, -7, f"{NAMES[number % 12]}{number // 12 - 1}", va="top", ha="left", fontsize=10, color=IVORY)
        top.plot([t, t], [-6, 0], color=TEXT, lw=0.8, clip_on=False)
    _plain(top, end)
    top.text(0, 1.025, "the sound", transform=top.transAxes, color=IVORY, fontsize=12)

    height, floor = 0.060, 0.315
    for row, k in enumerate(sorted(knobs, key=lambda k: (k == pick, k))):  # the magnified one lies next to the lens
        at = floor + (len(knobs) - 1 - row) * (height + 0.004)
        lane = figure.add_axes((left, at, width, height))
        _trace(lane, p, k, p.sounding, thin=1.0)
        lane.set_ylim(*_reach(p, k))
        lane.set_yticks([])
        _plain(lane, end)
        lane.text(
            -0.011, 0.5, p.labels[k].en, transform=lane.transAxes, ha="right", va="center", color=IVORY, fontsize=11
        )
        if k == pick:
            lane.axvspan(begin, begin + LENS_SECONDS, color=IVORY, alpha=0.07, lw=0)
            lens_lane = lane
    ticks = figure.add_axes((left, floor - 0.001, width, 0.001))
    ticks.set_yticks([])
    _plain(ticks, end)
    ticks.set_xticks(range(0, int(end) + 1, 2))
    ticks.set_xticklabels([f"{t} s" if t else "0" for t in range(0, int(end) + 1, 2)])
    ticks.tick_params(axis="x", colors=TEXT, length=3)

    big = figure.add_axes((left, 0.055, width, 0.198))
    inside = (p.at >= begin) & (p.at <= begin + LENS_SECONDS)
    _trace(big, p, pick, p.knob, thin=1.8)
    big.plot(p.at, p.sounding[:, pick], color=IVORY, lw=0.9, ls=(0, (1, 2)), alpha=0.75)
    values = np.concatenate([p.hand[inside, pick], p.knob[inside, pick], p.sounding[inside, pick]])
    room = 0.10 * float(np.ptp(values))
    big.set_ylim(values.min() - room, values.max() + room)
    big.set_yticks([])
    _plain(big, end)
    big.set_xlim(begin, begin + LENS_SECONDS)
    big.set_facecolor("#0D0E12")
    big.text(
        -0.011,
        0.5,
        f"{p.labels[pick].en}\n{begin:.1f} to\n{begin + LENS_SECONDS:.1f} s",
        transform=big.transAxes,
        ha="right",
        va="center",
        color=IVORY,
        fontsize=11,
        linespacing=1.35,
    )
    for x, corner in ((begin, 0.0), (begin + LENS_SECONDS, 1.0)):  # from the lane down to the lens
        start = figure.transFigure.inverted().transform(lens_lane.transData.transform((x, lens_lane.get_ylim()[0])))
        stop = figure.transFigure.inverted().transform(big.transAxes.transform((corner, 1.0)))
        figure.add_artist(plt.Line2D([start[0], stop[0]], [start[1], stop[1]], color=IVORY, alpha=0.22, lw=0.8))
    words = (
        ("hand", HAND),
        ("knob, after friction", IVORY),
        ("strain between them", STRAIN),
        ("dotted: with chance, what sounds", TEXT),
    )
    x = left
    for word, colour in words:
        written = figure.text(x, 0.019, word, color=colour, fontsize=11)
        x = figure.transFigure.inverted().transform(written.get_window_extent())[1][0] + 0.03
    figure.savefig(path, facecolor=GROUND)
    _shrink(path)


def _reach(p: Performance, k: int) -> tuple[float, float]:
    """Lowest and highest that a lane shows: where knob ``k`` went, with room; never less than a tenth of a travel."""
    low = float(min(p.hand[:, k].min(), p.sounding[:, k].min()))
    high = float(max(p.hand[:, k].max(), p.sounding[:, k].max()))
    middle, half = (low + high) / 2, max(0.05, 0.56 * (high - low))
    return middle - half, middle + half


def _trace(axes: Any, p: Performance, k: int, lower: NDArray[np.float32], thin: float) -> None:
    """One knob: the hand in blue, the knob in ivory, what lies between in orange."""
    axes.fill_between(p.at, p.hand[:, k], lower[:, k], color=STRAIN, alpha=0.62, lw=0)
    axes.plot(p.at, p.hand[:, k], color=HAND, lw=thin)
    axes.plot(p.at, lower[:, k], color=IVORY, lw=thin * 1.25, solid_joinstyle="round")


def _plain(axes: Any, end: float) -> None:
    axes.set_xlim(0, end)
    axes.set_facecolor(GROUND)
    axes.set_xticks([])
    axes.tick_params(axis="y", colors=TEXT, length=0, labelsize=10)
    for spine in axes.spines.values():
        spine.set_visible(False)


def _shrink(path: Path) -> None:
    """256 colours are plenty for five; a fifth of the bytes."""
    from PIL import Image

    Image.open(path).convert("RGB").quantize(256, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE).save(
        path, optimize=True
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--take", type=Path, default=shipped("examples") / "first-take.jsonl")
    parser.add_argument("-o", "--out", type=Path, default=ROOT / "docs" / "img" / "first-take.png")
    parser.add_argument("--only", choices=("take", "stage"), help="this picture, or the stage's two, alone")
    args = parser.parse_args()
    if args.only != "stage":
        draw(perform(args.take), args.out)
        print(args.out)
    if args.only != "take":
        print(*draw_stage(*pulled(args.take), args.out.parent), sep="\n")
