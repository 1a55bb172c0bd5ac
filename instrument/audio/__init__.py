"""Audio: all that touches a sound card or the clock of one - callback, device, recording. Above the engine."""
