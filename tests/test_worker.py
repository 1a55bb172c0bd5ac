"""Worker: what every process of a show does alike - it is told, it waits, it ends with the show."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from dataclasses import replace

import pytest

from instrument.audio.settings import SoundSettings
from instrument.base.errors import RosinError
from instrument.base.processes import ARGUMENT_MAX, ParentWatch, command_of, environment, pieces, whole
from instrument.documents.options import StageOptions
from instrument.documents.rig import Rig
from instrument.hands.worker import HandsSettings
from instrument.ipc import Link
from instrument.ipc.worker import Worker, WorkerSettings
from instrument.stage.settings import StageSettings

MANY = tuple(f"/a/long/way/to/patch-{i}.toml" for i in range(8000))
TOLD = {
    "instrument.hands.worker": HandsSettings.of(Rig(), MANY, False),
    "instrument.audio.process": SoundSettings("", MANY),
    "instrument.stage.process": StageSettings("", MANY),
}


@pytest.fixture
def link():
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    with Link.create() as link:
        link.health.enter("show")
        yield link
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize(
    "told",
    [
        SoundSettings("t", ("a", "b"), 1, language="fr", scenes={"1": {"z1": 0.25}}, seed=2**63 - 1),
        HandsSettings.of(Rig(), ["a", "b"], True, "fr", 1, True),
        StageSettings("t", ("a", "b"), 1, standby=True, stage=StageOptions(width=64, big_type=True)),
    ],
)
def test_each_is_told_what_it_was_given(told: WorkerSettings) -> None:
    assert type(told).from_json(told.to_json()) == told
    assert type(told).from_json(replace(told, standby=True).to_json()).standby


def test_a_text_longer_than_an_argument_may_be_comes_whole() -> None:
    text = SoundSettings("", MANY).to_json()
    assert len(text) > ARGUMENT_MAX
    assert max(map(len, pieces(text))) <= ARGUMENT_MAX
    assert SoundSettings.from_json(whole(pieces(text))).patches == MANY


@pytest.mark.parametrize("module", TOLD)
def test_a_process_of_hundreds_of_patches_reads_all_it_is_told(module: str) -> None:
    text = replace(TOLD[module], token="fd:999:4096").to_json()
    assert len(pieces(text)) > 1
    done = subprocess.run(
        command_of(module, *pieces(text)), env=environment(), capture_output=True, text=True, timeout=60, check=False
    )
    # It came as far as the link, which it was not given; and says so in a sentence.
    assert done.returncode == 2
    assert done.stderr.splitlines() == [
        "this process was not given the memory 'fd:999:4096'; start this process with `rosin play`"
    ]


def test_sigterm_stops_and_ctrl_c_is_left_to_the_show(link: Link) -> None:
    worker = Worker("sound", link.token)
    os.kill(os.getpid(), signal.SIGINT)
    assert not worker.stopping
    os.kill(os.getpid(), signal.SIGTERM)
    assert worker.stopping


def test_an_standby_comes_on_when_its_own_pid_is_called(link: Link) -> None:
    show, looks = link.health.row("show"), []
    worker = Worker("hands", link.token)
    worker._parent = ParentWatch()  # here the show is this process, and not its parent

    def look() -> None:
        looks.append(1)
        show.put("activate_sound", os.getpid())  # of another role
        show.put("activate_hands", os.getpid() + (len(looks) < 3))

    assert worker.wait_to_play(look, 0.001)
    assert len(looks) == 3


def test_an_standby_that_is_stopped_does_not_come_on(link: Link) -> None:
    worker = Worker("stage", link.token)
    worker._parent = ParentWatch()
    assert not worker.wait_to_play(worker.stop, 0.001)


@pytest.mark.skipif(os.name != "posix", reason="elsewhere the pid is not believed")
def test_a_show_that_died_while_its_process_was_being_loaded_is_missed(link: Link) -> None:
    assert Worker("sound", link.token).over()  # its parent is not who made the link


def test_without_a_show_in_the_link_the_parent_is_who_is_there_at_first() -> None:
    with Link.create() as link:
        code = "import sys; from instrument.ipc.worker import Worker; print(Worker('sound', sys.argv[1]).over())"
        done = subprocess.run(
            [sys.executable, "-c", code, link.token],
            pass_fds=link.fds,
            env=environment(),
            capture_output=True,
            text=True,
            check=True,
        )
    assert done.stdout.split() == ["False"]


def test_a_token_of_nothing_is_an_error() -> None:
    with pytest.raises(RosinError, match="is not the token of a link"):
        Worker("sound", "nothing")
