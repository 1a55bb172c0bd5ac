"""Naming: what each latent does to the sound, found by doing it. After training and descriptors.py, before the card.

Names come from intervention, not correlation (Pearl 2009, ch. 3): from frames of the training sounds one latent is
swept with all else held, the decoder plays each step from silence, and the sounds are described. What counts is
Spearman's rho between step and descriptor, averaged over the frames. A name is given only where

* the change can be heard: a sweep that changes a descriptor by less than its just noticeable difference counts as
  rho 0, and so does one that would need a descriptor which most of these sounds do not have;
* |rho| is at least SURE, or what chance alone would pass in a table of this size (Bonferroni, 1 in 1000 for all of it);
* no other latent moves the same descriptor MOST times as far;
* the descriptor fits sounds with a pitch, or not all of these have one (Descriptor.unpitched);
* it is not the shadow of what another knob is named for: two latents that do the same thing give one name.

The assignment is one to one (Kuhn 1955, "Hungarian") and maximises the sum of |rho|; of two about as sure the one that
moves more has it. What has no name is the player's to name.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from instrument.base.errors import RosinError
from instrument.knobs import Label
from instrument.training.export.descriptors import DESCRIPTORS, IDS, JND, describe

Doubles = npt.NDArray[np.float64]
Decode = Callable[[npt.NDArray[np.float32]], Any]
"""z [n, L, F] -> audio [n, F * ratio], array or tensor, each row from rest. The same noise every time is best."""

SWEEP = np.linspace(-2.0, 2.0, 9)
POINTS, MANY_POINTS = 40, 120
"""The mean of as many rhos is known to about 0.1 where points of the space differ as much as they do in practice; of
three times as many to 0.06, and takes three times as long."""
LEAST_POINTS, LEAST_STEPS = 6, 5
SURE = 0.6
ERROR_IN_ALL = 1e-3
PITCHED = 0.9
"""Where so many of the sweeps have a pitch all along, descriptors for sounds without one say nothing of their own."""
MOST = 3.0
SHADOW = 1.5
TIE = 0.05
OWN = 2
"""The first columns, pitch and loudness, belong to the first rows of z: the note and the loudness that are played."""
QUIET_FRAMES, WARM_FRAMES, HELD_FRAMES = 8, 24, 128
QUIET_DB, HEARD_DB = -80.0, -50.0
BATCH = 16


@dataclass(frozen=True, slots=True)
class Naming:
    """What was found. Rows are those of z (note, loudness, latents), columns DESCRIPTORS.

    ``rho`` mean Spearman, ``effect`` median change over the sweep in the descriptor's unit, ``heard`` share of the
    frames where the change passes the JND: each [L, D]. ``curves`` [L, D, steps]: descriptors along the sweep, medians.
    ``centre``, ``deviation`` [L]: what the sweep went round and by, ``steps`` in deviations. ``names``: latent (0 is
    the first after the loudness) to the id of its descriptor.
    """

    rho: Doubles
    effect: Doubles
    heard: Doubles
    curves: Doubles
    centre: Doubles
    deviation: Doubles
    steps: Doubles
    sure: Doubles
    names: Mapping[int, str]

    def label(self, latent: int) -> Label | None:
        """The name of a latent in both languages; None where nothing is sure."""
        return DESCRIPTORS[IDS.index(self.names[latent])].label if latent in self.names else None

    def sign(self, latent: int) -> int:
        """-1 where turning a named latent up gives less of what it is named for."""
        return -1 if latent in self.names and self._of(self.rho, latent) < 0 else 1

    def rho_of(self, latent: int) -> float:
        """rho of a named latent and what it is named for."""
        return self._of(self.rho, latent)

    def change(self, latent: int) -> float:
        """Change of what a named latent is named for over the whole sweep, in that descriptor's unit."""
        return self._of(self.effect, latent)

    def _of(self, table: Doubles, latent: int) -> float:
        return float(table[2 + latent, IDS.index(self.names[latent])])

    def table(self) -> dict[str, dict[str, float]]:
        """rho of every latent, for the card."""
        return {
            f"z{i + 1}": {id: round(float(r), 3) for id, r in zip(IDS, row, strict=True)}
            for i, row in enumerate(self.rho[2:])
        }

    def reordered(self, order: Sequence[int], turn: Sequence[int]) -> Naming:
        """The same after the latents were given another order, and those with turn -1 turned round."""
        rows = [0, 1, *(2 + i for i in order)]
        way = np.array([1, 1, *turn], np.float64)
        curves = self.curves[rows]
        curves[way < 0] = curves[way < 0][:, :, ::-1]
        return dataclasses.replace(
            self,
            rho=self.rho[rows] * way[:, None],
            effect=self.effect[rows] * way[:, None],
            heard=self.heard[rows],
            curves=curves,
            centre=self.centre[rows] * way,
            deviation=self.deviation[rows],
            sure=self.sure[rows],
            names={place: self.names[i] for place, i in enumerate(order) if i in self.names},
        )


def played(decode: Decode, z: npt.NDArray[np.float32], ratio: int) -> Doubles:
    """z [n, L, F] -> sound [n, F * ratio], checked. RosinError on another size or numbers that are none."""
    audio = decode(z)
    audio = np.asarray(audio.detach().cpu().numpy() if hasattr(audio, "detach") else audio, np.float64)
    wanted = (len(z), z.shape[2] * ratio)
    if audio.shape != wanted:
        raise RosinError(f"the decoder gave sound of shape {audio.shape} where {wanted} was due; check its ratio")
    if not np.isfinite(audio).all():
        raise RosinError("the decoder gave numbers that are none; train again from an earlier checkpoint")
    return audio


def from_silence(held: Doubles, frames: int) -> npt.NDArray[np.float32]:
    """Held z [n, L] as a beginning: QUIET_FRAMES of silence, then ``frames`` of it. Shape: [n, L, F]."""
    z = np.repeat(held[:, :, None], QUIET_FRAMES + frames, 2).astype(np.float32)
    z[:, 1, :QUIET_FRAMES] = QUIET_DB
    return z


def _sounds(decode: Decode, held: Doubles, rate_hz: int, ratio: int, seed: int) -> Doubles:
    """Descriptors of every held z [n, L], played in a shuffled order: what noise does must not follow the sweep."""
    out = np.empty((len(held), len(DESCRIPTORS)))
    order = np.random.default_rng([seed, 1]).permutation(len(held))
    for first in range(0, len(order), BATCH):
        these = order[first : first + BATCH]
        audio = played(decode, from_silence(held[these], WARM_FRAMES + HELD_FRAMES), ratio)
        out[these] = describe(audio, held[these, 0], (QUIET_FRAMES + WARM_FRAMES) * ratio, rate_hz)
    return out


def spearman(y: Doubles) -> Doubles:
    """Rank correlation of [..., steps] with the step; equal values share a rank, and a constant has 0. Shape: [...]."""
    from scipy.stats import rankdata

    steps = np.arange(y.shape[-1]) - (y.shape[-1] - 1) / 2
    ranks = rankdata(y, axis=-1)
    ranks = ranks - ranks.mean(-1, keepdims=True)
    size = np.sqrt((ranks**2).sum(-1) * (steps**2).sum())
    return np.asarray((ranks @ steps) / np.where(size > 0.0, size, np.inf))


def sure_of(points: npt.ArrayLike, steps: int, cells: int) -> Doubles:
    """The least |rho| that gives a name: SURE, or more where so few frames could reach it by chance in some cell."""
    from scipy.stats import norm

    chance = float(norm.isf(ERROR_IN_ALL / 2.0 / cells)) / np.sqrt((steps - 1) * np.maximum(np.asarray(points), 1))
    return np.asarray(np.maximum(SURE, chance))


def assign(rho: Doubles, effect: Doubles, sure: Doubles | float = SURE) -> dict[int, str]:
    """Names from the tables [L, D] of a Naming: latent (0 is the third row) to descriptor id, one to one."""
    from scipy.optimize import linear_sum_assignment

    size = np.nan_to_num(np.abs(effect)) / JND
    allowed = np.zeros(rho.shape, np.bool_)
    allowed[(np.abs(rho) >= sure) & (size >= 1.0)] = True
    size = np.where(allowed, size, 0.0)
    allowed[:OWN, OWN:] = allowed[2:, :OWN] = False
    timbre = size[2:, OWN:]
    allowed[2:, OWN:] &= timbre * MOST >= timbre.max(0, initial=0.0, keepdims=True)
    of_row = size / np.maximum(size.max(1, keepdims=True), 1e-9)
    of_column = size / np.maximum(size.max(0, keepdims=True), 1e-9)
    while True:
        score = np.where(allowed, np.abs(rho) + TIE * (of_row + of_column), 0.0)
        owner = {int(d): int(i) for i, d in zip(*linear_sum_assignment(-score), strict=True) if allowed[i, d]}
        shadows = [(i, d) for d, i in owner.items() if _is_shadow(size, owner, i, d)]
        if not shadows:
            return {i - 2: IDS[d] for d, i in sorted(owner.items(), key=lambda pair: pair[1]) if i >= 2}
        worst = min(shadows, key=lambda pair: of_row[pair])
        allowed[worst] = False


def _is_shadow(size: Doubles, owner: Mapping[int, int], i: int, d: int) -> bool:
    """Latent i moves something else further, another is named for that, and moves d along with it just as this does."""
    return any(
        other != i and size[i, e] > size[i, d] and size[i, d] * size[other, e] < SHADOW * size[other, d] * size[i, e]
        for e, other in owner.items()
    )


def interventions(
    decode: Decode,
    z: Doubles,
    points: int = POINTS,
    sweep: npt.ArrayLike = SWEEP,
    seed: int = 0,
    *,
    rate_hz: int = 48000,
    ratio: int = 128,
) -> Naming:
    """Sweep every row of z and name the latents.

    ``z`` [L, frames]: encoded training frames, note and loudness first. ``points`` frames are drawn from those that
    are heard, evenly over their notes; ``sweep``: steps in standard deviations, rising. The note and the loudness stay
    within what the sounds had. RosinError on too few points or steps, numbers that are none, and a decoder that gives
    other sizes.
    """
    z = np.asarray(z, np.float64)
    steps = np.asarray(sweep, np.float64)
    if z.ndim != 2 or len(z) < 3 or z.shape[1] < 2 or not np.isfinite(z).all():
        raise RosinError("naming needs finite z of note, loudness and latents over frames; encode the sounds again")
    if points < LEAST_POINTS or len(steps) < LEAST_STEPS or not (np.diff(steps) > 0).all():
        raise RosinError(f"naming needs {LEAST_POINTS} points and {LEAST_STEPS} rising steps at least; give more")
    heard_frames = np.flatnonzero(z[1] > HEARD_DB)
    if len(heard_frames) < 2:
        raise RosinError(f"no frame of these sounds is above {HEARD_DB:.0f} dB; train on louder ones")
    rng = np.random.default_rng(seed)
    by_note = heard_frames[np.argsort(z[0, heard_frames], kind="stable")]  # what a latent does differs most by register
    base = z[:, by_note[((np.arange(points) + rng.random(points)) * len(by_note) / points).astype(np.intp)]].T
    centre, deviation = z[:, heard_frames].mean(1), z[:, heard_frames].std(1)
    swept = np.tile(base[None, :, None], (len(z), 1, len(steps), 1))
    for i in range(len(z)):
        swept[i, :, :, i] = centre[i] + deviation[i] * steps
    for i in range(2):
        swept[i, :, :, i] = swept[i, :, :, i].clip(*np.percentile(z[i, heard_frames], (1.0, 99.0)))
    y = _sounds(decode, swept.reshape(-1, len(z)), rate_hz, ratio, seed)
    y = y.reshape(*swept.shape[:3], len(DESCRIPTORS)).transpose(0, 3, 1, 2)  # [L, D, points, steps]
    return _summed(y, steps, centre, deviation)


def _summed(y: Doubles, steps: Doubles, centre: Doubles, deviation: Doubles) -> Naming:
    defined = np.asarray(np.isfinite(y).all(-1))
    known = np.where(defined[..., None], y, 0.0)
    line = steps - steps.mean()
    change = known @ line / (line @ line) * (steps[-1] - steps[0])
    loud_enough = np.asarray(defined & (np.abs(change) >= JND[None, :, None]))
    rho = np.where(loud_enough, spearman(known), 0.0)
    count = defined.sum(2)
    enough = np.asarray(2 * count >= y.shape[2])
    if count[2:, 0].mean() >= PITCHED * y.shape[2]:
        enough[:, [descriptor.unpitched for descriptor in DESCRIPTORS]] = False
    mean = np.where(enough, rho.sum(2) / np.maximum(count, 1), 0.0)
    heard = loud_enough.sum(2) / np.maximum(count, 1)
    effect, curves = np.zeros(mean.shape), np.full((*mean.shape, len(steps)), np.nan)
    for i, d in np.argwhere(enough):
        effect[i, d] = np.median(change[i, d][defined[i, d]])
        curves[i, d] = np.median(y[i, d][defined[i, d]], axis=0)
    sure = sure_of(count, len(steps), mean.size)
    return Naming(mean, effect, heard, curves, centre, deviation, steps, sure, assign(mean, effect, sure))
