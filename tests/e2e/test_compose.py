"""compose.yaml, as `docker compose up` in the root starts it, and Prometheus on top of it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from e2e.engine import BASE_IMAGE, COMPOSE, ROOT, Project, command, docker, get, inspect, project, until
from e2e.indi import Client
from ports import free_port

HERE = Path(__file__).parent
MAIN, OBSERVABILITY = "compose/compose.yaml", "compose/compose.observability.yaml"
DEVICES = {"Py Telescope", "Py Camera", "Py Focuser", "Py Filter Wheel"}
FILES = sorted(path.name for path in (ROOT / "compose").glob("compose*.yaml"))


def test_in_the_root_it_is_the_observatory_with_its_ports() -> None:
    config = json.loads(command(COMPOSE, "config", "--format", "json"))
    assert config["name"] == "inditree" and list(config["services"]) == ["router"]
    ports = [(each.get("host_ip"), each["published"], each["target"]) for each in config["services"]["router"]["ports"]]
    assert ports == [(None, "7624", 7624), ("127.0.0.1", "9724", 9724)]


@pytest.mark.parametrize("name", FILES)
def test_every_service_is_hardened_and_bounded(name: str) -> None:
    overlay = name in ("compose.observability.yaml", "compose.observatory.yaml")
    files = (MAIN, f"compose/{name}") if overlay else (f"compose/{name}",)
    services = Project(files).config()["services"]
    assert services
    for service, entry in services.items():
        assert entry["read_only"] and entry["cap_drop"] == ["ALL"], service
        assert entry["security_opt"] == ["no-new-privileges:true"], service
        assert entry["restart"] == "unless-stopped" and "test" in entry["healthcheck"], service
        assert int(entry["mem_limit"]) > 0 and "stop_grace_period" in entry, service
        if entry["image"].startswith("inditree") and service != "engine":
            assert entry["stop_grace_period"] == "15s", service


@pytest.mark.parametrize("name", FILES)
def test_every_file_is_started_by_a_test(name: str) -> None:
    started = "\n".join(path.read_text() for path in HERE.glob("test_*.py"))
    assert f'"compose/{name}"' in started


def test_up_is_an_observatory_that_takes_pictures() -> None:
    with project(MAIN) as made:
        made.container("router").healthy()
        with Client("127.0.0.1", made.indi) as client:
            client.devices(DEVICES)
            assert len(client.photograph("Py Camera")) > 1_000_000
        host = inspect(made.container("router").name)["HostConfig"]
        assert host["PortBindings"]["9724/tcp"][0]["HostIp"] == "127.0.0.1" and host["Memory"] == 1 << 30


@pytest.fixture(scope="module")
def monitored(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Project, int]]:
    quick = tmp_path_factory.mktemp("quick")
    settings = (ROOT / "compose/observability/prometheus.yml").read_text()
    (quick / "prometheus.yml").write_text(
        re.sub(r"(scrape|evaluation|refresh)_interval: 15s", r"\1_interval: 1s", settings)
    )
    rules = (ROOT / "k8s/monitoring/rules.yaml").read_text()
    (quick / "rules.yaml").write_text(re.sub(r"for: \d+m", "for: 2s", rules))
    quick.chmod(0o755)
    for parent in [*quick.parents][:2]:
        parent.chmod(0o755)
    image, port = "inditree-e2e-prometheus", free_port()
    words = ("-q", "-t", image, "--build-arg", f"BASE_IMAGE={BASE_IMAGE}", "-f", str(HERE / "prometheus.dockerfile"))
    docker("build", *words, str(HERE), seconds=300)
    variables = {"PROMETHEUS_IMAGE": image, "PROMETHEUS_PUBLISH": str(port), "QUICK": str(quick)}
    made = Project((MAIN, OBSERVABILITY, str(HERE / "observability.override.yaml")), variables)
    try:
        made.compose("up", "-d", "--no-build", "router", "leaf", "prometheus")
        yield made, port
    finally:
        made.compose("down", "-v", "-t", "5")


def alerts(port: int) -> set[str]:
    """Those that fire."""
    rows = (get(port, "/api/v1/alerts") or {"data": {"alerts": []}})["data"]["alerts"]
    return {row["labels"]["alertname"] for row in rows if row["state"] == "firing"}


def test_prometheus_scrapes_knows_the_rules_and_fires_when_a_leaf_is_killed(monitored: tuple[Project, int]) -> None:
    made, port = monitored

    def up() -> set[str]:
        found = get(port, "/api/v1/targets")
        return (
            {row["labels"]["job"] for row in found["data"]["activeTargets"] if row["health"] == "up"}
            if found
            else set()
        )

    until(lambda: up() == {"inditree", "prometheus"}, "both targets up")
    groups: list[dict[str, Any]] = get(port, "/api/v1/rules")["data"]["groups"]
    rules = {rule["name"] for group in groups for rule in group["rules"] if rule["type"] == "alerting"}
    assert {"IndiRouterDown", "IndiDriverFailed", "IndiRemoteDown"} <= rules
    with Client("127.0.0.1", made.indi) as client:
        client.devices({"Py Dome"})
    until(lambda: not alerts(port), "nothing fires")
    leaf = made.container("leaf").name
    docker("kill", leaf)
    print(f"alert {until(lambda: 'IndiRemoteDown' in alerts(port), 'the alert'):.1f} s after the kill (for: 2s)")
    docker("start", leaf)
    until(lambda: not alerts(port), "the alert is over")


def test_prometheus_is_healthy_to_the_engine(monitored: tuple[Project, int]) -> None:
    monitored[0].container("prometheus").healthy()


def test_what_grafana_is_given_is_where_it_looks_for_it() -> None:
    entry = Project((MAIN, OBSERVABILITY)).config()["services"]["grafana"]
    mounts = {each["target"]: Path(each["source"]) for each in entry["volumes"] if each["type"] == "bind"}
    provisioning = mounts["/etc/grafana/provisioning"]
    assert [path.name for path in (provisioning / "datasources").iterdir()] == ["prometheus.yaml"]
    provider = (provisioning / "dashboards" / "inditree.yaml").read_text()
    folder = re.search(r"path: (\S+)", provider)
    assert folder and list(mounts[folder[1]].glob("*.json"))
