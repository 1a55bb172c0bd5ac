"""Namespace: every OSC address there is in this patch, derived from the knob table, and what a message to it means.
Pure.

What there is beside knobs is the table in endpoints. A knob is reached by its id, those of the model also by their
number, and the inputs of a visual under /rosin/visual as well, in their own unit.

A pattern reaches knobs and latents only: a mistyped star must not start a recording or load a patch. And of the knobs
those of the model; others as far as it spells them: a star must not turn the level up, nor time down.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

from instrument.hands.osc.arguments import first, name_of, whole
from instrument.hands.osc.endpoints import HEARD
from instrument.hands.osc.handlers import HANDLERS, Args, Command
from instrument.hands.osc.match import CACHE_MAX, Addresses, PatternError, is_pattern, literal, spells
from instrument.ipc import Kind
from instrument.ipc.events import NOTE_ID_MAX
from instrument.knobs import KnobTable

VOICE = "voice/"


class Addressed(NamedTuple):
    """What an address is for: the verb of an endpoint, and the knob, or the sender's note, it is about."""

    verb: str
    knob: int = 0


Feels = Callable[[str], Mapping[str, float]]
"""The amounts of a feel by the ids of the parameters. LookupError: there is none of that name."""


class NoFeel(LookupError):
    """There is no feel of the name that is its argument."""


def _no_feels(name: str) -> Mapping[str, float]:
    raise LookupError(name)


class Namespace:
    """The addresses of one patch. ``patches``: the names of each of the show's patches, in order; the first wins."""

    def __init__(self, root: str, table: KnobTable, patches: Sequence[Sequence[str]], feels: Feels = _no_feels) -> None:
        self.table, self.root, self._feels = table, root, feels
        self._patches = {name: i for i, names in reversed(list(enumerate(patches))) for name in names}
        self._folded = {name.casefold(): i for name, i in self._patches.items()}
        self._patch_count = len(patches)
        self.knob_addresses = tuple(f"{root}/knob/{knob.id}" for knob in table)
        self._targets: dict[str, Addressed] = {}
        self._voices = f"{root}/{VOICE}"
        for i, address in enumerate(self.knob_addresses):
            self._targets[address] = Addressed("raw", i)
            self._targets[f"{address}/value"] = Addressed("value", i)
            if i < table.playable_count:
                self._targets[f"{address}/push"] = Addressed("push", i)
                self._targets[f"{address}/bridge"] = Addressed("bridge", i)
                self._targets[f"{root}/latent/{i + 1}"] = Addressed("raw", i)
            if table[i].group == "visual":  # visual.tint.r is also /rosin/visual/tint/r, in the input's own unit
                self._targets[f"{root}/{table[i].id.replace('.', '/')}"] = Addressed("value", i)
        self._by_pattern = Addresses(self._targets)
        self._answers: dict[str, tuple[Addressed, ...]] = {}
        for verb in HEARD:
            if verb.startswith(VOICE):  # of any number; the first stands for all
                self._targets[f"{root}/{verb.replace('ID', '1')}"] = Addressed(verb, 1)
            else:
                self._targets[f"{root}/{verb}"] = Addressed(verb)

    def __iter__(self) -> Iterator[str]:
        return iter(self._targets)

    def __contains__(self, address: object) -> bool:
        return address in self._targets

    def find(self, address: str) -> Sequence[Addressed]:
        """What an address or pattern is for; empty = nothing here. PatternError as Addresses.find."""
        target = self._targets.get(address)
        if target is not None:
            return (target,)
        if address.startswith(self._voices):
            return self._voice(address)
        if not is_pattern(address) or not self._is_here(address):
            return ()
        if address not in self._answers:
            if len(self._answers) >= CACHE_MAX:
                self._answers.clear()
            found = [(there, self._targets[there]) for there in self._by_pattern.find(address)]
            count = self.table.playable_count
            self._answers[address] = tuple(
                m for there, m in found if m.knob < count or self._is_spelled(address, there)
            )
        return self._answers[address]

    def _voice(self, address: str) -> Sequence[Addressed]:
        """One of the sender's own notes, by its number."""
        number, _, word = address[len(self._voices) :].partition("/")
        verb = f"{VOICE}ID/{word}"
        if verb not in HEARD or not (number.isascii() and number.isdecimal() and len(number) <= 10):
            return ()
        return (Addressed(verb, int(number)),) if 0 < int(number) <= NOTE_ID_MAX else ()

    def _is_here(self, pattern: str) -> bool:
        """Whether a pattern can mean us: what another program calls by brackets is not searched for here."""
        begins = literal(pattern)
        return self.root.startswith(begins) or begins.startswith(f"{self.root}/")

    def _is_spelled(self, pattern: str, address: str) -> bool:
        """Whether a pattern names a parameter, or the group it is of, before its first star."""
        parts, spelled = address[len(self.root) + 1 :].split("/"), pattern.split("/")[self.root.count("/") + 1 :]
        if parts[0] != "knob":
            return not is_pattern(spelled[0])
        group, dot, _ = parts[1].partition(".")
        return spells(spelled[1], parts[1]) or bool(dot and spells(spelled[1], f"{group}."))

    def acts(self, target: Addressed, args: Args) -> list[Command]:
        """The gestures a message asks for. ValueError when its arguments do not fit; LookupError: no such patch.

        NoFeel: no such feel; RosinError: its file is wrong. Where one number is meant, of several (a time slice, as
        TouchDesigner sends them) the last counts, which is the newest.
        """
        handler = HANDLERS.get(target.verb)
        if handler is None:
            raise ValueError(f"{target.verb} makes no gesture")
        return handler(self, target.knob, args)

    def feel(self, args: Args) -> list[Command]:
        """Every friction of the feel that is named."""
        name = name_of(args)
        try:
            amounts = self._feels(name)
        except LookupError:
            raise NoFeel(name) from None
        there = [(self.table.index(id), value) for id, value in amounts.items() if id in self.table]
        return [Command(Kind.KNOB, i, self.table[i].raw(value)) for i, value in there]

    def patch(self, args: Args) -> int:
        """The place in the list of the patch that is named."""
        if args and isinstance(args[0], str):
            name = args[0]
            found = self._patches.get(name, self._folded.get(name.casefold()))
        else:
            index = whole(first(args))
            found = index if 0 <= index < self._patch_count else None
        if found is None:
            raise LookupError(str(args[0])[:80])
        return found


__all__ = ["Addressed", "Command", "Namespace", "NoFeel", "PatternError"]
