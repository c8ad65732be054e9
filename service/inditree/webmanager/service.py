"""The Web Manager at its port: bound before drivers start, answering while the router runs."""

from __future__ import annotations

import logging
import socket
from collections.abc import Awaitable, Callable

from inditree.config import Webmanager, units
from inditree.errors import StartError
from inditree.ops.control import ControlError
from inditree.ops.serving import Serving
from inditree.tasks import Tasks
from inditree.transport.binding import bind_tcp
from inditree.webmanager.api import AccessRules, Api, Audited
from inditree.webmanager.manager import Manager

_logger = logging.getLogger("inditree.webmanager")


class WebManager:
    """A Web Manager that listens at `webmanager.listen`. `name` is the router's.

    To be made, started and stopped on the loop.
    """

    def __init__(
        self,
        config: Webmanager,
        manager: Manager,
        devices: Callable[[], Awaitable[list[tuple[str, bool]]]],
        audited: Audited,
        tasks: Tasks,
        name: str,
    ) -> None:
        self.addresses: tuple[str, ...] = ()
        self._config = config
        self._manager = manager
        self._tasks = tasks
        self._name = name
        self._api = Api(manager, AccessRules(config, name), devices, audited)
        self._serving = Serving(self._api, tasks, "webmanager")
        self._sockets: list[socket.socket] = []

    def bind(self) -> None:
        """Take the port. Raises StartError, which names the address."""
        assert self._config.address is not None
        try:
            self._sockets = bind_tcp(*self._config.address)
        except OSError as error:
            where = units.join(self._config.address[0] or "*", self._config.address[1])
            reason = error.strerror or error
            raise StartError(f"webmanager: cannot listen on {where}: {reason} (is indiweb running?)") from error
        self.addresses = tuple(units.join(*each.getsockname()[:2]) for each in self._sockets)

    async def start(self) -> None:
        """Answer, and start the profile that starts with the router. Raises StartError."""
        await self._serving.start(self._sockets)
        where = ", ".join(f"http://{address}" for address in self.addresses)
        _logger.info("Ekos' Web Manager is at %s", where, extra={"event": "webmanager"})
        self._tasks.start(self._autostart(), "webmanager autostart")

    async def _autostart(self) -> None:
        try:
            await self._manager.autostart()
        except ControlError as error:
            _logger.error("no profile was started: %s", error.text, extra={"event": "profile_autostart"})

    def prepare(self, config: Webmanager) -> Callable[[], None]:
        """Give what takes over all but `listen` of a configuration. Raises ConfigError: then nothing has changed."""
        access, take_over = AccessRules(config, self._name), self._manager.prepare(config)

        def apply() -> None:
            self._api.access = access
            take_over()

        return apply

    async def stop(self) -> None:
        """Close the port, let answers under way be finished, but not for long; again is harmless."""
        await self._serving.stop()
