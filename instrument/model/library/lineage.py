"""Lineage: what a model was made from, by hash, by name and by whom. Below card, which holds it; library finds who is
here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


class Ancestor(str):
    """The sha256 of what a model was made from: a model's card, or the file it was imported from.

    ``name``: what that was called; ``licence`` and ``authors``: under what and by whom it was given. Empty where nobody
    noted it. Two ancestors are the same when their hashes are.
    """

    name: str
    licence: str
    authors: tuple[str, ...]

    def __new__(cls, sha256: str, name: str = "", licence: str = "", authors: Sequence[str] = ()) -> Ancestor:
        made = super().__new__(cls, sha256)
        made.name = name or getattr(sha256, "name", "")
        made.licence = licence or getattr(sha256, "licence", "")
        made.authors = tuple(authors) or getattr(sha256, "authors", ())
        return made


def ancestor_rows(ancestors: Sequence[str]) -> list[str | dict[str, Any]]:
    """As they are written: { name, sha256, licence, authors } as far as they are known, or the hash alone."""
    return [_row(Ancestor(one)) for one in ancestors]


def _row(one: Ancestor) -> str | dict[str, Any]:
    row: dict[str, Any] = {"name": one.name, "sha256": str(one)}
    row |= {"licence": one.licence} if one.licence else {}
    row |= {"authors": list(one.authors)} if one.authors else {}
    return row if one.name or len(row) > 2 else str(one)


def ancestors_from(rows: Any) -> tuple[Ancestor, ...]:
    """Ancestors as ``ancestor_rows`` wrote them; ValueError for anything else."""
    found = []
    for row in rows if isinstance(rows, list) else [None]:
        named = row if isinstance(row, Mapping) else {"sha256": row, "name": ""}
        texts = [named.get("sha256"), named.get("name"), named.get("licence", "")]
        authors = named.get("authors", [])
        if (
            not all(isinstance(part, str) for part in texts)
            or not isinstance(authors, list)
            or not all(isinstance(author, str) for author in authors)
            or set(named) - {"sha256", "name", "licence", "authors"}
        ):
            raise ValueError(row)
        sha256, name, licence = map(str, texts)
        found.append(Ancestor(sha256, name, licence, authors))
    return tuple(found)


def chain(derived_from: Sequence[str], here: Mapping[str, tuple[Ancestor, Sequence[str]]]) -> tuple[Ancestor, ...]:
    """The whole line, nearest first: what is written, and what the models that are here add of names and ancestors.

    ``here``: of each model at hand, by the sha256 of its card, itself as an ancestor and what it derives from.
    """
    found: dict[str, Ancestor] = {}
    waiting = list(derived_from)
    while waiting:
        one = Ancestor(waiting.pop(0))
        known, more = here.get(one, (Ancestor(one), ()))
        if one not in found:
            found[one] = Ancestor(
                str(one), one.name or known.name, one.licence or known.licence, one.authors or known.authors
            )
            waiting += more
    return tuple(found.values())
