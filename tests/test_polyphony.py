"""A voice for every key: who gets one, who is stolen, what pedals hold. Nothing hangs, whatever comes."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from instrument.engine.voices.polyphony import Polyphony
from instrument.engine.voices.press import Key, pairs


class Choir:
    """Voices that sound as loud as they are told to, and remember what was asked of them."""

    def __init__(self, count: int) -> None:
        self.level = [0.0] * count
        self.note: list[float | None] = [None] * count
        self.stolen: list[int] = []
        self.released: list[int] = []

    def start(self, voice: int, note: float, velocity: float) -> None:
        assert self.level[voice] == 0.0, "a voice that sounds is stolen, not started"
        self.level[voice], self.note[voice] = velocity, note

    def steal(self, voice: int, note: float, velocity: float) -> None:
        self.stolen.append(voice)
        self.level[voice], self.note[voice] = velocity, note

    def release(self, voice: int) -> None:
        self.released.append(voice)

    def loudness(self, voice: int) -> float:
        return self.level[voice]

    def die(self, voice: int) -> None:
        """Its release is over."""
        self.level[voice], self.note[voice] = 0.0, None


class Keys(Polyphony):
    """With voices as numbers: a key speaks on one."""

    def on(self, note: int, velocity: float, channel: int = 0, note_id: int = 0) -> int:  # type: ignore[override]
        (voice,) = super().on(note, velocity, channel, note_id)
        return voice

    def voice_of(self, note: int, channel: int = 0, note_id: int = 0) -> int | None:
        return next(iter(self.voices_of(channel, note, note_id)), None)


def pairs_of(keys: Keys) -> tuple[list[Key], list[Key]]:
    """Notes and velocities of those down, and of those kept."""
    held, kept = keys.presses
    return pairs(held), pairs(kept)


@pytest.fixture
def choir() -> Choir:
    return Choir(4)


@pytest.fixture
def keys(choir: Choir) -> Keys:
    return Keys(choir, 4)


def test_each_key_has_a_voice_of_its_own(choir: Choir, keys: Keys) -> None:
    assert len({keys.on(note, 0.8) for note in (60, 64, 67, 71)}) == 4
    assert sorted(note for note in choir.note if note) == [60, 64, 67, 71]
    assert choir.stolen == []


def test_a_key_let_go_releases_its_voice_and_no_other(choir: Choir, keys: Keys) -> None:
    voices = {note: keys.on(note, 0.8) for note in (60, 64, 67)}
    keys.off(64)
    assert choir.released == [voices[64]]
    assert pairs_of(keys) == ([(60, 0.8), (67, 0.8)], [])


def test_a_silent_voice_is_taken_before_one_that_rings(choir: Choir, keys: Keys) -> None:
    first = keys.on(60, 0.8)
    keys.off(60)
    assert keys.on(62, 0.8) != first
    assert choir.stolen == []


def test_the_voice_let_go_longest_ago_is_stolen_first(choir: Choir, keys: Keys) -> None:
    voices = [keys.on(note, 0.8) for note in (60, 62, 64, 65)]
    for note in (62, 60, 65, 64):
        keys.off(note)
    assert [keys.on(note, 0.8) for note in (70, 71)] == [voices[1], voices[0]]
    assert choir.stolen == [voices[1], voices[0]]


def test_what_rings_is_stolen_before_what_is_held(choir: Choir, keys: Keys) -> None:
    voices = [keys.on(note, 0.1) for note in (60, 62, 64)]
    loud = keys.on(65, 1.0)
    keys.off(65)
    assert keys.on(67, 0.8) == loud
    assert all(voice not in choir.stolen for voice in voices)


def test_of_held_ones_the_quietest_goes_but_neither_the_newest_nor_the_outline(choir: Choir, keys: Keys) -> None:
    low, quiet, loud, high = (keys.on(n, v) for n, v in ((48, 0.1), (60, 0.3), (64, 0.9), (72, 0.1)))
    assert keys.on(66, 0.5) == quiet
    assert {low, high, loud}.isdisjoint(choir.stolen)


def test_the_newest_is_never_stolen_even_when_it_is_the_quietest(choir: Choir, keys: Keys) -> None:
    for note in (48, 60, 72):
        keys.on(note, 0.9)
    newest = keys.on(62, 0.01)
    assert keys.on(64, 0.5) != newest


def test_where_there_is_nothing_but_the_outline_the_quietest_of_it_goes() -> None:
    choir = Choir(2)
    keys = Keys(choir, 2)
    first, second = keys.on(48, 0.5), keys.on(72, 0.5)
    assert keys.on(60, 0.5) == first
    assert choir.stolen == [first]
    assert second not in choir.stolen


def test_one_voice_is_stolen_by_every_key() -> None:
    choir = Choir(1)
    keys = Keys(choir, 1)
    assert [keys.on(note, 0.5) for note in (60, 64)] == [0, 0]
    assert choir.note == [64.0]
    keys.off(60)
    assert choir.released == [], "the key that was stolen from has nothing to let go of"


def test_the_same_key_again_takes_a_voice_of_its_own_and_one_release_is_enough(choir: Choir, keys: Keys) -> None:
    first, second = keys.on(60, 0.5), keys.on(60, 0.9)
    assert first != second
    assert choir.released == [first]
    keys.off(60)
    assert choir.released == [first, second]
    assert not keys.sounding


def test_one_note_on_two_channels_is_two_keys(choir: Choir, keys: Keys) -> None:
    first, second = keys.on(60, 0.5, channel=2), keys.on(60, 0.5, channel=3)
    keys.off(60, channel=3)
    assert choir.released == [second]
    assert keys.voices_of(2) == [first]
    assert keys.voices_of(3) == []


def test_note_ids_tell_keys_apart(choir: Choir, keys: Keys) -> None:
    first, second = keys.on(60, 0.5, note_id=7), keys.on(60, 0.5, note_id=8)
    assert keys.voice_of(60, note_id=8) == second
    keys.off(60, note_id=7)
    assert choir.released == [first]


def test_the_pedal_keeps_what_is_let_go_and_lets_go_of_it_all(choir: Choir, keys: Keys) -> None:
    keys.sustain(True)
    voices = [keys.on(note, 0.8) for note in (60, 64)]
    keys.off(60)
    assert choir.released == []
    assert pairs_of(keys) == ([(64, 0.8)], [(60, 0.8)])
    keys.sustain(False)
    assert choir.released == [voices[0]], "and what is still down stays"


def test_a_pedal_of_one_zone_is_no_other_zones(choir: Choir, keys: Keys) -> None:
    keys.sustain(True, channels=range(1, 9))
    keys.on(60, 0.5, channel=2)
    other = keys.on(62, 0.5, channel=12)
    keys.off(60, channel=2)
    keys.off(62, channel=12)
    assert choir.released == [other]


def test_the_middle_pedal_holds_what_was_down_and_nothing_later(choir: Choir, keys: Keys) -> None:
    caught = keys.on(48, 0.8)
    keys.sostenuto(True)
    later = keys.on(60, 0.8)
    keys.off(48)
    keys.off(60)
    assert choir.released == [later]
    keys.sostenuto(False)
    assert choir.released == [later, caught]


def test_the_two_pedals_hold_independently(choir: Choir, keys: Keys) -> None:
    voice = keys.on(48, 0.8)
    keys.sostenuto(True)
    keys.sustain(True)
    keys.off(48)
    keys.sostenuto(False)
    assert choir.released == []
    keys.sustain(False)
    assert choir.released == [voice]


def test_all_off_lifts_keys_and_pedals_of_a_zone_or_of_all(choir: Choir, keys: Keys) -> None:
    keys.sustain(True)
    keys.on(60, 0.5, channel=2)
    keys.on(62, 0.5, channel=12)
    keys.off(62, channel=12)
    keys.all_off(channels=[2])
    assert len(choir.released) == 1
    keys.all_off()
    assert not keys.sounding
    keys.on(64, 0.5)
    keys.off(64)
    assert len(choir.released) == 3, "no pedal is down any more"


EVENTS = st.one_of(
    st.tuples(st.just("on"), st.integers(40, 52), st.integers(0, 3)),
    st.tuples(st.just("off"), st.integers(40, 52), st.integers(0, 3)),
    st.tuples(st.sampled_from(["sustain", "sostenuto"]), st.booleans(), st.none() | st.integers(0, 3)),
    st.tuples(st.just("die"), st.integers(0, 3), st.just(0)),
)


@settings(max_examples=300, deadline=None)
@given(st.lists(EVENTS, max_size=80))
def test_whatever_comes_nothing_hangs_and_nothing_is_started_twice(events: list[tuple[str, int, int | None]]) -> None:
    choir = Choir(4)
    keys = Keys(choir, 4)
    for what, which, channel in events:
        if what == "on":
            voice = keys.on(which, 0.5, channel or 0)
            assert keys.voice_of(which, channel or 0) == voice
        elif what == "off":
            keys.off(which, channel or 0)
            assert keys.voice_of(which, channel or 0) is None
        elif what == "die":
            if choir.level[which] > 0.0 and which in choir.released:
                choir.die(which) if not keys._slots[which].held else None
        else:
            getattr(keys, what)(bool(which), None if channel is None else [channel])
    for note in range(40, 53):
        for channel in range(4):
            keys.off(note, channel)
    keys.sustain(False)
    keys.sostenuto(False)
    assert not keys.sounding
    assert pairs_of(keys) == ([], [])
