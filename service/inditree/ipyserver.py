"""The class of the package indipyserver, as documented there, on this router.

A script changes one line, `from inditree import IPyServer`. What the class does is done by `Server`.
"""

from __future__ import annotations

import asyncio
import logging
import os
from datetime import UTC, datetime
from typing import Any

from msgspec.structs import replace

from inditree.config import Config, ControlSocket, Driver, Http, Launch, Listen, Remote, complete, units, variables
from inditree.config.sources import web_wanted
from inditree.config.words import driver_name, remote_name, unique
from inditree.python.factory import check_drivers
from inditree.server import Server
from inditree.server.messages import indi_time

_logger = logging.getLogger("inditree.ipyserver")

MOST_CONNECTIONS = 10
"""Connections at once, as documented for IPyServer; a Server has no such limit."""


class IPyServer:
    """Serves IPyDriver objects, executable drivers and the devices of other servers on one port.

    Raises TypeError for a driver that is no IPyDriver, ValueError for a device name given twice and for
    `maxconnections` outside 1..10. `keepalive`: seconds of silence after which clients get a message, None: never.
    `debug_enable`: the clients' XML is logged at DEBUG.
    """

    def __init__(self, *drivers: Any, host: str = "localhost", port: int = 7624, maxconnections: int = 5) -> None:
        if not 1 <= maxconnections <= MOST_CONNECTIONS:
            raise ValueError(f"maxconnections should be between 1 and {MOST_CONNECTIONS} inclusive")
        self.drivers = check_drivers(drivers) if drivers else []
        self.host = host
        self.port = port
        self.maxconnections = maxconnections
        self.keepalive: float | None = 30
        self.debug_enable = True
        self.stopped = asyncio.Event()
        self._stop = False
        self._drivers: list[Driver] = []
        self._remotes: list[Remote] = []
        self._logged: set[str] = set()
        self._server: Server | None = None

    @property
    def stop(self) -> bool:
        """True once `shutdown` was called."""
        return self._stop

    def add_remote(self, host: str, port: int, blob_enable: bool = False, debug_enable: bool = False) -> None:
        """Link to another server. With `blob_enable` False no BLOB crosses the link, in either direction.

        To be called before `asyncrun`; `debug_enable`: its XML is logged at DEBUG.
        """
        self._not_running()
        entry = Remote(host=host, port=port, blobs=bool(blob_enable))
        name = unique(remote_name(entry), {remote.name for remote in self._remotes})
        self._remotes.append(replace(entry, name=name))
        self._log(name, debug_enable)

    def add_exdriver(self, program: str, *args: str, debug_enable: bool = False) -> None:
        """Run a program as a driver. To be called before `asyncrun`; `debug_enable`: its XML is logged at DEBUG."""
        self._not_running()
        entry = Driver(exec=(os.fspath(program), *map(str, args)))
        name = unique(driver_name(entry), {driver.name for driver in self._drivers})
        self._drivers.append(replace(entry, name=name))
        self._log(name, debug_enable)

    def _not_running(self) -> None:
        if self._server is not None:
            raise RuntimeError("the server runs: add drivers and remotes before asyncrun")

    def _log(self, name: str, debug_enable: bool) -> None:
        if debug_enable:
            self._logged.add(name)

    def _config(self) -> Config:
        host = self.host or "*"
        listen = Listen(
            tcp=units.join(host, self.port), name="clients", max_connections=self.maxconnections, peers="any"
        )
        said = variables(os.environ)  # of these HTTP's and the control socket: the rest is what the script says
        http = Http(listen=said.http, token_file=said.token_file)
        control = said.control or ControlSocket(socket=None)
        config = Config(
            listen=(listen,), drivers=tuple(self._drivers), remotes=tuple(self._remotes), http=http, control=control
        )
        return complete(config)

    async def asyncrun(self) -> None:
        """Serve until `shutdown`.

        Raises StartError where it cannot (the port is taken: it says which), ConfigError for a variable that is wrong.
        """
        self._stop = False
        self.stopped.clear()
        logged = self._logged | ({"clients"} if self.debug_enable else set())
        launch = Launch(
            http_may_fail=True,
            skips_text=True,
            web=web_wanted(os.environ),
            traffic=frozenset(logged),
            keepalive=lambda: self.keepalive,
        )
        try:
            self._server = Server(self._config(), objects=self.drivers, launch=launch)
            await self._server.asyncrun()
        finally:
            self._server = None
            self._stop = True
            self.stopped.set()

    async def send_message(self, message: str, timestamp: datetime | None = None) -> None:
        """Send a message to all clients; `timestamp`, aware or UTC, normally left out, goes out whole."""
        if timestamp is not None and timestamp.tzinfo is not None:
            timestamp = timestamp.astimezone(UTC).replace(tzinfo=None)
        if self._server is not None:
            self._server.broadcast(message, timestamp.isoformat() if timestamp is not None else indi_time())
        await asyncio.sleep(0)

    def shutdown(self, shutdownmessage: str = "") -> None:
        """Stop; `shutdownmessage` is logged as an error where given."""
        if shutdownmessage:
            _logger.error("%s", shutdownmessage)
        self._stop = True
        if self._server is not None:
            self._server.shutdown()
        else:
            self.stopped.set()
