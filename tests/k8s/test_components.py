"""k8s/components: what each adds to an observatory, and a leaf of three values beside the tree."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from k8s.manifests import K8S, Resource, Router, build, fits, kind, one, routers

COMPONENTS = sorted(path.name for path in (K8S / "components").iterdir() if path.is_dir())
LEAF = """
components: [HERE/components/leaf]
configMapGenerator:
  - name: leaf
    literals: [name=guide, "drivers=inditree-guide-camera;inditree-filter-wheel", "image=inditree:9.9"]
    options: {annotations: {config.kubernetes.io/local-config: "true"}}
"""

Composed = Callable[..., tuple[Resource, ...]]


def written(folder: Path, text: str) -> Path:
    folder.mkdir()
    (folder / "kustomization.yaml").write_text(text.replace("HERE", os.path.relpath(K8S, folder.resolve())))
    return folder


@pytest.fixture
def composed(tmp_path: Path) -> Composed:
    """An overlay with components."""

    def make(*components: str, overlay: str = "single") -> tuple[Resource, ...]:
        listed = "".join(f"  - HERE/components/{each}\n" for each in components)
        text = f"namespace: observatory\nresources: [HERE/overlays/{overlay}]\ncomponents:\n{listed}"
        return build(written(tmp_path / "-".join((overlay, *components)), text))

    return make


def mounted(router: Router, path: str) -> Resource:
    """The volume at a path of the container."""
    (mount,) = (each for each in router.container["volumeMounts"] if each["mountPath"] == path)
    (volume,) = (each for each in router.pod["volumes"] if each["name"] == mount["name"])
    assert mount["readOnly"] is True
    return dict(volume)


def test_certificates_are_a_secret_that_the_group_may_read(composed: Composed) -> None:
    for overlay, number in (("single", 1), ("tree", 3)):
        found = routers(composed("tls", overlay=overlay))
        assert len(found) == number
        for router in found:
            assert mounted(router, "/etc/inditree-tls")["secret"] == {
                "secretName": "inditree-tls",
                "defaultMode": 0o440,
            }


def test_a_token_is_a_secret_that_commands_in_the_pod_find_too(composed: Composed) -> None:
    (router,) = routers(composed("token"))
    assert mounted(router, "/etc/inditree-token")["secret"]["secretName"] == "inditree-token"
    assert router.container["env"] == [{"name": "INDITREE_TOKEN_FILE", "value": "/etc/inditree-token/token"}]


def test_claims_replace_the_volume_that_goes_with_the_pod(composed: Composed) -> None:
    (router,) = routers(composed("claims"))
    claims = [each["metadata"]["name"] for each in router.spec["volumeClaimTemplates"]]
    assert claims == ["state", "record"]
    assert {each["name"] for each in router.pod["volumes"]} == {"config", "tmp"}
    mounts = {each["name"]: each["mountPath"] for each in router.container["volumeMounts"]}
    assert (mounts["state"], mounts["record"]) == ("/var/lib/inditree", "/data")


@pytest.mark.parametrize(("component", "type_"), [("nodeport", "NodePort"), ("loadbalancer", "LoadBalancer")])
def test_from_outside_indi_alone_is_reached_by_addresses_that_are_known(
    composed: Composed, component: str, type_: str
) -> None:
    resources = composed(component)
    (router,) = routers(resources)
    service = one(resources, "Service", "inditree-outside")
    assert (service["spec"]["type"], service["spec"]["externalTrafficPolicy"]) == (type_, "Local")
    assert fits(service["spec"]["selector"], router.labels)
    assert [each["targetPort"] for each in service["spec"]["ports"]] == ["indi"]
    (monitor,) = kind(build(K8S / "monitoring"), "ServiceMonitor")
    assert not fits(monitor["spec"]["selector"]["matchLabels"], service["metadata"]["labels"]), "scraped twice"
    policy = one(resources, "NetworkPolicy", "inditree-outside")["spec"]
    assert fits(policy["podSelector"]["matchLabels"], router.labels)
    assert [port["port"] for rule in policy["ingress"] for port in rule["ports"]] == ["indi"]
    assert all("ipBlock" in source for rule in policy["ingress"] for source in rule["from"])


def test_by_night_no_router_is_drained(composed: Composed) -> None:
    resources = composed("night", overlay="tree")
    (budget,) = kind(resources, "PodDisruptionBudget")
    assert budget["spec"]["maxUnavailable"] == 0
    assert all(fits(budget["spec"]["selector"]["matchLabels"], each.labels) for each in routers(resources))


def test_monitoring_comes_with_the_observatory(composed: Composed) -> None:
    kinds = {each["kind"] for each in composed("monitoring")}
    assert {"ServiceMonitor", "PrometheusRule"} <= kinds


def test_all_of_them_fit_together(composed: Composed) -> None:
    resources = composed("apart", "claims", "loadbalancer", "monitoring", "night", "tls", "token")
    (router,) = routers(resources)
    mounts = {each["name"] for each in router.container["volumeMounts"]}
    assert mounts == {"config", "state", "record", "tmp", "tls", "token"}
    assert set(COMPONENTS) - {"leaf", "nodeport"} == {
        "apart",
        "claims",
        "loadbalancer",
        "monitoring",
        "night",
        "tls",
        "token",
    }


def test_a_leaf_is_three_values(tmp_path: Path) -> None:
    written(tmp_path / "guide", LEAF)
    folder = written(tmp_path / "all", "namespace: observatory\nresources: [HERE/overlays/tree, ../guide]\n")
    resources = build(folder)
    found = routers(resources)
    assert [each.name for each in found] == ["inditree-camera", "inditree-guide", "inditree-hub", "inditree-mount"]
    leaf = found[1]
    assert leaf.container["image"] == "inditree:9.9"
    assert leaf.container["env"] == [
        {"name": "INDITREE_DRIVERS", "value": "inditree-guide-camera;inditree-filter-wheel"}
    ]
    assert leaf.config.http.listen == "*:9724"
    for each in found:
        selector = each.spec["selector"]["matchLabels"]
        assert [other.name for other in found if fits(selector, other.labels)] == [each.name]
        service = one(resources, "Service", each.name)["spec"]
        assert [other.name for other in found if fits(service["selector"], other.labels)] == [each.name]
        assert each.spec["serviceName"] == "routers"
    assert fits(one(resources, "Service", "routers")["spec"]["selector"], leaf.labels)
    assert not [each for each in kind(resources, "ConfigMap") if each["metadata"]["name"].startswith("leaf")]


def test_each_component_is_documented() -> None:
    text = (K8S.parent / "docs/kubernetes.md").read_text()
    assert [name for name in COMPONENTS if f"`k8s/components/{name}`" not in text] == []
    for name in COMPONENTS:
        assert yaml.safe_load((K8S / f"components/{name}/kustomization.yaml").read_text())["kind"] == "Component"
