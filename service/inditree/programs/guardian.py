"""The process between the router and its drivers: nothing that a driver started outlives the router.

Run as a script (``python -I -S guardian.py SOCKET ROUTER_PID``) and never imported by the router, so it uses the
standard library only, and little of that: what it imports, every driver pays for. Nor can it import a neighbour, which
is why it is one file, however long.

One guardian per router waits for requests and forks a *watcher* for each driver. The fork is cheap (the memory is
shared) and happens in a process without threads. A watcher is a subreaper (``prctl(2)``), so whatever its driver
starts, however it detaches itself (``setsid``, double fork), stays a descendant of the watcher, and "the watcher
has no children" means "everything that this driver ever started is gone". The guardian is a subreaper as well: if
a watcher is killed, what it leaves falls to the guardian, which kills it.

Both see the router's end twice: end of file on their socket, and the router's pidfd where the kernel has it (a
forked child of the router may hold a copy of the socket).

Guardian's socket (SEQPACKET): one byte with four descriptors, the watcher's own socket and the driver's stdin, stdout
and stderr. Watcher's socket (STREAM): the request as one JSON line ``{argv, env, cwd}``; answers are JSON lines
``{"pid", "watcher"}`` or ``{"errno", "file"}``, or ``{"errno", "lacks": "process"|"descriptor"}`` where the machine
gives no more of them (both live on), and last ``{"exit": code}`` (negative for a signal); the router
sends ``T`` (ask it to end) and ``K`` (kill all of it).
"""

import contextlib
import ctypes
import errno
import gc
import json
import os
import select
import signal
import socket
import sys
import time

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36

#: Seconds that helpers of a driver have to end on SIGTERM once the driver itself is gone.
LEFTOVER_GRACE = 0.25
#: Milliseconds between two looks while something is being killed: first and longest (what will not die, in
#: uninterruptible sleep or under another user id, is not worth more).
KILL_POLL_FIRST, KILL_POLL_LONGEST = 5, 500

_IGNORED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2)
_libc = ctypes.CDLL(None, use_errno=True)


def _prctl(option: int, value: int) -> None:
    _libc.prctl(option, *map(ctypes.c_ulong, (value, 0, 0, 0)))


def _set_name(name: str) -> None:
    """Set the name of this process that ps and top show, at most 15 characters."""
    with contextlib.suppress(OSError), open("/proc/self/comm", "w") as file:  # noqa: PTH123
        file.write(name)


def _children() -> dict[int, list[int]]:
    """Says who has which children, zombies included, of all that /proc shows.

    One pass over /proc, some 15 us a process: this is for killing, and not every kernel has
    ``/proc/PID/task/PID/children``.
    """
    found: dict[int, list[int]] = {}
    try:
        entries = os.listdir("/proc")  # noqa: PTH208 - pathlib would cost memory
    except OSError:  # no descriptor is left: whoever asks looks again
        return found
    for entry in entries:
        if entry.isdigit():
            with contextlib.suppress(OSError), open(f"/proc/{entry}/stat", "rb") as file:  # noqa: PTH123
                # The name, in parentheses, may hold anything: count from its end. "state ppid ..." follows.
                parent = int(file.read().rpartition(b")")[2].split()[1])
                found.setdefault(parent, []).append(int(entry))
    return found


def descendants(spared: frozenset[int] = frozenset()) -> list[int]:
    """Finds all below this process, parents before children, without the children in ``spared`` and theirs."""
    table = _children()
    found = [pid for pid in table.get(os.getpid(), ()) if pid not in spared]
    for pid in found:
        found += table.get(pid, ())
    return found


def signal_all(pids: list[int], number: int) -> None:
    """Send a signal to each, whoever of them is there still."""
    for pid in pids:
        with contextlib.suppress(OSError):
            os.kill(pid, number)


class Wakeup:
    """SIGCHLD as something to poll."""

    def __init__(self) -> None:
        self.receiver, self._sender = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.set_wakeup_fd(self._sender, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda number, frame: None)

    def clear(self) -> None:
        with contextlib.suppress(BlockingIOError):
            os.read(self.receiver, 4096)

    def close(self) -> None:
        signal.set_wakeup_fd(-1)
        os.close(self.receiver)
        os.close(self._sender)


def _reap() -> tuple[dict[int, int], bool]:
    """Reap children: the exit code of each that ended (negative for a signal), and whether any child is left."""
    ended: dict[int, int] = {}
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return ended, False
        if pid == 0:
            return ended, True
        ended[pid] = os.waitstatus_to_exitcode(status)


def _exec(request: dict[str, object], stdio: tuple[int, int, int], parent: int, report: int) -> None:
    """Makes the driver's process the driver. Returns an error to ``report``, or does not return."""
    argv, env, cwd = request["argv"], request["env"], request["cwd"]
    assert isinstance(argv, list) and isinstance(env, dict)
    file = argv[0]
    try:
        os.setsid()
        _prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(1)  # the watcher was killed before the line above
        # Those that Python ignores, this process ignores or a shell that put the router in the background did.
        for number in (*_IGNORED, signal.SIGXFSZ, signal.SIGCHLD):
            signal.signal(number, signal.SIG_DFL)
        # libindi's drivers never had to: indiserver ignores it for them, and a mount over TCP may hang up.
        signal.signal(signal.SIGPIPE, signal.SIG_IGN)
        signal.pthread_sigmask(signal.SIG_SETMASK, ())
        # All three stand above 2 (the watcher saw to it), so none of these overwrites the next.
        for target, source in enumerate(stdio):
            os.dup2(source, target, inheritable=True)
        if cwd is not None:
            file = str(cwd)
            os.chdir(file)
            file = argv[0]
        os.execvpe(file, argv, env)
    except OSError as error:
        os.write(report, json.dumps({"errno": error.errno, "file": file}).encode())
    except ValueError:  # a NUL in an argument
        os.write(report, json.dumps({"errno": errno.EINVAL, "file": file}).encode())
    finally:
        os._exit(127)  # whatever happened: there must be no second watcher


class Watcher:
    """Starts one driver, answers for it, and ends when nothing of it is left."""

    def __init__(self, control: socket.socket, stdio: tuple[int, int, int], router: int | None) -> None:
        self.control = control
        self.stdio = stdio
        self.router = router
        self.wakeup = Wakeup()
        self.poll = select.poll()
        self.driver = 0
        self.code: int | None = None
        self.kill_at: float | None = None  # from when on all that is left is killed

    def run(self) -> None:
        request = self._request()
        if request is not None and self._spawn(request):
            self._answer({"exit": self._watch()})

    def _watch(self) -> int | None:
        """Waits until nothing is left of the driver, and gives its exit code."""
        self.poll.register(self.wakeup.receiver, select.POLLIN)
        self.poll.register(self.control, select.POLLIN)
        if self.router is not None:
            self.poll.register(self.router, select.POLLIN)
        pause = KILL_POLL_FIRST
        while True:
            timeout = self._kill_due()
            if timeout == 0:
                signal_all(descendants(), signal.SIGKILL)
                pause, timeout = min(2 * pause, KILL_POLL_LONGEST), pause
            self._events(timeout)
            ended, more = _reap()
            self.code = ended.get(self.driver, self.code)
            if not more:
                return self.code
            if self.driver in ended and self.kill_at is None:
                self._ask(descendants())
                self.kill_at = time.monotonic() + LEFTOVER_GRACE
                pause = KILL_POLL_FIRST

    def _request(self) -> dict[str, object] | None:
        line = b""
        while not line.endswith(b"\n"):
            data = self.control.recv(65536)
            if not data:
                return None
            line += data
        request: dict[str, object] = json.loads(line)
        return request

    def _spawn(self, request: dict[str, object]) -> bool:
        try:
            receiver, sender = os.pipe2(os.O_CLOEXEC)
        except OSError as error:
            self._answer({"errno": error.errno, "lacks": "descriptor"})
            return False
        watcher = os.getpid()
        try:
            self.driver = os.fork()
        except OSError as error:
            self._answer({"errno": error.errno, "lacks": "process"})
            return False
        if self.driver == 0:
            _exec(request, self.stdio, watcher, sender)
        os.close(sender)
        for descriptor in self.stdio:
            os.close(descriptor)
        failure = os.read(receiver, 65536)  # empty: the pipe was closed by exec
        os.close(receiver)
        if failure:
            os.waitpid(self.driver, 0)
            self._answer(json.loads(failure))
            return False
        self._answer({"pid": self.driver, "watcher": watcher})
        return True

    def _kill_due(self) -> float | None:
        """Milliseconds until all is to be killed, None for never."""
        if self.kill_at is None:
            return None
        return max(0.0, self.kill_at - time.monotonic()) * 1000

    def _events(self, timeout: float | None) -> None:
        for descriptor, _ in self.poll.poll(timeout):
            if descriptor == self.wakeup.receiver:
                self.wakeup.clear()
            elif descriptor == self.router:
                self._orphaned(descriptor)
            else:
                self._command()

    def _command(self) -> None:
        try:
            data = self.control.recv(64)
        except ConnectionError:
            data = b""
        if not data:
            self._orphaned(self.control.fileno())
        elif b"K" in data:
            self.kill_at = time.monotonic()
        elif b"T" in data:
            self._ask(descendants())

    def _orphaned(self, descriptor: int) -> None:
        self.poll.unregister(descriptor)
        self.kill_at = time.monotonic()

    def _ask(self, pids: list[int]) -> None:
        """SIGTERM, and SIGCONT for what stands stopped: it would not see the SIGTERM otherwise."""
        signal_all(pids, signal.SIGTERM)
        signal_all(pids, signal.SIGCONT)

    def _answer(self, message: dict[str, object]) -> None:
        with contextlib.suppress(OSError):
            self.control.sendall(json.dumps(message).encode() + b"\n")


class Guardian:
    """Forks watchers on request; kills what a watcher that was killed has left."""

    def __init__(self, requests: socket.socket, router: int | None) -> None:
        self.requests: socket.socket | None = requests
        self.router = router
        self.wakeup = Wakeup()
        self.watchers: set[int] = set()
        self.poll = select.poll()

    def run(self) -> None:
        assert self.requests is not None
        for descriptor in (self.wakeup.receiver, self.requests.fileno(), self.router):
            if descriptor is not None:
                self.poll.register(descriptor, select.POLLIN)
        timeout: int | None = None
        while True:
            for descriptor, _ in self.poll.poll(timeout):
                if descriptor == self.wakeup.receiver:
                    self.wakeup.clear()
                elif descriptor == self.router or not self._fork():
                    self._close()
            ended, more = _reap()
            self.watchers -= ended.keys()
            if self.requests is None and not more:
                return
            # A watcher that ended of itself (0) has left nothing.
            timeout = self._kill_strangers() if timeout or any(ended.values()) else None

    def _kill_strangers(self) -> int | None:
        """Kill what we did not fork; milliseconds until the next look, None when nothing was found."""
        strangers = descendants(spared=frozenset(self.watchers))
        signal_all(strangers, signal.SIGKILL)
        return 4 * KILL_POLL_FIRST if strangers else None

    def _fork(self) -> bool:
        """Fork the watcher of one request; False when there are no more."""
        if self.requests is None:
            return True
        try:
            data, received, _, _ = socket.recv_fds(self.requests, 1, 4)
        except OSError:
            return False
        if not data:
            return False
        for descriptor in received:
            os.set_inheritable(descriptor, False)  # recv_fds takes flags, MSG_CMSG_CLOEXEC too, and ignores them
        try:
            if len(received) < 4:
                raise OSError(errno.EMFILE, "descriptors were lost")
            pid = os.fork()
        except OSError as error:
            self._refuse(received, error.errno or 0, "process" if len(received) == 4 else "descriptor")
        else:
            if not pid:
                self._watch(received)
            self.watchers.add(pid)
        for descriptor in received:
            os.close(descriptor)
        return True

    def _refuse(self, received: list[int], number: int, lacks: str) -> None:
        """Tell whoever asked that the machine does not give what is needed now."""
        if received:
            with contextlib.suppress(OSError):
                os.write(received[0], json.dumps({"errno": number, "lacks": lacks}).encode() + b"\n")

    def _watch(self, received: list[int]) -> None:
        """Serves one driver in the forked process, then ends."""
        assert self.requests is not None
        try:
            self.requests.close()
            self.wakeup.close()
            _prctl(PR_SET_CHILD_SUBREAPER, 1)
            _set_name("driver-watcher")
            control, stdin, stdout, stderr = received
            Watcher(socket.socket(fileno=control), (stdin, stdout, stderr), self.router).run()
            os._exit(0)
        except BaseException:
            sys.excepthook(*sys.exc_info())
            sys.stderr.flush()
        finally:
            os._exit(1)

    def _close(self) -> None:
        """The router is gone, or needs us no more: end when the last watcher has."""
        if self.requests is not None:
            self.poll.unregister(self.requests)
            self.requests.close()
            self.requests = None
            if self.router is not None:
                self.poll.unregister(self.router)


def main() -> None:
    """Serve the router whose pid and socket are given until it is gone."""
    requests = socket.socket(fileno=int(sys.argv[1]))
    requests.set_inheritable(False)
    # 0 to 2 stay taken even if the router had closed its own: a driver's descriptors are moved there.
    while (spare := os.open(os.devnull, os.O_RDWR)) < 3:
        pass
    os.close(spare)
    for number in _IGNORED:
        signal.signal(number, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    _set_name("driver-guardian")
    _prctl(PR_SET_CHILD_SUBREAPER, 1)
    router: int | None = None
    try:
        router = os.pidfd_open(int(sys.argv[2]))
    except ProcessLookupError:
        return  # it died before we could look
    except OSError:
        pass  # not in this kernel or sandbox: end of file has to do
    gc.collect()
    gc.freeze()  # a collection in a watcher would copy the pages that it shares
    Guardian(requests, router).run()


if __name__ == "__main__":
    main()
