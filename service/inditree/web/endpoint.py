"""The web endpoint of one listener: its page, its JSON and XML clients, its images."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection
from functools import partial
from typing import Protocol

from msgspec.structs import replace
from wsproto.utilities import generate_accept_token

from inditree.config import Listen
from inditree.core import Peer
from inditree.transport.engine import Engine
from inditree.transport.stream import Stream
from inditree.transport.visitors import Visitor
from inditree.web import clients, frames, server_device
from inditree.web.answers import Answer, Site, answer, refusal
from inditree.web.clients import JsonClient
from inditree.web.http import HttpConnection
from inditree.web.images import Images, Key
from inditree.web.json_messages import JsonMessages
from inditree.web.nights import Nights
from inditree.web.outbox import JsonOutbox, XmlOutbox
from inditree.web.websocket import Decoder, WebSocketChannel, WebSocketError
from inditree.wire.elements import Blob

_logger = logging.getLogger("inditree.listener")

PLAIN_CONNECTIONS = 64
"""Plain connections at once: a browser opens six."""

STATUS_AGE = 1.0
"""Seconds for which a status is told again to the next client."""


class WebListener(Protocol):
    """The listener: its configuration, its streams, and whether it takes no more."""

    config: Listen
    streams: set[Stream]

    @property
    def full(self) -> bool: ...


class WebEndpoint:
    """Answers the visitors of one listener. `names` are those of this machine, the router's own among them.

    `status` gives `{"status": ...}` as a peer may see it. To be closed with its listener.
    """

    def __init__(
        self,
        engine: Engine,
        listener: WebListener,
        service: str,
        names: frozenset[str],
        status: Callable[[Peer], bytes],
        nights: Nights,
    ) -> None:
        self.images = Images(engine.core.fetched)
        self.messages = self._new_messages(engine)
        self.plain: set[HttpConnection] = set()
        self.json: set[JsonClient] = set()
        self.xml: set[Stream] = set()
        self._engine = engine
        self._listener = listener
        self._service = service
        self._site = Site(names, listener.config.origins, listener.config.tls is not None)
        self._status = status
        self._nights = nights
        self._statuses: dict[tuple[str, ...], tuple[float, bytes]] = {}
        self._said: tuple[Blob, bytes] | None = None  # the last image and the element that says so
        engine.core.add_cache(self)

    def _new_messages(self, engine: Engine) -> JsonMessages:
        return JsonMessages(self.images, engine.core.state.requested.last, engine.core.definition)

    # Plain requests

    def visit(self, visitor: Visitor) -> None:
        """Take a connection that speaks HTTP."""
        connection = HttpConnection(visitor, self, lambda key: generate_accept_token(key.encode()).decode())
        self.plain.add(connection)

    def answer(self, connection: HttpConnection, method: str, target: str, headers: dict[str, str]) -> Answer:
        """Answer one request."""
        if len(self.plain) > PLAIN_CONNECTIONS:
            return refusal(503, f"{PLAIN_CONNECTIONS} connections ask already")
        night = partial(self._nights.open, devices=connection.visitor.policy.devices)
        found = answer(method, target, headers, self._site, self.images.find, night)
        if found.socket and self._listener.full:
            return refusal(503, "as many connections are open as may be (max_connections)")
        return found

    def left(self, connection: HttpConnection) -> None:
        """A plain connection has ended, or become a WebSocket."""
        self.plain.discard(connection)

    # WebSockets

    def upgrade(self, connection: HttpConnection, kind: str, head: bytes, early: bytes) -> None:
        """Make a client of a connection; `head` is the answer that it waits for."""
        visitor = connection.visitor
        policy = replace(visitor.policy, peers="none")  # it uses devices, and provides none
        make = partial(JsonOutbox, messages=self.messages, image=self._image) if kind == "json" else XmlOutbox
        self._engine.begin()
        peer = self._engine.core.join("client", visitor.name, policy, make=make)
        outbox = peer.outbox
        client = JsonClient(peer, outbox, self) if isinstance(outbox, JsonOutbox) else None
        decoder = Decoder(self._engine.limits.element, client.read if client else clients.read_xml)
        channel = WebSocketChannel(
            visitor.channel, decoder, early, lambda out: self._reply(peer, out), self._failed(peer)
        )

        def closed(reason: str, text: str) -> None:
            self._listener.streams.discard(stream)
            self._gone(client, stream)
            visitor.gone(reason, text)

        self._put(peer, [head])
        stream = Stream(self._engine, peer, channel, closed, log=self._listener.config.name in self._engine.traffic)
        self._listener.streams.add(stream)
        if client is None:
            self.xml.add(stream)
        else:
            client.stream = stream
            self.json.add(client)
        _logger.info("client %s speaks %s over WebSocket", visitor.name, kind.upper(), extra={"event": "opened"})
        self._engine.flush()

    def _put(self, peer: Peer, out: Collection[bytes]) -> None:
        for frame in out:
            if isinstance(peer.outbox, JsonOutbox | XmlOutbox) and not peer.outbox.put_frame(frame):
                self._engine.core.desk.overflow(peer)
        self._engine.core.desk.dirty.add(peer)

    def _reply(self, peer: Peer, out: Collection[bytes]) -> None:
        """Answer pings and a close. Of pongs that wait only the last is kept: who asks on may read none of them."""
        for frame in out:
            if frames.is_pong(frame):
                peer.outbox.put_last(frame)
            else:
                self._put(peer, [frame])
        self._engine.core.desk.dirty.add(peer)

    def _failed(self, peer: Peer) -> Callable[[WebSocketError], None]:
        def failed(error: WebSocketError) -> None:
            self._put(peer, [frames.close(error.code, str(error))])
            self._engine.flush()
            peer.counters.parse_errors["malformed"] += 1
            self._engine.end(peer, "malformed", str(error))

        return failed

    def _gone(self, client: JsonClient | None, stream: Stream) -> None:
        self.xml.discard(stream)
        if client is not None:
            client.stop()
            self.json.discard(client)
            self.images.forget_unwanted(self._wanted)
            if not self.json:
                self.messages = self._new_messages(self._engine)

    # What a client asks for

    def write(self, client: JsonClient, frame: bytes) -> None:
        """Put frames into the outbox of a client, and write them."""
        if frame:
            self._engine.begin()
            self._put(client.peer, [frame])
            self._engine.flush()

    def status(self, peer: Peer) -> bytes:
        """The frame of `{"status": ...}` as this peer may see it."""
        now = asyncio.get_running_loop().time()
        known = self._statuses.get(peer.policy.devices)
        if known is None or now - known[0] >= STATUS_AGE:
            known = self._statuses[peer.policy.devices] = now, frames.text(self._status(peer))
        return known[1]

    def server_definitions(self) -> list[bytes]:
        """The definitions of the device `Server`, none where a driver has that name."""
        taken = server_device.NAME in self._engine.core.ownership.owners
        return [] if taken else server_device.definitions(self._service)

    def images_wanted(self, client: JsonClient) -> None:
        """Tell a client where the images are that are there, and forget those that nobody wants."""
        self.images.forget_unwanted(self._wanted)
        there = [key for key in self.images.kept() if client.peer.hears_blob(*key)]
        self.write(client, b"".join([self.messages.now(key, defined=False) for key in there]))

    # Images

    def _image(self, blob: Blob) -> bytes:
        """Keep an image, and give the frames that say where it is."""
        if self._said is None or self._said[0] is not blob:
            element = blob.element.data[:-1].rstrip() + b"/>"  # its start tag alone
            self.messages.show((blob.device, blob.name), self.images.keep(blob))
            self._said = blob, element
        return self.messages.joined(self._said[1])

    def _wanted(self, key: Key) -> bool:
        return any(client.peer.hears_blob(*key) for client in self.json)

    def evict(self) -> bool:
        """Forget the oldest image, as memory is short. False: there is none."""
        key = self.images.evict()
        if key is not None:
            self._said = None
            self.messages.show(key, {})
        return key is not None

    # The end

    def counts(self) -> dict[str, int]:
        """Counts the connections of each kind."""
        images = sum(connection.sends_long for connection in self.plain)
        return {"page": len(self.plain) - images, "json": len(self.json), "xml": len(self.xml), "image": images}

    def close(self) -> None:
        """End the plain connections, and keep no image any more."""
        for connection in list(self.plain):
            connection.end()
        self.images.forget_unwanted(lambda key: False)
        self._engine.core.remove_cache(self)
