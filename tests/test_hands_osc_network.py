"""The network: where is listened, who is heard, and how little a false sender can make us say to somebody else."""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Callable

import numpy as np
import pytest
from handshost import TABLE, moves, on_the_table

from instrument.base.errors import RosinError
from instrument.cli import main
from instrument.documents.options import OscOptions
from instrument.hands.osc.codec import read, write
from instrument.hands.osc.echo import (  # fmt: skip
    CLIENTS_MAX,
    FORGET_SECONDS,
    HOST_CLIENTS_MAX,
    WORD_BYTES,
    Client,
    Echo,
)
from instrument.hands.osc.receiver import OscEar
from instrument.hands.settings import check_network, networks, where
from instrument.hands.state.counts import Counts, EventLog
from instrument.ipc import Link

HERE = OscOptions("127.0.0.1:0")
Z2 = TABLE.index("z2")
ADDRESSES = tuple(f"/rosin/knob/{knob.id}" for knob in TABLE)


# --- where is listened


def test_a_group_is_joined_and_heard() -> None:
    with on_the_table(OscOptions("224.0.0.5:0")) as t:
        assert t.osc_at[0] == "224.0.0.5"
        sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        t.sockets.append(sender)
        sender.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton("127.0.0.1"))
        sender.sendto(write("/rosin/knob/z2", 0.5), t.osc_at)
        until = time.monotonic() + 2.0
        found = []
        while not found and time.monotonic() < until:
            found = moves(t.step())
        assert found == [(Z2, 0.5)]


def test_a_group_that_cannot_be_joined_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("instrument.hands.osc.receiver._joined", lambda found, group: False)
    with pytest.raises(
        RosinError, match=r"cannot join|no network on which it can join the group 224\.0\.0\.5; listen on"
    ):
        OscEar(OscOptions("224.0.0.5:0"), Counts(), EventLog())


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[::1]:9000", "IPv6.* write for example 127.0.0.1:9000"),
        ("::1", "IPv6"),
        ("::1:9001", "IPv6.*127.0.0.1:9001"),
        ("[fe80::1%eth0]:9000", "IPv6"),
        ("192.168.001.020:9000", r"without leading zeros: 192\.168\.1\.20"),
        ("010.0.0.1:9000", r"without leading zeros: 10\.0\.0\.1"),
        ("127.1:9000", "four numbers"),
        ("0x7f.0.0.1:9000", "four numbers"),
        ("2130706433:9000", "four numbers"),
        ("127.0.0.1", "with its port, for example 127.0.0.1:9000"),
        ("224.0.0.5", "with its port"),
        ("127.0.0.1:70000", "no port from 1 to 65535; write for example 127.0.0.1:9000"),
        ("127.0.0.1:-1", "write for example"),
        ("127.0.0.1:\u0663", "write for example"),
        (":9000", "write for example"),
        ("a\0b:9000", "there is no host"),
        ("ü" * 70 + ":9000", "there is no host"),
    ],
)
def test_what_is_no_host_and_port_is_a_sentence_with_the_remedy(text: str, says: str) -> None:
    with pytest.raises(RosinError, match=says) as caught:
        where(text)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("entry", "says"),
    [
        ("192.168.001.020", r"without leading zeros: 192\.168\.1\.20"),
        ("192.168.1", "four numbers"),
        ("192.168.001.0/24", "not a network"),
        ("192.168.1.0/", "not a network"),
        ("::1", "IPv6"),
        ("fe80::/10", "IPv6"),
        ("192.168.1.20:9000", "has a port"),
        ("", "there is no host"),
        ("0", "four numbers"),
    ],
)
def test_an_entry_of_the_allow_list_never_means_another_host(entry: str, says: str) -> None:
    with pytest.raises(RosinError, match=says):
        networks([entry])


def test_a_name_on_the_allow_list_allows_all_that_it_stands_for(monkeypatch: pytest.MonkeyPatch) -> None:
    found = [(socket.AF_INET, socket.SOCK_DGRAM, 17, "", (f"192.0.2.{n}", 0)) for n in (1, 2, 1)]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_: found)
    assert [str(network) for network in networks(["studio"])] == ["192.0.2.1/32", "192.0.2.2/32"]


def test_names_networks_and_any_port_to_listen_on_stay_as_they_were() -> None:
    assert where("localhost:0") == ("127.0.0.1", 0)
    assert str(networks(["192.168.1.0/24"])[0]) == "192.168.1.0/24"
    check_network("off", [], [])
    with pytest.raises(RosinError, match="OSC echo: nothing can be sent to port 0"):
        check_network("off", [], ["127.0.0.1:0"])


@pytest.mark.parametrize(
    ("args", "rig", "says"),
    [
        (["--listen", "[::1]:9000"], "", "OSC listen:.*IPv6"),
        (["--allow", "192.168.001.020"], "", "OSC allow:.*leading zeros: 192.168.1.20"),
        ([], 'listen = "192.168.001.020:9000"', "OSC listen:.*leading zeros"),
        ([], 'allow = ["192.168.1"]', "OSC allow:.*four numbers"),
        ([], 'echo = ["localhost:0"]', "OSC echo:.*port 0"),
    ],
)
def test_play_refuses_it_before_anything_starts(
    args: list[str], rig: str, says: str, tmp_path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "rig.toml"
    path.write_text(f"schema = 1\n[osc]\n{rig}\n")
    assert main(["play", "bow", "--device", "null", "--for", "1", "--rig", str(path), "--midi", "off", *args]) == 2
    error = capsys.readouterr().err
    assert len(error.strip().splitlines()) == 1
    import re

    assert re.search(says, error)


def test_a_broadcast_may_be_echoed_to(monkeypatch: pytest.MonkeyPatch) -> None:
    with contextlib.closing(OscEar(HERE, Counts(), EventLog())) as ear:
        assert ear.socket.getsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST)


# --- what is told to whom


def echo(sent: list[tuple[bytes, tuple[str, int]]], frame_level: Callable[[], float] = lambda: 0.5) -> Echo:
    found = Echo([], "/rosin", lambda datagram, to: (sent.append((datagram, to)), True)[1])
    found.change(ADDRESSES, TABLE)
    return found


@contextlib.contextmanager
def frames():
    """A frame that says something else at every look: the loudest that can be."""
    with Link.create() as link:
        frame = link.frames.scratch()
        dice = np.random.default_rng(0)

        def another():
            frame.knob_count, frame.playable = len(TABLE), TABLE.playable_count
            frame.rms, frame.peak, frame.load, frame.known = dice.random(4).tolist()
            hand = np.zeros(256, np.float32)
            hand[: TABLE.playable_count] = dice.random(TABLE.playable_count)
            frame.hand = hand
            frame.latent[: TABLE.playable_count] = dice.random(TABLE.playable_count)
            return frame

        yield another


def spoken(seconds: float, words: Callable[[Echo, float], None]) -> int:
    """Bytes said in so long, at 60 looks a second, to who says ``words``."""
    sent: list[tuple[bytes, tuple[str, int]]] = []
    with frames() as another:
        one = echo(sent)
        for i in range(int(seconds * 60)):
            words(one, i / 60)
            one.tell(another(), [], i / 60)
    return sum(len(datagram) for datagram, _ in sent)


SYNC_BYTES = len(write("/rosin/sync"))


def one_sync(one: Echo, now: float) -> None:
    if now == 0.0:
        one.sync(("192.168.1.7", 9), None, now)


def test_one_sync_in_a_false_name_brings_everything_once_and_little_more() -> None:
    dump, once = spoken(0.2, one_sync), spoken(FORGET_SECONDS, one_sync)
    assert dump < once < 3 * dump
    assert once < 512 * SYNC_BYTES


def test_words_in_a_false_name_bring_a_kilobyte_each() -> None:
    def words(count: int) -> int:
        def talk(one: Echo, now: float) -> None:
            one_sync(one, now)
            if now and round(now * 60) % (3600 // count) == 0:
                one.heard(("192.168.1.7", 9), now)

        return spoken(FORGET_SECONDS, talk)

    few, more = words(10), words(60)
    assert more - few < 50 * (WORD_BYTES + 256)


def test_who_plays_is_told_as_fast_as_it_changes_and_some_seconds_longer() -> None:
    sent: list[tuple[bytes, tuple[str, int]]] = []
    with frames() as another:
        one = echo(sent)
        one.sync(("192.168.1.9", 9), None, 0.0)
        told = []
        for second in range(6):
            sent.clear()
            for i in range(60):
                if second in (1, 2):
                    one.heard(("192.168.1.9", 9), second + i / 60)
                one.tell(another(), [], second + i / 60)
            told.append(sum(datagram.startswith(b"/rosin/out/level") for datagram, _ in sent))
        assert all(20 <= count <= 31 for count in told[1:])


def test_a_thousand_syncs_a_second_bring_less_than_was_sent() -> None:
    def flood(one: Echo, now: float) -> None:
        for _ in range(16):
            one.heard(("192.168.1.7", 9), now, True)
            one.sync(("192.168.1.7", 9), None, now)

    assert spoken(5.0, flood) < 5 * 60 * 16 * SYNC_BYTES


@pytest.mark.parametrize(("host", "within"), [("192.168.1.9", 62), ("127.0.0.1", 8)])
def test_who_asks_again_at_once_is_told_everything_again_on_another_machine_a_second_later(
    host: str, within: int
) -> None:
    sent: list[tuple[bytes, tuple[str, int]]] = []
    with frames() as another:
        one, frame = echo(sent), another()
        counts = []
        for i in range(90):
            if i in (0, 5):
                one.sync((host, 9), None, i / 60)
            one.tell(frame, [], i / 60)
            addresses = [read(datagram)[0][0].address for datagram, _ in sent]
            counts.append(addresses.count("/rosin/knob/level"))
        assert counts[-1] == 2
        assert counts.index(2) < within
        assert host.startswith("127.") or counts[58] == 1


def test_a_client_that_only_listens_still_follows_though_slower_and_a_word_makes_it_fast_again() -> None:
    sent: list[tuple[bytes, tuple[str, int]]] = []

    def levels() -> int:
        found = sum(datagram.startswith(b"/rosin/out/level") for datagram, _ in sent)
        sent.clear()
        return found

    with frames() as another:
        one = echo(sent)
        one.sync(("192.168.1.9", 9), None, 0.0)
        told = []
        for second in range(20):
            if second == 15:
                one.heard(("192.168.1.9", 9), 15.0)
            for i in range(60):
                one.tell(another(), [], second + i / 60)
            told.append(levels())
        assert sum(told[1:15]) in range(2, 8)
        assert told[15] >= 4, "a word pays for some of them"


def test_a_client_on_this_machine_that_only_listens_is_told_as_fast_as_it_changes() -> None:
    sent: list[tuple[bytes, tuple[str, int]]] = []
    with frames() as another:
        one = echo(sent)
        one.sync(("127.0.0.1", 9), None, 0.0)
        for i in range(1200):
            one.tell(another(), [], i / 60)
        levels = sum(datagram.startswith(b"/rosin/out/level") for datagram, _ in sent)
        assert 20 * 20 <= levels <= 31 * 20


def test_who_is_on_the_rigs_echo_list_is_always_told_as_fast_as_it_changes() -> None:
    sent: list[tuple[bytes, tuple[str, int]]] = []
    with frames() as another:
        one = Echo([("127.0.0.1", 9)], "/rosin", lambda datagram, to: (sent.append((datagram, to)), True)[1])
        one.change(ADDRESSES, TABLE)
        for i in range(1200):
            one.tell(another(), [], i / 60)
        levels = sum(datagram.startswith(b"/rosin/out/level") for datagram, _ in sent)
        assert 20 * 20 <= levels <= 31 * 20


def test_a_host_out_on_the_internet_is_told_nothing_unless_it_is_allowed() -> None:
    with contextlib.closing(OscEar(HERE, Counts(), EventLog())) as ear:
        assert not ear.is_near("8.8.8.8")
        assert all(map(ear.is_near, ("127.0.0.1", "192.168.1.7", "10.0.0.1", "169.254.1.1")))
    with contextlib.closing(OscEar(OscOptions("127.0.0.1:0", allow=("8.8.8.8",)), Counts(), EventLog())) as ear:
        assert ear.is_near("8.8.8.8")


def test_a_far_host_is_told_of_and_not_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(OscEar, "is_near", lambda self, host: False)
    with on_the_table(HERE) as t:
        t.client().send("/rosin/sync")
        t.step()
        assert str(t.said[-1]).endswith("play with --allow 127.0.0.1")
        assert t.hands.osc is not None
        assert t.hands.osc.echo.clients == []


def test_sixteen_false_subscribers_keep_no_real_one_out() -> None:
    with on_the_table(HERE) as t:
        t.frame(hand={"level": 0.5})
        assert t.hands.osc is not None
        false, real = t.client(), t.client()
        for port in range(20000, 20000 + CLIENTS_MAX):
            false.send("/rosin/sync", port)
        t.step(5)
        real.send("/rosin/sync")
        t.see(0.1)
        assert real.where in [c.where for c in t.hands.osc.echo.clients]
        assert real.heard()
        for port in range(30000, 30000 + 2 * CLIENTS_MAX):
            false.send("/rosin/sync", port)
        t.step(5)
        assert real.where in [c.where for c in t.hands.osc.echo.clients], "false ones give way to each other"
        assert len(t.hands.osc.echo.clients) == CLIENTS_MAX


def test_who_plays_stays_and_who_only_asked_goes() -> None:
    one = echo([])
    player = ("192.168.1.2", 1)
    one.sync(player, None, 0.0)
    one.heard(player, 1.0)
    again = ("192.168.1.3", 1)
    one.sync(again, None, 0.5)
    one.heard(again, 20.0, True)
    for i in range(200):
        one.sync((f"192.168.2.{i}", 1), None, 30.0 + i)
        one.make_room()
    there = [client.where for client in one.clients]
    assert len(there) == CLIENTS_MAX
    assert player in there
    assert again in there
    assert ("192.168.2.199", 1) in there


def test_one_other_machine_has_a_few_places_and_the_echo_list_takes_none() -> None:
    one = Echo([("10.0.0.1", port) for port in range(1, 40)], "/rosin", lambda datagram, to: True)
    one.change(ADDRESSES, TABLE)
    for port in range(2000, 2040):
        one.sync(("10.0.0.9", 1), port, 0.0)
        one.make_room()
    asked = [client for client in one.clients if not client.fixed]
    assert [client.where[1] for client in asked] == [2036, 2037, 2038, 2039]
    assert len(asked) == HOST_CLIENTS_MAX
    assert len(one.clients) == 39 + HOST_CLIENTS_MAX


def test_a_client_remembers_only_the_last_few_it_was_asked_for_by() -> None:
    one = echo([])
    for port in range(100):
        one.sync(("10.0.0.9", 5000 + port), 4000, 0.0)
    (client,) = one.clients
    assert isinstance(client, Client)
    assert list(client.senders)[-1] == ("10.0.0.9", 5099)
    assert len(client.senders) <= 8


def test_comings_and_goings_do_not_flood_the_player() -> None:
    with on_the_table(HERE) as t:
        client = t.client()
        for port in range(20000, 20400):
            client.send("/rosin/sync", port)
            if port % 50 == 0:
                t.step(2)
        t.step(3)
        assert len(t.said) < 60
