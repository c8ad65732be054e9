"""Executable drivers under supervision, killed and stopped while they work."""

import contextlib
import os
import random
import signal
import time
from pathlib import Path

import psutil

from live import Client, Router, alive, serve, until
from ports import free_port

KILLS = int(os.environ.get("INDITREE_TEST_KILLS", "15"))
"""The long form is `make chaos`: 200."""

POLL = (
    "<newNumberVector device='{0}' name='POLLING_PERIOD'><oneNumber name='PERIOD_MS'>{1}</oneNumber></newNumberVector>"
)


def configured(tmp_path: Path, drivers: str, limits: str = "") -> Router:
    port = free_port()
    file = tmp_path / "router.yaml"
    file.write_text(
        f"listen: [{{tcp: '127.0.0.1:{port}'}}]\nhttp: {{listen: off}}\nlimits: {{{limits}}}\ndrivers:\n{drivers}"
    )
    return Router(tmp_path / "log", ["serve", "--config", str(file)], port)


FAST = "restart: {backoff: 100ms, backoff_max: 200ms}"


def test_killed_at_random_moments_all_devices_come_back(tmp_path: Path) -> None:
    drivers = "".join(f"  - {{exec: [indi_simulator_{name}], {FAST}}}\n" for name in ("telescope", "focus"))
    router = configured(tmp_path, drivers + "  - {exec: [indi_simulator_dome]}\n")
    chance = random.Random(3)
    try:
        router.wait_for("Dome Simulator: provided by")
        with Client(router.port) as watcher:
            watcher.ask()
            for device in ("Telescope Simulator", "Focuser Simulator", "Dome Simulator"):
                router.wait_for(f"{device}: provided by")
            watcher.ping()
            before = psutil.Process(router.process.pid).num_fds()
            dome = router.driver_pid("indi_simulator_dome")
            for number in range(KILLS):
                word = chance.choice(["indi_simulator_telescope", "indi_simulator_focus"])
                os.kill(router.driver_pid(word), signal.SIGKILL)
                watcher.send(POLL.format("Dome Simulator", 2000 + number))
                watcher.take(rf"<setNumberVector[^>]*device=.Dome Simulator.[^>]*name=.POLLING.*?{2000 + number}")
                time.sleep(chance.random() * 0.2)
            with Client(router.port) as late:
                until(
                    lambda: all(
                        each in _devices(late)
                        for each in (b"Telescope Simulator", b"Focuser Simulator", b"Dome Simulator")
                    ),
                    20,
                    "all devices are back",
                )
            assert router.driver_pid("indi_simulator_dome") == dome
            until(lambda: psutil.Process(router.process.pid).num_fds() <= before, what="descriptors return")
            zombies = [each for each in router.descendants() if each.status() == psutil.STATUS_ZOMBIE]
            assert not zombies
    finally:
        router.stop()


def _devices(client: Client) -> bytes:
    client.ask()
    client.ping()
    client.send("<getProperties version='1.7'/><pingRequest uid='devices'/>")
    return client.take("^.*<pingReply uid=.devices.")[0]


def test_clients_hear_of_a_death_and_of_the_return(tmp_path: Path) -> None:
    with serve(tmp_path, "indi_simulator_telescope") as router, Client(router.port) as client:
        client.ask()
        client.take("<defSwitchVector[^>]*name=.CONNECTION.")
        os.kill(router.driver_pid("indi_simulator_telescope"), signal.SIGKILL)
        client.take("<delProperty device=.Telescope Simulator.")
        client.take("<defSwitchVector[^>]*name=.CONNECTION.")


def test_a_stopped_driver_is_found_hung_and_restarted(tmp_path: Path) -> None:
    drivers = f"  - {{exec: [indi_simulator_telescope], stop_grace: 500ms, {FAST}}}\n"
    router = configured(tmp_path, drivers, "stall_timeout: 2s")
    try:
        router.wait_for("Telescope Simulator: provided by")
        os.kill(router.driver_pid("indi_simulator_telescope"), signal.SIGSTOP)
        router.wait_for("has been stopped")
        until(lambda: router.log.count("Telescope Simulator: provided by") == 2, what="it is back")
    finally:
        router.stop()


def test_a_driver_that_writes_garbage_is_stopped_and_the_reason_is_kept(tmp_path: Path) -> None:
    script = tmp_path / "garbage"
    script.write_text("#!/bin/sh\nhead -c 200000 /dev/zero | tr '\\0' '<'\nsleep 60\n")
    script.chmod(0o755)
    router = configured(tmp_path, f"  - {{exec: ['{script}'], restart: {{policy: never}}}}\n")
    try:
        router.wait_for("wrote what is not INDI")
        until(lambda: not any(each.name() == "garbage" for each in router.descendants()), what="it is gone")
    finally:
        router.stop()


def test_what_a_driver_wrote_before_it_died_is_delivered(tmp_path: Path) -> None:
    script = tmp_path / "last-words"
    script.write_text(
        "#!/bin/sh\nread line\n"
        'echo \'<defTextVector device="Mortal" name="t" state="Ok" perm="ro"><defText name="t">a</defText>'
        "</defTextVector>'\n"
        'for i in $(seq 5000); do echo "<setTextVector device=\\"Mortal\\" name=\\"t\\" state=\\"Ok\\">'
        '<oneText name=\\"t\\">$i</oneText></setTextVector>"; done\nexit 3\n'
    )
    script.chmod(0o755)
    router = configured(
        tmp_path, f"  - {{exec: [/bin/sh, -c, 'sleep 1; exec \"{script}\"'], restart: {{policy: never}}}}\n"
    )
    try:
        router.wait_for("listening on")
        with Client(router.port) as client:
            client.ask()
            client.take(">5000</oneText></setTextVector>")
            client.take("<delProperty device=.Mortal.")
        router.wait_for("ended with exit code 3")
    finally:
        router.stop()


def test_one_that_double_forks_and_ignores_sigterm_is_gone_with_the_router(tmp_path: Path) -> None:
    script = tmp_path / "daemon"
    script.write_text("#!/bin/sh\ntrap '' TERM\n(setsid sh -c \"trap '' TERM; sleep 300\" &)\nsleep 300\n")
    script.chmod(0o755)
    router = configured(tmp_path, f"  - {{exec: ['{script}'], stop_grace: 500ms}}\n")
    try:

        def asleep() -> int:
            count = 0
            for each in router.descendants():
                with contextlib.suppress(psutil.NoSuchProcess):  # the shell that has made the other one ends
                    count += "sleep" in each.name()
            return count

        until(lambda: asleep() >= 2, what="both sleep")
        children = router.descendants()
    finally:
        router.stop()
    assert not alive(children)


def test_a_driver_that_crashes_at_once_costs_nothing(tmp_path: Path) -> None:
    router = configured(tmp_path, "  - {exec: [/bin/false]}\n  - {exec: [indi_simulator_telescope]}\n")
    try:
        router.wait_for("Telescope Simulator: provided by")
        router.wait_for("ended with exit code 1")
        until(lambda: router.log.count("ended with exit code 1") >= 2, what="it is tried again")
        times = psutil.Process(router.process.pid).cpu_times()
        began, used = time.monotonic(), times.user + times.system
        until(lambda: time.monotonic() - began > 3.0, what="three seconds of it")
        times = psutil.Process(router.process.pid).cpu_times()
        assert (times.user + times.system - used) / (time.monotonic() - began) < 0.05
    finally:
        router.stop()


def test_it_is_reported_when_nothing_is_defined_in_time(tmp_path: Path) -> None:
    router = configured(tmp_path, "  - {exec: [sleep, '60'], name: lazy, ready_timeout: 500ms}\n")
    try:
        router.wait_for("lazy: has defined no device within 0.5 s")
    finally:
        router.stop()
