"""Batches are pure functions of (seed, step), and what they say of pitch is true."""

from __future__ import annotations

import numpy as np
import pytest
from training_sounds import RATE, tone_folder

pytest.importorskip("scipy")

from instrument.training.data.batches import batch
from instrument.training.data.corpus import Corpus, read_corpus
from instrument.training.data.pitch import track


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    return read_corpus(tone_folder(tmp_path_factory.mktemp("tones")), RATE, 128)


def test_a_batch_is_a_pure_function_of_seed_and_step(corpus: Corpus) -> None:
    one = batch(corpus, 3, 17, 4, 40)
    batch(corpus, 3, 18, 4, 40)
    two = batch(corpus, 3, 17, 4, 40)
    for a, b in zip((one.audio, one.note, one.sure), (two.audio, two.note, two.sure), strict=True):
        assert a.tobytes() == b.tobytes()


def test_another_seed_or_step_is_another_batch(corpus: Corpus) -> None:
    one = batch(corpus, 3, 17, 4, 40)
    assert one.audio.tobytes() != batch(corpus, 4, 17, 4, 40).audio.tobytes()
    assert one.audio.tobytes() != batch(corpus, 3, 18, 4, 40).audio.tobytes()


def test_shapes_are_those_of_the_docstring(corpus: Corpus) -> None:
    got = batch(corpus, 0, 0, 3, 50)
    assert got.audio.shape == (3, 50 * 128)
    assert got.note.shape == got.sure.shape == (3, 50)


def test_held_out_sounds_are_never_in_a_batch(corpus: Corpus) -> None:
    kept = {round(float(np.median(c.note))) for c in corpus.held_out}
    learned = {round(float(np.median(c.note))) for c in corpus.training}
    assert kept.isdisjoint(learned)
    seen = np.concatenate([batch(corpus, 0, step, 8, 20).note[:, 10] for step in range(20)])
    whole = seen[np.abs(seen - np.round(seen)) < 1e-3]  # those not played faster or slower
    assert {round(float(v)) for v in whole} <= learned


def test_a_sound_played_faster_says_so_in_its_note(corpus: Corpus) -> None:
    checked = 0
    for step in range(40):
        got = batch(corpus, 1, step, 1, 160)
        moved = abs(got.note[0, 80] - round(float(got.note[0, 80]))) > 0.05
        if moved and got.sure[0].min() > 0.9:
            found, _ = track(got.audio[0], RATE, 128)
            assert abs(found[80] - got.note[0, 80]) < 0.1
            checked += 1
    assert checked > 0
