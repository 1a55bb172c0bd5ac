"""Controls: MIDI messages to the controls a player moves: 14-bit pairs and NRPN put together. After decode.

A pair (CC n with n + 32) or an NRPN is applied on its coarse byte until a fine byte was seen, and from then on when
the fine byte arrives: else every move would stutter through a value that is up to 1/128 off. Two coarse bytes without
a fine one between them mean that the sender no longer sends fine bytes.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

from instrument.hands import decode
from instrument.hands.decode import Message

What = Literal["cc", "cc14", "nrpn", "bend", "pressure", "polypressure", "note", "program"]

FINE = 16383
DATA, DATA_FINE, UP, DOWN, NRPN_FINE, NRPN, RPN_FINE, RPN = 6, 38, 96, 97, 98, 99, 100, 101
NOTHING_SELECTED = FINE


class Control(NamedTuple):
    """A control at a place: ``value`` 0..1, ``raw`` as sent (7 or 14 bit), ``channel`` 1..16.

    ``number``: the CC, the coarse CC of a pair, the NRPN, the note, the program; 0 for bend and pressure.
    ``paired``: a fine byte that came right after its coarse one, so surely a pair.
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


class _Pair:
    """One 14-bit value in the making."""

    __slots__ = ("coarse", "fine", "fine_seen", "waiting")

    def __init__(self) -> None:
        self.coarse: int | None = None
        self.fine = 0
        self.fine_seen = False
        self.waiting = False

    def set_coarse(self, byte: int) -> int | None:
        """The whole value, if it is to be applied now."""
        self.coarse = byte
        if self.fine_seen and not self.waiting:
            self.waiting = True
            return None
        self.fine_seen = self.waiting = False
        self.fine = byte  # the same bits again below: 127 alone is then the very top
        return byte << 7 | byte

    def set_fine(self, byte: int) -> int | None:
        if self.coarse is None:
            return None
        self.fine, self.fine_seen, self.waiting = byte, True, False
        return self.coarse << 7 | byte

    def nudge(self, step: int) -> int | None:
        """Data increment and decrement: one fine step, or one coarse step where no fine byte was ever seen."""
        if self.coarse is None:
            return None
        whole = min(FINE, max(0, (self.coarse << 7 | self.fine) + step * (1 if self.fine_seen else 129)))
        self.coarse, self.fine = whole >> 7, whole & 127
        return whole


class Controls:
    """What one port has sent so far, per channel."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        self._pairs: dict[tuple[int, int], _Pair] = {}
        self._nrpn: dict[tuple[int, int], _Pair] = {}
        self._selected: dict[int, int] = {}
        self._bank: dict[int, int] = {}
        self._last_cc: dict[int, int] = {}

    def take(self, message: Message) -> list[Control]:
        """The controls a message moves: none, one, or two (a CC is itself and may be half of a pair)."""
        status, channel, a, b = message
        if status == decode.CONTROL:
            return self._control_change(channel, a, b)
        if status == decode.NOTE_ON or status == decode.NOTE_OFF:
            velocity = b if status == decode.NOTE_ON else 0
            return [Control("note", channel, a, velocity / 127, velocity)]
        if status == decode.BEND:
            raw = b << 7 | a
            return [Control("bend", channel, 0, raw / FINE, raw)]
        if status == decode.PRESSURE:
            return [Control("pressure", channel, 0, a / 127, a)]
        if status == decode.POLY_PRESSURE:
            return [Control("polypressure", channel, a, b / 127, b)]
        if status == decode.PROGRAM:
            number = self._bank.get(channel, 0) << 7 | a
            return [Control("program", channel, number, a / 127, a)]
        return []

    def _control_change(self, channel: int, number: int, byte: int) -> list[Control]:
        last, self._last_cc[channel] = self._last_cc.get(channel, -1), number
        found = [Control("cc", channel, number, byte / 127, byte)]
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
            found += self._data_entry(channel, number, byte)
        elif number < 32:
            whole = self._pairs.setdefault((channel, number), _Pair()).set_coarse(byte)
            if whole is not None:
                found.append(Control("cc14", channel, number, whole / FINE, whole))
        elif number < 64:
            pair = self._pairs.get((channel, number - 32))
            whole = pair.set_fine(byte) if pair is not None else None
            if whole is not None:
                found.insert(0, Control("cc14", channel, number - 32, whole / FINE, whole, last == number - 32))
        return found

    def _data_entry(self, channel: int, number: int, byte: int) -> list[Control]:
        selected = self._selected.get(channel, NOTHING_SELECTED)
        if selected == NOTHING_SELECTED:
            return []
        pair = self._nrpn.setdefault((channel, selected), _Pair())
        if number == DATA:
            whole = pair.set_coarse(byte)
        elif number == DATA_FINE:
            whole = pair.set_fine(byte)
        else:
            whole = pair.nudge(1 if number == UP else -1)
        return [] if whole is None else [Control("nrpn", channel, selected, whole / FINE, whole)]
