"""How the router grows: python -m bench.growth [clients|drivers|properties|routers]...

Each table has a line for each size. CPU is that of the router and its helpers, without drivers and clients, by the
kernel's process clock, so work of others on the machine hardly shows in it. Memory is the proportional share now.
"""

from __future__ import annotations

import argparse
import contextlib
import selectors
import socket
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import psutil

from bench.measure import cpu_seconds, pss
from live import Client, Router, serve, until
from ports import free_port

MIB = 1 << 20
NUMBERS = 2000
GO = "<newNumberVector device='D0' name='P0'><oneNumber name='V'>1</oneNumber></newNumberVector>"
DRIVER = f"""
import os, sys
name, properties = sys.argv[1], int(sys.argv[2])
number = "<setNumberVector device='%s' name='P0' state='Ok'><oneNumber name='V'>%08d</oneNumber></setNumberVector>\\n"
for line in sys.stdin:
    if "getProperties" in line and properties:
        for each in range(properties):
            print(
                f"<defNumberVector device='{{name}}' name='P{{each}}' label='{{each}}' group='' state='Idle' perm='rw'>"
                "<defNumber name='V' label='Value' format='%g' min='0' max='0' step='0'>0</defNumber></defNumberVector>"
            )
        properties = 0
        sys.stdout.flush()
    elif "newNumberVector" in line:
        for each in range({NUMBERS} // 20):
            os.write(1, "".join(number % (name, each * 20 + k) for k in range(20)).encode())
"""
LENGTH = len(
    "<setNumberVector device='D0' name='P0' state='Ok'><oneNumber name='V'>00000000</oneNumber></setNumberVector>\n"
)
Row = dict[str, float]


class Measured:
    """A router, what it has used, and the folder that it runs in."""

    def __init__(self, router: Router, drivers: list[str]) -> None:
        self.router, self.drivers = router, drivers

    def processes(self) -> list[int]:
        """The router and its helpers, without its drivers."""
        root = psutil.Process(self.router.process.pid)
        found = [root.pid]
        for each in root.children(recursive=True):
            with contextlib.suppress(psutil.Error):
                if not any(driver in each.cmdline() for driver in self.drivers):
                    found.append(each.pid)
        return found

    @property
    def cpu(self) -> float:
        """Seconds so far."""
        return sum(map(cpu_seconds, self.processes()))

    @property
    def memory(self) -> float:
        """MiB now."""
        return round(sum(map(pss, self.processes())) / MIB, 1)


@contextlib.contextmanager
def router(drivers: int, properties: int) -> Iterator[Measured]:
    """One with so many drivers, a device of so many properties each; it has heard of them all."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        program = folder / "driver.py"
        program.write_text(DRIVER)
        words = [f"{sys.executable} -S {program} D{number} {properties}" for number in range(drivers)]
        made = stack.enter_context(serve(folder, "--max-connections", "2000", *words))
        measured = Measured(made, [str(program)])
        until(lambda: all(f"D{number}: provided by" in made.log for number in range(drivers)), 120, "all devices")
        last = f"<defNumberVector device='D{drivers - 1}' name='P{properties - 1}'"
        with Client(made.port) as client:
            client.ask(f"D{drivers - 1}")
            client.take(last, 120)
        yield measured


def newcomer(measured: Measured) -> float:
    """The router's CPU, in milliseconds, for a client that asks for all there is and hears it."""
    with Client(measured.router.port) as client:
        before = measured.cpu
        client.send("<getProperties version='1.7'/><pingRequest uid='told'/>")
        client.take("<pingReply uid=.told.", 120)
        return round((measured.cpu - before) * 1e3, 1)


def heard(port: int, clients: int, go: Callable[[], None]) -> None:
    """So many clients, each of which hears all numbers after `go`."""
    with selectors.DefaultSelector() as selector, ExitStack() as stack:
        left: dict[socket.socket, int] = {}
        for _ in range(clients):
            made = stack.enter_context(socket.create_connection(("127.0.0.1", port)))
            made.sendall(b"<getProperties version='1.7' device='D0' name='P0'/><pingRequest uid='told'/>")
            told = b""
            while b"pingReply" not in told:
                told += made.recv(1 << 16)
            selector.register(made, selectors.EVENT_READ)
            left[made] = NUMBERS * LENGTH
        go()
        end = time.monotonic() + 300
        while left:
            assert time.monotonic() < end, f"{len(left)} clients have not heard all"
            for key, _ in selector.select(5):
                made = key.fileobj  # type: ignore[assignment]
                left[made] -= len(made.recv(1 << 20))
                if left[made] <= 0:
                    selector.unregister(made)
                    del left[made]


def of_clients(number: int) -> Row:
    """Clients that hear one driver's numbers."""
    with router(1, 1) as measured, Client(measured.router.port) as asking:
        before, used = measured.memory, 0.0
        memory = 0.0

        def go() -> None:
            nonlocal used, memory
            memory, used = measured.memory, measured.cpu
            asking.send(GO)

        heard(measured.router.port, number, go)
        spent = measured.cpu - used
        return {
            "clients": number,
            "memory, MiB": memory,
            "KiB each": round((memory - before) * 1024 / number, 1),
            "CPU for a delivery, us": round(spent / NUMBERS / number * 1e6, 2),
            "CPU for a number, us": round(spent / NUMBERS * 1e6, 1),
        }


def of_drivers(number: int) -> Row:
    """Drivers of one device with ten properties each."""
    with router(number, 10) as measured:
        return {
            "drivers": number,
            "memory, MiB": measured.memory,
            "CPU until all are there, ms": round(measured.cpu * 1e3),
            "newcomer, ms CPU": newcomer(measured),
        }


def of_properties(number: int) -> Row:
    """Properties of one driver."""
    with router(1, number) as measured:
        return {
            "properties": number,
            "memory, MiB": measured.memory,
            "CPU until all are there, ms": round(measured.cpu * 1e3),
            "newcomer, ms CPU": newcomer(measured),
        }


def of_routers(number: int) -> Row:
    """Routers linked to one hub, the first with a driver of ten properties."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        (program := folder / "driver.py").write_text(DRIVER)
        words, leaves = f"{sys.executable} -S {program} D0 10", []
        for each in range(number):
            own = [words] if each == 0 else []
            leaves.append(stack.enter_context(serve(folder, *own, port=free_port(), name=f"leaf{each}")))
        remotes = [part for leaf in leaves for part in ("--remote", f"127.0.0.1:{leaf.port}")]
        hub = Measured(stack.enter_context(serve(folder, *remotes, name="hub")), [])

        def everywhere() -> bool:
            with Client(leaves[-1].port) as client:
                client.send("<getProperties version='1.7'/><pingRequest uid='told'/>")
                return b"D0" in client.take("^.*<pingReply uid=.told.")[0]

        until(everywhere, 120, "the last leaf knows the device of the first")
        used = hub.cpu
        time.sleep(5.0)
        return {
            "routers": number,
            "hub's memory, MiB": hub.memory,
            "hub's CPU until all know all, ms": round(used * 1e3),
            "idle hub, ms CPU a second": round((hub.cpu - used) * 1e3 / 5.0, 1),
        }


TABLES: dict[str, tuple[Callable[[int], Row], tuple[int, ...]]] = {
    "clients": (of_clients, (1, 10, 100, 1000)),
    "drivers": (of_drivers, (1, 10, 100)),
    "properties": (of_properties, (10, 100, 1000, 10_000, 100_000)),
    "routers": (of_routers, (1, 10, 100)),
}


def main() -> None:
    """Measure what is asked for, and print it as tables of the documentation."""
    parser = argparse.ArgumentParser(prog="bench.growth", description=__doc__)
    parser.add_argument("what", nargs="*", choices=[*TABLES, []], default=[], help="which tables; all by default")
    for name in parser.parse_args().what or TABLES:
        measure, sizes = TABLES[name]
        for place, size in enumerate(sizes):
            row = measure(size)
            if not place:
                print("\n| " + " | ".join(row) + " |\n" + "|---" * len(row) + "|")
            print(
                "| " + " | ".join(f"{value:g}" if value < 1e5 else f"{value:.0f}" for value in row.values()) + " |",
                flush=True,
            )


if __name__ == "__main__":
    main()
