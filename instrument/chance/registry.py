"""Registry: the sources of chance that move knobs, found by their names in the table of knobs. Before mix.

``drift`` in CHANCE_SOURCES (knobs.py) is the class that instrument/chance/drift.py calls SOURCE. So a new source is its
module and its rows in the table; what it costs is that no arrow to it can be drawn by reading imports.
"""

from __future__ import annotations

from importlib import import_module
from types import ModuleType
from typing import Any

from instrument.knobs import CHANCE_SOURCES


def source_module(name: str) -> ModuleType:
    """The module of one of CHANCE_SOURCES."""
    return import_module(f"instrument.chance.{name}")


def source_of(name: str) -> Any:
    """The class of one of CHANCE_SOURCES, a child of ChanceSource."""
    return source_module(name).SOURCE


def source_modules() -> tuple[ModuleType, ...]:
    """All of them, in the order of the table."""
    return tuple(map(source_module, CHANCE_SOURCES))
