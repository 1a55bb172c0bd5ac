"""Render a patch offline in five lines. Same seed, same sound, bit for bit.

python examples/render_patch.py
"""

from instrument import knob, note, open_engine, render, save

engine = open_engine("bow", seed=7)
sound = render(engine, 4.0, [note(0.2, 50), knob(1.0, "z1", 0.9), note(3.0, 50, 0.0)])
save("bow.wav", sound, engine)
print(f"bow.wav: {sound.shape[1] / engine.rate:g} s, peak {abs(sound).max():.2f}")
