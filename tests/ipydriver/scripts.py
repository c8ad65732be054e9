"""Scripts made for indipyserver, run under it and, with only the import changed, under ours; and what a client sees."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
import xml.etree.ElementTree as ET
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from elements import Elements
from live import Client, until
from ports import free_port
from waiting import DEADLINE

PROGRAMS = Path(__file__).parent / "programs"
IMPORT = "from indipyserver import IPyServer"


@contextlib.contextmanager
def script(folder: Path, name: str, module: str, *words: str) -> Iterator[int]:
    """The program runs under `module`'s IPyServer; its port. Its log is MODULE-NAME.log in `folder`."""
    source = (PROGRAMS / f"{name}.py").read_text()
    assert source.count(IMPORT) == 1
    path = folder / f"{name}_{module}.py"
    path.write_text(source.replace(IMPORT, f"from {module} import IPyServer"))
    port = free_port()
    log = folder / f"{module}-{name}.log"
    with log.open("wb") as file:
        process = subprocess.Popen(
            [sys.executable, str(path), str(port), *words],
            cwd=folder,
            stdout=file,
            stderr=file,
            env={**os.environ, "INDITREE_HTTP": ""},
        )
    try:
        until(lambda: process.poll() is not None or listens(process.pid, port), what=f"{name} listens")
        assert process.poll() is None, log.read_text()
        yield port
        assert process.poll() is None, log.read_text()
    finally:
        process.kill()
        process.wait()


def listens(pid: int, port: int) -> bool:
    """Found without a connection, of which indipyserver has few."""
    tables = [Path(f"/proc/{pid}/net/{table}") for table in ("tcp", "tcp6")]
    lines = [line.split() for table in tables if table.exists() for line in table.read_text().splitlines()[1:]]
    return any(line[3] == "0A" and int(line[1].rsplit(":", 1)[1], 16) == port for line in lines)


class Seen(NamedTuple):
    """One element as a client sees it, without what differs from run to run."""

    tag: str
    attributes: tuple[tuple[str, str], ...]
    members: tuple[tuple[str, tuple[tuple[str, str], ...], str], ...]

    @property
    def device(self) -> str:
        return dict(self.attributes).get("device", "")

    @property
    def name(self) -> str:
        return dict(self.attributes).get("name", "")

    @property
    def state(self) -> str:
        return dict(self.attributes).get("state", "")

    @property
    def values(self) -> dict[str, str]:
        return {dict(attributes)["name"]: text for _, attributes, text in self.members}


def seen(element: ET.Element) -> Seen:
    members = tuple(
        (one.tag, tuple(sorted(one.attrib.items())), "".join((one.text or "").split()) or "") for one in element
    )
    times = {"timestamp"} if not element.get("timestamp", "").startswith("2026-05-04") else set[str]()
    attributes = {key: value for key, value in element.attrib.items() if key not in times}
    return Seen(element.tag, tuple(sorted(attributes.items())), members)


class Observer:
    """A client that keeps what it sees. Other clients' and drivers' getProperties, which indipyserver passes on to
    everybody, are no news to a client."""

    def __init__(self, port: int) -> None:
        self.client = Client(port)
        self.all: list[Seen] = []
        self._elements = Elements()
        self._new: deque[Seen] = deque()

    def __enter__(self) -> Observer:
        return self

    def __exit__(self, *_: object) -> None:
        self.client.sock.close()

    def wait(self, fits: Callable[[Seen], bool], what: str = "") -> Seen:
        """Read until the newest element fits."""
        end = time.monotonic() + DEADLINE
        while True:
            while self._new:
                self.all.append(self._new.popleft())
                if fits(self.all[-1]):
                    return self.all[-1]
            assert time.monotonic() < end, f"{what} is not in {self.all[-20:]}"
            self.client.sock.settimeout(max(0.01, end - time.monotonic()))
            try:
                data = self.client.sock.recv(1 << 20)
            except TimeoutError:
                raise AssertionError(f"{what} did not come after {self.all[-20:]}") from None
            assert data, f"closed after {self.all[-20:]}"
            self._new.extend(seen(each) for each in self._elements.feed(data) if each.tag != "getProperties")

    def of(self, tag: str, device: str | None = None, name: str | None = None) -> list[Seen]:
        return [e for e in self.all if e.tag == tag and device in (None, e.device) and name in (None, e.name)]

    def new(self, kind: str, device: str, name: str, **members: object) -> None:
        ones = "".join(f'<one{kind} name="{key}">{value}</one{kind}>' for key, value in members.items())
        self.client.send(f'<new{kind}Vector device="{device}" name="{name}">{ones}</new{kind}Vector>')

    def ask(self, *last: str) -> None:
        """All definitions, until those of these properties have come."""
        self.client.ask()
        missing = set(last)
        while missing:
            missing.discard(self.wait(lambda e: e.tag.startswith("def") and e.name in missing, f"{missing}").name)
