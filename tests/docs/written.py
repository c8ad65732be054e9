"""The commands that README and docs show, and where each is run."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "SECURITY.md", *sorted((ROOT / "docs").glob("*.md"))]
_BLOCK = re.compile(r"^```(console|sh)\n(.*?)^```", re.MULTILINE | re.DOTALL)


def blocks(page: str) -> list[list[str]]:
    """The commands of each block of a page: of a console what follows `$ `, of a script its lines."""
    found = []
    for kind, body in _BLOCK.findall((ROOT / page).read_text()):
        lines = [line for line in body.splitlines() if line]
        if kind == "console":
            lines = [line.removeprefix("$ ") for line in lines if line.startswith("$ ")]
        found.append([bare for line in lines if (bare := re.sub(r"(^|\s\s+)# .*", "", line).strip())])
    return found


def all_commands() -> set[str]:
    """Every command of every block."""
    return {each for page in PAGES for block in blocks(str(page.relative_to(ROOT))) for each in block}


# Who runs which. What needs a cluster, a registry or a device is run as far as that goes without.

CI = (
    "make lint types",
    "make test",
    "make test-long",
    "make bench-quick",
    ".ci/run",
    "make image",
    "make clean-room",
    "sudo compose/site/certificates",
)
"""Steps of CI, or what a step of it needs."""

CLUSTER = (
    "kubectl apply -k k8s/overlays/single",
    "kubectl apply -k k8s/overlays/tree",
    "kubectl apply -k dome-a && kubectl apply -k dome-b",
    "kubectl apply -k k8s/overlays/hub",
    "kubectl apply -k k8s/overlays/hardware",
    "kubectl apply -n monitoring -k k8s/monitoring",
    "cat dome-a/kustomization.yaml",
    "cat dome-a/inditree.yaml",
    "cat guide/kustomization.yaml",
    "kubectl apply -k guide",
    "cat mine/kustomization.yaml",
    "kubectl apply -k mine",
    "cat kustomization.yaml",
)
"""tests/k8s/test_documented.py builds what they apply."""

NO_CLUSTER = (
    "kubectl -n observatory get pods",
    "kubectl -n observatory port-forward service/inditree 7624 &",
    "kubectl -n observatory delete statefulset/inditree service/inditree configmap/inditree",
    "kubectl drain dome-pc --ignore-daemonsets --delete-emptydir-data",
    "kubectl label node dome-pc inditree/instruments=true",
    "kubectl taint node dome-pc inditree/instruments=true:NoSchedule",
    "docker buildx build --platform linux/arm64 --target indi -t inditree:indi --load .",
    "docker tag inditree $REGISTRY/inditree:0.2.0 && docker push $REGISTRY/inditree:0.2.0",
)
"""There is no cluster and no registry here; tests/k8s/test_documented.py sees that kubectl knows them."""

TOOLS = (
    "indi_setprop 'Py Camera.CONNECTION.CONNECT=On'",
    "indi_getprop -1 'Py Camera.CCD_INFO.CCD_MAX_X'",
)
"""tests/k8s/test_documented.py runs them against the configuration of the overlay `single`."""

IN_POD = (
    "kubectl -n observatory exec inditree-0 -- inditree status",
    "kubectl -n observatory exec inditree-hub-0 -- inditree remote list",
    "kubectl -n observatory exec inditree-0 -- sh -c 'kill -HUP 1'",
)
"""tests/e2e/test_docs_commands.py runs what follows `--` in a container."""

COMPOSE = (
    "docker compose up -d",
    "docker compose -f compose/compose.tree.yaml up -d",
    "docker compose -f compose/compose.yaml -f compose/compose.observatory.yaml up -d",
    "docker compose -f compose/compose.yaml -f compose/compose.observability.yaml up -d",
    "docker compose -f compose/compose.site.yaml up -d",
)
"""tests/e2e starts these, a module each; test_docs_commands.py has Compose read the very words."""

CONTAINERS = (
    "docker run --device /dev/ttyUSB0 --group-add 20 inditree:indi serve indi_lx200basic",
    "docker run -v /dev/bus/usb:/dev/bus/usb --device-cgroup-rule 'c 189:* rmw' --group-add 46 inditree:indi"
    " serve indi_gpusb",
    "docker run --network host -e INDITREE_HOST=127.0.0.1 -e INDITREE_HTTP=127.0.0.1:9724 inditree serve inditree-gps",
    "docker run --read-only -v indi-config:/var/lib/inditree/.indi inditree:indi serve indi_simulator_telescope",
    "docker run -d --network indi --label inditree.remote=true inditree serve inditree-dome",
)
"""tests/e2e/test_docs_commands.py; a device that the machine has not is /dev/null."""

HERE = (
    ("README.md", 0),
    ("README.md", 1),
    ("README.md", 2),
    ("README.md", 3),
    ("docs/configuration.md", 0),
    ("docs/http.md", 0),
    ("docs/http.md", 1),
    ("docs/python-drivers.md", 0),
    ("docs/python-drivers.md", 1),
    ("docs/python-drivers.md", 2),
    ("docs/python-drivers.md", 3),
    ("docs/scripts.md", 0),
    ("docs/scripts.md", 1),
    ("docs/record.md", 0),
    ("docs/record.md", 1),
    ("CONTRIBUTING.md", 0),
)
"""Pages and their blocks that tests/docs/test_commands.py runs."""
