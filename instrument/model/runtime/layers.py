"""Layers: the places inside a decoder that can be bent and that wear. Under graph; bending and wear write into them.

A decode.onnx may offer, for a layer of C channels, any of

    bend.<layer>.gain   f32 [1, C], initialiser *and* input, 1      bend.<layer>.bias   the same, 0
    tap.<layer>         f32 [1, C], output: what each channel gives now

so that a player who knows nothing of them hears the plain model. Metadata ``typical`` (JSON, layer: C numbers) says
what the magnitude of a tap is on the average of all that can be played. All layers lie side by side in one array of
each kind: a change of all of them is a handful of numpy calls.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from instrument.model.runtime.voice import F32

BEND, TAP = "bend.", "tap."
ENDS = (".gain", ".bias")
MOST_CHANNELS = 2**16
DEAD = 0.01
"""A channel that is hardly ever used, by the others' measure, is taken for this much of their mean level."""


def layer_of(name: str) -> str:
    """The layer a bend input or a tap belongs to; an empty text for any other name."""
    if name.startswith(TAP):
        return name.removeprefix(TAP)
    for end in ENDS:
        if name.startswith(BEND) and name.endswith(end):
            return name[len(BEND) : -len(end)]
    return ""


class Layers:
    """``shapes``: f32 [1, C] each, by the names in the file. ``typical``: per layer C levels, or nothing.

    ``gain``, ``bias``, ``tap`` f32 [N]: every layer's channels in a row, ``spans`` says where. What the file does not
    offer has its place all the same and is heard by nobody. ``known`` f32 [N]: the typical level of each channel, inf
    where there is no tap; ``unknown``: spans of taps whose levels no one said. ``scale`` f32 [N]: what 1 is for a bias.
    """

    def __init__(
        self, shapes: Mapping[str, tuple[int, ...]] | None = None, typical: Mapping[str, Sequence[float]] | None = None
    ) -> None:
        self.names = tuple(shapes or {})
        channels = {layer_of(name): shape[1] for name, shape in (shapes or {}).items()}
        self.spans: dict[str, slice] = {}
        count = 0
        for layer, width in channels.items():
            self.spans[layer] = slice(count, count + width)
            count += width
        self.gain, self.bias = np.ones(count, np.float32), np.zeros(count, np.float32)
        self.tap = np.zeros(count, np.float32)
        self.known = np.full(count, np.inf, np.float32)
        self.scale = np.ones(count, np.float32)
        unknown = []
        for layer in self.tapped:
            span = self.spans[layer]
            levels = np.array((typical or {}).get(layer, ()), np.float32)
            mean = float(levels.mean()) if len(levels) else 0.0
            if mean > 0.0:
                self.known[span] = np.maximum(levels, DEAD * mean)
                self.scale[span] = mean
            else:
                unknown.append(span)
        self.unknown = tuple(unknown)

    @property
    def bendable(self) -> tuple[str, ...]:
        """Layers with a gain or a bias."""
        return tuple(layer for layer in self.spans if any(f"{BEND}{layer}{end}" in self.names for end in ENDS))

    @property
    def tapped(self) -> tuple[str, ...]:
        return tuple(layer for layer in self.spans if TAP + layer in self.names)

    def view(self, name: str) -> F32:
        """The memory of one input or output, f32 [1, C]: a part of ``gain``, ``bias`` or ``tap``."""
        whole = self.tap if name.startswith(TAP) else self.gain if name.endswith(".gain") else self.bias
        return whole[self.spans[layer_of(name)]].reshape(1, -1)


def layers_from(
    shapes: Mapping[str, Sequence[Any]], metadata: Mapping[str, str], refuse: Callable[[str], Exception]
) -> Layers:
    """Layers out of a file's inputs, overridable initialisers and outputs. ``refuse`` makes the error of a sentence."""
    found: dict[str, tuple[int, ...]] = {}
    widths: dict[str, int] = {}
    for name, shape in shapes.items():
        if not name.startswith((BEND, TAP)):
            continue
        layer = layer_of(name)
        if not layer:
            raise refuse(f"it takes an input {name!r} that no model here has")
        if len(shape) != 2 or shape[0] != 1 or not isinstance(shape[1], int) or shape[1] < 1:
            raise refuse(f"{name} has the shape {list(shape)} where a layer has [1, channels]")
        if widths.setdefault(layer, shape[1]) != shape[1]:
            raise refuse(f"the layer {layer!r} has {widths[layer]} channels in one place and {shape[1]} in another")
        found[name] = (1, shape[1])
    if sum(widths.values()) > MOST_CHANNELS:
        raise refuse(f"its layers have {sum(widths.values())} channels, more than {MOST_CHANNELS}")
    if not found:
        return Layers()
    try:
        typical = {str(layer): [float(v) for v in values] for layer, values in json.loads(metadata["typical"]).items()}
    except KeyError:
        typical = {}
    except (ValueError, TypeError, AttributeError, OverflowError, RecursionError):
        raise refuse("it says its typical levels in a way that cannot be read") from None
    for layer, values in typical.items():
        if not all(np.isfinite(v) and v >= 0.0 for v in values) or len(values) != widths.get(layer, len(values)):
            raise refuse(f"its typical levels of the layer {layer!r} are not one finite number for each channel")
    return Layers(found, typical)
