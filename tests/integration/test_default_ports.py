"""The ports that nobody asked for must leave those of other programs alone."""

from pathlib import Path

from inditree.config import Config, Http, complete
from live import Client, serve


def test_libindis_skysafari_driver_can_listen_beside_a_router_with_default_ports(tmp_path: Path) -> None:
    """It listens on all addresses, so a port of ours on loopback is in its way too."""
    config = complete(Config())
    ours = {entry.address[1] for entry in config.listen}
    assert config.http == Http() and config.http.address is not None
    ours.add(config.http.address[1])
    with serve(tmp_path, "indi_skysafari") as router, Client(router.port) as client:
        client.ask()
        found = client.take(
            r"<defTextVector[^>]*name=.SKYSAFARI_SETTINGS.*?name=.SKYSAFARI_PORT.[^>]*>\s*(\d+)\s*</defText>"
        )
        assert int(found[1]) == 9624
    assert int(found[1]) not in ours
