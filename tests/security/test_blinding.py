"""A stranger who may provide devices writes what is no XML: others hear XML and nothing else, and all that is said."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Literal
from xml.etree import ElementTree as ET

import pytest

from integration.players import Strict
from live import Client, Router
from ports import free_port
from security.parts import configured, listen

DEFINED = (
    "<defTextVector device='Dome' name='TXT' label='TXT' group='Main' state='Idle' perm='rw' timeout='0'>"
    "<defText name='T' label='T'>old</defText></defTextVector>\n"
)
TEXT = "<setTextVector device='Dome' name='TXT' state='Ok'><oneText name='T'>{}</oneText></setTextVector>\n"
INTRODUCED = "<getProperties version='1.7' inditree='1' via='forged'/>\n"

BODIES = {
    "the same start tag": TEXT.format("open<setTextVector>"),
    "another start tag": TEXT.format("open<setNumberVector device='Telescope Simulator' name='X'>"),
    "an end tag": TEXT.format("</setTextVector></setTextVector>"),
    "no end": TEXT[: TEXT.index("{}")],
    "no end of the start tag": "<setTextVector device='Dome' name='TXT",
    "no end of a value": TEXT.replace(" state='Ok'", " message='a"),
    "a comment without end": TEXT.format("<!-- "),
    "CDATA without end": TEXT.format("<![CDATA["),
    "an image without end": "<setBLOBVector device='Dome' name='PIC'><oneBLOB name='B' size='3' format='.x'>QUJD",
    "an image in a comment": "<setBLOBVector device='Dome' name='PIC'><!-- <oneBLOB name='B'>",
    "an image of another": "<setBLOBVector device='Dome' name='PIC'><oneBLOB name='B'>QQ==</setBLOBVector></oneBLOB>",
    "a message": "<message device='Dome' message='<message>'><message></message>",
}


class Listener(Strict):
    """A client that reads strictly, images too: whatever is no XML is an error of the test."""

    def __init__(self, port: int) -> None:
        super().__init__(port)
        self.client.send("<enableBLOB>Also</enableBLOB>")

    def until_ping(self, uid: str) -> list[ET.Element]:
        """All elements up to the answer of a ping."""
        self.client.send(f"<pingRequest uid='{uid}'/>")
        return self.until(lambda element: element.tag == "pingReply" and element.get("uid") == uid)


@contextlib.contextmanager
def place(tmp: Path, peers: Literal["any", "links"]) -> Iterator[Router]:
    port = free_port()
    driver = "drivers: [{exec: [indi_simulator_telescope]}]"
    with configured(
        tmp, port, listen(port, f"peers: {peers}"), driver, ready="Telescope Simulator: provided by"
    ) as router:
        yield router
        assert "Traceback" not in router.log


def switched(listener: Listener, how: str) -> bool:
    """Does the listener hear of the telescope that it was switched on or off?"""
    listener.client.send(
        f"<newSwitchVector device='Telescope Simulator' name='CONNECTION'><oneSwitch name='{how}'>On</oneSwitch>"
        "</newSwitchVector>"
    )
    for number in range(200):
        for each in listener.until_ping(f"{how}{number}"):
            if (each.tag, each.get("name")) == ("setSwitchVector", "CONNECTION") and each.get("state") != "Busy":
                return True
    return False


@pytest.mark.parametrize("peers", ["any", "links"])
def test_an_unbalanced_body_of_a_stranger_blinds_nobody(tmp_path: Path, peers: Literal["any", "links"]) -> None:
    """By `peers: any` as an IPyServer that links to us, else as one who claims to be a router."""
    first = DEFINED if peers == "any" else INTRODUCED + DEFINED.replace(" device", " via='forged' device", 1)
    with place(tmp_path, peers) as router:
        old = Listener(router.port)
        with old.client:
            for number, (name, said) in enumerate(BODIES.items()):
                with Client(router.port, first) as stranger:
                    stranger.ping(name)
                    assert any(each.get("device") == "Dome" for each in old.until_ping(f"defined {name}")), name
                    stranger.send(said)
                    stranger.send(TEXT.format("after"))
                    stranger.ping("and after")
                    heard = old.until_ping(f"after {name}")
                    assert "after" in [one.text for each in heard for one in each], name
                    late = Listener(router.port)
                    with late.client:
                        told = late.until_ping("all")
                        assert "after" in [one.text for each in told for one in each], name
                        assert any(each.get("device") == "Telescope Simulator" for each in told)
                        assert switched(late, ("CONNECT", "DISCONNECT")[number % 2]), name
