"""A reference tells, without torch, whether a graph still sounds as its network did; and it is read with suspicion."""

from __future__ import annotations

import random
import shutil
from pathlib import Path

import numpy as np
import pytest
from doubles import CREDITS, PlainNoise, tiny_card, tiny_graph
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from instrument.base.errors import RosinError
from instrument.model.library.card import Card, read_card, write_card
from instrument.model.library.credits import write_credits
from instrument.model.report.reference import FRAMES, REFERENCE, check_reference, read_reference, write_reference
from instrument.model.report.verify import verify

LEAK = 0.9


def played(z: np.ndarray, air: np.ndarray, bias: float = 0.0) -> np.ndarray:
    """What tiny_graph plays, in numpy: the sum of z, noise, and a leaky memory of the mean."""
    state, rows = 0.0, []
    for i in range(z.shape[1]):
        dry = 0.01 * z[:, i].sum() + bias + 0.1 * air[i * 128 : (i + 1) * 128]
        rows.append(dry + state)
        state = LEAK * state + dry.mean()
    return np.concatenate(rows)[None].astype(np.float32)


def numbers() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(3)
    return rng.uniform(-3, 3, (2, FRAMES)).astype(np.float32), rng.standard_normal((1, 1, FRAMES * 128), np.float32)


def model(folder: Path, off: float = 0.0, ears: bool = True, **changes: object) -> Card:
    """A model whose reference is right but for ``off`` at one sample."""
    folder.mkdir()
    tiny_graph(folder / "decode.onnx", leak=LEAK, frames="F")
    z, air = numbers()
    audio = played(z, air[0, 0])
    mean = None
    if ears:
        tiny_graph(folder / "encode.onnx", leak=LEAK, encode=True)
        mean, state = np.zeros((2, FRAMES), np.float32), 0.0
        for i in range(FRAMES):
            level = audio[0, i * 128 : (i + 1) * 128].astype(np.float64).mean()
            mean[:, i] = level + state
            state = LEAK * state + level
    audio[0, 5000] += off
    write_reference(folder, z, air, audio, None if off else mean)
    write_credits(CREDITS, folder)
    return write_card(tiny_card(**changes), folder)


def finding(folder: Path) -> tuple[str, str]:
    return next((f.grade, f.text) for f in verify(folder, PlainNoise(), blocks=5) if f.about in ("equality", "refused"))


def test_what_the_network_made_is_made_again(tmp_path: Path) -> None:
    card = model(tmp_path / "m")
    found = check_reference(tmp_path / "m", card)
    assert found is not None
    assert found.frames == FRAMES
    assert 0.0 < found.decode < 1e-6
    assert found.snr_db > 110.0
    assert found.encode is not None
    assert found.encode < 1e-6
    assert finding(tmp_path / "m")[0] == "good"
    assert (tmp_path / "m" / REFERENCE).stat().st_size < 100_000


@pytest.mark.parametrize(("off", "grade"), [(5e-6, "good"), (5e-5, "warn"), (1e-3, "bad")])
def test_what_sounds_otherwise_is_told_by_how_much(tmp_path: Path, off: float, grade: str) -> None:
    card = model(tmp_path / "m", off, ears=False)
    found = check_reference(tmp_path / "m", card)
    assert found is not None
    assert found.decode == pytest.approx(off, rel=0.2)
    assert found.encode is None
    assert finding(tmp_path / "m")[0] == grade


def test_a_light_copy_is_held_to_what_its_card_says(tmp_path: Path) -> None:
    model(tmp_path / "true", 0.05, ears=False, training={"eco_snr_db": 40.0})
    model(tmp_path / "boasts", 0.05, ears=False, training={"eco_snr_db": 90.0})
    (good, said), (bad, _) = finding(tmp_path / "true"), finding(tmp_path / "boasts")
    assert (good, bad) == ("good", "bad")
    assert "its card says 40 dB" in said


def test_a_model_without_one_says_so(tmp_path: Path) -> None:
    model(tmp_path / "m")
    (tmp_path / "m" / REFERENCE).unlink()
    card = write_card(read_card(tmp_path / "m"), tmp_path / "m")
    assert check_reference(tmp_path / "m", card) is None
    assert finding(tmp_path / "m")[0] == "warn"


def test_the_same_numbers_are_the_same_bytes(tmp_path: Path) -> None:
    z, air = numbers()
    (tmp_path / "b").mkdir()
    one = write_reference(tmp_path, z, {"noise.air": air}, played(z, air[0, 0]))
    two = write_reference(tmp_path / "b", z, air, played(z, air[0, 0]))
    assert one.read_bytes() == two.read_bytes()
    np.testing.assert_array_equal(read_reference(tmp_path)["z"], z)
    for wrong in ((z[0], air, played(z, air[0, 0])), (z, {"air": air}, played(z, air[0, 0]))):
        with pytest.raises(ValueError, match=r"noise|F"):
            write_reference(tmp_path, *wrong)  # type: ignore[arg-type]


def test_a_reference_of_another_model_is_a_sentence(tmp_path: Path) -> None:
    z, air = numbers()
    audio = played(z, air[0, 0])
    for name, arrays, said in (
        ("latents", (z[:1], air, audio), "its shapes do not fit"), ("short", (z, air, audio[:, :99]), "do not fit"),
        ("quiet", (z, {}, audio), "lacks a noise"), ("no-noise", (z, air[..., :640], audio), "its noise does not fit"),
        ("empty", (z[:, :0], air, audio[:, :0]), "do not fit"),
    ):  # fmt: skip
        model(tmp_path / name)
        write_reference(tmp_path / name, *arrays)  # type: ignore[arg-type]
        card = write_card(read_card(tmp_path / name), tmp_path / name)
        with pytest.raises(RosinError, match=said):
            check_reference(tmp_path / name, card)
        assert finding(tmp_path / name)[0] == "bad"
    (tmp_path / "empty" / REFERENCE).unlink()
    with pytest.raises(RosinError, match="is missing"):
        check_reference(tmp_path / "empty", card)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**32), cut=st.booleans())
def test_spoilt_bytes_are_refused_or_tell_a_difference(tmp_path: Path, seed: int, cut: bool) -> None:
    folder = tmp_path / "m"
    shutil.rmtree(folder, ignore_errors=True)
    card = model(folder)
    data, rng = bytearray((folder / REFERENCE).read_bytes()), random.Random(seed)
    for _ in range(rng.randrange(1, 6)):
        # Half of them where the format is, half anywhere.
        at = rng.choice([rng.randrange(len(data)), rng.randrange(300), len(data) - 1 - rng.randrange(400)])
        if cut:
            del data[at : at + rng.randrange(1, 50)]
        else:
            data[at] = rng.randrange(256)
    (folder / REFERENCE).write_bytes(data)
    try:
        found = check_reference(folder, card)
    except RosinError as error:
        said = str(error)
    else:
        said = ""
        assert found is not None
        assert found.decode >= 0.0
    assert len(said.splitlines()) <= 1
