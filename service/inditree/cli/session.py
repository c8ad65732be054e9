"""A plain client of any INDI server, for the commands that ask, set, watch and take images."""

from __future__ import annotations

import contextlib
import os
import socket
import time
from argparse import Namespace
from collections.abc import Iterator

from inditree.commands.names import Names, literal
from inditree.config import units
from inditree.envelope import Object, Properties
from inditree.errors import ConfigError, InditreeError
from inditree.wire.elements import Blob, Element, Run, alone
from inditree.wire.framer import Framer
from inditree.wire.syntax import get_properties, ping_request
from inditree.wire.trust import LINK

NO_CONNECTION, REFUSED, TIME_IS_UP = 1, 3, 4
"""Exit statuses beside 0 (done) and 2 (wrong use)."""
ELEMENT_LIMIT, BLOB_LIMIT = 16 << 20, 2 << 30
"""Bytes of one element, and of an image, that are taken from a server."""
READ = 1 << 20
FAREWELL = 1.0
"""Seconds that a server has to read what was sent before we hang up."""
AFTER_PING = 0.15
"""Seconds without a definition after which a server that has answered the ping has said all."""
QUIET = 0.5
"""Seconds without a definition after which a server that answers no ping has said all."""


class SessionError(InditreeError):
    """The server is not there, or has gone."""


class TimeIsUp(InditreeError):
    """The time is up, and the answer has not come."""


class Session:
    """A connection to the INDI port of a server, with what it has defined so far. Raises SessionError, PeerError."""

    def __init__(self, host: str, port: int, timeout: float) -> None:
        self.where = units.join(host, port)
        self.properties = Properties()
        try:
            self._socket = socket.create_connection((host, port), timeout)
        except OSError as error:
            raise SessionError(f"no INDI server answers at {self.where}: {error.strerror or error}") from None
        self._framer = Framer(alone, ELEMENT_LIMIT, BLOB_LIMIT, LINK)
        self._rest: Iterator[Object | Blob | None] = iter(())  # of what came in one breath
        self.received = 0  # bytes, for a progress bar

    @classmethod
    def of(cls, chosen: Namespace) -> Session:
        """Connect to --host and --port, else INDITREE_HOST and INDITREE_PORT, else this machine's port 7624."""
        host = chosen.host or os.environ.get("INDITREE_HOST") or "localhost"
        text = chosen.port or os.environ.get("INDITREE_PORT") or "7624"
        try:
            return cls(units.reachable(units.host(host) if host != "*" else host), units.port(text, 1), chosen.timeout)
        except ValueError as error:
            raise ConfigError("--host" if "host" in str(error) else "--port", str(error)) from None

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def send(self, data: bytes) -> None:
        """Send elements, whole."""
        try:
            self._socket.sendall(data)
        except OSError as error:
            raise SessionError(f"{self.where} has hung up: {error.strerror or error}") from None

    def finish(self) -> None:
        """Say that nothing more comes, and read on until the server has acted on it: hanging up with unread data would
        take back what was sent. `FAREWELL` seconds at most, as IPyServer never hangs up.
        """
        end = time.monotonic() + FAREWELL
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_WR)
            while (left := end - time.monotonic()) > 0:
                self._socket.settimeout(left)
                if not self._socket.recv(READ):
                    return

    def events(self, deadline: float) -> Iterator[Object | Blob | None]:
        """The server's messages, in order, until `deadline` (seconds, monotonic): objects of the envelope, and images.

        None stands for the answer to a ping. Ends at the deadline; raises SessionError where the server hangs up.
        Who stops listening is given the rest the next time.
        """
        while True:
            for each in self._rest:  # noqa: UP028 - `yield from` would end it together with this
                yield each
            if (item := self._framer.pull()) is not None:
                self._rest = self._understood(item)
                continue
            left = deadline - time.monotonic()
            if left <= 0:
                return
            self._socket.settimeout(left)
            try:
                data = self._socket.recv(READ)
            except TimeoutError:
                return
            except OSError as error:
                raise SessionError(f"{self.where} has gone: {error.strerror or error}") from None
            if not data:
                raise SessionError(f"{self.where} has hung up")
            self.received += len(data)
            self._framer.feed(data)

    def _understood(self, item: Run | Element | Blob) -> Iterator[Object | Blob | None]:
        if isinstance(item, Blob):
            yield item
        elif isinstance(item, Element) and item.tag == "pingRequest":
            self.send(b'<pingReply uid="%s"/>\n' % item.attributes.get("uid", "").encode())
        elif isinstance(item, Element) and item.tag == "pingReply":
            yield None
        else:
            yield from self.properties.feed(item.data)

    def ask(self, patterns: list[Names]) -> None:
        """Ask for the properties that fit, by name where a pattern says one, and for the end of the answer."""
        wanted = {(literal(each.device), literal(each.property)) for each in patterns}
        if not wanted or any(device is None for device, _ in wanted):
            wanted = {(None, None)}
        data = b"".join(get_properties(device, name) for device, name in sorted(wanted, key=str))
        self.send(data + ping_request("inditree-end"))

    def definitions(self, deadline: float, patterns: list[Names]) -> list[Names]:
        """Read what was asked for, until `deadline`; the patterns that nothing fits.

        A server that has said definitions and then answers the ping has said all, where nothing is defined for
        `AFTER_PING` seconds more: indiserver answers while some of its drivers have not yet. One that answers the ping
        first (indiserver) or never (IPyServer) has where nothing more was defined for `QUIET` seconds.
        """
        exact = all(literal(part) is not None for names in patterns for part in names[:2])
        missing, complete = list(patterns), False
        while time.monotonic() < deadline:
            heard = False
            for event in self.events(min(deadline, time.monotonic() + (AFTER_PING if complete else QUIET))):
                heard |= isinstance(event, dict) and next(iter(event)).startswith("def")
                missing = [each for each in missing if not self._known(each)]
                if not missing and exact:
                    return []
                if event is None and self.properties.known:
                    complete = True
                    break
            if not heard and not missing:
                return []
        return missing

    def _known(self, names: Names) -> bool:
        return any(
            names.fits(device, name, member.get("name", ""))
            for (device, name), known in self.properties.known.items()
            for member in known.root
        )
