"""How the life of an IPyDriver object ends, and what a client and the status see of it."""

from __future__ import annotations

import asyncio
import logging
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from inditree.errors import ConfigError
from inditree.ops.model import Status
from ipydriver.servers import becomes, dial, factory, row, serving, turn
from live import Client, serve, until
from waiting import DEADLINE

MODULE = """
import sys
sys.path.insert(0, {tests!r})
from ipydriver.servers import dial

made = 0

def one():
    global made
    made += 1
    return dial("One")

def two():
    return [dial("Left"), dial("Right")]

def hopeless():
    global made
    made += 1
    if made > 1:
        raise OSError("the cable is out")
    return dial("One")

def nothing():
    return []
"""
#: Two of which the first raises when it is to end.
MEAN = """
from ipydriver.servers import Dial

class Mean(Dial):
    def shutdown(self):
        raise {failure}

def mean():
    return [dial("Mean", Mean), dial("Good")]
"""
DEFINED = "<defNumberVector[^>]*device=.{}.[^>]*>.*?</defNumberVector>"


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory with the module `hut` in it, the current one."""
    (tmp_path / "hut.py").write_text(MODULE.format(tests=str(Path(__file__).parents[1])))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [entry for entry in sys.path if entry])
    monkeypatch.delitem(sys.modules, "hut", raising=False)
    return tmp_path


def devices(status: Status) -> list[str]:
    return sorted(device.name for device in status.devices)


def test_its_own_shutdown_stops_it_and_nothing_else() -> None:
    async def main() -> None:
        async with serving([dial("One"), dial("Other")]) as (server, port):

            def play() -> None:
                with Client(port) as client:
                    client.ask()
                    client.take(DEFINED.format("Other"))
                    client.send(turn("One", 99))
                    client.take("<delProperty device=.One.")
                    client.send(turn("Other", 5))
                    client.take("<setNumberVector[^>]*device=.Other.[^>]*>.*?5")
                    client.send(turn("One", 5))
                    client.take("<message[^>]*device=.One.[^>]*not delivered")

            await asyncio.to_thread(play)
            assert (row(server, "One").state, row(server, "One").restarts) == ("stopped", 0)
            assert row(server, "Other").state == "running"
            assert devices(server.control.snapshot()) == ["Other"]

    asyncio.run(main())


def test_an_exception_fails_an_object_and_is_told_with_its_traceback(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        async with serving([dial("One"), dial("Other")]) as (server, port):

            def play() -> None:
                with Client(port) as client:
                    client.ask()
                    client.take(DEFINED.format("Other"))
                    client.send(turn("One", 13))
                    client.take("<delProperty device=.One.")
                    client.ping()

            await asyncio.to_thread(play)
            assert (row(server, "One").state, row(server, "One").restarts) == ("failed", 0)
            assert row(server, "Other").state == "running"
            assert devices(server.control.snapshot()) == ["Other"]

    asyncio.run(main())
    record = next(record for record in caplog.records if record.exc_info)
    assert (record.levelno, record.__dict__["driver"]) == (logging.ERROR, "One")
    assert "thirteen is too much" in caplog.text
    assert "in rxevent" in caplog.text


def test_a_factory_is_called_anew_by_its_policy(site: Path) -> None:
    async def main() -> None:
        drivers = [factory("hut", "hut:one"), factory("pair", "hut:two", max_restarts=0)]
        async with serving(drivers=drivers) as (server, port):

            def play() -> None:
                with Client(port) as client:
                    client.ask()
                    client.take(DEFINED.format("Right"))
                    for value in (13, 13):
                        client.send(turn("One", value))
                        client.take("<delProperty device=.One.")
                        client.take(DEFINED.format("One"))
                    client.send(turn("One", 7))
                    client.take("<setNumberVector[^>]*device=.One.[^>]*>.*?7")
                    client.send(turn("Left", 13))  # one unit: what the other provides goes too
                    client.take("<delProperty device=.(Left|Right)..*<delProperty device=.(Left|Right).")

            await asyncio.to_thread(play)
            assert (row(server, "hut").state, row(server, "hut").restarts) == ("running", 2)
            await becomes(lambda: row(server, "pair").state == "failed", "no restart is left")
            assert sys.modules["hut"].made == 3

    asyncio.run(main())


def test_one_of_a_factorys_objects_may_end(site: Path) -> None:
    async def main() -> None:
        async with serving(drivers=[factory("pair", "hut:two", policy="on-failure")]) as (server, port):

            def play() -> None:
                with Client(port) as client:
                    client.ask()
                    client.take(DEFINED.format("Right"))
                    client.send(turn("Left", 99))
                    client.take("<delProperty device=.Left.")
                    client.send(turn("Right", 4))
                    client.take("<setNumberVector[^>]*device=.Right.[^>]*>.*?4")

            await asyncio.to_thread(play)
            assert row(server, "pair").state == "running"
            assert list(row(server, "pair").devices) == ["Right"]
            await asyncio.to_thread(_end, port, "Right")
            await becomes(lambda: row(server, "pair").state == "stopped", "the last one has ended")

    asyncio.run(main())


def _end(port: int, device: str) -> None:
    with Client(port) as client:
        client.ask()
        client.take(DEFINED.format(device))
        client.send(turn(device, 99))
        client.take(f"<delProperty device=.{device}.")


def test_a_factory_whose_hardware_is_gone_is_tried_again(site: Path, caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        async with serving(drivers=[factory("hut", "hut:hopeless", max_restarts=2)]) as (server, port):

            def play() -> None:
                with Client(port) as client:
                    client.ask()
                    client.take(DEFINED.format("One"))
                    client.send(turn("One", 13))
                    client.take("<delProperty device=.One.")

            await asyncio.to_thread(play)
            await becomes(lambda: row(server, "hut").state == "failed", "two more tries")
            assert sys.modules["hut"].made == 3

    asyncio.run(main())
    assert "the cable is out" in caplog.text


@pytest.mark.parametrize("failure", ["OSError('the cable is out')", "SystemExit(3)", "KeyboardInterrupt"])
def test_one_whose_shutdown_raises_does_not_keep_the_others(
    site: Path, failure: str, caplog: pytest.LogCaptureFixture
) -> None:
    (site / "hut.py").write_text((site / "hut.py").read_text() + MEAN.format(failure=failure))

    async def main() -> None:
        driver = msgspec.structs.replace(factory("pair", "hut:mean"), stop_grace=0.2)
        async with serving(drivers=[driver]) as (server, _):
            unit = server.units.drivers["pair"]
            await becomes(lambda: len(row(server, "pair").devices) == 2, "both")
            unit.supervisor.begin_stop()
            await becomes(lambda: devices(server.control.snapshot()) == ["Mean"], "the end of the good one")
            await becomes(lambda: row(server, "pair").state == "stopped", "the end of both")

    asyncio.run(asyncio.wait_for(main(), DEADLINE))
    assert "failed while it was ending" in caplog.text


@pytest.mark.parametrize(
    ("target", "reason"),
    [("hut:missing", "hut has no missing"), ("hut:nothing", "gave no driver"), ("barn:one", "cannot import barn")],
)
def test_a_factory_that_gives_nothing_is_a_mistake_in_the_configuration(site: Path, target: str, reason: str) -> None:
    async def main() -> None:
        async with serving(drivers=[factory("hut", target)]):
            raise AssertionError("it must not start")

    with pytest.raises(ConfigError, match=reason) as raised:
        asyncio.run(main())
    assert str(raised.value).startswith("drivers[0].python")
    assert target in str(raised.value)


def test_serve_runs_a_factory_of_the_current_directory(site: Path) -> None:
    with serve(site, "hut:two", name="hut") as router, Client(router.port) as client:
        client.ask()
        client.take(DEFINED.format("(Left|Right)"))
        client.take(DEFINED.format("(Left|Right)"))
        client.send(turn("Left", 13))
        client.take("<delProperty device=.Left.")
        client.take(DEFINED.format("Left"))
        until(lambda: "thirteen is too much" in router.log, what="the traceback")


@pytest.mark.parametrize("target", ["barn:one", "hut:missing"])
def test_serve_ends_with_2_and_names_what_cannot_be_imported(site: Path, target: str) -> None:
    words = [sys.executable, "-m", "inditree", "serve", "--http", "off", "--port", "0", target]
    done = subprocess.run(words, capture_output=True, text=True, timeout=DEADLINE, check=False)
    assert done.returncode == 2, done.stderr
    assert target in done.stderr
    assert "Traceback" not in done.stderr


#: Drivers that go on whatever they are told: a task that swallows its end, threads that wait for what never comes.
DEAF = """
import asyncio, threading
from ipydriver.servers import Dial

class Deaf(Dial):
    async def hardware(self):
        while True:
            try:
                await asyncio.sleep(3600)
            except asyncio.CancelledError:
                pass

class Reads(Dial):
    async def hardware(self):
        await asyncio.to_thread(threading.Event().wait)

class Starts(Dial):
    async def hardware(self):
        threading.Thread(target=threading.Event().wait, name="serial port").start()
        await asyncio.sleep(3600)

def deaf():
    return dial("Deaf", Deaf)

def reads():
    return dial("Reads", Reads)

def starts():
    return dial("Starts", Starts)
"""


@pytest.mark.parametrize(
    ("kind", "left"), [("deaf", "task "), ("reads", "thread asyncio_"), ("starts", "thread serial port")]
)
def test_one_that_does_not_end_does_not_keep_the_router(site: Path, kind: str, left: str) -> None:
    (site / "hut.py").write_text((site / "hut.py").read_text() + DEAF)
    (site / "hut.yaml").write_text(f"drivers: [{{python: 'hut:{kind}', stop_grace: 0.1s}}]")
    with serve(site, "--config", "hut.yaml", name="hut") as router, Client(router.port) as client:
        client.ask()
        client.take(DEFINED.format(kind.title()))
        assert router.stop() == 0
        assert f"ends without what drivers have left running: {left}" in router.log
