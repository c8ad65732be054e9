"""The FIFO beside the API: who started what, by which word it is stopped."""

from __future__ import annotations

import os
import stat
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from msgspec.structs import replace

from inditree.config import Config, Driver, Remote, Restart
from inditree.indiserver.companion import Companion
from ports import free_port
from server.inloop import Running, config, run, running, until

HERE = "127.0.0.1:1"


@asynccontextmanager
async def with_fifo(tmp: Path, first: Config) -> AsyncIterator[tuple[Running, Path]]:
    fifo = tmp / "fifo"
    async with running(first, beside=Companion(str(fifo), Restart(), None)) as it:
        yield it, fifo


def say(fifo: Path, line: str) -> None:
    with fifo.open("wb") as file:
        file.write(line.encode() + b"\n")


@pytest.mark.parametrize(
    ("entry", "line"),
    [
        (Remote(host="127.0.0.1", port=1), f"stop @{HERE}"),
        (Remote(host="127.0.0.1", port=1, device="Dev"), f"stop Dev@{HERE}"),
        (Remote(host="localhost"), "stop @localhost:7624"),
    ],
)
def test_a_remote_of_the_command_line_is_stopped(tmp_path: Path, entry: Remote, line: str) -> None:
    async def work() -> None:
        async with with_fifo(tmp_path, replace(config(), remotes=(entry,))) as (it, fifo):
            say(fifo, line)
            await until(lambda: not it.server.units.remotes, "it is gone")

    run(work())


def test_names_are_those_that_the_configuration_gives(tmp_path: Path) -> None:
    async def work() -> None:
        async with with_fifo(tmp_path, config()) as (it, fifo):
            for line in (
                f"start @{HERE}",
                f"start Dev@{HERE}",
                f"start @{HERE}",
                "start /bin/no_such",
                "start no_such",
            ):
                say(fifo, line)
            await until(lambda: len(it.server.units.drivers) == 2, "all are read")
            assert list(it.server.units.remotes) == [HERE, f"Dev@{HERE}", f"{HERE}-2"]
            assert list(it.server.units.drivers) == ["no_such", "no_such-2"]

    run(work())


def test_what_the_api_removed_is_forgotten(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """And what the API then calls so is not the FIFO's to stop."""

    async def work() -> None:
        async with with_fifo(tmp_path, config()) as (it, fifo):
            server = it.server
            say(fifo, f"start cat\nstart @{HERE}")
            await until(lambda: server.units.remotes, "they are started")
            await server.control.remove_driver("cat")
            await server.control.remove_remote(HERE)
            await server.control.add_driver({"exec": ["sleep", "777"], "name": "cat"})
            await server.control.add_remote({"host": "127.0.0.1", "port": free_port(), "name": HERE})
            say(fifo, f"stop cat\nstop @{HERE}")
            await until(lambda: caplog.text.count("no such driver runs") == 2, "it is said")
            assert list(server.units.drivers) == ["cat"]
            assert list(server.units.remotes) == [HERE]
            assert "failed" not in caplog.text

    run(work())


def test_of_two_by_one_word_the_one_that_runs_is_stopped(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async def work() -> None:
        first = config(drivers=tuple(Driver(name=name, exec=("cat",)) for name in "ab"))
        async with with_fifo(tmp_path, first) as (it, fifo):
            await it.server.control.remove_driver("a")
            say(fifo, "stop cat")
            await until(lambda: not it.server.units.drivers, "b is stopped")
            assert "failed" not in caplog.text

    run(work())


def test_a_label_that_stands_alone(tmp_path: Path) -> None:
    """It tells two apart; where nobody has it, the first of the program is stopped, as indiserver does."""

    async def work() -> None:
        async with with_fifo(tmp_path, config()) as (it, fifo):
            drivers = it.server.units.drivers
            say(fifo, 'start cat "One"\nstart cat "Two"\nstart cat "Three"')
            await until(lambda: list(drivers) == ["One", "Two", "Three"], "they are started")
            assert not any(unit.config.env for unit in drivers.values())
            say(fifo, 'stop cat "Two"')
            await until(lambda: list(drivers) == ["One", "Three"], "the second is stopped")
            say(fifo, 'stop cat "Nobody"')
            await until(lambda: list(drivers) == ["Three"], "the first is stopped")
            say(fifo, 'start cat -n "a/b"')
            await until(lambda: list(drivers) == ["Three", "cat"], "a label that is no name")
            say(fifo, 'stop cat -n "a/b"')
            await until(lambda: list(drivers) == ["Three"], "is one to stop by")

    run(work())


def write(fifo: Path, data: bytes) -> None:
    with fifo.open("wb") as file:
        file.write(data)


def test_a_line_without_a_newline_is_carried_out_when_its_writer_closes(tmp_path: Path) -> None:
    """And never joined with the next writer's."""

    async def work() -> None:
        async with with_fifo(tmp_path, config()) as (it, fifo):
            drivers = it.server.units.drivers
            for number in range(5):
                write(fifo, b"start cat -n one")
                await until(lambda: list(drivers) == ["one"], "it is started")
                write(fifo, b"stop cat -n one\nstart cat -n t")
                await until(lambda: list(drivers) == ["t"], f"it is stopped, the other started: {number}")
                write(fifo, b"stop cat\n")
                await until(lambda: not drivers, "it is stopped")

    run(work())


@pytest.mark.parametrize("at_once", [True, False])
def test_the_rest_of_a_line_that_is_too_long_is_no_command(
    at_once: bool, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def work() -> None:
        async with with_fifo(tmp_path, config()) as (it, fifo):
            drivers = it.server.units.drivers
            with fifo.open("wb", buffering=0) as file:
                for number in (1, 2):
                    file.write(b"start " + b"x" * 3000)
                    if not at_once:
                        await until(lambda n=number: caplog.text.count("too long") == n, "it is said")  # type: ignore[misc]
                    file.write(b" start cat -n rest\n")
                    await until(lambda n=number: caplog.text.count("too long") == n, "it is said once")  # type: ignore[misc]
            write(fifo, b"start " + b"x" * 3000)  # no newline, and the next writer's is his own
            await until(lambda: caplog.text.count("too long") == 3, "it is said")
            write(fifo, b"start cat -n good\n")
            await until(lambda: list(drivers) == ["good"], "the next line is a command")

    run(work())


def test_it_is_made_for_its_owner_alone(tmp_path: Path) -> None:
    async def work() -> None:
        async with with_fifo(tmp_path, config()) as (_, fifo):
            assert stat.S_IMODE(fifo.stat().st_mode) == 0o600

    old = os.umask(0)
    try:
        run(work())
    finally:
        os.umask(old)
