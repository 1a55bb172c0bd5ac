"""Input: keys and mouse to gestures, and what is asked of the window and of the hands. Pure."""
