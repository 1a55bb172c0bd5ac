"""Bare: the least that can answer a message with a sound - one callback that looks at a socket and does nothing else.

The baseline beside which Rosin's latency and jitter are printed. ``python -m instrument.bench.bare PORT``: a datagram
b"1" makes a tone begin at the next block's start, b"0" ends it.
"""

from __future__ import annotations

import os
import signal
import socket
import sys

import numpy as np


def main(port: int, block: int) -> None:
    """Run until killed. Garbage collection off and a quick switch interval, as in Rosin's own sound process."""
    os.environ.setdefault("JACK_NO_START_SERVER", "1")
    import sounddevice

    from instrument.audio.realtime import raise_priority, settle

    ear = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    ear.bind(("127.0.0.1", port))
    ear.setblocking(False)
    tone = (0.3 * np.cos(2 * np.pi * 6 * np.arange(block) / block)).astype(np.float32)[:, None]
    on = False
    first = True

    def callback(out: np.ndarray, frames: int, times: object, status: object) -> None:
        nonlocal on, first
        if first:
            first = False
            raise_priority()
        try:
            while True:
                on = ear.recv(16) == b"1"
        except BlockingIOError:
            pass
        out[:] = tone if on else 0.0

    apis = [api["name"].startswith("JACK") for api in sounddevice.query_hostapis()]
    devices = sounddevice.query_devices()
    device = next(d["index"] for d in devices if apis[d["hostapi"]] and d["max_output_channels"])
    settle()
    stream = sounddevice.OutputStream(
        samplerate=48000, blocksize=block, device=device, channels=1, callback=callback, latency="low"
    )
    with stream:
        print("playing", flush=True)
        signal.pause()


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
