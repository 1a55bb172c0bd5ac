"""OSC: what a client sends moves the instrument at once, and every client but that one is told."""

from __future__ import annotations

import socket
import struct
import time
from pathlib import Path

import pytest
from handshost import SMALL, TABLE, Source, hands_of, kinds, moves, on_the_table

from instrument.base.errors import RosinError
from instrument.base.paths import shipped
from instrument.base.seeds import name_number
from instrument.documents.feels import open_feel
from instrument.documents.options import MidiOptions, OscOptions
from instrument.hands.osc.codec import BUNDLE, write
from instrument.hands.osc.echo import FORGET_SECONDS, WORD_BYTES
from instrument.hands.settings import networks, where
from instrument.ipc import Kind, Link

HERE = OscOptions("127.0.0.1:0")
NO_MIDI = MidiOptions("off")
LEVEL, Z2 = TABLE.index("level"), TABLE.index("z2")
NTP = 2_208_988_800


def bundle(unix_time: float | None, *elements: bytes) -> bytes:
    timetag = 1 if unix_time is None else int((unix_time + NTP) * 2**32)
    return BUNDLE + struct.pack(">Q", timetag) + b"".join(struct.pack(">i", len(e)) + e for e in elements)


def keys(table: object) -> list[str]:
    return [event.key for event in table.said]  # type: ignore[attr-defined]


def test_a_message_becomes_a_gesture_stamped_with_its_arrival() -> None:
    with on_the_table(HERE) as t:
        client = t.client()
        before = time.monotonic()
        client.send("/rosin/knob/z2", 0.25)
        (gesture,) = t.step()
        assert gesture[:3] == (Kind.KNOB, Z2, 0.25)
        assert gesture.source == Source.OSC
        assert before <= gesture.time <= time.monotonic()


def test_of_many_positions_in_one_pass_the_newest_wins_notes_and_triggers_all_count(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("instrument.hands.osc.receiver.PASS_SECONDS", 1.0)  # or a loaded machine makes two passes
    with on_the_table(HERE) as t:
        client = t.client()
        for i in range(50):
            client.send("/rosin/knob/z2", i / 100)
            client.send("/rosin/note", i, 0.5)
        client.send("/rosin/latent/1", 0.5)
        time.sleep(0.01)
        found = t.step(1)
        assert kinds(found).count(Kind.NOTE_ON) == 50
        assert moves(found) == [(Z2, 0.49), (0, 0.5)]


def test_the_newest_position_takes_its_own_place_in_the_order() -> None:
    with on_the_table(HERE) as t:
        client = t.client()
        client.send("/rosin/knob/z2", 0.25)
        client.send("/rosin/note", 60, 0.5)
        client.send("/rosin/knob/z2", 0.75)
        time.sleep(0.01)
        assert [g[:3] for g in t.step(1)] == [(Kind.NOTE_ON, 60, 0.5), (Kind.KNOB, Z2, 0.75)]


def test_what_comes_before_the_first_frame_is_for_the_patch_that_begins() -> None:
    with on_the_table(HERE, tables=lambda patch: TABLE if patch == 2 else SMALL, index=2) as t:
        t.client().send("/rosin/knob/z5", 0.5)
        assert moves(t.step()) == [(TABLE.index("z5"), 0.5)]
        assert t.hands.counts.osc_unknown == 0


def test_knobs_sent_with_a_patch_wait_for_it() -> None:
    with on_the_table(HERE, tables=lambda patch: TABLE if patch == 1 else SMALL) as t:
        client = t.client()
        client.send("/rosin/patch/load", "glass")
        client.send("/rosin/knob/z5", 0.5)
        client.send("/rosin/latents", 0.1, 0.2)
        client.send("/rosin/note", 60, 0.5)
        assert kinds(t.step()) == [Kind.PATCH, Kind.NOTE_ON], "a note is played at once, whatever the patch"
        t.patch = 1
        t.frame()
        t.see(0.02)
        assert moves(t.step()) == [(TABLE.index("z5"), 0.5), (0, 0.1), (1, 0.2)]
        assert t.hands.counts.osc_unknown == 0


def test_knobs_that_wait_for_a_patch_that_never_comes_play_the_old_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("instrument.hands.osc.hand.CHANGE_SECONDS", 0.05)
    with on_the_table(HERE) as t:
        t.frame()
        t.see()
        client = t.client()
        client.send("/rosin/patch/load", 1)
        client.send("/rosin/knob/z2", 0.25)
        assert kinds(t.step(1)) == [Kind.PATCH]
        t.see(0.1)
        assert moves(t.step()) == [(Z2, 0.25)]
        client.send("/rosin/patch/load", 0)  # the one that plays: nothing to wait for
        client.send("/rosin/knob/z2", 0.75)
        t.see(0.02)
        assert kinds(t.step()) == [Kind.PATCH, Kind.KNOB]


def test_a_pattern_moves_every_knob_it_fits() -> None:
    with on_the_table(HERE) as t:
        t.client().send("/rosin/latent/*", 0.75)
        assert moves(t.step()) == [(i, 0.75) for i in range(TABLE.playable_count)]


def test_what_is_wrong_is_counted_said_once_and_does_nothing() -> None:
    with on_the_table(HERE) as t:
        client = t.client()
        for datagram in (b"", b"nonsense", b"/a\0\0,q\0\0", BUNDLE, write("/rosin/knob/z2", float("nan"))):
            client.raw(datagram)
        client.send("/rosin/knob/z2", float("inf"))
        client.send("/rosin/knob/z2", "half")
        client.send("/rosin/knob/[", 0.5)
        client.send("/rosin/nothing", 1)
        client.send("/rosin/patch/load", "nothing")
        assert t.step(5) == []
        counts = t.hands.counts
        assert (counts.osc_malformed, counts.osc_unknown, counts.faults) == (8, 2, 0)
        assert [keys(t).count(f"hands.osc.{what}") for what in ("malformed", "unknown")] == [1, 1]


def test_health_is_told() -> None:
    with on_the_table(HERE) as t:
        t.client().send("/rosin/knob/z2", 0.5)
        t.step()
        t.hands._health_at = 0.0
        t.step()
        row = t.link.health.counters("hands")
        assert (row["osc_messages"], row["gestures"]) == (1, 1)
        assert t.link.health.age("hands") < 1.0


def test_only_senders_on_the_allow_list_are_heard() -> None:
    with on_the_table(OscOptions("127.0.0.1:0", allow=("127.0.0.2/31", "127.0.0.9"))) as t:
        for host, heard in (("127.0.0.1", 0), ("127.0.0.2", 1), ("127.0.0.3", 1), ("127.0.0.4", 0), ("127.0.0.9", 1)):
            t.client(host).send("/rosin/knob/z2", 0.5)
            assert len(t.step()) == heard, host
        assert t.hands.counts.osc_refused == 2
        assert keys(t).count("hands.osc.refused") == 1


def test_it_listens_on_this_machine_alone_unless_told_otherwise() -> None:
    assert OscOptions().listen.startswith("127.0.0.1:")
    with on_the_table(OscOptions("0.0.0.0:0")) as t:
        assert t.osc_at[0] == "0.0.0.0"


@pytest.mark.parametrize(
    ("listen", "says"),
    [
        ("9000", "write for example 127.0.0.1:9000"),
        ("127.0.0.1:99999", "write for example"),
        ("127.0.0.1:x", "write for example"),
        ("192.0.2.1:9000", "this machine has no address 192.0.2.1; listen on 127.0.0.1:9000"),
        ("no.such.host.invalid:9000", "write its address"),
    ],
)
def test_an_address_that_cannot_be_is_one_sentence_with_the_remedy(listen: str, says: str) -> None:
    with pytest.raises(RosinError, match=says), on_the_table(OscOptions(listen)):
        pass


def test_a_port_already_in_use_is_one_sentence_with_the_remedy() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1", 0))
        port = other.getsockname()[1]
        said = f"OSC port {port} is already in use; .* listen on 127.0.0.1:{port + 1}"
        with pytest.raises(RosinError, match=said), on_the_table(OscOptions(f"127.0.0.1:{port}")):
            pass


def test_allow_lists_and_echo_lists_are_read_strictly() -> None:
    assert where("localhost:9000") == ("127.0.0.1", 9000)
    assert str(networks(["10.0.0.7/8"])[0]) == "10.0.0.0/8"
    with pytest.raises(RosinError, match=r"192\.168\.1\.0/24"):
        networks(["10.0.0.0/99"])


def test_a_bundle_of_the_future_is_played_at_once_and_nothing_waits() -> None:
    with on_the_table(HERE) as t:
        client = t.client()
        client.raw(bundle(time.time() + 3600, write("/rosin/knob/z2", 0.5), write("/rosin/knob/level", 0.5)))
        client.send("/rosin/knob/z3", 0.5)
        found = t.step()
        assert moves(found) == [(Z2, 0.5), (LEVEL, 0.5), (3, 0.5)]
        assert all(g.time <= time.monotonic() for g in found)
        assert t.hands.osc is not None


def test_a_rig_that_schedules_keeps_times_within_200_ms_and_no_others() -> None:
    with on_the_table(OscOptions("127.0.0.1:0", schedule=True)) as t:
        client = t.client()
        for ahead in (0.1, 0.15, -0.1, 0.3, -3600.0, 1e7):
            now = time.time()
            client.raw(bundle(now + ahead, write("/rosin/knob/z2", 0.5)))
            (gesture,) = t.step(1)
            wanted = ahead if abs(ahead) <= 0.2 else 0.0
            assert gesture.time - time.monotonic() == pytest.approx(wanted, abs=0.03)
        client.raw(bundle(None, *(bundle(time.time() + i / 100, write("/rosin/knob/z2", i / 10)) for i in range(1, 5))))
        curve = t.step(1)
        assert moves(curve) == [(Z2, i / 10) for i in range(1, 5)]  # each point of a curve counts
        assert curve[-1].time - curve[0].time == pytest.approx(0.03, abs=1e-4)


def test_a_flood_is_survived_and_holds_up_midi_no_longer_than_a_few_milliseconds() -> None:
    with on_the_table(HERE) as t:
        client = t.client()
        for i in range(3000):  # more than the system keeps for us: the rest is lost in its hands
            client.send("/rosin/knob/z2", i / 3000)
        longest = 0.0
        for _ in range(60):
            start = time.perf_counter()
            t.hands.step()
            longest = max(longest, time.perf_counter() - start)
        assert t.hands.counts.osc_messages > 100
        assert longest < 0.05
        t.step(50)
        client.send("/rosin/knob/z2", 1.0)
        assert moves(t.step()) == [(Z2, 1.0)]


# -- the way back


def heard(client: object, address: str) -> list[object]:
    return [args[0] for a, args in client.heard() if a == address]  # type: ignore[attr-defined]


def test_sync_tells_everything_to_the_port_it_came_from() -> None:
    with on_the_table(HERE) as t:
        t.frame(hand={knob.id: i / 100 for i, knob in enumerate(TABLE)}, rms=0.5, load=0.25, xruns=3)
        client = t.client()
        client.send("/rosin/sync")
        t.see(0.08)
        told = dict(client.heard())
        for i, knob in enumerate(TABLE):
            assert told[f"/rosin/knob/{knob.id}"] == (pytest.approx(i / 100),)
        assert told["/rosin/out/level"] == (0.5,)
        assert told["/rosin/out/load"] == (0.25,)
        assert told["/rosin/out/xruns"] == (3,)
        assert len(told["/rosin/out/z"]) == TABLE.playable_count
        assert keys(t)[-1] == "hands.osc.came"
        t.see(0.08)
        assert client.heard() == []  # nothing changed, nothing is said


def test_sync_may_name_another_port_and_a_button_let_go_is_none() -> None:
    with on_the_table(HERE) as t:
        t.frame(hand={"level": 0.5})
        asks, listens = t.client(), t.client()
        asks.send("/rosin/sync", 0)
        t.see()
        assert t.hands.counts.osc_clients == 0
        asks.send("/rosin/sync", listens.where[1])
        t.see(0.08)
        assert heard(listens, "/rosin/knob/level") == [0.5]
        assert asks.heard() == []
        asks.send("/rosin/sync", t.osc_at[1])  # we do not talk to ourselves
        t.step()
        assert t.hands.counts.osc_malformed == 1


def test_a_knob_moved_by_something_else_is_echoed_and_never_to_the_client_that_moved_it() -> None:
    with on_the_table(HERE) as t:
        t.frame()
        mover, watcher = t.client(), t.client()
        for client in (mover, watcher):
            client.send("/rosin/sync")
        t.see(0.1)
        mover.heard(), watcher.heard()
        mover.send("/rosin/knob/z2", 0.5)
        t.step()
        t.frame(Source.OSC, {"z2": 0.5})
        t.see(0.1)
        assert heard(watcher, "/rosin/knob/z2") == [0.5]
        assert heard(mover, "/rosin/knob/z2") == []
        t.frame(Source.MIDI, {"z2": 0.75})
        t.see(0.1)
        assert heard(mover, "/rosin/knob/z2") == heard(watcher, "/rosin/knob/z2") == [0.75]
        watcher.send("/rosin/knob/z2", 0.5)
        t.step()
        t.frame(Source.OSC, {"z2": 0.5})
        t.see(0.1)
        assert heard(mover, "/rosin/knob/z2") == [0.5]
        assert heard(watcher, "/rosin/knob/z2") == []


def test_the_rigs_echo_list_is_told_from_the_beginning_and_for_ever() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listens:
        listens.bind(("127.0.0.1", 0))
        listens.settimeout(1.0)
        with on_the_table(OscOptions("127.0.0.1:0", echo=(f"127.0.0.1:{listens.getsockname()[1]}",))) as t:
            t.frame(hand={"level": 0.5})
            t.see()
            assert listens.recv(100).startswith(b"/rosin/")
            assert t.hands.osc is not None
            assert t.hands.osc.echo.tell(t.link.frames.latest(), [], time.monotonic() + 1e6) == []  # type: ignore[arg-type]
            t.client().send("/rosin/knob/level", 0.9)  # another program on this machine
            t.step()
            t.frame(Source.OSC, {"level": 0.9})
            t.see(0.1)
            listens.setblocking(False)
            told = []
            try:
                while True:
                    told.append(listens.recv(100))
            except BlockingIOError:
                pass
            assert write("/rosin/knob/level", 0.9) in told


def test_a_hand_that_moves_all_the_time_is_told_30_times_a_second_and_its_last_place_for_sure() -> None:
    with on_the_table(HERE) as t:
        t.frame()
        client = t.client()
        client.send("/rosin/sync")
        t.see(0.1)
        client.heard()
        start = time.monotonic()
        i = 0
        while time.monotonic() - start < 1.0:
            i += 1
            t.frame(Source.MIDI, {"z2": (i % 1000) / 1000})
            t.hands.step()
        took = time.monotonic() - start
        t.frame(Source.MIDI, {"z2": 0.0625})
        t.see(0.1)
        told = heard(client, "/rosin/knob/z2")
        assert told[-1] == 0.0625
        assert 10 <= len(told) <= 31 * took + 2


def test_a_client_that_is_silent_for_a_minute_is_forgotten_and_any_message_keeps_it() -> None:
    with on_the_table(HERE) as t:
        t.frame()
        stays, goes = t.client(), t.client()
        for client in (stays, goes):
            client.send("/rosin/sync")
        t.see()
        assert t.hands.osc is not None
        echo = t.hands.osc.echo
        assert len(echo.clients) == 2
        for client in echo.clients:
            client.heard_at -= FORGET_SECONDS
        stays.send("/rosin/latent/1", 0.5)
        t.see()
        assert [c.where for c in echo.clients] == [stays.where]
        assert keys(t)[-1] == "hands.osc.went"


def test_a_client_that_cannot_be_reached_is_forgotten() -> None:
    with on_the_table(HERE) as t:
        t.frame()
        assert t.hands.osc is not None
        t.hands.osc.echo.sync(("240.0.0.1", 9999), None, time.monotonic())
        t.hands.osc.echo._send = lambda datagram, to: False
        t.see()
        assert t.hands.osc.echo.clients == []


def test_no_more_than_sixteen_clients_can_ask_to_be_told() -> None:
    with on_the_table(HERE) as t:
        client = t.client()
        for port in range(20000, 20100):
            client.send("/rosin/sync", port)
        t.step(5)
        assert t.hands.osc is not None
        assert len(t.hands.osc.echo.clients) == 16


def test_our_own_echo_come_back_is_not_heard() -> None:
    with on_the_table(HERE) as t:
        assert t.hands.osc is not None
        t.hands.osc.ear.send(write("/rosin/knob/z2", 0.5), t.osc_at)
        assert t.step() == []


def test_on_the_network_a_host_with_one_client_is_that_client_whatever_port_it_sends_from() -> None:
    with on_the_table(HERE) as t:
        t.frame()
        t.see()
        assert t.hands.osc is not None
        sent: list[tuple[bytes, tuple[str, int]]] = []
        echo = t.hands.osc.echo
        echo._send = lambda datagram, to: (sent.append((datagram, to)), True)[1]
        echo.sync(("192.0.2.7", 8000), None, time.monotonic())
        t.see(0.1)
        for _ in range(10):
            echo.heard(("192.0.2.7", 51234), time.monotonic())
        assert echo.clients[0].credit > WORD_BYTES
        sent.clear()
        echo.moved(Z2, ("192.0.2.7", 51234))
        t.frame(Source.OSC, {"z2": 0.5})
        t.see(0.1)
        assert sent == []
        echo.moved(Z2, ("192.0.2.8", 51234))
        t.frame(Source.OSC, {"z2": 0.25})
        t.see(0.1)
        assert sent == [(write("/rosin/knob/z2", 0.25), ("192.0.2.7", 8000))]


def test_detail_is_sent_when_asked_for_and_only_then() -> None:
    for detail in (False, True):
        with on_the_table(OscOptions("127.0.0.1:0", detail=detail)) as t:
            t.frame(hand={"z2": 0.5}, pos=0.25)
            client = t.client()
            client.send("/rosin/sync")
            t.see(0.1)
            told = dict(client.heard())
            assert (told.get("/rosin/knob/z2/pos") == (0.25,)) is detail
            assert ("/rosin/knob/z2/stuck" in told) is detail
            assert "/rosin/knob/level/pos" not in told


def test_detail_tells_the_detents_of_every_knob_under_smartknobs_names() -> None:
    with on_the_table(OscOptions("127.0.0.1:0", detail=True)) as t:
        detents, strength = TABLE["friction.detents"], TABLE["friction.detent_strength"]
        t.frame(hand={"friction.detents": detents.raw(12), "friction.detent_strength": strength.raw(0.15)})
        client = t.client()
        client.send("/rosin/sync")
        t.see(0.1)
        told = dict(client.heard())
        for knob in TABLE.playable:
            at = f"/rosin/knob/{knob.id}"
            assert told[f"{at}/detents"] == (12.0,)
            assert told[f"{at}/detent_strength"] == (pytest.approx(0.15),)
            assert told[f"{at}/snap_point"] == (0.5,)
            assert told[f"{at}/endstop_strength"] == (0.0,)
        assert "/rosin/knob/level/detents" not in told
        t.frame(Source.MIDI, hand={"friction.detents": detents.raw(24)})
        t.see(0.1)
        changed = client.heard()
        assert ("/rosin/knob/z2/detents", (24.0,)) in changed
        assert "/rosin/knob/z2/snap_point" not in dict(changed)


def test_a_feel_is_put_on_by_its_name_and_one_that_is_not_there_is_said(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("instrument.documents.feels.feel_folders", lambda: [tmp_path, shipped("feels")])
    with on_the_table(HERE) as t:
        client = t.client()
        client.send("/rosin/feel", "Rust")
        found = dict(moves(t.step()))
        for id, value in open_feel("rust").parameters().items():
            assert TABLE[id].value(found[TABLE.index(id)]) == pytest.approx(value, rel=1e-4, abs=1e-6), id
        assert len(found) == 21
        client.send("/rosin/feel", "velvet")
        assert t.step() == []
        assert str(t.said[-1]) == "there is no feel velvet; there are clay, glass, rope, rosin, rust, stone"
        (tmp_path / "velvet.toml").write_text("schema = 1\nname = 3", encoding="utf-8")
        client.send("/rosin/feel", "velvet")
        assert t.step() == []
        assert keys(t)[-1] == "hands.feel.wrong"
        assert "\n" not in str(t.said[-1])
        assert t.hands.counts.faults == 0


def test_an_accident_to_be_kept_has_its_name_among_the_names_before_its_gesture_comes() -> None:
    with on_the_table(HERE) as t:
        client = t.client()
        client.send("/rosin/accident/keep", "la chute", 6.0)
        (keep,) = t.step()
        assert (keep.kind, keep.value, keep.extra) == (Kind.KEEP, 6.0, name_number("la chute"))
        assert t.link.names.find(keep.extra) == "la chute"
        client.send("/rosin/accident/keep", "first", 1.0)
        client.send("/rosin/accident/keep", "second", 1.0)
        assert [t.link.names.find(each.extra) for each in t.step()] == ["first", "second"]
        client.send("/rosin/accident/loop", "la chute", -0.25)
        client.send("/rosin/accident/stop")
        loop, stop = t.step()
        assert (loop.kind, loop.knob, loop.value, loop.extra) == (Kind.ACCIDENT, 32743, 2.0, keep.extra)
        assert (stop.kind, stop.value) == (Kind.ACCIDENT, 0.0)
        assert t.link.names.find(keep.extra) == "la chute"


def test_no_text_and_no_nan_is_ever_sent_among_the_numbers() -> None:
    with on_the_table(OscOptions("127.0.0.1:0", detail=True)) as t:
        t.frame(hand={"z2": float("nan")}, rms=float("nan"), load=float("inf"), pos=float("nan"))
        client = t.client()
        client.send("/rosin/sync")
        t.see(0.1)
        told = client.heard()
        assert len(told) > len(TABLE)
        for address, args in told:
            assert all(isinstance(a, (int, float)) and abs(a) < 1e9 for a in args), address
        assert t.hands.counts.faults == 0


def test_after_a_patch_change_the_addresses_are_those_of_the_new_patch() -> None:
    with on_the_table(HERE) as t:
        t.frame(hand={"z5": 0.5})
        client = t.client()
        client.send("/rosin/sync")
        t.see(0.1)
        client.heard()
        t.patch, t.table = 1, t.hands._patches.table(1)
        t.frame(hand={"level": 0.125})
        t.see(0.1)
        told = dict(client.heard())
        assert told["/rosin/knob/level"] == (0.125,)
        assert told["/rosin/out/patch"] == (1,)
        assert "/rosin/knob/z5" not in told
        client.send("/rosin/knob/z5", 0.5)
        client.send("/rosin/knob/level", 0.5)
        assert moves(t.step()) == [(t.table.index("level"), 0.5)]


def test_learning_can_be_asked_for_by_osc() -> None:
    with on_the_table(HERE) as t:
        client = t.client()
        client.send("/rosin/learn", "z2", 0.0, 0.5, 1)
        t.step()
        t.midi((0xB0, 20, 44), (0xB0, 20, 64))
        row = {"knob": "z2", "kind": "cc", "number": 20, "channel": 1, "high": 0.5, "invert": True}
        assert t.saved == [[row]]
        client.send("/rosin/learn", "level")
        client.send("/rosin/learn", "")
        t.step()
        t.midi((0xB0, 21, 44), (0xB0, 21, 64))
        assert t.saved == [[row]]
        client.send("/rosin/unlearn", "z2")
        t.step()
        assert t.saved[-1] == []


def test_a_relative_encoder_goes_on_from_where_osc_has_put_the_knob() -> None:
    rows = ({"knob": "z2", "kind": "cc", "number": 20, "motion": "twos"},)
    with on_the_table(HERE, MidiOptions(bindings=rows)) as t:
        t.client().send("/rosin/knob/z2", 0.25)
        t.step()
        assert moves(t.midi((0xB0, 20, 1))) == [(Z2, round(0.25 + 1 / 127, 6))]


def test_a_sound_that_does_not_listen_costs_gestures_and_one_sentence() -> None:
    with on_the_table(HERE) as t:
        client = t.client()
        for _ in range(60):
            for note in range(100):
                client.send("/rosin/note", note, 0.5)
            t.hands.step()
            t.hands.step()
        for _ in range(20):
            t.hands.step()
        assert t.hands.counts.gestures_lost > 0
        assert t.link.hands.lost == t.hands.counts.gestures_lost
        assert keys(t).count("hands.full") == 1


def test_a_fault_of_our_own_does_not_end_the_loop() -> None:
    with on_the_table(HERE) as t:
        assert t.hands.osc is not None
        t.hands.osc.namespace.find = lambda address: 1 / 0  # type: ignore[method-assign,assignment,return-value]
        t.client().send("/rosin/knob/z2", 0.5)
        t.step()
        assert t.hands.counts.faults == 1
        assert keys(t)[-1] == "hands.fault"


def test_without_midi_the_loop_sleeps_and_still_hears_at_once() -> None:
    with on_the_table(HERE, NO_MIDI, find=None) as t:
        t.hands.ports = None
        client = t.client()
        busy = time.process_time()
        start = time.monotonic()
        passes = 0
        while time.monotonic() - start < 0.5:
            t.hands.step()
            passes += 1
        assert passes < 150
        assert time.process_time() - busy < 0.25
        client.send("/rosin/knob/z2", 0.5)
        sent = time.monotonic()
        assert t.step(1) or t.step(1)
        assert time.monotonic() - sent < 0.05


def test_events_without_a_listener_go_to_the_health_row() -> None:

    with Link.create() as link:
        hands = hands_of(link, HERE, NO_MIDI, lambda rows: None)
        hands.close()
        assert "OSC heard on 127.0.0.1" in link.health.notices("hands")[0].text


def test_a_note_of_a_number_of_ones_own_is_bent_pressed_and_let_go_by_it() -> None:
    with on_the_table() as t:
        client = t.client()

        def said(*message: object) -> list[tuple[int, int, float, int]]:
            client.send(*message)
            return [(g.kind, g.knob, round(g.value, 4), g.note_id) for g in t.step()]

        assert said("/rosin/voice/7/on", 60, 0.5) == [(Kind.NOTE_ON, 60, 0.5, 7)]
        assert said("/rosin/voice/7/bend", -1.5) == [(Kind.FINGER_BEND, 0, -1.5, 7)]
        assert said("/rosin/voice/7/pressure", 3.0) == [(Kind.FINGER_PRESSURE, 0, 1.0, 7)]
        assert said("/rosin/voice/7/timbre", 0.25) == [(Kind.FINGER_TIMBRE, 0, 0.25, 7)]
        assert said("/rosin/voice/7/on", 64) == [(Kind.NOTE_OFF, 60, 0.0, 7), (Kind.NOTE_ON, 64, 0.8, 7)]
        assert said("/rosin/voice/7/off") == [(Kind.NOTE_OFF, 64, 0.0, 7)]
        assert said("/rosin/voice/7/off") == [], "it plays nothing any more"
        for nobody in ("/rosin/voice/0/on", "/rosin/voice/x/on", "/rosin/voice/7/sing", "/rosin/voice/99999999999/on"):
            assert said(nobody, 60) == []
