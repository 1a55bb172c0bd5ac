"""Patch labels: the words of the stage for each patch - title, names of knobs, whose model this is.
After patch and card.

Read once, when the process starts, from the files that the settings name; a file that fails leaves a patch with the
parameters' table and says so instead of a title.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from instrument.base.errors import RosinError
from instrument.documents.scene_file import with_own_scenes
from instrument.knobs import PARAMETERS, KnobTable
from instrument.model.library.cards import given_folders, read_with_card
from instrument.stage.data.model_info import ModelInfo, read_model_info

NO_TABLE = KnobTable(())


@dataclass(frozen=True, slots=True, eq=False)
class PatchLabels:
    """What is written on the stage while one patch plays, in one language.

    ``names`` and ``starts`` (raw 0..1): of the playable knobs. ``model``: who made what sounds; ``credits``: from whom.
    ``table``: all its knobs. ``model_info``: what the model says of itself. ``scenes``: titles of scenes by slot 0..7.
    """

    title: str
    names: tuple[str, ...] = ()
    starts: tuple[float, ...] = ()
    model: str = ""
    credits: str = ""
    table: KnobTable = NO_TABLE
    model_info: ModelInfo = field(default_factory=ModelInfo)
    scenes: Mapping[int, str] = field(default_factory=dict)

    @classmethod
    def of_table(
        cls,
        title: str,
        table: KnobTable,
        language: str,
        model: str = "",
        credits: str = "",
        model_info: ModelInfo | None = None,
        scenes: Mapping[int, str] | None = None,
    ) -> PatchLabels:
        names = tuple(knob.label.of(language) for knob in table.playable)
        starts = tuple(knob.start for knob in table.playable)
        return cls(title, names, starts, model, credits, table, model_info or ModelInfo(), scenes or {})


def read_labels(path: str, language: str, models: str = "") -> PatchLabels:
    """The labels of one patch file; never raises for a file that is wrong."""
    given = given_folders(models)
    try:
        patch, card, table = read_with_card(Path(path), given)
        patch, _ = with_own_scenes(patch)
        model_info = read_model_info(patch, language, given)
    except RosinError:
        return PatchLabels.of_table(Path(path).stem, KnobTable(PARAMETERS), language)
    title = patch.title.of(language) or patch.name
    model = f"{card.title.of(language) or card.name} · {', '.join(card.authors)} · {card.licence}"
    scenes = {slot: scene.title.of(language) for slot, scene in patch.scenes.items()}
    return PatchLabels.of_table(title, table, language, model, model_info.learned, model_info, scenes)


def read_all_labels(paths: Sequence[str], language: str, models: str = "") -> list[PatchLabels]:
    """One for each patch, in program order."""
    return [read_labels(path, language, models) for path in paths]


def elide(text: str, fits: float, measure: Callable[[str], float]) -> str:
    """``text`` cut with an ellipsis so that ``measure(text)`` is at most ``fits``; empty when not even that fits."""
    if measure(text) <= fits:
        return text
    low, high = 0, len(text)
    while low < high:
        middle = (low + high + 1) // 2
        if measure(text[:middle].rstrip(" ·,;") + "…") <= fits:
            low = middle
        else:
            high = middle - 1
    return text[:low].rstrip(" ·,;") + "…" if low else ""


def wrap(text: str, fits: float, lines: int, measure: Callable[[str], float]) -> list[str]:
    """``text`` in at most ``lines`` lines no wider than ``fits``, cut between words; what is left over is elided."""
    words, made = text.split(), [""]
    while words:
        longer = f"{made[-1]} {words[0]}".strip()
        if measure(longer) > fits and made[-1]:
            if len(made) == lines:
                made[-1] = elide(f"{made[-1]} {' '.join(words)}", fits, measure)
                return made
            made.append("")
            continue
        made[-1] = elide(longer, fits, measure)
        words.pop(0)
    return made
