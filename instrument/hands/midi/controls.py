"""Controls: MIDI messages to the controls a player moves: 14-bit pairs and NRPN put together. After decode.

A pair is CC n with n + 32; when its value is said is the matter of ``halves``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal, NamedTuple

from instrument.hands.midi import decode
from instrument.hands.midi.decode import MidiMessage
from instrument.hands.midi.halves import FINE, Halves, Whole

What = Literal["cc", "cc14", "nrpn", "bend", "pressure", "polypressure", "note", "program"]

DATA, DATA_FINE, UP, DOWN, NRPN_FINE, NRPN, RPN_FINE, RPN = 6, 38, 96, 97, 98, 99, 100, 101
NOTHING_SELECTED = FINE
NRPN_KEPT = 512
"""Of how many NRPN the halves are remembered, for each port; a sender of random ones must not fill the memory."""


class ControlEvent(NamedTuple):
    """A control at a place: ``value`` 0..1, ``raw`` as sent (7 or 14 bit), ``channel`` 1..16.

    ``number``: the CC, the coarse CC of a pair, the NRPN, the note, the program; 0 for bend and pressure.
    ``paired``: both halves came together, so surely a pair.
    """

    what: What
    channel: int
    number: int
    value: float
    raw: int
    paired: bool = False

    def __str__(self) -> str:
        n = self.number
        name = {"cc": f"CC {n}", "cc14": f"CC {n}/{n + 32}", "nrpn": f"NRPN {n}"}.get(self.what, self.what)
        return f"{name} channel {self.channel}"


class Controls:
    """What one port has sent so far, per channel."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        self._pairs: dict[tuple[int, int], Halves] = {}
        self._nrpn: dict[tuple[int, int], Halves] = {}
        self._selected: dict[int, int] = {}
        self._bank: dict[int, int] = {}
        self._wait: dict[tuple[What, int, int], Halves] = {}

    def selected(self) -> list[dict[int, int]]:
        """Bank and NRPN by channel: what a sender says once and then relies on."""
        return [self._bank, self._selected]

    def select(self, bank: Mapping[str, int], nrpn: Mapping[str, int]) -> None:
        """As it was ``selected`` in hands before these; channels as JSON has them."""
        self._bank = {int(channel): number for channel, number in bank.items()}
        self._selected = {int(channel): number for channel, number in nrpn.items()}

    def take(self, message: MidiMessage, now: float = 0.0) -> list[ControlEvent]:
        """The controls a message moves, at ``now`` s: none, or some (a CC is itself and may be half of a pair)."""
        status, channel, a, b = message
        if status == decode.CONTROL:
            return self._control_change(channel, a, b, now)
        if status == decode.NOTE_ON or status == decode.NOTE_OFF:
            velocity = b if status == decode.NOTE_ON else 0
            return [ControlEvent("note", channel, a, velocity / 127, velocity)]
        if status == decode.BEND:
            raw = b << 7 | a
            return [ControlEvent("bend", channel, 0, raw / FINE, raw)]
        if status == decode.PRESSURE:
            return [ControlEvent("pressure", channel, 0, a / 127, a)]
        if status == decode.POLY_PRESSURE:
            return [ControlEvent("polypressure", channel, a, b / 127, b)]
        if status == decode.PROGRAM:
            number = self._bank.get(channel, 0) << 7 | a
            return [ControlEvent("program", channel, number, a / 127, a)]
        return []

    def settle(self, now: float) -> list[ControlEvent]:
        """What waited for its other half long enough. To be asked every few milliseconds."""
        if not self._wait:
            return []
        return [c for key, halves in list(self._wait.items()) for c in self._said(*key, halves, halves.settle(now))]

    def _control_change(self, channel: int, number: int, byte: int, now: float) -> list[ControlEvent]:
        found = [ControlEvent("cc", channel, number, byte / 127, byte)]
        if number in (0, 32):
            bank = self._bank.get(channel, 0)
            self._bank[channel] = (byte << 7 | bank & 127) if number == 0 else (bank & ~127 | byte)
        elif number in (NRPN, NRPN_FINE):
            # The two bytes come one after the other; the missing one of a fresh selection counts as 0.
            before = self._selected.get(channel, NOTHING_SELECTED)
            before = 0 if before == NOTHING_SELECTED else before
            self._selected[channel] = (byte << 7 | before & 127) if number == NRPN else (before & ~127 | byte)
        elif number in (RPN, RPN_FINE):
            self._selected[channel] = NOTHING_SELECTED  # bend range and tuning are not ours
        elif number in (DATA, DATA_FINE, UP, DOWN):
            found += self._data_entry(channel, number, byte, now)
        elif number < 64:
            coarse = number % 32
            halves = self._pairs.setdefault((channel, coarse), Halves())
            said = halves.take_coarse(byte, now) if number < 32 else halves.take_fine(byte, now)
            pair = self._said("cc14", channel, coarse, halves, said)
            found = [*found, *pair] if number < 32 else [*pair, *found]
        return found

    def _data_entry(self, channel: int, number: int, byte: int, now: float) -> list[ControlEvent]:
        selected = self._selected.get(channel, NOTHING_SELECTED)
        if selected == NOTHING_SELECTED:
            return []
        if (halves := self._nrpn.get((channel, selected))) is None:
            if len(self._nrpn) >= NRPN_KEPT:
                oldest = next(iter(self._nrpn))
                del self._nrpn[oldest]
                self._wait.pop(("nrpn", *oldest), None)
            halves = self._nrpn[channel, selected] = Halves()
        if number == DATA:
            said = halves.take_coarse(byte, now)
        elif number == DATA_FINE:
            said = halves.take_fine(byte, now)
        else:
            nudged = halves.nudge(1 if number == UP else -1)
            said = [] if nudged is None else [nudged]
        return self._said("nrpn", channel, selected, halves, said)

    def _said(self, what: What, channel: int, number: int, halves: Halves, said: Iterable[Whole]) -> list[ControlEvent]:
        """The values that two halves make, and a note of those that wait."""
        if halves.waits:
            self._wait[what, channel, number] = halves
        else:
            self._wait.pop((what, channel, number), None)
        return [ControlEvent(what, channel, number, whole.raw / FINE, whole.raw, whole.paired) for whole in said]
