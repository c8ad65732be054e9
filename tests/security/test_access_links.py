"""Access across a link: what a listener does not show to a router, nobody behind that one sees, sets or photographs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from live import Client, Router, until
from ports import free_port
from security.parts import api, audited, configured, imager, listen, metrics, number, open_images, shoot


@dataclass
class Tree:
    """A router with two devices shows one of them to the next."""

    near: Router
    far: Router
    http: str
    audit: Path


@pytest.fixture(name="tree", scope="module")
def _tree(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tree]:
    tmp = tmp_path_factory.mktemp("tree")
    port, narrow, shown, own = free_port(), free_port(), free_port(), free_port()
    http, audit = f"127.0.0.1:{free_port()}", tmp / "audit"
    entries = (
        f"listen: [{{tcp: 127.0.0.1:{port}}}, {{tcp: 127.0.0.1:{narrow}, devices: [Cam]}},"
        f" {{tcp: 127.0.0.1:{shown}, access: read-only, devices: [Mount]}}]"
    )
    lines = (entries, imager("Cam", "Mount"), f"http: {{listen: {http}}}", f"audit: {{file: {audit}}}")
    remotes = f"remotes: [{{host: 127.0.0.1, port: {narrow}, name: narrow}}]"
    with (
        configured(tmp, port, *lines, name="far", ready="Mount: provided by") as far,
        configured(tmp, own, listen(own), remotes, name="near", ready="Cam: provided by") as near,
    ):
        far.shown = shown  # type: ignore[attr-defined]
        yield Tree(near, far, http, audit)


def test_the_device_that_is_shown_is_whole(tree: Tree) -> None:
    with Client(tree.near.port) as client:
        open_images(client, "Cam")
        client.send(number("Cam", "COUNT", 3))
        client.take("<setNumberVector device='Cam' name='COUNT'.*?3")
        shoot(client, "Cam", 100_000)


def test_the_other_is_neither_seen_nor_set_nor_photographed(tree: Tree) -> None:
    with Client(tree.near.port) as client, Client(tree.far.port) as inside:
        client.ask()
        client.ask("Mount")
        client.send("<enableBLOB>Also</enableBLOB><enableBLOB device='Mount'>Also</enableBLOB>")
        open_images(inside, "Mount")
        client.send(number("Mount", "COUNT", 666))
        client.take("<message device=.Mount.[^>]*not there")
        shoot(inside, "Mount", 50_000)
        inside.send(number("Mount", "COUNT", 4))
        inside.take("<setNumberVector device='Mount' name='COUNT'.*?4")
        inside.send(number("Cam", "COUNT", 5))
        client.take("<setNumberVector device='Cam' name='COUNT'.*?5")
        assert not client.told_of("Mount")
        assert b"666" not in inside.heard


def test_a_router_that_asks_for_it_all_the_same_is_refused(tree: Tree) -> None:
    """One that is not ours, or has been changed."""
    narrow = int(api(tree.http, "status")["listeners"][1]["address"].split(":")[1])
    name = 'indi_dropped_messages_total{peer="link",reason="access"}'
    before = metrics(tree.http).get(name, 0.0)
    with Client(narrow, "<getProperties version='1.7' inditree='1' via='forged'/>") as forged:
        forged.take("<getProperties [^>]*to=.forged.")
        forged.ask("Mount")
        forged.send(
            "<enableBLOB device='Mount'>Only</enableBLOB><enableBLOB device='Mount' name='IMAGE'>Only</enableBLOB>"
        )
        forged.send(number("Mount", "COUNT", 667))
        forged.take("<message device=.Mount.[^>]*not open to this connection")
        with Client(tree.far.port) as inside:
            open_images(inside, "Mount")
            shoot(inside, "Mount", 50_000)
        forged.ping()
        assert not forged.told_of("Mount")
    until(lambda: metrics(tree.http)[name] == before + 1)
    lines = until(lambda: [line for line in audited(tree.audit) if line["members"] == {"N": "667"}])
    assert lines[0]["result"] == "refused"


def test_one_behind_a_read_only_listener_is_told(tree: Tree, tmp_path: Path) -> None:
    port = free_port()
    remotes = f"remotes: [{{host: 127.0.0.1, port: {tree.far.shown}}}]"  # type: ignore[attr-defined]
    with (
        configured(tmp_path, port, listen(port), remotes, ready="Mount: provided by") as router,
        Client(router.port) as client,
        Client(tree.far.port) as inside,
    ):
        client.ask("Mount")
        client.take("<defNumberVector device=.Mount. name=.COUNT.")
        inside.ask("Mount")
        client.send(number("Mount", "COUNT", 668))
        client.take("<message device=.Mount.[^>]*read-only")
        inside.ping()
        assert b"668" not in inside.heard


@pytest.mark.parametrize("word", ["none", "false"])
def test_where_none_may_link_nobody_provides(tmp_path: Path, word: str) -> None:
    port, own = free_port(), free_port()
    remotes = f"remotes: [{{host: 127.0.0.1, port: {port}}}]"
    with (
        configured(tmp_path, port, listen(port, f"peers: {word}"), imager("Cam"), ready="Cam: provided by") as router,
        configured(tmp_path, own, listen(own), remotes, imager("Own"), name="b", ready="Cam: provided by") as b,
        Client(b.port) as client,
        Client(router.port) as inside,
    ):
        open_images(client, "Cam")
        shoot(client, "Cam", 100_000)
        inside.ask()
        inside.ping()
        assert b"Own" not in inside.heard
        router.wait_for("may not provide devices here")


def test_all_addresses_without_a_lock_is_said_once(tmp_path: Path) -> None:
    open_, closed = free_port(), free_port()
    entries = f"listen: [{{tcp: '0.0.0.0:{open_}'}}, {{tcp: '0.0.0.0:{closed}', allow: [127.0.0.0/8]}}]"
    with configured(tmp_path, open_, entries) as router:
        router.wait_for(f"listening on 0.0.0.0:{closed}")
        warned = [line for line in router.log.splitlines() if "open to every network" in line]
        assert len(warned) == 1
        assert str(open_) in warned[0]
