"""An independent JACK client that plays a sawtooth into ports: python tests/tone.py HZ PORT..."""

from __future__ import annotations

import signal
import sys

import jack
import numpy as np


def main(hz: float, destinations: list[str]) -> None:
    client = jack.Client("singer", no_start_server=True)
    port = client.outports.register("out")
    rate, phase = client.samplerate, 0.0

    @client.set_process_callback
    def process(frames: int) -> None:
        nonlocal phase
        turns = (phase + hz / rate * np.arange(frames)) % 1.0
        # Eight harmonics: a voice more than a test tone, and nothing above half the rate.
        sound = sum(np.sin(2 * np.pi * k * turns) / k for k in range(1, 9))
        port.get_array()[:] = 0.12 * sound
        phase = (phase + hz / rate * frames) % 1.0

    with client:
        for destination in destinations:
            client.connect(port, destination)
        print("singing", flush=True)
        signal.pause()


if __name__ == "__main__":
    main(float(sys.argv[1]), sys.argv[2:])
