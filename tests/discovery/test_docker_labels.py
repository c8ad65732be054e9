"""What labels mean, and which address of a container is taken."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from discovery.fake_engine import container
from inditree.config import Docker, Remote
from inditree.discovery.labels import Reader, own_id

OWN = "ab" * 32


def found(*rows: dict[str, Any], own: str | None = None, network: str | None = None) -> dict[str, Remote]:
    return Reader(Docker(network=network), own).remotes(rows)


@pytest.mark.parametrize(
    ("label", "place"),
    [
        ("true", ("10.5.0.2", 7624)),
        ("True", ("10.5.0.2", 7624)),
        ("", ("10.5.0.2", 7624)),
        ("7777", ("10.5.0.2", 7777)),
        ("dome.example:7625", ("dome.example", 7625)),
        ("[fd00::7]:7625", ("fd00::7", 7625)),
    ],
)
def test_the_value_is_true_a_port_or_a_place(label: str, place: tuple[str, int]) -> None:
    entry = found(container("dome", label))["dome"]
    assert (entry.host, entry.port) == place


def test_without_the_label_or_with_false_it_is_no_remote() -> None:
    assert found(container("web", None), container("off", "false")) == {}


def test_options_are_further_labels() -> None:
    row = container("c1", blobs="off", name="dome-b", devices="Dome*, Weather")
    assert found(row) == {
        "dome-b": Remote(host="10.5.0.2", name="dome-b", blobs=False, devices=("Dome*", "Weather")),
    }


@pytest.mark.parametrize(
    ("label", "options", "text"),
    [
        ("dome.example", {}, "label inditree.remote='dome.example' is neither true, nor a port, nor host:port"),
        ("70000", {}, "'70000' is not a port (1 to 65535)"),
        ("true", {"blobs": "maybe"}, "label inditree.remote.blobs='maybe' is neither on nor off"),
        (
            "true",
            {"device": "Dome"},
            "label inditree.remote.device is not known (blobs, devices, name are)",
        ),
        ("true", {"name": "a/b"}, "inditree.remote.name: 'a/b' contains a slash or a control character"),
        ("true", {"devices": "CCD["}, "inditree.remote.devices[0]: 'CCD[' is not a pattern (CCD*, Dome ?, [AB]*)"),
    ],
)
def test_a_mistake_leaves_out_that_one_and_is_said_once(
    label: str, options: dict[str, str], text: str, caplog: pytest.LogCaptureFixture
) -> None:
    reader = Reader(Docker(), None)
    rows = [container("bad", label, **options), container("good")]
    with caplog.at_level(logging.WARNING, "inditree.discovery"):
        assert list(reader.remotes(rows)) == ["good"]
        assert list(reader.remotes(rows)) == ["good"]
    assert [record.getMessage() for record in caplog.records] == [f"container bad is left out: {text}"]


def test_of_two_with_one_name_the_first_by_container_name_is_taken(caplog: pytest.LogCaptureFixture) -> None:
    remotes = found(container("b", "true", "10.5.0.9", name="dome"), container("a", "true", "10.5.0.8", name="dome"))
    assert {name: entry.host for name, entry in remotes.items()} == {"dome": "10.5.0.8"}
    assert "container b is left out: another container has the name 'dome' already" in caplog.text


def test_in_a_container_only_shared_networks_count_and_not_ourselves() -> None:
    def networks(**addresses: str) -> dict[str, Any]:
        return {name: {"NetworkID": f"net-{name}", "IPAddress": ip} for name, ip in addresses.items()}

    rows = [
        container("hub", id=OWN, networks=networks(indi="10.5.0.2")),
        container("near", networks=networks(aside="10.4.0.3", indi="10.5.0.3")),
        container("far", networks=networks(aside="10.4.0.4")),
    ]
    assert {name: entry.host for name, entry in found(*rows, own=OWN).items()} == {"near": "10.5.0.3"}
    assert {name: entry.host for name, entry in found(*rows).items()} == {
        "far": "10.4.0.4",
        "hub": "10.5.0.2",
        "near": "10.4.0.3",
    }
    assert {name: entry.host for name, entry in found(*rows, own=OWN, network="aside").items()} == {
        "far": "10.4.0.4",
        "near": "10.4.0.3",
    }


def test_a_container_without_an_address_needs_a_place(caplog: pytest.LogCaptureFixture) -> None:
    host: dict[str, Any] = {"host": {"NetworkID": "host", "IPAddress": ""}}
    rows = [container("one", networks=host), container("two", "127.0.0.1:7700", networks=host)]
    assert list(found(*rows)) == ["two"]
    assert "container one is left out: has no address in a network that we share" in caplog.text


def test_ipv6_is_taken_where_there_is_nothing_else() -> None:
    row = container("six", networks={"indi": {"NetworkID": "n", "IPAddress": "", "GlobalIPv6Address": "fd00::2"}})
    assert found(row)["six"].host == "fd00::2"


def test_another_label() -> None:
    row = container("dome", None)
    row["Labels"] = {"obs.link": "7700", "obs.link.blobs": "no", "inditree.remote": "true"}
    remotes = Reader(Docker(label="obs.link"), None).remotes([row])
    assert remotes == {"dome": Remote(host="10.5.0.2", port=7700, name="dome", blobs=False)}


def test_our_own_id_is_where_the_engine_mounts_the_names_from() -> None:
    line = f"612 600 254:0 /var/lib/docker/containers/{OWN}/hostname /etc/hostname rw - ext4 /dev/vda rw\n"
    assert own_id("1 2 3:4 / / rw - ext4 /dev/vda rw\n" + line) == OWN
    assert own_id("1 2 3:4 / / rw - ext4 /dev/vda rw\n") is None
