"""Counts and events: what the hands have seen, and the few things worth a word to the player. Beside the chain."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

ONCE_SECONDS = 60.0

SENTENCES: Mapping[str, tuple[str, str]] = {
    "hands.midi.none": ("no MIDI here, playing on without", "pas de MIDI ici, on joue sans"),
    "hands.midi.api": ("MIDI through {api}", "MIDI par {api}"),
    "hands.midi.came": ("{port} came", "{port} est là"),
    "hands.midi.went": ("{port} went", "{port} est parti"),
    "hands.midi.lost": ("the {api} MIDI server went; waiting for it", "le serveur MIDI {api} est parti ; on l'attend"),
    "hands.midi.shut": ("{port} could not be opened ({why})", "{port} ne s'ouvre pas ({why})"),
    "hands.midi.malformed": ("{port} sends bytes that are not MIDI", "{port} envoie autre chose que du MIDI"),
    "hands.midi.program": ("program {number} has no patch here", "aucun patch pour le programme {number}"),
    "hands.learn.armed": ("move a controller for {knob}", "bougez une commande pour {knob}"),
    "hands.learn.done": ("{knob} learned: {control}", "{knob} appris : {control}"),
    "hands.learn.unsaved": ("{knob} learned but not saved: {why}", "{knob} appris mais pas enregistré : {why}"),
    "hands.learn.off": ("learning cancelled", "apprentissage annulé"),
    "hands.learn.no": ("there is no knob {knob} to learn", "aucun bouton {knob} à apprendre"),
    "hands.unlearned": ("{knob} has no controller now", "{knob} n'a plus de commande"),
    "hands.osc.on": ("OSC heard on {where}", "OSC écouté sur {where}"),
    "hands.osc.malformed": ("{sender} sends datagrams that are not OSC", "{sender} envoie autre chose que de l'OSC"),
    "hands.osc.refused": ("{sender} is not on the allow-list", "{sender} n'est pas sur la liste admise"),
    "hands.osc.unknown": ("{sender} sends to {address}, which is nothing here", "{sender} écrit à {address} : inconnu"),
    "hands.osc.came": ("{client} follows by OSC", "{client} suit par OSC"),
    "hands.osc.went": ("{client} no longer follows by OSC", "{client} ne suit plus par OSC"),
    "hands.patch": ("there is no patch {patch}", "aucun patch {patch}"),
    "hands.full": ("the sound does not take gestures; some were dropped", "le son n'écoute plus ; gestes perdus"),
    "hands.fault": ("a fault in the hands, played on: {why}", "une panne des mains, on continue : {why}"),
}
"""Every event's sentence: English, French. Keys as in the catalogue of texts."""


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened to the hands, not to the music. ``str()`` is the English sentence."""

    key: str
    values: Mapping[str, object] = field(default_factory=dict)
    time: float = 0.0

    def text(self, language: str = "en") -> str:
        return SENTENCES[self.key][language == "fr"].format(**self.values)

    def __str__(self) -> str:
        return self.text()


@dataclass(slots=True)
class Counts:
    """How many of each since the start, under the names of the health table; what that table lacks stays here."""

    osc_messages: int = 0
    osc_malformed: int = 0
    osc_refused: int = 0
    osc_unknown: int = 0
    osc_echoed: int = 0
    osc_clients: int = 0
    osc_dropped: int = 0
    midi_messages: int = 0
    midi_malformed: int = 0
    midi_unbound: int = 0
    midi_out_of_range: int = 0
    midi_devices: int = 0
    midi_lost: int = 0
    clock_ticks: int = 0
    gestures: int = 0
    gestures_lost: int = 0
    faults: int = 0


GAUGES = frozenset({"osc_clients", "midi_devices"})
"""Counts that also go down."""


class Events:
    """The last events, each also handed to ``say``; repeated complaints at most once a minute per key."""

    def __init__(self, say: Callable[[Event], None] | None = None, keep: int = 64) -> None:
        self.recent: deque[Event] = deque(maxlen=keep)
        self._say = say
        self._last: dict[str, float] = {}

    def post(self, key: str, **values: object) -> None:
        event = Event(key, values, time.monotonic())
        self.recent.append(event)
        if self._say is not None:
            self._say(event)

    def complain(self, key: str, **values: object) -> None:
        """Post unless the same key was posted within the last minute."""
        now = time.monotonic()
        if now - self._last.get(key, -ONCE_SECONDS) >= ONCE_SECONDS:
            self._last[key] = now
            self.post(key, **values)
