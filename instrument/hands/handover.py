"""Handover: what hands leave to those that take over - who listens, what waits, what was caught. Beside process.

What hands know beyond their bindings, and what becomes of it when they are replaced:

    carried on   OSC clients (each is told everything anew); a knob that waits for a controller; which controller has
                 caught its knob; fingers on motor faders; the bank and the NRPN that a port has selected
    let go       keys, pedal, bend, pressure, pushes: by the show, at once (link.pressed)
    begun anew   half a message and half a 14-bit value, which the next one makes whole; the tempo of a clock, learned
                 in half a beat; what motors and lights show: all of it is sent again

Written down at most so often that it costs nothing, and read once.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from instrument.hands.midi.hand import LearnRequest, MidiHand
from instrument.hands.osc.echo import Client
from instrument.hands.osc.hand import OscHand
from instrument.hands.osc.osc_learn import OscLearn
from instrument.hands.state.mapping_table import Mapping
from instrument.ipc import Frame, Source
from instrument.ipc.memo import Memo

WRITE_SECONDS = 0.05


class HandsHandover:
    """``write`` often; ``join`` and ``take`` once, in hands that are new to a show that has been played."""

    def __init__(self, memo: Memo) -> None:
        self._memo = memo
        self._written = memo.read()
        self._left: dict[str, Any] = json.loads(self._written) if self._written else {}
        self._write_at = 0.0

    def write(self, midi: MidiHand, osc: OscHand | None, patch: int, now: float) -> None:
        """Write down how things are, if that is another than before."""
        if now < self._write_at:
            return
        self._write_at = now + WRITE_SECONDS
        foreign = osc.foreign if osc is not None else None
        state = {
            "patch": patch,
            "clients": [_client(client) for client in osc.echo.clients if not client.fixed] if osc is not None else [],
            "wish": midi.learning._asdict() if midi.learning is not None else None,
            "caught": {key: how for key, how in _caught(midi, foreign).items() if how},
            "ports": midi.selected(),
        }
        text = json.dumps(state)
        if text != self._written:
            self._written = text
            self._memo.write(text)

    def join(self, osc: OscHand, now: float) -> None:
        """Whoever listened listens on, as soon as there is an OSC."""
        for client in self._left.get("clients", ()):
            _join(osc, client, now)

    def take(self, midi: MidiHand, osc: OscHand | None, patch: int, frame: Frame | None) -> None:
        """Take up what was left. ``frame``: the newest; a knob that others have moved since was not caught."""
        state = self._left
        if (request := state.get("wish")) is not None and not request["fresh"]:  # the stage asks again by itself
            midi.learning = LearnRequest(**request)
        midi.select(state.get("ports", {}))
        if state.get("patch") == patch:
            _catch(midi, osc.foreign if osc is not None else None, state.get("caught", {}), frame)


def _client(client: Client) -> list[Any]:
    return [list(client.where), client.heard_at, [list(sender) for sender in client.senders]]


def _join(osc: OscHand, written: list[Any], now: float) -> None:
    """A client of the hands before; as after a /sync it is told everything."""
    where, heard_at, senders = written
    osc.echo.sync(tuple(where), None, now)
    for client in osc.echo.clients:
        if client.where == tuple(where):
            client.heard_at = min(now, heard_at)
            client.senders |= {tuple(sender) for sender in senders}


def _slots(midi: MidiHand, foreign: OscLearn | None) -> Iterable[tuple[str, Any]]:
    """Every binding in play, under what it says itself: their order may be another."""
    for slot in midi.mappings.slots:
        yield f"midi {json.dumps(slot.binding.row(), sort_keys=True)}", slot
    for other in foreign.mappings.slots if foreign is not None else ():
        yield f"osc {json.dumps(other.binding.row(), sort_keys=True)}", other


def _caught(midi: MidiHand, foreign: OscLearn | None) -> dict[str, list[Any]]:
    """Of each binding: whether it has caught its knob, where the controller was seen last, fingers on its fader."""
    found = {}
    for key, slot in _slots(midi, foreign):
        fingers = list(slot.motor.fingers) if isinstance(slot, Mapping) and slot.motor is not None else []
        if slot.takeover.control is not None or fingers:
            found[key] = [slot.takeover.caught, slot.takeover.control, fingers]
    return found


def _catch(midi: MidiHand, foreign: OscLearn | None, caught: dict[str, list[Any]], frame: Frame | None) -> None:
    """... as it was, where nobody else has moved the knob since."""
    for key, slot in _slots(midi, foreign):
        if key not in caught:
            continue
        was_caught, control, fingers = caught[key]
        source = Source.MIDI if key.startswith("midi") else Source.OSC
        mine = slot.knob is not None and frame is not None and frame.origin[slot.knob] == source
        slot.takeover.resume(control, was_caught and mine)
        for port in fingers:
            slot.motor.touch(port, True)
