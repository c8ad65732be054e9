"""Two domes with the same camera under one hub, and a driver that is called otherwise here: real programs."""

from __future__ import annotations

from pathlib import Path

from integration.test_tree import CCD, FOCUSER, devices, indiserver, sees
from live import Client, serve, until
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


def hub(tmp: Path, name: str, *remotes: tuple[str, int, str]) -> Path:
    """The configuration of a router whose remotes have a word before each name."""
    file = tmp / f"{name}.yaml"
    rows = [f"- {{host: 127.0.0.1, port: {at}, name: {to}, rename: {{'*': '{word} *'}}}}\n" for to, at, word in remotes]
    file.write_text(f"remotes:\n{''.join(rows)}")
    return file


def test_a_ring_of_renames_comes_to_rest(tmp_path: Path) -> None:
    """Each of three routers links to the next: a device has a name for each way, and none where it comes home."""
    a, b, c = free_port(), free_port(), free_port()
    with (
        serve(
            tmp_path, "--config", str(hub(tmp_path, "a", ("b", b, "B"))), "indi_simulator_focus", port=a, name="a"
        ) as at_a,
        serve(tmp_path, "--config", str(hub(tmp_path, "b", ("c", c, "C"))), port=b, name="b") as at_b,
        serve(tmp_path, "--config", str(hub(tmp_path, "c", ("a", a, "A"))), PROGRAM, port=c, name="c") as at_c,
    ):
        sees(a, FOCUSER, CCD, f"B C {CCD}")
        sees(b, FOCUSER, f"C A {FOCUSER}", f"C {CCD}", CCD)
        sees(c, FOCUSER, f"A {FOCUSER}", CCD)
        with Client(a) as client:
            client.ask()
            client.connect_ccd(f"B C {CCD}")
            client.expose(f"B C {CCD}")
            client.expose(CCD)
            client.silent(1.0)
        assert [len(devices(port)) for port in (a, b, c)] == [3, 4, 3]
        for router in (at_a, at_b, at_c):
            assert router.log.count("provided by") <= 4
        assert "conflict" not in at_a.log + at_b.log + at_c.log


def test_an_indiserver_and_a_router_that_are_each_others_remotes(tmp_path: Path) -> None:
    """What it has from us is not defined again under ever new names."""
    port, other = free_port(), free_port()
    file = hub(tmp_path, "hub", ("pi", other, "Pi"))
    with (
        serve(tmp_path, "--config", str(file), port=port, name="hub") as router,
        indiserver(tmp_path, other, PROGRAM, f"@127.0.0.1:{port}"),
    ):
        sees(port, f"Pi {CCD}")
        until(lambda: "has come from link pi before" in router.log)
        with Client(port) as client:
            client.ask()
            client.connect_ccd(f"Pi {CCD}")
            client.expose(f"Pi {CCD}")
            client.silent(1.0)
        assert {name for name in devices(port) if "Pi Pi" in name} == set()
        assert router.log.count("has come from") == 1
