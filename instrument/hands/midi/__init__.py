"""MIDI: from a port's bytes to controls and notes, and the way back to motors and rings. Inside the hands."""
