"""The parts of indiserver that run beside a router: the FIFO and the log of drivers' messages."""

from __future__ import annotations

from inditree.config import Restart
from inditree.indiserver.fifo import Fifo
from inditree.indiserver.message_log import MessageLog
from inditree.server.parts import Parts


class Companion:
    """Each of them where there is a path for it. `restart`: the policy of what the FIFO starts."""

    def __init__(self, fifo: str | None, restart: Restart, message_directory: str | None) -> None:
        self.fifo = fifo
        self.restart = restart
        self.message_directory = message_directory
        self._reader: Fifo | None = None
        self._log: MessageLog | None = None

    @property
    def starts_drivers(self) -> bool:
        """Drivers may come by the FIFO."""
        return self.fifo is not None

    @property
    def lost(self) -> int:
        """Lines of the message log that found no room."""
        return self._log.lost if self._log is not None else 0

    def prepare(self, parts: Parts) -> None:
        """Look at what drivers send, before there are any."""
        if self.message_directory is not None:
            self._log = MessageLog(self.message_directory)
            parts.engine.tap = self._log.feed

    def start(self, parts: Parts) -> None:
        """Read the FIFO. Raises StartError."""
        if self.fifo is not None:
            self._reader = Fifo(self.fifo, self.restart, parts.engine, parts.units)
            self._reader.start()

    def on_change(self) -> None:
        """A driver changed its state."""
        if self._reader is not None:
            self._reader.on_change()

    def stop(self) -> None:
        """Start and stop no more drivers; again is harmless."""
        if self._reader is not None:
            self._reader.stop()

    def finish(self) -> None:
        """Write what waits, within a second."""
        if self._log is not None:
            self._log.finish()
