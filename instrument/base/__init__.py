"""Base: what every room may stand on - guarded files, safe words for a terminal, whole writes. Knows no other room."""
