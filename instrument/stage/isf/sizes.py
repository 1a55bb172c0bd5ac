"""Sizes: what a pass's WIDTH or HEIGHT expression comes to, such as "$WIDTH/16.0". Pure; before host.

Numbers, + - * / % ( ), a handful of functions, and $NAME for WIDTH, HEIGHT and every number among the inputs. Read with
Python's own parser and worked out node by node: nothing else can be said, and nothing is ever run.
"""

from __future__ import annotations

import ast
import math
import operator
import re
from collections.abc import Callable, Mapping

SIDE_MAX = 4096

_TWO: dict[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Mod: math.fmod,
}
_CALLS: dict[str, Callable[..., float]] = {
    "floor": math.floor, "ceil": math.ceil, "round": round, "abs": abs, "sqrt": math.sqrt, "min": min, "max": max,
    "log2": math.log2, "log": math.log10, "ln": math.log, "mod": math.fmod, "int": int, "float": float,
}  # fmt: skip


def worked_out(expression: str, values: Mapping[str, float]) -> float:
    """The number an expression comes to. ValueError, with the reason, when it is none or not to be worked out."""
    plain = re.sub(r"\$([A-Za-z_]\w*)", r"v_\1", expression.strip())
    try:
        tree = ast.parse(plain, mode="eval")
        number = _value(tree.body, {f"v_{name}": value for name, value in values.items()})
        if not math.isfinite(number):
            raise ValueError("it is not finite")
        return number
    except (SyntaxError, RecursionError, MemoryError, ArithmeticError, TypeError) as error:
        raise ValueError("it is no sum" if isinstance(error, SyntaxError) else "it cannot be worked out") from None


def _value(node: ast.expr, values: Mapping[str, float]) -> float:
    if isinstance(node, ast.Constant) and isinstance(node.value, (int, float)) and not isinstance(node.value, bool):
        return float(node.value)
    if isinstance(node, ast.Name):
        if node.id not in values:
            raise ValueError(f"there is no ${node.id.removeprefix('v_')}")
        return values[node.id]
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, (ast.USub, ast.UAdd)):
        inner = _value(node.operand, values)
        return -inner if isinstance(node.op, ast.USub) else inner
    if isinstance(node, ast.BinOp) and type(node.op) in _TWO:
        return _TWO[type(node.op)](_value(node.left, values), _value(node.right, values))
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and not node.keywords:
        if node.func.id not in _CALLS:
            raise ValueError(f"there is no function {node.func.id}")
        arguments = [_value(argument, values) for argument in node.args]
        try:
            return float(_CALLS[node.func.id](*arguments))
        except ValueError:  # the root of a number below 0
            raise ArithmeticError from None
    raise ValueError("it is no sum")


def side(expression: str, values: Mapping[str, float], whole: int) -> int:
    """A side in pixels, 1 to SIDE_MAX; ``whole`` when there is no expression, or it comes to nothing now."""
    if not expression:
        return whole
    try:
        return max(1, min(SIDE_MAX, math.floor(worked_out(expression, values))))
    except ValueError:
        return whole
