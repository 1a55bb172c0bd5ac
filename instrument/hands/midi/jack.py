"""JACK: MIDI through libjack itself, one client with all ports. A driver, under ports; its thread is jack_cycle.

The client has always the same name, so that saved patchbays fit: rosin-midi, with the ports ``in`` and ``out`` for
other programs and one port for each device. Hands that take the place of dead ones wait a moment for the name. What
others had connected to ``in`` and ``out`` is connected again by them, and when a server comes back (see wires).
"""

from __future__ import annotations

import ctypes
import sys
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

import numpy as np

from instrument.hands.midi import native
from instrument.hands.midi.jack_cycle import (
    BUFFER_BYTES,
    GONE,
    HEAD_BYTES,
    INS,
    LOST,
    OUTS,
    RING_IN,
    RING_OUT,
    SELF,
    SLOTS,
    STIRRED,
    WORDS,
    Callbacks,
)
from instrument.hands.midi.ports import Inlet, OpenOutput
from instrument.hands.state.names import CLIENT, is_ours

MIDI = b"8 bit raw midi"
_IS_INPUT, _IS_OUTPUT, _IS_TERMINAL = 1, 2, 16
_NO_START_SERVER, _EXACT_NAME, _NO_SERVER = 1, 2, 16
NAME_SECONDS, ASK_SECONDS = 0.3, 0.02
"""A server notices the death of a client within milliseconds, and then its name is free."""
NAME_HALF_BYTES = 80
"""Of a longer name so much of both ends is kept."""
RING_BYTES = 1 << 18
"""2.6 s of a full MIDI cable, and 24,000 notes that come at once."""
QUEUED = 65536
RETIRED_SECONDS = 5.0
"""How long a port of ours outlives its device: a client falls over its own list of ports when one is taken down while
the server still tells of another's going (jack2 issue 216: a crash of the whole process)."""
CALM_SECONDS = 0.1
"""What has just come is not yet ready to be connected."""
ALL_RELEASED = (0xFF,)
"""MIDI's own word for it: system reset. Put in line when a cable was cut, or when events were lost."""
Wire = tuple[str, str]
"""Our port's short name, and the full name of another's that it was connected to."""


class Keeper(Protocol):
    """Who keeps the wires while there is no client."""

    def read(self) -> list[Wire]: ...
    def write(self, wires: Sequence[Wire]) -> None: ...


@dataclass(eq=False, slots=True)
class _JackPort:
    """A port of ours. ``handle``: libjack's; ``ends``: what it was connected to when last looked at; ``cut``: how
    many ports had gone before its device's cable was found cut; ``broken``: the device went, whoever is there now."""

    name: str
    slot: int
    output: bool
    handle: int
    queue: deque[Sequence[int]] = field(default_factory=deque)
    ends: frozenset[str] = frozenset()
    lost: int = 0
    cut: int | None = None
    broken: bool = False
    retired_at: float | None = None


class JackInlet:
    def __init__(self, driver: JackDriver, port: _JackPort) -> None:
        self._driver, self._port = driver, port

    def read(self) -> Sequence[int] | None:
        if not self._port.queue:
            if self._port.broken:
                raise OSError("its device went")
            self._driver.pump()
        return self._port.queue.popleft() if self._port.queue else None

    def close(self) -> None:
        self._driver.retire(self._port)


class JackOutlet:
    def __init__(self, driver: JackDriver, port: _JackPort) -> None:
        self._driver, self._port = driver, port

    def send(self, data: bytes) -> None:
        self._driver.send(self._port, data)

    def close(self) -> None:
        self._driver.retire(self._port)


class JackDriver:
    """OSError when there is no JACK. ``name``: of the client; numbered by JACK when another has it and keeps it."""

    api = "jack"

    def __init__(self, name: str = CLIENT, keeper: Keeper | None = None) -> None:
        self._jack = jack = native.libjack()
        self._client = self._open(name)
        self._keeper, self._wires = keeper, keeper.read() if keeper is not None else []
        self._shutdown = native.Shutdown()
        self._ports: dict[str, _JackPort] = {}
        self._rings = (jack.jack_ringbuffer_create(RING_BYTES), jack.jack_ringbuffer_create(RING_BYTES))
        self._words = words = np.zeros(WORDS, np.int64)
        words[SELF], words[RING_IN], words[RING_OUT] = words.ctypes.data, *self._rings
        words[BUFFER_BYTES] = jack.jack_port_type_get_buffer_size(self._client, MIDI)
        self._bytes = ctypes.create_string_buffer(RING_BYTES)
        self._rest = b""
        self._stirred, self._stirred_at, self._gone = 0, 0.0, 0
        callbacks = Callbacks(jack)
        self._shutdown.watch(jack, self._client)
        jack.jack_set_process_callback(self._client, callbacks.cycle, words.ctypes.data)
        jack.jack_set_port_connect_callback(self._client, callbacks.connected, words.ctypes.data)
        jack.jack_set_port_registration_callback(self._client, callbacks.registered, words.ctypes.data)
        self._callbacks = callbacks  # their machine code has to outlive the client
        if jack.jack_activate(self._client) != 0:
            self.close()
            raise OSError("the JACK server takes no more clients")
        self.name: str = jack.jack_get_client_name(self._client).decode()

    def _open(self, name: str) -> int:
        until = time.monotonic() + NAME_SECONDS
        while True:
            exact = _EXACT_NAME if time.monotonic() < until else 0
            status = ctypes.c_int(0)
            client = self._jack.jack_client_open(name.encode(), _NO_START_SERVER | exact, ctypes.byref(status))
            if client:
                return int(client)
            if not exact or status.value & _NO_SERVER:  # that the name is taken jack2 does not tell from other failures
                raise OSError("no JACK server")
            time.sleep(ASK_SECONDS)

    # -- what there is

    def changed(self) -> bool:
        """Whether ports or cables came or went, and it is calm again; or the server went."""
        stirred, now = int(self._words[STIRRED]), time.monotonic()
        if self._shutdown.came:
            return True
        if stirred != self._stirred:
            self._stirred, self._stirred_at = stirred, now
            self._look_at_cables()
        if self._stirred_at and now - self._stirred_at >= CALM_SECONDS:
            self._stirred_at = 0.0
            self._tell_gone_from_cut()
            return True
        return False

    def _tell_gone_from_cut(self) -> None:
        """A device that went and is back under its name before anybody looked has no cable to us any more, and its port
        is to be opened anew; a cable that the player has cut stays cut. Only with the first has a port gone."""
        for port in self._ports.values():
            port.broken |= port.cut is not None and self._gone > port.cut
            port.cut = None

    def names(self) -> list[str]:
        self._bury()
        self._wire_again()
        return self._listed(_IS_OUTPUT)

    def out_names(self) -> list[str]:
        return self._listed(_IS_INPUT)

    def _listed(self, flags: int) -> list[str]:
        """Without our own: an output of ours that we read from would be a ring without end."""
        if self._shutdown.came:
            raise OSError("the JACK server went")
        found = native.texts(self._jack, self._jack.jack_get_ports(self._client, None, MIDI, flags))
        return [name for name in found if not is_ours(name)]

    # -- ports

    def open(self, name: str) -> Inlet:
        return JackInlet(self, self._to(name, output=False))

    def open_out(self, name: str) -> OpenOutput:
        return JackOutlet(self, self._to(name, output=True))

    def own(self) -> Inlet | None:
        return JackInlet(self, self._port("in", output=False))

    def own_out(self) -> OpenOutput | None:
        port = self._port("out", output=True)
        self._wire_again()
        return JackOutlet(self, port)

    def _to(self, name: str, output: bool) -> _JackPort:
        """A port of ours, connected to the device of this name."""
        port = self._port(f"{'to' if output else 'from'} {_short(name)}", output)
        ours, theirs = f"{self.name}:{port.name}".encode(), name.encode()
        made = self._jack.jack_connect(self._client, *((ours, theirs) if output else (theirs, ours)))
        self._look_at_cables()
        if made != 0 and name not in port.ends:
            self.retire(port)
            raise OSError("JACK does not connect it")
        return port

    def _port(self, name: str, output: bool) -> _JackPort:
        """A port of ours of this name, or the one that outlived its device."""
        port = self._ports.get(name)
        if port is None or port.retired_at is None:
            taken = {p.slot for p in self._ports.values() if p.output == output}
            slot = next((i for i in range(SLOTS) if i not in taken), None)
            if slot is None or port is not None:
                raise OSError("too many ports" if slot is None else "a second port of this name")
            flags = (_IS_OUTPUT if output else _IS_INPUT) | _IS_TERMINAL
            handle = self._jack.jack_port_register(self._client, name.encode(), MIDI, flags, 0)
            if not handle:
                raise OSError("JACK makes no port")
            port = self._ports[name] = _JackPort(name, slot, output, int(handle))
        port.retired_at, port.cut, port.broken = None, None, False
        port.queue.clear()
        self._words[(OUTS if output else INS) + port.slot] = port.handle
        return port

    def retire(self, port: _JackPort) -> None:
        """It sends and hears no more, and goes later, in a calm moment."""
        port.retired_at, port.ends = time.monotonic(), frozenset()
        self._words[(OUTS if port.output else INS) + port.slot] = 0

    def _bury(self) -> None:
        now = time.monotonic()
        for port in list(self._ports.values()):
            if port.retired_at is not None and now - port.retired_at > RETIRED_SECONDS and not self._shutdown.came:
                self._jack.jack_port_unregister(self._client, port.handle)
                del self._ports[port.name]

    # -- bytes

    def pump(self) -> None:
        """What has come, to the ports it came to."""
        ready = min(int(self._jack.jack_ringbuffer_read_space(self._rings[0])), RING_BYTES)
        if ready == 0 or sum(len(port.queue) for port in self._ports.values()) > QUEUED:
            return
        self._jack.jack_ringbuffer_read(self._rings[0], self._bytes, ready)
        data, at = self._rest + self._bytes.raw[:ready], 0
        by_slot = {port.slot: port for port in self._ports.values() if not port.output and port.retired_at is None}
        while len(data) - at >= HEAD_BYTES:
            head = int.from_bytes(data[at : at + HEAD_BYTES], _ORDER)
            slot, end = head & 0xFFFF, at + HEAD_BYTES + (head >> 16)
            if end > len(data):
                break
            if slot in by_slot:
                by_slot[slot].queue.append(data[at + HEAD_BYTES : end])
            at = end
        self._rest = data[at:]
        for port in by_slot.values():
            lost = int(self._words[LOST + port.slot])
            if lost != port.lost:
                port.lost = lost
                port.queue.append(ALL_RELEASED)

    def send(self, port: _JackPort, data: bytes) -> None:
        """OSError when the server went, or takes nothing."""
        if self._shutdown.came:
            raise OSError("the JACK server went")
        record = (port.slot | len(data) << 16).to_bytes(HEAD_BYTES, _ORDER) + data
        if self._jack.jack_ringbuffer_write_space(self._rings[1]) < len(record):
            raise OSError("the JACK server stands still")
        self._jack.jack_ringbuffer_write(self._rings[1], record, len(record))

    # -- cables

    def _look_at_cables(self) -> None:
        """Who is connected to what now. A cable that was cut lets go of what was held through it."""
        gone_before, self._gone = self._gone, int(self._words[GONE])
        for port in self._ports.values():
            if port.retired_at is not None or self._shutdown.came:
                continue
            ends = frozenset(native.texts(self._jack, self._jack.jack_port_get_connections(port.handle)))
            if port.ends - ends and not port.output:
                self.pump()
                port.queue.append(ALL_RELEASED)
                port.cut = gone_before if port.name not in OWN else None
            port.ends = ends
        if self._keeper is not None and not self._shutdown.came:
            made = [(port.name, end) for port in self._ports.values() if port.name in OWN for end in sorted(port.ends)]
            there = {end for _, end in made}
            missing = [wire for wire in self._wires if wire[1] not in there and wire not in made]
            self._keeper.write([*made, *missing])

    def _wire_again(self) -> None:
        """The wires of those before us, as far as both ends are there."""
        if not self._wires:
            return
        there = {*self._listed(_IS_OUTPUT), *self._listed(_IS_INPUT)}
        for ours, theirs in [wire for wire in self._wires if wire[1] in there and wire[0] in self._ports]:
            ends = (f"{self.name}:{ours}".encode(), theirs.encode())
            self._jack.jack_connect(self._client, *(ends if ours == "out" else ends[::-1]))
            self._wires.remove((ours, theirs))
        self._look_at_cables()

    def close(self) -> None:
        client, self._client = self._client, 0
        if client:
            self._jack.jack_client_close(client)
            for ring in self._rings:
                self._jack.jack_ringbuffer_free(ring)


OWN = ("in", "out")
_ORDER: Final = sys.byteorder


def _short(name: str) -> str:
    """A port's name for our end of the cable. JACK takes no colon in it, and 255 bytes with the client's name at most;
    what tells the ports of one device apart stands at the end ("... Launchpad Mini MK3 LPMiniMK3 DA", "... MI")."""
    utf8 = name.replace(":", " ").encode()
    if len(utf8) <= 2 * NAME_HALF_BYTES:
        return utf8.decode()
    return "...".join(half.decode(errors="ignore") for half in (utf8[:NAME_HALF_BYTES], utf8[-NAME_HALF_BYTES:]))
