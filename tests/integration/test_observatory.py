"""docs/observatory.md, live: simulated instruments, deaths of drivers and routers, clients that open in the rain."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import yaml

from live import Client, Router, until
from ports import free_port
from waiting import DEADLINE

ROOT = Path(__file__).parents[2]
DRIVERS = """
drivers:
  - {name: dome, exec: [inditree-dome]}
  - {name: weather, exec: [inditree-weather], restart: {policy: never}}
  - {name: mount, exec: [inditree-telescope]}
devices:
  - {device: "Py Weather", set: {WEATHER_UPDATE.PERIOD: 1}}
  - {device: "Py *"}
interlocks:
  - name: roof
    refuse: ["Py Dome.DOME_SHUTTER.SHUTTER_OPEN=On"]
    unless: '"Py Weather.WEATHER_STATUS._STATE" == 1'
    max_age: 10s
reactions:
  - name: wet
    when: '"Py Weather.WEATHER_STATUS._STATE" != 1'
    for: 500ms
    do: [{set: "Py Dome.DOME_SHUTTER.SHUTTER_CLOSE=On", wait: 20s}]
"""
NOBODY = """
  - name: nobody
    when: 'clients("main") == 0'
    for: 1s
    start_grace: 1s
    do:
      - {set: "Py Telescope.TELESCOPE_PARK.PARK=On", wait: 40s}
      - {set: "Py Dome.DOME_SHUTTER.SHUTTER_CLOSE=On", wait: 20s}
"""
CAMERA = """
drivers:
  - {name: ccd, exec: [indi_simulator_ccd], restart: {backoff: 100ms}}
devices:
  - {device: "CCD Simulator", set: {CCD_TEMPERATURE.CCD_TEMPERATURE_VALUE: -2}, required: true}
"""


class Observatory:
    """A router of a configuration, and its API."""

    def __init__(self, tmp_path: Path, text: str) -> None:
        self.port, self.http = free_port(), free_port()
        self.file = tmp_path / "c.yaml"
        head = f"listen: [{{tcp: '127.0.0.1:{self.port}', name: main}}]\nhttp: {{listen: '127.0.0.1:{self.http}'}}\n"
        self.file.write_text(f"{head}control: {{socket: off}}\naudit: {{file: {tmp_path}/audit}}\n{text}")
        self.log = tmp_path / "log"
        self.router = self.start()

    def start(self) -> Router:
        router = Router(self.log, ["serve", "--config", str(self.file)], self.port)
        router.wait_for("listening on")
        return router

    def ask(self, path: str) -> Any:
        url = f"http://127.0.0.1:{self.http}{path}"
        with contextlib.suppress(OSError), urllib.request.urlopen(url, timeout=DEADLINE) as got:
            return json.load(got)
        return None

    def members(self, device: str, name: str) -> dict[str, str]:
        """A property's values, and its state under the empty name."""
        found = self.ask(f"/api/v1/devices/{device.replace(' ', '%20')}")
        for each in found["properties"] if found else ():
            if each["name"] == name:
                return {"": each["state"], **{member["name"]: member["value"] for member in each["members"]}}
        return {}

    def row(self, kind: str, name: str) -> dict[str, Any]:
        return next((dict(each) for each in self.ask(f"/api/v1/{kind}") or () if each["name"] == name), {})

    def is_open(self) -> bool:
        return self.members("Py Dome", "DOME_SHUTTER") == {"": "Ok", "SHUTTER_OPEN": "On", "SHUTTER_CLOSE": "Off"}

    def is_closed(self) -> bool:
        return self.members("Py Dome", "DOME_SHUTTER") == {"": "Ok", "SHUTTER_OPEN": "Off", "SHUTTER_CLOSE": "On"}

    def settle(self) -> None:
        def ready() -> bool:
            return all(self.row("devices", each).get("ready") for each in ("Py Dome", "Py Weather", "Py Telescope"))

        until(ready, what="all devices are ready")
        until(lambda: self.row("interlocks", "roof").get("holds"), what="the weather is good")


@contextlib.contextmanager
def observatory(tmp_path: Path, text: str) -> Iterator[Observatory]:
    it = Observatory(tmp_path, text)
    try:
        yield it
    finally:
        it.router.stop()


def switch(name: str, *members: str) -> str:
    body = "".join(f"<oneSwitch name='{each}'>{value}</oneSwitch>" for each, value in (m.split("=") for m in members))
    return f"<newSwitchVector device='Py Dome' name='{name}'>{body}</newSwitchVector>"


OPEN = switch("DOME_SHUTTER", "SHUTTER_OPEN=On")
RAIN = (
    "<newNumberVector device='Py Weather' name='WEATHER_CONTROL'>"
    "<oneNumber name='Precip'>{}</oneNumber></newNumberVector>"
)
TRICKS = [
    OPEN,
    switch("DOME_SHUTTER", "SHUTTER_CLOSE=On", "SHUTTER_OPEN=On"),
    switch("DOME_SHUTTER", "SHUTTER_OPEN=On", "SHUTTER_OPEN=Off"),
    switch("DOME_SHUTTER", "SHUTTER_OPEN=Off", "SHUTTER_OPEN=On"),
    switch("DOME_SHUTTER", "SHUTTER_OPEN=Onward"),
    switch("DOME_SHUTTER", "SHUTTER_OPEN=&#79;n"),
    switch("DOME_SHUTTER", "SHUTTER_OPEN=<![CDATA[On]]>"),
    switch("DOME_SHUTTER", "SHUTTER_OPEN=O<!-- x -->n"),
    OPEN.replace("'DOME_SHUTTER'", "'DOME&#95;SHUTTER'"),
    OPEN.replace("'Py Dome'", "'Py&#32;Dome'"),
    OPEN.replace("SHUTTER_OPEN", "shutter_open"),
    f"<newTextVector device='Py Dome' name='ACTIVE_DEVICES'><!-- > -->{OPEN}</newTextVector>",
    "<newTextVector device='Py Dome' name='ACTIVE_DEVICES'><oneText name='ACTIVE_WEATHER'>"
    f"<![CDATA[></oneText></newTextVector>{OPEN}]]></oneText></newTextVector>",
]


def test_a_camera_that_is_killed_is_connected_and_cold_again(tmp_path: Path) -> None:
    with observatory(tmp_path, CAMERA) as it:
        for _ in range(2):
            until(lambda: it.row("devices", "CCD Simulator").get("ready"), what="it is as it is to be")
            assert it.members("CCD Simulator", "CONNECTION")["CONNECT"] == "On"
            assert abs(float(it.members("CCD Simulator", "CCD_TEMPERATURE")["CCD_TEMPERATURE_VALUE"]) + 2) < 0.6
            assert it.ask("/readyz")["ready"]
            os.kill(it.router.driver_pid("indi_simulator_ccd"), signal.SIGKILL)
            until(lambda: it.row("devices", "CCD Simulator").get("ready") is not True, what="it is gone")


def test_in_the_rain_nobody_opens_and_without_a_weather_station_it_closes(tmp_path: Path) -> None:
    with observatory(tmp_path, DRIVERS) as it, contextlib.ExitStack() as stack:
        clients = [stack.enter_context(Client(it.port)) for _ in range(5)]
        it.settle()
        clients[0].send(OPEN)
        until(it.is_open, what="it opens while it is dry")
        clients[0].send(RAIN.format(5))
        until(it.is_closed, what="it closes in the rain")
        until(lambda: it.row("reactions", "wet")["runs"]["ok"] == 1, what="the reaction has run")
        clients[0].ask("Py Dome")
        for trick in TRICKS:
            for client in clients:
                client.send(trick)
        for client in clients:
            client.ping()
        refused = it.row("interlocks", "roof")["refusals"]
        assert refused == 5 * len(TRICKS), refused
        assert it.is_closed() and it.row("reactions", "wet")["runs"]["ok"] == 1
        clients[0].send(RAIN.format(0))
        until(lambda: it.row("interlocks", "roof")["holds"], what="it is dry again")
        clients[1].send(OPEN)
        until(it.is_open, what="it opens again")
        [weather] = [each for each in it.router.descendants() if "weather" in " ".join(_words(each))]
        weather.kill()
        until(it.is_closed, what="the dome is closed without a weather station")
        clients[1].send(OPEN)
        clients[1].ping()
        assert it.row("interlocks", "roof")["holds"] is None and it.is_closed()


def test_without_a_client_it_parks_and_a_router_that_was_killed_begins_afresh(tmp_path: Path) -> None:
    with observatory(tmp_path, DRIVERS + NOBODY) as it:
        with Client(it.port) as scheduler:
            it.settle()
            scheduler.send(OPEN)
            until(it.is_open, what="it opens")
            until(lambda: it.row("reactions", "nobody")["state"] == "armed", what="somebody is there")
        until(lambda: it.row("reactions", "nobody")["state"] == "running", what="nobody is there")
        it.router.process.kill()
        it.router.process.wait()
        it.router = it.start()
        until(lambda: it.row("reactions", "nobody").get("state") == "done", what="it has run from its first step on")
        assert it.row("reactions", "nobody")["last"]["result"] == "ok"
        assert it.members("Py Telescope", "TELESCOPE_PARK")["PARK"] == "On"
        assert it.is_closed()


def test_the_night_of_compose_turns_wet_and_closes(tmp_path: Path) -> None:
    """compose.observatory.yaml without containers: its own configuration, and what its players send."""
    night = yaml.safe_load((ROOT / "compose/observatory/night.yaml").read_text())
    players = yaml.safe_load((ROOT / "compose/compose.observatory.yaml").read_text())["services"]
    wet, dry = re.findall(r'set "(Py Weather[^"]*)"', players["night"]["command"][0])
    [opens] = re.findall(r'set "(Py Dome[^"]*)"', players["scheduler"]["command"][0])
    for key in ("listen", "http", "record"):
        del night[key]
    with observatory(tmp_path, yaml.safe_dump(night)) as it:
        it.settle()
        env = {**os.environ, "INDITREE_HOST": "127.0.0.1", "INDITREE_PORT": str(it.port)}

        def play(assignment: str) -> int:
            words = [sys.executable, "-m", "inditree", "set", assignment, "--wait", "30s"]
            return subprocess.run(words, env=env, capture_output=True, timeout=60, check=False).returncode

        assert play(opens) == 0
        until(it.is_open, what="it is open")
        assert play(wet) == 0
        until(it.is_closed, what="it closes by itself")
        assert play(opens) == 3
        assert play(dry) == 0 and play(opens) == 0


SNOOPED = """#!/usr/bin/env python3
import sys
head = "NumberVector device='Telescope Simulator' name='EQUATORIAL_EOD_COORD' state='Ok' perm='rw'>"
said = "<oneNumber name='RA'>2{}</oneNumber><oneNumber name='DEC'>2</oneNumber>"
opens = ("</oneNumber></setNumberVector>< newSwitchVector device='Dome Simulator' name='DOME_SHUTTER'>"
         "< oneSwitch name='SHUTTER_OPEN'>On</oneSwitch></newSwitchVector>")
member = "<defNumber name='{}' format='%g' min='-90' max='90' step='0'>0</defNumber>"
print("<def" + head + member.format("RA") + member.format("DEC") + "</defNumberVector>")
print("<defTextVector device='Telescope Simulator' name='GO' state='Ok' perm='rw'><defText name='t'>-</defText>"
      "</defTextVector>", flush=True)
for line in sys.stdin:
    if "GO" in line:
        for trick in ("<![CDATA[>" + opens + "]]>", "<!-- >" + opens + " -->"):
            print("<set" + head + said.format(trick) + "</setNumberVector>", flush=True)
"""
DOME = """
drivers: [{exec: [indi_simulator_dome]}, {exec: [FILE]}]
devices: [{device: "Dome *"}]
interlocks: [{name: roof, refuse: ["Dome Simulator.DOME_SHUTTER.SHUTTER_OPEN=On"], unless: "0"}]
"""


def test_libindis_dome_finds_no_command_in_what_it_snoops_on(tmp_path: Path) -> None:
    """Its reader does find these: without the interlock's look at them the dome opens."""
    mount = tmp_path / "mount"
    mount.write_text(SNOOPED)
    mount.chmod(0o755)
    with observatory(tmp_path, DOME.replace("FILE", str(mount))) as it, Client(it.port) as client:
        until(lambda: it.row("devices", "Dome Simulator").get("ready"), what="the dome is there")
        until(lambda: it.members("Dome Simulator", "DOME_SHUTTER"), what="it has a shutter")
        client.ask()
        client.take("<defTextVector[^>]*name='GO'")
        client.send(
            "<newTextVector device='Telescope Simulator' name='GO'><oneText name='t'>x</oneText></newTextVector>"
        )
        until(lambda: it.router.log.count("indi_simulator_dome: not told a setNumberVector: interlock roof") == 2)
        client.send(
            "<newSwitchVector device='Dome Simulator' name='DEBUG'>"
            "<oneSwitch name='ENABLE'>On</oneSwitch></newSwitchVector>"
        )
        client.take("<setSwitchVector[^>]*name=.DEBUG.")  # so it has read all that came before
        assert it.members("Dome Simulator", "DOME_SHUTTER")["SHUTTER_OPEN"] == "Off"


def _words(process: psutil.Process) -> list[str]:
    with contextlib.suppress(psutil.Error):
        return list(process.cmdline())
    return []
