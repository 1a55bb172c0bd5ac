"""Neighbours over OSC: shares as numbers at a modest rate, names when they change, and the asking to hear one."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
import pytest
from handshost import TABLE, Client, on_the_table
from neighbourhood import CREDITS, SOUNDS

from instrument.base.paths import shipped
from instrument.documents.options import OscOptions
from instrument.documents.rig import rig_from
from instrument.hands.osc.codec import read, write
from instrument.hands.osc.namespace import Namespace
from instrument.hands.osc.neighbours import NAMES_SECONDS, NUMBERS_SECONDS, TEXT_MAX, Neighbours
from instrument.hands.worker import HandsSettings, credits_of
from instrument.ipc import AUTHORS_MAX, Frame, Kind
from instrument.model.library.credits import Credits, Made, Sound


def frame(*near: tuple[int, float], authors: tuple[float, ...] = (0.25, 0.75), hearing: int = -1) -> Frame:
    made = Frame()
    made.clip[:] = -1
    for i, (clip, share) in enumerate(near):
        made.clip[i], made.clip_share[i] = clip, share
    made.share[: len(authors)] = authors
    made.hearing = hearing
    return made


def lines(near: Neighbours) -> dict[str, tuple[float | str, ...]]:
    return dict(near.lines)


def test_shares_belong_to_the_names_that_were_told() -> None:
    near = Neighbours("/rosin")
    near.change(CREDITS)
    near.look(frame((3, 0.6), (0, 0.3)), 10.0)
    said = lines(near)
    assert said["/rosin/out/neighbour/1"] == ("Sound 3", "Bo", "CC-BY-4.0")
    assert said["/rosin/out/neighbour/2"] == ("Sound 0", "Ada", "CC0-1.0")
    assert said["/rosin/out/neighbour/3"] == ("", "", "")
    assert said["/rosin/out/neighbours"] == (0.6, 0.3, 0, 0, 0, 0, 0, 0)
    assert said["/rosin/out/authors"] == (0.25, 0.75)
    assert [said[f"/rosin/out/author/{n}"] for n in (1, 2)] == [("Bo",), ("Ada",)]
    near.look(frame((0, 0.7), (1, 0.2), (3, 0.1)), 10.2)
    said = lines(near)
    assert said["/rosin/out/neighbour/1"] == ("Sound 3", "Bo", "CC-BY-4.0"), "not yet time for another name"
    assert said["/rosin/out/neighbours"][:3] == (0.1, 0.7, 0.0), "and the numbers stay with the names"
    near.look(frame((0, 0.7), (1, 0.2), (3, 0.1)), 10.0 + NAMES_SECONDS + 0.01)
    assert lines(near)["/rosin/out/neighbour/1"] == ("Sound 0", "Ada", "CC0-1.0")
    assert lines(near)["/rosin/out/neighbours"][:3] == (0.7, 0.2, 0.1)


def test_texts_and_numbers_never_share_an_address_and_can_be_left_out() -> None:
    for told, texts, numbers in (("all", True, True), ("numbers", False, True), ("off", False, False)):
        near = Neighbours("/r", told)
        near.change(CREDITS)
        near.look(frame((1, 1.0), hearing=1), 1.0)
        kinds = [{type(value) for value in values} for _, values in near.lines]
        assert all(len(kind) == 1 or kind <= {int, float} for kind in kinds)
        assert ({str} in kinds) is texts
        assert any(kind <= {int, float} for kind in kinds) is numbers
        assert near.asked(0) == 0
    near = Neighbours("/r")
    near.look(frame(authors=()), 1.0)
    assert "/r/out/authors" not in lines(near), "of an uncredited model nobody is named"
    assert not any(str in map(type, values) for _, values in near.lines)
    near.change(CREDITS)
    near.look(frame((1, 1.0)), 2.0)
    near.change(None)
    near.look(frame((1, 1.0)), 3.0)
    assert lines(near)["/r/out/neighbour/1"] == ("", "", ""), "and names that were told are taken away"


def test_names_fit_a_datagram_whatever_they_are() -> None:
    sound = Sound("x" * 9000, "a\0b", "", "CC0-1.0", "", 1.0, "")
    near = Neighbours("/rosin")
    near.change(Credits("", Made("", ""), (sound,)))
    near.look(frame((0, 1.0)), 1.0)
    title, author, _ = lines(near)["/rosin/out/neighbour/1"]
    assert len(str(title)) == TEXT_MAX
    for address, values in near.lines:
        (message,), bad = read(write(address, *values))
        assert bad == 0
        assert message.address == address
        assert len(message.args) == len(values)
    assert author == "a b"


def test_the_one_asked_for_is_the_one_that_was_named() -> None:
    near = Neighbours("/rosin")
    near.change(CREDITS)
    assert near.asked(1) == 0, "nobody was named yet"
    near.look(frame((3, 0.6), (0, 0.3)), 1.0)
    near.look(frame((1, 0.6), (2, 0.3)), 1.2)
    assert [near.asked(n) for n in range(4)] == [0, 1, 0, 0], "0 is the nearest, whatever that is; else 1 + the sound"
    near.change(CREDITS)
    assert near.asked(1) == 0


@pytest.mark.parametrize(("args", "act"), [
    ((), (0, 1.0)), ((1,), (0, 1.0)), ((1.0,), (0, 1.0)), ((True,), (0, 1.0)), ((3,), (2, 1.0)), ((8,), (7, 1.0)),
    ((99,), (7, 1.0)), ((0,), (0, 0.0)), ((False,), (0, 0.0)), ((-3,), (0, 0.0)),
])  # fmt: skip
def test_what_is_asked_for(args: tuple, act: tuple[int, float]) -> None:
    book = Namespace("/rosin", TABLE, [("bow",)])
    (meaning,) = book.find("/rosin/neighbour/hear")
    (found,) = book.acts(meaning, args)
    assert (found.kind, found.knob, found.value) == (Kind.HEAR, *act)
    for wrong in (("x",), (float("nan"),), (None,)):
        with pytest.raises(ValueError):
            book.acts(meaning, wrong)


def test_a_client_is_told_once_of_names_and_ten_times_a_second_of_numbers() -> None:
    with on_the_table(OscOptions("127.0.0.1:0")) as t:
        assert t.hands.osc is not None
        t.hands.osc._patches = replace(t.hands.osc._patches, credits=lambda index: CREDITS)
        t.hands.osc.place(0)
        client = t.client()
        client.send("/rosin/sync")
        t.step()
        clip = np.full(8, -1, np.int32)
        clip[:2] = 3, 0
        heard = []
        begin = time.monotonic()
        share = 0.0
        while time.monotonic() - begin < 1.0:
            share = (share + 0.0137) % 0.5
            t.frame(clip=clip, clip_share=np.array([0.5, share, 0, 0, 0, 0, 0, 0], np.float32))
            t.see(0.02)
            heard += client.heard()
        count = {name: sum(address == f"/rosin/out/{name}" for address, _ in heard)
                 for name in ("neighbours", "neighbour/1", "neighbour/8", "author/2", "hearing")}  # fmt: skip
        assert 5 <= count.pop("neighbours") <= 1.0 / NUMBERS_SECONDS + 2
        assert count == {"neighbour/1": 1, "neighbour/8": 1, "author/2": 1, "hearing": 1}
        assert ("/rosin/out/neighbour/1", ("Sound 3", "Bo", "CC-BY-4.0")) in heard
        client.send("/rosin/neighbour/hear", 2)
        client.send("/rosin/neighbour/hear", 1)
        client.send("/rosin/neighbour/hear", 0)
        found = [(g.knob, g.value) for g in t.step() if g.kind == Kind.HEAR]
        assert found == [(1 + 0, 1.0), (0, 1.0), (0, 0.0)]
        assert isinstance(client, Client)


def test_the_rig_says_what_is_told() -> None:
    assert HandsSettings.of(rig_from({"schema": 1}, "rig.toml"), (), False).osc.neighbours == "all"
    rig = rig_from({"schema": 1, "osc": {"neighbours": "numbers"}}, "rig.toml")
    settings = HandsSettings.from_json(HandsSettings.of(rig, (), False).to_json())
    assert settings.osc.neighbours == "numbers"
    with pytest.raises(Exception, match="neighbours"):
        rig_from({"schema": 1, "osc": {"neighbours": "loud"}}, "rig.toml")


def test_the_hands_know_whose_sounds_a_patch_plays_with(tmp_path: object) -> None:
    bow, glass, none = credits_of([str(shipped("patches") / f"{n}.toml") for n in ("bow", "glass", "nothing")], "")
    assert bow is not None
    assert bow.authors
    assert none is None
    assert glass is not None
    assert not glass.sounds, "what computes learned from nobody"


def test_a_frame_holds_so_many_authors() -> None:
    many = tuple(Sound(str(i), f"A{i:02}", "", "CC0-1.0", "", 99.0 - i, "") for i in range(30))
    near = Neighbours("/rosin")
    near.change(Credits("", Made("", ""), many))
    near.look(frame((29, 1.0), authors=(1 / 16,) * 16), 1.0)
    said = lines(near)
    assert len(said["/rosin/out/authors"]) == AUTHORS_MAX
    assert said[f"/rosin/out/author/{AUTHORS_MAX - 1}"] == (f"A{AUTHORS_MAX - 2}",)
    assert said[f"/rosin/out/author/{AUTHORS_MAX}"] == ("…",)
    assert f"/rosin/out/author/{AUTHORS_MAX + 1}" not in said
    assert said["/rosin/out/neighbour/1"][1] == "A29", "the sounds are named all the same"
    assert len(SOUNDS) == 4
