"""`inditree serve` with Debian's simulators and tools, as a user meets it."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

from live import Client, Router, alive, serve, tool, until
from ports import free_port
from waiting import DEADLINE

SIMULATORS = ("indi_simulator_telescope", "indi_simulator_ccd")


def test_the_tools_of_libindi_read_and_set_properties(tmp_path: Path) -> None:
    with serve(tmp_path, *SIMULATORS) as router:
        router.wait_for("CCD Simulator: provided by")
        router.wait_for("Telescope Simulator: provided by")
        read = tool("indi_getprop", "-p", str(router.port), "-t", "1", "Telescope Simulator.CONNECTION.CONNECT")
        assert read.stdout.strip() == "Telescope Simulator.CONNECTION.CONNECT=Off"
        done = tool("indi_setprop", "-p", str(router.port), "Telescope Simulator.CONNECTION.CONNECT=On")
        assert done.returncode == 0, done.stderr
        words = ("indi_getprop", "-p", str(router.port), "-t", "1", "Telescope Simulator.CONNECTION.CONNECT")
        until(lambda: tool(*words).stdout.strip().endswith("=On"), what="the telescope connects")


def test_exposures_in_a_row_are_whole_images(tmp_path: Path) -> None:
    with serve(tmp_path, *SIMULATORS) as router, Client(router.port) as client:
        router.wait_for("CCD Simulator: provided by")
        client.connect_ccd()
        for _ in range(5):
            client.expose()
        assert "stalled" not in router.log


def test_forty_requests_that_hang_up_at_once_all_arrive(tmp_path: Path) -> None:
    with serve(tmp_path, "indi_simulator_telescope") as router, Client(router.port) as watcher:
        watcher.ask("Telescope Simulator")
        watcher.take(r"<defNumberVector[^>]*name=.POLLING_PERIOD.")
        for number in range(40):
            with socket.create_connection(("127.0.0.1", router.port)) as sock:
                sock.sendall(
                    b"<getProperties version='1.7'/>"
                    b"<newNumberVector device='Telescope Simulator' name='POLLING_PERIOD'>"
                    b"<oneNumber name='PERIOD_MS'>%d</oneNumber></newNumberVector>" % (1000 + number)
                )
        missing = {str(1000 + number).encode() for number in range(40)}  # in whatever order they are read
        while missing:
            missing.discard(watcher.take(r"<newNumberVector[^>]*>\s*<oneNumber[^>]*>\s*(\d+)")[1])


def test_a_taken_port_is_named(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        done = subprocess.run(
            [sys.executable, "-m", "inditree", "serve", "--host", "127.0.0.1", "--port", str(port), "--http", "off"],
            capture_output=True,
            text=True,
            timeout=DEADLINE,
            check=False,
        )
    assert done.returncode == 1
    assert str(port) in done.stderr
    assert "Traceback" not in done.stderr


def test_a_missing_program_is_named_and_the_others_are_served(tmp_path: Path) -> None:
    with serve(tmp_path, "no-such-driver", "indi_simulator_telescope") as router:
        router.wait_for("Telescope Simulator: provided by")
        router.wait_for("no-such-driver: cannot be started")


def graceful(folder: Path, *programs: str) -> list[str]:
    """Words for a router whose drivers have far more time to end than any test has."""
    config = folder / "graceful.yaml"
    config.write_text("drivers:\n" + "".join(f"- {{exec: ['{each}'], stop_grace: 600s}}\n" for each in programs))
    return ["--config", str(config)]


def test_sigterm_ends_it_at_once_and_leaves_no_child(tmp_path: Path) -> None:
    with serve(tmp_path, *graceful(tmp_path, *SIMULATORS)) as router:
        router.wait_for("CCD Simulator: provided by")
        children = router.descendants()
        assert len(children) >= 3
        assert router.stop() == 0  # a driver that has to be killed takes `stop_grace`
        assert not alive(children)


def test_no_driver_outlives_a_killed_router(tmp_path: Path) -> None:
    with serve(tmp_path, *SIMULATORS) as router:
        router.wait_for("CCD Simulator: provided by")
        children = router.descendants()
        os.kill(router.process.pid, signal.SIGKILL)
        router.process.wait()
        until(lambda: not alive(children), what="the drivers are gone")


def test_a_second_signal_kills_what_does_not_end(tmp_path: Path) -> None:
    driver = tmp_path / "stubborn"
    driver.write_text("#!/bin/sh\ntrap '' TERM\nwhile :; do sleep 1; done\n")
    driver.chmod(0o755)
    with serve(tmp_path, *graceful(tmp_path, str(driver))) as router:
        router.driver_pid("sh")
        router.process.send_signal(signal.SIGTERM)
        router.wait_for("SIGTERM: stopping")
        assert router.stop() == 1  # without the second signal it takes `stop_grace`


def test_a_wrong_key_is_named(tmp_path: Path) -> None:
    file = tmp_path / "router.yaml"
    file.write_text("drivers:\n  - exec: [true]\n    restarts: 3\n")
    router = Router(tmp_path / "log", ["serve", "--config", str(file)], free_port())
    assert router.process.wait(20) == 2
    assert "drivers[0]" in router.log
    assert "restarts" in router.log


def test_a_reload_touches_only_what_changed(tmp_path: Path) -> None:
    file = tmp_path / "router.yaml"
    port = free_port()
    head = f"listen: [{{tcp: '127.0.0.1:{port}'}}]\nhttp: {{listen: off}}\n"
    one, two = "  - exec: [indi_simulator_telescope]\n", "  - exec: [indi_simulator_focus]\n"
    file.write_text(f"{head}drivers:\n{one}")
    router = Router(tmp_path / "log", ["serve", "--config", str(file)], port)
    try:
        router.wait_for("Telescope Simulator: provided by")
        before = router.driver_pid("indi_simulator_telescope")
        file.write_text(f"{head}drivers:\n{one}{two}")
        router.process.send_signal(signal.SIGHUP)
        router.wait_for("Focuser Simulator: provided by")
        file.write_text(f"{head}drivers: [{{exec: 3}}]\n")
        router.process.send_signal(signal.SIGHUP)
        router.wait_for(f"not reloaded, nothing changed: {file}: drivers[0].exec: ")
        assert router.driver_pid("indi_simulator_telescope") == before
    finally:
        assert router.stop() == 0
