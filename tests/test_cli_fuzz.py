"""Whatever stands on the command line: one sentence or usage, exit 2; never a traceback, never a wait."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from instrument.cli import main


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A machine with odd things lying about."""
    place = tmp_path_factory.mktemp("fuzz")
    monkeypatch.setenv("ROSIN_RIG", str(place / "rig.toml"))
    monkeypatch.setenv("XDG_DATA_HOME", str(place / "home"))
    monkeypatch.setenv("ROSIN_LANGUAGE", "en")
    monkeypatch.delenv("ROSIN_MODELS", raising=False)
    monkeypatch.chdir(place)
    (place / "folder").mkdir()
    (place / "empty").touch()
    (place / "link.toml").symlink_to("pipe.toml")
    for suffix in ("toml", "jsonl", "z", "npz", "fs", "wav", "rosin.zip", "ts", "onnx"):
        os.mkfifo(place / f"pipe.{suffix}")
        (place / f"dev.{suffix}").symlink_to("/dev/zero")
        (place / f"dir.{suffix}").mkdir()
        (place / f"empty.{suffix}").touch()
        (place / f"noise.{suffix}").write_bytes(bytes(range(256)))
    return place


def odd(*suffixes: str) -> st.SearchStrategy[str]:
    """A word that nobody sane would give: a name, a path, nothing, a wall."""
    names = [f"{kind}.{s}" for kind in ("pipe", "dev", "dir", "empty", "noise", "none") for s in suffixes]
    return st.one_of(
        st.sampled_from([*names, *(f"./{name}" for name in names), "link.toml", "./link.toml"]),
        st.sampled_from(["", "-", "--", "/", ".", "..", "~", "~nobody/x", "/dev/zero", "/dev/full", "/dev/null/x",
                         "empty", "folder", "/proc/self/mem", "x" * 300, "x/" * 3000, "a\x00b", "\udcff", "\ud800",
                         "%s{}", "-1", "nan", "1e999", "9" * 5000, "\u202e\x1b[2J", "daily", "null", "*.toml"]),
        st.text(max_size=20),
    )  # fmt: skip


def asked(arguments: list[str]) -> object:
    try:
        return main(arguments)
    except SystemExit as end:
        return end.code


VERBS: dict[str, st.SearchStrategy[list[str]]] = {
    "knobs": st.lists(odd("toml"), min_size=1, max_size=2),
    "knobs --rig": odd("toml").map(lambda word: ["--rig=" + word]),
    "check": st.lists(odd("toml", "jsonl", "z", "npz", "fs", "wav", "rosin.zip"), min_size=1, max_size=3),
    "models show": st.lists(odd("rosin.zip"), min_size=1, max_size=1),
    "models verify": st.lists(odd("rosin.zip"), min_size=1, max_size=2),
    "models seal": st.lists(odd("rosin.zip"), min_size=1, max_size=1),
    "models pack": st.tuples(odd("rosin.zip"), odd("rosin.zip")).map(lambda two: [two[0], "--out=" + two[1]]),
    "models unpack": st.lists(odd("rosin.zip"), min_size=1, max_size=1),
    "render --seconds=0.01": st.tuples(odd("jsonl", "z", "toml"), st.sampled_from(["-o=a.wav", "-o=a.mp3"])).map(list),
    "render glass": st.tuples(
        st.sampled_from(["-o", "--seconds", "--note", "--set", "--seed", "--block", "--patch", "--model", "--rig"]),
        odd("wav", "toml"),
    ).map(lambda two: ["--seconds=0.01", "-o=none.wav", f"{two[0]}={two[1]}"]),
    "play --device=null --for=0.01 none": st.tuples(
        st.sampled_from(["--device", "--take", "--listen", "--block", "--ahead", "--model", "--seed", "--rig", "--for",
                         "--takes", "--stage", "--picture"]),
        odd("jsonl", "toml"),
    ).map(lambda two: [f"{two[0]}={two[1]}"]),
    "import": odd("ts", "onnx").map(lambda word: [word]),
    "bench decode": odd("toml").map(lambda word: ["--blocks=1", word]),
    "feels": st.lists(odd("toml"), min_size=1, max_size=1),
    "devices": st.lists(odd("toml"), min_size=1, max_size=1),
    "warm": st.lists(odd("toml"), min_size=1, max_size=1),
    "": st.lists(odd("toml"), min_size=1, max_size=3),
}  # fmt: skip


@pytest.mark.parametrize("verb", list(VERBS))
def test_whatever_is_asked_is_refused_in_words(verb: str, machine: Path, capsys: pytest.CaptureFixture[str]) -> None:
    @settings(
        max_examples=6 if verb.startswith("render") else 15,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        database=None,
    )
    @given(more=VERBS[verb])
    def wish(more: list[str]) -> None:
        code = asked([*verb.split(), *more])
        out, err = capsys.readouterr()
        assert code in (0, 1, 2), err
        assert "Traceback" not in out + err
        if code == 2:
            assert err.strip(), "with a word why"
            assert len(err) < 20_000
        assert "\x1b" not in out + err
        assert not (machine / "pipe.toml").is_file(), "and nothing is written over"

    wish()
