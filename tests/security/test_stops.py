"""How long the loop of a running router stands still for what one connection does.

In seconds of the processor for one turn of the loop, which others that work on the machine do not make longer.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import socket
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

import pytest

from inditree.config import Limits
from server.inloop import Running, config, listen, running, until
from waiting import DEADLINE

DEVICES = 8000
INTRODUCED = "<getProperties version='1.7' inditree='1' via='F'/>"
OPENING = (
    b"GET /xml HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)


def masked(text: str) -> bytes:
    """A short text message of a WebSocket's client, with a mask that changes nothing."""
    return bytes([0x81, 0x80 | len(text), 0, 0, 0, 0]) + text.encode()


class Timed(asyncio.SelectorEventLoop):
    """Knows how many turns it has made, and the longest since this was last set to 0."""

    turns = 0
    longest = 0.0

    def _run_once(self) -> None:
        begin = time.thread_time()
        super()._run_once()  # type: ignore[misc]
        self.longest = max(self.longest, time.thread_time() - begin)
        self.turns += 1


def run(work: Callable[[Timed, Running], Coroutine[Any, Any, None]]) -> None:
    """Run it beside a router; what pytest itself has in memory is not looked through by the collector meanwhile."""

    async def main() -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, Timed)
        async with running(config(listen(web=True), limits=Limits(link_hold=0.5))) as it:
            await work(loop, it)

    gc.collect()
    gc.freeze()
    try:
        with asyncio.Runner(loop_factory=Timed) as runner:
            runner.run(main())
    finally:
        gc.unfreeze()


def device(number: int, via: str) -> str:
    """The definition of a device of one property, as a link says it."""
    of = f'via="{via}" device="{via} {number}" name="P" label="l" group="g" state="Idle" perm="rw" timeout="0"'
    member = '<defNumber name="V" format="%g" min="0" max="9" step="1">0</defNumber>'
    return f"<defNumberVector {of}>{member}</defNumberVector>\n"


@contextlib.contextmanager
def taker(it: Running) -> Iterator[socket.socket]:
    """A client that takes all that it is told, in a thread."""
    with socket.create_connection(("127.0.0.1", it.server.listeners["main"].port)) as sock:
        thread = threading.Thread(target=_take, args=(sock,), daemon=True)
        thread.start()
        yield sock
        with contextlib.suppress(OSError):
            sock.shutdown(socket.SHUT_RDWR)
        thread.join(DEADLINE)


def _take(sock: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while sock.recv(1 << 20):
            pass


async def introduce(it: Running, sock: socket.socket, name: str, devices: int = 0) -> None:
    """A router links to ours, with so many devices."""
    sock.sendall(f'<getProperties version="1.7" inditree="1" via="{name}"/>'.encode())
    data = "".join(device(number, name) for number in range(devices)).encode()
    await asyncio.to_thread(sock.sendall, data)
    if devices:
        owners = it.server.engine.core.state.ownership.owners
        await until(lambda: f"{name} {devices - 1}" in owners, "the last device is there", 3 * DEADLINE)


def test_a_link_of_8000_devices_that_hangs_up(caplog: pytest.LogCaptureFixture) -> None:
    """From its end until its devices are held no more; the best of three times counts."""
    caplog.set_level(logging.INFO, "inditree")

    async def hang_up(loop: Timed, it: Running, name: str) -> float:
        with taker(it) as gone:
            await introduce(it, gone, name, DEVICES)
            loop.longest = 0.0
            gone.shutdown(socket.SHUT_RDWR)
            lost = f"{DEVICES - 32} more devices: lost behind"
            said = caplog.text.count(lost)
            await until(lambda: caplog.text.count(lost) > said, "they are gone", 3 * DEADLINE)
        return loop.longest

    async def work(loop: Timed, it: Running) -> None:
        with taker(it) as other:
            await introduce(it, other, "OTHER")
            stops = []
            for name in ("A", "B", "C"):
                stops.append(await hang_up(loop, it, name))
                if stops[-1] < 0.05:
                    return
            raise AssertionError(f"{stops} s")

    run(work)


@pytest.mark.parametrize("question", ["<getProperties version='1.7'/>", INTRODUCED + "<getProperties version='1.7'/>"])
def test_questions_without_end_stop_it_no_longer_than_one(question: str) -> None:
    """64 KiB of them, each about 4 000 devices: they took seconds in one step."""

    async def work(loop: Timed, it: Running) -> None:
        async def longest(sock: socket.socket, data: bytes, turns: int) -> float:
            loop.longest = 0.0
            end = loop.turns + turns
            sock.sendall(data)
            await until(lambda: loop.turns > end, "it goes round", 3 * DEADLINE)
            return loop.longest

        with taker(it) as link:
            await introduce(it, link, "A", 4000)
            with taker(it) as one:
                usual = await longest(one, question.encode(), 50)
            with taker(it) as flood:
                stopped = await longest(flood, question.encode() * (65536 // len(question)), 50)
        assert stopped < 0.1 + 5 * usual, f"{stopped * 1000:.0f} ms, for one question {usual * 1000:.0f}"

    run(work)


def test_the_first_page_beside_8000_devices() -> None:
    """What a page is told of them is made as it is written: all at once it took 0.8 s."""

    async def work(loop: Timed, it: Running) -> None:
        port = it.server.listeners["main"].port
        with taker(it) as link:
            await introduce(it, link, "A", DEVICES)
            loop.longest = 0.0
            with socket.create_connection(("127.0.0.1", port)) as page:
                page.sendall(OPENING.replace(b"/xml", b"/") + masked('{"getProperties":{}}'))
                await asyncio.to_thread(_take_up_to, page, f'"device":"A {DEVICES - 1}"'.encode())
        assert loop.longest < 0.3, f"{loop.longest * 1000:.0f} ms"

    run(work)


def _take_up_to(sock: socket.socket, text: bytes) -> None:
    sock.settimeout(DEADLINE)
    last = b""
    while text not in last:
        data = sock.recv(1 << 16)
        assert data, "it was closed"
        last = last[-len(text) :] + data


CHAINED = "<getProperties version='1.7' device='*'/>"
LOOKALIKES = {
    "newlines": ("", "<oneText name='T'>" + "\n" * 20_000 + "</oneText>"),
    "beginnings in a comment": (CHAINED, "<!--" + "<oneA " * 6_000 + "-->"),
    "beginnings in CDATA": (CHAINED, "<oneText name='T'><![CDATA[" + "<oneA " * 6_000 + "]]></oneText>"),
    "names in CDATA": (CHAINED, "<oneText name='T'><![CDATA[" + "<oneA name=''" * 3_000 + "]]></oneText>"),
}


@pytest.mark.parametrize("what", LOOKALIKES)
def test_a_command_is_worth_its_length_whatever_it_looks_like(what: str) -> None:
    """Beside a client of XML over WebSocket, and by a server that chains itself to us: it took seconds."""
    first, body = LOOKALIKES[what]

    async def work(loop: Timed, it: Running) -> None:
        with taker(it) as link, taker(it) as page, taker(it) as bad:
            await introduce(it, link, "A", 1)
            page.sendall(OPENING + masked("<getProperties version='1.7'/>"))
            bad.sendall(first.encode())
            peers = it.server.engine.core.peers.values()
            await until(lambda: any(peer.subscription.all for peer in peers if peer.kind == "client"), "it listens")
            sent = it.server.engine.core.counters.peers["link"].sent
            before = sent["newTextVector"]
            loop.longest = 0.0
            bad.sendall(f"<newTextVector device='A 0' name='P'>{body}</newTextVector>".encode())
            await until(lambda: sent["newTextVector"] > before, "it has come to its device", 3 * DEADLINE)
        assert loop.longest < 0.5, f"{loop.longest:.1f} s"

    run(work)
