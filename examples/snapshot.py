"""Snapshot and restore: the model's memory, the knobs in motion and the dice, put back to a moment before.

python examples/snapshot.py
"""

import numpy as np

from instrument import knob, note, open_engine, render

engine = open_engine("storm", seed=20)
render(engine, 1.0, [note(0.0, 40)])

here = engine.snapshot()
once = render(engine, 1.0, [knob(0.1, "glass", 1.0)])
other = render(engine, 1.0)  # the music has gone on

engine.restore(here)
again = render(engine, 1.0, [knob(0.1, "glass", 1.0)])

print("the same second, once more, bit for bit:", np.array_equal(once, again))
print("and it differs from the second after it:", not np.array_equal(again, other))
