"""Starts the servers that are compared, each on a free port with the same load drivers."""

import contextlib
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from bench.build import CACHE, BenchError, program
from bench.measure import cpu_seconds, listening, pss, rss, server_pids
from ports import free_port

OURS, BEFORE, COPY, INDISERVER, INDIPYSERVER = "ours", "before", "copy", "indiserver", "indipyserver"
START_DEADLINE = 20.0
STOP_DEADLINE = 5.0
SERVICE = Path(__file__).resolve().parents[2] / "service"
DEFAULT_CONNECTIONS = 256  # inditree's own default
Drivers = Sequence[Sequence[str]]


@dataclass
class Server:
    """A running server."""

    name: str
    process: subprocess.Popen[bytes]
    port: int
    log: Path
    start_seconds: float = 0.0

    def pids(self) -> list[int]:
        return server_pids(self.process.pid, program("load_driver"))

    def cpu(self) -> dict[int, float]:
        """Seconds of processor time by process."""
        return {pid: cpu_seconds(pid) for pid in self.pids()}

    def rss(self, *, peak: bool) -> int:
        """Bytes of the server, now or at its peak, with what its helpers take beside it now."""
        server, *helpers = self.pids()
        return rss(server, peak=peak) + sum(pss(pid) for pid in helpers)

    def last_words(self) -> str:
        """The end of what it logged, for an error message."""
        text = self.log.read_text(errors="replace").strip()
        return "\n".join(text.splitlines()[-8:])[-1500:] or "(it logged nothing)"


def _ours(port: int, drivers: Drivers, connections: int, folder: Path) -> list[str]:
    command = [sys.executable, "-m", "inditree", "serve", "--http", "off", "--host", "127.0.0.1", "--port", str(port)]
    if connections > DEFAULT_CONNECTIONS:
        command += ["--max-connections", str(connections)]
    return command + [shlex.join(driver) for driver in drivers]


def _before(port: int, drivers: Drivers, connections: int, folder: Path) -> list[str]:
    return ["env", f"PYTHONPATH={CACHE / BEFORE / 'service'}", *_ours(port, drivers, connections, folder)]


def check_out(revision: str) -> None:
    """Lays the service as of a git revision into the cache, compiled, for the server `before`. Raises BenchError."""
    folder = CACHE / BEFORE
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    packed = subprocess.run(["git", "archive", revision, "service"], capture_output=True, check=False)
    if packed.returncode:
        raise BenchError(f"git archive {revision}: {packed.stderr.decode(errors='replace').strip()}")
    subprocess.run(["tar", "-x", "-C", str(folder)], input=packed.stdout, check=True)
    compile_service(folder / "service")


def compile_service(folder: Path) -> None:
    """Compiles the modules in a folder, as pip and the image do when they install.

    An environment that keeps Python from writing what it has compiled (PYTHONDONTWRITEBYTECODE, which images for
    building often set) would have every start compile two hundred modules: half a second that no installed router
    spends.
    """
    subprocess.run([sys.executable, "-m", "compileall", "-q", str(folder)], check=True)


def _copy(port: int, drivers: Drivers, connections: int, folder: Path) -> list[str]:
    return [str(program("copy_loop")), str(port), "none", *drivers[0]]


def _indiserver(port: int, drivers: Drivers, connections: int, folder: Path) -> list[str]:
    found = shutil.which("indiserver")
    if found is None:
        raise BenchError("indiserver is not installed (Debian: apt-get install indi-bin)")
    scripts = []  # it gives its drivers no arguments
    for number, driver in enumerate(drivers):
        script = folder / f"driver{number}"
        script.write_text(f"#!/bin/sh\nexec {shlex.join(driver)}\n")
        script.chmod(0o755)
        scripts.append(str(script))
    return [found, "-p", str(port), "-u", str(folder / "socket"), "-r", "0", *scripts]


def _indipyserver(port: int, drivers: Drivers, connections: int, folder: Path) -> list[str]:
    script = Path(__file__).with_name("indipy.py")
    return [sys.executable, str(script), str(port), *(shlex.join(driver) for driver in drivers)]


COMMANDS: dict[str, Callable[[int, Drivers, int, Path], list[str]]] = {
    OURS: _ours,
    BEFORE: _before,
    COPY: _copy,
    INDISERVER: _indiserver,
    INDIPYSERVER: _indipyserver,
}


@contextlib.contextmanager
def running(
    name: str, drivers: Drivers, connections: int = 10, command: list[str] | None = None, config: str = ""
) -> Iterator[Server]:
    """Runs a server while the block does. Raises BenchError where it is not there or does not come up.

    `config`: a configuration for ours, with FOLDER for a folder of its own.
    """
    with tempfile.TemporaryDirectory(prefix="inditree-bench-") as folder:
        port = free_port()
        chosen = command or COMMANDS[name](port, drivers, connections, Path(folder))
        if config and name in (OURS, BEFORE):
            (Path(folder) / "config.yaml").write_text(config.replace("FOLDER", folder))
            chosen += ["--config", f"{folder}/config.yaml"]
        if command:
            chosen = [part.replace("PORT", str(port)) for part in command]
        log = CACHE / f"{name}.log"
        with log.open("wb") as output:
            begin = time.monotonic()
            process = subprocess.Popen(
                chosen, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
            )
        server = Server(name, process, port, log)
        try:
            _wait_until_listening(server, begin)
            yield server
        finally:
            _stop(server)


def _wait_until_listening(server: Server, begin: float) -> None:
    while not listening(server.port):
        if server.process.poll() is not None:
            raise BenchError(f"{server.name} ended at once, status {server.process.returncode}: {server.last_words()}")
        if time.monotonic() - begin > START_DEADLINE:
            raise BenchError(f"{server.name} does not listen after {START_DEADLINE:.0f} s: {server.last_words()}")
        time.sleep(0.001)
    server.start_seconds = time.monotonic() - begin


def _stop(server: Server) -> None:
    server.process.send_signal(signal.SIGTERM)
    try:
        server.process.wait(STOP_DEADLINE)
    except subprocess.TimeoutExpired:
        server.process.kill()
        server.process.wait()
    with contextlib.suppress(ProcessLookupError):
        os.killpg(server.process.pid, signal.SIGKILL)  # its session, made above: drivers it left behind


def versions(names: Sequence[str]) -> dict[str, str]:
    """What is compared, by name; a server that is not installed says so."""
    found: dict[str, str] = {}
    for name in names:
        if name in (COPY, BEFORE):
            continue
        try:
            found[name] = _indiserver_version() if name == INDISERVER else _package_version(name)
        except (OSError, metadata.PackageNotFoundError):
            found[name] = "not installed"
    return found


def _package_version(name: str) -> str:
    return metadata.version("inditree" if name == OURS else name)


def _indiserver_version() -> str:
    done = subprocess.run(["indiserver", "-h"], capture_output=True, text=True, check=False)
    match = re.search(r"INDI Library: (\S+)", done.stderr + done.stdout)
    return match[1] if match else "unknown"
