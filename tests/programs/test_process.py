"""A driver is started: what it gets, what it answers, how its end is told."""

from __future__ import annotations

import asyncio
import fcntl
import os
import shutil
import signal
import socket
import stat
import sys
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import psutil
import pytest

from inditree.programs import process
from inditree.programs.process import close_guardian, is_stopped, spawn
from programs.processes import alive, both_loops, descriptors, driver, ended, python, read_line, until

Run = Callable[[Coroutine[Any, Any, None]], None]


@both_loops
def test_it_reads_and_writes(run: Run) -> None:
    async def main() -> None:
        async with driver(["cat"]) as child:
            os.write(child.stdin, b"<getProperties version='1.7'/>\n")
            assert await read_line(child.stdout) == "<getProperties version='1.7'/>"
            assert alive(child.pid)

    run(main())


@both_loops
@pytest.mark.parametrize("code", [0, 3, 127])
def test_exit_codes(run: Run, code: int) -> None:
    async def main() -> None:
        async with driver(["sh", "-c", f"exit {code}"]) as child:
            assert await ended(child) == code

    run(main())


@both_loops
def test_signals_are_negative(run: Run) -> None:
    async def main() -> None:
        async with driver(["cat"]) as child:
            child.terminate()
            assert await ended(child) == -signal.SIGTERM
        async with driver(["cat"]) as child:
            child.kill()
            assert await ended(child) == -signal.SIGKILL
            child.terminate()  # too late, and harmless

    run(main())


def test_what_it_wrote_last_is_there_after_its_end() -> None:
    async def main() -> None:
        async with driver(["sh", "-c", "head -c 300000 /dev/zero; echo; echo out of film >&2"]) as child:
            assert await ended(child) == 0
            data = b""
            while more := os.read(child.stdout, 1 << 20):
                data += more
            assert data == bytes(300000) + b"\n"
            assert os.read(child.stderr, 100) == b"out of film\n"
            assert os.read(child.stderr, 100) == b""

    asyncio.run(main())


@both_loops
def test_what_cannot_be_started_is_named(run: Run, tmp_path: Path) -> None:
    text = tmp_path / "text"
    text.write_text("no program")
    broken = tmp_path / "broken"
    broken.write_bytes(b"\x7fELF and no more")
    broken.chmod(0o755)

    async def main() -> None:
        before = descriptors()
        with pytest.raises(FileNotFoundError) as missing:
            await spawn(["indi_no_such_driver", "-v"])
        assert missing.value.filename == "indi_no_such_driver"
        with pytest.raises(FileNotFoundError) as nowhere:
            await spawn(["cat"], cwd=str(tmp_path / "nowhere"))
        assert nowhere.value.filename == str(tmp_path / "nowhere")
        with pytest.raises(PermissionError) as forbidden:
            await spawn([str(text)])
        assert forbidden.value.filename == str(text)
        with pytest.raises(OSError, match="Exec format error") as garbage:
            await spawn([str(broken)])
        assert garbage.value.filename == str(broken)
        with pytest.raises(OSError, match="Invalid argument"):
            await spawn(["cat", "nul\0byte"])
        await close_guardian()
        assert descriptors() == before

    run(main())


def test_environment_and_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "bin" / "dome"
    program.parent.mkdir()
    program.write_text('#!/bin/sh\necho "$INDIDEV|$FROM_ROUTER|$PWD"\n')
    program.chmod(0o755)
    monkeypatch.setenv("FROM_ROUTER", "yes")

    async def main() -> None:
        path = f"{program.parent}:{os.environ['PATH']}"
        async with driver(["dome"], env={"INDIDEV": "Dome é", "PATH": path}, cwd=str(tmp_path)) as child:
            assert await read_line(child.stdout) == f"Dome é|yes|{tmp_path}"
        async with driver(["bin/dome"], cwd=str(tmp_path)) as child:
            assert await read_line(child.stdout) == f"|yes|{tmp_path}"

    asyncio.run(main())


def test_a_large_environment() -> None:
    async def main() -> None:
        async with driver(["sh", "-c", "echo ${#LONG}"], env={"LONG": "x" * 100_000}) as child:
            assert await read_line(child.stdout) == "100000"

    asyncio.run(main())


def signals(pid: int) -> dict[str, int]:
    status = Path(f"/proc/{pid}/status").read_text()
    words = (line.partition(":") for line in status.splitlines())
    # 32 and 33 are the C library's own: its posix_spawn (make's) leaves them ignored, and nobody can change that.
    own = 1 << 31 | 1 << 32
    return {name: int(value, 16) & ~own for name, _, value in words if name in ("SigIgn", "SigBlk")}


def descriptors_of(pid: int) -> set[int]:
    return {int(entry.name) for entry in Path(f"/proc/{pid}/fd").iterdir()}


@both_loops
def test_session_signals_and_descriptors(run: Run) -> None:
    """It leads a session of its own, ignores SIGPIPE alone, as under indiserver, and nothing of ours is open in it."""

    async def main() -> None:
        first, second = socket.socketpair()
        first.set_inheritable(True)
        with first, second:
            async with driver(["sleep", "1000"]) as other, driver(["sleep", "1000"]) as child:
                assert other.pid != child.pid
                assert os.getsid(child.pid) == os.getpgid(child.pid) == child.pid
                await until(lambda: psutil.Process(child.pid).name() == "sleep", "exec")
                assert signals(child.pid) == {"SigIgn": 1 << (signal.SIGPIPE - 1), "SigBlk": 0}
                # It opens libraries and locales as it starts.
                await until(lambda: descriptors_of(child.pid) == {0, 1, 2}, "no descriptor but these")

    run(main())


def test_pipes_are_widened() -> None:
    async def main() -> None:
        async with driver(["cat"]) as child:
            assert fcntl.fcntl(child.stdout, fcntl.F_GETPIPE_SZ) == process.STDOUT_PIPE
            assert fcntl.fcntl(child.stdin, fcntl.F_GETPIPE_SZ) == process.STDIN_PIPE
            for descriptor in (child.stdin, child.stdout, child.stderr):
                assert not os.get_blocking(descriptor)
                assert not os.get_inheritable(descriptor)

    asyncio.run(main())


@both_loops
def test_a_descriptor_comes_over_the_blob_socket(run: Run) -> None:
    code = """
import array, os, socket
memory = os.memfd_create("image")
os.write(memory, b"SIMPLE  =")
out = socket.socket(fileno=1)
out.sendmsg([b"<oneBLOB attached='true'/>"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [memory]))])
"""

    async def main() -> None:
        async with driver(python(code), blob_socket=True) as child:
            assert stat.S_ISSOCK(os.fstat(child.stdout).st_mode)
            assert await ended(child) == 0
            with socket.socket(fileno=os.dup(child.stdout)) as ours:
                data, received, _, _ = socket.recv_fds(ours, 1000, 4)
                assert data == b"<oneBLOB attached='true'/>"
                assert os.pread(received[0], 100, 0) == b"SIMPLE  ="
                os.close(received[0])
                assert ours.recv(100) == b"", "and then the end"

    run(main())


@both_loops
def test_two_hundred_starts_leave_nothing(run: Run) -> None:
    async def main() -> None:
        before = descriptors()
        for count in range(200):
            child = await spawn(["true"], blob_socket=bool(count % 2))
            assert await ended(child) == 0
            for descriptor in (child.stdin, child.stdout, child.stderr):
                os.close(descriptor)
        (guardian,) = [each for each in psutil.Process().children() if "guardian.py" in " ".join(each.cmdline())]
        await until(lambda: not guardian.children(), "the watchers' end")
        await close_guardian()
        assert not psutil.pid_exists(guardian.pid), "not even a zombie"
        assert descriptors() == before

    run(main())


def test_a_crash_loop_costs_little() -> None:
    """With the default back-off there are at most six starts in the first minute: 1 % of a core is 100 ms each."""

    async def main() -> None:
        async with driver(["cat"]):
            guardian = process._guardian._process
            assert guardian is not None
            watched = psutil.Process(guardian.pid)

            def spent() -> float:
                return sum(watched.cpu_times()[:4]) + time.process_time()

            start = spent()
            for _ in range(30):
                child = await spawn(["false"])
                assert await ended(child) == 1
                for descriptor in (child.stdin, child.stdout, child.stderr):
                    os.close(descriptor)
            assert (spent() - start) / 30 < 0.1

    asyncio.run(main())


def test_a_start_that_is_cancelled_leaves_nothing() -> None:
    async def main() -> None:
        async with driver(["cat"]) as first:
            watcher = psutil.Process(first.pid).parent()
            assert watcher is not None
            guardian = watcher.parent()
            assert guardian is not None
            before = descriptors()
            cancelled = 0
            for turns in range(6):
                starting = asyncio.get_running_loop().create_task(spawn(["sleep", "1000"]))
                for _ in range(turns):
                    await asyncio.sleep(0)
                starting.cancel()
                try:
                    child = await starting
                except asyncio.CancelledError:
                    cancelled += 1
                else:  # on a busy machine the answer is there before us
                    child.kill()
                    await ended(child)
                    for descriptor in (child.stdin, child.stdout, child.stderr):
                        os.close(descriptor)
            assert cancelled >= 3
            await until(lambda: len(guardian.children()) == 1, "the end of what was cancelled")
            assert descriptors() == before

    asyncio.run(main())


@both_loops
def test_stopped_is_seen_and_ended(run: Run) -> None:
    async def main() -> None:
        async with driver(["sleep", "1000"]) as child:
            assert not is_stopped(child.pid)
            os.kill(child.pid, signal.SIGSTOP)
            await until(lambda: is_stopped(child.pid), "stopped")
            child.terminate()
            assert await ended(child) == -signal.SIGTERM
            assert not is_stopped(child.pid)

    run(main())


def test_a_program_whose_name_looks_like_a_state_is_not_stopped(tmp_path: Path) -> None:
    sleep = shutil.which("sleep")
    assert sleep is not None
    program = tmp_path / "x) T ("
    shutil.copy(sleep, program)

    async def main() -> None:
        async with driver([str(program), "1000"]) as child:
            assert not is_stopped(child.pid)
            os.kill(child.pid, signal.SIGSTOP)
            await until(lambda: is_stopped(child.pid), "stopped")

    asyncio.run(main())


def test_the_guardian_needs_nothing_of_ours() -> None:
    """It is run by its path, without site packages: an import of the package would only fail in the field."""
    source = Path(process.__file__).with_name("guardian.py").read_text()
    imports = {line.split()[1] for line in source.splitlines() if line.startswith(("import ", "from "))}
    assert imports <= sys.stdlib_module_names
