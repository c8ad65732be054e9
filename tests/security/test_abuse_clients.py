"""What single clients may try: each costs itself its connection at most, and the others nothing."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from live import Client, Router, free_port, until
from security.parts import configured, imager, listen, number, open_images, shoot, store, take_image

MIB = 1 << 20
VECTOR = "<newTextVector device='Cam' name='T'><oneText name='t'>{}</oneText></newTextVector>"
BOMB = "<!DOCTYPE a [<!ENTITY b 'bbbbbbbb'>" + "<!ENTITY c '&b;&b;&b;&b;&b;'>" * 20 + "]>"

HOSTILE = {
    "entity bomb": BOMB + VECTOR.format("&c;"),
    "unknown entity": VECTOR.format("&bomb;"),
    "10 000 levels": "<a>" * 10_000,
    "10 000 levels in an element": VECTOR.format("<a>" * 10_000),
    "a tag without end": "<newTextVector " + "a" * (2 * MIB),
    "2 000 attributes": "<newTextVector " + " ".join(f"a{each}='1'" for each in range(2000)) + " device='Cam'/>",
    "the same attribute twice": "<newTextVector device='Cam' device='Mount' name='a'/>",
    "NUL in a name": "<newTextVector device='C\0m' name='a'/>",
    "NULs": "\0" * 100_000,
    "a comment without end": "<!--" + "x" * (2 * MIB),
    "CDATA": VECTOR.format("<![CDATA[" + "x" * (2 * MIB)),
}
HARMLESS = {
    "200 kB of an attribute": f"<newTextVector device='{'d' * 200_000}' name='a'/>",
    "200 kB of a name": f"<getProperties version='1.7' device='Cam' name='{'n' * 200_000}'/>",
    "a huge size": "<newBLOBVector device='Cam' name='STORE'><oneBLOB name='B' size='" + "9" * 400 + "' format='.x'>QUJD"
    "</oneBLOB></newBLOBVector>",
    "a longer size": "<newBLOBVector device='Cam' name='STORE'><oneBLOB name='B' enclen='" + "9" * 5000 + "' format='.x'>"
    "QUJD</oneBLOB></newBLOBVector>",
    "no number for a size": "<newBLOBVector device='Cam' name='STORE'><oneBLOB name='B' size='²' format='.x'>QUJD"
    "</oneBLOB></newBLOBVector>",
    "a number for a message": "<getProperties version='1.7' inditree='1' via='forged'/><message via='other' seq='²'/>",
    "a large one": "<getProperties version='1.7' inditree='1' via='forged'/><message via='other' seq='" + "9" * 5000 + "'/>",
    "a reply to nothing": "<pingReply uid='blob/7'/><pingReply uid='probe/1'/>",
    "a probe of a link": "<getProperties version='1.7' inditree='1' via='f2'/><pingReply uid='blob/²'/>",
}  # fmt: skip


@pytest.fixture(name="router", scope="module")
def _router(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Router]:
    tmp, port = tmp_path_factory.mktemp("abuse"), free_port()
    limits = "limits: {stall_timeout: 2s}"
    with configured(tmp, port, listen(port), imager("Cam"), limits, ready="Cam: provided by") as router:
        yield router
        assert "Traceback" not in router.log, router.log[-3000:]


def resident(router: Router) -> int:
    return int(psutil.Process(router.process.pid).memory_info().rss)


@pytest.mark.parametrize("what", HOSTILE)
def test_a_hostile_stream_ends_its_own_connection(router: Router, what: str) -> None:
    with Client(router.port) as healthy, Client(router.port) as hostile:
        with contextlib.suppress(OSError):
            hostile.send(HOSTILE[what])
        assert hostile.closed(5)
        healthy.ping()


@pytest.mark.parametrize("what", HARMLESS)
def test_an_odd_element_harms_nobody(router: Router, what: str) -> None:
    """Whether its sender is closed or not."""
    with Client(router.port) as healthy, Client(router.port) as odd:
        with contextlib.suppress(OSError):
            odd.send(HARMLESS[what] + "<pingRequest uid='end'/>")
        odd.sock.settimeout(5)
        while b"end" not in odd.data and (more := odd.sock.recv(1 << 20)):
            odd.data += more
        healthy.ping()
    assert "Traceback" not in router.log, router.log[-3000:]


@pytest.mark.parametrize("tag", ["newBLOBVector", "setBLOBVector"])
def test_an_image_that_never_comes_reserves_nothing_of_others(router: Router, tag: str) -> None:
    """Announced sizes are promises of strangers: cameras go on."""
    with contextlib.ExitStack() as stack:
        healthy = stack.enter_context(Client(router.port))
        open_images(healthy, "Cam")
        for _ in range(5):
            liar = stack.enter_context(Client(router.port))
            liar.send(f"<{tag} device='Cam' name='STORE'><oneBLOB name='B' size='99999999999' format='.x'>AAAA")
            liar.silent(0.05)
        shoot(healthy, "Cam", MIB)
        shoot(healthy, "Cam", MIB)


def test_an_upload_that_stops_ends(router: Router) -> None:
    with Client(router.port) as liar, Client(router.port) as healthy:
        liar.send("<newBLOBVector device='Cam' name='STORE'><oneBLOB name='B' size='99999999999' format='.x'>AAAA")
        liar.silent(0.1)
        healthy.ask("Cam")
        healthy.take("name=.STORE.")
        store(healthy, "Cam", MIB)
        assert liar.closed(10)


def test_wishes_without_end(router: Router) -> None:
    before = resident(router)
    with Client(router.port) as greedy, Client(router.port) as healthy:
        with contextlib.suppress(OSError):
            for first in range(0, 400_000, 1000):
                greedy.send("".join(f"<getProperties version='1.7' device='d{first + n}'/>" for n in range(1000)))
        with contextlib.suppress(OSError):
            assert greedy.closed(10)
        healthy.ping()
    router.wait_for("closed (limit)")
    assert resident(router) - before < 64 * MIB


@pytest.mark.parametrize("said", [VECTOR.format("x").replace("Cam", "None"), "<getProperties version='1.7'/>"])
def test_a_client_that_sends_and_never_reads(router: Router, said: str) -> None:
    with Client(router.port) as healthy, Client(router.port, receive_buffer=4096) as deaf:
        healthy.ping()
        with contextlib.suppress(OSError):
            deaf.sock.settimeout(10)
            while True:
                deaf.send(said * 2000)
        healthy.ping("after")
    until(lambda: resident(router) < 256 * MIB, what="memory returns")


def test_images_for_one_who_never_reads(router: Router) -> None:
    with Client(router.port) as healthy, Client(router.port, receive_buffer=4096) as deaf:
        open_images(healthy, "Cam")
        deaf.ask("Cam")
        deaf.send("<enableBLOB device='Cam'>Also</enableBLOB>")
        for _ in range(20):
            healthy.send(number("Cam", "SHOOT", 8 * MIB))
            take_image(healthy, "Cam", 8 * MIB)
        assert resident(router) < 256 * MIB
