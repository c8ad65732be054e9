"""The rules, the dashboards, and whether what they ask for is there."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import subprocess
import sys
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

import waiting
from inditree.config import Http
from inditree.ops.control import Definition, Sample
from inditree.ops.http import HttpServer
from inditree.ops.metrics import Metrics
from inditree.tasks import Tasks
from ops import fake
from ops.fake import FakeControl, sample
from programs.processes import until
from waiting import DEADLINE

ROOT = Path(__file__).parents[2]
MONITORING = ROOT / "k8s/monitoring"
HISTORIES = ("rules_test.yaml", "rules_day_test.yaml")
BOARDS = ("inditree", "inditree-night")
ALERTS = {
    "IndiRouterDown": "critical",
    "IndiRouterGone": "critical",
    "IndiDriverFailed": "critical",
    "IndiDriverCrashLooping": "warning",
    "IndiRemoteDown": "warning",
    "IndiQueueNearLimit": "warning",
    "IndiSourceHeld": "warning",
    "IndiMessagesDropped": "warning",
    "IndiLoopDetected": "warning",
    "IndiSlowClient": "warning",
    "IndiEventLoopLagHigh": "warning",
    "IndiConnectionsNearLimit": "warning",
    "IndiMemoryNearLimit": "warning",
    "IndiDeviceGone": "warning",
    "IndiReloadRefused": "warning",
    "IndiConflict": "warning",
    "IndiLinkFlaps": "warning",
    "IndiRecordLost": "warning",
    "IndiInterlockUnknown": "warning",
    "IndiInterlockPartial": "warning",
    "IndiCommandFailed": "warning",
    "IndiDeviceNotReady": "warning",
    "IndiReactionRan": "warning",
    "IndiReactionFailed": "critical",
}
NIGHT = {
    "CCD": {
        "CCD_TEMPERATURE": "CCD_TEMPERATURE_VALUE",
        "CCD_COOLER_POWER": "CCD_COOLER_VALUE",
        "CCD_EXPOSURE": "CCD_EXPOSURE_VALUE",
    },
    "Focuser": {"ABS_FOCUS_POSITION": "FOCUS_ABSOLUTE_POSITION", "FOCUS_TEMPERATURE": "TEMPERATURE"},
    "Mount": {"EQUATORIAL_EOD_COORD": "RA", "TELESCOPE_TIMED_GUIDE_NS": "TIMED_GUIDE_N"},
    "Dome": {"ABS_DOME_POSITION": "DOME_ABSOLUTE_POSITION"},
    "Weather": {"WEATHER_PARAMETERS": "WEATHER_TEMPERATURE"},
    "Weather 2": {"WEATHER_PARAMETERS": "WEATHER_HUMIDITY"},
    "Weather 3": {"WEATHER_PARAMETERS": "WEATHER_WIND_SPEED"},
}


def alerts() -> list[dict[str, Any]]:
    (group,) = yaml.safe_load((MONITORING / "rules.yaml").read_text())["groups"]
    return list(group["rules"])


def expressions(board: str) -> list[str]:
    panels = json.loads((MONITORING / f"dashboards/{board}.json").read_text())["panels"]
    return [target["expr"] for panel in panels for target in panel.get("targets", ())]


def night() -> Sample:
    """Known traffic, and all that an observatory tells in a night."""
    definitions = tuple(
        Definition(
            device,
            name,
            f'<defNumberVector device="{device}" name="{name}" state="Ok"><defNumber name="{member}">1.5</defNumber>'
            "</defNumberVector>".encode(),
        )
        for device, properties in NIGHT.items()
        for name, member in properties.items()
    )
    status = fake.status(drivers=(fake.driver("ccd", pid=os.getpid(), last_exit=1, unread={"held": 2.5}),))
    return sample(definitions=definitions, status=status)


def promtool(*words: str) -> None:
    ran = subprocess.run(["promtool", *words], cwd=MONITORING, capture_output=True, text=True, timeout=120)
    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_the_rules_are_rules_and_pass_their_tests() -> None:
    promtool("check", "rules", "rules.yaml")
    promtool("test", "rules", *HISTORIES)


def test_each_alert_says_what_it_is_about() -> None:
    assert {each["alert"]: each["labels"]["severity"] for each in alerts()} == ALERTS
    sections = re.findall(r"^## (\w+)$", (ROOT / "docs/runbooks.md").read_text(), re.MULTILINE)
    assert sections == list(ALERTS)
    for each in alerts():
        assert set(each["annotations"]) == {"summary", "description", "runbook_url"}
        assert each["annotations"]["runbook_url"] == f"docs/runbooks.md#{each['alert'].lower()}"


def test_each_alert_is_tested_both_ways() -> None:
    tests = [each for name in HISTORIES for each in yaml.safe_load((MONITORING / name).read_text())["tests"]]
    fired: set[str] = set()
    quiet: set[str] = set()
    for each in [one for test in tests for one in test["alert_rule_test"]]:
        (fired if each["exp_alerts"] else quiet).add(each["alertname"])
    assert fired == quiet == set(ALERTS)


def test_what_is_generated_is_what_is_committed(tmp_path: Path) -> None:
    subprocess.run([sys.executable, str(MONITORING / "generate.py"), str(tmp_path)], check=True, timeout=60)
    made = sorted(path.relative_to(tmp_path) for path in tmp_path.rglob("*") if path.is_file())
    assert [str(path) for path in made] == [
        "dashboards/inditree-night.json",
        "dashboards/inditree.json",
        "prometheusrule.yaml",
    ]
    for path in made:
        assert (tmp_path / path).read_text() == (MONITORING / path).read_text(), f"run generate.py: {path}"


def test_the_kustomization_takes_all_of_it() -> None:
    kustomization = yaml.safe_load((MONITORING / "kustomization.yaml").read_text())
    boards = kustomization["configMapGenerator"][0]["files"]
    assert sorted(boards) == sorted(f"dashboards/{path.name}" for path in (MONITORING / "dashboards").iterdir())
    assert all((MONITORING / name).is_file() for name in kustomization["resources"])


@pytest.mark.parametrize("board", BOARDS)
def test_every_panel_has_a_title_a_description_a_unit_and_legends(board: str) -> None:
    dashboard = json.loads((MONITORING / f"dashboards/{board}.json").read_text())
    names = [each["name"] for each in dashboard["templating"]["list"]]
    assert names == ["datasource", "job", "instance", "device"]
    panels = [each for each in dashboard["panels"] if each["type"] != "row"]
    for panel in panels:
        assert panel["title"] and panel["description"] and panel["targets"]
        assert panel["type"] == "heatmap" or panel["fieldConfig"]["defaults"]["unit"]
        assert all(target["legendFormat"] != "__auto" for target in panel["targets"]), panel["title"]
    assert len({each["id"] for each in dashboard["panels"]}) == len(dashboard["panels"])


def test_the_rows_are_those_that_were_asked_for() -> None:
    panels = json.loads((MONITORING / "dashboards/inditree.json").read_text())["panels"]
    rows = [each["title"] for each in panels if each["type"] == "row"]
    assert rows == ["Health", "Traffic", "BLOBs", "Back-pressure", "Drivers", "Tree", "Process"]


def test_every_metric_that_is_asked_for_exists() -> None:
    text = Metrics(["*.*.*"]).render(night()).decode()
    existing = set(re.findall(r"^(\w+)(?:\{| )", text, re.MULTILINE)) | {"up"}
    asked = [expr for board in BOARDS for expr in expressions(board)] + [each["expr"] for each in alerts()]
    names = {name for expr in asked for name in re.findall(r"\b(?:indi|process)_\w+|\bup\b(?=\{)", expr)}
    assert len(names) > 40
    assert names - existing == set()


def test_sources_that_are_held_are_on_the_router_board() -> None:
    (asked,) = (expr for expr in expressions("inditree") if "indi_source_held" in expr)
    assert 'or label_replace(vector(0), "reason", "nothing", "", "")' in asked  # a panel that is never empty


def scrape(folder: Path, *targets: str) -> None:
    """Have the Prometheus of this folder scrape these and no others."""
    (folder / "targets.new").write_text(json.dumps([{"targets": targets}]))
    (folder / "targets.new").replace(folder / "targets.json")


@contextmanager
def prometheus(folder: Path, *targets: str, rules: Path = MONITORING / "rules.yaml") -> Iterator[str]:
    """A Prometheus with the rules that scrapes the targets four times a second; its own address.

    `targets.json` of the folder may name others meanwhile.
    """
    scrape(folder, *targets)
    config = {
        "global": {"scrape_interval": "250ms", "evaluation_interval": "1s"},
        "rule_files": [str(rules)],
        "scrape_configs": [
            {"job_name": "inditree", "file_sd_configs": [{"files": ["targets.json"], "refresh_interval": "1s"}]}
        ],
    }
    (folder / "prometheus.yml").write_text(yaml.safe_dump(config))
    words = ["--web.listen-address=127.0.0.1:0", f"--storage.tsdb.path={folder}/data"]
    command = ["prometheus", f"--config.file={folder}/prometheus.yml", *words]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stderr is not None
            found = None
            while not found:
                line = process.stderr.readline()
                assert line, "prometheus has ended"
                found = re.search(r'Listening on".*? address=(\S+)', line)
            yield found[1]
        finally:
            process.kill()
            process.communicate()


def ask(address: str, expr: str) -> list[Any]:
    """The series that a query gives now."""
    for name, what in (("$__rate_interval", "5s"), ("$__range", "5s"), ("$job", "inditree")):
        expr = expr.replace(name, what)
    expr = re.sub(r"\$(instance|device)", ".*", expr)
    url = f"http://{address}/api/v1/query?{urllib.parse.urlencode({'query': expr})}"
    with urllib.request.urlopen(url, timeout=DEADLINE) as answer:
        return list(json.load(answer)["data"]["result"])


class Busy(FakeControl):
    """Whose counters rise from scrape to scrape."""

    def __init__(self) -> None:
        super().__init__()
        self.metrics = night()
        self.scraped = 0

    def sample(self) -> Sample:
        self.scraped += 1
        counters = self.metrics.counters
        counters.devices["CCD"].blobs_received += 1
        counters.devices["CCD"].blobs_delivered += 2
        counters.devices["CCD"].blob_bytes_received += 1000
        counters.blob_forward.observe(0.003)
        return self.metrics


def test_every_query_gives_series_on_a_real_prometheus(tmp_path: Path) -> None:
    async def run() -> None:
        tasks, control = Tasks(), Busy()
        server = HttpServer(Http(listen="127.0.0.1:0"), control, tasks, Metrics(["*.*.*"]))
        server.bind()
        await server.start()
        try:
            with prometheus(tmp_path, server.addresses[0]) as address:
                await until(lambda: control.scraped >= 6, "six scrapes")
                empty = await asyncio.to_thread(nothing, address)
                assert empty == []
        finally:
            await server.stop()
            await tasks.close()

    def nothing(address: str) -> list[str]:
        """The queries without an answer, once the last scrape can be seen."""
        empty = [expr for board in BOARDS for expr in expressions(board)]

        def answered() -> bool:
            empty[:] = [expr for expr in empty if not ask(address, expr)]
            return not empty

        with contextlib.suppress(AssertionError):
            waiting.until(answered)
        return empty

    asyncio.run(run())
