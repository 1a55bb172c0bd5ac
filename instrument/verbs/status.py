"""Status: the instrument on one line of a terminal - level, load, latency, dropouts, what the hands do."""

from __future__ import annotations

import math
import sys
import time

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.live import Live
from rich.text import Text

from instrument.knobs import KnobTable
from instrument.link import AUTHORS_MAX, Flags, Frame
from instrument.model.heard import AUDIBLE
from instrument.show import Show
from instrument.text import say

REFRESH_SECONDS = 0.12
PLAIN_SECONDS = 5.0
METER_CELLS = 12
STALE_SECONDS = 0.5

_BARS = " ▏▎▍▌▋▊▉█"
_IVORY, _HAND, _STRAIN, _QUIET = "#FFEED6", "#56B4E9", "#FA8F0D", "#969EB0"


def decibels(linear: float) -> float:
    """Linear amplitude to dBFS, no lower than -99."""
    return max(-99.0, 20.0 * math.log10(linear)) if linear > 1e-5 else -99.0


def meter(level_db: float, cells: int = METER_CELLS) -> str:
    """A bar of -60..0 dBFS."""
    eighths = round(min(1.0, max(0.0, (level_db + 60.0) / 60.0)) * cells * 8)
    full, rest = divmod(eighths, 8)
    return (_BARS[8] * full + (_BARS[rest] if rest else "")).ljust(cells)


class Status:
    """Shows a show. In a terminal one living line and the notices above it; elsewhere a plain line every 5 s."""

    def __init__(self, show: Show, names: list[str], tables: dict[int, KnobTable], language: str) -> None:
        self.show, self.names, self.tables, self.language = show, names, tables, language
        self.console = Console(highlight=False)
        self.living = self.console.is_terminal
        self.focus = 0
        self._live: Live | None = None
        self._at = 0.0
        self._told = 0
        self.peak = 0.0
        self.loudest = -99.0
        self.load_p99 = 0.0
        self.latency = 0.0
        self.heard: set[int] = set()
        """Patches that were on stage: whoever they learned from is owed in the summary."""
        self.near_s: dict[int, NDArray[np.float64]] = {}
        """Seconds for which each author of a patch's model was near to what sounded."""
        self._seen = 0.0

    def __enter__(self) -> Status:
        if self.living:
            self._live = Live(Text(""), console=self.console, auto_refresh=False, transient=True)
            self._live.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live is not None:
            self._live.__exit__(None, None, None)
        self._tell()

    def _tell(self) -> None:
        for notice in self.show.notices[self._told :]:
            self.console.print(Text(notice, style=_QUIET if self.living else ""), soft_wrap=True)
        self._told = len(self.show.notices)

    def tick(self) -> None:
        """Called often; draws when it is time."""
        now = time.monotonic()
        frame = self.show.frame()
        if frame is not None:
            self.peak = max(self.peak, frame.peak)
            self.loudest = max(self.loudest, decibels(frame.rms))
            self.load_p99 = frame.load_p99
            self.latency = frame.latency
            self.heard.add(frame.patch)
            self._count(frame)
        self._tell()
        if now - self._at < (REFRESH_SECONDS if self.living else PLAIN_SECONDS):
            return
        self._at = now
        line = self.line(frame, now)
        if self._live is not None:
            self._live.update(line, refresh=True)
        else:
            print(line.plain, flush=True)

    def _count(self, frame: Frame) -> None:
        """The time since the last frame goes to the authors that are near now, if anything sounds."""
        passed, self._seen = frame.time - self._seen, frame.time
        if 0.0 < passed < STALE_SECONDS and frame.rms > AUDIBLE and frame.known >= 0.0:
            near = self.near_s.setdefault(frame.patch, np.zeros(AUTHORS_MAX))
            near += passed * frame.share.astype(np.float64)

    def line(self, frame: Frame | None, now: float) -> Text:
        """The status of one frame."""
        language = self.language
        if frame is None or now - frame.time > STALE_SECONDS:
            return Text(say("status_lost", language), style=_STRAIN)
        text = Text()
        name = self.names[frame.patch] if frame.patch < len(self.names) else "?"
        text.append(f" {name} ", style=f"bold {_IVORY}")
        flags = Flags(frame.flags)
        if flags & Flags.PANICKED:
            text.append(say("status_panicked", language), style=_STRAIN)
        elif flags & Flags.SWAPPING:
            text.append(say("status_swapping", language), style=_HAND)
        elif not flags & Flags.SPEAKING:
            text.append(say("status_silent", language), style=_HAND)
        else:
            text.append(say("status_playing", language), style=_QUIET)
        db = decibels(frame.rms)
        text.append("  " + meter(db), style=_IVORY)
        text.append(f"{db:6.1f} dB", style=_QUIET)
        self._append_knob(text, frame)
        strained = frame.load_p99 > 0.8
        text.append(f"  {say('word_load', language)} {frame.load * 100:.0f} %", style=_QUIET)
        text.append(f" p99 {frame.load_p99 * 100:.0f} %", style=_STRAIN if strained else _QUIET)
        text.append(f"  {say('word_latency', language)} {frame.latency * 1000:.1f} ms", style=_QUIET)
        text.append(f"  {say('word_dropouts', language)} {frame.xruns}", style=_STRAIN if frame.xruns else _QUIET)
        if flags & Flags.RECORDING:
            minutes, seconds = divmod(int(frame.record_seconds), 60)
            text.append("  ● " + say("status_record", language, time=f"{minutes}:{seconds:02d}"), style=_STRAIN)
        return text

    def _append_knob(self, text: Text, frame: Frame) -> None:
        """The knob in focus: where the hand is, where the sound is, and whether it holds."""
        table = self.tables.get(frame.patch)
        if table is None or not table.playable_count:
            return
        i = min(self.focus, table.playable_count - 1)
        hand, pos = float(frame.hand[i]), float(frame.pos[i])
        text.append(f"  {table[i].label.of(self.language)} ", style=_QUIET)
        text.append(f"○{hand:.2f}", style=_HAND)
        text.append("→" if abs(hand - pos) > 0.002 else "=", style=_STRAIN if frame.stuck[i] == 2 else _QUIET)
        text.append(f"●{pos:.2f}", style=_IVORY)


def terminal_here() -> bool:
    """Is there a person at a terminal: can be shown a living line and can press keys."""
    return sys.stdin.isatty() and sys.stdout.isatty()
