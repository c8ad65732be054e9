"""Do the manifests fit together? Schemas and policies are k8s/validate.py's part."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from inditree.config import units
from inditree.server.server import DRAIN
from inditree.version import __version__
from k8s.manifests import K8S, OVERLAYS, ROOT, Resource, Router, build, fits, kind, one, routers

BUILDS = ["base", *OVERLAYS]
SLACK = 5.0
"""Seconds for all that stopping takes beside what is waited for by design."""

MIB = 1 << 20
BESIDE = 128 * MIB
"""What a router and simulated drivers use beside the BLOBs in memory: docs/kubernetes.md."""


def resources_of(name: str) -> tuple[Resource, ...]:
    return build(K8S / "base" if name == "base" else K8S / "overlays" / name)


@pytest.fixture(params=BUILDS)
def resources(request: pytest.FixtureRequest) -> tuple[Resource, ...]:
    return resources_of(request.param)


def all_routers() -> list[tuple[str, Router]]:
    return [(name, router) for name in BUILDS for router in routers(resources_of(name))]


@pytest.fixture(params=range(len(all_routers())), ids=[f"{name}:{router.name}" for name, router in all_routers()])
def router(request: pytest.FixtureRequest) -> Router:
    index: int = request.param
    return all_routers()[index][1]


def test_the_overlays_are_those_that_were_asked_for() -> None:
    assert {"single", "tree", "hardware", "hub"} == set(OVERLAYS)
    assert [len(routers(resources_of(name))) for name in BUILDS] == [1, 1, 1, 1, 3]


def test_the_configuration_passes_inditree_check(router: Router, tmp_path: Path) -> None:
    file = tmp_path / "inditree.yaml"
    file.write_text(router.file)
    ran = subprocess.run([sys.executable, "-m", "inditree", "check", str(file)], capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr


def test_one_router_has_one_replica(router: Router) -> None:
    assert router.spec["replicas"] == 1


def test_the_configuration_listens_on_the_ports_of_the_container(router: Router) -> None:
    (listen,) = router.config.listen
    http = router.config.http.address
    assert http is not None
    assert {"indi": listen.address[1], "http": http[1]} == router.ports
    assert listen.address[0] is None and http[0] is None, "reached from other pods on any address"


def test_probes_ask_the_named_port(router: Router) -> None:
    probes = {name: router.container[f"{name}Probe"]["httpGet"] for name in ("startup", "liveness", "readiness")}
    assert {each["port"] for each in probes.values()} == {"http"}
    assert {name: each["path"] for name, each in probes.items()} == {
        "startup": "/livez",
        "liveness": "/livez",
        "readiness": "/readyz",
    }


def test_a_broken_image_does_not_hold_up_what_mends_it(router: Router) -> None:
    """With OrderedReady a rollout waits for the broken pod to be ready before it looks at the next revision."""
    assert router.spec["podManagementPolicy"] == "Parallel"


def test_a_router_that_stands_still_is_ended_soon_and_says_its_last_words(router: Router) -> None:
    probe = router.container["livenessProbe"]
    assert probe["terminationGracePeriodSeconds"] == 5
    assert "terminationGracePeriodSeconds" not in router.container["readinessProbe"], "only where a probe ends a pod"
    assert router.container["terminationMessagePolicy"] == "FallbackToLogsOnError"


def test_a_hub_stays_away_from_the_nodes_of_its_leaves() -> None:
    for name, hub in (("tree", "inditree-hub"), ("hub", "inditree")):
        found = {each.name: each for each in routers(resources_of(name))}
        (rule,) = found[hub].pod["affinity"]["podAntiAffinity"]["preferredDuringSchedulingIgnoredDuringExecution"]
        term = rule["podAffinityTerm"]
        assert (term["topologyKey"], term["namespaceSelector"]) == ("kubernetes.io/hostname", {})
        assert set(term["labelSelector"]) == {"matchExpressions"}
        wanted = {each["key"]: each["values"] for each in term["labelSelector"]["matchExpressions"]}
        for other in routers(resources_of("tree")):
            assert all(other.labels[key] in values for key, values in wanted.items()), other.name
        assert all("affinity" not in each.pod for each in found.values() if each.name != hub)


def test_the_grace_is_longer_than_all_that_stopping_waits_for(router: Router) -> None:
    command = router.container["lifecycle"]["preStop"]["exec"]["command"]
    assert command[0] == "sleep"
    drivers = max((each.stop_grace for each in router.config.drivers), default=5.0)
    assert router.pod["terminationGracePeriodSeconds"] >= float(command[1]) + drivers + 2 * DRAIN + SLACK


def test_the_memory_that_is_allowed_fits_into_the_limit(router: Router) -> None:
    resources = router.container["resources"]
    limit = units.size(resources["limits"]["memory"] + "B")
    assert limit >= router.config.limits.memory + router.config.limits.queue + BESIDE
    assert units.size(resources["requests"]["memory"] + "B") <= limit
    assert set(resources["requests"]) == set(resources["limits"]) == {"cpu", "memory", "ephemeral-storage"}


def test_the_image_is_that_of_this_version(router: Router) -> None:
    name, _, tag = router.container["image"].partition(":")
    assert name == "inditree"
    assert tag in (__version__, f"{__version__}-indi")
    programs = {each.exec[0] for each in router.config.drivers if each.exec}
    assert tag.endswith("-indi") == any(program.startswith("indi_") for program in programs)


def test_kubernetes_sets_none_of_our_variables(router: Router) -> None:
    """A Service `inditree` makes INDITREE_PORT=tcp://10.0.0.1:7624 for each pod that has not switched it off."""
    assert router.pod["enableServiceLinks"] is False


def test_a_router_has_no_token(router: Router) -> None:
    account = one(router.resources, "ServiceAccount", router.pod["serviceAccountName"])
    assert account["automountServiceAccountToken"] is False
    assert router.pod["automountServiceAccountToken"] is False


def test_what_is_written_to_is_a_volume(router: Router) -> None:
    mounts = {each["mountPath"]: each.get("readOnly", False) for each in router.container["volumeMounts"]}
    assert {path for path, read_only in mounts.items() if not read_only} - {"/dev"} == {"/var/lib/inditree", "/tmp"}
    assert {each["name"] for each in router.container["volumeMounts"]} == {
        each["name"] for each in router.pod["volumes"]
    }


def test_selectors_meet_one_router_each(resources: tuple[Resource, ...]) -> None:
    found = routers(resources)
    for each in found:
        selector = each.spec["selector"]["matchLabels"]
        assert [other.name for other in found if fits(selector, other.labels)] == [each.name]
        service = one(resources, "Service", each.name)["spec"]
        assert [other.name for other in found if fits(service["selector"], other.labels)] == [each.name]
        assert {port["name"]: port["targetPort"] for port in service["ports"]} == {"indi": "indi", "http": "http"}
        assert {port["name"]: port["port"] for port in service["ports"]} == each.ports


def test_the_headless_service_names_all_routers_of_the_namespace(resources: tuple[Resource, ...]) -> None:
    found = routers(resources)
    service = one(resources, "Service", "routers")["spec"]
    assert service["clusterIP"] == "None"
    assert service["publishNotReadyAddresses"] is True
    assert all(fits(service["selector"], each.labels) for each in found)
    assert {each.spec["serviceName"] for each in found} == {"routers"}, "else its SRV records have no pod's name"
    assert [(port["name"], port["targetPort"]) for port in service["ports"]] == [("indi", "indi")]


def test_discovery_asks_for_names_that_there_are(resources: tuple[Resource, ...]) -> None:
    for router in routers(resources):
        for source in router.config.discovery.dns:
            found = re.fullmatch(r"_(\w+)\._tcp\.([\w-]+)(\.[\w-]+\.svc\.cluster\.local)?", source.name)
            assert found, source.name
            service = one(resources, "Service", found[2])
            assert found[1] in {port["name"] for port in service["spec"]["ports"]}
    assert any(router.config.discovery.dns for router in routers(resources_of("tree")))
    assert any(router.config.discovery.dns for router in routers(resources_of("hub")))


def test_the_network_policy_holds_for_all_routers(resources: tuple[Resource, ...]) -> None:
    (policy,) = kind(resources, "NetworkPolicy")
    spec = policy["spec"]
    assert spec["policyTypes"] == ["Ingress", "Egress"]
    for router in routers(resources):
        assert fits(spec["podSelector"]["matchLabels"], router.labels)
        assert {port["port"] for rule in spec["ingress"] for port in rule["ports"]} == set(router.ports)
    (links,) = (rule for rule in spec["egress"] if "to" in rule)
    assert [port["port"] for port in links["ports"]] == [7624]
    assert all(fits(links["to"][0]["podSelector"]["matchLabels"], router.labels) for router in routers(resources))


def test_the_hub_is_let_into_other_namespaces() -> None:
    (policy,) = kind(resources_of("single"), "NetworkPolicy")
    (hub,) = kind(resources_of("hub"), "Namespace")
    clients = next(rule for rule in policy["spec"]["ingress"] if rule["ports"][0]["port"] == "indi")
    selectors = [each["namespaceSelector"]["matchLabels"] for each in clients["from"] if "namespaceSelector" in each]
    assert any(fits(selector, hub["metadata"]["labels"]) for selector in selectors)


def test_no_device_of_the_tree_is_there_twice() -> None:
    names = [each.env["INDIDEV"] for router in routers(resources_of("tree")) for each in router.config.drivers]
    assert len(names) == len(set(names)) == 3
    routers_named = [router.config.name for router in routers(resources_of("tree"))]
    assert sorted(routers_named) == ["camera", "hub", "mount"]


def test_prometheus_meets_each_router_once(resources: tuple[Resource, ...]) -> None:
    (monitor,) = kind(build(K8S / "monitoring"), "ServiceMonitor")
    spec = monitor["spec"]
    assert spec["namespaceSelector"] == {"any": True}
    met = [
        each for each in kind(resources, "Service") if fits(spec["selector"]["matchLabels"], each["metadata"]["labels"])
    ]
    assert {each["metadata"]["name"] for each in met} == {each.name for each in routers(resources)}
    (endpoint,) = spec["endpoints"]
    for each in met:
        assert each["metadata"]["labels"][spec["jobLabel"]] == "inditree"
        assert endpoint["port"] in {port["name"] for port in each["spec"]["ports"]}


def test_the_operator_gets_the_rules_that_are_tested() -> None:
    resources = build(K8S / "monitoring")
    (rule,) = kind(resources, "PrometheusRule")
    assert rule["spec"] == yaml.safe_load((K8S / "monitoring/rules.yaml").read_text())
    (boards,) = kind(resources, "ConfigMap")
    assert boards["metadata"]["labels"]["grafana_dashboard"] == "1"
    assert set(boards["data"]) == {path.name for path in (K8S / "monitoring/dashboards").iterdir()}


def test_what_the_documentation_names_is_there() -> None:
    text = (ROOT / "docs/kubernetes.md").read_text()
    for path in set(re.findall(r"\bk8s/[\w/.-]*\w", text)):
        assert (ROOT / path).exists(), path
    overlays = set(re.findall(r"apply -k k8s/overlays/([\w-]+)", text))
    assert overlays == set(OVERLAYS)
