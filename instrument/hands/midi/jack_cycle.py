"""JACK's cycle: the few lines that run in its thread, as machine code - MIDI events out of and into two rings.

Python there would wait for the interpreter's lock and make the cycle late: 155 to 661 dropouts in 5 s were counted with
a busy process. And what JACK says of its events is looked at: in a cycle that was missed the sender is at work on the
very buffer that is read, an event that was counted may be gone, and who reads it all the same (RtMidi up to 6.1 does)
reads memory that is not his.

Shape: everything lies in one int64 [WORDS], whose address is in its first word; JACK hands it to the callbacks.
A record in a ring is 8 bytes, slot and size (slot + size * 65536), and so many bytes of MIDI. Cost: 2 us a cycle.
"""

from __future__ import annotations

import ctypes
from typing import Any

import llvmlite.binding
import numba
import numpy as np
from numba import types

import instrument.base.compiled  # noqa: F401  (says where machine code is kept)

SLOTS = 64
SELF, RING_IN, RING_OUT, STIRRED, BUFFER_BYTES, EVENT, HEAD, HEAD_OUT, GONE = 0, 1, 2, 3, 4, 5, 8, 9, 10
INS = 16
OUTS, BUFFERS, LOST = INS + SLOTS, INS + 2 * SLOTS, INS + 3 * SLOTS
WORDS = INS + 4 * SLOTS
"""``STIRRED`` counts what came, went, was connected or cut, ``GONE`` ports that went; ``LOST`` the events of each
slot for which was no room."""
HEAD_BYTES = 8
EVENT_BYTES = 4096
"""A longer event is system exclusive, which nobody here reads."""
EVENTS = 4096

_P, _U, _I = types.intp, types.uint32, types.int32
_SIGNATURES = {
    "jack_port_get_buffer": _P(_P, _U),
    "jack_midi_get_event_count": _U(_P),
    "jack_midi_event_get": _I(_P, _P, _U),
    "jack_midi_clear_buffer": types.void(_P),
    "jack_midi_event_reserve": _P(_P, _U, _P),
    "jack_ringbuffer_write_space": _P(_P),
    "jack_ringbuffer_read_space": _P(_P),
    "jack_ringbuffer_write": _P(_P, _P, _P),
    "jack_ringbuffer_read": _P(_P, _P, _P),
    "jack_ringbuffer_peek": _P(_P, _P, _P),
    "jack_ringbuffer_read_advance": types.void(_P, _P),
}


def _outside(name: str) -> Any:
    return types.ExternalFunction(name, _SIGNATURES[name])


_get_buffer = _outside("jack_port_get_buffer")
_event_count = _outside("jack_midi_get_event_count")
_event_get = _outside("jack_midi_event_get")
_clear = _outside("jack_midi_clear_buffer")
_reserve = _outside("jack_midi_event_reserve")
_write_space = _outside("jack_ringbuffer_write_space")
_read_space = _outside("jack_ringbuffer_read_space")
_ring_write = _outside("jack_ringbuffer_write")
_ring_read = _outside("jack_ringbuffer_read")
_ring_peek = _outside("jack_ringbuffer_peek")
_ring_advance = _outside("jack_ringbuffer_read_advance")


@numba.njit(cache=True)
def _take_in(s: Any, slot: int, frames: int) -> None:
    """The events of one port into the ring."""
    buffer = _get_buffer(s[INS + slot], frames)
    if buffer == 0:
        return
    for i in range(min(_event_count(buffer), EVENTS)):
        if _event_get(s[SELF] + 8 * EVENT, buffer, i) != 0:
            return  # counted, and gone since
        size, data = s[EVENT + 1], s[EVENT + 2]
        if size <= 0 or size > EVENT_BYTES or data < buffer or data + size > buffer + s[BUFFER_BYTES]:
            continue
        if _write_space(s[RING_IN]) < HEAD_BYTES + size:
            s[LOST + slot] += 1
            continue
        s[HEAD] = slot | size << 16
        _ring_write(s[RING_IN], s[SELF] + 8 * HEAD, HEAD_BYTES)
        _ring_write(s[RING_IN], data, size)


@numba.njit(cache=True)
def _give_out(s: Any, frames: int) -> None:
    """What is in the other ring to the ports it is for; what does not fit into this cycle waits for the next."""
    for slot in range(SLOTS):
        s[BUFFERS + slot] = 0 if s[OUTS + slot] == 0 else _get_buffer(s[OUTS + slot], frames)
        if s[BUFFERS + slot] != 0:
            _clear(s[BUFFERS + slot])
    ring = s[RING_OUT]
    while _read_space(ring) >= HEAD_BYTES:
        _ring_peek(ring, s[SELF] + 8 * HEAD_OUT, HEAD_BYTES)
        slot, size = s[HEAD_OUT] & 0xFFFF, s[HEAD_OUT] >> 16
        if _read_space(ring) < HEAD_BYTES + size:
            return
        buffer = s[BUFFERS + slot] if slot < SLOTS else 0
        place = 0 if buffer == 0 else _reserve(buffer, 0, size)
        if place == 0:
            if buffer != 0 and _event_count(buffer) > 0:
                return  # full
            _ring_advance(ring, HEAD_BYTES + size)
        else:
            _ring_advance(ring, HEAD_BYTES)
            _ring_read(ring, place, size)


def _cycle(frames: int, arg: Any) -> int:
    s = numba.carray(arg, WORDS, np.int64)
    for slot in range(SLOTS):
        if s[INS + slot] != 0:
            _take_in(s, slot, frames)
    _give_out(s, frames)
    return 0


def _connected(first: int, second: int, made: int, arg: Any) -> None:
    numba.carray(arg, WORDS, np.int64)[STIRRED] += 1


def _registered(port: int, came: int, arg: Any) -> None:
    s = numba.carray(arg, WORDS, np.int64)
    if came == 0:
        s[GONE] += 1
    s[STIRRED] += 1


class Callbacks:
    """The addresses to hand to JACK; ``library``: the libjack that they are to call. Compiled once, then from disk."""

    def __init__(self, library: ctypes.CDLL) -> None:
        for name in _SIGNATURES:
            llvmlite.binding.add_symbol(name, ctypes.cast(getattr(library, name), ctypes.c_void_p).value)
        self._kept = (
            numba.cfunc(_I(_U, types.voidptr), cache=True)(_cycle),
            numba.cfunc(types.void(_U, _U, _I, types.voidptr), cache=True)(_connected),
            numba.cfunc(types.void(_U, _I, types.voidptr), cache=True)(_registered),
        )
        self.cycle, self.connected, self.registered = (int(function.address) for function in self._kept)
