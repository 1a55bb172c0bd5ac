"""Panel: what the right side of the rehearsal view says from moment to moment. After panel_lines, before control view.

What changes while one plays are Words that are set; they are drawn anew only when that changed them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from instrument.base.text import say
from instrument.ipc import Frame
from instrument.knobs import ENTRIES
from instrument.stage.data import figures
from instrument.stage.data.patch_labels import elide, wrap
from instrument.stage.views.palette import GROUND, IVORY, STRAIN, TEXT, Colour, mix
from instrument.stage.views.panel_lines import FRICTION, LINE, QUIET, STATUS, PanelLines


@dataclass(frozen=True, slots=True)
class PanelFacts:
    """What the frame does not tell: open MIDI ports, where OSC is heard and by how many clients, what is bound."""

    midi: str = ""
    osc: str = ""
    bound: Mapping[int, Sequence[str]] = field(default_factory=dict)
    addresses: Mapping[int, str] = field(default_factory=dict)


class Panel(PanelLines):
    """``tell_status`` when a state changed, ``tell_near`` and ``tell_numbers`` as often as they can be read."""

    def say(self, key: str, text: str, colour: Colour | None = None) -> None:
        """Set a word, cut to its room. One that this panel has no line for is not said."""
        word = self.live.get(key)
        if word is None:
            return
        room, size = self._room[key]
        if room and text != word.text:
            text = elide(text, room, lambda part: self.letters.width(part, size))
        word.set(text, colour)

    def tell_status(self, frame: Frame, status: str) -> None:
        """The lines under the title, and which scenes there are."""
        now, there = _scene(frame), int(frame["scenes"])
        title = self.labels.scenes.get(now, "")
        if now < 0:
            self.say("scene", say("rehearsal.no_scene", self.language))
        else:
            self.say("scene", say("rehearsal.scene", self.language, number=now + 1) + (f" · {title}" if title else ""))
        lines = wrap(status, self.box.width, len(STATUS), self._measure(LINE))
        for i, key in enumerate(STATUS):
            self.say(key, lines[i] if i < len(lines) else "")
        for slot, word in enumerate(self._scenes):
            word.set(word.text, IVORY if slot == now else TEXT if there >> slot & 1 else mix(GROUND, TEXT, 0.80))

    def tell_near(self, frame: Frame) -> None:
        """The nearest recording and how known the place is."""
        found, language = figures.nearest(frame, self.labels.model_info), self.language
        if found is None:
            self.say("near", say("rehearsal.no_near", language), QUIET)
            self.say("author", "")
            self.say("share", "")
        else:
            title, author, share = found
            self.say("near", say("rehearsal.quoted", language, title=title), IVORY)
            self.say("author", author)
            self.say("share", figures.percent(share, language))
        for key, value in (("known", frame.known), ("unknown", frame.unknown)):
            self.say(key, figures.figure(value, 2, language) if value >= 0.0 else "–")

    def tell_numbers(self, frame: Frame, focus: int | None, around: PanelFacts, rms: float) -> None:
        """Friction and chance of the focused knob, and how the sound is. ``rms``: its level, linear."""
        language, table = self.language, self.labels.table
        knob = focus if focus is not None and focus < min(frame.playable, table.playable_count) else None
        own = table[knob].id if knob is not None else ""
        self.say("focus", self.labels.names[knob] if knob is not None else say("rehearsal.all_knobs", language))
        for name in ("difficulty", "hazard"):
            self.say(name, figures.parameter(table, frame, name, "", language))
        for name in FRICTION:
            self.say(name, figures.parameter(table, frame, f"friction.{name}", own, language))
        if knob is not None:  # what it is now: the parameter, the place it is in and how tired it is
            self.say("stick", figures.figure(float(frame.stick[knob]), 2, language))
        for name, grain in zip(ENTRIES, frame.grain, strict=True):
            self.say(name, figures.figure(float(grain), 3, language))
        self.say("seed", figures.seed(frame.seed))
        if knob is not None:
            self.say("mapping", " · ".join([*around.bound.get(knob, ()), around.addresses.get(knob, "")]).strip(" ·"))
        else:
            self.say("mapping", "")
        self.say("latency", figures.figure(1000.0 * frame.latency, 1, language, " ms"))
        load = say("rehearsal.load", language, mean=_whole(frame.load), worst=_whole(frame.load_p99))
        self.say("load", load, STRAIN if frame.load_p99 > 0.8 else IVORY)
        self.say("dropouts", str(frame.xruns), STRAIN if frame.xruns else IVORY)
        self.say("level", figures.level(rms, language))
        self.say("midi", around.midi or say("rehearsal.none", language), IVORY if around.midi else QUIET)
        self.say("osc", around.osc or say("rehearsal.none", language), IVORY if around.osc else QUIET)


def _scene(frame: Frame) -> int:
    """The slot last recalled or saved, -1 for none; also of a frame that no sound has filled."""
    return int(frame["scene"]) if frame.seq and int(frame["scenes"]) >> max(0, int(frame["scene"])) & 1 else -1


def _whole(share: float) -> str:
    return figures.figure(100.0 * share, 0, "en")
