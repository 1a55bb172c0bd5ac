"""Learn server: the stage asks for knobs to be learned, one after the other, and is told what came of it.
Beside osc, midi.

The stage writes into its health row what it asks, the hands into theirs the answer, where controllers are that have yet
to pick up their knob, and what each knob is bound to. A window that died while a knob waited is no reason to learn.
"""

from __future__ import annotations

from instrument.hands.midi.hand import LearnRequest, MidiHand
from instrument.hands.osc.osc_learn import OscLearn
from instrument.hands.state.positions import Positions
from instrument.ipc.health import Health
from instrument.ipc.learn_protocol import ANSWER, ASK, BOUND, REACH, Answer, Ask, bound_text, reach_text

TOLD_SECONDS = 0.05
"""Where controllers are is told 20 times a second at most."""
BOUND_SECONDS = 0.5
GONE_SECONDS = 3.0


class LearnServer:
    """``look`` at every frame."""

    def __init__(self, health: Health, midi: MidiHand, positions: Positions, foreign: OscLearn) -> None:
        self._stage, self._row = health.row("stage"), health.row("hands")
        self._midi, self._positions, self._foreign = midi, positions, foreign
        answered = Answer.of(self._row.text(ANSWER))
        # What hands before these have answered is done, unless a knob still waits; what they had not heard is not.
        self._number = answered.number if answered is not None and answered.state != "armed" else 0
        self._ask: Ask | None = None
        self._told_at = self._bound_at = 0.0
        self._said = {ANSWER: "", REACH: "", BOUND: ""}

    def look(self, patch: int, now: float) -> None:
        """What is asked, and what there is to tell. ``patch``: the one that plays."""
        asked = Ask.of(self._stage.text(ASK))
        if asked is not None and asked.number != self._number:
            self._number = asked.number
            self._answer(self._do(asked, patch))
        self._watch(now)
        if now - self._told_at >= TOLD_SECONDS:
            self._told_at = now
            places = self._midi.mappings.reach() + self._foreign.mappings.reach()
            self._tell(REACH, reach_text(patch, places))
        if now - self._bound_at >= BOUND_SECONDS:
            self._bound_at = now
            self._tell(BOUND, bound_text(patch, dict(sorted(self._controls().items()))))

    def _do(self, asked: Ask, patch: int) -> Answer:
        self._ask, table = None, self._positions.table
        there = asked.patch == patch and asked.knob < len(table)
        if self._midi.learning is not None and self._midi.learning.fresh:
            self._midi.learning = None
        if asked.verb == "off" or not there:
            return Answer(asked.number)
        knob = table[asked.knob].id
        if asked.verb == "free":
            self._foreign.unlearn(knob)
            self._bound_at = 0.0
            return Answer(asked.number, "freed", asked.knob)
        self._midi.arm(LearnRequest(knob, fresh=True))
        self._ask = asked
        return Answer(asked.number, "armed", asked.knob)

    def _watch(self, now: float) -> None:
        """Has the knob that waits been given something; is there still somebody who asks."""
        asked, learning = self._ask, self._midi.learning
        if asked is None:
            return
        if learning is None or not learning.fresh:
            self._ask = None
            knob, control, saved = self._midi.learned
            table = self._positions.table
            mine = learning is None and asked.knob < len(table) and table[asked.knob].id == knob
            state = "off" if not mine else "learned" if saved else "unsaved"
            self._answer(Answer(asked.number, state, asked.knob, control if mine else ""))
            self._bound_at = 0.0
        elif self._stage.age(now) > GONE_SECONDS:
            self._midi.learning, self._ask = None, None
            self._answer(Answer(asked.number))

    def _controls(self) -> dict[int, str]:
        """What moves each knob: MIDI, OSC, or both."""
        found = self._midi.mappings.controls()
        for knob, control in self._foreign.mappings.controls().items():
            found[knob] = f"{found[knob]}, {control}" if knob in found else control
        return found

    def _answer(self, answer: Answer) -> None:
        self._tell(ANSWER, answer.text())

    def _tell(self, key: str, text: str) -> None:
        if self._said[key] != text:
            self._said[key] = text
            self._row.set_text(key, text)
