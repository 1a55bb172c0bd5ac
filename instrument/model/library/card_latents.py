"""Card latents: the dimensions of z as a card describes them, each a knob. Below card."""

from __future__ import annotations

import re
from collections.abc import Container, Mapping
from dataclasses import dataclass

from instrument.base.validation import short
from instrument.knobs import LATENTS_MAX, PARAMETERS, Label, LatentSpec
from instrument.model.library.card_entries import Entries

HISTOGRAM_BINS = 32
"""Of a latent, as they are written; as many as there are is read."""
_ID = re.compile(r"[A-Za-z0-9_-]{1,32}")


@dataclass(frozen=True, slots=True)
class Latent:
    """One dimension of z as it was met in training. ``histogram``: counts from ``low`` to ``high``."""

    id: str
    label: Label
    role: str = "latent"
    low: float = -3.0
    high: float = 3.0
    start: float = 0.0
    mean: float = 0.0
    std: float = 1.0
    minimum: float = -3.0
    maximum: float = 3.0
    sign: int = 1
    fidelity: float = 0.0
    histogram: tuple[float, ...] = ()

    @property
    def spec(self) -> LatentSpec:
        return LatentSpec(self.id, self.label, self.role, self.low, self.high, self.start)  # type: ignore[arg-type]


def latents_from(read: Entries) -> tuple[Latent, ...]:
    """The rows of the model's dimensions."""
    latents: list[Latent] = []
    taken = {knob.id for knob in PARAMETERS}
    for i, row in enumerate(read.take("latents", list, [])):
        if not isinstance(row, Mapping):
            read.wrong.append(f"latents[{i}]: {short(row)} is no table; fetch the model again")
            continue
        latents.append(_latent(Entries(row, f"latents[{i}].", read.wrong), i, taken))
        taken.add(latents[-1].id)
    for role in ("pitch", "loudness"):
        if sum(latent.role == role for latent in latents) > 1:
            read.wrong.append(f"latents: more than one has the role {role}; train it again")
    if len(latents) > LATENTS_MAX:
        read.wrong.append(f"latents: {len(latents)} are more than the {LATENTS_MAX} that can be played; crop them")
    if not latents:
        read.wrong.append("latents: there are none; a model needs at least one knob")
    return tuple(latents)


def _latent(row: Entries, i: int, taken: Container[str]) -> Latent:
    """One dimension. ``taken``: ids there are already."""
    numbers = {k: row.number(k) for k in ("low", "high", "start", "mean", "std", "minimum", "maximum", "fidelity")}
    if not numbers["low"] < numbers["high"]:
        row.refuse("low", f"{numbers['low']} to {numbers['high']} spans nothing; train it again")
    elif not numbers["low"] <= numbers["start"] <= numbers["high"]:
        row.refuse("start", f"{numbers['start']} is not between low and high; train it again")
    role = row.take("role", str, "latent")
    if role not in ("pitch", "loudness", "latent"):
        row.refuse("role", f"{short(role)} is none of pitch, loudness, latent; fetch the model again")
    id = str(row.take("id", str, f"z{i}"))
    if not _ID.fullmatch(id) or id in taken:
        row.refuse("id", f"{short(id)} is used twice or is no plain word; fetch the model again")
    histogram = row.take("histogram", list, [])
    if not all(isinstance(v, (int, float)) and 0.0 <= v < 1e15 for v in histogram) or len(histogram) > 1024:
        row.refuse("histogram", f"{short(histogram)} is no list of counts; fetch the model again")
        histogram = []
    sign = row.take("sign", int, 1)
    if sign not in (-1, 1):
        row.refuse("sign", f"{short(sign)} is neither 1 nor -1; fetch the model again")
    label = row.label(row.table.get("label"), f"{row.at}label")
    return Latent(id, label, role, sign=sign, histogram=tuple(float(v) for v in histogram), **numbers)
