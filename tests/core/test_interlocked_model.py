"""Whatever happens, nothing that could open the roof reaches its owner unless it is known to be dry."""

from __future__ import annotations

import math

from hypothesis import given, settings
from hypothesis import strategies as st

from core.test_interlocked import CLOSE, OPEN, SHUTTER
from core.world import Actor, World, define, delete, get, image, update
from inditree.config import Interlock
from inditree.config.observatory import interlock
from inditree.observatory.interlocks import Gate
from inditree.observatory.values import Values
from inditree.tree.link import Link

NOTE = '<newTextVector device="Dome" name="NOTE">{}</newTextVector>'
HARMLESS = [CLOSE, NOTE.format('<oneText name="V">R &amp; D</oneText>')]
TRICKS = [
    OPEN,
    OPEN.replace(">On<", ">Onward<"),
    OPEN.replace(">On<", "> On\t<"),
    OPEN.replace(">On<", ">&#79;n<"),
    OPEN.replace(">On<", "><![CDATA[On]]><"),
    OPEN.replace(">On<", ">O<!-- x -->n<"),
    OPEN.replace("SHUTTER_OPEN", "shutter_open"),
    OPEN.replace('name="DOME_SHUTTER"', 'name="DOME&#95;SHUTTER"'),
    CLOSE.replace(">On<", ">Off<"),
    CLOSE.replace("</newSwitchVector>", '<oneSwitch name="SHUTTER_OPEN">On</oneSwitch></newSwitchVector>'),
    NOTE.format(f"<!-- > -->{OPEN}"),
    NOTE.format(f"<oneText name='V'><![CDATA[></oneText></newTextVector>{OPEN}]]></oneText>"),
    NOTE.format(OPEN),
    image("Dome", "FILE", tag="newBLOBVector"),
]
MAX_AGE = 30.0
EVENTS = st.one_of(
    st.tuples(st.just("rain"), st.sampled_from(["0", "0:00", "1", "nan", ""])),
    st.tuples(st.just("wait"), st.sampled_from([1.0, 20.0, 40.0])),
    st.tuples(st.sampled_from(["weather dies", "weather comes", "dome dies", "dome comes", "shutter", "no shutter"])),
    st.tuples(st.just("trick"), st.integers(0, 3), st.sampled_from(TRICKS)),
    st.tuples(st.just("harmless"), st.integers(0, 3), st.sampled_from(HARMLESS)),
)


class Night:
    """A router, and what a model of it knows."""

    def __init__(self, far: bool) -> None:
        self.world = world = World()
        entry = Interlock(name="roof", refuse=("Dome.DOME_SHUTTER.SHUTTER_OPEN=On",), unless='"Weather.RAIN.V" == 0')
        entry = Interlock(name="roof", refuse=entry.refuse, unless=entry.unless, max_age=MAX_AGE)
        self.gate = Gate([interlock(entry)], Values(world.core.view, self._silent, lambda _: 0))
        world.core.use_gate(self.gate)
        self.far = far  # the dome is at another server, the weather station too
        self.dome: Actor | None = None
        self.weather: Actor | None = None
        self.rain, self.said = "", -math.inf
        self.shutter = False
        world.client(get())
        mount = world.driver(define("Mount", "P"), get("Dome"))
        observer = world.join("observer", "inside")
        self.senders = [world.client(get()), world.client(), mount, observer]

    def _silent(self, device: str) -> float:
        known = self.world.core.counters.devices.get(device)
        return math.inf if known is None else self.world.core.now - known.last_message

    def _owner(self, *said: str) -> Actor:
        if not self.far:
            return self.world.driver(*said)
        link = self.world.join("link", link=Link(opener=True, path_id=f"far{len(self.world.actors)}"))
        link.say(*said)
        return link

    @property
    def dry(self) -> bool:
        fresh = self.world.core.now - self.said <= MAX_AGE
        return self.weather is not None and self.rain in ("0", "0:00") and fresh

    def heard(self) -> list[str]:
        return [each for each in self.dome.heard() if each.startswith("<new")] if self.dome is not None else []

    def act(self, what: str, *more: object) -> None:
        match what:
            case "rain" if self.weather is not None:
                self.weather.say(update("Weather", "RAIN", more[0]))
                self.rain, self.said = str(more[0]), self.world.core.now
            case "wait":
                self.world.later(float(str(more[0])))
            case "weather dies" if self.weather is not None:
                self.weather.leave()
                self.weather = None
            case "weather comes" if self.weather is None:
                self.world.later(1.0)  # no link is believed of a device that was just lost
                self.weather = self._owner(define("Weather", "RAIN", 0))
                self.rain, self.said = "0", self.world.core.now
            case "dome dies" if self.dome is not None:
                self.dome.leave()
                self.dome, self.shutter = None, False
            case "dome comes" if self.dome is None:
                self.world.later(1.0)
                self.dome = self._owner(define("Dome", "NOTE", "x", "Text"), define("Dome", "FILE", kind="BLOB"))
            case "shutter" if self.dome is not None:
                self.dome.say(SHUTTER)
                self.shutter = True
            case "no shutter" if self.dome is not None:
                self.dome.say(delete("Dome", "DOME_SHUTTER"))
                self.shutter = False

    def send(self, sender: int, command: str) -> list[str]:
        self.heard()
        self.senders[sender].say(command)
        return self.heard()


@settings(max_examples=150, deadline=None)
@given(st.booleans(), st.lists(EVENTS, max_size=25))
def test_nothing_forbidden_reaches_the_dome(far: bool, events: list[tuple[object, ...]]) -> None:
    night = Night(far)
    for first in ("dome comes", "shutter", "weather comes", "wait"):
        night.act(first, 10.0)
    night.act("rain", "1")
    for what, *more in events:
        if what == "trick":
            got = night.send(int(str(more[0])), str(more[1]))
            assert night.dry or got == [], (got, night.rain, night.said, night.world.core.now)
        elif what == "harmless":
            got = night.send(int(str(more[0])), str(more[1]))
            defined = night.shutter or more[1] != CLOSE
            assert got == ([str(more[1])] if night.dome is not None and defined else [])
        else:
            night.act(str(what), *more)
            assert night.heard() == []
