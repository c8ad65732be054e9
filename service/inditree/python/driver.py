"""IPyDriver objects of the public package indipydriver (3.x), run unchanged in the router's own loop.

The package has a hook for its server: an object in `driver._commsobj` with `run_rx`, `run_tx` and `shutdown`. Here it
is `InProcess`, which is to the router what the pipes of a child process are.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import inspect
import logging
from collections import deque
from collections.abc import Callable, Coroutine, Iterator
from typing import TYPE_CHECKING, Any

from inditree.python import blobs as ipyblobs
from inditree.python.blame import files_of, within_package
from inditree.python.blobs import LARGE, speed_up
from inditree.python.elements import Encoded, blob_of, parse, serialise, tree_of
from inditree.python.ending import LEAVING, LeftError
from inditree.wire.elements import Blob
from inditree.wire.syntax import enable_blob

if TYPE_CHECKING:
    import xml.etree.ElementTree as ET

_logger = logging.getLogger("inditree.driver")

#: Elements that a driver may send before it has to wait for the router to take them: a flood is joined to reads of
#: some 10 KiB, and keeps the loop for less than a millisecond.
BATCH = 64
#: Bytes that wait for the driver until it has no room: what a pipe holds.
INPUT_LIMIT = 256 << 10
#: Elements that a driver works on at once. As under indipyserver each has a task of its own, so that an `abort` is
#: heard while another `rxevent` still waits for the mount; further ones wait.
AT_ONCE = 64
#: Our modules through which the package runs: what is raised there and in the package is no fault of the driver's code.
OURS = frozenset({__name__, ipyblobs.__name__})


class InProcess:
    """One run of an IPyDriver: `run` is awaited once. For another run of the same object another is made.

    `receive` is called with what the driver sends: bytes (complete control elements, each ended by a newline) or a
    Blob, in their order, from the loop and never from within `feed`. `on_room` is called when there is room for input
    again. `hold` keeps the driver from sending BLOBs until `read_on`; its other elements go on, so that a camera's
    slow client does not hold back the mount in the same object.
    """

    def __init__(self, driver: Any, receive: Callable[[bytes | Blob], None]) -> None:
        self.driver = driver
        self.receive = receive
        self.on_room: Callable[[], None] | None = None
        #: Bytes that were given and that the driver has not begun to work on.
        self.waiting = 0
        self._input: deque[bytes | Blob] = deque()
        self._batch: list[bytes] = []
        self._flushed: asyncio.Future[None] | None = None
        self._wake = asyncio.Event()  # there is input, room for a task, or the end
        self._open = asyncio.Event()  # BLOBs may be sent
        self._open.set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._asked = False  # to end, perhaps before `run` has had its first step
        self._ended = False
        driver.shutdownrequested.clear()  # here, as `run` would forget a `stop` that came before its first step
        driver.stopped.clear()
        driver._commsobj = self
        speed_up(driver)

    @property
    def name(self) -> str:
        """The driver's class and its devices."""
        return f"{type(self.driver).__name__}({', '.join(self.driver)})"

    async def run(self) -> None:
        """Runs until the driver's own `shutdown`; raises what ended it otherwise (a group where that is several).

        What it sent before its end has been received then.
        """
        try:
            if not self._asked:
                with self._wrapped():
                    await _guarded(self.driver.asyncrun())
        except BaseExceptionGroup as group:
            error: BaseException = group
            while isinstance(error, BaseExceptionGroup) and len(error.exceptions) == 1:
                error = error.exceptions[0]
            raise error from None
        finally:
            self._ended = True
            self.driver.stopped.set()
            self._flush()
            self._discard_input()

    @contextlib.contextmanager
    def _wrapped(self) -> Iterator[None]:
        """Guards what the driver runs, for this run only, so that the guards of another run do not come on top."""
        driver = self.driver
        hardware, monitor = driver.hardware, driver._monitorsnoop
        adds = [(each, each.add_background) for each in (driver, *driver.values())]
        driver.hardware = lambda: _guarded(hardware())
        driver._monitorsnoop = functools.partial(self._monitor, monitor)
        for each, add in adds:
            each._backgroundlist = [_guarded(work) for work in each._backgroundlist]
            each.add_background = functools.partial(_add_guarded, add)
        try:
            yield
        finally:
            driver.hardware, driver._monitorsnoop = hardware, monitor
            for each, add in adds:
                each.add_background = add

    def stop(self) -> None:
        """Ask the driver to end: its own `shutdown`."""
        self._asked = True
        self.driver.shutdown()

    def owns(self, task: asyncio.Task[Any] | None) -> bool:
        """Says whether a task is the driver's: when the loop lags, `asyncio.current_task(loop)` says whose fault.

        Tasks that the driver started by itself, not by `add_background`, are not known.
        """
        return task in self._tasks or task in getattr(self.driver._tg, "_tasks", ())

    @functools.cached_property
    def files(self) -> frozenset[str]:
        """Finds the driver's code: the modules of its class and of the classes that it is made from."""
        return files_of(self.driver)

    # Toward the driver

    @property
    def room(self) -> bool:
        """Says whether more should be given now."""
        return self.waiting < INPUT_LIMIT

    def feed(self, data: bytes | Blob) -> None:
        """Complete elements for the driver (a Blob is retained until it has been read).

        Once the driver has ended it is lost: what was on its way to one run does not reach another.
        """
        if self._ended:
            return
        if isinstance(data, Blob):
            data.retain()
        self._input.append(data)
        self.waiting += _size(data)
        self._wake.set()

    async def run_rx(self) -> None:
        """Hand the driver what it is fed, from its start to its end; the driver calls this."""
        stop = self.driver.shutdownrequested
        while not stop.is_set():
            self._wake.clear()
            while self._input and not stop.is_set():
                await self._consume(self._input.popleft())
            if not self._input:
                await self._wake.wait()

    async def _consume(self, data: bytes | Blob) -> None:
        had_room = self.room
        self.waiting -= _size(data)
        try:
            roots = await self._roots(data)
        finally:
            if isinstance(data, Blob):
                data.release()
        if self.on_room is not None and self.room and not had_room:
            self.on_room()
        for root in roots:
            while len(self._tasks) >= AT_ONCE and not self.driver.stop:
                self._wake.clear()
                await self._wake.wait()
            if not self._is_own(root):
                if root.tag == "defBLOBVector":
                    self._want_blobs(root)
                work = self._deliver(root)
                task = self.driver._tg.create_task(_guarded(work))
                task.add_done_callback(lambda _, work=work: work.close())  # it may be cancelled before its first step
                self._tasks.add(task)
                task.add_done_callback(self._delivered)

    async def _roots(self, data: bytes | Blob) -> list[ET.Element]:
        if isinstance(data, Blob):
            return [await asyncio.to_thread(tree_of, data) if data.size > LARGE else tree_of(data)]
        roots, wrong = parse(data)
        if wrong:
            self._say(logging.WARNING, "snooped_malformed", f"an element for it was left out: {wrong}")
        return roots

    def _is_own(self, root: ET.Element) -> bool:
        """A definition of its own device by somebody else, which the package takes for a reason to end."""
        return root.tag in self.driver._def_tags and root.get("device") in self.driver

    def _want_blobs(self, root: ET.Element) -> None:
        """Enable the BLOBs of what the driver snoops on, as indipyserver does: the package cannot ask for them."""
        device, name = root.get("device"), root.get("name")
        if device and name:
            self._put(enable_blob("Also", device, name))

    async def _deliver(self, root: ET.Element) -> None:
        try:
            await self.driver._readdata(root)
        except Exception as error:
            # The package raises for some elements of other drivers (a member without text). That is no fault of this
            # one, whose code does not come into it.
            if not within_package(error, OURS):
                raise
            text = f"cannot read <{root.tag}> of {root.get('device')}.{root.get('name')}: {error!r}"
            self._say(logging.WARNING, "snooped_malformed", text)

    def _delivered(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._wake.set()

    def _discard_input(self) -> None:
        for data in self._input:
            if isinstance(data, Blob):
                data.release()
        self._input.clear()
        self.waiting = 0

    # From the driver

    def hold(self) -> None:
        """Let the driver wait with its next BLOB."""
        self._open.clear()

    def read_on(self) -> None:
        """Let the driver go on with its BLOBs."""
        self._open.set()

    async def run_tx(self, root: ET.Element) -> None:
        """Accept an element that the driver sends; the driver calls this."""
        if root.tag == "setBLOBVector" and len(root):
            await self._send_blob(root)
            return
        self._put(serialise(root))
        if len(self._batch) >= BATCH:
            assert self._flushed is not None
            await asyncio.shield(self._flushed)

    def _put(self, data: bytes) -> None:
        self._batch.append(data)
        if len(self._batch) == 1:
            loop = asyncio.get_running_loop()
            self._flushed = loop.create_future()
            loop.call_soon(self._flush)

    def _flush(self) -> None:
        """Hand over what was sent since the last time: all of one turn of the loop is one read to the router."""
        batch, self._batch = self._batch, []
        if batch:
            if self._flushed is not None and not self._flushed.done():
                self._flushed.set_result(None)
            self.receive(batch[0] if len(batch) == 1 else b"".join(batch))

    async def _send_blob(self, root: ET.Element) -> None:
        while not self._open.is_set() and not self.driver.stop:
            await self._open.wait()
        if self.driver.stop:
            return
        self._flush()
        blob = blob_of(root)
        for one in root:
            if isinstance(one.text, Encoded):
                one.text = str(one.text)  # the package may log the element
        self.receive(blob)
        await asyncio.sleep(0)

    def shutdown(self) -> None:
        """Shut down; the driver calls this as it ends."""
        self._wake.set()
        if not self._open.is_set():
            self._open.set()

    async def _monitor(self, monitor: Callable[[], Any]) -> None:
        """The package's own look at snoops each second, which would keep a driver for a second after its end."""
        task = self.driver._tg.create_task(monitor())
        await self.driver.shutdownrequested.wait()
        task.cancel()

    def _say(self, level: int, event: str, text: str) -> None:
        _logger.log(level, "%s: %s", self.name, text, extra={"driver": self.name, "event": event})


async def _guarded(work: Coroutine[Any, Any, Any]) -> None:
    """The driver's code, whose sys.exit would end the router."""
    try:
        await work
    except LEAVING as end:
        raise LeftError(end) from end


def _add_guarded(add: Callable[[Any], None], work: Any) -> None:
    """Replace `add_background` while the driver runs. The package says what is no coroutine."""
    add(_guarded(work) if inspect.iscoroutine(work) else work)


def _size(data: bytes | Blob) -> int:
    return data.size if isinstance(data, Blob) else len(data)
