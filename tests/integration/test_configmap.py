"""A ConfigMap that changes: Kubernetes exchanges a link, and the router reads its configuration anew by itself."""

import os
from pathlib import Path

from live import Router
from ports import free_port


def publish(volume: Path, version: str, text: str) -> None:
    """As the kubelet does: a new folder, a new link beside the old one, one rename."""
    folder = volume / f"..{version}"
    folder.mkdir()
    (folder / "inditree.yaml").write_text(text)
    (volume / "..data_tmp").symlink_to(folder.name)
    (volume / "..data_tmp").rename(volume / "..data")
    if not (volume / "inditree.yaml").is_symlink():
        (volume / "inditree.yaml").symlink_to("..data/inditree.yaml")


def test_the_exchange_of_the_link_is_a_reload(tmp_path: Path) -> None:
    volume = tmp_path / "config"
    volume.mkdir()
    port = free_port()
    head = f"listen: [{{tcp: '127.0.0.1:{port}'}}]\nhttp: {{listen: off}}\n"
    publish(volume, "2026_1", f"{head}drivers: [{{exec: [indi_simulator_telescope]}}]\n")
    router = Router(tmp_path / "log", ["serve", "--config", str(volume / "inditree.yaml")], port)
    try:
        router.wait_for("Telescope Simulator: provided by")
        before = router.driver_pid("indi_simulator_telescope")
        both = "drivers: [{exec: [indi_simulator_telescope]}, {exec: [indi_simulator_focus]}]\n"
        publish(volume, "2026_2", head + both)
        router.wait_for("Focuser Simulator: provided by")
        assert router.driver_pid("indi_simulator_telescope") == before
        assert os.waitpid(router.process.pid, os.WNOHANG) == (0, 0)
    finally:
        assert router.stop() == 0
