"""What docs/kubernetes.md applies can be built; a cluster to apply it to is not to be had here."""

from __future__ import annotations

import contextlib
import json
import re
import shlex
import subprocess
import urllib.request
from pathlib import Path

import pytest
import yaml

from docs import written
from k8s.manifests import ROOT, build, routers
from live import serve, until
from ports import free_port
from waiting import DEADLINE


def shown(name: str) -> str:
    """A file as `cat` shows it in docs/kubernetes.md."""
    text = (ROOT / "docs/kubernetes.md").read_text()
    found = re.search(rf"^\$ cat {re.escape(name)}\n(.*?)(?=^\$ |^```)", text, re.DOTALL | re.MULTILINE)
    assert found is not None
    return found[1]


def built(where: Path, folder: str) -> list[dict[str, object]]:
    done = subprocess.run(["kubectl", "kustomize", folder], cwd=where, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return [each for each in yaml.safe_load_all(done.stdout) if each]


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A folder beside a checkout, as the documentation has it; kustomize follows no link out of its root."""
    subprocess.run(["cp", "-r", str(ROOT / "k8s"), str(tmp_path / "k8s")], check=True)
    (tmp_path / "inditree").mkdir()
    subprocess.run(["cp", "-r", str(ROOT / "k8s"), str(tmp_path / "inditree/k8s")], check=True)
    for name, file in (("dome-a", "inditree.yaml"), *((each, "kustomization.yaml") for each in FOLDERS)):
        (tmp_path / name).mkdir(exist_ok=True)
        (tmp_path / name / file).write_text(shown(f"{name}/{file}"))
    (tmp_path / "dome-b").mkdir()
    for each in (tmp_path / "dome-a").iterdir():
        (tmp_path / "dome-b" / each.name).write_text(as_dome_b(each.read_text()))
    return tmp_path


FOLDERS = ("dome-a", "guide", "mine")


def as_dome_b(text: str) -> str:
    """What a reader makes of the example for the second observatory."""
    return text.replace("dome-a", "dome-b").replace("Dome A", "Dome B")


@pytest.mark.parametrize("text", [each for each in written.CLUSTER if "apply" in each])
def test_what_is_applied_can_be_built(checkout: Path, text: str) -> None:
    folders = re.findall(r"-k (\S+)", text)
    assert folders
    for folder in folders:
        resources = built(checkout, folder)
        assert resources
        if folder in ("dome-a", "dome-b"):
            assert {each["metadata"]["namespace"] for each in resources if each["kind"] != "Namespace"} == {folder}  # type: ignore[index]


def test_two_observatories_and_a_hub_have_no_conflict(tmp_path: Path) -> None:
    """The example as it is written, each configuration in a router, and a hub over both."""
    text = shown("dome-a/inditree.yaml")
    with contextlib.ExitStack() as stack:
        ports = []
        for name, each in (("a", text), ("b", as_dome_b(text))):
            port = free_port()
            (tmp_path / f"{name}.yaml").write_text(each.replace("*:7624", f"127.0.0.1:{port}"))
            words = ["--config", str(tmp_path / f"{name}.yaml")]
            stack.enter_context(serve(tmp_path, *words, port=port, name=name))
            ports.append(port)
        http = f"127.0.0.1:{free_port()}"
        stack.enter_context(serve(tmp_path, *(f"@127.0.0.1:{port}" for port in ports), http=http, name="hub"))

        def status() -> dict[str, list[dict[str, object]]]:
            with urllib.request.urlopen(f"http://{http}/api/v1/status", timeout=DEADLINE) as answer:
                return dict(json.load(answer))

        wanted = {"Dome A Camera", "Dome A Telescope", "Dome B Camera", "Dome B Telescope"}
        until(lambda: {each["name"] for each in status()["devices"]} == wanted, what="both observatories")
        assert status()["conflicts"] == []


def test_the_first_queries(tmp_path: Path) -> None:
    """What the page asks of the overlay `single` is answered, in that order."""
    (router,) = routers(build(ROOT / "k8s/overlays/single"))
    port = free_port()
    (tmp_path / "inditree.yaml").write_text(router.file.replace("*:7624", f"127.0.0.1:{port}"))
    with serve(tmp_path, "--config", str(tmp_path / "inditree.yaml"), port=port):
        said = [
            subprocess.run(
                [words[0], "-p", str(port), *words[1:]], capture_output=True, text=True, timeout=DEADLINE, check=True
            ).stdout
            for words in map(shlex.split, written.TOOLS)
        ]
    assert said[-1].strip().isdigit()


def test_an_image_of_ones_own(checkout: Path) -> None:
    text = shown("kustomization.yaml").replace('"sha256:..."', f'"sha256:{"0" * 64}"')
    (checkout / "kustomization.yaml").write_text(text)
    images = re.findall(r"image: (\S+)", "\n".join(map(str, [yaml.safe_dump(each) for each in built(checkout, ".")])))
    assert set(images) == {"REGISTRY/inditree@sha256:" + "0" * 64}


@pytest.mark.parametrize("text", [each for each in written.NO_CLUSTER if each.startswith("kubectl")])
def test_the_rest_is_at_least_known_to_kubectl(text: str) -> None:
    words = [word for word in text.split()[1:] if word not in ("-n", "observatory")]
    done = subprocess.run(["kubectl", words[0], "--help"], capture_output=True, text=True)
    assert done.returncode == 0 and f"kubectl {words[0]}" in done.stdout
