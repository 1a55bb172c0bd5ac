"""Rivals: the same network as others would play it, for ratios in one run."""
