"""Colours: those of the instrument, ``#RRGGBB``: for the stage, a training's curves, the docs. Below all that draws."""

from __future__ import annotations

GROUND, IVORY, HAND, STRAIN, TEXT = "#070709", "#FFEED6", "#56B4E9", "#FA8F0D", "#969EB0"
"""Behind everything; light; where a hand is; what holds a knob; words."""
FAINT = "#23252C"
"""Lines that are not to be read."""
EMBER = "#C8622A"
"""Light where a knob is strained; darker and redder than STRAIN, which it becomes where light lies on light."""
