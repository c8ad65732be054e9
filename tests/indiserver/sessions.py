"""The same session against Debian's indiserver and `inditree indiserver`: what each client got, made comparable."""

from __future__ import annotations

import contextlib
import difflib
import itertools
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self, cast
from xml.etree.ElementTree import Element, XMLPullParser, fromstring

from live import free_port, until

DOCUMENT = Path(__file__).parents[2] / "docs" / "from-indiserver.md"
DEADLINE = 20.0
#: By name: Debian's server, and ours by the command that stands in for it.
SERVERS = {"indiserver": ["indiserver"], "inditree": [sys.executable, "-m", "inditree", "indiserver"]}
#: What differs from run to run: clocks, the simulators' noise, places of files.
VOLATILE = {"timestamp", "enclen", "size"}


def switch(device: str, name: str, *members: str) -> str:
    """A newSwitchVector that switches these members on."""
    inside = "".join(f"<oneSwitch name='{member}'>On</oneSwitch>" for member in members)
    return f"<newSwitchVector device='{device}' name='{name}'>{inside}</newSwitchVector>"


def number(device: str, name: str, **members: float) -> str:
    """A newNumberVector."""
    inside = "".join(f"<oneNumber name='{member}'>{value}</oneNumber>" for member, value in members.items())
    return f"<newNumberVector device='{device}' name='{name}'>{inside}</newNumberVector>"


def blobs(mode: str, device: str | None = None, name: str | None = None) -> str:
    """An enableBLOB."""
    of = "".join(f" {key}='{value}'" for key, value in (("device", device), ("name", name)) if value)
    return f"<enableBLOB{of}>{mode}</enableBLOB>"


def act(what: str, device: str = "Spy") -> str:
    """Tell a spy to do something."""
    return f"<newTextVector device='{device}' name='ACT'><oneText name='WHAT'>{what}</oneText></newTextVector>"


def get(device: str | None = None, name: str | None = None) -> str:
    """A getProperties."""
    of = "".join(f" {key}='{value}'" for key, value in (("device", device), ("name", name)) if value)
    return f"<getProperties version='1.7'{of}/>"


def normal(element: Element) -> str:
    """One element on one line: attributes sorted, without times and sizes; white space around texts is gone."""
    attributes = "".join(f" {key}={value!r}" for key, value in sorted(element.attrib.items()) if key not in VOLATILE)
    text = (element.text or "").strip()
    if element.tag == "oneBLOB":
        text = "data" if text else ""
    inside = text + "".join(normal(child) for child in element)
    return f"<{element.tag}{attributes}>{inside}</>" if inside else f"<{element.tag}{attributes}/>"


def events(parser: XMLPullParser[Element]) -> Iterator[tuple[str, Element]]:
    """Starts and ends of elements."""
    return cast("Iterator[tuple[str, Element]]", parser.read_events())


class Recorder:
    """A client that keeps what it gets, as elements; `seen` is what it has read so far."""

    def __init__(self, sock: socket.socket, asked: Counter[str] | None = None) -> None:
        self.sock = sock
        self._asked = Counter() if asked is None else asked  # by device ("": all): how often DRIVER_INFO was asked for
        self.seen: list[Element] = []
        self._parser: XMLPullParser[Element] = XMLPullParser(["start", "end"])
        self._parser.feed("<all>")
        self._depth = 0
        self._marks: Counter[tuple[object, ...]] = Counter()

    def send(self, *elements: str) -> None:
        text = "".join(elements)
        for device, name in re.findall(r"<getProperties version='1.7'(?: device='([^']*)')?(?: name='([^']*)')?", text):
            if name in ("", "DRIVER_INFO"):
                self._asked[device] += 1
        self.sock.sendall(text.encode())

    def receive(self) -> bytes:
        """What is there."""
        return self.sock.recv(1 << 20)

    def read(self, timeout: float) -> bool:
        """One read; False at the end of the stream."""
        self.sock.settimeout(timeout)
        data = self.receive()
        self._parser.feed(re.sub(rb"<\?xml[^>]*\?>", b"", data))
        for event, element in events(self._parser):
            self._depth += 1 if event == "start" else -1
            if event == "end" and self._depth == 1:
                self.seen.append(element)
        return bool(data)

    def until(self, tag: str, **attributes: str) -> Element:
        """Read up to the next element with this tag and these attributes: next to the one found so before."""
        key = (tag, *attributes.items())

        def found() -> Element | None:
            for index in range(self._marks[key], len(self.seen)):
                element = self.seen[index]
                if element.tag == tag and all(element.get(name) == value for name, value in attributes.items()):
                    self._marks[key] = index + 1
                    return element
            return None

        while (element := found()) is None:
            try:
                alive = self.read(DEADLINE)
            except TimeoutError:
                alive = False
            if not alive:
                raise AssertionError(f"no <{tag} {attributes}>; seen:\n" + "\n".join(map(normal, self.seen[-20:])))
        return element

    def sync(self, uid: str = "sync") -> None:
        """All that was sent before has been passed on, and all that waited for us is here."""
        self.send(f"<pingRequest uid='{uid}'/>")
        self.until("pingReply", uid=uid)

    def begin(self, asked: Counter[str]) -> None:
        """Count from here on."""
        self.seen.clear()
        self._marks.clear()
        self._asked = asked

    def twice(self, device: str, name: str) -> None:
        """Read until a property was defined twice in a row: only two questions for it do that, no driver's start."""

        def there() -> bool:
            names = [each.get("name") for each in self.seen if each.get("device") == device]
            return (name, name) in itertools.pairwise(names)

        while not there():
            assert self.read(DEADLINE), "the server hung up"

    def count(self, device: str, number: int) -> None:
        """Read until so many definitions of a device's DRIVER_INFO have come."""

        def there() -> int:
            return sum(each.get("device") == device and each.get("name") == "DRIVER_INFO" for each in self.seen)

        while there() < number:
            try:
                assert self.read(DEADLINE), "the server hung up"
            except TimeoutError:
                raise AssertionError(f"{device} answered {there()} of {number} times") from None

    def closed(self) -> bool:
        """Read to the end."""
        try:
            while self.read(DEADLINE):
                pass
        except ConnectionError:
            pass
        except TimeoutError:
            return False
        return True

    def connect(self, device: str) -> None:
        """Switch a device on and wait until it is."""
        self.send(switch(device, "CONNECTION", "CONNECT"))
        self.until("setSwitchVector", device=device, name="CONNECTION", state="Ok")

    def expose(self, device: str = "CCD Simulator") -> None:
        """Begin a short exposure."""
        self.send(number(device, "CCD_EXPOSURE", CCD_EXPOSURE_VALUE=0.01))

    def transcript(self) -> dict[str, list[str]]:
        """By device, in order: drivers are independent of one another."""
        result: dict[str, list[str]] = {}
        for element in self.seen:
            if element.tag not in ("pingReply",):
                result.setdefault(element.get("device", ""), []).append(normal(element))
        return result


class LocalRecorder(Recorder):
    """The same on a UNIX socket: `fds` are the descriptors that came, to be closed by whoever takes them."""

    def __init__(self, sock: socket.socket, asked: Counter[str] | None = None) -> None:
        super().__init__(sock, asked)
        self.fds: list[int] = []

    def receive(self) -> bytes:
        data, fds, _, _ = socket.recv_fds(self.sock, 1 << 20, 16)
        self.fds += fds
        return data

    def image(self, size: int) -> bytes:
        """The oldest image."""
        fd = self.fds.pop(0)
        try:
            return os.pread(fd, size, 0)
        finally:
            os.close(fd)


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
        with socket.socket() as sock:
            return sock.connect_ex(("127.0.0.1", server.port)) == 0

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
        end = time.monotonic() + DEADLINE
        while not any(element.get("device") == device for element in ear.seen):
            assert time.monotonic() < end, f"no {device}"
            ear.send(get(device, "DRIVER_INFO"))
            with contextlib.suppress(TimeoutError):
                ear.read(0.2)

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
