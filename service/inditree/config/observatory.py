"""The keys of an observatory that runs itself: their expressions are parsed here, so that a mistake says its place."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import product
from typing import TypeVar

from inditree.commands import names
from inditree.config.convert import below, parsed
from inditree.config.structs import Config, Desired, Interlock, Reaction
from inditree.errors import ConditionError, ConfigError
from inditree.observatory import desired, interlocks, reactions
from inditree.observatory.conditions import STATES, Condition, Operand, parse
from inditree.observatory.patterns import parse_pattern

MOST_STATES = 4
"""States of properties in one condition that are tried in every combination, to see whether it can hold at all."""

_T = TypeVar("_T")


def interlock(entry: Interlock, path: str = "") -> interlocks.Interlock:
    """One interlock with its expressions parsed. Raises ConfigError."""
    if not entry.refuse:
        raise ConfigError(below(path, "refuse"), "is empty: the interlock would refuse nothing")
    patterns = tuple(
        _parsed(text, f"{below(path, 'refuse')}[{number}]", parse_pattern) for number, text in enumerate(entry.refuse)
    )
    return interlocks.Interlock(
        entry.name, patterns, _parsed(entry.unless, below(path, "unless"), parse), entry.max_age
    )


def desire(entry: Desired, path: str = "") -> desired.Desire:
    """One desired state, with its steps in order. Raises ConfigError."""
    if not entry.device:
        raise ConfigError(below(path, "device"), "is empty")
    steps: dict[str, dict[str, str]] = {}
    for key, value in entry.set.items():
        parts, _ = parsed(key, below(path, "set"), names.split)
        name, member = map(names.unescaped, parts) if len(parts) == 2 else ("", "")
        if not (name and member):
            raise ConfigError(below(path, "set"), f"{key!r} is not PROPERTY.MEMBER")
        steps.setdefault(name, {})[member] = value
    first = (desired.CONNECT,) if entry.connect else ()
    rest = tuple(desired.Step(name, values) for name, values in steps.items())
    return desired.Desire(entry.device, first + rest, entry.required)


def reaction(entry: Reaction, path: str = "") -> reactions.Reaction:
    """One reaction with its expressions parsed. Raises ConfigError."""
    if not entry.do:
        raise ConfigError(below(path, "do"), "is empty: the reaction would do nothing")
    steps = []
    for number, each in enumerate(entry.do):
        device, name, member, value = parsed(each.set, f"{below(path, 'do')}[{number}].set", names.assignment)
        steps.append(reactions.Action(device, name, {member: value}, each.wait, each.on_failure == "stop"))
    when = _parsed(entry.when, below(path, "when"), parse)
    return reactions.Reaction(entry.name, when, tuple(steps), entry.hold, entry.unknown, entry.start_grace)


def _parsed(text: str, path: str, parse_it: Callable[[str], _T]) -> _T:
    try:
        return parse_it(text)
    except ConditionError as error:
        raise ConfigError(path, str(error)) from None


def check(config: Config) -> None:
    """Checks all of it. Raises ConfigError."""
    for number, entry in enumerate(config.interlocks):
        interlock(entry, f"interlocks[{number}]")
    for number, each in enumerate(config.devices):
        desire(each, f"devices[{number}]")
    for number, one in enumerate(config.reactions):
        reaction(one, f"reactions[{number}]")


def conditions(config: Config) -> Iterator[tuple[str, Condition]]:
    """Each condition with the path of its key; of a configuration that was checked."""
    for number, entry in enumerate(config.interlocks):
        yield f"interlocks[{number}].unless", parse(entry.unless)
    for number, each in enumerate(config.reactions):
        yield f"reactions[{number}].when", parse(each.when)


def named(config: Config) -> list[str]:
    """The operands of each condition, a line for each with the path of its key."""
    return [f"{path} reads {', '.join(_names(each)) or 'nothing'}" for path, each in conditions(config)]


def _names(condition: Condition) -> list[str]:
    values = sorted(f"{each.device}.{each.property}.{each.member}" for each in condition.operands)
    return values + [f'clients("{each}")' for each in sorted(condition.counts)]


def doubts(config: Config) -> list[str]:
    """Conditions that never hold, or always, whatever their properties say."""
    found = []
    for path, each in conditions(config):
        verdicts = _verdicts(each)
        if verdicts == {False}:
            found.append(f"{path}: can never hold: {each.text}")
        elif verdicts == {True}:
            found.append(f"{path}: always holds: {each.text}")
    return found


class _Guess:
    """A source that knows nothing but states that are guessed."""

    def __init__(self, states: dict[Operand, float]) -> None:
        self._states = states

    def number(self, operand: Operand) -> float | None:
        return self._states.get(operand)

    def text(self, operand: Operand) -> str | None:
        return None

    def clients(self, pattern: str) -> int:
        raise AssertionError(pattern)


def _verdicts(condition: Condition) -> set[bool | None]:
    """The results that a condition can have, as far as that can be said; none where connections count."""
    states = sorted((each for each in condition.operands if each.member == "_STATE"), key=str)
    if condition.counts:
        return {None}
    guesses = product(STATES.values(), repeat=len(states)) if len(states) <= MOST_STATES else [()]
    return {condition.holds(_Guess(dict(zip(states, guess, strict=False)))) for guess in guesses}
