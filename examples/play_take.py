"""Play a take from Python: its gestures, on its own patch or on another, to a sound file with the credits inside.

python examples/play_take.py [TAKE] [PATCH]                 TAKE: the folder of a recording, or a .jsonl
"""

import sys
from collections import Counter
from pathlib import Path

from instrument import open_engine, read_take, render, save, shipped

path = Path(sys.argv[1]) if len(sys.argv) > 1 else shipped("examples") / "first-take.jsonl"
take = read_take(path)
engine = open_engine(sys.argv[2] if len(sys.argv) > 2 else take.patch, seed=take.seed)
for what, count in Counter(event.knob or event.kind.name.lower() for event in take.events).items():
    print(f"{count:5} {what}")
sound = render(engine, take.seconds, take.events)
save(f"{path.stem}.wav", sound, engine)
print(f"{path.stem}.wav: {take.seconds:g} s on {engine.layer.patch.name}, seed {engine.layer.seed}")
