"""Streams: stdin, stdout and stderr as a verb may rely on them, whatever a shell made of them. Under cli and console.

Closed (``>&-``), they are nobody's: the next file that is opened would get their number, and a take would be written
over by a notice. Full (``/dev/full``) or left by their reader (``| head``), they are no reason to end what plays: the
stream falls silent, and the verb's end tells of it. What is printed is safe for a terminal (printable); only what lays
out its own lines and colours writes past that (console).
"""

from __future__ import annotations

import contextlib
import io
import os
import sys
from types import TracebackType
from typing import Any, TextIO

from instrument.base.printable import escaped


class Sturdy:
    """A text stream that does not fail: ``failed`` is why it is silent. All else is the stream's own."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream
        self.failed: OSError | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)

    def write(self, text: str) -> int:
        """All of it, or nothing any more."""
        if self.failed is None:
            try:
                self.stream.write(text)
            except BlockingIOError:  # somebody made it a stream that does not wait: what is too much is not shown
                pass
            except OSError as error:
                self._fall_silent(error)
        return len(text)

    def flush(self) -> None:
        """As far as it goes."""
        if self.failed is None:
            try:
                self.stream.flush()
            except BlockingIOError:
                pass
            except (OSError, ValueError) as error:  # ValueError: somebody closed it
                self._fall_silent(error if isinstance(error, OSError) else OSError(str(error)))

    def _fall_silent(self, error: OSError) -> None:
        """What still waits in it must go somewhere, or the interpreter's own end fails on it."""
        self.failed = error
        with contextlib.suppress(OSError, ValueError):
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self.stream.fileno())
            os.close(nowhere)
        with contextlib.suppress(OSError, ValueError):
            self.stream.flush()


class SafeStream(Sturdy):
    """A sturdy stream on which nothing but text comes out. ``past``: for what makes its own escapes."""

    def __init__(self, past: Sturdy) -> None:
        super().__init__(past.stream)
        self.past = past

    def write(self, text: str) -> int:
        """With what a terminal would obey written out."""
        return self.past.write(escaped(text))

    def flush(self) -> None:
        """As far as it goes."""
        self.past.flush()

    def writelines(self, lines: Any) -> None:
        """One after the other."""
        for line in lines:
            self.write(line)


class Streams:
    """``with Streams() as streams:`` the three are there and sturdy; after it they are what they were."""

    def __enter__(self) -> Streams:
        self._before = sys.stdin, sys.stdout, sys.stderr
        for number in range(3):
            _hold(number)
        if sys.stdin is None:
            sys.stdin = open(0, encoding="utf-8", closefd=False)
        self.out, self.err = (_sturdy(stream, number) for stream, number in ((sys.stdout, 1), (sys.stderr, 2)))
        sys.stdout, sys.stderr = SafeStream(self.out), SafeStream(self.err)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.out.flush()
        self.err.flush()
        sys.stdin, sys.stdout, sys.stderr = self._before

    def unwritten(self) -> str:
        """Why some of what was printed went nowhere, in a sentence; empty when all is well, or when its reader left."""
        self.out.flush()
        failed = self.out.failed
        if failed is None or isinstance(failed, BrokenPipeError):
            return ""
        return f"what was printed could not all be written ({failed.strerror or failed}); give it another place to go"


def terminal_stream(stderr: bool = False) -> Any:
    """The stream for what lays out its own lines and colours, and makes its words safe by itself."""
    stream: Any = sys.stderr if stderr else sys.stdout
    stream = getattr(stream, "rich_proxied_file", stream)  # while a bar is drawn
    return stream.past if isinstance(stream, SafeStream) else stream


def _hold(number: int) -> None:
    """A closed stream's number is taken, before a file gets it."""
    try:
        os.fstat(number)
    except OSError:
        with contextlib.suppress(OSError):
            got = os.open(os.devnull, os.O_RDONLY if number == 0 else os.O_WRONLY)
            if got != number:
                os.dup2(got, number)
                os.close(got)
            os.set_inheritable(number, True)


def _sturdy(stream: Any, number: int) -> Sturdy:
    if isinstance(stream, SafeStream):  # one verb called by another
        return stream.past
    if stream is None:
        stream = open(number, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    if isinstance(stream, io.TextIOWrapper):  # a bar or an accent on a console that has none is no reason to end
        stream.reconfigure(errors="backslashreplace")
    return Sturdy(stream)
