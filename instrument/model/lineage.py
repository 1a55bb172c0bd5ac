"""Lineage: what a model was made from, by hash and by name. Below card, which holds it; library finds who is here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


class Ancestor(str):
    """The sha256 of what a model was made from: a model's card, or the file it was imported from.

    ``name``: what that was called, empty where nobody noted it. Two ancestors are the same when their hashes are.
    """

    name: str

    def __new__(cls, sha256: str, name: str = "") -> Ancestor:
        made = super().__new__(cls, sha256)
        made.name = name or getattr(sha256, "name", "")
        return made


def ancestor_rows(ancestors: Sequence[str]) -> list[str | dict[str, str]]:
    """As they are written: { name, sha256 }, or the hash alone where there is no name."""
    return [{"name": a.name, "sha256": str(a)} if isinstance(a, Ancestor) and a.name else str(a) for a in ancestors]


def ancestors_from(rows: Any) -> tuple[Ancestor, ...]:
    """Ancestors as ``ancestor_rows`` wrote them; ValueError for anything else."""
    found = []
    for row in rows if isinstance(rows, list) else [None]:
        named = row if isinstance(row, Mapping) else {"sha256": row, "name": ""}
        sha256, name = named.get("sha256"), named.get("name")
        if not isinstance(sha256, str) or not isinstance(name, str) or len(named) != 2:
            raise ValueError(row)
        found.append(Ancestor(sha256, name))
    return tuple(found)


def chain(derived_from: Sequence[str], here: Mapping[str, tuple[str, Sequence[str]]]) -> tuple[Ancestor, ...]:
    """The whole line, nearest first: what is written, and what the models that are here add of names and ancestors.

    ``here``: of each model at hand, by the sha256 of its card, its name and what it derives from.
    """
    found: dict[str, Ancestor] = {}
    waiting = list(derived_from)
    while waiting:
        one = waiting.pop(0)
        name, more = here.get(one, ("", ()))
        if one not in found:
            found[one] = Ancestor(one, getattr(one, "name", "") or name)
            waiting += more
    return tuple(found.values())
