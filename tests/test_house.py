"""The house: no two modules know each other round a circle, and a class name means one thing in all rooms."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

MARK = "# the time itself: "
WRITTEN = re.compile(r"\bsleep\((\d+(?:\.\d*)?|\.\d+)\)")
HOUSE = Path(__file__).parents[1] / "instrument"


def modules() -> dict[str, Path]:
    """Every module of the house by its dotted name."""
    named = {}
    for path in sorted(HOUSE.rglob("*.py")):
        parts = path.relative_to(HOUSE.parent).with_suffix("").parts
        named[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return named


def statements(node: ast.AST, for_types: bool) -> Iterator[ast.Import | ast.ImportFrom]:
    """Every import, wherever it stands, so also those inside functions."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import | ast.ImportFrom):
            yield child
        elif for_types or not (isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test)):
            yield from statements(child, for_types)


def arrows(named: dict[str, Path], for_types: bool) -> dict[str, set[str]]:
    """Which modules each module imports. ``for_types``: those that only a type checker reads count, too."""
    known: dict[str, set[str]] = {}
    for name, path in named.items():
        found = set()
        for each in statements(ast.parse(path.read_text(encoding="utf-8")), for_types):
            if isinstance(each, ast.Import):
                found |= {alias.name for alias in each.names}
            else:
                assert not each.level, f"{name} imports relatively, which the house does not"
                module = each.module or ""
                whole = {f"{module}.{alias.name}" for alias in each.names}
                found |= {one if one in named else module for one in whole}
        known[name] = {one for one in found if one in named and one != name}
    return known


def circles(known: dict[str, set[str]]) -> list[list[str]]:
    """Strongly connected components of more than one module (Tarjan, SIAM J. Comput. 1, 1972, 146)."""
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    found: list[list[str]] = []

    def visit(name: str) -> None:
        index[name] = low[name] = len(index)
        stack.append(name)
        for other in sorted(known[name]):
            if other not in index:
                visit(other)
                low[name] = min(low[name], low[other])
            elif other in stack:
                low[name] = min(low[name], index[other])
        if low[name] == index[name]:
            cut = stack.index(name)
            if len(stack) - cut > 1:
                found.append(sorted(stack[cut:]))
            del stack[cut:]

    for name in sorted(known):
        if name not in index:
            visit(name)
    return found


def test_circles_are_found_where_there_are_some() -> None:
    assert circles({"a": {"b"}, "b": {"c"}, "c": {"b"}, "d": {"a", "c"}}) == [["b", "c"]]


@pytest.mark.parametrize("for_types", [False, True], ids=["as it runs", "as types are checked"])
def test_no_modules_know_each_other_round_a_circle(for_types: bool) -> None:
    known = arrows(modules(), for_types)
    assert len(known) > 400
    assert sum(map(len, known.values())) > 1000
    assert circles(known) == []


def test_a_class_name_is_defined_once() -> None:
    homes = defaultdict(list)
    for name, path in modules().items():
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ClassDef):
                homes[node.name].append(name)
    assert len(homes) > 300
    assert {name: where for name, where in homes.items() if len(where) > 1} == {}


def seconds_of(node: ast.AST, known: dict[str, float]) -> float:
    """Of a number, or of a sum or product of numbers and the module's own constants; 0 where nobody can say."""
    if isinstance(node, ast.Constant) and isinstance(node.value, (int, float)):
        return float(node.value)
    if isinstance(node, ast.Name):
        return known.get(node.id, 0.0)
    if isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Add, ast.Mult, ast.Div)):
        one, two = seconds_of(node.left, known), seconds_of(node.right, known)
        if isinstance(node.op, ast.Add):
            return one + two
        return one * two if isinstance(node.op, ast.Mult) else one / two if two else 0.0
    return 0.0


def sleeps_in(text: str) -> Iterator[tuple[int, float]]:
    """(line, seconds) of each ``sleep`` whose length can be read from the file."""
    tree = ast.parse(text)
    known: dict[str, float] = {}
    for node in tree.body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            known[node.targets[0].id] = seconds_of(node.value, known)
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and getattr(node.func, "attr", getattr(node.func, "id", "")) == "sleep":
            yield node.lineno, max((seconds_of(given, known) for given in node.args), default=0.0)


def test_whoever_sleeps_for_long_says_that_it_is_the_time_that_counts() -> None:
    """What can be asked for again and again is (tests/polling.py); a fifth of a second is no wait for anything."""
    bare = []
    for folder in ("instrument", "tests", "scripts", "examples"):
        for path in sorted((HOUSE.parent / folder).rglob("*.py")):
            if "old" in path.parts:
                continue
            text = path.read_text(encoding="utf-8")
            lines = text.splitlines()
            found = list(sleeps_in(text))
            # code that stands in a text, for another process
            found += [(n, float(m[1])) for n, line in enumerate(lines, 1) for m in WRITTEN.finditer(line)]
            bare += [f"{path.name}:{n}" for n, seconds in found if seconds > 0.2 and MARK not in lines[n - 1]]
    assert bare == []
