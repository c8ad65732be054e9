"""What kustomize makes of k8s/, as the tests look at it."""

from __future__ import annotations

import functools
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from inditree.config import Config, complete
from inditree.config.load import parse

ROOT = Path(__file__).parents[2]
K8S = ROOT / "k8s"
OVERLAYS = sorted(path.name for path in (K8S / "overlays").iterdir() if path.is_dir())

Resource = dict[str, Any]


@functools.cache
def build(folder: Path) -> tuple[Resource, ...]:
    """The resources of a kustomization."""
    assert shutil.which("kubectl"), "kubectl is missing: apt-get install kubernetes-client (1.27 or newer)"
    made = subprocess.run(["kubectl", "kustomize", str(folder)], capture_output=True, text=True, timeout=60)
    assert made.returncode == 0, made.stderr
    return tuple(yaml.safe_load_all(made.stdout))


def fits(selector: Mapping[str, str], labels: Mapping[str, str]) -> bool:
    """An empty selector selects all, as `podSelector: {}` does."""
    return all(labels.get(key) == value for key, value in selector.items())


@dataclass(frozen=True)
class Router:
    """A StatefulSet with what it refers to."""

    resource: Resource
    resources: tuple[Resource, ...]

    @property
    def name(self) -> str:
        return str(self.resource["metadata"]["name"])

    @property
    def spec(self) -> Resource:
        return dict(self.resource["spec"])

    @property
    def pod(self) -> Resource:
        return dict(self.spec["template"]["spec"])

    @property
    def labels(self) -> dict[str, str]:
        return dict(self.spec["template"]["metadata"]["labels"])

    @property
    def container(self) -> Resource:
        (container,) = self.pod["containers"]
        return dict(container)

    @property
    def ports(self) -> dict[str, int]:
        return {each["name"]: each["containerPort"] for each in self.container["ports"]}

    @property
    def file(self) -> str:
        """The configuration's text, through the arguments, the mount, the volume and the ConfigMap."""
        args = self.container["args"]
        path = Path(args[args.index("--config") + 1])
        (mount,) = (each for each in self.container["volumeMounts"] if each["mountPath"] == str(path.parent))
        assert "subPath" not in mount, "would never change"
        (volume,) = (each for each in self.pod["volumes"] if each["name"] == mount["name"])
        return str(one(self.resources, "ConfigMap", volume["configMap"]["name"])["data"][path.name])

    @functools.cached_property
    def config(self) -> Config:
        return complete(parse(self.file))


def kind(resources: tuple[Resource, ...], wanted: str) -> list[Resource]:
    return [each for each in resources if each["kind"] == wanted]


def one(resources: tuple[Resource, ...], wanted: str, name: str) -> Resource:
    (found,) = (each for each in kind(resources, wanted) if each["metadata"]["name"] == name)
    return found


def routers(resources: tuple[Resource, ...]) -> list[Router]:
    return [Router(each, resources) for each in kind(resources, "StatefulSet")]
