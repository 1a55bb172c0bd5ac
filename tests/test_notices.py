"""What is said to the player is numbered: however much was said before, the next sentence is told, and gaps too."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instrument.audio.settings import SoundSettings
from instrument.commands.status import Status
from instrument.ipc import Link
from instrument.ipc.health import NOTICES_KEPT
from instrument.run.notices import KEPT, Notices, Reader
from instrument.run.show import Show


def show_without_processes() -> Show:
    return Show(SoundSettings("", ("bow.toml",)), None)


def test_after_seventy_sentences_the_next_one_is_still_told(capsys: pytest.CaptureFixture[str]) -> None:
    show = show_without_processes()
    row = show.link.health.row("sound")
    with Status(show, ["bow"], {}, "en") as status:
        for scene in range(70):
            row.say(f"scene {scene} is empty")
            show.look_for_words()
            status.tick()
        row.say("Recording to the-take.wav.")
        show.look_for_words()
        status.tick()
    out = capsys.readouterr().out
    assert "scene 69 is empty" in out
    assert out.count("Recording to the-take.wav.") == 1
    assert out.count("scene 33 is empty") == 1
    show.link.close()


def test_a_burst_longer_than_what_is_kept_says_how_many_were_not_shown(capsys: pytest.CaptureFixture[str]) -> None:
    show = show_without_processes()
    row = show.link.health.row("sound")
    for n in range(NOTICES_KEPT + 5):
        row.say(f"sentence {n}.")
    with Status(show, ["bow"], {}, "en") as status:
        show.look_for_words()
        status.tick()
    out = capsys.readouterr().out
    assert "(5 more sentences came faster than they could be shown.)" in out
    assert out.count("sentence ") == NOTICES_KEPT
    show.link.close()


def test_a_terminal_that_is_looked_at_seldom_says_how_many_it_did_not_show(capsys: pytest.CaptureFixture[str]) -> None:
    show = show_without_processes()
    with Status(show, ["bow"], {}, "fr") as status:
        for n in range(KEPT + 7):
            show.notices.append(f"phrase {n}.")
        status.tick()
    out = capsys.readouterr().out
    assert "(7 autres phrases" in out
    assert out.count("phrase ") == KEPT
    show.link.close()


@given(st.lists(st.integers(0, 30), max_size=12))
def test_every_sentence_is_read_once_or_counted_as_missed(bursts: list[int]) -> None:
    notices, seen, read, missed = Notices(kept=10), 0, [], 0
    said = 0
    for burst in bursts:
        for _ in range(burst):
            notices.append(str(said))
            said += 1
        gone, texts = notices.since(seen)
        seen, missed = notices.count, missed + gone
        read += texts
    assert len(read) + missed == said
    assert [int(text) for text in read] == sorted({int(text) for text in read})


def test_the_words_of_a_row_are_read_once_and_gaps_are_counted() -> None:
    with Link.create() as link:
        row = link.health.row("hands")
        reader = Reader(row)
        assert reader.read() == (0, [])
        for n in range(NOTICES_KEPT + 2):
            row.say(str(n))
        missed, texts = reader.read()
        assert (missed, len(texts), texts[-1]) == (2, NOTICES_KEPT, str(NOTICES_KEPT + 1))
        assert reader.read() == (0, [])
