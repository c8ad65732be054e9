"""A source of values for conditions that a test writes down."""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatchcase

from inditree.observatory.conditions import Operand


class Values:
    """`values` by "Device.PROPERTY.MEMBER": a number, a text, or absent; `connected` are names of connections."""

    def __init__(self, values: Mapping[str, float | str] | None = None, connected: tuple[str, ...] = ()) -> None:
        self.values = dict(values or {})
        self.connected = connected

    def _value(self, operand: Operand) -> float | str | None:
        return self.values.get(f"{operand.device}.{operand.property}.{operand.member}")

    def number(self, operand: Operand) -> float | None:
        value = self._value(operand)
        return value if isinstance(value, (int, float)) else None

    def text(self, operand: Operand) -> str | None:
        value = self._value(operand)
        return None if value is None else str(value)

    def clients(self, pattern: str) -> int:
        return sum(fnmatchcase(name, pattern) for name in self.connected)
