"""What the kernel says about the processes of a server."""

import re
import time
from pathlib import Path

import psutil

LISTEN = "0A"


def cpu_seconds(pid: int) -> float:
    """Processor time of a process with all its threads, ended ones too. The clock is the kernel's, in nanoseconds."""
    try:
        return time.clock_gettime((~pid << 3) | 2)  # what clock_getcpuclockid(3) gives for a process
    except OSError:
        return 0.0


def rss(pid: int, *, peak: bool) -> int:
    """Bytes resident now, or the most so far."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    found = re.search(rf"{'VmHWM' if peak else 'VmRSS'}:\s+(\d+) kB", status)
    return int(found[1]) * 1024 if found else 0


def pss(pid: int) -> int:
    """Bytes resident now, of shared pages its share: what a forked helper costs beside the process it came from."""
    try:
        rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except OSError:
        return 0
    found = re.search(r"^Pss:\s+(\d+) kB", rollup, re.MULTILINE)
    return int(found[1]) * 1024 if found else 0


def server_pids(root: int, driver: Path) -> list[int]:
    """A server and its helpers: its descendants, but for the load drivers."""
    try:
        process = psutil.Process(root)
        family = [process, *process.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []
    return [p.pid for p in family if not _runs(p, driver)]


def _runs(process: psutil.Process, driver: Path) -> bool:
    try:
        return Path(process.exe()) == driver
    except psutil.Error:
        return True


def listening(port: int) -> bool:
    """Whether somebody listens on a TCP port, found without a connection (IPyServer never forgets one)."""
    for table in ("tcp", "tcp6"):
        try:
            lines = Path(f"/proc/net/{table}").read_text().splitlines()[1:]
        except OSError:
            continue
        for line in lines:
            fields = line.split()
            if fields[3] == LISTEN and int(fields[1].rsplit(":", 1)[1], 16) == port:
                return True
    return False


def cpu_model() -> str:
    """The processor's name and how many of it."""
    names = re.findall(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    return f"{len(names)} x {names[0]}" if names else "unknown"


def kernel_value(path: str) -> str:
    """A file of /proc/sys as one line."""
    try:
        return " ".join((Path("/proc/sys") / path).read_text().split())
    except OSError:
        return "unknown"
