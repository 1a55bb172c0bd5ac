"""Worker: what show starts. ``python -m instrument.hands.worker`` with settings as JSON.

Imports nothing heavy until it runs, so that show, which only needs the settings, stays light.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from instrument.base.errors import RosinError
from instrument.base.text import say
from instrument.documents.options import MidiOptions, OscOptions
from instrument.documents.rig import Rig
from instrument.ipc.worker import CLOSED, REFUSED, Worker, WorkerSettings, begin
from instrument.knobs import PARAMETERS, KnobTable

if TYPE_CHECKING:
    from instrument.model.library.credits import Credits


@dataclass(frozen=True, slots=True, kw_only=True)
class HandsSettings(WorkerSettings):
    """What only the hands are told."""

    rig: str
    models: str
    allow_uncredited: bool
    osc: OscOptions
    midi: MidiOptions
    waits: bool = False
    """A network that is not there yet is waited for, instead of being an error."""

    @classmethod
    def of(
        cls,
        rig: Rig,
        patches: Sequence[str],
        allow_uncredited: bool,
        language: str = "en",
        index: int = 0,
        waits: bool = False,
    ) -> HandsSettings:
        """From the rig and the list of patches; the token is the show's to give."""
        return cls(
            patches=tuple(patches),
            index=index,
            language=language,
            rig=rig.path,
            models=rig.folders.models,
            allow_uncredited=allow_uncredited,
            osc=rig.osc,
            midi=rig.midi,
            waits=waits,
        )


def tables_of(patches: Sequence[str], models: str) -> list[KnobTable]:
    """The knob table of every patch, from its file and its model's card alone; one that fails has the parameters."""
    from instrument.model.library.cards import given_folders, read_with_card

    tables = []
    for path in patches:
        try:
            tables.append(read_with_card(Path(path), given_folders(models))[2])
        except RosinError:
            tables.append(KnobTable(PARAMETERS))
    return tables


def credits_of(patches: Sequence[str], models: str) -> list[Credits | None]:
    """Whose sounds each patch's model learned from; None where nobody can say."""
    from instrument.documents.patch import read_patch
    from instrument.model.library import cards

    found: list[Credits | None] = []
    for path in patches:
        try:
            found.append(cards.credits_of(read_patch(Path(path)), cards.given_folders(models)))
        except RosinError:
            found.append(None)
    return found


def accidents_of(path: str) -> list[str]:
    """The accidents kept with a patch, by the names of their files: read when one is asked for, as they come and go."""
    from instrument.base.paths import accident_folder
    from instrument.documents.patch import read_patch

    try:
        return sorted(file.stem for file in accident_folder(read_patch(Path(path)).name).glob("*.npz"))
    except (RosinError, OSError):
        return []


def main(text: str) -> int:
    """Run the hands until SIGTERM, or until the show is gone."""
    from instrument.hands.midi.driver import prepare
    from instrument.hands.process import Beginning, Hands
    from instrument.hands.state.learned import Learned
    from instrument.hands.state.patch_list import PatchList

    settings = HandsSettings.from_json(text)
    worker = Worker("hands", settings.token)
    link, row = worker.link, worker.row
    tables = tables_of(settings.patches, settings.models)
    credits = credits_of(settings.patches, settings.models)
    prepare(settings.midi.api)
    if settings.standby and not worker.wait_to_play():
        return CLOSED
    successor = row.pid != 0
    started_with = {"midi": settings.midi.bindings, "osc": settings.osc.bindings}
    learned = Learned(link, Path(settings.rig), started_with, successor)
    if learned.wrong:
        row.say(say("hands.rig", settings.language, why=learned.wrong.replace("\n", "; ")))
    try:
        patches = PatchList(
            [Path(p).stem for p in settings.patches],
            lambda i: tables[i],
            lambda i: credits[i],
            lambda i: accidents_of(settings.patches[i]),
        )
        hands = Hands(
            link,
            patches,
            dataclasses.replace(settings.osc, bindings=learned.rows("osc")),
            dataclasses.replace(settings.midi, bindings=learned.rows("midi")),
            learned.savers(),
            lambda event: (row.say(event.text(settings.language)), None)[1],
            begin=Beginning(settings.index, successor, settings.waits),
        )
    except RosinError as error:
        row.say(str(error))
        return REFUSED
    hands.run(worker.over)
    return CLOSED


if __name__ == "__main__":
    begin(main)
