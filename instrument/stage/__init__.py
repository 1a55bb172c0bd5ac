"""Stage: the window. Reads frames, draws where hands and sound are, posts gestures. Its own process, after sound.

The process is ``python -m instrument.stage.process``; layout, contour, history, marks and input are pure and need no
window.
"""
