"""IPyDriver objects in the router's loop."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Coroutine
from typing import Any
from unittest import mock

import pytest

from inditree.python import driver as ipydriver
from inditree.python.driver import AT_ONCE, BATCH, InProcess
from inditree.wire.elements import Blob
from programs.processes import both_loops, until
from python.ipydrivers import Bench, Desk, bench, framed, hosted, new
from waiting import DEADLINE

Run = Callable[[Coroutine[Any, Any, None]], None]

MEBI = 1 << 20


@both_loops
def test_get_properties_is_answered(run: Run) -> None:
    async def main() -> None:
        async with hosted(bench()) as (port, desk):
            port.feed(b'<getProperties version="1.7"/>\n')
            await until(lambda: len(desk.roots) == 7, "all definitions")
            assert [root.tag for root in desk.roots] == [
                *("defNumberVector", "defSwitchVector", "defSwitchVector", "defTextVector", "defLightVector"),
                *("defBLOBVector", "defBLOBVector"),
            ]
            assert len(desk.items) == 1, "handed over in one go"
            port.feed(b'<getProperties version="1.7" device="Bench" name="NOTE"/>\n')
            await desk.wait("defTextVector", "NOTE", count=2)
            port.feed(b'<getProperties version="1.7" device="Other"/>\n<enableBLOB device="Bench">Also</enableBLOB>\n')
            await until(lambda: port.waiting == 0, "that is taken")
            assert len(desk.roots) == 8

    run(main())


def test_numbers_switches_texts_and_lights() -> None:
    async def main() -> None:
        async with hosted(bench()) as (port, desk):
            commands = [new("Number", "HEATER", "power", "60.5"), new("Text", "NOTE", "text", "a &amp; b °")]
            port.feed(b"".join(commands) + new("Switch", "ABORT", "abort", "On"))
            (power,) = await desk.wait("setNumberVector", "HEATER")
            (hot,) = await desk.wait("setLightVector", "ALARM")
            (text,) = await desk.wait("setTextVector", "NOTE")
            (abort,) = await desk.wait("setSwitchVector", "ABORT")
            values = [(one.tag, one.get("name"), (one.text or "").strip()) for one in (power, hot, text, abort)]
            assert values == [
                ("oneNumber", "power", "60.5"),
                ("oneLight", "hot", "Alert"),
                ("oneText", "text", "a & b °"),
                ("oneSwitch", "abort", "Off"),
            ]

    asyncio.run(main())


def test_messages_and_deletions() -> None:
    async def main() -> None:
        driver = bench()
        async with hosted(driver) as (_, desk):
            await driver.send_message("to <all> of you")
            await driver["Bench"].send_device_message("to some")
            await driver["Bench"]["NOTE"].send_delProperty("one is gone")
            await driver["Bench"].send_delProperty()
            await until(lambda: len(desk.roots) == 4, "all four")
            assert [(root.tag, root.get("device"), root.get("name"), root.get("message")) for root in desk.roots] == [
                ("message", None, None, "to <all> of you"),
                ("message", "Bench", None, "to some"),
                ("delProperty", "Bench", "NOTE", "one is gone"),
                ("delProperty", "Bench", None, None),
            ]

    asyncio.run(main())


def test_snooping() -> None:
    other = (
        b'<defNumberVector device="Dome" name="SHUTTER" state="Ok" perm="rw" label="L" group="G">'
        b'<defNumber name="s" format="%g" min="0" max="1" step="1">0.5</defNumber></defNumberVector>\n'
        b'<setNumberVector device="Dome" name="SHUTTER"><oneNumber name="s">1</oneNumber></setNumberVector>\n'
        b'<setNumberVector device="Dome" name="OTHER" state="Ok"><oneNumber name="x">1</oneNumber></setNumberVector>\n'
        b'<delProperty device="Dome" name="SHUTTER"/>\n'
    )
    one = b'<oneBLOB name="c" size="3" format=".f">YWJj</oneBLOB>'
    image = b'<setBLOBVector device="Guide" name="CCD" state="Ok">' + one + b"</setBLOBVector>"

    async def main() -> None:
        driver = bench()
        async with hosted(driver) as (port, desk):
            await driver.send_getProperties("Dome", "SHUTTER")
            await driver.send_getProperties("Guide")
            await until(lambda: len(desk.roots) == 2, "its requests")
            assert desk.roots[0].attrib == {"version": "1.7", "device": "Dome", "name": "SHUTTER"}
            port.feed(other)
            port.feed(framed(image))
            await until(lambda: len(driver.snooped) == 4, "what it wanted, and no more")
            assert driver.snooped_kinds == ["defNumberVector", "setNumberVector", "delProperty", "setBLOBVector"]
            assert driver.snooped[1]["s"] == "1"
            assert driver.snooped[3]["c"] == b"abc"
            await until(lambda: port.waiting == 0, "all taken")

    asyncio.run(main())


def test_snoop_with_a_timeout_asks_again() -> None:
    async def main() -> None:
        driver = bench()
        async with hosted(driver) as (_, desk):
            driver.snoop("Dome", "SHUTTER", 5)
            await desk.wait("getProperties", "SHUTTER")

    asyncio.run(main())


def test_a_definition_of_its_own_device_does_not_end_it() -> None:
    async def main() -> None:
        driver = bench()
        async with hosted(driver) as (port, desk):
            port.feed(
                b'<defTextVector device="Bench" name="X" state="Ok" perm="ro"><defText name="t"/></defTextVector>\n'
            )
            port.feed(new("Text", "NOTE", "text", "still here"))
            await desk.wait("setTextVector", "NOTE")
            assert not driver.stop

    asyncio.run(main())


def test_what_it_cannot_read_of_others_is_left_out(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        driver = bench()
        async with hosted(driver) as (port, _):
            await driver.send_getProperties("Dome")
            good = b'<setTextVector device="Dome" name="T" state="Ok"><oneText name="t">x</oneText></setTextVector>\n'
            port.feed(good + b'<setTextVector device="Dome" name="T"><oneText></setTextVector>\n' + good)
            # the package asks for the text of a member that has none: an AttributeError, and no fault of this driver
            port.feed(
                b'<defSwitchVector device="Dome" name="S" state="Ok" perm="rw" rule="AnyOfMany"><defSwitch name="s"/>'
                b"</defSwitchVector>\n"
            )
            port.feed(good.replace(b">x<", b">21 \xb0C<"))
            await until(lambda: len(driver.snooped) == 3, "the good ones")
            assert driver.snooped[2]["t"] == "21 °C"

    asyncio.run(main())
    texts = [record.getMessage() for record in caplog.records if record.name == "inditree.driver"]
    assert len(texts) == 2
    assert all(text.startswith("Bench(Bench): ") for text in texts)
    assert "mismatched tag" in texts[0]
    assert "cannot read <defSwitchVector> of Dome.S: AttributeError" in texts[1]


def test_an_exception_in_rxevent_ends_it(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        driver = bench()
        desk = Desk()
        port = InProcess(driver, desk.receive)
        running = asyncio.get_running_loop().create_task(port.run())
        port.feed(new("Text", "NOTE", "text", "the last words"))
        port.feed(new("Number", "HEATER", "power", "99"))
        with pytest.raises(RuntimeError, match="the heater burns") as raised:
            await asyncio.wait_for(running, DEADLINE)
        assert "rxevent" in [entry.name for entry in raised.traceback]
        assert desk.of("setTextVector", "NOTE"), "what it had sent is received"
        assert driver.stopped.is_set()
        assert port.waiting == 0

    asyncio.run(main())


def test_an_exception_in_hardware_ends_it() -> None:
    class Broken(Bench):
        async def hardware(self) -> None:
            await self.send_message("about to fail")
            raise OSError("no such port")

    async def main() -> None:
        desk = Desk()
        with pytest.raises(OSError, match="no such port"):
            await asyncio.wait_for(InProcess(bench(kind=Broken), desk.receive).run(), DEADLINE)
        assert desk.of("message")

    asyncio.run(main())


class Slower:
    """asyncio, whose sleeps of a second are hours."""

    def __getattr__(self, name: str) -> Any:
        return getattr(asyncio, name)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds if seconds < 1 else 10_000)


@both_loops
def test_shutdown_ends_it_at_once(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """The package looks once a second whether it is to end: here, once in hours."""
    monkeypatch.setattr("indipydriver.ipydriver.asyncio", Slower())

    class Quits(Bench):
        async def rxevent(self, event: Any) -> None:
            self.shutdown()

    async def main() -> None:
        driver = bench(kind=Quits)
        desk = Desk()
        port = InProcess(driver, desk.receive)
        running = asyncio.get_running_loop().create_task(port.run())
        blob = framed(b'<setBLOBVector device="A" name="B"><oneBLOB name="c" size="1">YQ==</oneBLOB></setBLOBVector>')
        freed: list[Blob] = []
        blob.freed = freed
        port.feed(new("Text", "NOTE", "text", "x"))
        await until(lambda: driver.events or driver.stop, "its shutdown")
        blob.retain()
        port.feed(blob)
        blob.release()
        await asyncio.wait_for(running, DEADLINE)
        assert freed == [blob]
        assert port.waiting == 0

    run(main())


@both_loops
def test_a_stop_before_its_first_step_ends_it(run: Run) -> None:
    async def main() -> None:
        driver = bench()
        port = InProcess(driver, Desk().receive)
        running = asyncio.get_running_loop().create_task(port.run())
        port.feed(new("Text", "NOTE", "text", "x"))
        port.stop()
        await asyncio.wait_for(running, DEADLINE)
        assert port.waiting == 0
        assert driver.stopped.is_set()

    run(main())


def exits_by(driver: Any, how: str) -> None:
    """Let a coroutine of it call sys.exit."""

    async def leave() -> None:
        sys.exit(3)

    match how:
        case "background":
            driver.add_background(leave())
        case "device":
            driver["Bench"].add_background(leave())
        case "later":
            driver.hardware = later = mock.AsyncMock()
            later.side_effect = lambda: driver.add_background(leave())
        case "hardware":
            driver.hardware = leave
        case "shutdown":
            driver.hardware = mock.AsyncMock(side_effect=ZeroDivisionError)
            driver.shutdown = lambda: sys.exit(3)


@pytest.mark.parametrize("how", ["background", "device", "later", "hardware", "shutdown"])
def test_sys_exit_is_an_exception_like_others(how: str) -> None:
    async def main() -> None:
        driver = bench()
        exits_by(driver, how)
        with pytest.raises(RuntimeError, match=r"it called sys\.exit\(3\)"):
            await asyncio.wait_for(InProcess(driver, Desk().receive).run(), DEADLINE)

    asyncio.run(main())


def test_an_interrupt_that_it_raises_is_one_like_others() -> None:
    async def main() -> None:
        driver = bench()
        driver.hardware = mock.AsyncMock(side_effect=KeyboardInterrupt)
        with pytest.raises(RuntimeError, match="it raised KeyboardInterrupt"):
            await asyncio.wait_for(InProcess(driver, Desk().receive).run(), DEADLINE)

    asyncio.run(main())


def test_a_second_run_of_an_object_is_as_the_first() -> None:
    async def main() -> None:
        driver = bench()
        before = driver.hardware, driver._monitorsnoop, driver.add_background
        for _ in range(3):
            async with hosted(driver) as (port, desk):
                port.feed(new("Text", "NOTE", "text", "x"))
                await desk.wait("setTextVector", "NOTE")
            assert (driver.hardware, driver._monitorsnoop, driver.add_background) == before

    asyncio.run(main())


def test_commands_run_side_by_side_and_start_in_order() -> None:
    async def main() -> None:
        driver = bench()
        async with hosted(driver) as (port, desk):
            port.feed(new("Switch", "SLEW", "go", "On"))
            port.feed(new("Switch", "ABORT", "abort", "On"))
            await desk.wait("setSwitchVector", "SLEW")
            assert [event.vectorname for event in driver.events] == ["SLEW", "ABORT"]
            assert [root.get("name") for root in desk.roots] == ["ABORT", "SLEW"]

    asyncio.run(main())


def test_a_driver_that_takes_no_more_is_given_no_more() -> None:
    async def main() -> None:
        driver = bench()
        async with hosted(driver) as (port, _):
            room: list[int] = []
            port.on_room = lambda: room.append(port.waiting)
            command = new("Switch", "SLEW", "go", "On")
            given = 0
            while port.room or len(driver.events) < AT_ONCE:
                assert given < 2 * (AT_ONCE + ipydriver.INPUT_LIMIT // len(command))
                port.feed(command)
                given += 1
                if given % 100 == 0:
                    await asyncio.sleep(0)
            await until(lambda: len(port._tasks) == AT_ONCE, "as many as may be")
            assert len(driver.events) == AT_ONCE
            assert port.waiting >= ipydriver.INPUT_LIMIT
            assert not room
            driver.driverdata["abort"].set()
            await until(lambda: len(driver.events) == given, "all of them")
            assert len(room) == 1 and room[0] < ipydriver.INPUT_LIMIT
            assert port.waiting == 0

    asyncio.run(main())


@both_loops
def test_a_flood_is_joined_and_leaves_the_loop_its_time(run: Run) -> None:
    class Flood(Bench):
        async def hardware(self) -> None:
            vector = self["Bench"]["HEATER"]
            for value in range(5000):
                vector["power"] = value
                await vector.send_setVector()
            self.shutdown()

    async def main() -> None:
        desk = Desk()
        turns = 0
        running = asyncio.get_running_loop().create_task(InProcess(bench(kind=Flood), desk.receive).run())
        while not running.done():
            turns += 1
            await asyncio.sleep(0)
        await running
        assert [float(root[0].text or "") for root in desk.roots] == list(map(float, range(5000)))
        assert len(desk.items) <= 5000 / BATCH + 2
        assert turns >= 5000 / BATCH

    run(main())


def test_what_the_framer_reads_fastest() -> None:
    """The package writes the timeout of a set* after its timestamp; here it comes as libindi has it."""

    async def main() -> None:
        driver = bench()
        async with hosted(driver) as (_, desk):
            for _ in range(3):
                await driver["Bench"]["HEATER"].send_setVector(timeout="5", message='"quoted"')
            await until(lambda: desk.items, "them")
        assert len(desk.items) == 1
        (root, *_) = desk.roots
        assert list(root.attrib) == ["device", "name", "state", "timeout", "timestamp", "message"]
        assert root.get("message") == '"quoted"'

    asyncio.run(main())


def test_whose_task_it_is() -> None:
    seen: list[asyncio.Task[Any] | None] = []

    class Shows(Bench):
        async def hardware(self) -> None:
            seen.append(asyncio.current_task())

    async def main() -> None:
        async with hosted(bench(kind=Shows)) as (port, _):
            await until(lambda: seen, "its task")
            assert not port.owns(asyncio.current_task())
            assert not port.owns(None)

    class Asks(Bench):
        async def hardware(self) -> None:
            seen.append(asyncio.current_task())
            assert self.driverdata["ports"][0].owns(seen[-1])
            self.shutdown()

    async def other() -> None:
        ports: list[InProcess] = []
        ports.append(InProcess(bench(kind=Asks, ports=ports), lambda item: None))
        await asyncio.wait_for(ports[0].run(), DEADLINE)

    asyncio.run(main())
    asyncio.run(other())
    assert len(seen) == 2
