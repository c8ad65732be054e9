"""Conditions: expressions over property values, with the operators, functions and precedence of indi_eval.

``"Device.PROPERTY.MEMBER" > 2 && "Device.PROPERTY._STATE" == 1``. A name in double quotes is a member's value; the
member `_STATE` stands for the property's state (Idle 0, Ok 1, Busy 2, Alert 3), `_TS` for its time stamp (seconds
since 1970). Switches are 0 and 1, lights 0 to 3. Beyond indi_eval: sexagesimal text is its number, a text may be
compared by `==` and `!=` with a literal in single quotes, ``clients("GLOB")`` counts connections, and a device's name
may have dots.

Each part is a number, or *unknown* (None): what is not defined, what is no number, and what is computed from such.
`false && unknown` is false, `true || unknown` is true; everything else that needs an unknown part is unknown.
"""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple, Protocol, TypeAlias

from inditree.errors import ConditionError
from inditree.observatory.arithmetic import BINARY, FUNCTIONS

MAX_TEXT = 4096
"""Characters of a condition: far more than a person writes, and few enough to be parsed at once."""
STATES = {"Idle": 0.0, "Ok": 1.0, "Busy": 2.0, "Alert": 3.0}
"""The states of a property, and the values of a light, as numbers."""

MAX_DEPTH = 64
"""Parentheses and signs within each other: bounds the recursion while a condition is parsed."""
MAX_OPERATORS = 100
"""Binary operators of a condition: bounds the recursion while it is evaluated."""

Number: TypeAlias = float | None


class Source(Protocol):
    """The source of a condition's values."""

    def number(self, operand: Operand) -> Number:
        """A member's value as a number, a state or a time stamp; None where it is not known or no number."""

    def text(self, operand: Operand) -> str | None:
        """A member's text as it stands; None where it is not defined."""

    def clients(self, pattern: str) -> int:
        """Counts the connections (links excepted) that have a listener, address or certificate subject that fits."""


class Operand(NamedTuple):
    """A value that a condition names. `member` may be `_STATE` or `_TS`."""

    device: str
    property: str
    member: str


Part: TypeAlias = Callable[[Source], Number]


@dataclass(frozen=True)
class Condition:
    """A parsed condition. `operands` are the values that it names, `counts` the globs of its `clients(...)`."""

    text: str
    operands: frozenset[Operand]
    counts: frozenset[str]
    evaluate: Part

    def unknown(self, source: Source) -> list[Operand]:
        """The operands that it reads and that are not defined."""
        return [each for each in self.operands if source.number(each) is None and source.text(each) is None]

    def holds(self, source: Source) -> bool | None:
        """Says whether it holds now; None where that is unknown. A result that is no number (nan) is unknown too."""
        value = self.evaluate(source)
        return None if value is None or math.isnan(value) else value != 0


def parse(text: str) -> Condition:
    """Parse a condition. Raises ConditionError, whose `column` (from 1) is the place of the mistake."""
    if len(text) > MAX_TEXT:
        raise ConditionError(f"longer than {MAX_TEXT} characters", MAX_TEXT + 1)
    parser = _Parser(text)
    evaluate = parser.whole()
    return Condition(text, frozenset(parser.operands), frozenset(parser.counts), evaluate)


_AND, _OR, _SIGN = 2, 1, 7  # how strongly `&&`, `||` and a sign bind; those of BINARY stand between

_TOKEN = re.compile(
    r"""\s*+(?: (?P<number>(?:\d++\.?\d*+|\.\d++)(?:e[+-]?\d++)?)
              | (?P<word>[A-Za-z][A-Za-z0-9]*+)
              | "(?P<name>[^"]*+)"
              | '(?P<literal>[^']*+)'
              | (?P<operator>\|\||&&|[=!<>]=|[-+*/()<>!,])
              | (?P<end>\Z) )""",
    re.VERBOSE | re.ASCII,
)


class _Parser:
    """Precedence climbing over the tokens of one text."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._end = 0
        self._depth = 0
        self._operators = 0
        self.operands: set[Operand] = set()
        self.counts: set[str] = set()
        self._next()

    def _next(self) -> None:
        match = _TOKEN.match(self._text, self._end)
        if match is None:
            start = self._end + len(self._text[self._end :]) - len(self._text[self._end :].lstrip())
            raise ConditionError(self._illegal(start), start + 1)
        self._kind = match.lastgroup or "end"
        self._word = match[self._kind]
        self._end = match.end()
        quoted = self._kind in ("name", "literal")
        self._start = match.start(self._kind) - quoted

    def _illegal(self, start: int) -> str:
        sign = self._text[start]
        if sign in "\"'":
            return f"no closing {sign}"
        return f"{sign} alone is not an operator" if sign in "=&|" else f"{sign} has no meaning here"

    def _fail(self, text: str) -> ConditionError:
        return ConditionError(text, self._start + 1)

    def _is(self, sign: str) -> bool:
        return self._kind == "operator" and self._word == sign

    def _expect(self, sign: str, where: str) -> None:
        if not self._is(sign):
            raise self._fail(f"{sign} expected {where}")
        self._next()

    def whole(self) -> Part:
        part = self._binary(0)
        if self._kind != "end":
            raise self._fail("too many )" if self._is(")") else "an operator expected")
        return part

    def _binary(self, least: int) -> Part:
        left = self._unary()
        while self._kind == "operator":
            sign = self._word
            strength = {"&&": _AND, "||": _OR}.get(sign) or BINARY.get(sign, (0, None))[0]
            if strength <= least:
                break
            self._operators += 1
            if self._operators > MAX_OPERATORS:
                raise self._fail(f"more than {MAX_OPERATORS} operators")
            self._next()
            right = self._binary(strength)
            if sign in ("&&", "||"):
                left = _logical(left, right, decides=sign == "||")
            else:
                left = _strict(BINARY[sign][1], left, right)
        return left

    def _unary(self) -> Part:
        if self._kind == "operator" and self._word in "+-!":
            sign = self._word
            with _Deeper(self):
                self._next()
                part = self._unary()
            if sign == "-":
                return _strict(operator.neg, part)
            return part if sign == "+" else _strict(operator.not_, part)
        return self._term()

    def _term(self) -> Part:
        match self._kind:
            case "number":
                value = float(self._word)
                self._next()
                return lambda _: value
            case "word":
                return self._function()
            case "name":
                return self._value(self._operand())
            case "literal":
                return self._literal_first()
        if self._is("("):
            with _Deeper(self):
                self._next()
                part = self._binary(0)
                self._expect(")", "to close the parenthesis")
            return part
        raise self._fail("a value expected")

    def _function(self) -> Part:
        name = self._word
        if name == "pi":
            self._next()
            return lambda _: math.pi
        if name != "clients" and name not in FUNCTIONS:
            raise self._fail(f'{name} is no function; a property\'s value is written "Device.PROPERTY.MEMBER"')
        self._next()
        self._expect("(", f"after {name}")
        with _Deeper(self):
            part = self._count() if name == "clients" else self._arguments(name)
            self._expect(")", f"to end the arguments of {name}")
        return part

    def _count(self) -> Part:
        if self._kind != "name":
            raise self._fail('clients takes a pattern in double quotes: clients("*")')
        pattern = self._word
        self.counts.add(pattern)
        self._next()
        return lambda source: float(source.clients(pattern))

    def _arguments(self, name: str) -> Part:
        number, function = FUNCTIONS[name]
        parts = [self._binary(0)]
        while len(parts) < number:
            self._expect(",", f"between the {number} arguments of {name}")
            parts.append(self._binary(0))
        return _strict(function, *parts)

    def _operand(self) -> Operand:
        parts = self._word.rsplit(".", 2)
        if len(parts) < 3 or not all(parts):
            raise self._fail(f'"{self._word}" is no "Device.PROPERTY.MEMBER"')
        operand = Operand(*parts)
        self.operands.add(operand)
        self._next()
        return operand

    def _value(self, operand: Operand) -> Part:
        if self._kind == "operator" and self._word in ("==", "!="):
            equal, mark = self._word == "==", (self._kind, self._word, self._start, self._end)
            self._next()
            if self._kind == "literal":
                return self._text_part(operand, equal)
            self._kind, self._word, self._start, self._end = mark
        return lambda source: source.number(operand)

    def _literal_first(self) -> Part:
        literal, start = self._word, self._start
        self._next()
        if not (self._kind == "operator" and self._word in ("==", "!=")):
            raise ConditionError("a text is compared by == or != only", start + 1)
        equal = self._word == "=="
        self._next()
        if self._kind != "name":
            raise self._fail('a text is compared with a "Device.PROPERTY.MEMBER"')
        return _same_text(self._operand(), literal, equal)

    def _text_part(self, operand: Operand, equal: bool) -> Part:
        literal = self._word
        if operand.member in ("_STATE", "_TS"):
            raise self._fail(f"{operand.member} is a number and no text")
        self._next()
        return _same_text(operand, literal, equal)

    def deeper(self) -> None:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise self._fail(f"nested deeper than {MAX_DEPTH}")

    def shallower(self) -> None:
        self._depth -= 1


class _Deeper:
    def __init__(self, parser: _Parser) -> None:
        self._parser = parser

    def __enter__(self) -> None:
        self._parser.deeper()

    def __exit__(self, *_: object) -> None:
        self._parser.shallower()


def _strict(function: Callable[..., float], *parts: Part) -> Part:
    """A function of parts that is unknown where one of them is."""

    def value(source: Source) -> Number:
        values = [part(source) for part in parts]
        return None if None in values else float(function(*values))

    return value


def _logical(left: Part, right: Part, decides: bool) -> Part:
    """`||` (`decides` is true) or `&&`: one part that has this truth decides, whatever the other is."""

    def value(source: Source) -> Number:
        truths = [None if each is None else each != 0 for each in (left(source), right(source))]
        if decides in truths:
            return float(decides)
        return None if None in truths else float(not decides)

    return value


def _same_text(operand: Operand, literal: str, equal: bool) -> Part:
    def value(source: Source) -> Number:
        text = source.text(operand)
        return None if text is None else float((text.strip() == literal) is equal)

    return value
