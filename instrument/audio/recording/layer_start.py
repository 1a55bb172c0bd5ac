"""Layer start: a layer as a take names it, and as it was before it came on stage. For takefiles."""

from __future__ import annotations

from typing import NamedTuple

from instrument.documents.patch import Scene
from instrument.documents.take import Cue
from instrument.engine.layer import Layer
from instrument.storage.opening import Usage


class Coming(NamedTuple):
    """A layer as it was before it came on stage in this take."""

    scenes: dict[int, Scene]
    blend_ms: float
    usage: Usage

    @classmethod
    def of(cls, layer: Layer) -> Coming:
        scenes = {slot: Scene(knobs) for slot, knobs in layer.scenes.all_knobs().items()}
        return cls(scenes, layer.scenes.blend_ms, layer.voice.usage())


def cue_of(layer: Layer, seed: int, coming: Coming, fresh: bool = True) -> Cue:
    """A layer as a take names it."""
    patch, card = layer.patch, layer.voice.card
    return Cue(
        patch.name, patch.path, patch.digest, card.sha256 or card.name, seed, coming.scenes, coming.blend_ms, fresh
    )
