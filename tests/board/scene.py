"""A short night at two routers, so that the dashboard has something to show.

`observatory` has the telescope and the main camera and is linked to `dome`, which has a second camera and starts later.
Images flow to several clients; one of them stops reading, a stranger speaks no INDI, and a driver dies.
"""

from __future__ import annotations

import contextlib
import signal
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from itertools import cycle
from pathlib import Path

import psutil
import yaml

from board.prometheus import SCRAPE_S, Recording, scraping
from live import Client, Router, until
from ports import free_port

SECONDS = 110.0
CCD, SECOND, TELESCOPE = "CCD Simulator", "Py Camera", "Telescope Simulator"
PAUSE_S = 0.4  # between two images
IMAGE_S = 8.0  # that an image may take
SLEW_S = 20.0
SMALL_BUFFER = 64 << 10  # bytes: what the system takes for a client that does not read
SKY = ((5.6, 22.0), (10.1, 12.0), (13.8, 28.4), (18.6, 38.8))  # hours and degrees
# When things happen, as shares of the scene.
DOME, MORE, SLOW, STRANGER, DEATH = 0.12, 0.25, 0.4, 0.55, 0.68


def numbers(device: str, name: str, **values: float) -> str:
    """A newNumberVector."""
    members = "".join(f"<oneNumber name='{member}'>{value}</oneNumber>" for member, value in values.items())
    return f"<newNumberVector device='{device}' name='{name}'>{members}</newNumberVector>"


class Worker(threading.Thread):
    """Somebody at the telescope, who works until told that it is `over`."""

    def __init__(self, port: int) -> None:
        super().__init__(daemon=True)
        self.port = port
        self.over = threading.Event()

    def run(self) -> None:
        while not self.over.is_set():
            # What a driver or router that dies breaks off, begins anew, as an observer would.
            with contextlib.suppress(AssertionError, OSError), Client(self.port) as client:
                self.work(client)
            self.over.wait(PAUSE_S)

    def work(self, client: Client) -> None:
        """With one connection."""
        raise NotImplementedError


class Reader(Worker):
    """A client that has all that comes of some devices, images too, and reads it: or leaves it, if `lazy`."""

    def __init__(self, port: int, *devices: str, lazy: bool = False) -> None:
        super().__init__(port)
        self.devices, self.lazy = devices, lazy

    def work(self, client: Client) -> None:
        if self.lazy:
            client.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALL_BUFFER)
        for device in self.devices:
            client.ask(device)
            client.send(f"<enableBLOB device='{device}'>Also</enableBLOB>")
        if self.lazy:
            self.over.wait()
        client.sock.settimeout(0.5)
        while not self.over.is_set():
            with contextlib.suppress(TimeoutError):
                if not client.sock.recv(1 << 20):
                    return


class Observer(Worker):
    """Takes images with one camera, with one binning after the other."""

    def __init__(self, port: int, device: str, binnings: tuple[int, ...]) -> None:
        super().__init__(port)
        self.device, self.binnings = device, cycle(binnings)
        self.images = 0

    def work(self, client: Client) -> None:
        client.connect_ccd(self.device)
        while not self.over.is_set():
            binning = next(self.binnings)
            client.send(numbers(self.device, "CCD_BINNING", HOR_BIN=binning, VER_BIN=binning))
            client.send(numbers(self.device, "CCD_EXPOSURE", CCD_EXPOSURE_VALUE=0.3))
            # Of a driver that has gone no image comes, and its client sees that.
            found = client.take(rf"<(setBLOBVector|delProperty)[^>]*device=.{self.device}.", IMAGE_S)
            if found[1] == b"delProperty":
                return
            client.take("</setBLOBVector>", IMAGE_S)
            self.images += 1
            self.over.wait(PAUSE_S)


class Slewer(Worker):
    """Points the telescope somewhere else now and then."""

    def work(self, client: Client) -> None:
        client.ask(TELESCOPE)
        client.take(f"<defSwitchVector[^>]*device=.{TELESCOPE}.[^>]*name=.CONNECTION.")
        client.send(
            f"<newSwitchVector device='{TELESCOPE}' name='CONNECTION'><oneSwitch name='CONNECT'>On</oneSwitch>"
            "</newSwitchVector>"
        )
        client.take(f"<defNumberVector[^>]*device=.{TELESCOPE}.[^>]*name=.EQUATORIAL_EOD_COORD.")
        for ra, dec in cycle(SKY):
            client.send(numbers(TELESCOPE, "EQUATORIAL_EOD_COORD", RA=ra, DEC=dec))
            if self.over.wait(SLEW_S):
                return
            client.silent(0.5)


class Scene:
    """The two routers, whoever works with them, and the clock."""

    def __init__(self, folder: Path, seconds: float, stack: ExitStack) -> None:
        self.folder, self.seconds, self.stack = folder, seconds, stack
        self.port, self.dome_port = free_port(), free_port()
        self.http = {name: f"127.0.0.1:{free_port()}" for name in ("observatory", "dome")}
        self.begin = time.time()
        self.workers: list[Worker] = []

    def router(self, name: str, port: int, drivers: list[str], remotes: list[dict[str, object]]) -> Router:
        """Start one; it ends with the scene."""
        config = {
            "name": name,
            "listen": [{"tcp": f"127.0.0.1:{port}"}],
            "http": {"listen": self.http[name]},
            "drivers": [{"exec": [program]} for program in drivers],
            "remotes": remotes,
        }
        file = self.folder / f"{name}.yaml"
        file.write_text(yaml.safe_dump(config))
        router = Router(self.folder / f"{name}.log", ["serve", "--config", str(file)], port)
        self.stack.callback(router.stop)
        router.wait_for("listening on")
        return router

    def work(self, *workers: Worker) -> None:
        """Have them do their work until the scene ends."""
        for each in workers:
            self.workers.append(each)
            each.start()

    def at(self, share: float) -> None:
        """Wait until so much of the scene is over."""
        time.sleep(max(0.0, self.begin + share * self.seconds - time.time()))

    def play(self) -> None:
        """All of it. AssertionError where something does not happen that should."""
        remotes: list[dict[str, object]] = [{"host": "127.0.0.1", "port": self.dome_port, "name": "dome"}]
        hub = self.router("observatory", self.port, ["indi_simulator_telescope", "indi_simulator_ccd"], remotes)
        hub.wait_for(f"{CCD}: provided by")
        first, second = Observer(self.port, CCD, (1, 2, 1, 4)), Observer(self.port, SECOND, (2, 1))
        self.work(first, Slewer(self.port), Reader(self.port, CCD, TELESCOPE))
        self.at(DOME)
        self.router("dome", self.dome_port, ["inditree-camera"], [])
        hub.wait_for(f"{SECOND}: provided by", timeout=30)
        self.work(second)
        self.at(MORE)
        self.work(Reader(self.port, CCD, SECOND))
        self.at(SLOW)
        self.work(Reader(self.port, CCD, SECOND, lazy=True))
        self.at(STRANGER)
        for _ in range(5):
            with Client(self.port, "<!DOCTYPE html><html></html>\n") as stranger:
                assert stranger.closed(), "who speaks no INDI is hung up on"
        self.at(DEATH)
        before = first.images
        psutil.Process(hub.driver_pid("indi_simulator_ccd")).send_signal(signal.SIGKILL)
        self.at(1)
        until(lambda: first.images > before and second.images, 30, "images of both cameras, and after the restart")

    def stop(self) -> None:
        """Have them all end their work."""
        for each in self.workers:
            each.over.set()
        for each in self.workers:
            each.join(30)


@contextmanager
def played(folder: Path, seconds: float = SECONDS) -> Iterator[Recording]:
    """The scene, scraped by a Prometheus that can be asked until the block ends. Logs go to the folder."""
    with ExitStack() as stack:
        scene = Scene(folder, seconds, stack)
        address = stack.enter_context(scraping(folder, scene.http))
        try:
            scene.play()
            # The last scrape may not be in yet: the second before has both routers'.
            yield Recording(address, round(scene.begin) + 1, int(time.time()) - SCRAPE_S)
        finally:
            scene.stop()
