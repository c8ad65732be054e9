"""compose.site.yaml: a site behind TLS and a home beside its clients, with certificates of its own script."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from e2e.engine import HARDENED, IMAGE, ROOT, Project, docker, inspect, project, unique, until
from e2e.indi import Client


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    tls = tmp_path_factory.mktemp("site") / "tls"
    subprocess.run([ROOT / "compose/site/certificates", str(tls)], check=True, timeout=60)
    with project("compose/compose.site.yaml", variables={"INDITREE_TLS": str(tls)}) as made:
        yield made


def test_home_shows_the_site_and_takes_its_pictures(site: Project) -> None:
    for service in ("site", "home"):
        site.container(service).healthy()
    with Client("127.0.0.1", site.indi) as client:
        client.devices({"Py Telescope", "Py Camera"})
        # Exposing takes the right to control, which the site gives to the certificate of home alone.
        assert len(client.photograph("Py Camera")) > 1_000_000


def test_nobody_without_a_certificate_sees_anything_of_the_site(site: Project) -> None:
    words = ("--network", site.network("between"), "--entrypoint", "inditree", IMAGE)
    name = unique("stranger")
    try:
        docker("run", "-d", "--name", name, *HARDENED, *words, "get", "--host", "site", "--timeout", "5s")
        until(lambda: inspect(name)["State"]["Status"] == "exited", "the stranger has given up")
        assert inspect(name)["State"]["ExitCode"] == 1 and docker("logs", name) == ""
    finally:
        docker("rm", "-f", name)


def test_a_key_is_in_no_container_but_its_own(site: Project) -> None:
    for service in ("site", "home"):
        assert site.container(service).execute("ls", "/run/tls").split() == [
            "ca.pem",
            f"{service}.key",
            f"{service}.pem",
        ]


def test_the_certificates_are_not_made_twice(tmp_path: Path) -> None:
    script = ROOT / "compose/site/certificates"
    (tmp_path / "ca.key").write_text("precious")
    done = subprocess.run([script, str(tmp_path)], capture_output=True, text=True, timeout=60)
    assert os.geteuid() == 0 and done.returncode == 1 and "to begin anew" in done.stderr
    assert (tmp_path / "ca.key").read_text() == "precious"
