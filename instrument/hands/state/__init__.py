"""State: what the hands know, whichever way it came - mappings, what is being learned, positions. Under both."""
