"""Many at once: a thousand silent connections, fifty that send anything, too few descriptors. Service holds."""

from __future__ import annotations

import contextlib
import random
import resource
import socket
import statistics
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from live import Client, until
from ports import free_port
from security.parts import IMAGER, configured, imager, listen, metrics, number, open_images, shoot
from waiting import DEADLINE

MIB = 1 << 20


@pytest.fixture(name="many_files", autouse=True)
def _many_files() -> Iterator[None]:
    """This process holds the other ends."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def latencies(client: Client, seconds: float = 0.5) -> list[float]:
    """Seconds from a new* to the set* of the driver, again and again for a while."""
    taken: list[float] = []
    end = time.monotonic() + seconds
    while (began := time.monotonic()) < end:
        client.send(number("Cam", "COUNT", len(taken)))
        client.take(f"<setNumberVector device='Cam' name='COUNT'[^>]*><oneNumber name='N'>{len(taken)}<")
        taken.append(time.monotonic() - began)
        time.sleep(0.002)
    return taken


def spent(process: psutil.Process) -> float:
    """Seconds that a process has had the processor."""
    return time.clock_gettime((~process.pid << 3) | 2)  # as clock_getcpuclockid(3) does


def told(what: str, taken: list[float], process: psutil.Process) -> None:
    middle, worst = statistics.median(taken) * 1000, max(taken) * 1000
    print(f"{what}: median {middle:.2f} ms, worst {worst:.1f} ms, {process.memory_info().rss >> 20} MiB")


@contextlib.contextmanager
def crowd(port: int, size: int) -> Iterator[list[socket.socket]]:
    with contextlib.ExitStack() as stack:
        yield [stack.enter_context(socket.create_connection(("127.0.0.1", port))) for _ in range(size)]


def babble(port: int, stop: threading.Event, seed: int) -> None:
    """Send random bytes, again and again."""
    data = random.Random(seed).randbytes(1 << 16)
    pieces = [data, b"<" + data, b"<newTextVector device='Cam' name='", b"<getProperties version='1.7'/>" * 50]
    while not stop.is_set():
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 5) as sock:
            sock.settimeout(DEADLINE)
            sock.sendall(pieces[seed % len(pieces)])
            seed += 1
            stop.wait(0.05)


def test_a_crowd_costs_a_healthy_client_little(tmp_path: Path) -> None:
    port = free_port()
    entry = listen(port, "max_connections: 1200")
    with configured(tmp_path, port, entry, imager("Cam"), ready="Cam: provided by") as router, Client(port) as healthy:
        process = psutil.Process(router.process.pid)
        open_images(healthy, "Cam")
        began = spent(process)
        alone = latencies(healthy)
        cost_alone = (spent(process) - began) / len(alone)
        told("alone", alone, process)
        before = process.num_fds()
        with crowd(port, 1000):
            until(lambda: process.num_fds() >= before + 1000)
            began = spent(process)
            silent = latencies(healthy)
            cost_silent = (spent(process) - began) / len(silent)
            told("1 000 silent", silent, process)
            shoot(healthy, "Cam", MIB)
        until(lambda: process.num_fds() <= before, what="descriptors return")
        stop = threading.Event()
        threads = [threading.Thread(target=babble, args=(port, stop, each), daemon=True) for each in range(50)]
        for thread in threads:
            thread.start()
        attacked = latencies(healthy, 2.0)
        told("50 that babble", attacked, process)
        shoot(healthy, "Cam", MIB)
        stop.set()
        for thread in threads:
            thread.join(10)
        until(lambda: process.num_fds() <= before, what="descriptors return")
        assert process.memory_info().rss < 256 * MIB
        # What the router works for an answer, which others that work on the machine do not make longer.
        assert cost_silent < 0.002 + 3 * cost_alone, f"{cost_silent * 1000:.2f} ms, alone {cost_alone * 1000:.2f}"
        assert statistics.median(attacked) < 10.0
        assert "Traceback" not in router.log


def test_without_descriptors_it_says_so_and_goes_on(tmp_path: Path) -> None:
    port, http = free_port(), f"127.0.0.1:{free_port()}"
    lines = (listen(port), imager("Cam"), f"http: {{listen: {http}}}")
    with configured(tmp_path, port, *lines, ready="Cam: provided by") as router, Client(port) as healthy:
        process = psutil.Process(router.process.pid)
        open_images(healthy, "Cam")
        metrics(http)
        before = process.num_fds()
        resource.prlimit(router.process.pid, resource.RLIMIT_NOFILE, (before + 60, before + 60))
        with crowd(port, 100):
            router.wait_for("cannot accept: Too many open files")
            said = router.log.count("cannot accept")
            began = time.monotonic()
            latencies(healthy, 1.5)
            shoot(healthy, "Cam", MIB)
            assert router.log.count("cannot accept") - said <= time.monotonic() - began + 1, "once a second"
            next(each for each in router.descendants() if each.cmdline()[1:] == [str(IMAGER), "Cam"]).kill()
            healthy.take("<delProperty device=.Cam.")
            healthy.take("<defNumberVector device=.Cam. name=.COUNT.")  # what remains is for drivers
            assert metrics(http)
            assert process.cpu_percent(0.5) < 50
        until(lambda: process.num_fds() <= before, what="descriptors return")
        with Client(port) as late:
            late.ping()
        assert metrics(http)
        assert "Traceback" not in router.log, router.log[-3000:]


def test_too_many_connections_are_refused_and_counted(tmp_path: Path) -> None:
    port, http = free_port(), f"127.0.0.1:{free_port()}"
    lines = (listen(port, "max_connections: 3"), f"http: {{listen: {http}}}")
    with configured(tmp_path, port, *lines), Client(port) as first, crowd(port, 10):
        first.ping()
        name = 'indi_connections_rejected_total{reason="limit"}'
        until(lambda: metrics(http).get(name, 0) == 8)
