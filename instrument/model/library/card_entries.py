"""Card entries: one table of a card.toml read entry by entry, every mistake kept and none believed. Before card."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from instrument.base.validation import short
from instrument.knobs import Label


class Entries:
    """``take`` and its kin give a default for what is wrong and note it in ``wrong``. ``at``: before each key."""

    def __init__(self, table: Mapping[str, Any], at: str = "", wrong: list[str] | None = None) -> None:
        self.table, self.at = table, at
        self.wrong: list[str] = [] if wrong is None else wrong

    def refuse(self, key: str, why: str) -> None:
        self.wrong.append(f"{self.at}{key}: {why}")

    def take(self, key: str, kind: type | tuple[type, ...], default: Any = None) -> Any:
        """An entry of a kind; True is no number."""
        value = self.table.get(key, default)
        if value is None or not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
            said = "it is missing" if value is None else f"{short(value)} is not what a card holds there"
            self.wrong.append(f"{key}: {said}; fetch the model again")
            return default
        return value

    def number(self, key: str) -> float:
        """A finite number."""
        value = self.take(key, (int, float), 0.0)
        try:
            real = float(value)
        except OverflowError:
            real = math.inf
        if not math.isfinite(real):
            self.refuse(key, f"{str(value)[:40]} is no finite number; fetch the model again")
            return 0.0
        return real

    def texts(self, key: str) -> tuple[str, ...]:
        """A list of texts."""
        values = self.take(key, list, [])
        if not all(isinstance(value, str) for value in values):
            self.refuse(key, f"{short(values)} is no list of texts; fetch the model again")
            return ()
        return tuple(values)

    def label(self, value: Any, key: str) -> Label:
        """A text in two languages, or one for both."""
        if isinstance(value, str):
            return Label(value, value)
        if isinstance(value, Mapping) and all(isinstance(value.get(k), str) for k in ("en", "fr")):
            return Label(value["en"], value["fr"])
        self.wrong.append(f"{key}: {short(value)} is no text in two languages; fetch the model again")
        return Label("", "")
