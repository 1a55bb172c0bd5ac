"""Places: a patch is found by its name or its path, and what is not found is said."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from instrument.base.errors import RosinError
from instrument.base.paths import data_home, find_patches, patch_folders, shipped


@pytest.fixture(autouse=True)
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "home"))
    monkeypatch.setattr("sys.platform", "linux")
    return tmp_path / "home" / "rosin" / "patches"


def folder(path: Path, *names: str) -> Path:
    path.mkdir(parents=True, exist_ok=True)
    for name in names:
        (path / name).touch()
    return path


def test_the_shipped_patches_are_found_without_a_word() -> None:
    paths, index = find_patches()
    assert (paths, index) == (sorted(shipped("patches").glob("*.toml")), 0)
    assert find_patches("glass")[0][find_patches("glass")[1]].stem == "glass"


def test_the_rigs_folder_comes_first_then_the_players_then_the_shipped(tmp_path: Path, home: Path) -> None:
    mine = folder(tmp_path / "mine", "glass.toml", "a.toml")
    folder(home, "bow.toml", "glass.toml")
    assert patch_folders(str(mine)) == [mine, home, shipped("patches")]
    assert find_patches("", str(mine)) == ([mine / "a.toml", mine / "glass.toml"], 0)
    assert find_patches("glass", str(mine)) == ([mine / "a.toml", mine / "glass.toml"], 1)
    assert find_patches("bow", str(mine)) == ([home / "bow.toml", home / "glass.toml"], 0)
    assert find_patches("clay", str(mine))[0][0].parent == shipped("patches")


def test_a_path_brings_its_neighbours_along_in_the_order_of_their_names(tmp_path: Path) -> None:
    folder(tmp_path / "set", "2.toml", "1.toml", "10.toml", "notes.txt")
    paths, index = find_patches(str(tmp_path / "set" / "2.toml"))
    assert ([path.name for path in paths], index) == (["1.toml", "10.toml", "2.toml"], 2)


@pytest.mark.parametrize("name", ["patch.txt", "PATCH.TOML", "patch"])
def test_a_file_of_another_name_is_played_alone(tmp_path: Path, name: str) -> None:
    path = folder(tmp_path / "set", name, "other.toml") / name
    assert find_patches(str(path)) == ([path], 0)


def test_a_link_leads_to_its_patch(tmp_path: Path) -> None:
    target = folder(tmp_path / "kept", "p.txt") / "p.txt"
    (tmp_path / "link.toml").symlink_to(target)
    assert find_patches(str(tmp_path / "link.toml")) == ([target], 0)


@pytest.mark.parametrize(
    "wanted",
    ["nowhere/p.toml", "/", "./", "~nobody-of-that-name/p.toml", "x" * 5000 + ".toml", "a\x00.toml", "/dev/x/y"],
)
def test_a_path_that_leads_nowhere_is_a_sentence(wanted: str) -> None:
    with pytest.raises(RosinError, match=r"there is no patch file .*; `rosin check` lists the patches there are"):
        find_patches(wanted)


def test_a_name_that_is_not_here_is_a_sentence_with_those_that_are(tmp_path: Path) -> None:
    with pytest.raises(
        RosinError,
        match=r"there is no patch 'nothing'; the patches here are bow, bronze, carillon, choir, clavier, clay",
    ):
        find_patches("nothing")


def test_a_folder_of_patches_that_is_not_there_is_passed_over() -> None:
    for own in ("/nowhere", "~nobody-of-that-name", "x" * 5000):
        assert patch_folders(own) == patch_folders()


def test_where_there_are_no_patches_at_all_it_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("instrument.base.paths._ROOT", tmp_path)
    monkeypatch.setattr("sys.prefix", str(tmp_path))
    with pytest.raises(RosinError, match="there are no patches here; give the path of one"):
        find_patches()
    with pytest.raises(RosinError, match="there is no patch 'bow'; the patches here are none"):
        find_patches("bow")


def test_an_installation_without_a_checkout_has_its_own_share(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("instrument.base.paths._ROOT", tmp_path)
    monkeypatch.setattr("sys.prefix", "/usr/local")
    assert shipped("patches") == Path("/usr/local/share/rosin/patches")


def test_each_system_has_its_own_home_for_data(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/me")
    monkeypatch.delenv("XDG_DATA_HOME")
    assert data_home() == Path("/home/me/.local/share/rosin")
    monkeypatch.setattr("sys.platform", "darwin")
    assert data_home() == Path("/home/me/Library/Application Support/rosin")
    monkeypatch.setattr("sys.platform", "win32")
    monkeypatch.setenv("APPDATA", "/appdata")
    assert data_home() == Path("/appdata/rosin")


@settings(deadline=None)
@given(wanted=st.text(max_size=30), own=st.text(max_size=10))
def test_whatever_is_asked_for_is_found_or_refused_in_words(wanted: str, own: str) -> None:
    try:
        paths, index = find_patches(wanted, own)
    except RosinError as error:
        said = str(error)
        assert ";" in said
    else:
        assert paths[index].is_file()
