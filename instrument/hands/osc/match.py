"""Match: OSC address patterns against the addresses there are, in bounded time. Between codec and namespace.

Patterns as in OSC 1.0: ``?`` one character, ``*`` any number, ``[a-z]`` ``[!a-z]`` a set, ``{foo,bar}`` alternatives;
none of them crosses a ``/``. A regular expression would do it too, and did: twelve stars in one pattern took 4.9 s of
backtracking. Here a pattern is walked once per part of an address: ``reach`` is the set of places in the text, one bit
each, that the pattern so far can end at, and each element of the pattern maps that set to the next one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal, NamedTuple

PATTERN_MAX = 256
STEPS_MAX = 40_000
"""Most elements walked for one pattern over all addresses: about 5 ms of work at worst."""
CACHE_MAX = 256
SPECIAL = frozenset("?*[]{}")


class PatternError(ValueError):
    """A pattern that is malformed, too long or too much work."""


class Element(NamedTuple):
    kind: Literal["text", "any", "star", "set", "either"]
    words: tuple[str, ...] = ()
    spans: tuple[tuple[str, str], ...] = ()
    outside: bool = False

    @property
    def cost(self) -> int:
        return 1 + sum(len(word) + 1 for word in self.words) + 4 * len(self.spans)


def is_pattern(address: str) -> bool:
    return not SPECIAL.isdisjoint(address)


def literal(address: str) -> str:
    """What comes before the first character of a pattern."""
    return address[: next((i for i, c in enumerate(address) if c in SPECIAL), len(address))]


def spells(pattern: str, word: str) -> bool:
    """Whether a part of a pattern says a word, or begins with it, letter by letter or as one of its alternatives."""
    stem = pattern[: next((i for i, c in enumerate(pattern) if c in "*?["), len(pattern))]
    stem = stem[: stem.index(".") + 1] if word.endswith(".") and "." in stem else stem
    try:
        return (word.endswith(".") or stem == pattern) and fits(elements(stem), len(word), places(word))
    except PatternError:  # an alternative with a star in it
        return False


def elements(part: str) -> tuple[Element, ...]:
    """One part of a pattern (between slashes) as elements. PatternError when a bracket stays open."""
    found: list[Element] = []
    i = 0
    while i < len(part):
        c = part[i]
        if c == "*":
            if not found or found[-1].kind != "star":
                found.append(Element("star"))
        elif c == "?":
            found.append(Element("any"))
        elif c in "[{":
            end = part.find("]" if c == "[" else "}", i + 1)
            if end < 0:
                raise PatternError(f"{c} without its end")
            inside = part[i + 1 : end]
            found.append(_set(inside) if c == "[" else Element("either", tuple(inside.split(","))))
            i = end
        elif c in "]}":
            raise PatternError(f"{c} without its beginning")
        elif found and found[-1].kind == "text":
            found[-1] = Element("text", (found[-1].words[0] + c,))
        else:
            found.append(Element("text", (c,)))
        i += 1
    return tuple(found)


def _set(inside: str) -> Element:
    outside = inside.startswith("!")
    rest = inside[outside:]
    spans = []
    i = 0
    while i < len(rest):
        if i + 2 < len(rest) and rest[i + 1] == "-":
            spans.append((rest[i], rest[i + 2]))
            i += 3
        else:
            spans.append((rest[i], rest[i]))
            i += 1
    return Element("set", (), tuple(spans), outside)


def places(text: str) -> dict[str, int]:
    """For each character of ``text`` the bits of the places where it stands."""
    found: dict[str, int] = {}
    for i, c in enumerate(text):
        found[c] = found.get(c, 0) | 1 << i
    return found


def fits(pattern: tuple[Element, ...], length: int, at: Mapping[str, int]) -> bool:
    """Whether the whole of a text, given as its length and ``places``, fits the pattern. One pass, no way back."""
    whole = (1 << length) - 1
    reach = 1
    for kind, words, spans, outside in pattern:
        if kind == "star":
            reach = (whole << 1 | 1) & ~((reach & -reach) - 1)
        elif kind == "any":
            reach = (reach & whole) << 1
        elif kind == "set":
            inside = 0
            for c, bits in at.items():
                if any(low <= c <= high for low, high in spans):
                    inside |= bits
            reach = (reach & (whole & ~inside if outside else inside)) << 1
        else:
            start, reach = reach, 0
            for word in words:
                here = start
                for c in word:
                    here = (here & at.get(c, 0)) << 1
                reach |= here
        if not reach:
            return False
    return bool(reach >> length & 1)


class _Branch:
    """One part of addresses that share their beginning: next parts, and the address that ends here."""

    __slots__ = ("address", "at", "next")

    def __init__(self, part: str) -> None:
        self.at = places(part)
        self.next: dict[str, _Branch] = {}
        self.address: str | None = None


Found = tuple[str, ...] | PatternError


class Addresses:
    """A fixed set of addresses, searched by pattern. Answers are remembered, refusals too."""

    def __init__(self, addresses: Iterable[str]) -> None:
        self._top = _Branch("")
        self._answers: dict[str, Found] = {}
        for address in addresses:
            branch = self._top
            for part in address.split("/"):
                if part not in branch.next:
                    branch.next[part] = _Branch(part)
                branch = branch.next[part]
            branch.address = address

    def find(self, pattern: str) -> tuple[str, ...]:
        """The addresses that fit, in their own order. PatternError when malformed, too long or too much work."""
        answer = self._answers.get(pattern)
        if answer is None:
            if len(self._answers) >= CACHE_MAX:
                self._answers.clear()
            try:
                answer = self._search(pattern)
            except PatternError as error:
                answer = error
            if len(pattern) <= PATTERN_MAX:
                self._answers[pattern] = answer
        if isinstance(answer, PatternError):
            raise PatternError(*answer.args)
        return answer

    def _search(self, pattern: str) -> tuple[str, ...]:
        if len(pattern) > PATTERN_MAX:
            raise PatternError(f"a pattern of {len(pattern)} characters; {PATTERN_MAX} are the most")
        branches = [self._top]
        steps = 0
        for part in pattern.split("/"):
            wanted = elements(part)
            cost = sum(element.cost for element in wanted)
            following: list[_Branch] = []
            if not is_pattern(part):
                following = [branch.next[part] for branch in branches if part in branch.next]
            else:
                for branch in branches:
                    steps += cost * len(branch.next)
                    if steps > STEPS_MAX:
                        raise PatternError("a pattern that is too much work")
                    following += [b for text, b in branch.next.items() if fits(wanted, len(text), b.at)]
            branches = following
        return tuple(branch.address for branch in branches if branch.address is not None)
