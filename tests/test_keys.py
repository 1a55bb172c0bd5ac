"""Keys: what a terminal sends is names, never a fault; the terminal is given back as it was."""

from __future__ import annotations

import contextlib
import os
import select
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instrument.hands.keys import TerminalKeys, names_of

NAMED = {"up", "down", "left", "right", "escape", "enter", "space", "backspace"}


@pytest.mark.parametrize(
    ("typed", "names"),
    [
        ("\x1b[A\x1b[B\x1b[C\x1b[D", ["up", "down", "right", "left"]),
        ("\x1bOA\x1bOB\x1bOC\x1bOD", ["up", "down", "right", "left"]),
        ("\x1b", ["escape"]),
        ("\x1b\x1b", ["escape", "escape"]),
        ("\x1b\x1b[A", ["escape", "up"]),
        ("\x1bn", ["escape", "n"]),
        ("1r\x1b[An", ["1", "r", "up", "n"]),
        ("\r\n \x7f", ["enter", "enter", "space", "backspace"]),
        ("é", ["é"]),
        ("\x1b[5~a\x1b[3~\x1b[A", ["a", "up"]),
        ("", []),
    ],
)
def test_keys_have_names(typed: str, names: list[str]) -> None:
    assert names_of(typed) == names


@pytest.mark.parametrize(
    "typed", ["\x1b[5~", "\x1b[1;5A", "\x1bOP", "\x1b[[A", "\x1b[200~", "\x1b[", "\x1bO", "\x1b[12;"]
)
def test_other_keys_with_long_names_are_passed_over_and_are_no_escape(typed: str) -> None:
    assert names_of(typed) == []
    assert names_of("a" + typed)[:1] == ["a"]


@pytest.mark.parametrize("typed", ["\x00", "\x03", "\t", "\x9b", "\u200b"])
def test_what_is_not_printed_is_no_key(typed: str) -> None:
    assert names_of(typed) == []


@given(typed=st.text() | st.lists(st.sampled_from(["\x1b", "[", "O", "A", "~", "1", ";", "a", "\r"])).map("".join))
def test_whatever_is_typed_is_a_list_of_names(typed: str) -> None:
    for name in names_of(typed):
        assert name in NAMED or (len(name) == 1 and name.isprintable())


@given(data=st.binary())
def test_bytes_of_any_kind_are_a_list_of_names(data: bytes) -> None:
    assert isinstance(names_of(data.decode("utf-8", "ignore")), list)


# --- a real terminal


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """The far end of a terminal that is our stdin."""
    pty = pytest.importorskip("pty")
    far, near = pty.openpty()
    with contextlib.ExitStack() as stack:
        stdin = stack.enter_context(os.fdopen(near))
        monkeypatch.setattr(sys, "stdin", stdin)
        yield far
        with contextlib.suppress(OSError):
            os.close(far)


def typed_into(keys: TerminalKeys, far: int, data: bytes) -> list[str]:
    os.write(far, data)
    names: list[str] = []
    end = time.monotonic() + 2.0
    while time.monotonic() < end and not names:
        names += keys.read()
    return names


def attributes(stdin: Any) -> Any:
    import termios

    return termios.tcgetattr(stdin.fileno())


def test_keys_are_heard_without_enter_and_the_terminal_is_given_back(terminal: int) -> None:
    before = attributes(sys.stdin)
    with contextlib.suppress(ZeroDivisionError), TerminalKeys() as keys:
        assert attributes(sys.stdin) != before
        assert keys.read() == []
        assert typed_into(keys, terminal, b"r\x1b[A") == ["r", "up"]
        raise ZeroDivisionError
    assert attributes(sys.stdin) == before
    assert keys.read() == []


def test_an_arrow_held_for_long_is_never_an_escape(terminal: int) -> None:
    with TerminalKeys() as keys:
        names = typed_into(keys, terminal, b"\x1b[A" * 1000)
        end = time.monotonic() + 2.0
        while len(names) < 1000 and time.monotonic() < end:
            names += keys.read()
    assert names == ["up"] * 1000


@pytest.mark.parametrize("cut", [1, 2, 3])
def test_an_arrow_that_comes_in_pieces_is_an_arrow(terminal: int, cut: int) -> None:
    arrow = b"\x1b[1;5C" if cut == 3 else b"\x1b[C"
    with TerminalKeys() as keys:
        os.write(terminal, b"\x1b[A" + arrow[:cut])
        select.select([sys.stdin], [], [], 2.0)
        if cut == 1:  # its end is under way while the first byte is looked at
            threading.Timer(0.002, os.write, (terminal, arrow[cut:])).start()
            assert keys.read() == ["up", "right"]
            return
        assert keys.read() == ["up"]
        os.write(terminal, arrow[cut:] + b"n")
        select.select([sys.stdin], [], [], 2.0)
        assert keys.read() == (["right", "n"] if cut == 2 else ["n"])


def test_an_escape_alone_is_the_escape_key(terminal: int) -> None:
    with TerminalKeys() as keys:
        assert typed_into(keys, terminal, b"\x1b") == ["escape"]


def test_a_terminal_that_was_closed_has_no_keys(terminal: int) -> None:
    keys = TerminalKeys()
    keys.__enter__()
    os.close(terminal)
    assert [keys.read() for _ in range(3)] == [[], [], []]


def test_a_terminal_that_fails_has_no_keys(terminal: int, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object) -> bytes:
        raise OSError(5, "Input/output error")

    with TerminalKeys() as keys, monkeypatch.context() as broken:
        os.write(terminal, b"a")
        select.select([sys.stdin], [], [], 2.0)
        broken.setattr(os, "read", fails)
        assert keys.read() == []


def test_where_there_is_no_terminal_there_are_no_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    with open(os.devnull) as nothing:
        monkeypatch.setattr(sys, "stdin", nothing)
        with TerminalKeys() as keys:
            assert keys.read() == []
