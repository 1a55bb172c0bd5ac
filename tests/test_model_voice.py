"""A state is a value: it survives the way to disk, and only a state is taken for one."""

from __future__ import annotations

import io
import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from instrument.base.errors import RosinError
from instrument.model.runtime.voice import VoiceState, noise_stream


def test_a_state_comes_back_from_its_bytes_bit_for_bit() -> None:
    state = VoiceState(
        "m", 2**63 + 5, 12345678901, {"a.b": np.array([[1.5, -0.0, 1e-40]], np.float32), "n": np.arange(3)}
    )
    back = VoiceState.from_bytes(state.to_bytes())
    assert (back.model, back.seed, back.frame) == (state.model, state.seed, state.frame)
    for name, array in state.arrays.items():
        assert back.arrays[name].tobytes() == array.tobytes()
        assert back.arrays[name].dtype == array.dtype


def test_a_state_is_a_copy_that_nobody_can_write() -> None:
    live = np.zeros(3, np.float32)
    state = VoiceState("m", 0, 0, {"a": live})
    live[:] = 7
    assert not state.arrays["a"].any()
    with pytest.raises(ValueError, match="read-only"):
        state.arrays["a"][0] = 1


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=400))
def test_no_other_bytes_are_a_state(junk: bytes) -> None:
    with pytest.raises(RosinError):
        VoiceState.from_bytes(junk)


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 10**6), st.integers(0, 255))
def test_a_spoilt_state_is_refused_or_read(place: int, byte: int) -> None:
    data = bytearray(VoiceState("m", 1, 2, {"a": np.arange(5.0)}).to_bytes())
    data[place % len(data)] = byte
    try:
        VoiceState.from_bytes(bytes(data))
    except RosinError:
        pass


def test_nothing_is_unpickled() -> None:
    class Evil:
        def __reduce__(self) -> tuple:
            return (pytest.fail, ("it was unpickled",))

    with pytest.raises(RosinError):
        VoiceState.from_bytes(pickle.dumps(Evil()))
    file = io.BytesIO()
    np.savez(file, head=np.array([Evil()], object))
    with pytest.raises(RosinError):
        VoiceState.from_bytes(file.getvalue())


def test_every_noise_and_every_seed_has_a_stream_of_its_own() -> None:
    streams = {noise_stream(name, seed) for name in ("noise.a", "noise.b", "noise.breath") for seed in range(1000)}
    assert len(streams) == 3000
    assert all(0 <= stream < 2**63 for stream in streams)
    assert noise_stream("noise.a", 0) == noise_stream("noise.a", 2**64)
