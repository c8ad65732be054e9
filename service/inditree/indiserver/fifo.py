"""The FIFO by which indiserver's launchers start and stop drivers."""

from __future__ import annotations

import errno
import logging
import os
import stat
from dataclasses import dataclass
from pathlib import Path

from msgspec.structs import replace

from inditree.config import Driver, Remote, Restart
from inditree.config.check import check_name
from inditree.config.words import driver_name, remote_name, unique
from inditree.errors import ConfigError, StartError
from inditree.indiserver.fifo_commands import LINE_MAX_BYTES, FifoError, Start, Stop, parse
from inditree.ops.places import own_user, user_name
from inditree.server.units import DriverUnit, Units
from inditree.supervise import ENDED
from inditree.transport.engine import Engine
from inditree.transport.remote import RemoteLink

_logger = logging.getLogger("inditree.fifo")

READ_BYTES = LINE_MAX_BYTES
"""Bytes read in one step: a wrong line of two bytes costs as much as a right one."""


@dataclass(slots=True)
class _Started:
    """A driver or remote that a word of the FIFO stands for."""

    word: str
    label: str
    unit: DriverUnit | RemoteLink

    def fits(self, command: Stop, *, whatever_label: bool = False) -> bool:
        """Says whether `stop` means this one."""
        if isinstance(self.unit, RemoteLink):
            return command.remote is not None and _place(self.unit.config) == _place(command.remote)
        if command.remote is not None or self.word != command.driver:
            return False
        return (
            whatever_label
            or command.label in ("", self.label)
            or any(command.label in peer.owns for peer in self.unit.peers)
        )


def _name(label: str) -> str:
    """The label where a driver may be called so in the API and the metrics, else nothing."""
    try:
        check_name(label, "")
    except ConfigError:
        return ""
    return label


def _check_kind(found: os.stat_result) -> None:
    if not stat.S_ISFIFO(found.st_mode):
        raise OSError(errno.EINVAL, "is not a FIFO")


def _check_owner(path: Path, found: os.stat_result) -> None:
    """Checks that, where anybody may put a FIFO (/tmp), it is the router's user's or root's. Raises OSError.

    Who owns it may write to it, and starts programs as the router's user. The kernel has this rule (`protected_fifos`).
    """
    folder = path.parent.stat()
    if not (folder.st_mode & stat.S_ISVTX and folder.st_mode & stat.S_IWOTH):
        return
    for each in (path.lstat(), found):
        if each.st_uid not in (0, own_user(), folder.st_uid):
            raise PermissionError(errno.EPERM, f"belongs to {user_name(each.st_uid)}, who could start programs by it")


def _place(remote: Remote) -> tuple[str, int, str | None]:
    return remote.host, remote.port, remote.device


class Fifo:
    """Reads commands, one a line; a writer opens it, writes and closes. `restart`: the policy of what it starts."""

    def __init__(self, path: str, restart: Restart, engine: Engine, units: Units) -> None:
        self._path = path
        self._restart = restart
        self._engine = engine
        self._units = units
        self._descriptor: int | None = None
        self._partial = b""
        self._skipping = False  # the rest of a line that is too long
        self._started: list[_Started] = []

    def start(self) -> None:
        """Open it, making it where it is missing. Raises StartError."""
        try:
            if not Path(self._path).exists():
                os.mkfifo(self._path, 0o600)
            self._open()
        except OSError as error:
            raise StartError(f"FIFO {self._path}: {error.strerror}") from None
        for unit in self._units.drivers.values():
            if unit.config.exec is not None:
                self._started.append(_Started(unit.config.exec[0], "", unit))
        self._started += [_Started(name, "", link) for name, link in self._units.remotes.items()]

    def _open(self) -> None:
        """Opens it for reading only, so that it shows when the last writer has gone. Raises OSError."""
        path = Path(self._path)
        _check_kind(path.stat())
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            _check_kind(os.fstat(descriptor))
            _check_owner(path, os.fstat(descriptor))
        except OSError:
            os.close(descriptor)
            raise
        self._descriptor = descriptor
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
            data = os.read(self._descriptor, READ_BYTES)
        except BlockingIOError:
            return
        if not data:
            self._hung_up()
            return
        *lines, partial = (self._partial + data).split(b"\n")
        for line in lines:
            self._line(line)
        self._partial = partial
        if len(partial) >= LINE_MAX_BYTES:
            self._partial = b""
            self._too_long()

    def _line(self, line: bytes) -> None:
        """A whole line; the rest of one that is too long is passed over."""
        if self._skipping:
            self._skipping = False
        elif len(line) >= LINE_MAX_BYTES:
            self._report("a line is too long")
        else:
            self._act(line)

    def _too_long(self) -> None:
        if not self._skipping:
            self._skipping = True
            self._report("a line is too long")

    def _hung_up(self) -> None:
        """The last writer has gone: what it wrote without a newline is a line, and none of the next writer's.

        A descriptor that has seen the end shows it for ever, so there is another one, opened before the old one goes.
        """
        line, self._partial = self._partial, b""
        old = self._descriptor
        assert old is not None
        self._engine.loop.remove_reader(old)
        self._descriptor = None
        try:
            self._open()
        except OSError as error:
            self._report(f"{self._path} is gone: {error.strerror}")
        os.close(old)
        if line or self._skipping:
            self._line(line)

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
        unit: DriverUnit | RemoteLink
        if isinstance(entry, Driver):
            name = unique(_name(command.label) or driver_name(entry), self._units.drivers)
            unit = self._units.add_driver(replace(entry, name=name))
        else:
            name = unique(remote_name(entry), self._units.remotes)
            unit = self._units.add_remote(replace(entry, name=name))
        self._started.append(_Started(command.driver, command.label, unit))

    def _stop(self, command: Stop) -> None:
        # What the API removed is gone; its name may be another's by now, which is not ours to stop.
        self._started = [each for each in self._started if self._units.has(each.unit)]
        started = next((each for each in self._started if each.fits(command)), None)
        if started is None and command.alone:
            started = next((each for each in self._started if each.fits(command, whatever_label=True)), None)
        if started is None:
            raise FifoError("no such driver runs")
        _logger.info("FIFO: stop %s", command.driver, extra={"event": "fifo"})
        self._started.remove(started)
        self._remove(started.unit)

    def _remove(self, unit: DriverUnit | RemoteLink) -> None:
        work = self._units.remove_remote(unit) if isinstance(unit, RemoteLink) else self._units.remove_driver(unit)
        self._engine.tasks.start(work, f"remove {unit.config.name}")

    def on_change(self) -> None:
        """Say and forget which drivers are gone for good: KStars looks for these words to know of it."""
        for started in list(self._started):
            unit = started.unit
            if isinstance(unit, RemoteLink) or unit.supervisor.state not in ENDED or not self._units.has(unit):
                continue
            self._started.remove(started)
            restarts = sum(unit.supervisor.restarts.values())
            text = f"Driver {started.word}: Terminated after #{restarts} restarts."
            _logger.error("%s", text, extra={"event": "terminated", "driver": unit.config.name})
            self._remove(unit)
