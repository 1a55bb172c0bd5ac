"""Notices: what the processes have to say to the player, numbered, so that nothing is skipped unseen. Beside show.

Only so many are kept; who reads them says up to which number he has, and is told how many were gone before he came.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

from instrument.ipc.health import Row

KEPT = 200


class Notices:
    """``append`` a sentence; ``since(number)`` those after it. ``count``: how many there have been."""

    def __init__(self, kept: int = KEPT) -> None:
        self._texts: deque[str] = deque(maxlen=kept)
        self.count = 0

    def append(self, text: str) -> None:
        self._texts.append(text)
        self.count += 1

    def since(self, number: int) -> tuple[int, list[str]]:
        """How many sentences after this number are no longer kept, and those that are, oldest first."""
        new = max(0, self.count - number)
        texts = list(self._texts)[-new:] if new else []
        return new - len(texts), texts

    @property
    def last(self) -> str:
        """The newest; empty before the first."""
        return self._texts[-1] if self._texts else ""

    def __iter__(self) -> Iterator[str]:
        return iter(tuple(self._texts))

    def __len__(self) -> int:
        return len(self._texts)


class Reader:
    """Reads the notices of one row of the health table as they come."""

    def __init__(self, row: Row) -> None:
        self._row = row
        self._seen = 0

    def read(self) -> tuple[int, list[str]]:
        """How many were said and written over before this look, and the new ones, oldest first."""
        notices = self._row.notices(self._seen)
        if not notices:
            return 0, []
        missed = notices[-1].number - self._seen - len(notices)
        self._seen = notices[-1].number
        return missed, [notice.text for notice in notices]
