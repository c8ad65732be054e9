"""The Pod Security Standards, "baseline" and "restricted", as the manifests have to meet them.

https://kubernetes.io/docs/concepts/security/pod-security-standards/
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from k8s.manifests import K8S, OVERLAYS, Resource, Router, build, kind, routers

VOLUMES = {"configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected", "secret"}


def violations(pod: Resource) -> Iterator[str]:
    """What "restricted" forbids, "baseline" included, as far as a Linux pod without sysctls can do it."""
    for key in ("hostNetwork", "hostPID", "hostIPC"):
        if pod.get(key):
            yield key
    for volume in pod.get("volumes", ()):
        if not VOLUMES & set(volume):
            yield f"volume {volume['name']}"
    above = pod.get("securityContext", {})
    for container in [*pod["containers"], *pod.get("initContainers", ())]:
        own = container.get("securityContext", {})
        both = above | own
        if own.get("privileged"):
            yield "privileged"
        if own.get("allowPrivilegeEscalation") is not False:
            yield "allowPrivilegeEscalation"
        if own.get("capabilities") != {"drop": ["ALL"]}:
            yield "capabilities"
        if both.get("runAsNonRoot") is not True or both.get("runAsUser", 0) == 0:
            yield "root"
        if both.get("seccompProfile") != {"type": "RuntimeDefault"}:
            yield "seccomp"
        if any("hostPort" in port for port in container.get("ports", ())):
            yield "hostPort"


def of(name: str) -> list[Router]:
    return routers(build(K8S / "overlays" / name))


@pytest.mark.parametrize("name", [name for name in OVERLAYS if name != "hardware"])
def test_pods_are_restricted_and_their_namespace_sees_to_it(name: str) -> None:
    assert [list(violations(router.pod)) for router in of(name)] == [[] for _ in of(name)]
    (namespace,) = kind(build(K8S / "overlays" / name), "Namespace")
    assert namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"


def test_hardware_differs_by_what_devices_need() -> None:
    (router,) = of("hardware")
    assert set(violations(router.pod)) == {"volume dev", "privileged", "allowPrivilegeEscalation"}
    (namespace,) = kind(build(K8S / "overlays/hardware"), "Namespace")
    assert namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "privileged"
    assert router.pod["nodeSelector"] and router.pod["tolerations"]


@pytest.mark.parametrize("name", OVERLAYS)
def test_all_run_as_the_image_says_on_a_root_that_cannot_be_written(name: str) -> None:
    for router in of(name):
        context = router.pod["securityContext"]
        assert (context["runAsUser"], context["runAsGroup"], context["fsGroup"]) == (65532, 65532, 65532)
        assert router.container["securityContext"]["readOnlyRootFilesystem"] is True


@pytest.mark.parametrize(
    ("key", "value", "violation"),
    [
        ("capabilities", {"drop": ["ALL"], "add": ["SYS_ADMIN"]}, "capabilities"),
        ("capabilities", None, "capabilities"),
        ("allowPrivilegeEscalation", None, "allowPrivilegeEscalation"),
        ("privileged", True, "privileged"),
        ("runAsUser", 0, "root"),
        ("seccompProfile", {"type": "Unconfined"}, "seccomp"),
    ],
)
def test_what_is_forbidden_is_found(key: str, value: object, violation: str) -> None:
    (router,) = of("single")
    container = dict(router.container)
    container["securityContext"] = container["securityContext"] | {key: value}
    assert list(violations(router.pod | {"containers": [container]})) == [violation]
