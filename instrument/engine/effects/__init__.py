"""Effects: what stands between the voice and the engine's way out - worn tape, an excerpt, the guard."""
