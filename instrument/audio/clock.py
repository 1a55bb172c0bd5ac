"""Clock: when each sample is heard. Beside the engine; turns the time stamps of gestures into places in the block.

A callback comes late by whatever the scheduler did; the samples themselves do not. A delay-locked loop of second
order (F. Adriaensen, "Using a DLL to filter time", LAC 2005, section 3) follows the callbacks slowly and so knows the
time of a sample far better than any one of them. Blocks may change in length: the loop runs on seconds per sample.
"""

from __future__ import annotations

import math

BANDWIDTH_HZ = 0.5
OMEGA_MOST = 0.025  # rad per callback: with blocks of 512 and more, narrower than BANDWIDTH_HZ to filter enough
START_OMEGA = 0.1  # the loop starts this wide (rad per callback) and narrows as 1/n: locked within 10 callbacks
DRIFT_MAX = 0.05  # no device is further from its nominal rate
GAP_S = 0.030
GAP_BLOCKS = 3.0


class DelayLockedLoop:
    """Maps ``time.monotonic()`` to sample positions of one stream. ``update`` is called once a callback, there only."""

    def __init__(self, rate: float, block: int = 128, bandwidth_hz: float = BANDWIDTH_HZ) -> None:
        """``block``: the driver's usual one; only the size of a gap is measured by it."""
        self.rate = float(rate)
        self._gap_s = max(GAP_S, GAP_BLOCKS * block / self.rate)
        self.resets = 0
        """How many times a gap made the loop start again."""
        self._omega_per_s = 2.0 * math.pi * bandwidth_hz
        self._second = 1.0 / self.rate  # seconds per sample, as learnt; outlives a reset, the quartz being the same
        self._time = 0.0
        self._sample = 0
        self._updates = 0

    @property
    def locked(self) -> bool:
        """Whether there is any time to go by."""
        return self._updates > 0

    @property
    def rate_hz(self) -> float:
        """The rate of the device as measured against the monotonic clock."""
        return 1.0 / self._second

    def update(self, now: float, samples: int) -> float:
        """``now``: monotonic time at entry of the callback whose first sample is number ``samples``.

        Returns the filtered time of that sample. A jump of more than 30 ms and of 3 blocks (an xrun, a suspended
        machine), or a position that does not grow, starts the loop again.
        """
        block = samples - self._sample
        if self._updates == 0 or block <= 0:
            return self._start(now, samples)
        expected = self._time + block * self._second
        error = now - expected
        span = block / self.rate
        if abs(error) > self._gap_s:
            return self._start(now, samples)
        self._updates += 1
        omega = max(min(self._omega_per_s * span, OMEGA_MOST), min(START_OMEGA, 1.0 / self._updates))
        self._time = expected + math.sqrt(2.0) * omega * error
        second = self._second + omega * omega * error / block
        nominal = 1.0 / self.rate
        self._second = min(max(second, nominal * (1.0 - DRIFT_MAX)), nominal * (1.0 + DRIFT_MAX))
        self._sample = samples
        return self._time

    def sample_at(self, time: float) -> float:
        """The position in samples (with its fraction) that is under way at a time; 0 before the first update."""
        if not self._updates:
            return float(self._sample)
        return self._sample + (time - self._time) / self._second

    def time_at(self, sample: float) -> float:
        return self._time + (sample - self._sample) * self._second

    def reset(self) -> None:
        """Forget everything but the rate: the stream has been reopened, or has told of an xrun."""
        self._updates = 0
        self._sample = 0

    def _start(self, now: float, samples: int) -> float:
        if self._updates:
            self.resets += 1
        self._time, self._sample, self._updates = now, samples, 1
        return now
