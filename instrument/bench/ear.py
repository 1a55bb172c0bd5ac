"""Ear: an independent JACK client that listens and keeps what it heard, with the time of every sample.

A process of its own: ``python -m instrument.bench.ear OUT.npz SECONDS PORT...``. Needs JACK-Client (extra [dev]).
The time of a sample is ``time.monotonic()`` in the callback, minus the frames since the cycle began, plus its place
in the cycle: JACK's own frame clock jumps after an xrun (realtime.md). A source that goes and comes back, under its own
name or one that JACK has numbered, is connected again, as a patch bay does.
"""

from __future__ import annotations

import contextlib
import re
import sys
import time
from typing import Any

import numpy as np


def _connect_again(client: Any, port: Any, sources: list[str]) -> None:
    """Connect what of ``sources`` is there and not connected. JackError where one goes just then."""
    connected = {found.name for found in client.get_all_connections(port)}
    for source in sources:
        name, _, short = source.partition(":")
        wanted = rf"^{re.escape(re.sub(r'-[0-9]+$', '', name))}(-[0-9]+)?:{re.escape(short)}$"
        there = [found.name for found in client.get_ports(wanted, is_output=True)]
        if connected.isdisjoint(there):
            for each in there[-1:]:
                client.connect(each, port)


def listen(path: str, seconds: float, sources: list[str]) -> None:
    """Record ``seconds`` of the named ports (summed), then write ``audio`` f32 [n] and ``at`` f64 [n/period]."""
    import jack

    client = jack.Client("ear", no_start_server=True)
    port = client.inports.register("in")
    period, rate = client.blocksize, client.samplerate
    cycles = int(seconds * rate / period) + 1
    audio = np.zeros((cycles, period), np.float32)
    at = np.zeros(cycles)
    count = 0

    @client.set_process_callback
    def process(frames: int) -> None:
        nonlocal count
        if count < cycles:
            at[count] = time.monotonic() - client.frames_since_cycle_start / rate
            audio[count] = port.get_array()
            count += 1

    with client:
        for source in sources:
            client.connect(source, port)
        print("listening", flush=True)
        while count < cycles:
            time.sleep(0.02)
            with contextlib.suppress(jack.JackError):  # a source that goes just now: the next time
                _connect_again(client, port, sources)
    np.savez(path, audio=audio.reshape(-1), at=at, period=period, rate=rate)


if __name__ == "__main__":
    listen(sys.argv[1], float(sys.argv[2]), sys.argv[3:])
