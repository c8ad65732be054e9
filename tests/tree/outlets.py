"""One server of another kind that several links lead to, and that repeats each request to all its clients."""

from __future__ import annotations

from tree.actors import Actor, Device, PlainServer, Provider, Viewer, command, parse


class Outlet(PlainServer):
    """One of several connections of a server of another kind, which tells each of them what it has to tell, and repeats
    each request to all others. `only`: the one device that the router asks for here. `disguised`: another router has it
    by another name, so that nothing shows what came from it.
    """

    disguised = False

    def __init__(self, name: str, group: list[Outlet], devices: dict[str, Device], only: str | None) -> None:
        super().__init__(name, [], pongs=True, slow=False)
        self.devices = devices
        self.group = group
        self.only = only
        self.asks = [(None, None)]
        if group:
            self.commands, self.said = group[0].commands, group[0].said
        group.append(self)
        self._answers = False
        self._asked = False

    def begin(self) -> None:
        super().begin()
        self._asked = False

    def set(self, device: str, name: str, value: str, state: str = "Ok") -> None:
        self._defined = any(each._asked for each in self.group)
        super().set(device, name, value, state)

    def say(self, data: bytes) -> None:
        """Write to those connections that have asked, or only to this one; what no device says, to all."""
        tag, attributes, _ = parse(data)
        if self._answers:
            self.out.write(data)
            return
        for_all = tag == "message" and "device" not in attributes
        for each in self.group:
            if each.running and each._asked and (for_all or each.only in (None, attributes.get("device"))):
                each.out.write(data)

    def element(self, tag: str, attributes: dict[str, str], value: str) -> None:
        self._asked |= tag == "getProperties"
        self._answers = tag in ("getProperties", "pingRequest")
        super().element(tag, attributes, value)
        self._answers = False
        if self.disguised:
            self.errors.clear()  # it may be told of a device of its own before it has defined that
        if tag.startswith("new"):
            for each in self.group:
                if each is not self and each.running:
                    each.out.write(command(attributes["device"], attributes["name"], value))


def is_own(viewer: Viewer, device: Device) -> bool:
    """Is this a device of that server itself, by whatever name?"""
    return isinstance(viewer, Provider) and any(each is device for each in viewer.devices.values())


def is_same(one: Actor | None, other: Actor | None) -> bool:
    """One and the same, or two connections of one."""
    return one is other or (isinstance(one, Outlet) and isinstance(other, Outlet) and one.group is other.group)
