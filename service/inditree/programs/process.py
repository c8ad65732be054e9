"""Drivers as child processes: started, told to end, and known to be gone.

The router forks nothing itself: a guardian does (guardian.py tells why). A driver gets a pipe for stdin, a pipe or
a UNIX socket for stdout and a pipe for stderr; nothing else of the router is open in it.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import fcntl
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from inditree.transport.sockets import unread_there

#: Bytes that a driver's stdout pipe should hold: with the default of 64 KiB images come at half the speed.
STDOUT_PIPE = 1 << 20
#: Bytes for stdin. Less: a driver's input is small, and what a user without privileges may hold in pipes is bounded
#: (64 MiB by default for all of that user's drivers).
STDIN_PIPE = 256 << 10
#: Bytes of socket buffer where stdout is a socket; the kernel gives what net.core.wmem_max allows.
STDOUT_SOCKET = 1 << 20
#: Seconds until a start that nobody answers counts as failed (a program on a network disk that hangs).
SPAWN_TIMEOUT = 10.0
#: Seconds that the guardian gets to end after the last driver.
CLOSE_TIMEOUT = 2.0


class Child:
    """A running driver.

    `stdin`, `stdout` and `stderr` are non-blocking descriptors that belong to the caller, who closes them. `exited`
    gives the exit code (negative for a signal) once the driver *and all that it started* are gone; what they wrote
    can be read then still. Both `terminate` and `kill` return at once and may be called at any time.
    """

    def __init__(self, pid: int, stdio: tuple[int, int, int], control: socket.socket, received: bytes) -> None:
        self.pid = pid
        self.stdin, self.stdout, self.stderr = stdio
        self._loop = asyncio.get_running_loop()
        self.exited: asyncio.Future[int] = self._loop.create_future()
        self._control = control
        self._received = received
        self._loop.add_reader(control.fileno(), self._read)

    def terminate(self) -> None:
        """SIGTERM to the driver and to all that it started (and SIGCONT, where one stands stopped)."""
        self._tell(b"T")

    def kill(self) -> None:
        """SIGKILL to the driver and to all that it started, until nothing of it is left."""
        self._tell(b"K")

    def _tell(self, command: bytes) -> None:
        if self._control.fileno() >= 0:
            with contextlib.suppress(OSError):  # the watcher has just gone, or has more commands than it can read
                self._control.send(command)

    def _read(self) -> None:
        try:
            data = self._control.recv(4096)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            data = b""
        self._received += data
        if data and not self._received.endswith(b"\n"):
            return
        self._loop.remove_reader(self._control.fileno())
        self._control.close()
        _watchers.pop(self.pid, None)
        if not self.exited.done():
            # Without an answer the watcher was killed, and the driver with it.
            self.exited.set_result(_message(self._received).get("exit", -signal.SIGKILL))


async def spawn(
    argv: Sequence[str], *, env: Mapping[str, str] | None = None, cwd: str | None = None, blob_socket: bool = False
) -> Child:
    """Start a driver in a session of its own.

    `argv[0]` is looked up in the driver's PATH and then beside our Python, relative to `cwd` where it has a slash;
    `env` is added to the router's environment; with `blob_socket` stdout is a UNIX socket, over which libindi passes
    images as descriptors. Raises OSError (FileNotFoundError, PermissionError, ..) whose `filename` is the program, or
    the `cwd`, that could not be used.
    """
    request = {"argv": list(argv), "env": {**_environment(), **(env or {})}, "cwd": cwd}
    with contextlib.ExitStack() as failed, contextlib.ExitStack() as always:
        ours, theirs = _stdio(blob_socket, failed, always)
        control, far = socket.socketpair()
        failed.callback(control.close)
        always.callback(far.close)
        control.setblocking(False)
        try:
            async with asyncio.timeout(SPAWN_TIMEOUT):
                await _guardian.request([far.fileno(), *theirs])
                far.close()
                answer, rest = await _ask(control, request)
        except TimeoutError:
            if _guardian.hangs:
                _guardian.give_up()
            raise OSError(errno.ETIMEDOUT, "did not start in time", argv[0]) from None
        if "pid" not in answer:
            number = answer.get("errno", errno.ECHILD)
            file = answer.get("file", argv[0])
            lacks = _LACKS.get(answer.get("lacks", "" if answer else "answer"))
            raise OSError(number, f"{lacks}: {os.strerror(number)}" if lacks else _reason(number, file, argv[0]), file)
        _watchers[answer["pid"]] = answer["watcher"]
        child = Child(answer["pid"], ours, control, rest)
        failed.pop_all()
        return child


_LACKS = {
    "process": "no process can be started (pids.max, ulimit -u)",
    "descriptor": "no file descriptor is left (ulimit -n)",
    "answer": "its start was not answered, as its watcher was killed or no file descriptor is left",
}
"""Resources that a machine may be short of, in words."""


def _reason(number: int, file: str, program: str) -> str:
    """Says why it cannot be started, for who has mistyped it, or has taken a server for a driver."""
    if number != errno.ENOENT or file != program or "/" in program:
        return os.strerror(number)
    hint = f"; a server is --remote {program} or @{program}" if re.fullmatch(r"[^\s:]+:\d{1,5}", program) else ""
    return f"no such program on PATH{hint}"


def _environment() -> dict[str, str]:
    """The environment of drivers: the router's, but that programs beside this Python are found too, last."""
    path = os.environ.get("PATH", os.defpath)
    return {**os.environ, "PATH": os.pathsep.join([path, str(Path(sys.executable).parent)])}


def _stdio(
    blob_socket: bool, failed: contextlib.ExitStack, always: contextlib.ExitStack
) -> tuple[tuple[int, int, int], tuple[int, int, int]]:
    """Our ends, closed by `failed`, and the driver's, closed by `always`, of its stdin, stdout and stderr."""
    in_read, in_write = _pipe(STDIN_PIPE)
    always.callback(os.close, in_read)
    failed.callback(os.close, in_write)
    out_read, out_write = _socketpair() if blob_socket else _pipe(STDOUT_PIPE)
    failed.callback(os.close, out_read)
    always.callback(os.close, out_write)
    err_read, err_write = _pipe(0)
    failed.callback(os.close, err_read)
    always.callback(os.close, err_write)
    for descriptor in (in_write, out_read, err_read):
        os.set_blocking(descriptor, False)
    return (in_write, out_read, err_read), (in_read, out_write, err_write)


def _pipe(size: int) -> tuple[int, int]:
    read, write = os.pipe()
    while size > 65536:
        try:
            fcntl.fcntl(write, fcntl.F_SETPIPE_SZ, size)
        except OSError:
            size //= 2  # past what this user may have (/proc/sys/fs/pipe-user-pages-soft)
        else:
            break
    return read, write


def _socketpair() -> tuple[int, int]:
    ours, theirs = socket.socketpair()
    theirs.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, STDOUT_SOCKET)
    return ours.detach(), theirs.detach()


async def _ask(control: socket.socket, request: dict[str, Any]) -> tuple[dict[str, Any], bytes]:
    """The first answer, empty where the watcher was killed, and what came after it."""
    loop = asyncio.get_running_loop()
    received = b""
    with contextlib.suppress(ConnectionError):
        await loop.sock_sendall(control, json.dumps(request).encode() + b"\n")
    with contextlib.suppress(ConnectionError):  # what was answered without reading the request is there all the same
        while b"\n" not in received and (data := await loop.sock_recv(control, 4096)):
            received += data
    line, _, rest = received.partition(b"\n")
    return _message(line), rest


def _message(line: bytes) -> dict[str, Any]:
    try:
        message: dict[str, Any] = json.loads(line)
    except ValueError:  # cut short, or nothing
        return {}
    return message


class _Guardian:
    """The guardian of this process, started when first needed and again when it was killed."""

    def __init__(self) -> None:
        self._socket: socket.socket | None = None
        self._process: subprocess.Popen[bytes] | None = None

    async def request(self, descriptors: list[int]) -> None:
        """Have a watcher forked for these descriptors."""
        for _ in range(2):
            try:
                return await self._send(descriptors)
            except ConnectionError:
                self._forget()  # killed: a new one does as well
        raise OSError(errno.ECHILD, "the guardian process of the drivers keeps ending", sys.executable)

    async def _send(self, descriptors: list[int]) -> None:
        while True:
            self._socket = self._socket or self._start()
            try:
                socket.send_fds(self._socket, [b"+"], descriptors)
            except BlockingIOError:  # it has some hundred requests to do before this one
                await asyncio.sleep(0.005)
            else:
                return

    def _start(self) -> socket.socket:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        script = str(Path(__file__).with_name("guardian.py"))
        with theirs, contextlib.ExitStack() as failed:
            failed.callback(ours.close)
            process = subprocess.Popen(
                [sys.executable, "-I", "-S", script, str(theirs.fileno()), str(os.getpid())],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                start_new_session=True,
            )
            failed.pop_all()
        ours.setblocking(False)
        self._process = process
        # A thread, because the guardian outlives no router but may outlive an event loop; it only waits.
        with contextlib.suppress(RuntimeError):  # no thread can be had: `close` waits for it
            threading.Thread(target=process.wait, name="guardian", daemon=True).start()
        return ours

    def _forget(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    @property
    def hangs(self) -> bool:
        """Says whether a request lies unread. Where it does not, the program hangs (a network disk), and not the
        guardian, which is not to be killed for that: what a killed watcher of another driver leaves is its to kill.
        """
        return self._socket is not None and unread_there(self._socket) > 0

    def give_up(self) -> None:
        """Give up a guardian that does not react: the next start is by a new one. Running drivers are not touched."""
        if self._process is not None:
            self._process.kill()
        self._forget()

    async def close(self) -> None:
        self._forget()
        end = time.monotonic() + CLOSE_TIMEOUT
        while self._process is not None and self._process.poll() is None and not _watchers:
            if time.monotonic() > end:
                return
            await asyncio.sleep(0.002)


_guardian = _Guardian()
#: The watcher of each driver that runs, by the driver's pid.
_watchers: dict[int, int] = {}


async def close_guardian() -> None:
    """End the guardian, which a router does when its drivers are stopped.

    Drivers that run still stay watched (and the guardian stays until they end); a later `spawn` starts another.
    """
    await _guardian.close()


def watcher_of(pid: int) -> int | None:
    """The process of which all that this driver started is a descendant, however it detached itself."""
    return _watchers.get(pid)


def is_stopped(pid: int) -> bool:
    """Says whether the process stands stopped by a signal (state T); one that a debugger holds does not."""
    try:
        said = Path(f"/proc/{pid}/stat").read_bytes()
    except OSError:  # gone, or out of descriptors: not known now
        return False
    return said.rpartition(b")")[2].split()[:1] == [b"T"]  # behind its name, which may hold anything
