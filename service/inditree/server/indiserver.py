"""What indiserver's launchers use beside the port: commands by a FIFO, and the log of drivers' messages."""

from __future__ import annotations

import errno
import logging
import os
import re
import stat
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from msgspec.structs import replace

from inditree.config import Driver, Restart
from inditree.config.words import unique
from inditree.core import Peer
from inditree.errors import PeerError, StartError
from inditree.fifo import LINE_MAX_BYTES, FifoError, Start, Stop, parse
from inditree.runtime.engine import Engine
from inditree.server.units import Units
from inditree.supervise import State
from inditree.wire.syntax import parse_start, tag_end

ENDED = frozenset({State.STOPPED, State.FAILED})
"""States that a driver leaves only when it is told to."""

_logger = logging.getLogger("inditree.fifo")


@dataclass(slots=True)
class _Started:
    """What a word of the FIFO stands for."""

    word: str
    label: str
    name: str
    remote: bool = field(default=False)


class Fifo:
    """Reads commands, one a line; a writer opens it, writes and closes. `restart`: the policy of what it starts."""

    def __init__(self, path: str, restart: Restart, engine: Engine, units: Units) -> None:
        self._path = path
        self._restart = restart
        self._engine = engine
        self._units = units
        self._descriptor: int | None = None
        self._partial = b""
        self._started: list[_Started] = []

    def start(self) -> None:
        """Open it, making it where it is missing. Raises StartError."""
        try:
            if not Path(self._path).exists():
                os.mkfifo(self._path, 0o666)
            if not stat.S_ISFIFO(Path(self._path).stat().st_mode):
                raise OSError(errno.EINVAL, "is not a FIFO")
            # Open for writing too: so there is never an end of file between two writers.
            self._descriptor = os.open(self._path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError as error:
            raise StartError(f"FIFO {self._path}: {error.strerror}") from None
        for unit in self._units.drivers.values():
            if unit.config.exec is not None:
                self._started.append(_Started(unit.config.exec[0], "", unit.config.name))
        self._started += [_Started(name, "", name, remote=True) for name in self._units.remotes]
        self._engine.loop.add_reader(self._descriptor, self._readable)

    def stop(self) -> None:
        """Close it; the node stays, as launchers made it."""
        if self._descriptor is not None:
            self._engine.loop.remove_reader(self._descriptor)
            os.close(self._descriptor)
            self._descriptor = None

    def _readable(self) -> None:
        assert self._descriptor is not None
        try:
            data = os.read(self._descriptor, 65536)
        except BlockingIOError:
            return
        *lines, self._partial = (self._partial + data).split(b"\n")
        for line in lines:
            self._act(line)
        if len(self._partial) > LINE_MAX_BYTES:
            self._report("a line is too long")
            self._partial = b""

    def _report(self, text: str) -> None:
        _logger.error("FIFO: %s", text, extra={"event": "fifo_error"})

    def _act(self, line: bytes) -> None:
        text = line.decode("utf-8", "replace")
        try:
            command = parse(text, self._restart)
            if isinstance(command, Start):
                self._start(command)
            elif isinstance(command, Stop):
                self._stop(command)
        except FifoError as error:
            self._report(f"{text.strip()!r}: {error}")

    def _start(self, command: Start) -> None:
        _logger.info("FIFO: start %s", command.driver, extra={"event": "fifo"})
        entry = command.entry
        if isinstance(entry, Driver):
            assert entry.exec is not None
            base = os.path.basename(entry.exec[0])  # noqa: PTH119 - a word, not a path to look at
            entry = replace(entry, name=unique(command.label or base, self._units.drivers))
            self._units.add_driver(entry)
        else:
            entry = replace(entry, name=unique(entry.name or command.driver, self._units.remotes))
            self._units.add_remote(entry)
        is_remote = not isinstance(entry, Driver)
        self._started.append(_Started(command.driver, command.label, entry.name, is_remote))

    def _stop(self, command: Stop) -> None:
        for started in self._started:
            if started.word == command.driver and self._fits(started, command.label):
                break
        else:
            raise FifoError("no such driver runs")
        _logger.info("FIFO: stop %s", command.driver, extra={"event": "fifo"})
        self._started.remove(started)
        work = self._units.remove_remote if started.remote else self._units.remove_driver
        self._engine.tasks.start(work(started.name), f"stop {started.name}")

    def on_change(self) -> None:
        """Say and forget which drivers are gone for good: KStars looks for these words to know of it."""
        for started in list(self._started):
            unit = self._units.drivers.get(started.name)
            if started.remote or unit is None or unit.supervisor.state not in ENDED:
                continue
            self._started.remove(started)
            restarts = sum(unit.supervisor.restarts.values())
            text = f"Driver {started.word}: Terminated after #{restarts} restarts."
            _logger.error("%s", text, extra={"event": "terminated", "driver": started.name})
            self._engine.tasks.start(self._units.remove_driver(started.name), f"forget {started.name}")

    def _fits(self, started: _Started, label: str) -> bool:
        if not label or label == started.label:
            return True
        unit = self._units.drivers.get(started.name)
        return unit is not None and any(label in peer.owns for peer in unit.peers)


class MessageLog:
    """The messages of drivers, in DIRECTORY/YYYY-MM-DD.islog, as `indiserver -l` writes them."""

    _START = re.compile(rb"<(?:def|set|message|del)[A-Za-z]*\s")

    def __init__(self, directory: str) -> None:
        self._directory = Path(directory)
        self._complained = False

    def note(self, peer: Peer, data: bytes) -> None:
        """Look through what a driver has sent."""
        if b"message" not in data:
            return
        for found in self._START.finditer(data):
            try:
                end, _ = tag_end(data, found.end(), len(data), 0)
                _, attributes = parse_start(data[found.start() : end])
            except PeerError:
                continue
            if text := attributes.get("message"):
                now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S")
                self._write(attributes.get("timestamp") or now, attributes.get("device", peer.name), text)

    def _write(self, timestamp: str, device: str, text: str) -> None:
        day = re.sub(r"[^0-9-]", "", timestamp[:10])
        line = f"{timestamp}: {device}: {text}".replace("\n", " ")
        try:
            with (self._directory / f"{day}.islog").open("a") as file:
                file.write(line + "\n")
        except OSError as error:
            if not self._complained:
                self._complained = True
                _logger.error("messages are not logged: %s", error, extra={"event": "islog"})
