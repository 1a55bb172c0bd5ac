"""Palette: the colours of the stage, and how far apart they are to the eye. Meaning never rests on hue alone.

Contrast by WCAG 2.1 (relative luminance of sRGB, ratio 1..21).
"""

from __future__ import annotations

from instrument.base import colours

Colour = tuple[float, float, float]


def colour(code: str) -> Colour:
    """``#RRGGBB`` to three numbers 0..1."""
    return int(code[1:3], 16) / 255, int(code[3:5], 16) / 255, int(code[5:7], 16) / 255


GROUND, IVORY, HAND = colour(colours.GROUND), colour(colours.IVORY), colour(colours.HAND)
STRAIN, TEXT, EMBER = colour(colours.STRAIN), colour(colours.TEXT), colour(colours.EMBER)
FIELD = colour("#050507")
"""what lies behind the overlay of the keys"""
SLATE = colour("#4A4F86")
"""old growth rings, and nothing that has to be read"""


def luminance(c: Colour) -> float:
    """Relative luminance 0..1."""
    r, g, b = (v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in c)
    return 0.2126 * r + 0.7152 * g + 0.0722 * b


def contrast(a: Colour, b: Colour) -> float:
    """The ratio 1..21 between two colours, whichever is brighter."""
    high, low = sorted((luminance(a), luminance(b)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def mix(a: Colour, b: Colour, share: float) -> Colour:
    """``a`` at 0, ``b`` at 1, clipped."""
    s = min(1.0, max(0.0, share))
    return a[0] + (b[0] - a[0]) * s, a[1] + (b[1] - a[1]) * s, a[2] + (b[2] - a[2]) * s


def bytes_of(c: Colour, alpha: float = 1.0) -> tuple[int, int, int, int]:
    """Four bytes, as text is coloured."""
    r, g, b, a = (round(255 * v) for v in (*c, alpha))
    return r, g, b, a
