"""Drivers of a simulated observatory: a dome, a camera, a weather station, and a mount that repeats what it is told."""

from __future__ import annotations

import re
from random import Random

from inditree.wire.elements import Blob
from tree.actors import Actor
from tree.world import World

_DEVICE = re.compile(r"\sdevice=[\"']([^\"']*)")
_NAME = re.compile(r"\sname=[\"']([^\"']*)")
_ONE = re.compile(r"<one\w+\s+name=[\"'](\w+)[\"'][^>]*>([^<]*)<")


class Instrument(Actor):
    """A driver of one device, which dies and comes back."""

    device = ""

    def __init__(self, world: World) -> None:
        super().__init__(self.device.lower())
        self.world = world
        self.random: Random = world.random
        self.running = False
        self.runs = 0

    def begin(self) -> None:
        super().begin()
        self.running = True
        self.runs += 1

    def take(self, data: bytes) -> None:
        self._framer.feed(data)
        while (item := self._framer.pull()) is not None:
            if not isinstance(item, Blob):
                self.heard(item.data.decode())

    def heard(self, text: str) -> None:
        device, name = _DEVICE.search(text), _NAME.search(text)
        if text.startswith("<getProperties") and (device is None or device[1] == self.device):
            self.define()
        elif text.startswith("<new") and device is not None and name is not None and device[1] == self.device:
            self.command(name[1], dict(_ONE.findall(text)))

    def define(self) -> None:
        """Say what it has."""

    def command(self, name: str, values: dict[str, str]) -> None:
        """Do what it is told."""

    def tell(self, text: str) -> None:
        if self.running:
            self.say(f"{text}\n".encode())

    def later(self, seconds: float, text: str) -> None:
        """Say something later, if it lives so long."""
        run = self.runs
        self.world.after(seconds, lambda: self.tell(text) if self.runs == run else None)

    def vector(self, tag: str, name: str, state: str, **values: str) -> str:
        """A def* or set* of a property."""
        kind = re.sub(r"^(?:def|set)|Vector$", "", tag)
        extra = " perm='rw' rule='OneOfMany'" if tag.startswith("def") else ""
        format_ = " format='%g' min='-99' max='99' step='0'" if tag == "defNumberVector" else ""
        ones = "".join(f"<{tag[:3]}{kind} name='{k}'{format_}>{v}</{tag[:3]}{kind}>" for k, v in values.items())
        ones = ones.replace("<set", "<one").replace("</set", "</one")
        return f"<{tag} device='{self.device}' name='{name}' state='{state}'{extra}>{ones}</{tag}>"


class Connected(Instrument):
    """A driver whose other property is defined some time after it was connected."""

    def begin(self) -> None:
        super().begin()
        self.connected = False

    def define(self) -> None:
        self.tell(self._connection("def"))
        if self.connected:
            self.tell(self.rest())

    def _connection(self, tag: str) -> str:
        on, off = ("On", "Off") if self.connected else ("Off", "On")
        return self.vector(f"{tag}SwitchVector", "CONNECTION", "Ok", CONNECT=on, DISCONNECT=off)

    def rest(self) -> str:
        """What it defines once it is connected."""
        return ""

    def command(self, name: str, values: dict[str, str]) -> None:
        if name == "CONNECTION" and values.get("CONNECT") == "On":
            self.connected = True
            self.tell(self._connection("set"))
            run = self.runs
            self.world.after(3.0 * self.random.random(), lambda: self.tell(self.rest()) if self.runs == run else None)


class Dome(Connected):
    """A dome that takes its time and snoops on the mount. Its shutter stays where it is while its driver is dead."""

    device = "Dome"

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.open = False

    def begin(self) -> None:
        super().begin()
        self.world.after(0.0, lambda: self.tell("<getProperties version='1.7' device='Mount'/>"))

    def rest(self) -> str:
        return self._shutter("def", "Ok") + "\n" + self.vector("defTextVector", "NOTE", "Ok", V="-")

    def _shutter(self, tag: str, state: str) -> str:
        one, other = ("On", "Off") if self.open else ("Off", "On")
        return self.vector(f"{tag}SwitchVector", "DOME_SHUTTER", state, SHUTTER_OPEN=one, SHUTTER_CLOSE=other)

    def command(self, name: str, values: dict[str, str]) -> None:
        super().command(name, values)
        if name == "DOME_SHUTTER":
            self.open = values.get("SHUTTER_OPEN") == "On"
            self.tell(self._shutter("set", "Busy"))
            self.later(2.0 * self.random.random(), self._shutter("set", "Ok"))


class Camera(Connected):
    """A camera that answers late, in Alert or not at all while it is `moody`."""

    device = "Cam"
    moody = True

    def begin(self) -> None:
        super().begin()
        self.value = "20"

    def rest(self) -> str:
        return self.vector("defNumberVector", "T", "Ok", V=self.value)

    def command(self, name: str, values: dict[str, str]) -> None:
        super().command(name, values)
        if name != "T":
            return
        mood = self.random.random() if self.moody else 1.0
        if mood < 0.2:
            return
        if mood < 0.5:
            self.tell(self.vector("setNumberVector", "T", "Alert", V=self.value))
            return
        self.value = values.get("V", self.value)
        self.tell(self.vector("setNumberVector", "T", "Busy", V=self.value))
        self.later(2.0 * self.random.random(), self.vector("setNumberVector", "T", "Ok", V=self.value))


class Weather(Instrument):
    """A weather station: its value comes and goes."""

    device = "Weather"

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.rain = "1"
        self.known = True

    def begin(self) -> None:
        super().begin()
        self.known = True

    def define(self) -> None:
        if self.known:
            self.tell(self.vector("defNumberVector", "RAIN", "Ok", V=self.rain))

    def becomes(self, rain: str) -> None:
        """It says this, and defines it where it was away."""
        self.rain = rain
        tag = "setNumberVector" if self.known else "defNumberVector"
        self.known = True
        self.tell(self.vector(tag, "RAIN", "Ok", V=rain))

    def goes(self) -> None:
        """Its value is not there for a while."""
        self.known = False
        self.tell("<delProperty device='Weather' name='RAIN'/>")


class Mount(Instrument):
    """A mount on which the dome snoops."""

    device = "Mount"

    def define(self) -> None:
        self.tell(self.vector("defTextVector", "NOTE", "Ok", V="-"))


class Caller(Actor):
    """A client that says things and hears nothing."""

    def take(self, data: bytes) -> None:
        """Read on."""
