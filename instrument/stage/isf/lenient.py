"""Lenient: conversions that looser compilers make by themselves, written out. Pure; after glsl, when a driver refuses.

GLSL 3.30 makes an int a float by itself and nothing else. Drivers of other machines also make a float an int, a number
a truth and a truth a number, and there are public files that lean on it. The type of a statement's target is written in
the text, so a constructor of that type is put round what it is given, which changes nothing where the types are equal:
in declarations, assignments, returns, conditions, indices and arguments. Every line stays where it is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

SCALARS = ("int", "float", "bool", "uint")
_TYPES = "|".join((*SCALARS, *(f"{sort}vec{n}" for sort in ("", "i") for n in (2, 3, 4))))
_DIRECTIVE = re.compile(r"(^[ \t]*#(?:[^\n]*\\\n)*[^\n]*$)", re.MULTILINE)
_DECLARED = re.compile(rf"\b({_TYPES})\s+([A-Za-z_]\w*)(?!\s*\()")
_LIST = re.compile(rf"\b({_TYPES})\s+(?=[A-Za-z_]\w*\s*[=,;])")
_FUNCTION = re.compile(rf"\b({_TYPES}|void|mat[234])\s+([A-Za-z_]\w*)\s*\(([^(){{}};]*)\)\s*\{{")
_ASSIGNED = re.compile(r"(?<![\w.\]])([A-Za-z_]\w*)\s*([-+*/]?)=(?!=)\s*")
_CONDITION = re.compile(r"\b(if|while|switch)\s*\(")
_INDEX = re.compile(r"(?<=[\w\])])\s*\[")
_REST = re.compile(r"((?<![\w.])[\w.]++|\([^()]*\))\s*%(?!=)\s*([\w.]+|\([^()]*\))")
_MARK = re.compile(r"[()\[\]{};,]")
_WHOLE = re.compile(r"\s*\d+[uU]?\s*")
REST = "isf_rest"
LONGEST, FAR, DEEPEST = 1 << 16, 2048, 64
"""Characters of a text that is tried, of one expression, and brackets in it: no text takes longer than a moment."""
HELPERS = f"int {REST}(int a, int b) {{ return a % b; }} float {REST}(float a, float b) {{ return mod(a, b); }}\n"


def lenient(text: str, kinds: Mapping[str, str]) -> str:
    """Text without comments, as glsl made it; ``kinds``: types of the inputs by name. Never longer in lines."""
    if len(text) > LONGEST:
        return text
    known = _kinds_of(text, kinds)
    functions = _functions_of(text)
    parts = _DIRECTIVE.split(text)
    for i in range(0, len(parts), 2):  # what lies between lines of the preprocessor
        part = _returns(parts[i])
        part = _declarations(part)
        part = _assignments(part, known)
        part = _brackets(part, _CONDITION, lambda found: "int" if found.group(1) == "switch" else "bool")
        part = _brackets(part, _INDEX, lambda found: "int")
        part = _arguments(part, functions)
        part = _truths(part, known)
        parts[i] = _REST.sub(rf"{REST}(\1, \2)", part)
    return "".join(parts)


def _kinds_of(text: str, inputs: Mapping[str, str]) -> dict[str, str]:
    """Name to type; a name of two types is left out."""
    found: dict[str, set[str]] = {name: {kind} for name, kind in inputs.items()}
    for one in _DECLARED.finditer(text):
        found.setdefault(one.group(2), set()).add(one.group(1))
    for one in _LIST.finditer(text):
        for begin, end in _each(text, one.end()):
            if name := re.match(r"\s*([A-Za-z_]\w*)\s*(?==|$)", text[begin:end]):
                found.setdefault(name.group(1), set()).add(one.group(1))
    return {name: next(iter(kinds)) for name, kinds in found.items() if len(kinds) == 1}


def _functions_of(text: str) -> dict[str, list[str]]:
    """Functions of one shape alone, with the types of what they only read; "" for what is not to be changed."""
    found: dict[str, list[list[str]]] = {}
    for one in _FUNCTION.finditer(text):
        given = [part.split() for part in one.group(3).split(",") if part.strip() not in ("", "void")]
        kinds = [next((w for w in words if w in SCALARS and not {"out", "inout"} & set(words)), "") for words in given]
        shape = ["" if "[" in " ".join(words) else kind for kind, words in zip(kinds, given, strict=True)]
        found.setdefault(one.group(2), []).append(shape)
    return {name: shapes[0] for name, shapes in found.items() if len(shapes) == 1}


def _end(text: str, at: int, stops: str) -> int:
    """Where an expression that begins at ``at`` ends: at one of ``stops`` outside of brackets; -1: nowhere near."""
    depth = 0
    for found in _MARK.finditer(text, at, at + FAR):
        c = found.group()
        if depth == 0 and c in stops:
            return found.start()
        if c in "([{":
            depth += 1
            if depth > DEEPEST:
                return -1
        elif c in ")]}":
            depth -= 1
            if depth < 0:
                return -1
    return -1


def _braces(text: str) -> dict[int, int]:
    """Where what opens at a brace is closed."""
    opened: list[int] = []
    closed: dict[int, int] = {}
    for found in re.finditer(r"[{}]", text):
        if found.group() == "{":
            opened.append(found.start())
        elif opened:
            closed[opened.pop()] = found.start()
    return closed


def _each(text: str, at: int) -> list[tuple[int, int]]:
    """Begin and end of each of what is declared at once: a = 1, b, c = 2; none where that has no end."""
    found = []
    while (end := _end(text, at, ",;")) >= 0:
        found.append((at, end))
        if text[end] == ";":
            return found
        at = end + 1
    return []


def _spans(text: str, pattern: re.Pattern[str]) -> Iterator[re.Match[str]]:
    """Last first: what is changed leaves the places before it as they are."""
    return reversed(list(pattern.finditer(text)))


def _declarations(text: str) -> str:
    for found in _spans(text, _LIST):
        made, each = [], _each(text, found.end())
        for begin, end in each:
            name, equals, value = text[begin:end].partition("=")
            whole = equals and value.strip() and "]" not in name
            made.append(f"{name}= {found.group(1)}({value.lstrip(' ')})" if whole else text[begin:end])
        if each:
            text = text[: found.end()] + ",".join(made) + text[each[-1][1] :]
    return text


def _assignments(text: str, kinds: Mapping[str, str]) -> str:
    declared = {m.start(2) for m in _DECLARED.finditer(text)}
    for found in _spans(text, _ASSIGNED):
        name, sign = found.groups()
        kind, end = kinds.get(name), _end(text, found.end(), ";,)")
        value = text[found.end() : end]
        if kind is None or end < 0 or found.start() in declared or value.startswith(f"{kind}("):
            continue
        if not sign:
            made = f"{name} = {kind}({value})"
        elif kind not in SCALARS or (kind == "int" and not re.search(r"[.A-Za-z_]", value)):
            continue
        elif kind == "int":
            made = f"{name} = int(float({name}) {sign} float({value}))"
        else:
            made = f"{name} {sign}= {kind}({value})"
        text = text[: found.start()] + made + text[end:]
    return text


def _returns(text: str) -> str:
    braces = _braces(text)
    for found in _spans(text, _FUNCTION):
        kind, close = found.group(1), braces.get(found.end() - 1, -1)
        if kind == "void" or kind.startswith("mat") or close < 0:
            continue
        body = text[found.end() : close]
        for one in _spans(body, re.compile(r"\breturn\b\s*(?=[^;\s])")):
            end = _end(body, one.end(), ";")
            if end >= 0:
                body = f"{body[: one.start()]}return {kind}({body[one.end() : end]}){body[end:]}"
        text = text[: found.end()] + body + text[close:]
    return text


def _brackets(text: str, pattern: re.Pattern[str], kind: object) -> str:
    """A constructor round all that stands in the brackets which a pattern opens."""
    for found in _spans(text, pattern):
        end = _end(text, found.end(), ")]")
        inner = text[found.end() : end]
        if end >= 0 and inner.strip() and not _WHOLE.fullmatch(inner):
            text = f"{text[: found.end()]}{kind(found)}({inner}){text[end:]}"  # type: ignore[operator]
    return text


def _arguments(text: str, functions: Mapping[str, list[str]]) -> str:
    for found in _spans(text, re.compile(r"(?<![\w.])([A-Za-z_]\w*)\s*\(")):
        kinds = functions.get(found.group(1))
        if kinds is None or _FUNCTION.match(text, _word_before(text, found.start())):
            continue
        begin, made = found.end(), []
        while (end := _end(text, begin, ",)")) >= 0:
            made.append(text[begin:end])
            begin = end + 1
            if text[end] == ")":
                break
        if end < 0 or len(made) != len(kinds):
            continue
        told = [f"{kind}({arg})" if kind else arg for arg, kind in zip(made, kinds, strict=True)]
        text = text[: found.end()] + ",".join(told) + text[end:]
    return text


def _word_before(text: str, at: int) -> int:
    """Where the word before a name begins: where that is a type, the name is declared there and not called."""
    begin = max(0, at - 64)
    found = re.search(r"\w++\s*+$", text[begin:at])
    return begin + found.start() if found else at


def _truths(text: str, kinds: Mapping[str, str]) -> str:
    """A truth that is reckoned or compared with a number is 0.0 or 1.0."""
    names = [re.escape(name) for name, kind in kinds.items() if kind == "bool"]
    if not names:
        return text
    one = rf"(?<![\w.])({'|'.join(names)})\b"
    text = re.sub(rf"{one}(?=\s*(?:[*/]|[-+](?![-+])|[<>]|[=!]=\s*[\d.]))", r"float(\1)", text)
    return re.sub(rf"((?:[*/<>]|(?<![-+])[-+]|[\d.]\s*[=!]=)\s*){one}", r"\1float(\2)", text)
