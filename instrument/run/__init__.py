"""Run: the show and what it watches - processes started, ended, brought back. Above all that plays."""
