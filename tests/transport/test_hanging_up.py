"""Who hangs up in the middle of an element is said to have done so: it is lost, and an operator looks for it."""

from __future__ import annotations

import socket

import pytest

from inditree.config import Limits
from inditree.core import Settings
from inditree.counters import Counters
from inditree.transport.channel import SocketChannel
from inditree.transport.engine import Engine
from inditree.transport.stream import Stream
from server.inloop import run, until

DEFINED = b'<defTextVector device="D" name="P" perm="ro"><defText name="V">0</defText></defTextVector>'
HALVES = {
    "element": b'<setTextVector device="D" name="P"><oneText name="V">1',
    "image": b'<setBLOBVector device="D" name="I"><oneBLOB name="i" size="9" format=".x">AAAA',
    "nothing": b'<setTextVector device="D" name="P"><oneText name="V">1</oneText></setTextVector>\n',
}


@pytest.mark.parametrize("what", HALVES)
def test_a_driver_that_dies_in_the_middle_of_an_element(what: str) -> None:
    async def work() -> None:
        engine = Engine(Settings(identity="me", timestamp=lambda: ""), Limits(), Counters())
        ours, far = socket.socketpair()
        engine.begin()
        closed: list[tuple[str, str]] = []
        Stream(engine, engine.core.join("driver", "d"), SocketChannel(ours), lambda *why: closed.append(why))
        far.sendall(DEFINED + HALVES[what])
        far.close()
        await until(lambda: closed, "it has left")
        text = "hung up" if what == "nothing" else "hung up in the middle of an element"
        assert closed == [("eof", text)]
        await engine.close()

    run(work())
