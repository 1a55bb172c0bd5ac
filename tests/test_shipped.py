"""What is installed holds all that is played from a checkout, and is found wherever it was installed."""

from __future__ import annotations

import site
import sys
import sysconfig
import tomllib
from pathlib import Path

import pytest

from instrument.base import paths
from instrument.base.errors import RosinError
from instrument.bench.decode import decode

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]


def test_every_file_that_is_played_is_in_the_wheel() -> None:
    packed = {path for globs in PROJECT["data-files"].values() for glob in globs for path in ROOT.glob(glob)}
    played = [*ROOT.glob("models/*/*"), *ROOT.glob("patches/*.toml"), *ROOT.glob("feels/*.toml"),
              *ROOT.glob("examples/*.jsonl"), *ROOT.glob("visuals/*")]  # fmt: skip
    assert len(played) > 40
    assert sorted(set(played) - packed) == []
    for target, globs in PROJECT["data-files"].items():
        assert {str(Path(target).relative_to("share/rosin"))} == {str(Path(glob).parent) for glob in globs}


def test_every_file_of_a_room_that_is_no_code_is_in_the_wheel() -> None:
    rooms = PROJECT["package-data"]
    packed = {path for room, globs in rooms.items() for glob in globs
              for path in (ROOT / room.replace(".", "/")).glob(glob)}  # fmt: skip
    other = {path for path in (ROOT / "instrument").rglob("*") if path.is_file() and path.suffix not in (".py", ".pyc")}
    other = {path for path in other if "__pycache__" not in path.parts and not path.name.startswith(".")}
    assert sorted(other - packed) == []
    assert len(other) > 10


def test_an_installed_rosin_says_where_the_comparison_with_torchscript_is(monkeypatch: pytest.MonkeyPatch) -> None:
    assert PROJECT["packages"]["find"]["exclude"] == ["instrument.bench.rivals*"]
    monkeypatch.delitem(sys.modules, "instrument.bench.rivals.against", raising=False)
    monkeypatch.setitem(sys.modules, "instrument.bench.rivals", None)  # as it is where it was left out
    with pytest.raises(RosinError, match="source tree alone; fetch that"):
        decode("bow", 1, torchscript=True)


@pytest.mark.parametrize("where", ["prefix", "data", "user"])
def test_the_shipped_folders_are_found_wherever_pip_put_them(
    where: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A virtual environment; Debian's Python, which installs into /usr/local; ``pip install --user``."""
    packages, homes = tmp_path / "site-packages", {name: tmp_path / name for name in ("prefix", "data", "user")}
    (packages / "models").mkdir(parents=True)  # of somebody else, as it happens
    folder = homes[where] / "share" / "rosin" / "models"
    folder.mkdir(parents=True)
    monkeypatch.setattr(paths, "_ROOT", packages)
    monkeypatch.setattr(sys, "prefix", str(homes["prefix"]))
    monkeypatch.setattr(sysconfig, "get_path", lambda name: str(homes["data"]))
    monkeypatch.setattr(site, "getuserbase", lambda: str(homes["user"]))
    assert paths.shipped("models") == folder
    assert paths.shipped("patches") == homes["prefix"] / "share" / "rosin" / "patches", "where it should have been"
