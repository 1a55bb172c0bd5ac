"""Pitches: what the trackers found in the sounds of one folder, kept beside them. Between the trackers and the corpus.

Tracking a sound takes as long as a hundred steps of training, and a corpus is read again at every run: so what was
found is written into the folder, under the hash of the sound and of all that it depends on.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from instrument.base.errors import RosinError
from instrument.base.npz import read_npz
from instrument.training.data.inharmonicity import inharmonicity
from instrument.training.data.partials import by_partials

Floats = npt.NDArray[np.float32]

CACHE = ".rosin-pitch.npz"
TRACKED, STIFF, PARTIALS = 5, 2, 2
"""Versions of what the three trackers find: another number, and every sound is listened to again."""
UNSURE = 0.35
BYTES_MOST, MEMBERS_MOST = 1 << 30, 60000
"""Of the file that is kept: some 20 000 sounds."""


@dataclass(frozen=True, slots=True)
class Pitch:
    """Of one sound: the note at the end of each frame, how sure it is, and how stiff its string (inharmonicity.py).

    ``first``: the note of the first partial, if the string is stiff.
    """

    note: Floats
    sure: Floats
    stiffness: tuple[float, float]
    first: Floats | None


def _steady(note: Floats, sure: Floats) -> Floats:
    """Pitch carried across the frames where there is none to hear."""
    known = sure > UNSURE
    if not known.any():
        return np.full_like(note, np.median(note))
    at = np.arange(len(note))
    return np.interp(at, at[known], note[known]).astype(np.float32)


class Pitches:
    """Those of the sounds of one folder. ``path``: where they are kept; a damaged file there is as good as none."""

    def __init__(self, path: Path, rate_hz: int, ratio: int) -> None:
        self.path, self.rate_hz, self.ratio = path, rate_hz, ratio
        self._fresh: dict[str, Any] = {}
        try:
            self._known = read_npz(path, "", bytes_most=BYTES_MOST, members_most=MEMBERS_MOST)
        except (FileNotFoundError, RosinError):
            self._known = {}

    def of(self, audio: Floats, digest: str, note: float | None) -> Pitch:
        """The pitch of a sound; listens if nobody has. ``digest`` names the sound, ``note`` is its own where known."""
        from instrument.training.data.pitch import track

        key = f"{digest}.{self.rate_hz}.{self.ratio}.{TRACKED}" + ("" if note is None else f".{note:g}")
        found = self._kept(key, 2, 2)
        if found is None:
            found = np.stack(track(audio, self.rate_hz, self.ratio, note))
        stiff_key = f"{key}.stiff{STIFF}"
        held, sure = _steady(found[0], found[1]), found[1]
        stiff = self._kept(stiff_key, 1, 2)
        if stiff is None:
            stiff = np.array(inharmonicity(audio, held, sure, self.rate_hz, self.ratio))
        b, cents = float(stiff[0]), float(stiff[1])
        parts_key = f"{key}.stiff{STIFF}.partials{PARTIALS}"
        parts = self._kept(parts_key, 2, 1)
        if parts is None:
            starts = [(held, 0.0)] + ([(held + np.float32(cents / 100.0), b)] if b > 0.0 else [])
            parts = np.stack([by_partials(audio, start, self.rate_hz, self.ratio, each) for start, each in starts])
        self._fresh |= {key: found, stiff_key: stiff, parts_key: parts}
        return Pitch(parts[0], sure, (b, cents), parts[1] if b > 0.0 else None)

    def _kept(self, key: str, dimensions: int, rows: int) -> Any:
        """What was kept under a key, if it has the shape that is kept there."""
        array = self._known.get(key)
        whole = array is not None and array.ndim == dimensions and len(array) >= rows and np.isfinite(array).all()
        return array if whole else None

    def keep(self, others: bool) -> None:
        """Write what is new, beside and then in place, as several processes may read the same folder.

        ``others``: keep also what nobody asked for. A folder that cannot be written to is only slower the next time.
        """
        fresh = {**self._known, **self._fresh} if others else self._fresh
        if fresh.keys() == self._known.keys():
            return
        part = self.path.with_name(f"{self.path.name}.{os.getpid()}.npz")
        try:
            np.savez(part, **fresh)
            part.replace(self.path)
        except OSError:
            part.unlink(missing_ok=True)
