"""Runtime: a model as a voice - sessions, state, noise, bending, wear. Runs in the block."""
