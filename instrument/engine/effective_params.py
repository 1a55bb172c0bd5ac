"""Effective params: what the knobs of the table make of friction and chance, knob by knob.
Between the table and control.

Every amount has three layers, the last one wins: the parameter for all knobs, the share a knob's role takes of it, and
what the patch says of that very knob - which is a knob of its own in the table, ``friction.stick.z1``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from instrument.base.units import amplitude
from instrument.chance.params import NAMES as CHANCE
from instrument.chance.params import ChanceParams, scale_of
from instrument.chance.params import scaled as scaled_chance
from instrument.friction.params import NAMES as FRICTION
from instrument.friction.params import FrictionParams
from instrument.friction.params import scaled as scaled_friction
from instrument.knobs import CHANCE_SOURCES, KnobTable

SHARE = {
    # A chance that colours a timbre would put a melody out of tune, and one on loudness would sound without a gesture.
    "pitch": {**dict.fromkeys(CHANCE_SOURCES, 0.1), "holes": 0.0, "coarse": 0.0},
    "loudness": {**dict.fromkeys(CHANCE_SOURCES, 0.0), "holes": 0.0, "coarse": 0.0},
}

UNCOUPLED = ("pitch", "loudness")
"""Roles that no other knob drags along, unless the patch says so of that very knob: for the same reasons."""


@dataclass(slots=True)
class Model:
    """What belongs to no knob but to the model and the tape, hazard in it."""

    temperature: float = 0.0
    bend: float = 0.0
    wear: float = 0.0
    tape: float = 0.0
    tape_drops: float = 0.0


class Amounts:
    """Reads ``raw`` positions of a table into effective amounts. ``refresh`` after any parameter moved."""

    def __init__(self, table: KnobTable) -> None:
        self.table = table
        count = table.playable_count
        self._at = {knob.id: i for i, knob in enumerate(table)}
        # as float32, like every raw position: what is set again must be what it was
        self._value = [knob.value(float(np.float32(knob.start))) for knob in table]
        self._own: list[tuple[bool, str, int, int]] = []
        """(is it friction, which amount, of which playable knob, where in the table)"""
        for i, knob in enumerate(table.knobs[table.playable_count :], table.playable_count):
            group, _, rest = knob.id.partition(".")
            name, _, of = rest.partition(".")
            if of in self._at and self._at[of] < count and group in ("friction", "chance"):
                self._own.append((group == "friction", name, self._at[of], i))
        self._friction_given, self.friction = FrictionParams(count), FrictionParams(count)
        self._chance_given, self.chance = ChanceParams(count), ChanceParams(count)
        self.model = Model()
        self.gain = 1.0
        self.time = 1.0
        self.stale = True

    def put(self, index: int, raw: float) -> None:
        """A parameter moved; ``refresh`` makes it count."""
        self._value[index] = self.table[index].value(raw)
        self.stale = True

    def put_all(self, raw: np.ndarray) -> None:
        self._value = [knob.value(float(raw[i])) for i, knob in enumerate(self.table)]
        self.stale = True

    def of(self, id: str) -> float:
        """Present value of a parameter, in its unit."""
        return self._value[self._at[id]]

    def refresh(self, level_raw: float, hands_only: bool) -> None:
        """Work out everything anew; ``hands_only``: neither friction nor chance."""
        self.stale = False
        self.gain = 0.0 if level_raw <= 0.0 else amplitude(self.of("level"))
        for name in FRICTION:
            getattr(self._friction_given, name)[:] = self.of(f"friction.{name}")
        for name in CHANCE:
            self._chance_given[name] = self.of(f"chance.{name}")
        for k, knob in enumerate(self.table.playable):
            if knob.role in UNCOUPLED:
                self._friction_given.coupling[k] = 0.0
            for name, share in SHARE.get(knob.role or "", {}).items():
                self._chance_given[name][k] *= np.float32(share)
        for is_friction, name, k, index in self._own:
            value = np.float32(self._value[index])
            if is_friction:
                getattr(self._friction_given, name)[k] = value
            else:
                self._chance_given[name][k] = value
        hazard = 0.0 if hands_only else self.of("hazard")
        scaled_friction(self._friction_given, 0.0 if hands_only else self.of("difficulty"), self.friction)
        scaled_chance(self._chance_given, hazard, self.chance)
        scale, model = scale_of(hazard), self.model
        model.temperature = scale * self.of("chance.temperature")
        model.bend = min(1.0, scale * self.of("chance.bend"))
        model.wear = 0.0 if hands_only else self.of("chance.wear")
        model.tape = scale * self.of("chance.tape")
        model.tape_drops = scale * self.of("chance.tape_drops")
        self.time = 1.0 if hands_only else self.of("time")
