"""The answer to a command is taken in when nothing else comes, too."""

from __future__ import annotations

import socket

import pytest

from inditree.config import Limits
from inditree.core import Settings
from inditree.counters import Counters
from inditree.transport import engine as engine_module
from inditree.transport.channel import SocketChannel
from inditree.transport.engine import Engine
from inditree.transport.stream import Stream
from server.inloop import run, until

DEFINED = b'<defNumberVector device="Mount" name="P" perm="rw"><defNumber name="V">0</defNumber></defNumberVector>'
ASKED = b'<newNumberVector device="Mount" name="P"><oneNumber name="V">5</oneNumber></newNumberVector>'
ANSWER = b'<setNumberVector device="Mount" name="P" state="Ok"><oneNumber name="V">5</oneNumber></setNumberVector>'


def test_an_answer_that_is_the_last_thing_said_is_taken_in(monkeypatch: pytest.MonkeyPatch) -> None:
    async def work() -> None:
        monkeypatch.setattr(engine_module, "TICK", 3600.0)
        engine = Engine(Settings(identity="me", timestamp=lambda: "", stall_timeout=3600.0), Limits(), Counters())
        ends = {}
        for kind in ("driver", "client"):
            ours, ends[kind] = socket.socketpair()
            ends[kind].setblocking(False)
            engine.begin()
            Stream(engine, engine.core.join(kind, kind), SocketChannel(ours), lambda *why: None)
        ends["driver"].sendall(DEFINED)
        await until(lambda: engine.core.view.find("Mount", "P"), "the driver has defined it")
        ends["client"].sendall(ASKED)
        await until(lambda: engine.core.state.commands.open, "the command is on its way")
        ends["driver"].sendall(ANSWER)
        await until(lambda: "Mount" in engine.core.counters.commands, "the command was answered")
        assert dict(engine.core.counters.commands["Mount"]) == {"ok": 1}
        assert not engine.core.late
        for peer in list(engine.ports):
            engine.end(peer, "shutdown", "")
        for end in ends.values():
            end.close()
        await engine.close()

    run(work())
