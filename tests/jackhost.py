"""The JACK server that tests and benches share, under the name the tests know it by."""

from __future__ import annotations

from instrument.bench.jackhost import JackServer, jack_is_here, jack_server

__all__ = ["JackServer", "jack_is_here", "jack_server"]
