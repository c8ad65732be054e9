"""Devices that are held, as the rest of the router sees them: status, conditions, desired state, a reload."""

from __future__ import annotations

import math

import msgspec
import pytest

from inditree.config import Config, Desired, Limits
from inditree.core import Peer
from inditree.observatory.conditions import Operand
from inditree.server.server import Server
from inditree.tree.link import Link
from inditree.wire.elements import Element
from server.inloop import config, listen, run, running
from tree.desk import OTHER, number

MOUNT = Operand("Mount", "N", "M")


def linked(server: Server) -> Peer:
    """A link to another router, which has a mount."""
    engine, core = server.engine, server.engine.core
    peer = engine.core.join("link", "far", None, Link(opener=True, path_id="far:7624"))
    own = {"inditree": "1", "via": OTHER, "to": core.settings.identity, "version": "1.7"}
    core.receive(peer, Element("getProperties", own, b"<getProperties/>"))
    mount = {"device": "Mount", "name": "N", "via": OTHER, "state": "Ok", "perm": "rw"}
    core.receive(peer, Element("defNumberVector", mount, number("Mount", via=OTHER).encode()))
    engine.flush()
    return peer


def test_what_is_held_is_stale_and_unknown_and_no_new_appearance() -> None:
    async def work() -> None:
        entries = (Desired(device="Mount", connect=False),)
        async with running(msgspec.structs.replace(config(), devices=entries)) as it:
            server, observatory = it.server, it.server.parts.observatory.loaded
            assert observatory is not None
            peer = linked(server)
            observatory.look()
            target = observatory.keeper.target("Mount")
            assert target is not None and observatory.values.number(MOUNT) == 1
            server.engine.end(peer, "eof", "lost")
            observatory.look()
            rows = server.control.snapshot().devices
            assert [(row.name, row.stale, row.owner.name) for row in rows] == [("Mount", True, "far")]
            assert server.control.device("Mount").stale
            assert math.isinf(observatory.values.silent("Mount"))
            assert observatory.values.number(MOUNT) is None
            assert observatory.values.defined("Mount", "N") is None
            linked(server)
            observatory.look()
            assert observatory.keeper.target("Mount") is target
            assert observatory.values.number(MOUNT) == 1
            assert not server.control.snapshot().devices[0].stale

    run(work())


@pytest.mark.parametrize("reason", ["shutdown", "eof"])
def test_what_we_end_ourselves_is_not_held(reason: str) -> None:
    async def work() -> None:
        async with running(config()) as it:
            it.server.engine.end(linked(it.server), reason, "ended")
            assert bool(it.server.control.snapshot().devices) == (reason == "eof")

    run(work())


def test_link_hold_is_read_anew_by_a_reload(caplog: pytest.LogCaptureFixture) -> None:
    async def work() -> None:
        first = config(listen(), limits=Limits(link_hold=60.0))
        async with running(first) as it:
            assert await it.reload(_with(first, Limits(link_hold=0.0)))
            assert "next start" not in caplog.text
            it.server.engine.end(linked(it.server), "eof", "lost")
            assert not it.server.control.snapshot().devices
            assert await it.reload(_with(first, Limits(link_hold=30.0, queue=1 << 20)))
            assert "changed, but takes effect at the next start: limits" in caplog.text
            assert (it.server.parts.config.limits.link_hold, it.server.parts.config.limits.queue) == (30.0, 128 << 20)
            it.server.engine.end(linked(it.server), "eof", "lost")
            assert it.server.control.snapshot().devices[0].stale

    run(work())


def _with(first: Config, limits: Limits) -> Config:
    return msgspec.structs.replace(first, limits=limits)
