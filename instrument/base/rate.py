"""Rate: how often something slow may be asked for. Beside whoever does it; a bucket of tokens, no clock of its own."""

from __future__ import annotations


class Allowance:
    """``at_once`` times as fast as one likes, then once every ``every_s`` seconds. (A token bucket.)"""

    def __init__(self, at_once: int, every_s: float) -> None:
        self._most, self._every_s = float(at_once), every_s
        self._left, self._seen = float(at_once), 0.0

    def _fill(self, now: float) -> None:
        if now > self._seen:
            self._left = min(self._most, self._left + (now - self._seen) / self._every_s)
            self._seen = now

    def take(self, now: float) -> bool:
        """Whether it may be done at ``now`` (s, monotonic); then it counts."""
        self._fill(now)
        if self._left < 1.0:
            return False
        self._left -= 1.0
        return True

    def wait_s(self, now: float) -> float:
        """Seconds until it may be done again."""
        self._fill(now)
        return max(0.0, (1.0 - self._left) * self._every_s)


class ThrottledSentences:
    """Sentences that come again and again: each kind once every ``every_s`` seconds."""

    def __init__(self, every_s: float = 10.0) -> None:
        self._every_s = every_s
        self._last: dict[str, float] = {}

    def may(self, kind: str, now: float) -> bool:
        """Whether it is time to say it."""
        if now - self._last.get(kind, -self._every_s) < self._every_s:
            return False
        if len(self._last) > 256:
            self._last.clear()
        self._last[kind] = now
        return True
