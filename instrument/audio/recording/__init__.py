"""Recording: a take on disk, whatever happens - sound, gestures, opening, stream, credits. Beside the callback."""
