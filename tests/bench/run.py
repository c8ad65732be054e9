"""One run: a server, its load drivers, the checking clients, and what was measured."""

import contextlib
import json
import select
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from bench.build import BenchError, program
from bench.servers import Server, running

READY_DEADLINE = 60.0  # a driver that prepares images in memory takes a while
RUN_DEADLINE = 90.0
Result = Mapping[str, float | str]


@dataclass(frozen=True)
class Part:
    """A load driver and the client process that checks what comes from it."""

    mode: str  # of the driver; "none" for one that only answers
    client: str  # mode of the client
    n: int
    options: Mapping[str, int | str] = field(default_factory=dict)
    clients: int = 1
    stalled: int = 0
    client_options: Mapping[str, int | str] = field(default_factory=dict)
    device: str = "Load"

    def driver_command(self, n: int) -> list[str]:
        options = [f"{key}={value}" for key, value in self.options.items()]
        return [str(program("load_driver")), self.device, self.mode, f"n={n}", *options]

    def client_command(self, port: int, n: int) -> list[str]:
        shared = {key: value for key, value in self.options.items() if key in ("size", "props")}
        options = {"device": self.device, "clients": self.clients, "stalled": self.stalled, "n": n}
        words = [f"{key}={value}" for key, value in {**options, **shared, **self.client_options}.items()]
        return [str(program("client")), f"127.0.0.1:{port}", self.client, *words]


@dataclass
class Sample:
    """What one run gave. `results` are those of the parts, in order."""

    server: str
    n: int
    start_seconds: float = 0.0
    cpu: float = 0.0
    peak_rss: int = 0
    rested_rss: int = 0
    results: list[Result] = field(default_factory=list)
    problem: str | None = None
    wall: float = 0.0

    def number(self, key: str, part: int = 0) -> float:
        return float(self.results[part][key])


def run(
    server: str, parts: Sequence[Part], n: int, *, command: list[str] | None = None, config: str = "", rest: float = 0.0
) -> Sample:
    """Starts, measures, stops. What goes wrong with the server or with what arrives becomes the sample's problem.

    `rest`: seconds behind the load, after which its memory is looked at once more.
    """
    sample = Sample(server, n)
    counts = [n if index == 0 else part.n for index, part in enumerate(parts)]
    drivers = [part.driver_command(count) for part, count in zip(parts, counts, strict=True)]
    connections = sum(part.clients + part.stalled for part in parts) + 10
    begin = time.monotonic()
    try:
        with running(server, drivers, connections, command, config) as process:
            sample.start_seconds = process.start_seconds
            if any(part.client for part in parts):
                _drive(process, parts, counts, sample)
            sample.peak_rss = process.rss(peak=True)
            if rest:
                time.sleep(rest)
                sample.rested_rss = process.rss(peak=False)
    except BenchError as error:
        sample.problem = str(error)
    sample.wall = time.monotonic() - begin
    return sample


def _drive(server: Server, parts: Sequence[Part], counts: Sequence[int], sample: Sample) -> None:
    with contextlib.ExitStack() as stack:
        clients = [
            stack.enter_context(_client(part.client_command(server.port, count)))
            for part, count in zip(parts, counts, strict=True)
        ]
        for client in clients:
            _read(client, READY_DEADLINE, server)
        before = server.cpu()
        for client in clients:
            assert client.stdin
            client.stdin.write(b"go\n")
            client.stdin.flush()
        sample.results = [_read(client, RUN_DEADLINE, server) for client in clients]
        sample.cpu = sum(seconds - before.get(pid, 0.0) for pid, seconds in server.cpu().items())
    problems = [
        _problem(part, count, result) for part, count, result in zip(parts, counts, sample.results, strict=True)
    ]
    sample.problem = "; ".join(filter(None, problems)) or None


@contextlib.contextmanager
def _client(command: list[str]) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def _read(client: subprocess.Popen[bytes], deadline: float, server: Server) -> Result:
    assert client.stdout
    if not select.select([client.stdout], [], [], deadline)[0]:
        raise BenchError(f"{server.name}: the client has no result after {deadline:.0f} s")
    line = client.stdout.readline()
    try:
        result: Result = json.loads(line)
    except ValueError:
        raise BenchError(f"{server.name}: the client said {line!r}, server: {server.last_words()}") from None
    if "error" in result:
        raise BenchError(f"{server.name}: client: {result['error']}, server: {server.last_words()}")
    return result


def _problem(part: Part, n: int, result: Result) -> str | None:
    """What was wrong with what arrived; the healthy clients count."""
    wrong = [f"{result[key]:.0f} {key}" for key in ("lost", "disordered", "bad", "closed", "deleted") if result[key]]
    due = n * part.clients if part.client in ("numbers", "blobs", "ticks") else 0
    if float(result["got"]) < due:
        wrong.append(f"{result['got']} of {due} arrived")
    if float(result["complete"]) < part.clients:
        wrong.append(f"{result['complete']} of {part.clients} clients complete")
    return f"{', '.join(wrong)}: {result['note']}" if wrong else None
