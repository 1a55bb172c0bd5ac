"""Latents: knob positions and keys to what the model is given, frame by frame. The last step of control."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from instrument.base.compiled import compiled

F32 = NDArray[np.float32]

SILENCE_DB = -80.0
"""Loudness at which a model is silent, by the file format."""
FADE_TRAVEL = 0.02
"""The part of the loudness knob's travel that leads from its quietest to silence."""

PLAIN, PITCH, LOUDNESS = 0, 1, 2


@compiled
def to_latents(
    x: F32,
    pitch: F32,
    level: F32,
    leads: NDArray[np.uint8],
    own: F32,
    reach: F32,
    low: F32,
    span: F32,
    role: NDArray[np.uint8],
    bottom: float,
    z: F32,
) -> None:
    """Mean over the ticks of each frame, in latent units. x f32 [T, K], pitch and level f32 [V, T], z f32 [V, K, F].

    Knobs are shared by all voices; the pitch is added to, the level under, what each voice plays by itself. The
    loudness knob is for the voices that it ``leads``, u8 [V]. ``own`` f32 [V, T, E]: what the fingers of each voice say
    beside the knobs, of which ``reach`` f32 [E, K] is added to each (raw); it takes no knob beyond its ends.

    The mean is what places a gesture inside a frame: a move three ticks before the frame's end counts for three.
    """
    ticks, knobs = x.shape
    voices, _, frames = z.shape
    per = ticks // frames
    for v in range(voices):
        for k in range(knobs):
            for f in range(frames):
                total = 0.0
                for t in range(f * per, (f + 1) * per):
                    raw = x[t, k]
                    if role[k] == LOUDNESS and leads[v] == 0:
                        raw = np.float32(0.0)
                    more = np.float32(0.0)
                    for e in range(reach.shape[0]):
                        more += own[v, t, e] * reach[e, k]
                    if more != 0.0:
                        raw = min(np.float32(1.0), max(np.float32(0.0), raw + more))
                    if role[k] == LOUDNESS and level[v, t] > raw:
                        raw = level[v, t]
                    value = low[k] + span[k] * np.float64(raw)
                    if role[k] == PITCH:
                        value += pitch[v, t]
                    elif role[k] == LOUDNESS and raw < FADE_TRAVEL:
                        value = bottom + (value - bottom) * (raw / FADE_TRAVEL) if raw > 0.0 else bottom
                    total += value
                z[v, k, f] = total / per
