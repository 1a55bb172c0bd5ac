"""Plain: a dataclass out of tables, as files and command lines carry it. Under what each process is told."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, TypeVar, get_type_hints

T = TypeVar("T")


def from_plain(kind: type[T], table: Mapping[str, Any]) -> T:
    """Out of tables that were checked, or that ``dataclasses.asdict`` gave and JSON carried: lists become tuples, and
    tables dataclasses where a field is one."""
    kinds = get_type_hints(kind)

    def value(key: str, said: Any) -> Any:
        if isinstance(said, list):
            return tuple(said)
        return from_plain(kinds[key], said) if dataclasses.is_dataclass(kinds.get(key)) else said

    return kind(**{key: value(key, said) for key, said in table.items()})
