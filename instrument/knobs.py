"""Knobs: THE TABLE. Everything playable, once: what hands, patches, OSC, MIDI, stage and docs are derived from.

A knob holds a raw position 0..1 and maps it to a value in real units. The first knobs of a table are the
*playable* ones (the latents of the model, in the model's own order): they go through friction and chance.
After them come the parameters (level, difficulty, stick, drift ...), which act at once.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from instrument.base.errors import RosinError

Curve = Literal["linear", "exponential", "steps"]
Role = Literal["pitch", "loudness", "latent"]

KNOBS_MAX = 256
"""Most knobs in one table: the width of a frame in the link."""
NAMED = 12
"""Knobs named one by one to somebody who asked for one that is not there."""
SCENES = 8
"""Slots of a patch for scenes, places where the hands were: 0..7 in the link, 1..8 wherever a player reads it."""
FREE, HELD, SLIPPING = 0, 1, 2
"""A knob that nothing holds, one that sticks, and one that gives way."""
ENTRIES = ("hand", "bearing", "sound")
"""Where chance enters: before friction, in it, after it."""


@dataclass(frozen=True, slots=True)
class Label:
    """A name in both languages."""

    en: str
    fr: str

    def of(self, language: str) -> str:
        return self.fr if language == "fr" else self.en


@dataclass(frozen=True, slots=True)
class Knob:
    """One knob: ``low`` and ``high`` are values in ``unit`` at raw 0 and 1, ``start`` the raw position at rest.

    ``exponential`` needs low > 0; ``steps`` rounds to whole values. A playable knob of role ``pitch`` has its
    value in semitones away from the note being played; the others of the model map straight to latent units.
    """

    id: str
    group: str
    label: Label
    unit: str = ""
    low: float = 0.0
    high: float = 1.0
    curve: Curve = "linear"
    start: float = 0.0
    playable: bool = False
    role: Role | None = None

    def value(self, raw: float) -> float:
        """Raw 0..1 (clipped) to the value in ``unit``."""
        raw = min(1.0, max(0.0, raw))
        if raw in (0.0, 1.0):  # the ends exactly: exp(log(x)) can be a hair beyond x, which a patch would refuse
            return float(self.high if raw else self.low)
        if self.curve == "exponential":
            return self.low * math.exp(raw * math.log(self.high / self.low))
        value = self.low + raw * (self.high - self.low)
        return float(round(value)) if self.curve == "steps" else value

    def raw(self, value: float) -> float:
        """Value in ``unit`` to raw, clipped to 0..1. A knob that spans nothing is at 0."""
        if self.high == self.low:
            return 0.0
        if self.curve == "exponential":
            if value <= 0.0:
                return 0.0 if self.high > self.low else 1.0
            position = math.log(value / self.low) / math.log(self.high / self.low)
        else:
            position = (value - self.low) / (self.high - self.low)
        return min(1.0, max(0.0, position))


@dataclass(frozen=True, slots=True)
class LatentSpec:
    """What a model says of one of its dimensions; enough to make a knob of it.

    ``low`` and ``high``: the values the knob spans. For role ``pitch`` in MIDI note numbers, for ``loudness`` in dB.
    ``start``: the value at rest.
    """

    id: str
    label: Label
    role: Role = "latent"
    low: float = -3.0
    high: float = 3.0
    start: float = 0.0


def _parameter(
    id: str, en: str, fr: str, unit: str, low: float, high: float, start: float, curve: Curve = "linear"
) -> Knob:
    knob = Knob(id, id.split(".")[0], Label(en, fr), unit, low, high, curve)
    return replace(knob, start=knob.raw(start))


PARAMETERS: tuple[Knob, ...] = (
    _parameter("level", "level", "niveau", "dB", -60.0, 6.0, 0.0),
    _parameter("input", "input", "entrée", "", 0.0, 1.0, 0.0),
    _parameter("difficulty", "difficulty", "difficulté", "", 0.0, 10.0, 3.0),
    _parameter("hazard", "hazard", "hasard", "", 0.0, 10.0, 0.0),
    _parameter("friction.stick", "stick", "adhérence", "travel", 0.0, 0.30, 0.02),
    _parameter("friction.slide", "slide", "glisse", "travel", 0.0, 0.30, 0.015),
    _parameter("friction.vs", "slip speed", "seuil de glisse", "travel/s", 0.01, 1.0, 0.05, "exponential"),
    _parameter("friction.pre", "give", "jeu élastique", "travel", 0.0005, 0.02, 0.002, "exponential"),
    _parameter("friction.elastic", "spring back", "ressort", "", 0.0, 0.9, 0.7),
    _parameter("friction.weight", "weight", "poids", "Hz", 1.0, 20.0, 10.0, "exponential"),
    _parameter("friction.zeta", "damping", "amorti", "", 0.0, 1.5, 0.7),
    _parameter("friction.visc", "thickness", "épaisseur", "s", 0.0, 2.0, 0.0),
    _parameter("friction.micro", "bristle", "poil", "", 0.0, 2.0, 1.0),
    _parameter("friction.play", "backlash", "jeu", "travel", 0.0, 0.2, 0.0),
    _parameter("friction.detents", "detents", "crans", "per travel", 0.0, 48.0, 0.0, "steps"),
    _parameter("friction.detent_strength", "detent strength", "force des crans", "travel", 0.0, 0.30, 0.0),
    _parameter("friction.snap_point", "snap point", "point de bascule", "spacing", 0.5, 1.5, 0.5),
    _parameter("friction.endstop_strength", "end stop", "butée", "travel", 0.0, 0.30, 0.0),
    _parameter("friction.dig", "dug wells", "creux", "travel", 0.0, 0.30, 0.0),
    _parameter("friction.dig_time", "digging time", "temps de creusement", "s", 30.0, 1800.0, 300.0, "exponential"),
    _parameter("friction.fatigue", "fatigue", "fatigue", "", 0.0, 4.0, 0.0),
    _parameter("friction.effort", "endurance", "endurance", "travel²", 0.01, 10.0, 0.5, "exponential"),
    _parameter("friction.recovery", "recovery", "récupération", "s", 1.0, 300.0, 20.0, "exponential"),
    _parameter("friction.known", "thickness of the known", "épaisseur du connu", "", -1.0, 4.0, 0.0),
    _parameter("friction.coupling", "coupling", "couplage", "", 0.0, 1.0, 0.0),
    _parameter("chance.drift", "drift", "dérive", "travel", 0.0, 1.0, 0.05),
    _parameter("chance.tau", "drift time", "temps de dérive", "s", 0.02, 60.0, 2.0, "exponential"),
    _parameter("chance.pink", "pink", "rose", "travel", 0.0, 1.0, 0.0),
    _parameter("chance.dice", "dice", "dés", "travel", 0.0, 1.0, 0.0),
    _parameter("chance.dice_rate", "dice rate", "cadence des dés", "Hz", 0.05, 50.0, 2.0, "exponential"),
    _parameter("chance.dice_spread", "dice spread", "étendue des dés", "", 0.0, 1.0, 0.5),
    _parameter("chance.dice_bias", "dice bias", "penchant des dés", "", 0.0, 1.0, 0.5),
    _parameter("chance.dice_steps", "dice steps", "faces des dés", "", 0.0, 24.0, 0.0, "steps"),
    _parameter("chance.dejavu", "déjà vu", "déjà vu", "", 0.0, 1.0, 0.0),
    _parameter("chance.loop", "loop length", "longueur de boucle", "throws", 1.0, 16.0, 8.0, "steps"),
    _parameter("chance.bridge", "bridge width", "largeur du pont", "travel", 0.0, 1.0, 0.1),
    _parameter("chance.chaos", "chaos", "chaos", "travel", 0.0, 1.0, 0.0),
    _parameter("chance.chaos_rate", "chaos rate", "cadence du chaos", "Hz", 0.05, 50.0, 4.0, "exponential"),
    _parameter("chance.chaos_r", "chaos r", "chaos r", "", 3.0, 4.0, 3.9),
    _parameter("chance.lorenz", "Lorenz", "Lorenz", "travel", 0.0, 1.0, 0.0),
    _parameter("chance.lorenz_rate", "Lorenz rate", "cadence de Lorenz", "Hz", 0.01, 10.0, 0.5, "exponential"),
    _parameter("chance.lorenz_rho", "Lorenz rho", "Lorenz rho", "", 0.0, 60.0, 28.0),
    _parameter("chance.habit", "habit", "habitude", "travel", 0.0, 1.0, 0.0),
    _parameter("chance.habit_shape", "with or against", "avec ou contre", "", -1.0, 1.0, 1.0),
    _parameter("chance.holes", "holes", "trous", "per minute", 0.0, 240.0, 0.0),
    _parameter("chance.hole_length", "hole length", "durée des trous", "s", 0.02, 10.0, 0.2, "exponential"),
    _parameter("chance.hole_freeze", "frozen holes", "trous figés", "", 0.0, 1.0, 0.5),
    _parameter("chance.coarse", "coarseness", "grain", "travel", 0.0, 1.0, 0.0),
    _parameter("chance.tape", "worn tape", "bande usée", "%", 0.0, 10.0, 0.0),
    _parameter("chance.tape_drops", "tape drop-outs", "pertes de bande", "per minute", 0.0, 240.0, 0.0),
    _parameter("chance.temperature", "temperature", "température", "", 0.0, 2.0, 0.0),
    _parameter("chance.bend", "bending", "torsion", "", 0.0, 1.0, 0.0),
    _parameter("chance.wear", "wear", "usure", "", 0.0, 1.0, 0.0),
    _parameter("time", "time", "temps", "", 0.01, 1.0, 1.0, "exponential"),
)
"""The knobs every patch has, whatever its model."""

LATENTS_MAX = KNOBS_MAX - len(PARAMETERS)
"""Of one model: its knobs are what the parameters leave of a table."""

CHANCE_SOURCES = ("drift", "pink", "dice", "chaos", "lorenz", "habit")
"""The chances that move knobs: the ``chance.<name>`` is their amount, and each enters at a place of its own."""

PITCH_RANGE_SEMITONES = 12.0
LOUDNESS_RANGE_DB = 54.0
"""What the loudness knob spans below its loudest. Below that only the last 2 % of its travel lead to silence: with all
80 dB of a model on the knob, half of its travel was nearly inaudible."""


class KnobTable:
    """An ordered, immutable set of knobs: ``playable`` first, then the parameters. Lookup by id or index."""

    def __init__(self, knobs: Sequence[Knob]) -> None:
        order = [k.playable for k in knobs]
        if order != sorted(order, reverse=True):
            raise ValueError("playable knobs come first in a table")
        if len(knobs) > KNOBS_MAX:
            raise RosinError(f"{len(knobs)} knobs are too many; a table holds {KNOBS_MAX}: crop the model's latents")
        self.knobs: tuple[Knob, ...] = tuple(knobs)
        self._index = {knob.id: i for i, knob in enumerate(self.knobs)}
        if len(self._index) != len(self.knobs):
            raise ValueError("two knobs share an id")
        self.playable_count = sum(order)

    def __len__(self) -> int:
        return len(self.knobs)

    def __iter__(self) -> Iterator[Knob]:
        return iter(self.knobs)

    def __getitem__(self, key: int | str) -> Knob:
        return self.knobs[self.index(key) if isinstance(key, str) else key]

    def __contains__(self, id: object) -> bool:
        return id in self._index

    def index(self, id: str) -> int:
        """Position of a knob. RosinError names the knobs there are."""
        try:
            return self._index[id]
        except KeyError:
            raise RosinError(f"there is no knob {id!r}; {self._told(id)}") from None

    def _told(self, id: str) -> str:
        """The knobs that are played by name, the others by how many there are, and the one that is most like ``id``."""
        names, most = list(self._index), max(self.playable_count, NAMED)
        others = f", and {len(names) - most} more, which `rosin knobs` lists" if len(names) > most else ""
        near = difflib.get_close_matches(id.lower(), names, n=1, cutoff=0.6)
        meant = f"; did you mean {near[0]}?" if near else ""
        return f"the knobs here are {', '.join(names[:most])}{others}{meant}"

    def find(self, name: str) -> int:
        """Position of a knob by its id, or by its label in either language. RosinError names the knobs there are."""
        if name not in self._index:
            for i, knob in enumerate(self.knobs):
                if name.lower() in (knob.label.en.lower(), knob.label.fr.lower()):
                    return i
        return self.index(name)

    @property
    def playable(self) -> tuple[Knob, ...]:
        return self.knobs[: self.playable_count]


def playable_knob(latent: LatentSpec) -> Knob:
    """The knob of one latent. Pitch becomes an offset in semitones round the note being played."""
    if latent.role == "pitch":
        return Knob(
            latent.id,
            "latent",
            latent.label,
            "semitones",
            -PITCH_RANGE_SEMITONES,
            PITCH_RANGE_SEMITONES,
            start=0.5,
            playable=True,
            role="pitch",
        )
    unit, low = "", latent.low
    if latent.role == "loudness":
        unit, low = "dB", max(latent.low, latent.high - LOUDNESS_RANGE_DB)
    knob = Knob(latent.id, "latent", latent.label, unit, low, latent.high, playable=True, role=latent.role)
    return replace(knob, start=knob.raw(latent.start))


def own_parameter(parameter: str, knob: Knob, value: float) -> Knob:
    """A parameter of one knob alone, ``friction.stick.z1``, at a value in its unit. LookupError: no such parameter."""
    usual = next((p for p in PARAMETERS if p.id == parameter), None)
    if usual is None:
        raise LookupError(parameter)
    label = Label(f"{usual.label.en} {knob.label.en}", f"{usual.label.fr} {knob.label.fr}")
    return replace(usual, id=f"{parameter}.{knob.id}", label=label, start=usual.raw(value))


def table_for(latents: Sequence[LatentSpec]) -> KnobTable:
    """The table of an instrument whose model has these latents."""
    return KnobTable([playable_knob(latent) for latent in latents] + list(PARAMETERS))
