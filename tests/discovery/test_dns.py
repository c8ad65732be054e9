"""What a real DNS server tells becomes remotes."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import logging
from collections.abc import AsyncIterator, Iterator

import pytest
import uvloop

from discovery.named import BROKEN, ZONE, Named, named
from inditree.config import Dns, Remote
from inditree.discovery.dns import REMOTES_MAX, DnsDiscovery, Pace, _Look
from inditree.discovery.own import Place
from inditree.discovery.records import Round, resolver
from inditree.tasks import Tasks
from ports import free_port
from programs.processes import until
from waiting import DEADLINE

#: A look every 20 ms, whatever the zone's TTL.
QUICK = Pace(shortest=0.02, longest=0.02, retry=0.02, retry_longest=0.02, timeout=20)
IMPATIENT = dataclasses.replace(QUICK, timeout=0.3)
both_loops = pytest.mark.parametrize("run", [asyncio.run, uvloop.run], ids=["asyncio", "uvloop"])


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Named]:
    with named(tmp_path_factory.mktemp("named"), negative=7) as running:
        yield running


class Changes:
    """What discovery told, newest last."""

    def __init__(self) -> None:
        self.told: list[dict[str, Remote]] = []

    @property
    def names(self) -> list[str]:
        return sorted(self.told[-1]) if self.told else []


@contextlib.asynccontextmanager
async def discovering(
    names: list[str], address: tuple[str, int], own: list[Place] | None = None, pace: Pace = QUICK
) -> AsyncIterator[Changes]:
    tasks, changes = Tasks(), Changes()
    discovery = DnsDiscovery(
        [Dns(name=name) for name in names], changes.told.append, lambda: own or [], nameserver=address, pace=pace
    )
    discovery.start(tasks)
    try:
        yield changes
    finally:
        await discovery.stop()
        assert len(tasks) == 0
        await tasks.close()


@both_loops
def test_srv_records_come_and_go(server: Named, run: object) -> None:
    name = f"_indi._tcp.{'a' if run is asyncio.run else 'u'}.{ZONE}."
    first, second = f"dome-a.{ZONE}:7624", f"dome-b.{ZONE}:7630"

    async def main() -> None:
        async with discovering([name], server.address) as changes:
            server.put(name, "SRV", f"0 1 7624 dome-a.{ZONE}.")
            await until(lambda: changes.names == [first], "the first")
            assert changes.told[-1][first] == Remote(host=f"dome-a.{ZONE}", port=7624, name=first)
            server.put(name, "SRV", f"0 1 7624 dome-a.{ZONE}.", f"5 9 7630 DOME-B.{ZONE}.")
            await until(lambda: changes.names == [first, second], "another")
            server.put(name, "SRV", f"0 1 7630 dome-b.{ZONE}.")
            await until(lambda: changes.names == [second], "one less")
            server.put(name, "SRV")
            await until(lambda: changes.names == [], "none")
        assert len(changes.told) == 4  # told when it changes, not at each look

    run(main())  # type: ignore[operator]


def test_a_name_without_srv_gives_its_addresses(server: Named) -> None:
    async def main() -> None:
        async with discovering([f"plain.{ZONE}"], server.address) as changes:
            server.put(f"plain.{ZONE}.", "A", "192.0.2.2", "192.0.2.1")
            await until(lambda: changes.names == ["192.0.2.1:7624", "192.0.2.2:7624"], "A")
            server.put(f"plain.{ZONE}.", "A", "192.0.2.1")
            server.put(f"plain.{ZONE}.", "AAAA", "2001:db8::1")
            both = ["192.0.2.1:7624", "[2001:db8::1]:7624"]
            await until(lambda: changes.names == both, "AAAA")
            assert changes.told[-1][both[1]].host == "2001:db8::1"
            # A better answer: SRV records of its service go first, then its own.
            server.put(f"plain.{ZONE}.", "SRV", f"0 1 7700 own.{ZONE}.")
            await until(lambda: changes.names == [f"own.{ZONE}:7700"], "its own SRV")
            server.put(f"_indi._tcp.plain.{ZONE}.", "SRV", f"0 1 7701 service.{ZONE}.")
            await until(lambda: changes.names == [f"service.{ZONE}:7701"], "the SRV of the service")

    asyncio.run(main())


def test_an_alias_is_followed(server: Named) -> None:
    server.put(f"real.{ZONE}.", "A", "192.0.2.7")
    server.put(f"alias.{ZONE}.", "CNAME", f"real.{ZONE}.")

    async def main() -> None:
        async with discovering([f"alias.{ZONE}"], server.address) as changes:
            await until(lambda: changes.names == ["192.0.2.7:7624"], "where the alias leads")

    asyncio.run(main())


def test_the_headless_service_of_a_stateful_set(server: Named) -> None:
    """As CoreDNS answers: its own name has SRV records of all ports, `_indi._tcp` those of the port of that name."""
    pods = [f"inditree-{number}.routers.{ZONE}" for number in range(2)]
    for number, pod in enumerate(pods):
        server.put(f"{pod}.", "A", f"192.0.2.{number + 10}")
    every = [f"0 25 {port} {pod}." for pod in pods for port in (7624, 9724)]
    server.put(f"routers.{ZONE}.", "SRV", *every)
    server.put(f"routers.{ZONE}.", "A", "192.0.2.10", "192.0.2.11")
    wanted = [f"{pod}:7624" for pod in pods]

    async def main() -> None:
        async with discovering([f"routers.{ZONE}"], server.address) as changes:
            await until(lambda: changes.names == wanted, "INDI's port of each pod")
        server.put(f"_indi._tcp.routers.{ZONE}.", "SRV", *(f"0 50 7624 {pod}." for pod in pods))
        for name in (f"routers.{ZONE}", f"_indi._tcp.routers.{ZONE}"):
            async with discovering([name], server.address) as changes:
                await until(lambda: changes.names == wanted, name)

    asyncio.run(main())


def test_a_router_leaves_itself_out(server: Named) -> None:
    name = f"_indi._tcp.self.{ZONE}."
    server.put(f"me.{ZONE}.", "A", "127.0.0.1")
    server.put(f"you.{ZONE}.", "A", "192.0.2.20")
    server.put(f"we.{ZONE}.", "A", "127.0.0.1", "192.0.2.21")
    targets = [f"0 1 7624 {host}.{ZONE}." for host in ("me", "you", "we", "nowhere")]
    server.put(name, "SRV", *targets, f"0 1 7625 me.{ZONE}.")
    others = ["192.0.2.21:7624", f"me.{ZONE}:7625", f"nowhere.{ZONE}:7624", f"you.{ZONE}:7624"]

    async def main() -> None:
        for place in ((None, 7624), ("127.0.0.1", 7624), ("localhost", 7624)):
            async with discovering([name], server.address, [place]) as changes:
                await until(lambda: changes.names == others, f"all others, listening on {place}")
        async with discovering([name], server.address, [("192.0.2.1", 7624)]) as changes:
            await until(lambda: len(changes.names) == 5, "all: we listen elsewhere")

    asyncio.run(main())


def test_wrong_records_are_said_and_left_out(server: Named, caplog: pytest.LogCaptureFixture) -> None:
    name = f"_indi._tcp.wrong.{ZONE}."
    server.put(name, "SRV", "0 0 0 .", f"0 1 0 port.{ZONE}.", rf"0 1 7624 a\032b.{ZONE}.", f"0 1 7624 good.{ZONE}.")

    async def main() -> None:
        async with discovering([name], server.address) as changes:
            await until(lambda: changes.names == [f"good.{ZONE}:7624"], "the good one")

    asyncio.run(main())
    assert f"no server can be at port.{ZONE} port 0" in caplog.text
    assert rf"no server can be at a\032b.{ZONE} port 7624" in caplog.text
    assert " at . port" not in caplog.text  # RFC 2782: it says that there is none


def test_more_records_than_a_packet_holds(server: Named, caplog: pytest.LogCaptureFixture) -> None:
    name = f"_indi._tcp.many.{ZONE}."
    server.put(name, "SRV", *(f"0 1 7624 pod-{number:03}.many.{ZONE}." for number in range(REMOTES_MAX + 1)))

    async def main() -> None:
        async with discovering([name], server.address) as changes:
            await until(lambda: len(changes.names) == REMOTES_MAX, "all that are taken")

    asyncio.run(main())
    assert "257 routers, using 256" in caplog.text


def warned(caplog: pytest.LogCaptureFixture, text: str) -> int:
    return sum(text in record.getMessage() and record.levelno == logging.WARNING for record in caplog.records)


def test_stopping_ends_a_look_that_swallows_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """As `wait_for` of Python 3.11, which dnspython uses, does where the answer comes in the same turn of the loop."""

    async def main() -> None:
        asked, answer = asyncio.Event(), asyncio.get_running_loop().create_future()

        async def again(_: object) -> None:
            asked.set()
            with contextlib.suppress(asyncio.CancelledError):
                await answer

        monkeypatch.setattr("inditree.discovery.dns._Look.again", again)
        async with asyncio.timeout(DEADLINE):
            async with discovering(["pier.invalid"], ("127.0.0.1", 1)):
                await asked.wait()

    asyncio.run(main())


def test_a_silent_server_changes_nothing(server: Named, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "inditree.discovery")
    name, stays = f"_indi._tcp.still.{ZONE}.", "keeping what was found before"
    wanted = ["192.0.2.30:7624", f"dome.{ZONE}:7624"]

    async def main() -> None:
        server.put(name, "SRV", f"0 1 7624 dome.{ZONE}.")
        server.put(f"old.{ZONE}.", "A", "192.0.2.30")
        async with discovering([name, f"old.{ZONE}"], server.address, pace=IMPATIENT) as changes:
            await until(lambda: changes.names == wanted, "both")
            before = len(changes.told)
            with server.silent():
                await until(lambda: caplog.text.count(stays) >= 6, "some looks without an answer")
            assert "no answer in time" in caplog.text
            assert warned(caplog, stays) == 2  # once for each name
            await until(lambda: caplog.text.count("answered again") == 2, "it is said that it is over")
            assert len(changes.told) == before
            server.put(name, "SRV", f"0 1 7624 other.{ZONE}.")
            await until(lambda: f"other.{ZONE}:7624" in changes.names, "what is new")

    asyncio.run(main())


def test_what_cannot_be_answered_changes_nothing(server: Named, caplog: pytest.LogCaptureFixture) -> None:
    """SERVFAIL, REFUSED, nobody at that port, no name at all."""

    async def main() -> None:
        closed = ("127.0.0.1", free_port())
        for name, address in (
            (f"x.{BROKEN}", server.address),
            ("not.ours.example", server.address),
            ("any.example", closed),
            ("two..dots", server.address),
        ):
            caplog.clear()
            async with discovering([name], address, pace=IMPATIENT) as changes:
                await until(lambda: "keeping what was found before" in caplog.text, name)
                assert not changes.told

    asyncio.run(main())


def test_a_server_that_is_late_is_asked_again(server: Named, caplog: pytest.LogCaptureFixture) -> None:
    name = f"late.{ZONE}"
    server.put(f"{name}.", "A", "192.0.2.40")

    async def main() -> None:
        async with contextlib.AsyncExitStack() as stack:
            with server.silent():
                changes = await stack.enter_async_context(discovering([name], server.address, pace=IMPATIENT))
                await until(lambda: "no answer in time" in caplog.text, "the first look")
                assert not changes.told
            await until(lambda: changes.names == ["192.0.2.40:7624"], "the answer")

    asyncio.run(main())


def test_an_answer_holds_for_its_ttl(server: Named) -> None:
    server.put(f"_indi._tcp.ttl.{ZONE}.", "SRV", f"0 1 7624 dome.{ZONE}.", ttl=77)
    server.put(f"ttl.{ZONE}.", "A", "192.0.2.50", ttl=33)

    async def main() -> None:
        questions = Round(resolver(server.address, 5), {})
        assert len(await questions.ask(f"_indi._tcp.ttl.{ZONE}.", "SRV")) == 1
        assert questions.ttl == 77
        assert await questions.addresses(f"ttl.{ZONE}.") == ("192.0.2.50",)
        assert questions.ttl == 7  # the zone's for what it does not have: AAAA
        questions = Round(resolver(server.address, 5), {})
        assert await questions.ask(f"nobody.{ZONE}.", "SRV") == ()
        assert questions.ttl == 7

    asyncio.run(main())
    pace = Pace()
    assert [pace.wait(ttl, False) for ttl in (0, 5, 77, 4000, None)] == [5, 5, 77, 300, 300]
    assert [pace.wait(ttl, True) for ttl in (0, 7, 77, None)] == [5, 5, 5, 5]
    assert [pace.wait_again(number) for number in (1, 2, 5, 6, 2000)] == [1, 2, 16, 30, 30]
    assert [pace.wait_again(number, True) for number in (1, 2, 3, 4, 2000)] == [1, 2, 4, 5, 5]


def test_leaves_that_start_slowly_are_found_before_the_first_answer_is_old(server: Named) -> None:
    """An empty answer and one with a leaf too few both hold for a minute, by what the server says."""
    name = f"_indi._tcp.cold.{ZONE}."
    pace = Pace(shortest=0.05, longest=300, timeout=5)

    async def main() -> None:
        async with discovering([name], server.address, pace=pace) as changes:
            for number in range(1, 4):
                server.put(name, "SRV", *(f"0 1 7624 leaf-{each}.{ZONE}." for each in range(number)))
                await until(lambda wanted=number: len(changes.names) == wanted, f"{number} leaves")  # type: ignore[misc]

    asyncio.run(main())


def test_when_it_is_looked_again(server: Named) -> None:
    """5 s for two minutes after the start and after each change, and while an answer is empty; then as the TTL says."""
    name = f"_indi._tcp.when.{ZONE}."
    now = 0.0
    server.put(name, "SRV")
    look = _Look(name, Pace(), server.address, list, lambda: now)

    async def wait_at(time: float) -> float:
        nonlocal now
        now = time
        await look.again()
        return look.wait

    async def main() -> None:
        assert [await wait_at(0), await wait_at(119), await wait_at(3000)] == [5, 5, 5]  # empty is partial
        server.put(name, "SRV", f"0 1 7624 one.{ZONE}.", ttl=77)
        assert [await wait_at(3001), await wait_at(3120), await wait_at(3122)] == [5, 5, 77]
        server.put(name, "SRV", f"0 1 7624 two.{ZONE}.", ttl=77)  # a leaf that was replaced
        assert [await wait_at(4000), await wait_at(4119), await wait_at(4121)] == [5, 5, 77]

    asyncio.run(main())


def test_half_an_answer_is_asked_for_again_soon() -> None:
    """IPv4 is told, IPv6 is not: what there is counts, and the rest is asked for every 5 s."""
    look = _Look("half.test", Pace(), ("127.0.0.1", 1), list, lambda: 1000.0)
    look._early_until = 0.0
    waits = []
    for _ in range(5):
        look.failed("AAAA half.test: no answer in time", partial=True)
        waits.append(look.wait)
    assert waits == [1, 2, 4, 5, 5]


def test_it_is_looked_up_again_when_that_time_is_over(server: Named) -> None:
    name = f"_indi._tcp.soon.{ZONE}."
    pace = Pace(shortest=0.05, longest=600, early=0)

    async def main() -> None:
        server.put(name, "SRV", f"0 1 7624 one.{ZONE}.", ttl=1)
        began = asyncio.get_running_loop().time()
        async with discovering([name], server.address, pace=pace) as changes:
            await until(lambda: changes.names == [f"one.{ZONE}:7624"], "the first answer")
            server.put(name, "SRV", f"0 1 7624 two.{ZONE}.", ttl=1)
            await until(lambda: changes.names == [f"two.{ZONE}:7624"], "the second")
            assert asyncio.get_running_loop().time() - began > 0.9, "the first one holds for a second"

    asyncio.run(main())


def test_two_names_may_tell_of_the_same(server: Named) -> None:
    first, second = f"_indi._tcp.twin-a.{ZONE}.", f"_indi._tcp.twin-b.{ZONE}."

    async def main() -> None:
        server.put(first, "SRV", f"0 1 7624 both.{ZONE}.")
        server.put(second, "SRV", f"0 1 7624 both.{ZONE}.", f"0 1 7624 one.{ZONE}.")
        async with discovering([first, second, first], server.address) as changes:
            await until(lambda: len(changes.names) == 2, "both")
            server.put(second, "SRV")
            await until(lambda: changes.names == [f"both.{ZONE}:7624"], "what the other still tells")

    asyncio.run(main())


def test_a_target_that_is_a_number_ends_nothing(server: Named) -> None:
    """`10.0.1` is a name to DNS, and no address, though it looks like one."""
    name = f"_indi._tcp.numbers.{ZONE}."
    server.put(name, "SRV", "0 1 7624 10.0.1.", "0 1 7624 192.0.2.30.", "0 1 7624 127.0.0.1.")

    async def main() -> None:
        async with discovering([name], server.address, [(None, 7624)]) as changes:
            await until(lambda: changes.names == ["10.0.1:7624", "192.0.2.30:7624"], "all but us")

    asyncio.run(main())


def test_a_look_that_fails_within_is_repeated(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def main() -> None:
        looks = 0

        async def again(_: object) -> dict[str, Remote]:
            nonlocal looks
            looks += 1
            if looks < 3:
                raise ValueError("what nobody thought of")
            return {"far": Remote(host="far", name="far")}

        monkeypatch.setattr("inditree.discovery.dns._Look.again", again)
        async with discovering(["pier.invalid"], ("127.0.0.1", 1)) as changes:
            await until(lambda: changes.names == ["far"], "the third look")

    asyncio.run(main())
    assert warned(caplog, "what nobody thought of") == 1
