"""Voices: which voice a key gets, what each plays, what its finger adds, and their sum. Inside a layer."""
