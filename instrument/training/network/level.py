"""Level: a learned wave of any power, brought to the level it was asked for. The last thing in a conv decoder.

A network that writes samples is too soft where it is unsure and may burst at latents where no sound ever was. What it
says is taken as a wave of no particular power: the power of the last 20 ms is divided away, and that of this very
frame as far as it is more than twice that. So a steady sound has just the level asked for, and a burst passes it by
3 dB, in its first frame by less than 7. What is asked for runs straight from the last frame's value to this one's, and
so does the gain; only when it must fall by more than LEAP it is there within FALL samples, and until then a ceiling
bounds what gets through.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

LEAST = 0.1
"""A wave below -20 dB is raised by 20 dB and no more: what is nearly nothing is not blown up."""
CEILING = 8.0
"""18 dB: as far as a click's peak may stand above its loudness."""
KEPT = 0.87
"""Of the power's memory from one frame to the next: 19 ms, so that the gain does not ripple with a low note."""
MEMORY = 256
"""Frames after which nothing of it is left, were it 150 dB louder."""
NOW = 0.5
LEAP = 1.5
FALL = 4


def lined(level: Tensor, ratio: int) -> Tensor:
    """A number a frame, running straight from the last one's (0 before the first). [B, F] -> [B, F, ratio]."""
    new = torch.arange(1, ratio + 1, device=level.device, dtype=level.dtype) / ratio
    before = functional.pad(level, (1, 0))[:, :-1]
    return before[..., None] * (1.0 - new) + level[..., None] * new


def ramps(ratio: int) -> np.ndarray:
    """Gain at each sample of a frame per: last frame's gain, this one's, what of the last is too much. [3, ratio]."""
    n = np.arange(1, ratio + 1)
    old = 1.0 - n / ratio
    return np.stack([old, n / ratio, np.clip(1.0 - n / FALL, 0.0, 1.0) - old])


def gains(raw: Tensor) -> Tensor:
    """What brings the wave to power 1. [B, F, ratio] -> [B, F, ratio]."""
    now = (raw**2).mean(2)
    back = KEPT ** torch.arange(MEMORY - 1, -1, -1, device=raw.device, dtype=raw.dtype)
    late = functional.conv1d(functional.pad(now, (MEMORY - 1, 0))[:, None], (1.0 - KEPT) * back[None, None])[:, 0]
    power = functional.pad(torch.maximum(late, NOW * now), (1, 0)).clamp(min=LEAST**2)
    gain = torch.rsqrt(power)
    old, new = gain[:, :-1], gain[:, 1:]
    parts = torch.stack([old, new, (old - LEAP * new).clamp(min=0.0)], 2)
    return parts @ torch.from_numpy(ramps(raw.shape[2])).to(raw)


def levelled(raw: Tensor, asked: Tensor) -> Tensor:
    """The wave [B, F, ratio] at the level asked for at the end of each frame [B, F]; [B, F, ratio]."""
    return CEILING * torch.tanh(raw * gains(raw) * (1.0 / CEILING)) * lined(asked, raw.shape[2])
