"""An IPyDriver object that says what is no XML, or no element of INDI: it lives, and nobody gets anything but XML."""

from __future__ import annotations

import asyncio
import xml.etree.ElementTree as ET

import pytest

from inditree.config import Limits
from inditree.core import Settings
from inditree.counters import Counters
from inditree.flow.whole import WholeOutbox
from inditree.python.inprocess import InProcessPort
from inditree.transport.engine import Engine
from inditree.wire.elements import Blob
from inditree.wire.framer import Framer
from programs.processes import until
from python.ipydrivers import bench
from waiting import DEADLINE


def element(tag: str, *children: ET.Element, text: str | None = None, **attributes: str) -> ET.Element:
    made = ET.Element(tag, attributes)
    made.extend(children)
    made.text = text
    return made


def image(text: str = "QUJD", tag: str = "oneBLOB", **attributes: str) -> ET.Element:
    one = element(tag, text=text, **({"name": "a", "size": "3", "format": ".x"} | attributes))
    return element("setBLOBVector", one, device="Bench", name="IMAGE", state="Ok")


def message(text: str) -> ET.Element:
    return element("message", device="Bench", message=text)


ODD = element("message", device="Bench")
ODD.set("a b", "1")
GARBAGE: dict[str, ET.Element] = {
    "control": message("RES \x06\x15#"),
    "not a character": message("\ud800 \uffff"),
    "an attribute that is none": ODD,
    "a tag that is none": element("me ssage", device="Bench"),
    "an unknown tag": element("hello", device="Bench"),
    "a long name": element("message", device="B" * 300, message="x"),
    "nested": element(
        "setTextVector", element("oneText", element("oneText", text="\x07")), device="Bench", name="NOTE"
    ),
    "text in an image": image(text="a < b & c"),
    "an end in an image": image(text="AA</oneBLOB></setBLOBVector>"),
    "control in an image": image(text="A\x00A"),
    "no ASCII in an image": image(text="\xe9"),
    "another member in an image": image(tag="oneText"),
    "a long name in an image": image(name="a" * 300),
    "a doctype": element("setTextVector", element("oneText", text="<!DOCTYPE a>"), device="Bench", name="NOTE"),
}


@pytest.mark.parametrize("name", GARBAGE)
def test_it_lives_and_what_goes_out_is_xml(name: str) -> None:
    async def main() -> None:
        engine = Engine(Settings(identity="me", timestamp=lambda: ""), Limits(), Counters())
        ended: list[str] = []
        driver = bench()
        port = InProcessPort(engine, driver, "bench", lambda reason, text: ended.append(text), lambda: None)
        client = engine.core.join("observer", "client")
        assert isinstance(client.outbox, WholeOutbox)
        heard: list[ET.Element] = []

        def read() -> list[str | None]:
            while (item := client.outbox.pop()) is not None:  # type: ignore[attr-defined]
                heard.extend(ET.fromstring(b"<r>" + (item.join() if isinstance(item, Blob) else item) + b"</r>"))
                if isinstance(item, Blob):
                    engine.core.moved(client, (item,))
            return [each.get("message") for each in heard]

        framer = Framer(engine.core.route(client), 4096, 4096)
        framer.feed(b"<getProperties version='1.7'/><enableBLOB>Also</enableBLOB>")
        while (said := framer.pull()) is not None:
            engine.core.receive(client, said)
        running = engine.tasks.start(port.process.run(), "driver")
        try:
            port.prime(None)
            await until(lambda: "Bench" in engine.core.ownership.owners, "its device")
            saying = engine.tasks.start(_say(port, name), "sayings")
            await until(lambda: "after" in read(), "what it said then")
            assert "then" in read()
            assert [one.text for each in heard for one in each if one.tag == "oneBLOB" and one.text == "QUJD"]
            assert not ended
            assert not running.done()
        finally:
            port.process.stop()
            await asyncio.wait_for(asyncio.gather(saying, running), DEADLINE)
            await engine.close()

    asyncio.run(main())


async def _say(port: InProcessPort, name: str) -> None:
    for wrong in (GARBAGE[name], message("then"), GARBAGE[name], image(), message("after")):
        await port.process.run_tx(wrong)
