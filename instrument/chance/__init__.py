"""Chance: seeded accidents that can be called back. Beside friction, before the model."""
