"""Changes that come at the same time, or when it is too late for them."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

import psutil
import pytest
from msgspec.structs import replace

from inditree.config import Config, Driver, Remote
from inditree.ops.control import ControlError
from inditree.server.server import Server
from ports import free_port
from server.inloop import SLEEPER, STUBBORN, Running, caller, config, listen, run, running, until


def processes(word: str) -> list[psutil.Process]:
    """What runs below this process with a word in its command."""
    found = []
    for each in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):
            if word in " ".join(each.cmdline()):  # a zombie has none
                found.append(each)
    return found


def stopping(it: Running) -> bool:
    """Whether a driver was told to end and has not."""
    return any(each.supervisor.state == "stopping" for each in it.server.units.drivers.values())


def stubborn(name: str = "d", stop_grace: float = 0.3, word: str = "") -> Driver:
    return Driver(name=name, exec=(*STUBBORN, word), stop_grace=stop_grace)


LATE: list[Callable[[Server], Awaitable[object]]] = [
    lambda server: server.control.restart_driver("d"),
    lambda server: server.control.start_driver("d"),
    lambda server: server.control.stop_driver("d"),
    lambda server: server.control.remove_driver("d"),
    lambda server: server.control.add_driver({"name": "d", "exec": [*SLEEPER]}),
]


@pytest.mark.parametrize("change", LATE)
def test_a_driver_that_is_being_removed_takes_no_change(change: Callable[[Server], Awaitable[object]]) -> None:
    async def work() -> None:
        async with running(config(drivers=(stubborn(word="removed"),))) as it:
            await until(lambda: processes("removed"), "it runs")
            removing = it.tasks.start(it.server.control.remove_driver("d"), "remove")
            await asyncio.sleep(0)
            with pytest.raises(ControlError) as caught:
                await change(it.server)
            assert caught.value.status == 409
            await removing
            assert "d" not in it.server.units.drivers
            assert not processes("removed")
            assert await it.server.control.add_driver({"name": "d", "exec": [*SLEEPER]}) == "d"

    run(work())


def test_a_driver_that_is_being_removed_is_not_started_by_others() -> None:
    async def work() -> None:
        async with running(config(drivers=(stubborn(word="kept"),))) as it:
            await until(lambda: processes("kept"), "it runs")
            supervisor = it.server.units.drivers["d"].supervisor
            removing = it.tasks.start(it.server.units.remove_driver(it.server.units.drivers["d"]), "remove")
            await asyncio.sleep(0)
            supervisor.restart()
            supervisor.start()
            await removing
            assert not processes("kept")

    run(work())


def test_a_link_that_was_removed_is_not_linked_again() -> None:
    async def work() -> None:
        async with running(config()) as it:
            await it.server.control.add_remote({"host": "127.0.0.1", "port": free_port(), "name": "r"})
            link = it.server.units.remotes["r"]
            await until(lambda: link.state == "backoff", "it has tried")
            results = await asyncio.gather(
                it.server.control.restart_remote("r"), it.server.control.remove_remote("r"), return_exceptions=True
            )
            assert isinstance(results[0], ControlError)
            assert results[0].status == 404
            assert results[1] is None
            assert link.state == "stopped"

    run(work())


def test_two_restarts_of_a_link_at_once() -> None:
    async def work() -> None:
        async with running(config()) as it:
            await it.server.control.add_remote({"host": "127.0.0.1", "port": free_port(), "name": "r"})
            link = it.server.units.remotes["r"]
            await until(lambda: link.state == "backoff", "it has tried")
            await asyncio.gather(it.server.control.restart_remote("r"), it.server.control.restart_remote("r"))
            await until(lambda: link.state == "backoff", "it tries again")

    run(work())


def test_reloads_come_one_after_the_other() -> None:
    async def work() -> None:
        port = free_port()

        def with_driver(word: str, *names: str) -> Config:
            return config(listen(port, names[0]), drivers=(stubborn(word=word),))

        async with running(with_driver("first", "a")) as it:
            await until(lambda: processes("first"), "it runs")
            it.again = with_driver("second", "b")
            one = it.tasks.start(it.server.reload.run(), "one")
            await until(lambda: stopping(it), "it waits for the driver now")
            assert not one.done()
            it.again = with_driver("third", "c")
            two = it.tasks.start(it.server.reload.run(), "two")
            assert (await one, await two) == (True, True)
            assert list(it.server.listeners) == ["c"]
            await until(lambda: processes("third"), "the last one runs")
            assert [each.config.exec for each in it.server.units.drivers.values()] == [(*STUBBORN, "third")]
            assert not processes("first")
            assert not processes("second")

    run(work())


def test_nothing_is_changed_while_it_stops() -> None:
    async def work() -> None:
        port, other = free_port(), free_port()
        async with running(config(listen(port), drivers=(stubborn(word="stops"),))) as it:
            await until(lambda: processes("stops"), "it runs")
            it.server.shutdown()
            await until(lambda: it.server.parts.draining, "it stops")
            changes: list[Callable[[], Awaitable[object]]] = [
                lambda: it.server.control.add_driver({"exec": [*SLEEPER]}),
                lambda: it.server.control.add_remote({"host": "127.0.0.1"}),
                lambda: it.server.control.start_driver("d"),
                lambda: it.server.control.restart_driver("d"),
                lambda: it.server.control.remove_driver("d"),
            ]
            for change in changes:
                with pytest.raises(ControlError, match="stopping") as caught:
                    await change()
                assert caught.value.status == 409
            assert not await it.reload(config(listen(port), listen(other, "late")))
            assert list(it.server.listeners) == ["main"]
            with pytest.raises(OSError):
                async with caller(other):
                    pass

    run(work())


def test_a_reload_that_is_under_way_starts_nothing_when_it_stops() -> None:
    async def work() -> None:
        async with running(config(listen(name="a"), drivers=(stubborn(word="before"),))) as it:
            await until(lambda: processes("before"), "it runs")
            it.again = config(*it.again.listen, drivers=(Driver(name="d", exec=SLEEPER),))
            reloading = it.tasks.start(it.server.reload.run(), "reload")
            await until(lambda: stopping(it), "it waits for the driver")
            it.server.shutdown()
            await reloading
            assert all(each.config.exec != SLEEPER for each in it.server.units.drivers.values())

    run(work())


def test_a_reload_leaves_alone_what_the_api_put_in_the_place_of_an_entry(caplog: pytest.LogCaptureFixture) -> None:
    async def work() -> None:
        first = replace(
            config(drivers=tuple(Driver(name=name, exec=SLEEPER) for name in "de")),
            remotes=tuple(Remote(host="127.0.0.1", port=1, name=name) for name in "rs"),
        )
        async with running(first) as it:
            server = it.server
            for name in "de":
                await server.control.remove_driver(name)
                await server.control.add_driver({"exec": ["cat"], "name": name})
            for name in "rs":
                await server.control.remove_remote(name)
                await server.control.add_remote({"host": "127.0.0.1", "port": free_port(), "name": name})
            before = {**server.units.drivers}, {**server.units.remotes}
            changed = replace(
                first,
                drivers=(Driver(name="e", exec=("true",)),),
                remotes=(Remote(host="127.0.0.1", port=2, name="s"),),
            )
            assert await it.reload(changed)
            assert ({**server.units.drivers}, {**server.units.remotes}) == before
            assert "driver e: not added: the API has added one of that name" in caplog.text
            assert "remote s: not added: there is one of that name already" in caplog.text

    run(work())


def test_a_reload_that_breaks_off_is_done_by_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    async def work() -> None:
        port, other = free_port(), free_port()
        async with running(config(listen(port), drivers=(Driver(name="d", exec=SLEEPER),))) as it:
            with monkeypatch.context() as broken:

                async def fail(_: object) -> None:
                    raise OSError("no")

                broken.setattr(it.server.units, "remove_driver", fail)
                assert not await it.reload(config(listen(port), listen(other, "other")))
            assert list(it.server.listeners) == ["main", "other"]
            assert await it.server.reload.run()
            assert list(it.server.listeners) == ["main", "other"]
            assert not it.server.units.drivers

    run(work())


@pytest.mark.parametrize(
    ("kind", "entry"), [("remote", {"host": "dome-b"}), ("driver", {"exec": ["cat"], "name": "d"})]
)
def test_a_name_that_is_taken_is_said(kind: str, entry: dict[str, object]) -> None:
    async def work() -> None:
        async with running(config()) as it:
            add = it.server.control.add_remote if kind == "remote" else it.server.control.add_driver
            name = await add(entry)
            with pytest.raises(ControlError, match=f"^there is a {kind} '{name}'$"):
                await add(entry)

    run(work())
