"""Knows which devices are on their way to the desired state, from when each appeared. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from inditree.commands import Outcome
from inditree.observatory.conditions import STATES, Operand
from inditree.observatory.desired import CONNECT, Desire, State, Step, Target, fitting
from inditree.observatory.values import Values
from inditree.view.properties import Device, View


def nothing(device: str) -> None:
    """Desire nothing of a device."""


class Keeper:
    """The targets of all devices that are there, by device.

    `further` says what is desired of a device that none of `desires` fits. When it changes its mind, `renew` is to be
    called.
    """

    def __init__(self, view: View, values: Values, further: Callable[[str], Desire | None] = nothing) -> None:
        self.desires: tuple[Desire, ...] = ()
        self._further = further
        self.targets: dict[str, Target] = {}
        self._view = view
        self._values = values
        self._seen: dict[str, Device] = {}  # as they were when they were looked at last

    def apply(self, desires: tuple[Desire, ...]) -> None:
        """Take new desires. A device whose desire is as it was goes on; all others begin anew."""
        self.desires = desires
        self.renew()

    def renew(self) -> None:
        """Something else may be desired than before: a device of which it is begins anew."""
        for device, target in list(self.targets.items()):
            if self._desired(device) != target.desire:
                self._forget(device)
        for device in [each for each in self._seen if each not in self.targets]:
            del self._seen[device]

    def look(self, now: float) -> Iterator[tuple[Target, Step]]:
        """The steps to send now."""
        devices = self._view.devices
        for name in [name for name, seen in self._seen.items() if devices.get(name) is not seen]:
            self._forget(name)
        for name, device in list(devices.items()):
            if name not in self._seen:
                self._appear(name, device)
        for target in list(self.targets.values()):
            step = self._next(target, now)
            if step is not None:
                yield target, step

    def _forget(self, name: str) -> None:
        self._seen.pop(name, None)
        self.targets.pop(name, None)

    def _appear(self, name: str, device: Device) -> None:
        self._seen[name] = device
        desire = self._desired(name)
        if desire is not None:
            self.targets[name] = Target(name, desire)

    def _desired(self, name: str) -> Desire | None:
        return fitting(self.desires, name) or self._further(name)

    def _next(self, target: Target, now: float) -> Step | None:
        step = target.step
        if target.state is State.SETTING and step is not None:
            if self._values.number(Operand(target.device, step.property, "_STATE")) == STATES["Busy"]:
                target.busy()
        elif step is CONNECT and self._is_connected(target.device):
            target.holds_already()
        return target.passed(now) or target.resume(self._defined(target), now)

    def _defined(self, target: Target) -> tuple[str, ...]:
        """The property of the step that is next, where it is defined, not stale: who would take a command?"""
        step = target.step
        there = step is not None and self._view.find(target.device, step.property) is not None
        return (step.property,) if step is not None and there else ()

    def _is_connected(self, device: str) -> bool:
        connected = self._values.number(Operand(device, CONNECT.property, "CONNECT"))
        return connected == 1 and self._values.number(Operand(device, CONNECT.property, "_STATE")) != STATES["Alert"]

    def answered(self, target: Target, outcome: Outcome, now: float) -> None:
        """A step that was sent has ended."""
        if self.targets.get(target.device) is target:
            target.answered(outcome, now)

    def target(self, device: str) -> Target | None:
        """The target of a device that is there. One that has appeared anew since the last look begins anew."""
        target = self.targets.get(device)
        there = self._view.devices.get(device)
        if target is None or self._seen.get(device) is there:
            return target
        return Target(device, target.desire) if there is not None else None

    def ready(self) -> dict[str, bool]:
        """Says of each device that has a target whether it is as it is to be."""
        return {name: found.step is None for name in self.targets if (found := self.target(name)) is not None}

    def missing(self) -> dict[str, str]:
        """Says why each required device is not as it is to be: by name, or by its pattern where none is there."""
        found = {}
        for desire in self.desires:
            if not desire.required:
                continue
            mine = [each for name in self.targets if (each := self.target(name)) and each.desire is desire]
            if not mine:
                found[desire.pattern] = "is not there"
            found |= {each.device: each.reason for each in mine if each.state is not State.READY}
        return found
