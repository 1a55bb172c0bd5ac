"""Meter: how loud it is, rms and held peak, as marks in a bar. After frames, before the panel. Pure."""

from __future__ import annotations

from instrument.base.units import decibels
from instrument.ipc import Frame
from instrument.ipc.level import Level
from instrument.stage.views.layout import Box
from instrument.stage.views.marks import Marks, Rows
from instrument.stage.views.palette import GROUND, IVORY, STRAIN, TEXT, mix

LOW_DB = -60.0
HOLD_S, FALL_DB_S = 1.0, 24.0
HOT_DB = -3.0
"""From here on the peak is painted as strain: the ceiling is near."""


def share(db: float) -> float:
    """-60..0 dBFS to 0..1."""
    return min(1.0, max(0.0, (db - LOW_DB) / -LOW_DB))


def to_db(linear: float) -> float:
    """Amplitude to dBFS, LOW_DB for what is softer or is no number."""
    return decibels(linear, LOW_DB)


class LevelMeter:
    """Push every frame. ``peak_db`` stands for a second, then falls; ``rms_db`` is the level of an eighth of a second,
    as ``rms`` is in linear amplitude."""

    def __init__(self) -> None:
        self.rms_db = self.peak_db = LOW_DB
        self._level = Level()
        self._peak_at = self._last = 0.0

    @property
    def rms(self) -> float:
        return self._level.rms

    def push(self, frame: Frame) -> None:
        now = frame.time
        passed = min(max(now - self._last, 0.0), 1.0)
        self._last = now
        self.rms_db, peak = to_db(self._level.push(frame)), to_db(frame.peak)
        if peak >= self.peak_db or now < self._peak_at:
            self.peak_db, self._peak_at = peak, now
        elif now - self._peak_at > HOLD_S:
            self.peak_db = max(peak, self.peak_db - FALL_DB_S * passed)

    def marks(self, box: Box) -> Marks:
        """A groove, the level in it, and a tick where the peak is; nothing in a box without room."""
        rows = Rows()
        half = 0.5 * box.height
        if box.width < 4.0 * box.height or half <= 0.0:
            return rows.array()
        y, left, span = box.bottom, box.left + half, box.width - box.height
        rows.line((left, y), (left + span, y), half, mix(GROUND, TEXT, 0.20), 0.98)
        if (level := share(self.rms_db)) > 0.0:
            rows.line((left, y), (left + level * span, y), half, IVORY, 0.98)
        if (peak := share(self.peak_db)) > 0.0:
            x = left + peak * span
            colour = STRAIN if self.peak_db > HOT_DB else IVORY
            rows.line((x, y - 2.2 * half), (x, y + 2.2 * half), 0.42 * half, colour, 0.98)
        return rows.array()
