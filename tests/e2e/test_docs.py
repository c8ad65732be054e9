"""The images of docs/containers.md are built and run."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from e2e.engine import IMAGE, ROOT, docker, running, unique
from e2e.indi import Client

TEXT = (ROOT / "docs/containers.md").read_text()
DOCKERFILES = re.findall(r"^```dockerfile\n(.*?)^```", TEXT, re.DOTALL | re.MULTILINE)
DEVICES = ("Lamp", "Lamp", "GPS NMEA")


@pytest.mark.parametrize(("number", "device"), [*enumerate(DEVICES)])
def test_an_image_of_the_documentation_serves_its_driver(number: int, device: str, tmp_path: Path) -> None:
    assert len(DOCKERFILES) == len(DEVICES)
    for name, body in re.findall(r"^```python\n# (\w+\.py)\n(.*?)^```", TEXT, re.DOTALL | re.MULTILINE):
        (tmp_path / name).write_text(body)
    (tmp_path / "Dockerfile").write_text(re.sub(r"^FROM inditree", f"FROM {IMAGE}", DOCKERFILES[number], flags=re.M))
    image = unique("docs")
    docker("build", "-q", "-t", image, str(tmp_path))
    try:
        with running(image=image) as made, Client("127.0.0.1", made.port()) as client:
            client.devices({device})
    finally:
        docker("rmi", image)
