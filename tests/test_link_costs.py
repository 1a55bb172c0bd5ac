"""Costs: what the link takes from an audio block of 2.67 ms. The best of many batches, so that a busy machine does not
fail it: an algorithm that grew tenfold does."""

from __future__ import annotations

import timeit
from collections.abc import Callable

from instrument.ipc import Frame, Gesture, Kind, Link


def best_us(call: Callable[[], object], calls: int = 200) -> float:
    return min(timeit.repeat(call, number=calls, repeat=30)) / calls * 1e6


def test_the_link_costs_the_audio_callback_next_to_nothing() -> None:
    with Link.create() as link:
        into: list[Gesture] = []
        gesture = Gesture(Kind.KNOB, 3, 0.25, 1.0)

        def push_and_pop() -> None:
            link.hands.push(gesture)
            into.clear()
            link.hands.pop_into(into)

        frame, row = link.frames.scratch(), link.health.row("sound")
        reader = Frame()
        assert best_us(lambda: link.hands.pop_into(into)) < 2.0
        assert best_us(push_and_pop) < 10.0
        assert best_us(lambda: link.frames.publish(frame)) < 15.0
        assert best_us(lambda: link.frames.latest_into(reader)) < 15.0
        assert best_us(row.beat) < 2.0
        assert best_us(lambda: row.add("blocks")) < 2.0
