"""Flashes: how often a picture reverses its luminance (WCAG 2.3.1, general flash), over all of it and over any part.

A flash is a pair of opposing changes of at least a tenth of the greatest relative luminance, the darker one below 0.80.
What is counted here is each change of such a pair, in the worst second. A part is a third of the picture each way, as
341 x 256 pixels are of 1024 x 768.
"""

from __future__ import annotations

import numpy as np

CHANGE, DARKER = 0.10, 0.80
STRIDE = 6
_LINEAR = np.array([v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in np.arange(256) / 255])


def luminances(picture: np.ndarray) -> np.ndarray:
    """u8[H, W, 3] to means: of the whole first, then of each part."""
    light = _LINEAR[picture] @ np.array([0.2126, 0.7152, 0.0722])
    height, width = light.shape
    tall, wide = height // 3, width // 3
    total = np.zeros((height + 1, width + 1))
    total[1:, 1:] = light.cumsum(0).cumsum(1)
    rows = np.arange(0, height - tall + 1, STRIDE)[:, None]
    columns = np.arange(0, width - wide + 1, STRIDE)[None, :]
    parts = (
        total[rows + tall, columns + wide] - total[rows, columns + wide] - total[rows + tall, columns]
        + total[rows, columns]
    ) / (tall * wide)  # fmt: skip
    return np.concatenate([[light.mean()], parts.ravel()])


def changes(series: np.ndarray) -> list[int]:
    """Where a series turns: the ends of swings of at least CHANGE whose darker end is below DARKER."""
    turns: list[int] = []
    low = high = float(series[0])
    way = 0
    for i, value in enumerate(series.tolist()):
        low, high = min(low, value), max(high, value)
        if way <= 0 and value - low >= CHANGE and low < DARKER:
            turns.append(i)
            way, high = 1, value
        elif way >= 0 and high - value >= CHANGE and value < DARKER:
            turns.append(i)
            way, low = -1, value
    return turns


def worst_second(series: np.ndarray, rate: float) -> int:
    """Most changes within any second."""
    at = np.array(changes(series)) / rate
    return max((int(((at >= t) & (at < t + 1.0)).sum()) for t in at), default=0)
