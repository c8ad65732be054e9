"""A part of the router commands a device and learns how that ended."""

from __future__ import annotations

import asyncio

import pytest

from inditree.commands import Asked
from inditree.config import Driver
from inditree.server.sender import Sender
from server.inloop import config, run, running, until

MOUNT = Asked("Mount", "CONNECTION", "Switch", {"CONNECT": "On"})
CONNECT = (
    b'<newSwitchVector device="Mount" name="CONNECTION"><oneSwitch name="CONNECT">On</oneSwitch>'
    b'<oneSwitch name="DISCONNECT">Off</oneSwitch></newSwitchVector>\n'
)
DRIVER = Driver(name="mount", exec=("inditree-telescope",), env={"INDIDEV": "Mount"})


def test_what_comes_of_a_command() -> None:
    async def script() -> None:
        async with running(config(drivers=(DRIVER,))) as it:
            core, engine = it.server.engine.core, it.server.engine
            await until(lambda: core.view.find("Mount", "CONNECTION"), "the mount is defined")
            sender = Sender(engine, "test", address="somewhere", listener="http")
            outcome = await sender.send(MOUNT, CONNECT)
            assert (outcome.result, outcome.state) == ("ok", "Ok")
            elsewhere = Asked("Nowhere", "P", "Switch", {})
            lost = sender.send(elsewhere, b'<newSwitchVector device="Nowhere" name="P"/>\n')
            assert lost.done() and lost.result().result == "undeliverable"
            sender.close()
            assert sender.peer not in engine.ports and sender.peer not in engine.askers
            assert core.counters.commands["Mount"] == {"ok": 1}

    run(script())


def test_who_has_closed_is_told_nothing_more() -> None:
    async def script() -> None:
        async with running(config(drivers=(DRIVER,))) as it:
            core = it.server.engine.core
            await until(lambda: core.view.find("Mount", "CONNECTION"), "the mount is defined")
            sender = Sender(it.server.engine, "test")
            future = sender.send(MOUNT, CONNECT)
            sender.close()
            with pytest.raises(asyncio.CancelledError):
                await future
            await until(lambda: core.counters.commands.get("Mount"), "it is followed all the same")
            assert core.counters.commands["Mount"] == {"ok": 1}

    run(script())
