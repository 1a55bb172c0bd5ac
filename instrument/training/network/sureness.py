"""Sureness: how much a frame counts by how sure its pitch is. For the losses and for how stiff strings are."""

from __future__ import annotations

import torch
from torch import Tensor


def sureness(sure: Tensor) -> Tensor:
    """How much a frame counts whose pitch is so sure: nothing at a half, all of it from five sixths on."""
    return torch.clamp((sure - 0.5) * 3.0, 0.0, 1.0)
