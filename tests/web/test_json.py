"""JSON over WebSocket, at a running router: docs/web.md, "JSON"."""

from __future__ import annotations

import asyncio
import contextlib
import json
from typing import Any

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from inditree.config import Limits
from inditree.transport import stream
from server.inloop import caller, run, until
from waiting import DEADLINE
from web.world import CAMERA, MOUNT, Json, image, moved, site

ALL: dict[str, Any] = {"getProperties": {}}


def test_definitions_updates_and_deletions() -> None:
    async def work() -> None:
        async with site(MOUNT) as it, it.json(ALL) as client:
            defined = await client.take("defNumberVector")
            assert (defined["device"], defined["items"][0]["value"], defined["items"][0]["target"]) == (
                "Mount",
                5.5,
                5.5,
            )
            await it.say(moved("6:00:00", state="Busy"))
            update = await client.take("setNumberVector")
            assert update == {
                "device": "Mount",
                "name": "COORD",
                "state": "Busy",
                "items": [{"name": "RA", "target": 6, "value": 6}],
            }
            await it.say(b'<delProperty device="Mount"/>')
            assert await client.take("deleteProperty") == {"device": "Mount"}

    run(work())


def test_nothing_comes_before_it_is_asked_for() -> None:
    async def work() -> None:
        async with site(MOUNT, CAMERA) as it, it.json({"getProperties": {"device": "Camera"}}) as client:
            await it.say(moved(7))
            assert [next(iter(each)) for each in await client.count()] == ["defBLOBVector"]

    run(work())


def test_a_request_arrives_and_is_the_target_from_then_on() -> None:
    async def work() -> None:
        new = {"device": "Mount", "name": "COORD", "items": [{"name": "RA", "value": 7.25}]}
        async with site(MOUNT) as it, it.json(ALL) as client, it.json(ALL) as other:
            await other.take("defNumberVector")
            await client.send({"newNumberVector": new})
            await asyncio.wait_for(it.provider.reader.readuntil(b'<oneNumber name="RA">7.25</oneNumber>'), DEADLINE)
            await it.say(moved(6))
            for each in (client, other):
                assert (await each.take("setNumberVector"))["items"] == [{"name": "RA", "target": 7.25, "value": 6}]

    run(work())


def test_the_target_is_known_to_who_comes_later() -> None:
    async def work() -> None:
        async with site(MOUNT) as it, caller(it.port) as other:
            other.writer.write(
                b"<newNumberVector device='Mount' name='COORD'><oneNumber name='RA'>8:30</oneNumber></newNumberVector>"
            )
            await other.ping()
            async with it.json(ALL) as client:
                assert (await client.take("defNumberVector"))["items"][0]["target"] == 8.5

    run(work())


def test_each_update_reaches_a_client_that_keeps_up() -> None:
    async def work() -> None:
        async with site(MOUNT) as it, it.json(ALL) as client:
            await client.take("defNumberVector")
            await it.say(*(moved(each) for each in range(500)))
            got = [(await client.take("setNumberVector"))["items"][0]["value"] for _ in range(500)]
            assert got == list(range(500))

    run(work())


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("{", ""),
        ('{"newNumberVector": {"device": "D", "name": "N", "items": [{"name": "a", "value": "x"}]}}', "items[0].value"),
        ('{"getProperties": {"device": 5}}', "$.getProperties.device"),
    ],
)
def test_bad_json_closes_with_1007_and_says_where(text: str, place: str) -> None:
    async def work() -> None:
        async with site() as it, it.json() as client:
            await client.send(text)
            code, reason = await client.closed()
            assert code == 1007 and place in reason

    run(work())


def test_a_message_that_is_too_large_or_binary_ends_the_connection() -> None:
    async def work() -> None:
        async with site(limits=Limits(element=1000)) as it:
            async with it.json() as client:
                await client.send('{"x": "' + "y" * 2000 + '"}')
                assert (await client.closed())[0] == 1009
            async with it.json() as client:
                await client.socket.send(b"{}")
                assert (await client.closed())[0] == 1003

    run(work())


def test_what_is_unknown_is_ignored() -> None:
    async def work() -> None:
        async with site(MOUNT) as it, it.json({"hello": 1}, {"getProperties": {"client": "x", "more": []}}) as client:
            assert await client.take("defNumberVector")

    run(work())


def test_the_device_server_is_told_on_json_alone_unless_a_driver_has_its_name() -> None:
    async def work() -> None:
        async with site(MOUNT) as it:
            async with it.json(ALL) as client:
                info = await client.take("defTextVector", device="Server", name="INFO")
                assert [item["name"] for item in info["items"]] == ["VERSION", "SERVICE"]
                assert (await client.take("defSwitchVector", name="FEATURES"))["perm"] == "ro"
            async with it.json({"getProperties": {"device": "Mount"}}) as client:
                assert [each for each in await client.count() if "Server" in json.dumps(each)] == []
            await it.say(MOUNT.replace(b"Mount", b"Server"))
            async with it.json(ALL) as client:
                assert "INFO" not in json.dumps(await client.count())

    run(work())


def test_the_status_comes_behind_what_was_asked_before_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each element takes a turn of its own, as a question of thousands of devices does."""
    monkeypatch.setattr(stream, "TURN", -1.0)
    number = {"device": "Nobody", "name": "P", "items": [{"name": "V", "value": 1}]}
    switch = {"device": "Nowhere", "name": "P", "items": [{"name": "V", "value": True}]}

    async def work() -> None:
        async with site(MOUNT) as it, it.json() as client:
            await client.send({**ALL, "newNumberVector": number, "newSwitchVector": switch, "getStatus": {}})
            before: list[Any] = []
            while not before or "status" not in before[-1]:
                before.append(json.loads(await client.socket.recv()))
            assert "Nobody" in json.dumps(before)
            assert "Nowhere" in json.dumps(before)

    run(work())


def test_the_status_comes_every_two_seconds_until_it_is_stopped() -> None:
    async def work() -> None:
        async with site(MOUNT, devices=("Mount",)) as it, it.json({"getStatus": {}}) as client:
            await it.say(CAMERA)
            first = await client.take("status")
            assert [row["name"] for row in first["listeners"]] == ["main"]
            second = await client.take("status")
            assert second["uptime_seconds"] > first["uptime_seconds"]
            assert [row["name"] for row in second["devices"]] == ["Mount"]
            await client.send({"getStatus": {"stop": True}})
            await client.send(ALL)
            await client.take("defNumberVector")
            with pytest.raises(TimeoutError):
                await client.take("status", timeout=2.5)

    run(work())


def test_xml_is_one_element_a_message_both_ways() -> None:
    async def work() -> None:
        async with site(MOUNT) as it, it.json(path="/xml") as client:
            await client.send("<getProperties version='1.7'/>")
            assert str(await client.socket.recv()).startswith("<defNumberVector")
            await it.say(moved(1) + moved(2))
            assert [str(await client.socket.recv()).count("<setNumberVector") for _ in range(2)] == [1, 1]
            await client.send("<enableBLOB device='Camera'>Also</enableBLOB>")
            await client.send(
                "<newNumberVector device='Mount' name='COORD'><oneNumber name='RA'>3</oneNumber></newNumberVector>"
            )
            await asyncio.wait_for(it.provider.reader.readuntil(b">3</oneNumber>"), DEADLINE)
            data = bytes(range(256)) * 9000
            await it.say(CAMERA, image(data))
            assert str(await client.socket.recv()).startswith("<defBLOBVector")
            got = str(await client.socket.recv())
            assert (
                got.startswith("<setBLOBVector") and got.rstrip().endswith("</setBLOBVector>") and len(got) > len(data)
            )

    run(work())


def test_a_web_client_provides_nothing_and_is_no_link() -> None:
    async def work() -> None:
        async with site(peers="any") as it, it.json(path="/xml") as client:
            await client.send(MOUNT.decode())
            await client.send("<getProperties version='1.7' device='*'/>")
            await client.send("<pingRequest uid='1'/>")
            while "pingReply" not in str(await client.socket.recv()):
                pass
            assert not it.running.server.engine.core.ownership.owners
            assert [peer.kind for peer in it.running.server.engine.core.peers.values()] == ["client", "client"]

    run(work())


def test_read_only_and_devices_hold_as_for_any_client() -> None:
    async def work() -> None:
        new = {"newNumberVector": {"device": "Mount", "name": "COORD", "items": [{"name": "RA", "value": 1}]}}
        async with site(MOUNT, CAMERA, access="read-only", devices=("Mount",)) as it, it.json(ALL, new) as client:
            found = await client.count()
            assert [each["defNumberVector"]["device"] for each in found if "defNumberVector" in each] == ["Mount"]
            assert not [each for each in found if "defBLOBVector" in each]
            assert any("read-only" in str(each.get("message")) for each in found)

    run(work())


def test_what_a_guest_asked_for_is_nobodys_target() -> None:
    """Who may not command shows others no goal that a mount does not have."""

    async def work() -> None:
        new = {"newNumberVector": {"device": "Mount", "name": "COORD", "items": [{"name": "RA", "value": 7.25}]}}
        async with site(MOUNT, access="read-only") as it, it.json(ALL) as other, it.json(ALL, new) as guest:
            await other.take("defNumberVector")
            await guest.count()
            await it.say(moved(6))
            assert (await other.take("setNumberVector"))["items"] == [{"name": "RA", "target": 6, "value": 6}]

    run(work())


def test_a_page_that_never_reads_gets_the_newest_state_and_costs_little() -> None:
    async def work() -> None:
        async with site(MOUNT, limits=Limits(stall_timeout=60)) as it, it.json(ALL, max_queue=1) as client:
            await client.take("defNumberVector")
            peer = next(p for p in it.running.server.engine.core.peers.values() if p.policy.listener == "main")
            await _until_behind(it, peer)
            size = peer.outbox.size
            await it.say(*(moved(each) for each in range(3000)), moved(23.5))
            assert peer.outbox.size <= size + (512 << 10)
            last = 0.0
            while last != 23.5:
                last = (await client.take("setNumberVector"))["items"][0]["value"]

    async def _until_behind(it: Any, peer: Any) -> None:
        text = "x" * 60000
        for _ in range(400):
            await it.say(f'<message device="Mount" message="{text}"/>'.encode())
            if peer.outbox.behind:
                return
        raise AssertionError("it keeps up")

    run(work())


def test_a_page_that_takes_nothing_is_closed_as_stalled() -> None:
    async def work() -> None:
        async with site(MOUNT, limits=Limits(stall_timeout=0.5)) as it, it.json(ALL, max_queue=1) as client:
            await client.take("defNumberVector")
            core = it.running.server.engine.core
            text = "x" * 60000

            async def flood() -> None:
                while True:
                    await it.say(f'<message device="Mount" message="{text}"/>'.encode())

            flooding = it.running.tasks.start(flood(), "flood")
            await until(lambda: not [p for p in core.peers.values() if p.policy.listener == "main"], "it is closed")
            flooding.cancel()
            assert core.counters.peers["client"].closed["stalled"] == 1

    run(work())


def test_two_hundred_clients_and_no_more_than_may_be() -> None:
    async def work() -> None:
        async with site(MOUNT, max_connections=200) as it:
            async with contextlib.AsyncExitStack() as stack:
                clients = [await stack.enter_async_context(it.json(ALL)) for _ in range(200)]
                assert (await it.get("/"))[0] == 200  # a plain request does not count
                with pytest.raises(InvalidStatus, match="503"):
                    await stack.enter_async_context(it.json())
                for client in clients:
                    await client.take("defNumberVector")
                await it.say(moved(9))
                for client in clients:
                    assert (await client.take("setNumberVector"))["items"][0]["value"] == 9
            counts = it.running.server.parts.web.counts
            await until(lambda: counts()["json"] == 0, "all are gone")

    run(work())


def test_the_websockets_library_as_it_comes() -> None:
    """With the compression and the pings that it offers by itself, and messages in pieces: docs/web.md, "JSON"."""

    async def work() -> None:
        async with site(MOUNT, CAMERA) as it, connect(f"ws://127.0.0.1:{it.port}/", max_size=None) as socket:
            assert socket.protocol.extensions == []  # none is taken up
            await asyncio.wait_for(await socket.ping(b"there?"), DEADLINE)
            await socket.send(iter(['{"getProp', 'erties": {"device"', ': "Mount"}}']))
            client = Json(socket)
            assert (await client.take("defNumberVector"))["device"] == "Mount"
            await it.say(moved(7))
            assert (await client.take("setNumberVector"))["items"] == [{"name": "RA", "target": 7, "value": 7}]
            await socket.send(b"{}")
            assert await client.closed() == (1003, "messages are text")

    run(work())
