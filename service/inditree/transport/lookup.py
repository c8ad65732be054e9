"""Looks names up in threads that nobody waits for: a name server that is away keeps neither others nor the end.

The loop's own `getaddrinfo` would. That of uvloop has four threads for the whole process, and closing the loop waits
for all that was ever asked, cancelled or not: a router whose 20 links had no name server stopped after minutes.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import socket
import threading
from collections import deque
from typing import NamedTuple

AT_ONCE = 16
"""Names that are looked up at once, each in a thread that ends with it; further ones wait."""

Address = tuple[socket.AddressFamily, tuple[str, int]]


class _Question(NamedTuple):
    host: str
    port: int
    loop: asyncio.AbstractEventLoop
    answer: asyncio.Future[list[Address]]


class Lookups:
    """Questions that wait, and the threads that ask them. Any loop may ask."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: deque[_Question] = deque()
        self._threads = 0

    async def addresses(self, host: str, port: int) -> list[Address]:
        """The addresses of a host, each once. Raises OSError, and ValueError where that can be no name."""
        try:
            return _found(host, port, socket.AI_NUMERICHOST)  # asks nobody
        except socket.gaierror:
            pass
        loop = asyncio.get_running_loop()
        question = _Question(host, port, loop, loop.create_future())
        self._put(question)
        return await question.answer

    def _put(self, question: _Question) -> None:
        with self._lock:
            self._waiting.append(question)
            if self._threads >= AT_ONCE:
                return
            try:
                threading.Thread(target=self._run, name="lookup", daemon=True).start()
            except RuntimeError as error:
                if not self._threads:
                    self._waiting.pop()
                    raise OSError(errno.EAGAIN, "no thread can be started to look the name up") from error
            else:
                self._threads += 1

    def _run(self) -> None:
        while (question := self._next()) is not None:
            try:
                found, error = _found(question.host, question.port), None
            except Exception as raised:
                found, error = [], raised
            with contextlib.suppress(RuntimeError):  # the loop is closed
                question.loop.call_soon_threadsafe(_settle, question.answer, found, error)

    def _next(self) -> _Question | None:
        """The next one that somebody waits for still; None: this thread ends."""
        with self._lock:
            while self._waiting:
                question = self._waiting.popleft()
                if not question.answer.cancelled():
                    return question
            self._threads -= 1
            return None


def _found(host: str, port: int, flags: int = 0) -> list[Address]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=flags)
    return list(dict.fromkeys((family, address) for family, _, _, _, address in found))  # type: ignore[misc]


def _settle(answer: asyncio.Future[list[Address]], found: list[Address], error: Exception | None) -> None:
    if answer.done():
        return
    if error is None:
        answer.set_result(found)
    else:
        answer.set_exception(error)


_lookups = Lookups()  # one for the process: its servers share the bound on threads, and nothing else

addresses = _lookups.addresses
