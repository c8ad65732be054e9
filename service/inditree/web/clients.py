"""Clients on a WebSocket: what their messages ask of the router, and what else is to be done for them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol

from inditree.core import Peer
from inditree.envelope import EnableBlob, GetStatus, requests
from inditree.flow.pauses import Pause
from inditree.transport.stream import Stream
from inditree.transport.turns import TURN
from inditree.web.json_messages import JsonMessages
from inditree.web.outbox import BEHIND, JsonOutbox
from inditree.wire.syntax import enable_blob, parse_start, tag_end

STATUS_EVERY = 2.0
"""Seconds between two statuses for a client that has asked for them."""

STATUS_AGAIN = 0.1
"""Seconds after which is looked again whether a client that was to get one has caught up."""


class ClientEndpoint(Protocol):
    """The listener's endpoint, as its clients use it. `write` puts frames into a client's outbox and writes them."""

    messages: JsonMessages

    def write(self, client: JsonClient, frame: bytes) -> None: ...

    def status(self, peer: Peer) -> bytes:
        """`{"status": ...}` as this peer may see it."""

    def server_definitions(self) -> list[bytes]:
        """The definitions of the device `Server`, none where a driver has that name."""

    def images_wanted(self, client: JsonClient) -> None:
        """The client has changed which images it wants."""


class JsonClient:
    """A web client that speaks JSON: reads its messages, and gives it what only such a client gets."""

    def __init__(self, peer: Peer, outbox: JsonOutbox, endpoint: ClientEndpoint) -> None:
        self.peer = peer
        self.outbox = outbox
        self.stream: Stream | None = None
        self._endpoint = endpoint
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None

    def read(self, text: str) -> bytes:
        """The INDI elements of a JSON message. Raises RequestError."""
        found: list[bytes] = []
        for each in requests(text):
            if isinstance(each, EnableBlob):
                found.append(enable_blob("Also" if each.value == "URL" else "Never", each.device, each.name or None))
                self._later(lambda: self._endpoint.images_wanted(self))
            elif isinstance(each, GetStatus):
                self._later(self.stop if each.stop else self._say_status)
            else:
                found.append(each)
                if each.startswith(b"<getProperties"):
                    self._asked(each)
                elif self._may_command(each):
                    self._endpoint.messages.ask(each)
        return b"".join(found)

    def _may_command(self, element: bytes) -> bool:
        """Says whether the core passes a command on: what it refuses nobody is shown as what was asked for."""
        _, attributes = parse_start(element[: tag_end(element, 1, len(element), 0)[0]])
        return not self.peer.policy.read_only and self.peer.sees(attributes.get("device", ""))

    def _later(self, act: Callable[[], None]) -> None:
        """Behind what the message itself brings about."""
        self._loop.call_soon(self._act, act)

    def _act(self, act: Callable[[], None]) -> None:
        if self.peer.gone:
            return
        if self.stream is not None and Pause.TURN in self.stream.pauses:
            self._loop.call_later(TURN, self._act, act)  # what stood before it has not all been acted on
        else:
            act()

    def _asked(self, element: bytes) -> None:
        if b" device=" not in element or b' device="Server"' in element:
            self._later(lambda: self._endpoint.write(self, b"".join(self._endpoint.server_definitions())))

    def _say_status(self) -> None:
        self.stop()
        keeps_up = not self.outbox.behind and self.outbox.waiting <= BEHIND
        self._timer = self._loop.call_later(STATUS_EVERY if keeps_up else STATUS_AGAIN, self._act, self._say_status)
        if keeps_up:
            self._endpoint.write(self, self._endpoint.status(self.peer))

    def stop(self) -> None:
        """Say the status no more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def read_xml(text: str) -> bytes:
    """The INDI elements of a message from a client that speaks XML."""
    return text.encode("utf-8", "replace") + b"\n"
