"""Every alert fires on a router that has the trouble it is for, scraped by a real Prometheus.

The rules are those that are shipped; only their times are shortened, and two thresholds that would take gigabytes or
minutes. Their edges are in k8s/monitoring/*_test.yaml; that each metric ends, rises or falls as its rule expects only
shows where a router makes it.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import re
import shutil
import signal
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import yaml

from live import Client, Router, tool, until
from ops.test_monitoring import MONITORING, prometheus, scrape
from ports import free_port
from security.parts import IMAGER, configured, listen, number, open_images, shoot
from waiting import DEADLINE

SHORTER = (
    (r"\[(1h|5m|10m|30m)\]", "[20s]"),
    (r"\[15m\]", "[60s]"),
    (r"\[15m:30s\]", "[60s:1s]"),
    (r"\[12h:10m\]\) >= 48", "[15s:1s]) >= 8"),
    (r"offset 10m", "offset 5s"),
    (r"indi_source_held(.*) > 300", r"indi_source_held\1 > 1"),
    (r"indi_memory_limit_bytes(.*) > 0\.85", r"indi_memory_limit_bytes\1 > 0.0001"),
)


def shortened(folder: Path) -> tuple[Path, set[str]]:
    """The rules with shorter times in a file of that folder, and the names of the alerts."""
    rules = yaml.safe_load((MONITORING / "rules.yaml").read_text())
    names = set()
    for group in rules["groups"]:
        for rule in group["rules"]:
            names.add(rule["alert"])
            rule.pop("for", None)
            for long, short in SHORTER:
                rule["expr"] = re.sub(long, short, " ".join(rule["expr"].split()))
    file = folder / "rules.yaml"
    file.write_text(yaml.safe_dump(rules))
    return file, names


def driver(name: str, device: str = "") -> str:
    return f"{{name: {name}, exec: ['{sys.executable}', '{IMAGER}', '{device or name}']}}"


def troubled(tmp: Path, port: int, http: str, leaf: int, ports: dict[str, int]) -> tuple[str, ...]:
    """The configuration of a router with every trouble that a configuration can make."""
    listeners = [
        f"{{tcp: 127.0.0.1:{port}}}",
        f"{{tcp: 127.0.0.1:{ports['few']}, max_connections: 1}}",
        f"{{tcp: 127.0.0.1:{ports['archive']}, delivery: lossless}}",
    ]
    drivers = [driver("Cam"), driver("Kept"), driver("Gone"), driver("twin", "Cam")]
    drivers += [
        "{name: telescope, exec: [inditree-telescope]}",
        "{name: failing, exec: [sh, -c, 'exit 1'], restart: {max_restarts: 0}}",
        "{name: crashing, exec: [sh, -c, 'exit 1'], restart: {backoff: 500ms, backoff_max: 500ms}}",
    ]
    remotes = [
        f"{{host: 127.0.0.1, port: {port}, name: itself}}",
        f"{{host: 127.0.0.1, port: {ports['nobody']}, name: nowhere}}",
        f"{{host: 127.0.0.1, port: {leaf}, name: leaf}}",
    ]
    return (
        f"listen: [{', '.join(listeners)}]",
        f"http: {{listen: '{http}'}}",
        f"drivers: [{', '.join(drivers)}]",
        f"remotes: [{', '.join(remotes)}]",
        "limits: {queue: 4MiB, link_hold: 1s, stall_timeout: 60s}",
        f"record: {{dir: {tmp}/night, max_size: 1MiB}}",
        "devices: [{device: Gone, set: {NEVER.DEFINED: 1}}]",
        "interlocks: [{name: unknown, refuse: ['Gone.SHOOT.*'], unless: '\"Nobody.KNOWS.IT\" == 1'},"
        " {name: partial, refuse: ['Far.SHOOT.*'], unless: '\"Cam.COUNT.N\" == 1'}]",
        "reactions: [{name: runs, when: '\"Cam.COUNT.N\" == 7', do: [{set: 'Cam.COUNT.N=1'}]},"
        " {name: fails, when: '\"Cam.COUNT.N\" == 7', do: [{set: 'Nobody.KNOWS.IT=1', wait: 1s}]}]",
    )


def switch(device: str, name: str, member: str) -> str:
    one = f"<oneSwitch name='{member}'>On</oneSwitch>"
    return f"<newSwitchVector device='{device}' name='{name}'>{one}</newSwitchVector>"


class Watch:
    """The alerts that have fired so far at a Prometheus."""

    def __init__(self, address: str) -> None:
        self._address = address
        self.fired: set[str] = set()

    def look(self) -> set[str]:
        with urllib.request.urlopen(f"http://{self._address}/api/v1/alerts", timeout=DEADLINE) as answer:
            alerts = json.load(answer)["data"]["alerts"]
        self.fired |= {each["labels"]["alertname"] for each in alerts if each["state"] == "firing"}
        return self.fired

    def until(self, *names: str) -> None:
        until(lambda: set(names) <= self.look(), what=f"{names} of which {self.fired} have fired")


@contextlib.contextmanager
def leaf_at(tmp: Path, port: int, http: str) -> Iterator[Router]:
    """The router behind the link, until the block ends."""
    lines = (listen(port), f"http: {{listen: '{http}'}}", f"drivers: [{driver('Far')}]", "control: {socket: off}")
    with configured(tmp, port, *lines, name="leaf", ready="Far: provided") as router:
        yield router


def told(tmp: Path, *words: str) -> None:
    """`inditree WORDS` to the router of this folder."""
    done = tool(sys.executable, "-m", "inditree", *words, "--socket", f"{tmp}/control")
    assert done.returncode == 0, done.stderr


def test_every_alert_fires(tmp_path: Path) -> None:
    port, leaf_port = free_port(), free_port()
    http, leaf_http = f"127.0.0.1:{free_port()}", f"127.0.0.1:{free_port()}"
    ports = {name: free_port() for name in ("few", "archive", "nobody")}
    rules, names = shortened(tmp_path)
    lines = (*troubled(tmp_path, port, http, leaf_port, ports), f"control: {{socket: {tmp_path}/control}}")
    with (
        configured(tmp_path, port, *lines, name="hub", ready="Gone: provided by") as hub,
        prometheus(tmp_path, http, leaf_http, rules=rules) as address,
        contextlib.ExitStack() as clients,
    ):
        watch = Watch(address)

        def client(where: int, *first: str, receive_buffer: int | None = None) -> Client:
            return clients.enter_context(Client(where, *first, receive_buffer=receive_buffer))

        with leaf_at(tmp_path, leaf_port, leaf_http):
            hub.wait_for("Far: provided by")
            watch.until("IndiDriverFailed", "IndiDriverCrashLooping", "IndiRemoteDown", "IndiLoopDetected")
            watch.until("IndiInterlockUnknown", "IndiInterlockPartial", "IndiDeviceNotReady", "IndiConflict")
            watch.until("IndiMemoryNearLimit")

        # The leaf is down, comes and goes, and is no longer looked for.
        watch.until("IndiRouterDown")
        while "IndiLinkFlaps" not in watch.look():
            before = hub.log.count("Far: provided by")
            with leaf_at(tmp_path, leaf_port, leaf_http):
                told(tmp_path, "remote", "restart", "leaf")  # it would wait longer each time
                until(lambda: hub.log.count("Far: provided by") > before, what="the link is there again")  # noqa: B023
        scrape(tmp_path, http)
        watch.until("IndiRouterGone")

        # One client reads nothing; another must have everything, and does not read either.
        for device, where in (("Cam", port), ("Kept", ports["archive"])):
            wish = f"<enableBLOB device='{device}'>Also</enableBLOB>"
            client(where, "<getProperties version='1.7'/>", wish, receive_buffer=4096)
        taking, asking = client(port), client(port)
        open_images(taking, "Cam")
        for _ in range(6):
            shoot(taking, "Cam", 1 << 20)
        open_images(asking, "Kept")
        asking.send("".join(number("Kept", "SHOOT", 1 << 20) for _ in range(8)))
        watch.until("IndiSlowClient", "IndiQueueNearLimit", "IndiMessagesDropped", "IndiSourceHeld")

        client(ports["few"]).ping()
        watch.until("IndiConnectionsNearLimit")

        asking = client(port, "<getProperties version='1.7' device='Py Telescope'/>")
        asking.take("<defSwitchVector[^>]*device=.Py Telescope.[^>]*name=.CONNECTION.")
        asking.send(switch("Py Telescope", "CONNECTION", "CONNECT"))
        asking.take("<defTextVector[^>]*device=.Py Telescope.[^>]*name=.TIME_UTC.")
        asking.send(
            "<newTextVector device='Py Telescope' name='TIME_UTC'><oneText name='UTC'>noon</oneText>"
            "<oneText name='OFFSET'>0</oneText></newTextVector>"
        )
        asking.send(number("Cam", "COUNT", 7))
        watch.until("IndiReactionRan", "IndiReactionFailed", "IndiCommandFailed")

        told(tmp_path, "driver", "stop", "Gone")
        watch.until("IndiDeviceGone")

        shutil.rmtree(tmp_path / "night")
        writer, counts = client(port), itertools.count()
        while "IndiRecordLost" not in watch.look():
            writer.send("".join(number("Cam", "COUNT", next(counts)) for _ in range(200)))
            writer.ping()

        while "IndiEventLoopLagHigh" not in watch.look():
            os.kill(hub.process.pid, signal.SIGSTOP)
            time.sleep(0.3)  # the pause that is measured; nothing is asserted of it
            os.kill(hub.process.pid, signal.SIGCONT)
            writer.ping()

        (tmp_path / "hub.yaml").write_text("listen: nothing\n")
        hub.process.send_signal(signal.SIGHUP)
        watch.until("IndiReloadRefused")
    assert watch.fired == names
