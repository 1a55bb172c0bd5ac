"""Load: how much of each block's time the sound needs - now, and at its worst but one in a hundred."""

from __future__ import annotations

import numpy as np

KEPT = 2048
EVERY = 128


class LoadMeter:
    """Shares of one block's duration (0..1 and above). ``now`` is smoothed over about a tenth of a second."""

    def __init__(self, block_seconds: float) -> None:
        self._block_seconds = block_seconds
        self._kept = np.zeros(KEPT, np.float32)
        self._sorted = np.zeros(KEPT, np.float32)
        self._count = 0
        self.now = 0.0
        self.p99 = 0.0

    def add(self, seconds: float) -> None:
        """One block took ``seconds``."""
        share = seconds / self._block_seconds
        self._kept[self._count % KEPT] = share
        self._count += 1
        self.now += (share - self.now) * 0.03
        if self._count % EVERY == 0:
            # 2048 values sort in about 10 us, once in 128 blocks; a running quantile would be cheaper and wrong.
            filled = min(self._count, KEPT)
            part = self._sorted[:filled]
            np.copyto(part, self._kept[:filled])
            part.sort()
            self.p99 = float(part[min(filled - 1, int(filled * 0.99))])
