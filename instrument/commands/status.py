"""Status: the instrument on one line of a terminal - level, load, latency, dropouts, what the hands do."""

from __future__ import annotations

import sys
import time

import numpy as np
from numpy.typing import NDArray
from rich.live import Live
from rich.text import Text

from instrument.base.console import console
from instrument.base.printable import printable
from instrument.base.text import say
from instrument.base.units import decibels
from instrument.commands.fitted import LinePiece, fitted
from instrument.ipc import AUTHORS_MAX, Flags, Frame
from instrument.ipc.level import Level
from instrument.knobs import KnobTable
from instrument.model.atlas.attribution import AUDIBLE
from instrument.run.show import Show

REFRESH_SECONDS = 0.12
PLAIN_SECONDS = 5.0
LOW_DB = -99.0
METER_CELLS, METER_CELLS_SHORT = 12, 6
NAME_MOST = 40
STALE_SECONDS = 0.5
NAME_CELLS = (16, 9)
"""What may be left of a patch's name in a narrow terminal."""

_BARS = " ▏▎▍▌▋▊▉█"
_IVORY, _HAND, _STRAIN, _QUIET = "#FFEED6", "#56B4E9", "#FA8F0D", "#969EB0"


def meter(level_db: float, cells: int = METER_CELLS) -> str:
    """A bar of -60..0 dBFS."""
    eighths = round(min(1.0, max(0.0, (level_db + 60.0) / 60.0)) * cells * 8)
    full, rest = divmod(eighths, 8)
    return (_BARS[8] * full + (_BARS[rest] if rest else "")).ljust(cells)


class Status:
    """Shows a show. In a terminal one living line and the notices above it; elsewhere a plain line every 5 s."""

    def __init__(self, show: Show, names: list[str], tables: dict[int, KnobTable], language: str) -> None:
        self.show, self.tables, self.language = show, tables, language
        self.names = [printable(name, NAME_MOST) for name in names]
        self.console = console()
        self.living = self.console.is_terminal
        self.focus = 0
        self._live: Live | None = None
        self._at = 0.0
        self._told = 0
        self.level = Level()
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
        self.tell()

    def tell(self) -> None:
        """What the processes have said since the last time."""
        missed, notices = self.show.notices.since(self._told)
        if missed:
            notices.insert(0, say("notices_missed", self.language, count=missed))
        for notice in notices:
            self.console.print(Text(printable(notice), style=_QUIET if self.living else ""), soft_wrap=True)
        self._told = self.show.notices.count

    def tick(self) -> None:
        """Called often; draws when it is time."""
        now = time.monotonic()
        frame = self.show.frame()
        if frame is not None:
            self.peak = max(self.peak, frame.peak)
            self.loudest = max(self.loudest, decibels(self.level.push(frame), LOW_DB))
            self.load_p99 = frame.load_p99
            self.latency = frame.latency
            self.heard.add(frame.patch)
            self._count(frame)
        self.tell()
        if now - self._at < (REFRESH_SECONDS if self.living else PLAIN_SECONDS):
            return
        self._at = now
        line = self.line(frame, now, self.console.width - 1 if self.living else 0)
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

    def line(self, frame: Frame | None, now: float, width: int = 0) -> Text:
        """The status of one frame; ``width``: cells of the terminal that it must fit, 0 for as many as it takes."""
        if frame is None or now - frame.time > STALE_SECONDS:
            lost = LinePiece([Text(say("status_lost", self.language), style=_STRAIN)], 0)
            return fitted([lost], width)
        self.level.push(frame)
        name = self.names[frame.patch] if frame.patch < len(self.names) else "?"
        # What may go first has the highest number. What a player must act on stays to the end.
        parts = [
            self._name(name, bool(Flags(frame.flags) & Flags.PANICKED)),
            self._state(Flags(frame.flags)),
            *self._loudness(),
            self._knob(frame),
            *self._cost(frame),
            self._recording(frame),
        ]
        return fitted([part for part in parts if part is not None], width)

    def _name(self, name: str, silenced: bool) -> LinePiece:
        """The patch, cut where it must be; only how to sound again is needed more."""
        ways = [Text(f" {name} ", style=f"bold {_IVORY}")]
        for cells in NAME_CELLS:
            ways.append(ways[0].copy())
            ways[-1].truncate(cells, overflow="ellipsis")
        return LinePiece(ways, 2 if silenced else 0)

    def _state(self, flags: Flags) -> LinePiece:
        language = self.language
        if flags & Flags.PANICKED:
            said = [say(key, language) for key in ("status_panicked", "status_panicked_short")]
            return LinePiece([Text(words, style=_STRAIN) for words in said], 0)
        if flags & Flags.SWAPPING:
            return LinePiece([Text(say("status_swapping", language), style=_HAND)], 1)
        if not flags & Flags.SPEAKING:
            said = [say(key, language) for key in ("status_silent", "status_silent_short")]
            return LinePiece([Text(words, style=_HAND) for words in said], 1)
        return LinePiece([Text(say("status_playing", language), style=_QUIET)], 8)

    def _loudness(self) -> list[LinePiece]:
        db = decibels(self.level.rms, LOW_DB)
        bars = [Text("  " + meter(db, cells), style=_IVORY) for cells in (METER_CELLS, METER_CELLS_SHORT)]
        return [LinePiece(bars, 9), LinePiece([Text(f"{db:6.1f} dB", style=_QUIET)], 5)]

    def _cost(self, frame: Frame) -> list[LinePiece]:
        """Load, latency, dropouts: they may go unless they tell of trouble."""
        strained, language = frame.load_p99 > 0.8, self.language
        return [
            LinePiece([Text(f"  {say('word_load', language)} {frame.load * 100:.0f} %", style=_QUIET)], 7),
            LinePiece(
                [Text(f" p99 {frame.load_p99 * 100:.0f} %", style=_STRAIN if strained else _QUIET)],
                4 if strained else 11,
            ),
            LinePiece([Text(f"  {say('word_latency', language)} {frame.latency * 1000:.1f} ms", style=_QUIET)], 10),
            LinePiece(
                [Text(f"  {say('word_dropouts', language)} {frame.xruns}", style=_STRAIN if frame.xruns else _QUIET)],
                3 if frame.xruns else 12,
            ),
        ]

    def _recording(self, frame: Frame) -> LinePiece | None:
        if not Flags(frame.flags) & Flags.RECORDING:
            return None
        minutes, seconds = divmod(int(frame.record_seconds), 60)
        time = f"{minutes}:{seconds:02d}"
        said = (say("status_record", self.language, time=time), time)
        return LinePiece([Text("  ● " + words, style=_STRAIN) for words in said], 1)

    def _knob(self, frame: Frame) -> LinePiece | None:
        """The knob in focus: where the hand is, where the sound is, and whether it holds."""
        table = self.tables.get(frame.patch)
        if table is None or not table.playable_count:
            return None
        i = min(self.focus, table.playable_count - 1)
        hand, pos = float(frame.hand[i]), float(frame.pos[i])
        values = Text(f"○{hand:.2f}", style=_HAND)
        values.append("→" if abs(hand - pos) > 0.002 else "=", style=_STRAIN if frame.stuck[i] == 2 else _QUIET)
        values.append(f"●{pos:.2f}", style=_IVORY)
        label = Text(f"  {printable(table[i].label.of(self.language), NAME_MOST)} ", style=_QUIET)
        return LinePiece([label + values, Text(f"  {i + 1} ", style=_QUIET) + values], 6)


def terminal_here() -> bool:
    """Is there a person at a terminal: can be shown a living line and can press keys."""
    return sys.stdin.isatty() and sys.stdout.isatty()
