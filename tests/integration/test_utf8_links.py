"""A camera whose name is no ASCII, at a real indiserver behind a link: libindi knows no `&#233;`."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from live import Client, serve
from ports import free_port

DEVICE = "Cam\xe9ra 1"


def test_its_image_arrives(tmp_path: Path) -> None:
    port = free_port()
    with (tmp_path / "far.log").open("wb") as log:
        far = subprocess.Popen(
            ["indiserver", "-p", str(port), "-u", f"/tmp/{port}", "indi_simulator_ccd"],
            env={**os.environ, "INDIDEV": DEVICE, "HOME": str(tmp_path)},
            stdout=log,
            stderr=log,
        )
    try:
        with serve(tmp_path, "--remote", f"127.0.0.1:{port}") as router:
            router.wait_for(f"{DEVICE}: provided by")
            with Client(router.port) as client:
                client.connect_ccd(DEVICE)
                assert client.expose(DEVICE).startswith(b"SIMPLE")
                assert b"&#" not in client.heard
            far.kill()
            far.wait()
            with Client(router.port) as client:
                client.ask()
            router.wait_for(f"{DEVICE}: no longer")
    finally:
        far.kill()
        far.wait()
