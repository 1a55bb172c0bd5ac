"""Figures: numbers and states of a frame in words, as short as a player can read in passing. Pure. Before the panel."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from instrument.base.text import say
from instrument.base.units import SILENT_DB, decibels, number_in
from instrument.ipc import Frame, Source
from instrument.knobs import Knob, KnobTable
from instrument.stage.data.model_info import ModelInfo

NEAREST_S = 0.5
"""The neighbouring sound is named at most twice a second, so that it can be read."""
_UNITS = {"Hz": " Hz", "s": " s", "dB": " dB", "%": " %"}


def figure(value: float, digits: int, language: str, unit: str = "") -> str:
    """A number with so many decimals, a true minus sign, and a comma in French. What is no number is a dash."""
    if not math.isfinite(value):
        return "–"
    text = f"{value:.{digits}f}"
    if text.strip("-0.") == "":
        text = text.lstrip("-")  # no minus zero
    text = text.replace("-", "−")
    return number_in(language, text) + unit


def percent(share: float, language: str) -> str:
    """``31 %``; a share that is no number is a dash."""
    return figure(100.0 * share, 0, language, " %") if math.isfinite(share) else "–"


def level(linear: float, language: str) -> str:
    """``−11 dB``, or the sign of nothing at all."""
    db = decibels(linear)
    return "−∞ dB" if db <= SILENT_DB else figure(db, 0, language, " dB")


def amount(knob: Knob, raw: float, language: str) -> str:
    """The value of a parameter, in its unit where that is a short one."""
    value = knob.value(raw) if math.isfinite(raw) else math.nan
    digits = 0 if knob.curve == "steps" else 2 if abs(value) < 10.0 else 1
    return figure(value, digits, language, _UNITS.get(knob.unit, ""))


def parameter(table: KnobTable, frame: Frame, id: str, own: str, language: str) -> str:
    """What a parameter is now; the knob's own one where the patch gives it one. A dash where there is none."""
    for name in (f"{id}.{own}", id):
        if name in table and (at := table.index(name)) < len(frame.hand):
            return amount(table[at], float(frame.hand[at]), language)
    return "–"


def seed(number: int) -> str:
    """A seed; a long one by its ends."""
    text = str(number)
    return text if len(text) <= 9 else f"{text[:4]}…{text[-4:]}"


# --- who moves a knob

_KINDS = {
    "cc": "cc {number}",
    "cc14": "cc {number}/{low}",
    "nrpn": "nrpn {number}",
    "note": "note {number}",
    "bend": "bend",
    "pressure": "pressure",
    "polypressure": "poly {number}",
}


def binding(row: Mapping[str, Any]) -> str:
    """A row of the rig: ``cc 24``, ``cc 24 ch 2``, ``/1/fader3``. Words of MIDI are the same in every language."""
    if "address" in row:
        return str(row["address"])
    number = row.get("number", 0)
    text = _KINDS.get(str(row.get("kind")), "midi").format(number=number, low=number + 32)
    return f"{text} ch {row['channel']}" if row.get("channel") else text


def mover(origin: int, language: str) -> str:
    """Who moved a knob last, in a word; empty for the show itself, which nobody's hand is in."""
    if origin == Source.OSC:
        return "osc"
    if origin == Source.MIDI:
        return "midi"
    if origin == Source.KEYS:
        return say("rehearsal.by.keys", language)
    if origin == Source.STAGE:
        return say("rehearsal.by.stage", language)
    return say("rehearsal.by.take", language) if origin == Source.TAKE else ""


def mapping(bound: Sequence[str], origin: int, address: str, language: str) -> str:
    """The line under a knob: what it is bound to, and who moved it if that was another; else its OSC address."""
    by = mover(origin, language)
    if bound:
        its = Source.OSC if bound[0].startswith("/") else Source.MIDI
        more = f" +{len(bound) - 1}" if len(bound) > 1 else ""
        return bound[0] + more + (f" · {by}" if by and origin != its else "")
    return by if by and origin != Source.OSC else address


# --- what is near


def nearest(frame: Frame, model_info: ModelInfo) -> tuple[str, str, float] | None:
    """Title, author and share 0..1 of the recording that is nearest to what sounds; None where nobody can tell."""
    clip, share = int(frame.clip[0]), float(frame.clip_share[0])
    if not 0 <= clip < len(model_info.sounds) or not share > 0.0 or not math.isfinite(share) or frame.known < 0.0:
        return None
    title, author = model_info.sounds[clip]
    return title, author, share


def nearest_line(frame: Frame, model_info: ModelInfo, language: str) -> tuple[str, str]:
    """``nearest: NAME by AUTHOR`` and ``31 %``, apart because the first may be cut; both empty when nobody can tell."""
    found = nearest(frame, model_info)
    if found is None:
        return "", ""
    title, author, share = found
    return say("stage.nearest", language, title=title, author=author), percent(share, language)


class Paced:
    """Lets a new value pass at most every ``seconds`` of the sound's time. The first, and the past, pass at once."""

    def __init__(self, seconds: float) -> None:
        self._seconds, self._last = seconds, -math.inf

    def due(self, now: float) -> bool:
        if 0.0 <= now - self._last < self._seconds:
            return False
        self._last = now
        return True

    def again(self) -> None:
        """The next one passes, whenever it comes."""
        self._last = -math.inf
