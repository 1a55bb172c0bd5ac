"""A patch made in Python: the same entries as a patch file, checked the same way, played on the weightless voice.

python examples/own_patch.py
"""

from instrument import knob, note, open_engine, patch_from, render, save

patch = patch_from(
    {
        "schema": 1,
        "name": "rust",
        "title": {"en": "Rust", "fr": "Rouille"},
        "model": {"name": "null"},
        "voice": {"note": 45, "attack_ms": 200, "release_ms": 1500},
        "knobs": {"glass": {"start": 0.3}},
        "friction": {"difficulty": 8, "stick": 0.12, "slide": 0.03, "weight": 5},
        "chance": {"hazard": 4, "drift": 0.06, "tau": 0.8, "entry": "bearing"},
    },
    where="own_patch.py",
)
engine = open_engine(patch)
# A slow pull on one knob: with this much friction it holds, then lets go, then holds again.
pull = [knob(0.5 + 0.01 * i, "brightness", 0.2 + 0.0015 * i) for i in range(500)]
save("rust.wav", render(engine, 7.0, [note(0.2, 45), *pull, note(6.0, 45, 0.0)]), engine)
print(f"rust.wav: {patch.title.en}, {len(engine.layer.table.playable)} knobs")
