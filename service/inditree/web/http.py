"""A plain connection: requests in, answers out, one after the other, as far as the other end takes them."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Iterator
from http import HTTPStatus
from typing import Protocol

import h11

from inditree.transport.visitors import Visitor
from inditree.web.answers import ALWAYS, Answer, refusal

_logger = logging.getLogger("inditree.listener")

MAX_HEAD = 16 << 10
"""Bytes of a request's line and headers."""

HEAD_TIMEOUT = 10.0
"""Seconds in which the head of a request is to come, from the connection or its first byte on."""

IDLE_TIMEOUT = 30.0
"""Seconds for which a connection may be silent between requests, or take nothing of an answer."""

FULL = 64 << 10
"""Bytes of further requests that are kept while an answer is on its way. Past it the connection is not read."""

LINGER = 1.0
"""Seconds for which what still comes is thrown away, so that the last answer is not lost to a reset."""

_PIECE = 64 << 10


class Host(Protocol):
    """The endpoint that answers. `answer` raises nothing, `upgrade` takes it over, `left` is told of its end."""

    def answer(self, connection: HttpConnection, method: str, target: str, headers: dict[str, str]) -> Answer: ...

    def upgrade(self, connection: HttpConnection, kind: str, head: bytes, early: bytes) -> None: ...

    def left(self, connection: HttpConnection) -> None: ...


class _NotYet(Exception):
    """Raised where there is nothing to be written yet."""


class HttpConnection:
    """One connection of a browser. `sends_long`: an image or a night is on its way."""

    def __init__(self, visitor: Visitor, host: Host, accept: Callable[[str], str]) -> None:
        self.visitor = visitor
        self.sends_long = False
        self._host = host
        self._accept = accept
        self._channel = visitor.channel
        self._loop = asyncio.get_running_loop()
        self._http = h11.Connection(h11.SERVER, max_incomplete_event_size=MAX_HEAD)
        self._out: deque[bytes] = deque()
        self._pieces: Iterator[bytes | None] | None = None
        self._asked: h11.Request | None = None
        self._answer: Answer | None = None
        self._writing = False
        self._closing = False
        self._full = False  # it is not read: what it asked for before is to be answered first
        self.closed = False
        self._timer = self._loop.call_later(HEAD_TIMEOUT, self._late)
        self._loop.add_reader(self._channel.read_fd(), self._read)
        self._loop.call_soon(self._begin, visitor.data)

    def _begin(self, data: bytes) -> None:
        if not self.closed:
            self._take(data)
            if not self.closed and self._channel.pending():
                self._read()

    # Reading

    def _read(self) -> None:
        try:
            data = self._channel.recv(_PIECE)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            data = b""
        if self._closing:
            if not data:
                self.end()
            return
        if not data and self._answer is not None:
            self.end()  # it has gone before its answer was whole
            return
        self._take(data)
        if self.closed:
            return
        if self._buffered >= FULL and not self._closing:
            self._full = True
            self._loop.remove_reader(self._channel.read_fd())
        elif self._channel.pending():
            self._loop.call_soon(self._again)

    def _again(self) -> None:
        if not (self.closed or self._full):
            self._read()

    @property
    def _buffered(self) -> int:
        """Bytes that were read and not looked at."""
        return len(self._http.trailing_data[0])

    def _take(self, data: bytes) -> None:
        try:
            self._http.receive_data(data)
            self._next()
        except h11.RemoteProtocolError as error:
            self._refuse(error.error_status_hint, str(error))

    def _next(self) -> None:
        while not (self.closed or self._closing or self._answer):
            event = self._http.next_event()
            if isinstance(event, h11.Request):
                self._asked = event
                if self._http.their_state is not h11.SEND_BODY or _has_body(event):
                    self._request(event)  # a WebSocket, or a body that is not wanted
            elif isinstance(event, h11.EndOfMessage) and self._asked is not None:
                self._request(self._asked)
            elif isinstance(event, h11.ConnectionClosed):
                self.end()
            elif event in (h11.NEED_DATA, h11.PAUSED):
                return

    def _request(self, request: h11.Request) -> None:
        self._asked = None
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in request.headers}
        method, target = request.method.decode("latin-1"), request.target.decode("latin-1")
        if len(target) + sum(len(name) + len(value) for name, value in headers.items()) > MAX_HEAD:
            self._send_head(refusal(431, f"the head of a request has at most {MAX_HEAD} bytes"), method)
            return
        answer = self._host.answer(self, method, target, headers)
        if answer.socket:
            self._upgrade(answer.socket, headers["sec-websocket-key"])
            return
        if _has_body(request):
            answer.headers.append(("Connection", "close"))
        self._send_head(answer, method)

    def _upgrade(self, kind: str, key: str) -> None:
        headers = [("Upgrade", "websocket"), ("Connection", "Upgrade"), ("Sec-WebSocket-Accept", self._accept(key))]
        head = self._http.send(h11.InformationalResponse(status_code=101, headers=headers))
        early = self._http.trailing_data[0]
        self._detach()
        self._host.left(self)
        self._host.upgrade(self, kind, head or b"", bytes(early))

    # Writing

    def _send_head(self, answer: Answer, method: str) -> None:
        self._answer = answer
        self._wait(IDLE_TIMEOUT)
        reason = HTTPStatus(answer.status).phrase.encode()
        response = h11.Response(status_code=answer.status, reason=reason, headers=[*answer.headers, *ALWAYS])
        self._out.append(self._http.send(response) or b"")
        if method != "HEAD" and answer.body:
            self._out.append(self._http.send(h11.Data(data=answer.body)) or b"")
        if method != "HEAD" and answer.long is not None:
            self.sends_long = True
            answer.long.wake = self._write
            self._pieces = answer.long.pieces()
        self._write()

    def _write(self) -> None:
        """Give the kernel what it takes; make the next piece of an image only when the one before is gone."""
        try:
            while self._answer is not None:
                if not self._out and not self._fill():
                    self._finished()
                    return
                sent = self._channel.send([self._out[0]])
                self._wait(IDLE_TIMEOUT)
                if sent < len(self._out[0]):
                    self._out[0] = self._out[0][sent:]
                    break
                self._out.popleft()
        except _NotYet:
            self._stop_writing()
            self._timer.cancel()  # it is not the browser that is waited for
            return
        except (BlockingIOError, InterruptedError):
            pass
        except (OSError, h11.LocalProtocolError, ValueError):
            self.end()  # the browser sees that it is not whole
            return
        except Exception:
            _logger.exception("internal error", extra={"event": "bug"})
            self.end()
            return
        if self._answer is not None and not self._writing:
            self._writing = True
            self._loop.add_writer(self._channel.write_fd(), self._write)

    def _fill(self) -> bool:
        """Make what is to be written next; False: the answer is whole."""
        if self._pieces is not None:
            piece = next(self._pieces, b"")
            if piece is None:
                raise _NotYet
            if piece:
                self._out += [bytes(part) for part in self._http.send_with_data_passthrough(h11.Data(data=piece)) or []]
                return True
            self._pieces = None
        if self._http.our_state is h11.SEND_BODY:
            last = self._http.send(h11.EndOfMessage())
            if last:
                self._out.append(last)
                return True
        return False

    def _finished(self) -> None:
        self._stop_writing()
        if self.sends_long and self._answer is not None and self._answer.long is not None:
            self._answer.long.delivered()
        self._drop_answer()
        if self._http.our_state is h11.DONE and self._http.their_state is h11.DONE:
            self._http.start_next_cycle()
            self._wait(IDLE_TIMEOUT)
            self._loop.call_soon(self._take_next)  # in a step of its own: thousands may have been asked for at once
        else:
            self._linger()

    def _take_next(self) -> None:
        if self.closed:
            return
        try:
            self._next()
        except h11.RemoteProtocolError as error:
            self._refuse(error.error_status_hint, str(error))
        if self._full and self._buffered < FULL and not self.closed:
            self._full = False
            self._loop.add_reader(self._channel.read_fd(), self._read)
            if self._channel.pending():
                self._loop.call_soon(self._again)

    def _refuse(self, status: int, text: str) -> None:
        if self._http.our_state in (h11.IDLE, h11.SEND_RESPONSE) and self._answer is None:
            self._send_head(refusal(status, text), "GET")
        else:
            self.end()

    # The end

    def _wait(self, seconds: float) -> None:
        self._timer.cancel()
        self._timer = self._loop.call_later(seconds, self._late)

    def _late(self) -> None:
        if self._closing or self._answer is not None or self._http.their_state is not h11.IDLE:
            self.end()
        elif self._http.trailing_data[0]:
            self._refuse(408, "the request did not come in time")
        else:
            self.end()

    def _linger(self) -> None:
        self._closing = True
        if self._full:
            self._full = False
            self._loop.add_reader(self._channel.read_fd(), self._read)
        try:
            self._channel.end_writing()
        except OSError:
            self.end()
            return
        self._wait(LINGER)

    def _stop_writing(self) -> None:
        if self._writing:
            self._writing = False
            self._loop.remove_writer(self._channel.write_fd())

    def _drop_answer(self) -> None:
        answer, self._answer = self._answer, None
        self._out.clear()
        self._pieces = None
        self.sends_long = False
        if answer is not None and answer.long is not None:
            answer.long.release()

    def _detach(self) -> None:
        self._stop_writing()
        self._timer.cancel()
        self._loop.remove_reader(self._channel.read_fd())
        self.closed = True

    def end(self) -> None:
        """Close it, whatever it is at."""
        if self.closed:
            return
        self._detach()
        self._drop_answer()
        self._channel.close()
        self._host.left(self)
        self.visitor.gone("eof", "hung up")


def _has_body(request: h11.Request) -> bool:
    headers = dict(request.headers)
    return headers.get(b"content-length", b"0") != b"0" or b"transfer-encoding" in headers
