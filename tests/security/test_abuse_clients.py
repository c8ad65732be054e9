"""What single clients may try: each costs itself its connection at most, and the others nothing."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from live import Client, Router
from ports import free_port
from security.parts import configured, imager, listen, open_images, shoot, store, take_image
from waiting import DEADLINE

MIB = 1 << 20
VECTOR = "<newTextVector device='Cam' name='T'><oneText name='t'>{}</oneText></newTextVector>"
UPLOAD = "<newBLOBVector device='Cam' name='STORE'><oneBLOB name='B' {} format='.x'>QUJD"
END = "</oneBLOB></newBLOBVector>"
BOMB = "<!DOCTYPE a [<!ENTITY b 'bbbbbbbb'>" + "<!ENTITY c '&b;&b;&b;&b;&b;'>" * 20 + "]>"

HOSTILE = {
    "entity bomb": BOMB + VECTOR.format("&c;"),
    "unknown entity": VECTOR.format("&bomb;"),
    "10 000 levels": VECTOR.format("<a>" * 10_000 + "</a>" * 10_000),
    "10 000 levels of nothing": "<a>" * 10_000 + "</a>" * 10_000,
    "a tag without end": "<newTextVector " + "a" * (2 * MIB),
    "the same attribute twice": "<newTextVector device='Cam' device='Mount' name='a'/>",
    "200 kB of an attribute": f"<newTextVector device='{'d' * 200_000}' name='a'/>",
    "200 kB of a name": f"<getProperties version='1.7' device='Cam' name='{'n' * 200_000}'/>",
    "60 kB of a name": f"<newTextVector device='{'d' * 60_000}' name='a'/>",
    "NUL in a name": "<newTextVector device='C\0m' name='a'/>",
    "NULs": "\0" * 100_000,
    "a comment without end": "<!--" + "x" * (2 * MIB),
    "CDATA": VECTOR.format("<![CDATA[" + "x" * (2 * MIB)),
}

LINKS = "<getProperties version='1.7' inditree='1' via='forged'/>"
ODD = {
    "2 000 attributes": ("<newTextVector " + " ".join(f"a{each}='1'" for each in range(2000)), " device='Cam'/>"),
    "a huge size": (UPLOAD.format(f"size='{'9' * 400}'"), END),
    "a huge length": (UPLOAD.format(f"enclen='{'9' * 5000}'"), END),
    "no number for a size": (UPLOAD.format("size='²'"), END),
    "no number for a message": (LINKS + "<message via='other' seq='²'/>", ""),
    "a huge number for one": (LINKS + f"<message via='other' seq='{'9' * 5000}'/>", ""),
    "replies to nothing": (LINKS + "<pingReply uid='blob/²'/><pingReply uid='probe/9'/><pingReply/>", ""),
}


@pytest.fixture(name="router", scope="module")
def _router(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Router]:
    tmp, port = tmp_path_factory.mktemp("abuse"), free_port()
    limits = "limits: {stall_timeout: 6s}"
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
        assert hostile.closed()
        healthy.ping()


@pytest.mark.parametrize("what", ODD)
def test_an_odd_element_harms_nobody(router: Router, what: str) -> None:
    """What follows it is answered, and the log shows no mistake of ours."""
    with Client(router.port) as healthy, Client(router.port) as odd:
        odd.send(ODD[what][0])
        healthy.ping()  # the first half has been read
        odd.send(ODD[what][1])
        odd.ping("end")
        healthy.ping("after")
    assert "Traceback" not in router.log, router.log[-3000:]


@contextlib.contextmanager
def patient(tmp: Path, limits: str) -> Iterator[Router]:
    """A router with a camera that closes nobody for being slow within the time of a test."""
    port = free_port()
    wait = f"limits: {{{limits}, stall_timeout: 120s}}"
    with configured(tmp, port, listen(port), imager("Cam"), wait, ready="Cam: provided by") as router:
        yield router


@contextlib.contextmanager
def deaf_client(router: Router) -> Iterator[Client]:
    """One that wants the camera's images and reads nothing."""
    with Client(router.port, receive_buffer=4096) as deaf:
        deaf.ask("Cam")
        deaf.send("<enableBLOB device='Cam'>Also</enableBLOB><pingRequest uid='heard'/>")
        yield deaf


@pytest.mark.parametrize("tag", ["newBLOBVector", "setBLOBVector"])
def test_an_image_that_never_comes_reserves_nothing_of_others(tmp_path: Path, tag: str) -> None:
    """Announced sizes are promises of strangers: cameras go on, while images are in memory too."""
    with contextlib.ExitStack() as stack:
        router = stack.enter_context(patient(tmp_path, "memory: 64MiB"))
        deaf = stack.enter_context(deaf_client(router))
        healthy = stack.enter_context(Client(router.port))
        open_images(healthy, "Cam")
        shoot(healthy, "Cam", 4 * MIB)  # waits for the deaf one from now on
        for _ in range(5):
            liar = stack.enter_context(Client(router.port))
            liar.send(f"<{tag} device='Cam' name='STORE'><oneBLOB name='B' size='99999999999' format='.x'>AAAA")
            liar.silent(0.05)
        shoot(healthy, "Cam", MIB)
        shoot(healthy, "Cam", MIB)
        for size in (4 * MIB, MIB, MIB):  # none had to make room
            take_image(deaf, "Cam", size)


def test_who_announces_little_and_sends_much(tmp_path: Path) -> None:
    """What it may have beyond its announcement is bounded as well, for all such together."""
    port = free_port()
    limits = "limits: {memory: 64MiB, stall_timeout: 60s}"
    piece = b"A" * MIB
    with (
        contextlib.ExitStack() as stack,
        configured(tmp_path, port, listen(port), imager("Cam"), limits, ready="Cam: provided by") as router,
        Client(port) as healthy,
    ):
        open_images(healthy, "Cam")
        liars = [stack.enter_context(Client(port)) for _ in range(6)]
        for liar in liars:
            liar.send("<newBLOBVector device='Cam' name='STORE'><oneBLOB name='B' size='3' format='.x'>")
            liar.sock.setblocking(False)
        end = time.monotonic() + 2.5
        while time.monotonic() < end:
            for liar in liars:
                with contextlib.suppress(OSError):
                    liar.sock.send(piece)
            shoot(healthy, "Cam", MIB)
        assert resident(router) < 256 * MIB


def test_an_upload_that_stops_ends(router: Router) -> None:
    """Not as it is too large, nor as it is garbage: it is let begin, and given up when nothing more comes."""
    with Client(router.port) as liar, Client(router.port) as healthy:
        address, port = liar.sock.getsockname()
        liar.send("<newBLOBVector device='Cam' name='STORE'><oneBLOB name='B' size='99999999999' format='.x'>AAAA")
        liar.silent(0.1)
        healthy.ask("Cam")
        healthy.take("name=.STORE.")
        store(healthy, "Cam", MIB)
        assert liar.closed()
    router.wait_for(f"client {address}:{port} closed (stalled): began an image and sent no more")


def test_wishes_without_end(router: Router) -> None:
    before = resident(router)
    with Client(router.port) as greedy, Client(router.port) as healthy:
        with contextlib.suppress(OSError):
            for first in range(0, 100_000, 1000):
                greedy.send("".join(f"<getProperties version='1.7' device='d{first + n}'/>" for n in range(1000)))
        with contextlib.suppress(OSError):
            assert greedy.closed()
        healthy.ping()
    router.wait_for("closed (limit)")
    assert resident(router) - before < 64 * MIB


@pytest.mark.parametrize("said", ["<pingRequest uid='x'/>", "<getProperties version='1.7'/>"])
def test_a_client_that_sends_and_never_reads(router: Router, said: str) -> None:
    """It is closed after `stall_timeout`, or at once where too much waits for it."""
    with Client(router.port) as healthy, Client(router.port, receive_buffer=4096) as deaf:
        healthy.ping()
        began = time.monotonic()
        with pytest.raises(OSError, match=r"reset|[Bb]roken pipe"):
            while time.monotonic() - began < DEADLINE:
                deaf.send(said * 500)
        healthy.ping("after")
        assert resident(router) < 256 * MIB


def test_images_for_one_who_never_reads(tmp_path: Path) -> None:
    """No more of them are kept than `limits.queue` lets wait."""
    with patient(tmp_path, "queue: 16MiB") as router, deaf_client(router), Client(router.port) as healthy:
        open_images(healthy, "Cam")
        before = resident(router)
        for _ in range(12):
            shoot(healthy, "Cam", 8 * MIB)
        assert resident(router) - before < 90 * MIB
