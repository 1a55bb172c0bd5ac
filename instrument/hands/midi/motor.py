"""Motor: one motor fader as the hands know it - where it stands, who is moving it, finger or motor.
Pure, before mapping table.

The law by which an echo never becomes a gesture:

* A fader that sends a touch note is believed while it is touched and never otherwise.
* One that does not is believed unless it was driven within ECHO_SECONDS: what comes then is its own movement. A fader
  is held against its motor when it leaves the way it was sent on by more than SLACK; it is then driven no further, so
  that after ECHO_SECONDS it is believed.
* A motor is never driven while it is touched; a fader without a touch note counts as touched until REST_SECONDS after
  its last message that was not its motor's.

* What was last heard of an untouched fader tells where it stands once it is quiet: more than SLACK away from where it
  was sent, it is sent there again.

So of driving and believing only one is on at any time, and nothing goes round in circles. Positions are 0..1 of the
fader's travel, times monotonic seconds.
"""

from __future__ import annotations

from collections import deque

from instrument.hands.state.positions import SETTLE_SECONDS

ECHO_SECONDS = 0.3
"""A motor's full travel takes 0.1 to 0.25 s; the rest is the way there and back."""
REST_SECONDS = 0.5
SLACK = 4 / 127
"""Motors overshoot by a percent or two, and a 7-bit fader rounds by half of one."""


class Motor:
    """``senses``: whether the fader tells of touch. ``place``: where it stands; None while nobody knows."""

    __slots__ = ("_fingers", "_heard", "_led", "_moved_at", "place", "senses")

    def __init__(self, senses: bool) -> None:
        self.senses = senses
        self.place: float | None = None
        self._fingers: set[str] = set()
        self._moved_at = float("-inf")
        self._heard: tuple[float, float] | None = None  # when, and where it said it was, not believed
        self._led: deque[tuple[float, float, float]] = deque()  # when, lower and upper end of the way

    def touch(self, port: str, down: bool) -> None:
        """The touch note came from this port. A finger may have stopped the fader on its way: who knows where."""
        self.place = None if down else self.place
        (self._fingers.add if down else self._fingers.discard)(port)

    @property
    def fingers(self) -> tuple[str, ...]:
        """The ports from which it is touched."""
        return tuple(sorted(self._fingers))

    def gone(self, port: str) -> None:
        """No finger lies on what is not there; where it is when it comes again nobody knows."""
        self._fingers.discard(port)
        self.place = None

    def touched(self, now: float) -> bool:
        return bool(self._fingers) if self.senses else now - self._moved_at < REST_SECONDS

    def deaf(self, now: float) -> bool:
        """Whether what this fader sends now is no gesture."""
        return not self._fingers if self.senses else bool(self._way(now))

    def believed(self, control: float, now: float) -> bool:
        """A message says that the fader is at ``control``: whether a hand has put it there."""
        if not self.deaf(now):
            self.place, self._moved_at, self._heard = control, now, None
            return True
        self._heard = now, control
        if not self.senses:
            way = self._way(now)
            if not min(w[1] for w in way) - SLACK <= control <= max(w[2] for w in way) + SLACK:
                self.place, self._moved_at = control, now  # held: drive no more
        return False

    def due(self, to: float, steps: int, frame_time: float, now: float) -> bool:
        """Whether to drive it: untouched, at least one of its steps away, and no gesture of its own still on the way.

        ``frame_time``: of the frame that says ``to``; it has to have seen where the hand has left the fader.
        """
        if self.touched(now) or frame_time <= self._moved_at + SETTLE_SECONDS:
            return False
        if self._heard is not None and not self._way(now) and now - self._heard[0] >= ECHO_SECONDS:
            if self.place is not None and abs(self._heard[1] - self.place) > SLACK:
                self.place = self._heard[1]
            self._heard = None
        return self.place is None or abs(to - self.place) * steps >= 1.0

    def drive(self, to: float, now: float) -> None:
        """It was sent to ``to``."""
        at = self.place
        low, high = (0.0, 1.0) if at is None else (min(at, to), max(at, to))
        self._way(now).append((now, low, high))
        self.place, self._heard = to, None

    def _way(self, now: float) -> deque[tuple[float, float, float]]:
        while self._led and now - self._led[0][0] >= ECHO_SECONDS:
            self._led.popleft()
        return self._led
