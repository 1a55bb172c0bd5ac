"""Worker: what hands, sound and stage have in common as processes that a show starts. Above the link.

    settings on the command line -> link, signals, parent -> a standby loads, and waits to be activated -> the end

A standby has everything loaded and comes on stage when the show writes its pid into the row of the show.
"""

from __future__ import annotations

import dataclasses
import json
import os
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import KW_ONLY, dataclass
from typing import NoReturn, Self

from instrument.base.errors import RosinError
from instrument.base.plain import from_plain
from instrument.base.printable import printable
from instrument.base.processes import ParentWatch, end, whole
from instrument.ipc.shared_link import Link

CLOSED, REFUSED, FAILED = 0, 2, 3
"""Exit codes: it was done, or the player closed it; it cannot be here, and said why; something broke, and another one
may be luckier."""
CUE_SECONDS = 0.005
"""Between two looks whether it is to play: what a standby's waiting may add to a gap."""


@dataclass(frozen=True, slots=True)
class WorkerSettings:
    """What every process of a show is told on its command line, as JSON. ``token``: of the link, the show's to give.

    ``patches``: paths in program order, the same for all; ``index``: the one that begins. ``standby``: wait for the
    cue.
    """

    token: str = ""
    patches: tuple[str, ...] = ()
    index: int = 0
    _: KW_ONLY
    language: str = "en"
    standby: bool = False

    def to_json(self) -> str:
        # default=str: a date in a binding is a mistake that the hands tell of, not one to fall over here
        return json.dumps(dataclasses.asdict(self), default=str)

    @classmethod
    def from_json(cls, text: str) -> Self:
        return from_plain(cls, json.loads(text))


class Worker:
    """One process of a show, in its main thread. From when it is made Ctrl-C is the show's to decide about (it reaches
    the whole group), and SIGTERM means ``stopping``. RosinError without a link."""

    def __init__(self, role: str, token: str) -> None:
        self.role = role
        self.stopping = False
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        self.link = Link.attach(token)
        self.row = self.link.health.row(role)
        self._show = self.link.health.row("show")
        self._parent = ParentWatch(self._show.pid)  # the show may have died while we were still being loaded
        signal.signal(signal.SIGTERM, self.stop)

    def stop(self, *_: object) -> None:
        self.stopping = True

    def over(self) -> bool:
        """Told to stop, or the show is gone."""
        return self.stopping or self._parent.gone

    def wait_to_play(self, look: Callable[[], object] = lambda: None, pause_s: float = CUE_SECONDS) -> bool:
        """The standby waits here, everything loaded; ``look`` is called all the while. True: on stage; False: the
        show is over."""
        while not self.over():
            if self._show.count(f"activate_{self.role}") == os.getpid():
                return True
            look()
            time.sleep(pause_s)
        return False


def begin(main: Callable[[str], int]) -> NoReturn:
    """Run ``main`` with the settings of the command line, and end with its code."""
    try:
        code = main(whole(sys.argv[1:]))
    except RosinError as error:  # no link, so there is nobody else to tell
        print(printable(str(error)), file=sys.stderr)
        code = REFUSED
    end(code)
