"""ISF host of the stage: draws Interactive Shader Format files as visuals. After instrument.isf, beside scene.

``Visual(path)`` is all that the rest of the stage needs; ``glsl``, ``sizes``, ``feed`` and ``mark`` are pure.
"""
