"""A WebSocket as a channel: its messages come out as INDI's XML, and a stream reads them as from any client."""

from __future__ import annotations

import errno
from collections.abc import Callable, Sequence

from wsproto.connection import Connection, ConnectionType
from wsproto.events import BytesMessage, CloseConnection, Ping, TextMessage

from inditree.envelope import RequestError
from inditree.transport.channel import Buffer, Channel
from inditree.web import frames

READ_BYTES = 4096
"""Bytes of frames that are looked at in one turn: six make a frame of nothing, and cost as much as a whole message."""


class WebSocketError(Exception):
    """The client has sent what it may not; `code` is that of the close frame."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code


class Decoder:
    """Frames in, text messages out. Pure. `replies` are frames that are owed: pongs, and the answer to a close."""

    def __init__(self, limit: int, read: Callable[[str], bytes]) -> None:
        self._connection = Connection(ConnectionType.SERVER)
        self._limit = limit
        self._read = read
        self._text = bytearray()  # UTF-8; a list or a StringIO keeps more for each piece than what is in it
        self.replies: list[bytes] = []
        self.ended = False

    def feed(self, data: bytes) -> bytes:
        """Take bytes of the connection; what the messages in them are to the router. Raises WebSocketError."""
        found: list[bytes] = []
        self._connection.receive_data(data)
        for event in self._connection.events():
            if isinstance(event, TextMessage):
                self._take(event, found)
            elif isinstance(event, BytesMessage):
                raise WebSocketError(1003, "messages are text")
            elif isinstance(event, Ping):
                self.replies.append(frames.pong(bytes(event.payload)))
            elif isinstance(event, CloseConnection):
                self.ended = True
                code = event.code if event.code < 5000 and event.code not in (1005, 1006) else frames.NORMAL
                self.replies.append(frames.close(code))
                break
        return b"".join(found)

    def _take(self, event: TextMessage, found: list[bytes]) -> None:
        self._text += event.data.encode()
        if len(self._text) > self._limit:
            raise WebSocketError(frames.TOO_BIG, f"a message is larger than {self._limit} bytes (limits.element)")
        if event.message_finished:
            text, self._text = self._text.decode(), bytearray()
            try:
                found.append(self._read(text))
            except RequestError as error:
                raise WebSocketError(frames.BAD_DATA, str(error)) from None


class WebSocketChannel:
    """The channel of a client on a WebSocket. `on_reply` sends frames; `on_error` ends the connection with a reason."""

    def __init__(
        self,
        channel: Channel,
        decoder: Decoder,
        early: bytes,
        on_reply: Callable[[list[bytes]], None],
        on_error: Callable[[WebSocketError], None],
    ) -> None:
        self._channel = channel
        self._decoder = decoder
        self._early = early
        self._on_reply = on_reply
        self._on_error = on_error
        self._left = b""
        self._failed = False
        self.read_fd = channel.read_fd
        self.write_fd = channel.write_fd
        self.hang_up = channel.hang_up
        self.end_writing = channel.end_writing
        self.bound_unsent = channel.bound_unsent

    def recv(self, size: int) -> bytes:
        """The client's messages as INDI elements; empty at the end."""
        if self._left:
            left, self._left = self._left, b""
            return left
        data, self._early = self._early[:READ_BYTES], self._early[READ_BYTES:]
        data = data or self._channel.recv(min(size, READ_BYTES))
        if not data or self._failed:
            return b""
        try:
            found = self._decoder.feed(data)
        except WebSocketError as error:
            self._failed = True
            self._on_error(error)
            raise BlockingIOError(errno.EAGAIN, "ended") from None
        if self._decoder.replies:
            replies, self._decoder.replies = self._decoder.replies, []
            self._on_reply(replies)
        if not found and not self._decoder.ended:
            raise BlockingIOError(errno.EAGAIN, "no message yet")
        return found

    def recv_into(self, view: memoryview) -> int:
        found = self.recv(len(view))
        view[: len(found)] = found[: len(view)]
        self._left = found[len(view) :]
        return min(len(found), len(view))

    def send(self, buffers: Sequence[Buffer]) -> int:
        return self._channel.send(buffers)

    def pending(self) -> bool:
        return bool(self._early or self._left) or self._channel.pending()

    def close(self) -> None:
        self._channel.close()
