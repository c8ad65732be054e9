"""What docs/kubernetes.md applies can be built; a cluster to apply it to is not to be had here."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
import yaml

from docs import written
from k8s.manifests import ROOT


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
    for name in ("dome-a", "dome-b"):
        (tmp_path / name).mkdir()
        text = shown("dome-a/kustomization.yaml").replace("dome-a", name)
        (tmp_path / name / "kustomization.yaml").write_text(text)
    return tmp_path


@pytest.mark.parametrize("text", [each for each in written.CLUSTER if "apply" in each])
def test_what_is_applied_can_be_built(checkout: Path, text: str) -> None:
    folders = re.findall(r"-k (\S+)", text)
    assert folders
    for folder in folders:
        resources = built(checkout, folder)
        assert resources
        if folder in ("dome-a", "dome-b"):
            assert {each["metadata"]["namespace"] for each in resources if each["kind"] != "Namespace"} == {folder}  # type: ignore[index]


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
