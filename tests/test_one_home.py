"""One home for each fact: who asks for the knobs, the credits or the files of a patch's model hears the same."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from doubles import tiny_card, tiny_model

from instrument import CHANNELS, QUANTUM, open_engine
from instrument.base.errors import RosinError
from instrument.base.units import number_in
from instrument.commands.whole import whole_patch
from instrument.documents.patch import Patch, read_patch
from instrument.engine.frame_writer import fill_frame
from instrument.hands.worker import tables_of
from instrument.ipc import Frame
from instrument.knobs import LATENTS_MAX, Label
from instrument.model.library.card_latents import Latent
from instrument.model.library.cards import (
    card_of,
    credits_line_of,
    credits_of,
    folder_of,
    given_folders,
    read_with_card,
)
from instrument.model.library.credit_lines import credits_line, roll, sound_line
from instrument.model.library.credits import NULL_CREDITS
from instrument.model.library.listed import read_listed, sha256_of, unlike
from instrument.stage.data.patch_labels import read_labels
from instrument.storage.bank import open_part

PATCHES = sorted((Path(__file__).parents[1] / "patches").glob("*.toml"))


@pytest.mark.parametrize("path", PATCHES, ids=lambda path: path.stem)
def test_hands_stage_and_verbs_have_the_same_knobs_of_a_patch(path: Path) -> None:
    _, card, table = read_with_card(path)
    _, same, whole = whole_patch(path)
    assert card == same
    for other in (whole, tables_of([str(path)], "")[0], read_labels(str(path), "en").table):
        assert tuple(other) == tuple(table)


def test_sound_stage_and_summary_say_the_same_of_credits() -> None:
    path = next(path for path in PATCHES if path.stem == "bow")
    patch = read_patch(path)
    line = credits_line_of(patch)
    assert line == open_part(patch).credits == read_labels(str(path), "en").credits
    assert line == credits_line(credits_of(patch))


def test_a_computed_voice_has_credits_of_nobody_and_no_folder() -> None:
    patch = next(patch for patch in map(read_patch, PATCHES) if patch.model == "null")
    assert folder_of(patch) is None
    assert credits_of(patch) == NULL_CREDITS
    assert credits_line_of(patch, "fr") == credits_line(NULL_CREDITS, "fr") != credits_line(None, "fr")
    assert card_of(patch).name == "null"


def test_a_rig_that_names_no_folder_of_models_gives_none() -> None:
    assert given_folders("") == ()
    assert given_folders("/m") == (Path("/m"),)


def test_a_sound_is_one_line_and_the_roll_begins_with_the_line() -> None:
    credits = next(found for found in map(credits_of, map(read_patch, PATCHES)) if found is not None and found.sounds)
    sound = credits.sounds[0]
    assert sound_line(sound).split(" · ") == [sound.title, sound.author, sound.licence, sound.source]
    assert roll(credits)[0] == credits_line(credits)
    assert sum(len(credits.sounds_of(author)) for author in credits.authors) == len(credits.sounds)
    assert all(credits.licences_of(author) for author in credits.authors)


def test_a_file_is_the_one_that_is_listed_or_a_sentence(tmp_path: Path) -> None:
    path = tmp_path / "atlas.npz"
    path.write_bytes(b"abc")
    right = sha256_of(path)
    assert read_listed(path, right, 3, " is odd ({why})") == b"abc"
    assert unlike(path, right, right) == ""
    with pytest.raises(RosinError, match=r"is not the file its card was written for.*; fetch the model again"):
        read_listed(path, "0" * 64, 3, " is odd ({why})")
    with pytest.raises(RosinError, match=r"atlas\.npz is odd \(it is larger than 1 KiB\); fetch the model again"):
        read_listed(path, right, 2, " is odd ({why})")
    path.unlink()
    with pytest.raises(RosinError, match="is missing; fetch the model again"):
        read_listed(path, right, 3, " is odd ({why})")


def test_french_has_a_comma() -> None:
    assert number_in("fr", "1.5 kWh") == "1,5 kWh"
    assert number_in("en", "1.5 kWh") == "1.5 kWh"


def test_the_largest_model_there_may_be_is_in_the_frame_whole(tmp_path: Path) -> None:
    rows = tuple(Latent(f"z{i}", Label("z", "z"), start=0.01 * i) for i in range(LATENTS_MAX))
    tiny_model(tmp_path / "broad", card=tiny_card(name="broad", latents=rows))
    engine = open_engine(Patch("broad", "broad"), models=str(tmp_path))
    frame, out = Frame(), np.empty((CHANNELS, QUANTUM), np.float32)
    for _ in range(4):
        engine.block(out)
    fill_frame(engine, frame, 1.0)
    assert frame.latent.tolist() == pytest.approx(engine.layer.z[0, :, -1].tolist())
    assert frame.latent[-1] == pytest.approx(0.01 * (LATENTS_MAX - 1), abs=0.1)
    with pytest.raises(RosinError, match=f"{LATENTS_MAX + 1} are more than the {LATENTS_MAX} that can be played"):
        tiny_model(tmp_path / "more", card=tiny_card(name="more", latents=(*rows, Latent("one", Label("z", "z")))))
