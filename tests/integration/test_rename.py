"""Two domes with the same camera under one hub, and a driver that is called otherwise here: real programs."""

from __future__ import annotations

from pathlib import Path

from integration.test_tree import CCD, indiserver, sees
from live import Client, serve
from ports import free_port

PROGRAM = "indi_simulator_ccd"


def photograph(port: int, device: str) -> None:
    """Control and image by this name, and no word of the other name in between."""
    with Client(port) as client:
        client.connect_ccd(device)
        client.expose(device)


def test_two_domes_with_the_same_camera_under_one_hub(tmp_path: Path) -> None:
    one, two = free_port(), free_port()
    file = tmp_path / "hub.yaml"
    file.write_text(
        "remotes:\n"
        f"- {{host: 127.0.0.1, port: {one}, name: dome-a, rename: {{'CCD Simulator': Dome A CCD, '*': 'A *'}}}}\n"
        f"- {{host: 127.0.0.1, port: {two}, name: dome-b, rename: {{'*': 'B *'}}}}\n"
    )
    with (
        serve(tmp_path, PROGRAM, port=one, name="dome-a"),
        indiserver(tmp_path, two, PROGRAM),
        serve(tmp_path, "--config", str(file), name="hub") as hub,
    ):
        sees(hub.port, "Dome A CCD", f"B {CCD}")
        with Client(hub.port) as client:
            client.ask()
            client.connect_ccd("Dome A CCD")
            client.connect_ccd(f"B {CCD}")
            client.expose("Dome A CCD")
            client.expose(f"B {CCD}")
            client.send(f"<getProperties version='1.7' device='{CCD}'/>")
            assert b'device="CCD Simulator"' not in client.silent(0.5).replace(b"'", b'"')
        sees(one, CCD, f"B {CCD}")  # dome A, which is ours, sees what the hub has of the other one
        photograph(one, CCD)
        assert "conflict" not in hub.log


def test_two_routers_with_the_same_camera_under_one_hub(tmp_path: Path) -> None:
    one, two = free_port(), free_port()
    file = tmp_path / "hub.yaml"
    file.write_text(
        "remotes:\n"
        f"- {{host: 127.0.0.1, port: {one}, name: dome-a, rename: {{'*': 'A *'}}}}\n"
        f"- {{host: 127.0.0.1, port: {two}, name: dome-b, rename: {{'*': 'B *'}}}}\n"
    )
    with (
        serve(tmp_path, PROGRAM, port=one, name="dome-a"),
        serve(tmp_path, PROGRAM, port=two, name="dome-b"),
        serve(tmp_path, "--config", str(file), name="hub") as hub,
    ):
        sees(hub.port, f"A {CCD}", f"B {CCD}")
        with Client(hub.port) as client:
            for device in (f"A {CCD}", f"B {CCD}"):
                client.connect_ccd(device)
            for device in (f"B {CCD}", f"A {CCD}", f"B {CCD}"):
                client.expose(device)
        assert "conflict" not in hub.log


def test_a_driver_with_another_name(tmp_path: Path) -> None:
    """Its images come as descriptors, it snoops on itself, and it is told of itself by its own name."""
    file = tmp_path / "router.yaml"
    file.write_text(f"drivers:\n- {{exec: [{PROGRAM}], rename: {{'*': 'North *'}}}}\n")
    with serve(tmp_path, "--config", str(file)) as router:
        sees(router.port, f"North {CCD}")
        photograph(router.port, f"North {CCD}")
