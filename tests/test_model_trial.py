"""A model that hangs, or dies, or takes all memory when it is tried is a sentence; whoever asked goes on."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest
from doubles import PlainNoise, tiny_model

from instrument.base.errors import RosinError
from instrument.cli import main
from instrument.model.library.finder import misnamed
from instrument.model.report import trial
from instrument.model.report.trial import tried
from instrument.model.report.verify import verify
from instrument.model.runtime import session
from instrument.model.runtime.session import OnnxVoice
from instrument.run.show import _not_started
from instrument.storage.bank import Bank

GOOD = """print('{"grade": "good", "about": "card", "text": "so far"}', flush=True)\n"""
WORDS = {
    "hangs": (GOOD + "import signal; signal.pause()", "said nothing for 2 s while it was tried"),
    "spins": (GOOD + "while True: pass", "said nothing for 2 s while it was tried"),
    "dies": (GOOD + "import os; os.abort()", "ended at once"),
    "eats": (
        GOOD + "from instrument.model.report import trial; trial.limit(); a = bytearray(8 << 30)",
        "more than 4 GiB",
    ),
}


@pytest.mark.parametrize("kind", WORDS)
def test_whoever_tries_a_model_may_hang_or_die_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    program, said = WORDS[kind]
    tiny_model(tmp_path / "tiny")
    (tmp_path / "in_place_of_it.py").write_text(program)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setattr(trial, "CHILD", "in_place_of_it")
    begin = time.monotonic()
    found = list(tried(tmp_path / "tiny", patience_s=2.0))
    assert time.monotonic() - begin < 8.0
    assert [(f.grade, f.about) for f in found] == [("good", "card"), ("bad", "refused")]
    assert said in found[-1].text


def test_what_is_tried_apart_is_what_is_found_here(tmp_path: Path) -> None:
    tiny_model(tmp_path / "tiny", encoder=True)
    here = verify(tmp_path / "tiny", PlainNoise())
    apart = list(tried(tmp_path / "tiny"))
    assert [(f.grade, f.about) for f in apart if f.about != "speed"] == [
        (f.grade, f.about) for f in here if f.about != "speed"
    ]
    assert [f.text for f in apart][:3] == [f.text for f in here][:3]
    assert "all 3 files" in apart[1].text
    french = list(tried(tmp_path / "tiny", language="fr"))
    assert "fichiers" in french[1].text


def test_a_first_call_that_takes_far_too_long_is_no_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tiny_model(tmp_path / "tiny")
    monkeypatch.setattr(session, "SLOWEST_S", 0.0)
    monkeypatch.setattr(session, "SLOWEST", 0.0)
    with pytest.raises(RosinError, match=r"decode.onnx takes 0\.0 s for 3 ms of sound, and cannot be played here"):
        OnnxVoice(tmp_path / "tiny", PlainNoise(), providers="cpu")


def test_a_first_call_during_which_the_machine_stood_still_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tiny_model(tmp_path / "tiny")
    took = iter([1.5, 0.001])
    real = session._timed_run
    monkeypatch.setattr(session, "_timed_run", lambda graph: (real(graph), next(took))[1])
    OnnxVoice(tmp_path / "tiny", PlainNoise(), providers="cpu").close()
    took = iter([1.5, 1.4, 1.3])
    with pytest.raises(RosinError, match=r"takes 1\.3 s"):
        OnnxVoice(tmp_path / "tiny", PlainNoise(), providers="cpu")
    took = iter([60.0])
    with pytest.raises(RosinError, match=r"takes 60\.0 s"):
        OnnxVoice(tmp_path / "tiny", PlainNoise(), providers="cpu")


def test_a_graph_that_fails_in_the_middle_of_a_show_is_a_runaway_and_no_crash(tmp_path: Path) -> None:
    """A place that is not there, when a knob has gone far enough."""
    import onnx
    from onnx import helper, numpy_helper

    from instrument.model.library.card import read_card, write_card

    tiny_model(tmp_path / "tiny", encoder=True)
    path = tmp_path / "tiny" / "decode.onnx"
    model = onnx.load(path)
    graph = model.graph
    graph.initializer.append(numpy_helper.from_array(np.zeros(2, np.float32), "table"))
    graph.node.append(helper.make_node("ReduceMax", ["z"], ["most"], keepdims=0))
    graph.node.append(helper.make_node("Cast", ["most"], ["place"], to=7))
    graph.node.append(helper.make_node("Gather", ["table", "place"], ["found"]))
    for node in graph.node:
        node.output[:] = ["before" if name == "audio" else name for name in node.output]
    graph.node.append(helper.make_node("Add", ["before", "found"], ["audio"]))
    onnx.save(model, path)
    write_card(read_card(tmp_path / "tiny"), tmp_path / "tiny")
    voice = OnnxVoice(tmp_path / "tiny", PlainNoise(), providers="cpu")
    out, near, far = np.zeros((1, 128), np.float32), np.zeros((2, 1), np.float32), np.full((2, 1), 50.0, np.float32)
    voice.decode(near, out)
    assert np.isfinite(out).all()
    voice.decode(far, out)
    assert np.isnan(out).all(), "the guard mutes it and resets the voice"
    voice.reset()
    voice.decode(near, out)
    assert np.isfinite(out).all()


def test_a_show_that_does_not_begin_names_the_patch_whose_model_it_was_opening(tmp_path: Path) -> None:
    said = _not_started("sound", "tide", 60.0)
    assert "was not done after 60 s opening the model of the patch tide" in said
    assert "`rosin models verify`" in said
    assert "ended opening the model of the patch tide" in _not_started("sound", "tide", 0.0)
    assert _not_started("hands", "tide", 0.0) == "the hands did not start; run `rosin check` on the patch"
    patches = [tmp_path / "a.toml", tmp_path / "b.toml"]
    seen: list[Path] = []
    failed = Bank(patches).fill(seen.append)
    assert seen == patches
    assert [path for path, _ in failed] == patches


def test_a_name_that_is_no_models_is_told_also_where_the_hash_is_right(tmp_path: Path) -> None:
    card = tiny_model(tmp_path / "river")
    assert misnamed("river", card.sha256, [tmp_path]) == ""
    assert misnamed("null", None, [tmp_path]) == ""
    said = misnamed("nosuch", card.sha256, [tmp_path])
    assert said.startswith("there is no model 'nosuch': the hash is that of 'river'")
    assert said.endswith("write that name")
    with pytest.raises(RosinError, match="there is no model 'nosuch'; here are"):
        misnamed("nosuch", "0" * 64, [tmp_path])


def test_the_command_says_it_and_ends_with_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tiny_model(tmp_path / "tiny")
    (tmp_path / "tiny" / "decode.onnx").unlink()
    (tmp_path / "tiny" / "decode.onnx").symlink_to("/dev/zero")
    assert main(["models", "verify", str(tmp_path / "tiny")]) == 1
    assert "decode.onnx: it is a device" in capsys.readouterr().out
