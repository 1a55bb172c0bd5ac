"""Fill the generated parts of docs/patches.md and docs/osc.md from the code: shapes, knob table, book of addresses.

    python scripts/make_docs.py            writes them
    python scripts/make_docs.py --check    writes nothing; exit 1 when one is out of date

A generated part stands between ``<!-- made: NAME -->`` and ``<!-- end -->``; everything else in these files is yours.
"""

from __future__ import annotations

import argparse
import dataclasses
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from instrument.fields import Field, Section
from instrument.hands import bindings, book, echo, settings, wire
from instrument.knobs import PARAMETERS, Knob, table_for
from instrument.link import Frame
from instrument.model.null import null_card
from instrument.patch import SHAPE as PATCH_SHAPE
from instrument.patch import Patch
from instrument.rig import SHAPE as RIG_SHAPE
from instrument.rig import Rig

DOCS = Path(__file__).resolve().parent.parent / "docs"
ROOT = "/rosin"

VERBS = {  # of the book: arguments and meaning; one that is here and not there, or the other way round, is an error
    "latents": ("f f f …", "the knobs of the model from the first on, raw; as many as are sent"),
    "patch/load": ("s or i", "a patch by its name, or by its place in the list from 0"),
    "note": (
        "i [f]",
        f"MIDI note and velocity: 0 lets it go, up to 1 as it is, above as 0..127; without one {book.VELOCITY:g}",
    ),
    "seed": ("i", "every chance begins again under this seed"),
    "panic": ("[bang]", "silence in 30 ms"),
    "resume": ("[bang]", "sound again after a panic"),
    "reset": ("[bang]", "the model forgets what it was doing"),
    "notes/off": ("[bang]", "lets every note go"),
    "bend": ("f", "pitch bend, -1..1"),
    "pressure": ("f", "aftertouch, 0..1: leans on the loudness knob"),
    "sustain": ("f", "pedal, down from 0.5"),
    "record": ("i", "1 starts a recording, 0 ends it"),
    "hands_only": ("i", "1: friction and chance rest, the knobs obey; 0: they play again"),
    "snapshot": ("[i]", f"keeps everything that decides the next samples in slot 0..{book.SLOTS - 1}; 0 without one"),
    "restore": ("[i]", "back to what the slot keeps, on the same patch"),
    "learn": (
        "[s [f f i]]",
        "the next MIDI control moved will move this knob (id, lowest, highest, invert); empty cancels",
    ),
    "unlearn": ("s", "frees a knob of its MIDI controls"),
    "sync": ("[i]", "tell me everything, now and from now on, at the port I send from, or at port i (1024 and above)"),
}
MEANINGS = {  # of entries that the shapes leave to the reader; the unit is the knob table's
    "difficulty": "how hard it is: 0 none at all, 5 as written, 10 twice as hard",
    "hazard": "how much chance: 0 none at all, 5 as written, 10 double",
    "stick": "how far the hand gets ahead before the knob moves",
    "slide": "how far the knob stays behind while it moves; at most `stick`",
    "vs": "speed at which sticking turns to sliding",
    "pre": "how far the knob gives before it breaks loose",
    "elastic": "share of that give that springs back",
    "weight": "frequency of the knob's mass on the hand's spring: low is heavy",
    "zeta": "damping of the hand: below 1 the knob swings",
    "visc": "thickness: time by which a steady sweep lags",
    "micro": "damping inside the give, relative",
    "drift": "how far the knob wanders by itself (standard deviation)",
    "tau": "how slowly it wanders",
    "db": "level",
    "bend_semitones": "what a full pitch bend is worth",
    "attack_ms": "from silence to the key's loudness",
    "release_ms": "and back",
    "glide_ms": "from one held key's pitch to the next",
    "amount": "how much of it",
    "language": "of what is said; auto = the system's",
    "api": "the system's MIDI to use; auto = what there is",
    "takeover": "what an absolute controller may do to a knob that stands elsewhere, see below",
    "takes": "where recordings go",
    "models": "a folder of models that is looked in first",
    "patches": "a folder of patches that is looked in first",
}
SAID = {  # of the echo, by the end of the address
    "out/level": "loudness of the block, RMS 0..1",
    "out/peak": "its highest sample, 0..1",
    "out/load": "share of the block's time spent computing",
    "out/xruns": "blocks the device missed",
    "out/patch": "which patch plays, its place in the list from 0",
    "out/z": "what the model is given, in its own units",
    "hand": "where the hand is, raw",
    "pos": "where the knob is, raw",
    "force": "strain between the two, in travel",
    "stuck": "1 held, 2 sliding",
    "distance": "from a MIDI control to the knob that it has yet to catch",
}


def row(*cells: str) -> str:
    """A line of a Markdown table."""
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def table(headings: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    return "\n".join([row(*headings), row(*["---"] * len(headings)), *(row(*cells) for cells in rows)])


# --- files


def kind_of(part: Field) -> str:
    """What is written there, and its range."""
    words = {
        "texts": "list of texts",
        "tables": "list of tables",
        "label": "text, or `{ en, fr }`",
        "sha256": "64 hex digits",
        "integer": "whole number",
        "boolean": "`true` or `false`",
    }
    if part.kind == "choice":
        return " or ".join(f'`"{choice}"`' for choice in part.choices)
    said = words.get(part.kind, part.kind)
    if part.low is not None and part.low == part.high:
        return f"`{_short(part.low)}`"
    return said if part.low is None or part.high is None else f"{said}, {_short(part.low)} to {_short(part.high)}"


def _short(value: float) -> str:
    return "2^63-1" if value == 2**63 - 1 else f"{value:.10g}"


def usual(home: Any, path: tuple[str, ...], part: Field) -> str:
    """What holds when the entry is left out: the dataclass's default, or the knob table's."""
    if part.needed:
        return "**needed**"
    defaults = {field.name: field.default for field in dataclasses.fields(home)}
    for name in ("_".join(path), path[-1]):
        if len(path) < 3 and name in defaults:
            return written(defaults[name])
    knob = {knob.id: knob for knob in PARAMETERS}.get(".".join(path))
    return written(knob.value(knob.start)) if knob is not None else ""


def written(value: Any) -> str:
    """A default as TOML has it; nothing for an empty one."""
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, (int, float)):
        return f"`{_short(value)}`"
    return f'`"{value}"`' if isinstance(value, str) and value else ""


def meaning(path: tuple[str, ...], part: Field) -> str:
    """What an entry is for. A knob's own words are its name and unit, so the longer ones here come first."""
    knob = {knob.id: knob for knob in PARAMETERS}.get(".".join(path[-2:]))
    unit = f" [{knob.unit}]" if knob is not None and knob.unit else " [dB]" if path[-1] == "db" else ""
    if path[0] in ("friction", "chance", "level") and path[-1] in MEANINGS:
        return MEANINGS[path[-1]] + unit
    return part.about or MEANINGS.get(path[-1], "")


def sections(shape: Section, home: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, list[tuple[str, ...]]]]:
    """Each table of a file: its TOML heading and its rows."""
    rows = [(f"`{key}`", kind_of(part), usual(home, (*path, key), part), meaning((*path, key), part))
            for key, part in shape.fields.items() if isinstance(part, Field)]  # fmt: skip
    if rows:
        yield f"[{'.'.join(path)}]" if path else "", rows
    for key, part in shape.fields.items():
        if isinstance(part, Section):
            yield from sections(part, home, (*path, key))
        if isinstance(part, Section) and part.each is not None:
            here = (*path, key, "KNOB")
            same = all(shape.fields.get(name) is field for name, field in part.each.fields.items())
            names = ", ".join(f"`{name}`" for name in part.each.fields)
            one = [(names, "as above", "as above", "for this knob alone")]
            yield from [(f"[{'.'.join(here)}]", one)] if same else sections(part.each, home, here)


def reference(shape: Section, home: Any) -> str:
    """A file's shape as Markdown tables."""
    parts = []
    for heading, rows in sections(shape, home):
        parts.append(f"### `{heading}`" if heading else "### At the top")
        parts.append(table(("entry", "kind", "if left out", "meaning"), rows))
    return "\n\n".join(parts)


def learned() -> str:
    """The rows of midi.bindings."""
    _, rows = next(sections(bindings.SHAPE, bindings.Binding))
    return table(("entry", "kind", "if left out", "meaning"), rows)


# --- OSC


def knob_table(knobs: Iterable[Knob]) -> str:
    """Knobs with the addresses that move them."""
    rows = []
    for k in knobs:
        span = f"{k.low:g} to {k.high:g} {k.unit}".strip()
        rows.append((f"`{ROOT}/knob/{k.id}`", k.label.en, k.label.fr, span, k.curve, f"{k.value(k.start):.3g}"))
    return table(("address", "name", "nom", "value at raw 0 to 1", "curve", "starts at"), rows)


def verbs() -> str:
    """The book's addresses that are no knobs."""
    pages = book.Book(ROOT, table_for(()), [("bow",)])
    heard = [address.removeprefix(f"{ROOT}/") for address in pages if "/knob/" not in address]
    if set(heard) != set(VERBS):
        raise SystemExit(f"make_docs.py: VERBS and the book differ: {sorted(set(heard) ^ set(VERBS))}")
    return table(
        ("address", "arguments", "meaning"),
        [(f"`{ROOT}/{verb}`", f"`{VERBS[verb][0]}`", VERBS[verb][1]) for verb in heard],
    )


def said() -> str:
    """What the echo sends, heard from the echo itself."""
    wires: list[bytes] = []

    def hear(datagram: bytes, to: settings.Where) -> bool:
        wires.append(datagram)
        return True

    knob = f"{ROOT}/knob/KNOB"
    speaker = echo.Echo([("127.0.0.1", 9)], ROOT, hear, detail=True)
    speaker.change((knob,))
    frame = Frame()
    frame.knob_count = frame.playable = 1
    speaker.tell(frame, [("KNOB", 0.25)], 1.0)
    rows = [(f"`{knob}`", "the hand on a knob, raw, whoever moved it; never back to who did")]
    for datagram in wires:
        address = wire.read(datagram)[0][0].address
        if address != knob:
            rows.append((f"`{address}`", SAID[address.removeprefix(f"{ROOT}/").removeprefix("knob/KNOB/")]))
    return table(("address", "meaning"), rows)


PARTS: dict[str, dict[str, Callable[[], str]]] = {
    "patches.md": {
        "patch": lambda: reference(PATCH_SHAPE, Patch),
        "rig": lambda: reference(RIG_SHAPE, Rig),
        "bindings": learned,
    },
    "osc.md": {
        "knobs": lambda: knob_table(PARAMETERS),
        "voice": lambda: knob_table(table_for(null_card().specs).playable),
        "verbs": verbs,
        "said": said,
    },
}


def made(name: str, text: str) -> str:
    """One file with its generated parts anew."""
    for part, write in PARTS[name].items():
        pattern = re.compile(rf"(<!-- made: {part} -->\n).*?(<!-- end -->)", re.DOTALL)
        if not pattern.search(text):
            raise SystemExit(
                f"make_docs.py: {name} has no part {part}; write <!-- made: {part} --> and <!-- end --> in it"
            )
        text = pattern.sub(lambda found, write=write: f"{found[1]}\n{write()}\n\n{found[2]}", text)  # type: ignore[misc]
    return text


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 when a file is out of date")
    args = parser.parse_args(arguments)
    old = []
    for name in PARTS:
        path = DOCS / name
        text = path.read_text(encoding="utf-8")
        wanted = made(name, text)
        if wanted != text:
            old.append(name)
            if not args.check:
                path.write_text(wanted, encoding="utf-8")
    if old:
        print(f"{'out of date' if args.check else 'written'}: {', '.join(old)}")
    return 1 if old and args.check else 0


if __name__ == "__main__":
    sys.exit(main())
