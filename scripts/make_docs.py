"""Fill the generated parts of docs: shapes, knob table, table of addresses from the code, figures from the models.

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

import docs_models
from docs_words import MEANINGS, SAID, VERBS

from instrument.base.validation import Field, Section
from instrument.documents.options import rows as rows_of
from instrument.documents.options import sections as sections_of
from instrument.documents.patch import Patch
from instrument.documents.patch_shape import SHAPE as PATCH_SHAPE
from instrument.documents.rig import SHAPE as RIG_SHAPE
from instrument.documents.rig import Rig
from instrument.hands import settings
from instrument.hands.osc import codec, echo, neighbours
from instrument.hands.osc.endpoints import HEARD, TOLD
from instrument.hands.state import bindings
from instrument.ipc import Frame
from instrument.knobs import PARAMETERS, Knob, table_for
from instrument.model.library.credits import Credits, Made, Sound
from instrument.model.runtime.null import null_card

DOCS = Path(__file__).resolve().parent.parent / "docs"
ROOT = "/rosin"


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
    said = " or ".join([words.get(part.kind, part.kind), *(f'`"{word}"`' for word in part.choices)])
    if part.low is not None and part.low == part.high:
        return f"`{_short(part.low)}`"
    return said if part.low is None or part.high is None else f"{said}, {_short(part.low)} to {_short(part.high)}"


def _short(value: float) -> str:
    return "2^63-1" if value == 2**63 - 1 else f"{value:.10g}"


def usual(home: Any, path: tuple[str, ...], part: Field) -> str:
    """What holds when the entry is left out: the dataclass's default, or the knob table's."""
    if part.needed:
        return "**needed**"
    if (inner := sections_of(home).get(path[0])) is not None:
        return usual(inner, path[1:], part)
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
    if path[0] in ("friction", "chance", "level") and path[-1] in MEANINGS and path[-2:-1] != ("at",):
        return MEANINGS[path[-1]] + unit
    return part.about or MEANINGS.get(path[-1], "")


def flag_of(home: Any, path: tuple[str, ...]) -> str:
    """The flag of `rosin play` that goes before an entry of the rig; empty for an entry that has none of its own."""
    for option in rows_of(home):
        if option.flag is not None and path == tuple(filter(None, (option.section, option.key))):
            return f" (`{option.flag.name}`)"
    return ""


def sections(shape: Section, home: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, list[tuple[str, ...]]]]:
    """Each table of a file: its TOML heading and its rows."""
    rows = [
        (
            f"`{key}`",
            kind_of(part),
            usual(home, (*path, key), part),
            meaning((*path, key), part) + flag_of(home, (*path, key)),
        )
        for key, part in shape.fields.items()
        if isinstance(part, Field)
    ]
    if rows:
        yield f"[{'.'.join(path)}]" if path else "", rows
    inside = {key: part for key, part in shape.fields.items() if isinstance(part, Section)}
    alike = {id(part): [key for key, other in inside.items() if other is part] for part in inside.values()}
    for first, part in inside.items():
        if alike[id(part)][0] != first:
            continue  # numbered, and told of once
        key = first if len(alike[id(part)]) == 1 else "N"
        yield from sections(part, home, (*path, key))
        if isinstance(part.each, Field):
            rows = [("`KNOB`", kind_of(part.each), "", part.each.about)]
            yield f"[{'.'.join((*path, key))}]", rows
        elif part.each is not None:
            here = (*path, key, "NAME" if key in ("accidents", "inputs") else "KNOB")
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
    """The addresses that are heard and are no knobs."""
    if set(HEARD) != set(VERBS):
        raise SystemExit(f"make_docs.py: VERBS and the endpoints differ: {sorted(set(HEARD) ^ set(VERBS))}")
    return table(
        ("address", "arguments", "meaning"),
        [(f"`{ROOT}/{verb}`", f"`{row.tags}`", VERBS[verb]) for verb, row in HEARD.items()],
    )


def said() -> str:
    """What the echo sends, heard from the echo itself."""
    wires: list[bytes] = []

    def hear(datagram: bytes, to: settings.Where) -> bool:
        wires.append(datagram)
        return True

    knob = f"{ROOT}/knob/KNOB"
    speaker = echo.Echo([("127.0.0.1", 9)], ROOT, hear, detail=True)
    speaker.change((knob,), table_for(null_card().specs[:1]))  # a playable one: its detents are told too
    frame = Frame()
    frame.knob_count = frame.playable = 1
    sound = Sound("a title", "an author", "", "CC0-1.0", "", 1.0, "")
    near = neighbours.Neighbours(ROOT)
    near.change(Credits("", Made("", ""), (sound,)))
    near.look(frame, 1.0)
    speaker.tell(frame, [("KNOB", 0.25)], 1.0, near.lines)
    rows = [(f"`{knob}`", "the hand on a knob, raw, whoever moved it; never back to who did")]
    for datagram in wires:
        address = codec.read(datagram)[0][0].address
        address = re.sub(r"/\d+$", "/N", address)
        if address != knob and not any(address in row[0] for row in rows[1:] if address.endswith("/N")):
            rows.append((f"`{address}`", SAID[address.removeprefix(f"{ROOT}/")]))
    if {address.removeprefix(f"`{ROOT}/")[:-1] for address, _ in rows[1:]} != set(TOLD) or set(TOLD) != set(SAID):
        raise SystemExit("make_docs.py: what the echo says, the endpoints and SAID differ")
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
    "models.md": docs_models.PARTS,
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
