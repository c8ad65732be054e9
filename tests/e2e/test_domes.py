"""Two containers with a camera of the same name under one hub, which calls them differently."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from e2e.engine import Container, get, network, running, until
from e2e.indi import Client

CONFIG = """
remotes:
  - {host: dome-a, rename: {"*": "A *"}}
  - {host: dome-b, rename: {"Py Camera": "Dome B Camera"}}
"""
CAMERAS = {"dome-a": "A Py Camera", "dome-b": "Dome B Camera"}


@pytest.fixture(name="domes")
def _domes(tmp_path: Path) -> Iterator[dict[str, Container]]:
    """The hub and both domes, by name; all cameras are at the hub."""
    file = tmp_path / "hub.yaml"
    file.write_text(CONFIG)
    file.chmod(0o644)
    with ExitStack() as stack:
        net = stack.enter_context(network())
        made = {
            name: stack.enter_context(
                running("serve", "inditree-camera", options=("--network", net, "--network-alias", name), what=name)
            )
            for name in CAMERAS
        }
        options = ("--network", net, "-v", f"{file}:/etc/inditree.yaml:ro", "-e", "INDITREE_CONFIG=/etc/inditree.yaml")
        made["hub"] = stack.enter_context(running("serve", options=options, what="hub"))
        hub = made["hub"].port(9724)
        until(lambda: {row["name"] for row in get(hub, "/api/v1/devices") or ()} == set(CAMERAS.values()), "cameras")
        yield made


def test_one_client_controls_and_photographs_both(domes: dict[str, Container]) -> None:
    with Client("127.0.0.1", domes["hub"].port()) as client:
        images = {name: client.photograph(camera) for name, camera in CAMERAS.items()}
        assert all(len(image) > 1_000_000 for image in images.values())
        for number, camera in enumerate(CAMERAS.values()):
            client.send(
                f"<newNumberVector device='{camera}' name='CCD_GAIN'>"
                f"<oneNumber name='GAIN'>{number + 11}</oneNumber></newNumberVector>"
            )
            client.until(rf"<setNumberVector[^>]*device=[\"']{camera}[\"'][^>]*name=[\"']CCD_GAIN[\"']")
    gains = [domes[name].execute("inditree", "get", "Py Camera.CCD_GAIN.GAIN") for name in CAMERAS]
    assert gains == ["Py Camera.CCD_GAIN.GAIN=11", "Py Camera.CCD_GAIN.GAIN=12"]
    row = get(domes["hub"].port(9724), "/api/v1/status")
    assert row["conflicts"] == [] and row["loops_detected"] == 0
