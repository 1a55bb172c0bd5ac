"""Graphs: which writer makes a decoder's ONNX, by its family. Between the writer of a model and the families' graphs.

A decoder knows nothing of this: a new family has its writer here, and one entry.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import onnx

from instrument.base.errors import RosinError
from instrument.training.export.conv_graph import conv_graph
from instrument.training.export.decoder_graph import decoder_graph

WRITERS: dict[str, Callable[[Any, bool], onnx.ModelProto]] = {
    "harmonic": decoder_graph,
    "conv": conv_graph,
    "excited": conv_graph,
}
"""By family: (decoder, bends) -> ONNX of one voice."""

SEVERAL: dict[str, Callable[[Any, bool, int], onnx.ModelProto]] = {"harmonic": decoder_graph}
"""Families that play several voices in one call: (decoder, bends, voices) -> ONNX."""


def graph_of(decoder: Any, bends: bool = True, voices: int = 1) -> onnx.ModelProto:
    """The decoder as ONNX, one frame at a time. RosinError for more than one voice where the family plays one."""
    family = decoder.shape.family
    if voices == 1:
        return WRITERS[family](decoder, bends)
    if family not in SEVERAL:
        raise RosinError(f"a {family} decoder plays one voice in a call; voices=1")
    return SEVERAL[family](decoder, bends, voices)
