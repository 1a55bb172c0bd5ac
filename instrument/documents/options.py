"""Options: what a rig says, a row each - its entry in the file, its bounds, what stands when nothing is said, its flag.

The file's shape, the editors' schema, the flags of `rosin play`, what each process is told and the page of the docs are
derived from these rows. A section goes whole to the process that lives by it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, is_dataclass
from typing import Any, NamedTuple, TypeVar

from instrument.base.validation import Field, Section

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Flag:
    """How the command line says it: ``name`` with its dashes. ``choices``: fewer than the file's; none: the file's."""

    name: str
    help: str
    metavar: str | None = None
    choices: tuple[str, ...] = ()
    unit: str = ""
    """Of a number, after its bounds."""
    remedy: str = ""
    """Of a number that is out of range; empty: to give one within the bounds."""

    @property
    def dest(self) -> str:
        """Its name among the parsed arguments."""
        return self.name.lstrip("-").replace("-", "_")


def option(usual: T, entry: Field, flag: Flag | None = None) -> T:
    """One row. ``usual``: what stands when neither file nor command line says anything."""
    made: T = dataclasses.field(default=usual, metadata={"entry": entry, "flag": flag})
    return made


@dataclass(frozen=True, slots=True)
class SoundOptions:
    """``block`` in frames, ``ahead`` in blocks of the engine's own size."""

    device: str = option(
        "",
        Field("text", about="part of the device's name; empty = the system's own; 'null' = none"),
        Flag("--device", "part of the sound device's name, or 'null' (see `rosin devices`)"),
    )
    block: int = option(
        128,
        Field("integer", low=16, high=8192, about="frames the device asks for at a time"),
        Flag("--block", "frames the device asks for at a time", unit="frames"),
    )
    ahead: int = option(
        0,
        Field("integer", low=0, high=64, about="blocks computed ahead; 0 = in the device's callback"),
        Flag("--ahead", "blocks computed ahead of the device; 0 = in its callback", unit="blocks"),
    )
    input: bool = option(
        False, Field("boolean", about="open the device's inputs too"), Flag("--input", "open the device's inputs")
    )
    provider: str = option(
        "auto",
        Field("choice", choices=("auto", "cpu", "cuda"), about="what runs the model"),
        Flag("--provider", "what runs the model"),
    )
    ceiling_db: float = option(-1.0, Field("number", low=-24, high=0, about="no sample ever passes it"))


@dataclass(frozen=True, slots=True)
class OscOptions:
    """``listen`` HOST:PORT (empty or "off": no OSC); ``allow`` hosts or networks, empty = all that can reach us.

    ``detail`` also sends hand, pos, force, stuck and pickup distance of every playable knob. ``neighbours``: ``all``,
    ``numbers`` (no texts, for those whom they upset) or ``off``. ``bindings``: addresses of others that move our knobs.
    """

    listen: str = option(
        "127.0.0.1:9000",
        Field("text", about="HOST:PORT; 127.0.0.1 hears this machine alone"),
        Flag("--listen", "where OSC is heard (127.0.0.1 = this machine alone)", "HOST:PORT"),
    )
    allow: tuple[str, ...] = option(
        (),
        Field("texts", about="senders that are heard; empty = every one that can reach us"),
        Flag("--allow", "hear OSC from this sender or network only (repeatable)", "HOST"),
    )
    echo: tuple[str, ...] = option((), Field("texts", about="HOST:PORT of clients that are told of every move"))
    root: str = option("/rosin", Field("text", about="first part of every address"))
    schedule: bool = option(False, Field("boolean", about="honour timetags within 200 ms"))
    detail: bool = option(False, Field("boolean", about="also send hand, pos, force and stuck of every playable knob"))
    neighbours: str = option(
        "all",
        Field("choice", choices=("all", "numbers", "off"), about="whose sounds are near: with names, or not at all"),
    )
    bindings: tuple[Mapping[str, Any], ...] = option((), Field("tables", about="addresses that were learned"))


@dataclass(frozen=True, slots=True)
class MidiOptions:
    """``api`` auto, alsa, jack, core, winmm or off; ``ports`` parts of names, empty = all; ``bindings``: learned."""

    api: str = option(
        "auto",
        Field("choice", choices=("auto", "alsa", "jack", "core", "winmm", "off")),
        Flag("--midi", "the system's MIDI to use: auto, alsa, jack, core, winmm or off", "API"),
    )
    ports: tuple[str, ...] = option((), Field("texts", about="parts of port names to open; empty = all"))
    takeover: str = option("pickup", Field("choice", choices=("pickup", "scale", "jump")))
    mpe: str = option(
        "auto",
        Field(
            "choice",
            choices=("auto", "lower", "upper", "both", "off"),
            about="which channels are single fingers; auto: as a controller says by itself (MPE configuration)",
        ),
    )
    mpe_bend: float = option(48.0, Field("number", low=0, high=96, about="semitones of a finger's whole bend"))
    bindings: tuple[Mapping[str, Any], ...] = option((), Field("tables", about="what was learned"))


@dataclass(frozen=True, slots=True)
class StageOptions:
    """The window: ``width`` and ``height`` in pixels, ``display`` counted from 1. Its flags have some more to say."""

    window: bool = option(True, Field("boolean", about="open the stage's window where there is a screen"))
    fullscreen: bool = option(
        False,
        Field("boolean", about="the window fills its display"),
        Flag("--fullscreen", "the window fills its display"),
    )
    display: int = option(
        1,
        Field("integer", low=1, high=16, about="the display it is on, counted from 1"),
        Flag("--display", "the display it is on, counted from 1", "N", remedy="the first display is --display 1"),
    )
    width: int = option(1280, Field("integer", low=320, high=7680, about="pixels"))
    height: int = option(720, Field("integer", low=180, high=4320, about="pixels"))
    big_type: bool = option(
        False, Field("boolean", about="larger words"), Flag("--big-type", "larger words on the stage")
    )
    calm: bool = option(
        False,
        Field("boolean", about="nothing flickers or trembles"),
        Flag("--calm", "a stage on which nothing flickers or trembles"),
    )


@dataclass(frozen=True, slots=True)
class Folders:
    """Where recordings go, and where models and patches are looked for besides the usual places; empty: nowhere."""

    takes: str = option("takes", Field("text"), Flag("--takes", "where recordings go", "FOLDER"))
    models: str = option("", Field("text"))
    patches: str = option("", Field("text"))


class OptionRow(NamedTuple):
    """One option of a rig: ``section`` empty at the top."""

    section: str
    key: str
    usual: Any
    entry: Field
    flag: Flag | None


def rows(options: type, section: str = "") -> Iterator[OptionRow]:
    """Every row of a class of options, and of the sections in it."""
    for found in dataclasses.fields(options):
        if "entry" in found.metadata:
            yield OptionRow(section, found.name, found.default, found.metadata["entry"], found.metadata["flag"])
    for name, inner in sections(options).items():
        yield from rows(inner, name)


def sections(options: type) -> dict[str, type]:
    """The classes of options in it, by name."""
    made: dict[str, Any] = {found.name: found.default_factory for found in dataclasses.fields(options)}
    return {name: factory for name, factory in made.items() if isinstance(factory, type) and is_dataclass(factory)}


def shape_of(options: type) -> Section:
    """What a file may say of them."""
    return Section({row.key: row.entry for row in rows(options)})
