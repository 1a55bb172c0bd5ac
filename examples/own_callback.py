"""Drive the engine block by block from a callback of your own, as an audio host would, in blocks of any size.

    python examples/own_callback.py

The engine makes 128 samples at a time; the Adapter cuts them to what the host asks for, and no sample is different.
"""

import numpy as np

from instrument import CHANNELS, QUANTUM, Adapter, Gesture, Kind, open_engine

engine = open_engine("glass", seed=3)
adapter = Adapter(CHANNELS, QUANTUM)
table = engine.layer.table


def callback(out: np.ndarray, asked: int) -> None:
    """``out`` float32 [channels, frames]: what a sound card's callback has to fill; ``asked``: how often it did."""
    if asked == 10:  # a gesture acts at a sample of the engine's own clock, here half a block from now
        engine.post(Gesture(Kind.NOTE_ON, 57, 0.8), engine.sample + QUANTUM // 2)
    if asked == 60:
        engine.post(Gesture(Kind.KNOB, table.index("brightness"), 0.9), engine.sample)
    adapter.pull(out, engine.block)


out = np.zeros((CHANNELS, 441), np.float32)
for asked in range(200):
    callback(out, asked)
    if asked % 10 == 9:
        level = 20 * np.log10(np.sqrt(np.mean(out**2)) + 1e-5)
        print(f"{engine.sample / engine.rate:5.2f} s {level:6.1f} dB " + "#" * int(max(0, level + 60) / 2))
