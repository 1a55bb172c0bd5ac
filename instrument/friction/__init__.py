"""Friction: what keeps a knob from obeying at once. After hands, before chance at the sound."""
