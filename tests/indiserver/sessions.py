"""The same session against Debian's indiserver and `inditree indiserver`: what each client got, made comparable."""

from __future__ import annotations

import contextlib
import difflib
import os
import re
import signal
import socket
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self
from xml.etree.ElementTree import fromstring

from indiserver.recorder import LocalRecorder, Recorder, get, normal
from live import until
from ports import free_port, listens
from waiting import DEADLINE

DOCUMENT = Path(__file__).parents[2] / "docs" / "from-indiserver.md"
#: By name: the real server (Debian's, or the program of INDITREE_TEST_INDISERVER), and ours that stands in for it.
SERVERS = {
    "indiserver": [os.environ.get("INDITREE_TEST_INDISERVER", "indiserver")],
    "inditree": [sys.executable, "-m", "inditree", "indiserver"],
}


@dataclass
class Server:
    """One of the two, running."""

    process: subprocess.Popen[bytes]
    port: int
    name: str
    log_file: Path

    @property
    def log(self) -> str:
        return self.log_file.read_text(errors="replace")

    def stop(self) -> int:
        self.process.terminate()
        return self.process.wait(DEADLINE)


@dataclass
class Side:
    """A session's view of one server: what it starts and who connects.

    `place` is its directory and its drivers' HOME, `notes` what else is compared.
    """

    kind: str
    place: Path
    servers: list[Server] = field(default_factory=list)
    clients: dict[str, Recorder] = field(default_factory=dict)
    notes: dict[str, list[str]] = field(default_factory=dict)
    asked: Counter[str] = field(default_factory=Counter)
    _open: contextlib.ExitStack = field(default_factory=contextlib.ExitStack)
    _devices: tuple[str, ...] = ()
    _ear: Recorder = field(init=False, repr=False)

    def serve(
        self, *words: str, listening: bool = True, env: dict[str, str] | None = None, kind: str | None = None
    ) -> Server:
        """Start it (or the other `kind`) on a free port with a local socket of its own."""
        number, port = len(self.servers), free_port()
        name = f"/tmp/inditree-test-{os.getpid()}-{port}"
        log = self.place / f"server{number}.log"
        with log.open("wb") as file:
            process = subprocess.Popen(
                [*SERVERS[kind or self.kind], "-p", str(port), "-u", name, *words],
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=file,
                cwd=self.place,
                env={**os.environ, "HOME": str(self.place), "INDITREE_HTTP": "off", **(env or {})},
                start_new_session=True,
            )
        server = Server(process, port, name, log)
        self.servers.append(server)
        self._open.callback(self._end, process)
        if listening:
            until(lambda: self._listens(server), DEADLINE, f"{self.kind} listens:\n{server.log}")
        return server

    @staticmethod
    def _listens(server: Server) -> bool:
        assert server.process.poll() is None, server.log
        return listens(server.port)

    @staticmethod
    def _end(process: subprocess.Popen[bytes]) -> None:
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def spy(self, name: str = "spy") -> str:
        """A program of `spy.py`: its path."""
        path = self.place / name
        path.write_text(f"#!{sys.executable}\n" + Path(__file__).with_name("spy.py").read_text())
        path.chmod(0o755)
        return str(path)

    def overheard(self, name: str = "spy", run: int = 1, since: str = "") -> list[str]:
        """What a spy was sent in its first (second ..) run, since it was told to ACT so; device by device."""
        data = (self.place / name).with_suffix(f".{run}").read_bytes()
        root = fromstring(b"<all>" + re.sub(rb"<\?xml[^>]*\?>", b"", data) + b"</all>")
        said = list(root)
        if since:
            told = [(element.findtext("oneText") or "").strip() for element in said]
            said = said[told.index(since) + 1 :]
        return [normal(element) for element in sorted(said, key=lambda each: each.get("device", ""))]

    def warm(self, *devices: str, server: Server | None = None) -> None:
        """Wait until these drivers are up and have nothing left to say of their start; `settle` is about them."""
        self._devices, self.asked = devices, Counter()
        sock = self._open.enter_context(socket.create_connection(("127.0.0.1", (server or self.servers[0]).port)))
        self._ear = ear = Recorder(sock)
        for device in devices:
            self._wait_for(ear, device)
            ear.send(get(device, "CONNECTION") * 2)
        for device in devices:
            ear.twice(device, "CONNECTION")
        ear.sync()
        ear.begin(self.asked)
        self.settle()

    @staticmethod
    def _wait_for(ear: Recorder, device: str) -> None:
        """indiserver forgets what it cannot deliver: ask until the driver answers."""

        def answers() -> bool:
            ear.send(get(device, "DRIVER_INFO"))
            with contextlib.suppress(TimeoutError):
                ear.read(0.2)
            return any(element.get("device") == device for element in ear.seen)

        until(answers, what=device)

    def settle(self) -> None:
        """All that clients have sent is acted on, and all that came of it is with the clients.

        A driver does one thing after another, and its definitions go to all who are interested: the one that was asked
        for last comes last.
        """
        for client in self.clients.values():
            client.sync()
        for device in self._devices:
            self._ear.send(get(device, "DRIVER_INFO"))
        for device in self._devices:
            self._ear.count(device, self.asked[device] + self.asked[""])
        for client in self.clients.values():
            client.sync()

    def client(self, name: str, server: Server | None = None) -> Recorder:
        """A client by TCP, whose transcript is compared."""
        server = server or self.servers[0]
        sock = self._open.enter_context(socket.create_connection(("127.0.0.1", server.port)))
        self.clients[name] = Recorder(sock, self.asked)
        return self.clients[name]

    def local(self, name: str, server: Server | None = None) -> LocalRecorder:
        """A client by the local socket."""
        server = server or self.servers[0]
        sock = self._open.enter_context(socket.socket(socket.AF_UNIX))
        sock.connect("\0" + server.name)
        client = self.clients[name] = LocalRecorder(sock, self.asked)
        return client

    def transcript(self, client: str) -> dict[str, list[str]]:
        """A client's, without the names of this side's directories."""
        own = self.clients[client].transcript()
        return {device: [line.replace(str(self.place), "HOME") for line in lines] for device, lines in own.items()}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._open.close()


Session = Callable[[Side], None]


def both(session: Session, tmp: Path) -> list[Side]:
    """Run a session against each server, at once; raises what either raised."""
    sides, failed = [], []

    def run(side: Side) -> None:
        try:
            with side:
                session(side)
        except BaseException as error:  # told by the thread that joins
            error.add_note(f"with {side.kind}; " + "\n".join(each.log[-3000:] for each in side.servers))
            failed.append(error)

    for kind in SERVERS:
        place = tmp / kind
        place.mkdir()
        sides.append(Side(kind, place))
    threads = [threading.Thread(target=run, args=(side,)) for side in sides]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failed:
        raise failed[0]
    return sides


def differences(sides: list[Side], *, once: bool = False) -> list[str]:
    """Where the transcripts of clients and the notes differ, `WHO: -/+ element`: - indiserver's, + ours.

    With `once` definitions and questions count once and in any order: how often they come in the first moments of a
    chain is a matter of luck.
    """
    theirs, ours = sides
    result = []
    for name in theirs.clients:
        before, after = theirs.transcript(name), ours.transcript(name)
        for device in sorted({*before, *after}):
            result += _compare(name, before.get(device, []), after.get(device, []), once)
    for name in sorted({*theirs.notes, *ours.notes}):
        result += _compare(name, theirs.notes.get(name, []), ours.notes.get(name, []), once)
    return result


def _compare(name: str, before: list[str], after: list[str], once: bool) -> list[str]:
    if once:
        before, after = _first_ones(before), _first_ones(after)
    return [f"{name}: {line}" for line in difflib.ndiff(before, after) if line[0] in "-+"]


def _first_ones(lines: list[str]) -> list[str]:
    repeats = ("<def", "<getProperties")
    return sorted({line for line in lines if line.startswith(repeats)}) + [
        line for line in lines if not line.startswith(repeats)
    ]


def same(sides: list[Side], *, once: bool = False, **known: str) -> None:
    """The transcripts differ in nothing but what is known: by the name under which the document tells why, a pattern.

    Each of the known must be seen, or it is known no longer.
    """
    left = differences(sides, once=once)
    for name, pattern in known.items():
        assert f"`{name.replace('_', '-')}`" in DOCUMENT.read_text(), f"{name} is not in {DOCUMENT.name}"
        seen = [line for line in left if re.search(pattern, line)]
        assert seen, f"no difference {name} was seen"
        left = [line for line in left if line not in seen]
    assert not left, f"{len(left)} lines differ:\n" + "\n".join(line[:700] for line in left)
