"""Containers with a label become remotes, for as long as they run (the docker SDK, in threads of its own)."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from inditree.config import Docker, Remote
from inditree.discovery.labels import Reader, own_id
from inditree.errors import ConfigError
from inditree.supervise import grown

_logger = logging.getLogger("inditree.discovery")

_EVENTS = {
    "type": ["container", "network"],
    "event": ["start", "die", "rename", "connect", "disconnect"],
}
"""Docker's events that change the list. Not the health checks that run in every container all day."""


@dataclass(frozen=True, slots=True)
class Pace:
    """Seconds: between two lists at least (`throttle`) and, should the stream be dead without a sign, at most
    (`relist`); before the next try after a failure (`retry`, doubled up to `retry_longest`); for the engine to answer
    (`timeout`); for the threads to end when they are told to (`stop`).
    """

    throttle: float = 0.5
    relist: float = 60.0
    retry: float = 1.0
    retry_longest: float = 30.0
    timeout: float = 10.0
    stop: float = 2.0


class DockerDiscovery:
    """Follows the engine that the environment names (DOCKER_HOST, else /var/run/docker.sock).

    `on_change` is called in the loop with all remotes by name whenever they are not what they were. Events are
    subscribed to before the containers are listed, so that none is missed between the two; each break of the stream
    is followed by a new list. While the engine is away nothing is told: what is linked stays linked. Needs the extra
    `docker`: start raises ConfigError without it.
    """

    def __init__(
        self, config: Docker, on_change: Callable[[dict[str, Remote]], None], *, pace: Pace | None = None
    ) -> None:
        self._config = config
        self._on_change = on_change
        self._pace = pace or Pace()
        self._told: dict[str, Remote] = {}
        self._stopped = threading.Event()
        self._current: _Subscription | None = None
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop
        self._failures = 0

    def start(self) -> None:
        """Begin to follow, on the running loop; returns at once."""
        try:
            import docker  # noqa: F401
        except ImportError:
            raise ConfigError("discovery.docker", "needs the docker SDK: pip install 'inditree[docker]'") from None
        self._loop = asyncio.get_running_loop()
        self._thread = threading.Thread(target=self._run, name="docker discovery", daemon=True)
        self._thread.start()

    async def stop(self) -> None:
        """Follow no more. What was found stays with whom it was told; `on_change` is not called again."""
        self._stopped.set()
        if (current := self._current) is not None:
            current.close()
        thread, self._thread = self._thread, None
        if thread is not None:
            await asyncio.to_thread(thread.join, self._pace.stop)

    # In the thread

    def _run(self) -> None:
        reader = Reader(self._config, _own_id())
        while not self._stopped.is_set():
            try:
                self._follow(reader)
            except Exception as error:  # whatever the SDK and requests raise: the engine is away, or no engine
                self._failed(error)
            self._stopped.wait(grown(self._pace.retry, self._pace.retry_longest, self._failures))

    def _follow(self, reader: Reader) -> None:
        """Follows the engine's events until their stream breaks."""
        from docker.client import DockerClient

        client = DockerClient.from_env(timeout=self._pace.timeout)
        try:
            client.ping()
            # One of its own: urllib3 2 closes idle connections when their pool is collected, and a stream that ended
            # keeps its pool in a cycle, which the garbage collector may not come to for hours (seen with Python 3.13).
            streaming = DockerClient.from_env(timeout=self._pace.timeout, version=client.api.api_version)
            self._current = subscription = _Subscription(streaming)
            try:
                subscription.begin(self._pace.timeout)
                while subscription.live and not self._stopped.is_set():
                    self._take(reader.remotes(client.api.containers()))
                    self._recovered()
                    subscription.changed.wait(self._pace.relist)
                    # What follows closely is one change with it.
                    self._stopped.wait(self._pace.throttle)
                    subscription.changed.clear()
            finally:
                subscription.close()
                subscription.join(self._pace.stop)
        finally:
            client.close()

    def _take(self, found: dict[str, Remote]) -> None:
        if found == self._told or self._stopped.is_set():
            return
        words = [f"+{key}" for key in found if key not in self._told]
        words += [f"-{key}" for key in self._told if key not in found]
        words += [f"~{key}" for key in found if key in self._told and found[key] != self._told[key]]
        _logger.info("docker: %s", " ".join(words), extra={"event": "discovered"})
        self._told = found
        with suppress(RuntimeError):  # the loop is closed: nobody is left to be told
            self._loop.call_soon_threadsafe(self._tell, dict(found))

    def _failed(self, error: Exception) -> None:
        if self._stopped.is_set():
            return
        self._failures += 1
        level = logging.WARNING if self._failures == 1 else logging.DEBUG
        text = str(error).split("\n")[0][:200]
        _logger.log(level, "docker: keeping the links that are there: %s", text, extra={"event": "discovery_failed"})

    def _recovered(self) -> None:
        if self._failures:
            _logger.info("docker: the engine answers again", extra={"event": "discovery_recovered"})
        self._failures = 0

    # In the loop

    def _tell(self, found: dict[str, Remote]) -> None:
        if not self._stopped.is_set():
            self._on_change(found)


class _Subscription:
    """The stream of events, read in a thread: `changed` is set by each event and by the end, which ends `live`."""

    def __init__(self, client: Any) -> None:
        self.live = True
        self.changed = threading.Event()
        self._client = client
        self._begun = threading.Event()
        self._closed = False
        self._stream: Any = None
        self._error: Exception | None = None
        self._thread = threading.Thread(target=self._run, name="docker events", daemon=True)

    def begin(self, timeout: float) -> None:
        """Return when the engine has taken the subscription; raises what went wrong.

        The SDK gives this request no time limit, and an engine that stands still would hold us.
        """
        self._thread.start()
        if not self._begun.wait(timeout):
            raise TimeoutError("the engine does not answer")
        if self._error is not None:
            raise self._error

    def close(self) -> None:
        """End it, from any thread; again is harmless."""
        self._closed = True
        self.live = False
        self.changed.set()
        if self._stream is not None:
            with suppress(Exception):  # it may be ending by itself
                self._stream.close()

    def join(self, timeout: float) -> None:
        """Wait for the thread's end."""
        if self._thread.is_alive():
            self._thread.join(timeout)

    def _run(self) -> None:
        try:
            self._stream = self._client.api.events(filters=_EVENTS)
            self._begun.set()
            if self._closed:
                self._stream.close()
            for _ in self._stream:
                self.changed.set()
        except Exception as error:  # the SDK raises what requests, urllib3 and http.client do
            self._error = error
        finally:
            # The SDK gives no other way to the connection of a stream that the other end closed.
            if (response := getattr(self._stream, "_response", None)) is not None:
                response.close()
            self._client.close()
            self.live = False
            self._begun.set()
            self.changed.set()


def _own_id() -> str | None:
    try:
        return own_id(Path("/proc/self/mountinfo").read_text())
    except OSError:
        return None
