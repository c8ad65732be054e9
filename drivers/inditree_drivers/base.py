"""The base of all simulated instruments: connecting, driver information, requests, ticks and snooping."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from indipydriver import Device, IPyDriver, newNumberVector, newSwitchVector

from inditree_drivers.events import Refused, chosen, one_of, wanted
from inditree_drivers.vectors import MAIN, plain, switches, texts

# DRIVER_INTERFACE bits of libindi (basedevice.h): clients sort devices into mounts, cameras and so on by them.
TELESCOPE, CCD, GUIDER, FOCUSER, FILTER, DOME, GPS, WEATHER, ROTATOR = 1, 2, 4, 8, 16, 32, 64, 128, 4096

VERSION = "1.0"
SNOOP_TIMEOUT_S = 30

Handler = Callable[[Any], Awaitable[None]]
log = logging.getLogger(__name__)


class Instrument(IPyDriver):  # type: ignore[misc]  # indipydriver is not typed
    """An IPyDriver with one device, which shows its properties while it is connected, as libindi's drivers do.

    A subclass gives its vectors, puts a coroutine into `handlers` for each property that a client may set, and
    overrides `tick` (called about every `period` seconds while connected, with the seconds since the last call).
    """

    period = 0.25
    snoopvectors: dict[tuple[str, str], Any]

    def __init__(self, name: str, program: str, interface: int, vectors: Iterable[Any]) -> None:
        connection = switches(
            "CONNECTION", "Connection", MAIN, {"CONNECT": "Connect", "DISCONNECT": "Disconnect"}, on="DISCONNECT"
        )
        about = (
            ("DRIVER_NAME", "Name", name),
            ("DRIVER_EXEC", "Exec", program),
            ("DRIVER_VERSION", "Version", VERSION),
            ("DRIVER_INTERFACE", "Interface", str(interface)),
        )
        self.later = list(vectors)
        for vector in self.later:
            vector.enable = False
        info = texts("DRIVER_INFO", "Driver Info", "General Info", about, perm="ro")
        super().__init__(Device(name, [connection, info, *self.later]))
        self.name = name
        self.handlers: dict[str, Handler] = {"CONNECTION": self._connection}
        self.heard: dict[tuple[str, str], dict[str, str]] = {}
        self.heard_state: dict[tuple[str, str], str] = {}
        self._writing = asyncio.Lock()

    async def send(self, xmldata: Any) -> None:
        """One element after the other: what another task sent meanwhile would land inside an image."""
        async with self._writing:
            await super().send(xmldata)

    # properties

    def prop(self, name: str) -> Any:
        """The vector of that name; KeyError where there is none."""
        return self[self.name][name]

    def value(self, name: str, member: str) -> float:
        return float(self.prop(name).getfloatvalue(member))

    def selected(self, name: str) -> str | None:
        """The member of a switch vector that is On."""
        return next((key for key, value in self.prop(name).items() if value == "On"), None)

    def put(self, name: str, **values: float | str) -> None:
        """Change members without telling the clients yet."""
        vector = self.prop(name)
        for member, value in values.items():
            vector[member] = value if isinstance(value, str) else plain(value)

    def select(self, name: str, member: str | None) -> None:
        """Switch one member On and the others Off."""
        vector = self.prop(name)
        for key in vector:
            vector[key] = "On" if key == member else "Off"

    async def show(self, name: str, state: str = "Ok", message: str = "", /, **values: float | str) -> None:
        """Change members and send the whole vector. Nothing is sent of a property that is not shown now."""
        self.put(name, **values)
        await self._tell(self.prop(name), state, message)

    async def _tell(self, vector: Any, state: str, message: str) -> None:
        # indipydriver says a message again with each later set*, as an empty one does not replace it.
        vector._message = ""
        await vector.send_setVector(state=state, message=message)

    async def redefine(self, name: str) -> None:
        """Show new bounds or labels: libindi's clients ignore a second definition, so the first is taken back."""
        vector = self.prop(name)
        if vector.enable:
            await vector.send_delProperty()
            vector.enable = True
            await vector.send_defVector()

    # requests

    async def rxevent(self, event: Any) -> None:
        """Hand a request to its handler. Whatever a client sends, the driver goes on (an exception would end it)."""
        handler = self.handlers.get(event.vectorname)
        try:
            if handler is None:
                raise Refused(f"{event.vectorname} cannot be set")
            await handler(event)
        except Refused as reason:
            log.info("%s: %s", self.name, reason)
            await self._refuse(event, str(reason))

    async def _refuse(self, event: Any, reason: str) -> None:
        if hasattr(event.vector, "send_setVector"):
            await self._tell(event.vector, "Alert", reason)
        else:
            await event.vector.device.send_device_message(reason)

    def accept(self, *names: str) -> None:
        """Lets these properties take what they are told, within their bounds."""
        for name in names:
            self.handlers[name] = self.store

    async def store(self, event: Any) -> None:
        """Put a request into its property and acknowledge it with Ok."""
        name = event.vectorname
        if isinstance(event, newNumberVector):
            self.put(name, **wanted(event))
        elif isinstance(event, newSwitchVector):
            self.select(name, one_of(event) if event.vector.rule == "OneOfMany" else chosen(event))
        else:
            self.put(name, **event)
        await self.show(name)

    # connection

    @property
    def connected(self) -> bool:
        return self.selected("CONNECTION") == "CONNECT"

    async def _connection(self, event: Any) -> None:
        was = self.connected
        self.select("CONNECTION", one_of(event))
        await self.show("CONNECTION", "Ok" if self.connected else "Idle")
        if self.connected and not was:
            for vector in self.later:
                vector.enable = True
                await vector.send_defVector()
            await self.on_connect()
        elif was and not self.connected:
            await self.on_disconnect()
            for vector in self.later:
                await vector.send_delProperty()

    async def on_connect(self) -> None:
        """Does what is due once the properties have been shown."""

    async def on_disconnect(self) -> None:
        """Does what is due before the properties are taken away."""

    # time

    async def tick(self, seconds: float) -> None:
        """Let the instrument move on by so many seconds."""

    async def hardware(self) -> None:
        await self.follow_all()
        last = time.monotonic()
        while not self.stop:
            await asyncio.sleep(self.period)
            now = time.monotonic()
            if self.connected:
                await self.tick(now - last)
            last = now

    # snooping

    def follows(self) -> Iterable[tuple[str, str]]:
        """The (device, property) pairs that this instrument wants to hear of."""
        return ()

    async def follow_all(self) -> None:
        """Snoop on what `follows` names, and on nothing else."""
        pairs = {pair for pair in self.follows() if pair[0] and pair[0] != self.name}
        # A new dictionary, as indipydriver may be in the middle of a loop over the old one.
        self.snoopvectors = {pair: kept for pair, kept in self.snoopvectors.items() if pair in pairs}
        for pair in self.heard.keys() - pairs:
            self._forget(pair)
        for device, vector in sorted(pairs - self.snoopvectors.keys()):
            self.snoop(device, vector, SNOOP_TIMEOUT_S)
            await self.send_getProperties(device, vector)

    async def _active(self, event: Any) -> None:
        """Other devices are to be followed (ACTIVE_DEVICES)."""
        await self.store(event)
        await self.follow_all()

    async def snoopevent(self, event: Any) -> None:
        pair = (event.devicename or "", event.vectorname or "")
        if event.root.tag == "delProperty":
            # Only of single properties: indipydriver keeps to itself that a device is gone whole.
            if pair in self.heard:
                self._forget(pair)
        elif pair in self.snoopvectors and hasattr(event, "items"):
            self.heard.setdefault(pair, {}).update({key: str(value) for key, value in event.items()})
            self.heard_state[pair] = event.state or self.heard_state.get(pair, "Idle")
            await self.on_heard(*pair)

    def _forget(self, pair: tuple[str, str]) -> None:
        del self.heard[pair]
        del self.heard_state[pair]

    async def on_heard(self, device: str, vector: str) -> None:
        """Acts when a followed property is defined or changes; its members are in `heard`, its state in
        `heard_state`."""

    def listen(self, device: str, vector: str, member: str) -> float | None:
        """The newest number heard of another device; None where there is none that is a number."""
        text = self.heard.get((device, vector), {}).get(member)
        try:
            return None if text is None else float(self.indi_number_to_float(text))
        except TypeError:
            return None
