"""Waiting: an OSC that cannot listen yet - no network, no such name, a port that is taken - tried every second.

A name that nobody knows can take its resolver many seconds to say so, and meanwhile MIDI must play: names are looked up
by a thread, and only numbers come to the socket.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace

from instrument.base.errors import RosinError
from instrument.documents.options import OscOptions
from instrument.hands.osc.hand import OscHand
from instrument.hands.settings import networks, where

AGAIN_SECONDS = 1.0


class Waiting:
    """``begin`` when it was refused, then ``look`` often: the hand when it listens at last."""

    def __init__(self, settings: OscOptions, listen: Callable[[OscOptions], OscHand]) -> None:
        self._settings, self._listen = settings, listen
        self._again_at = float("inf")
        self._thread: threading.Thread | None = None
        self._found: OscOptions | None = None

    def begin(self, now: float) -> None:
        self._again_at = now + AGAIN_SECONDS

    def look(self, now: float) -> OscHand | None:
        """RosinError when it was tried just now and refused again; it will be tried again."""
        if self._thread is not None:
            if self._thread.is_alive():
                return None
            self._thread = None
            if self._found is None:
                self.begin(now)
                return None
            try:
                hand = self._listen(self._found)
            except RosinError:
                self.begin(now)
                raise
            self._again_at = float("inf")
            return hand
        if now >= self._again_at:
            self._thread = threading.Thread(target=self._look_up, name="names", daemon=True)
            self._thread.start()
        return None

    def _look_up(self) -> None:
        try:
            self._found = numbers(self._settings)
        except RosinError:
            self._found = None


def numbers(settings: OscOptions) -> OscOptions:
    """The same with addresses in place of names. RosinError for a name that nobody knows."""
    echo = tuple("{}:{}".format(*where(target)) for target in settings.echo)
    allow = tuple(str(network) for network in networks(settings.allow))
    return replace(settings, listen="{}:{}".format(*where(settings.listen)), echo=echo, allow=allow)
