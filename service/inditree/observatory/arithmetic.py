"""The arithmetic of conditions: the functions and operators of indi_eval, as C computes them.

Nothing here raises: what C answers with nan or infinity is nan or infinity here.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable


def _divide(left: float, right: float) -> float:
    """Division as in C: by nothing it is infinite, or no number."""
    if right == 0:
        if left == 0 or math.isnan(left):
            return math.nan
        return math.copysign(math.inf, left) * math.copysign(1.0, right)
    return left / right


def _total(function: Callable[..., float]) -> Callable[..., float]:
    """A function of `math` as C has it: no number instead of ValueError, infinite instead of OverflowError."""

    def call(*values: float) -> float:
        try:
            return float(function(*values))
        except ValueError:
            return math.nan
        except OverflowError:
            return math.inf

    return call


def _logarithm(function: Callable[[float], float]) -> Callable[[float], float]:
    return lambda value: -math.inf if value == 0 else _total(function)(value)


def _floor(value: float) -> float:
    return float(math.floor(value)) if math.isfinite(value) else value


def _power(base: float, exponent: float) -> float:
    if base == 0 and exponent < 0:
        return math.inf
    try:
        return math.pow(base, exponent)
    except OverflowError:
        return -math.inf if base < 0 and exponent % 2 == 1 else math.inf
    except ValueError:
        return math.nan


FUNCTIONS: dict[str, tuple[int, Callable[..., float]]] = {
    "abs": (1, abs),
    "floor": (1, _floor),
    "sin": (1, _total(math.sin)),
    "cos": (1, _total(math.cos)),
    "tan": (1, _total(math.tan)),
    "asin": (1, _total(math.asin)),
    "acos": (1, _total(math.acos)),
    "atan": (1, math.atan),
    "degrad": (1, lambda value: value * (math.atan(1.0) / 45.0)),
    "raddeg": (1, lambda value: value * (45.0 / math.atan(1.0))),
    "log": (1, _logarithm(math.log)),
    "log10": (1, _logarithm(math.log10)),
    "exp": (1, _total(math.exp)),
    "sqrt": (1, _total(math.sqrt)),
    "pow": (2, _power),
    "atan2": (2, math.atan2),
}
"""Each function of a condition: how many arguments it has, and what it is."""

BINARY: dict[str, tuple[int, Callable[[float, float], float]]] = {
    "==": (3, operator.eq),
    "!=": (3, operator.ne),
    "<": (4, operator.lt),
    "<=": (4, operator.le),
    ">": (4, operator.gt),
    ">=": (4, operator.ge),
    "+": (5, operator.add),
    "-": (5, operator.sub),
    "*": (6, operator.mul),
    "/": (6, _divide),
}
"""Each operator between two numbers: how strongly it binds, and what it is."""
