"""Drivers: rtmidi with ports of any name, JACK's thread with events that are not there, the cables that are kept."""

from __future__ import annotations

import subprocess
import sys
from enum import IntEnum
from typing import Any

import pytest
from handshost import on_the_table

from instrument.documents.options import MidiOptions, OscOptions
from instrument.hands.midi import driver
from instrument.hands.midi.driver import RtDriver
from instrument.hands.midi.jack import _short
from instrument.hands.midi.wires import KEYS, Wires
from instrument.hands.state.names import CLIENT
from instrument.ipc import Kind, Link


class Api(IntEnum):
    LINUX_ALSA, MACOSX_CORE, WINDOWS_MM = 2, 1, 4


class Rtmidi:
    """The shape of supriya_midi, with these input ports: a name, None, or an error that is raised when it is asked."""

    RtMidiAPI = Api

    def __init__(self, *ports: str | Exception | None) -> None:
        self.ports = list(ports)
        self.opened: list[tuple[int, str]] = []
        self.messages: list[tuple[list[int], float]] = []
        module = self

        class Port:
            def __init__(self, api: Api, name: str, size: int = 0) -> None:
                self.name = name

            def get_port_count(self) -> int:
                return len(module.ports)

            def get_port_name(self, i: int) -> Any:
                name = module.ports[i]
                if isinstance(name, Exception):
                    raise name
                return name

            def open_port(self, i: int, name: str) -> Port:
                module.opened.append((i, name))
                return self

            def open_virtual_port(self, name: str) -> Port:
                return self

            def get_message(self) -> tuple[list[int], float] | None:
                return module.messages.pop(0) if module.messages else None

            def set_error_callback(self, callback: object) -> None: ...
            def ignore_types(self, **types: bool) -> None: ...
            def close_port(self) -> None: ...
            def delete(self) -> None: ...

        self.MidiIn = self.MidiOut = Port

    def get_compiled_apis(self) -> list[Api]:
        return [Api.MACOSX_CORE, Api.WINDOWS_MM]


def test_a_port_without_a_name_stops_nothing() -> None:
    rtmidi = Rtmidi(
        None, "nano 24:0", UnicodeDecodeError("utf-8", b"\xff", 0, 1, "x"), "", "rosin-midi:in 128:0", "Box"
    )
    with on_the_table(OscOptions("off"), MidiOptions("core"), find=lambda: RtDriver(rtmidi, "core")) as t:
        assert t.hands.ports is not None
        assert t.hands.ports.names == ("nano 24:0", "Box")
        assert rtmidi.opened[:2] == [(1, "nano 24:0"), (5, "Box")], "each at its place"
        rtmidi.messages.append(([0x90, 60, 100], 0.0))
        assert [g.kind for g in t.step(1)] == [Kind.NOTE_ON]
        assert t.hands.counts.faults == 0


@pytest.mark.parametrize("error", [RuntimeError("x"), ValueError("x"), type("RtMidiError", (Exception,), {})("x")])
def test_whatever_a_driver_raises_a_port_is_broken_and_not_the_hands(error: Exception) -> None:
    rtmidi = Rtmidi("Box")
    with on_the_table(OscOptions("off"), MidiOptions("core"), find=lambda: RtDriver(rtmidi, "core")) as t:

        def broken() -> None:
            raise error

        assert t.hands.ports is not None
        t.hands.ports._inlets["Box"]._port.get_message = broken  # type: ignore[attr-defined]
        t.step(1)
        assert t.said[-1].key == "hands.midi.went"
        assert t.hands.counts.faults == 0


def test_where_there_is_no_sequencer_rtmidi_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(driver, "SEQUENCER", "/nowhere/snd/seq")
    module = Rtmidi()
    module.get_compiled_apis = lambda: [Api.LINUX_ALSA]  # type: ignore[method-assign]
    module.MidiIn = None  # type: ignore[assignment]
    with pytest.raises(OSError, match="sequencer"):
        RtDriver(module, "alsa")


def test_the_rtmidi_that_is_installed_has_what_is_asked_of_it() -> None:
    import supriya_midi

    for name in driver._NUMBERS.values():
        assert hasattr(supriya_midi.RtMidiAPI, name)
    dummy = supriya_midi.MidiIn(supriya_midi.RtMidiAPI.RTMIDI_DUMMY, "x", driver.QUEUE_MESSAGES)
    dummy.set_error_callback(driver._nothing)
    dummy.ignore_types(sysex=True, timing=False, active_sense=False)
    assert driver._names(dummy) == []
    assert dummy.get_message() is None
    dummy.delete()


@pytest.mark.parametrize(
    "name", ["a2j:Launchpad Mini MK3 [24] (capture): Launchpad Mini MK3 LPMiniMK3 {}", "ö" * 127 + "{}"]
)
def test_two_ports_of_one_device_have_two_names_here_however_long(name: str) -> None:
    ours = [_short(name.format(end)) for end in ("DA", "MI")]
    assert len(set(ours)) == 2
    assert all(len(f"{CLIENT}-01:from {one}".encode()) < 256 and ":" not in one for one in ours)
    assert _short("system:midi_capture_1") == "system midi_capture_1"


def test_the_cables_are_kept_as_far_as_there_is_room() -> None:
    link = Link.create()
    try:
        row = link.health.row("hands")
        wires = [("in", f"a keyboard with a long name {i}:out") for i in range(12)] + [("out", "synth:in é")]
        Wires(row).write(wires)
        assert Wires(row).read() == wires
        Wires(row).write([*wires, *[("in", "x" * 200)] * 9])
        assert Wires(row).read()[:13] == wires
        Wires(row).write([("in", "x" * 250), *wires])
        assert Wires(row).read() == wires, "one that has no room anywhere takes none from the others"
        for key in KEYS:
            row.set_text(key, "\x00nonsense\tin\t\nin")
        assert Wires(row).read() == []
        Wires(row).write([])
        assert not any(row.text(key) for key in KEYS)
    finally:
        link.close()


STAND_IN = """
import ctypes, numpy as np
from instrument.hands.midi import jack_cycle as c
P, U, I = ctypes.c_ssize_t, ctypes.c_uint32, ctypes.c_int32
buffer = ctypes.create_string_buffer(512)
here = ctypes.addressof(buffer)
buffer.raw = bytes(range(128)) * 4
events = [(0, 3, here), (-61, 3, here), (0, 3, here + 8)]
taken = bytearray()
def get(event, _, i):
    code, size, data = events[i]
    if code == 0:
        ctypes.cast(event, ctypes.POINTER(P))[1], ctypes.cast(event, ctypes.POINTER(P))[2] = size, data
    return code
def write(_, data, size):
    taken.extend(ctypes.string_at(data, size)); return size
kinds = {
    "jack_port_get_buffer": (P, [P, U], lambda p, n: here),
    "jack_midi_get_event_count": (U, [P], lambda b: len(events)),
    "jack_midi_event_get": (I, [P, P, U], get), "jack_midi_clear_buffer": (None, [P], lambda b: None),
    "jack_midi_event_reserve": (P, [P, U, P], lambda b, t, n: 0),
    "jack_ringbuffer_write_space": (P, [P], lambda r: room),
    "jack_ringbuffer_read_space": (P, [P], lambda r: 0), "jack_ringbuffer_write": (P, [P, P, P], write),
    "jack_ringbuffer_read": (P, [P, P, P], lambda *a: 0), "jack_ringbuffer_peek": (P, [P, P, P], lambda *a: 0),
    "jack_ringbuffer_read_advance": (None, [P, P], lambda *a: None),
}
class Library: pass
library = Library()
for name, (result, arguments, act) in kinds.items():
    setattr(library, name, ctypes.CFUNCTYPE(result, *arguments)(act))
callbacks = c.Callbacks(library)
words = np.zeros(c.WORDS, np.int64)
words[c.SELF], words[c.BUFFER_BYTES], words[c.INS + 2] = words.ctypes.data, 512, 77
cycle = ctypes.CFUNCTYPE(I, U, ctypes.c_void_p)(callbacks.cycle)
def told(room_now=9999):
    global room
    room = room_now
    taken.clear()
    assert cycle(128, words.ctypes.data) == 0
    return bytes(taken)
one = (2 | 3 << 16).to_bytes(8, "little")
assert told() == one + bytes(range(3)), "the event after the one that JACK has not is not read"
events[1] = (0, 3, here + 8)
assert told() == one + bytes(range(3)) + 2 * (one + bytes(range(8, 11)))
bad = ((3, 0), (3, 8), (3, here - 1), (3, here + 510), (0, here), (-1, here), (1 << 40, here), (5000, here))
for size, data in bad:
    events[1] = (0, size, data)
    assert told() == one + bytes(range(3)) + one + bytes(range(8, 11)), (size, data)
assert told(4) == b"" and words[c.LOST + 2] == 2, "no room: nothing is torn, and it is counted"
print("whole")
"""


def test_an_event_that_jack_counted_and_has_not_is_not_read() -> None:
    done = subprocess.run([sys.executable, "-c", STAND_IN], capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout.strip() == "whole", done.stderr


def test_the_stand_in_is_complete() -> None:
    from instrument.hands.midi.jack_cycle import _SIGNATURES

    assert all(f'"{name}"' in STAND_IN for name in _SIGNATURES)
