"""Builds the base, each overlay, the monitoring and `single` with each component, and checks it all: `make k8s`.

Strictly, against the schemas of Kubernetes 1.29 and of the newest that the validator has; what the Prometheus operator
reads against its own; then a policy scan. Runs in an environment of its own (requirements.txt). What the parts of a
manifest mean to each other is in tests/k8s.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import kubernetes_validate
import yaml
from cloudcoil.models.prometheus_operator import v1 as operator

HERE = Path(__file__).parent
OLDEST = "1.29"

#: Findings that stay, with the reason: by the check, and by the build where only that one has it.
EXCEPTIONS: dict[str, dict[str, str]] = {
    "": {
        "CKV_K8S_43": "an image has its digest once it is in a registry: whoever deploys sets it (docs/kubernetes.md)",
        "CKV_K8S_15": "a version's tag never changes, and an observatory starts without its registry, too",
    },
    "base": {"CKV_K8S_21": "the namespace is the overlay's"},
    "monitoring": {"CKV_K8S_21": "the namespace is where Prometheus is: kubectl apply -n"},
    "hardware": {
        "CKV_K8S_16": "the node's devices need a privileged container; its namespace says so",
        "CKV_K8S_20": "a privileged container cannot be without",
    },
}


def builds(scratch: Path) -> dict[str, Path]:
    """Folders by their name. `scratch` is for those that a component needs around it."""
    overlays = sorted(path for path in (HERE / "overlays").iterdir() if path.is_dir())
    components = sorted(path.name for path in (HERE / "components").iterdir() if path.is_dir())
    found = {path.name: path for path in (HERE / "base", *overlays, HERE / "monitoring")}
    return found | {f"with {name}": composed(scratch / name, name) for name in components}


LEAF = """
configMapGenerator:
  - name: leaf
    literals: [name=guide, drivers=inditree-guide-camera, "image=inditree:0.2.0"]
    options: {annotations: {config.kubernetes.io/local-config: "true"}}
"""


def composed(folder: Path, *components: str) -> Path:
    """A new folder in which the overlay `single` has these components; `leaf`, a router by itself, stands alone."""
    folder.mkdir()
    here = Path(os.path.relpath(HERE, folder.resolve()))
    lines = ["namespace: observatory", "components:", *(f"  - {here}/components/{name}" for name in components)]
    lines.append(LEAF if "leaf" in components else f"resources: [{here}/overlays/single]")
    (folder / "kustomization.yaml").write_text("\n".join(lines))
    return folder


def build(folder: Path) -> str:
    made = subprocess.run(["kubectl", "kustomize", str(folder)], capture_output=True, text=True)
    if made.returncode:
        sys.exit(f"{folder}: {made.stderr}")
    return made.stdout


def mistakes(resource: dict[str, Any]) -> list[str]:
    """What is wrong with one resource."""
    if resource["apiVersion"].startswith("monitoring.coreos.com/"):
        return _operator_mistakes(resource)
    found = []
    for version in (OLDEST, kubernetes_validate.latest_version()):
        try:
            kubernetes_validate.validate(resource, version, strict=True)
        except kubernetes_validate.ValidationError as error:
            found.append(f"Kubernetes {version}: {'.'.join(map(str, error.path))}: {error.message}")
        except kubernetes_validate.SchemaNotFoundError as error:
            found.append(error.message)
    return found


def _operator_mistakes(resource: dict[str, Any]) -> list[str]:
    """The models leave out keys that they do not know, so what they give back is compared."""
    try:
        known = getattr(operator, resource["kind"]).model_validate(resource)
    except (AttributeError, ValueError) as error:
        return [str(error)]
    back = known.model_dump(mode="json", by_alias=True, exclude_unset=True)
    return [] if back == resource else ["has keys that the operator does not know"]


def scan(folder: Path) -> tuple[list[tuple[str, str, str]], int]:
    """Findings as build, check and text; how many checks passed."""
    command = [str(Path(sys.executable).parent / "checkov"), "--framework", "kubernetes", "--skip-download"]
    ran = subprocess.run([*command, "-d", str(folder), "-o", "json"], capture_output=True, text=True)
    if ran.returncode not in (0, 1):
        sys.exit(ran.stderr)
    report = json.loads(ran.stdout)
    found = []
    for each in report["results"]["failed_checks"]:
        found.append((Path(each["file_path"]).stem, each["check_id"], f"{each['check_name']}: {each['resource']}"))
    return found, report["summary"]["passed"]


def main() -> int:
    """0: all is well."""
    wrong: list[str] = []
    with TemporaryDirectory() as folder, TemporaryDirectory() as scratch:
        for name, path in builds(Path(scratch)).items():
            text = build(path)
            (Path(folder) / f"{name}.yaml").write_text(text)
            resources = list(yaml.safe_load_all(text))
            for each in resources:
                where = f"{name}: {each['kind']} {each['metadata']['name']}"
                wrong += [f"{where}: {mistake}" for mistake in mistakes(each)]
            print(f"{name}: {len(resources)} resources")
        found, passed = scan(Path(folder))
    wrong += _policy(found)
    print(f"schemas: Kubernetes {OLDEST} and {kubernetes_validate.latest_version()}; policies: {passed} passed")
    for each in wrong:
        print(f"WRONG {each}")
    return 1 if wrong else 0


def _policy(found: list[tuple[str, str, str]]) -> list[str]:
    """Findings without an exception, and exceptions without a finding."""
    wrong, used = [], set()
    for name, check, text in found:
        keys = [key for key in ("", name) if check in EXCEPTIONS.get(key, {})]
        used |= {(key, check) for key in keys}
        if not keys:
            wrong.append(f"{name}: {check} {text}")
    for key, checks in EXCEPTIONS.items():
        for check, reason in checks.items():
            print(f"excepted{f' in {key}' if key else ''}: {check}, {reason}")
            if (key, check) not in used:
                wrong.append(f"the exception of {check} in {key or 'all'} is not needed any more")
    return wrong


if __name__ == "__main__":
    sys.exit(main())
