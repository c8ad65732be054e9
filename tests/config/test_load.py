"""What a configuration says, and what it says when it says nothing."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import inditree.config.document  # noqa: F401 - not within the time of a test
from inditree import config
from inditree.config import (
    Audit,
    ClientTls,
    Config,
    ControlSocket,
    Discovery,
    Dns,
    Docker,
    Driver,
    Http,
    Limits,
    Listen,
    Log,
    Metrics,
    Remote,
    Restart,
    Rule,
    ServerTls,
)
from inditree.errors import ConfigError

WHOLE = """
name: dome-a
listen:
  - tcp: "0.0.0.0:7624"
    name: main
    max_connections: 5
    access: read-only
    allow: ["10.0.0.0/8", "fd00::/8"]
    devices: ["CCD*"]
    rules: [{subject: "CN=guest*", access: read-only, devices: ["CCD*"]}]
    delivery: lossless
    peers: any
    tls: {cert: c, key: k, client_ca: a}
  - {unix: /run/inditree/indi.sock, mode: "0660", owner: "indi:indi"}
  - {unix: "@indiserver", max_connections: null, peers: none}
drivers:
  - name: ccd
    exec: ["indi_simulator_ccd", "-v"]
    env: {INDIDEV: "Main CCD"}
    cwd: /data
    stderr_level: info
    restart: {policy: on-failure, backoff: 500ms, backoff_max: 5m, reset_after: 1h, max_restarts: 3}
    stop_grace: 1500ms
    ready_timeout: 1m
    required: true
  - {name: observatory, python: "inditree_drivers.simulators:observatory"}
remotes:
  - host: dome-b
    port: 7625
    name: b
    device: Dome
    blobs: false
    devices: ["Dome*"]
    share: down
    required: true
    tls: {ca: a, cert: c, key: k}
definitions: forwarded
discovery:
  docker: {label: my.remote, network: indi}
  dns: [{name: _indi._tcp.routers.obs.svc.cluster.local}]
http: {listen: "127.0.0.1:9625", token_file: t, hosts: [router.example], devices: [CCD*]}
control: {socket: /run/inditree/control}
limits: {element: 2MiB, blob: 2GiB, queue: 64MiB, memory: 256MiB, stall_timeout: 5s, link_timeout: 15s, link_hold: 0s,
         connections_per_address: 4, first_element: 3s, incomplete_element: 30s, elements_per_second: 2.5}
log: {level: debug, format: json}
audit: {file: /var/log/audit.jsonl}
metrics: {properties: ["CCD Simulator.CCD_TEMPERATURE.*"]}
"""


def test_every_key() -> None:
    assert config.load(WHOLE) == Config(
        name="dome-a",
        listen=(
            Listen(
                tcp="0.0.0.0:7624",
                name="main",
                max_connections=5,
                access="read-only",
                allow=("10.0.0.0/8", "fd00::/8"),
                devices=("CCD*",),
                rules=(Rule(subject="CN=guest*", access="read-only", devices=("CCD*",)),),
                delivery="lossless",
                peers="any",
                tls=ServerTls(cert="c", key="k", client_ca="a"),
            ),
            Listen(unix="/run/inditree/indi.sock", name="/run/inditree/indi.sock", mode=0o660, owner="indi:indi"),
            Listen(unix="@indiserver", name="@indiserver", max_connections=None, peers="none"),
        ),
        drivers=(
            Driver(
                name="ccd",
                exec=("indi_simulator_ccd", "-v"),
                env={"INDIDEV": "Main CCD"},
                cwd="/data",
                stderr_level="info",
                restart=Restart(
                    policy="on-failure", backoff=0.5, backoff_max=300.0, reset_after=3600.0, max_restarts=3
                ),
                stop_grace=1.5,
                ready_timeout=60.0,
                required=True,
            ),
            Driver(name="observatory", python="inditree_drivers.simulators:observatory"),
        ),
        remotes=(
            Remote(
                host="dome-b",
                port=7625,
                name="b",
                device="Dome",
                blobs=False,
                devices=("Dome*",),
                share="down",
                required=True,
                tls=ClientTls(ca="a", cert="c", key="k"),
            ),
        ),
        definitions="forwarded",
        discovery=Discovery(
            docker=Docker(label="my.remote", network="indi"),
            dns=(Dns(name="_indi._tcp.routers.obs.svc.cluster.local"),),
        ),
        http=Http(listen="127.0.0.1:9625", token_file="t", hosts=("router.example",), devices=("CCD*",)),
        control=ControlSocket(socket="/run/inditree/control"),
        limits=Limits(
            element=2 << 20,
            blob=2 << 30,
            queue=64 << 20,
            memory=256 << 20,
            stall_timeout=5.0,
            link_timeout=15.0,
            link_hold=0.0,
            connections_per_address=4,
            first_element=3.0,
            incomplete_element=30.0,
            elements_per_second=2.5,
        ),
        log=Log(level="debug", format="json"),
        audit=Audit(file="/var/log/audit.jsonl"),
        metrics=Metrics(properties=("CCD Simulator.CCD_TEMPERATURE.*",)),
    )


def test_nothing_but_defaults() -> None:
    result = config.load("")
    (listener,) = result.listen
    assert result.name == socket.gethostname()
    assert (listener.tcp, listener.name, listener.max_connections) == ("localhost:7624", "localhost:7624", 256)
    assert (listener.access, listener.allow, listener.devices, listener.rules) == ("control", (), ("*",), ())
    assert (listener.delivery, listener.peers, listener.tls) == ("paced", "links", None)
    assert (result.drivers, result.remotes, result.definitions) == ((), (), "view")
    assert (result.discovery.docker, result.discovery.dns) == (None, ())
    assert (result.http.listen, result.http.token_file, result.http.hosts) == ("127.0.0.1:9724", None, ())
    assert (result.log.level, result.log.format) == ("info", "text")
    assert (result.audit.file, result.metrics.properties) == (None, ())


def test_default_limits() -> None:
    limits = config.load("").limits
    assert (limits.element, limits.blob, limits.queue, limits.memory) == (1 << 20, 1 << 30, 128 << 20, 512 << 20)
    assert (limits.stall_timeout, limits.link_timeout, limits.link_hold) == (10.0, 30.0, 5.0)
    assert (limits.connections_per_address, limits.first_element) == (None, None)
    assert (limits.incomplete_element, limits.elements_per_second) == (None, None)


def test_default_driver_and_remote() -> None:
    result = config.load("{drivers: [{exec: [x]}], remotes: [{host: dome-b}]}")
    (driver,), (remote,) = result.drivers, result.remotes
    assert driver == Driver(name="x", exec=("x",), env={}, cwd=None, stderr_level="info", stop_grace=5.0)
    assert (driver.ready_timeout, driver.required) == (30.0, False)
    assert driver.restart == Restart(
        policy="always", backoff=1.0, backoff_max=60.0, reset_after=60.0, max_restarts=None
    )
    assert remote == Remote(host="dome-b", port=7624, name="dome-b:7624", blobs=True, devices=("*",), share="both")
    assert (remote.required, remote.tls, remote.device) == (False, None, None)


def test_default_docker_discovery() -> None:
    assert config.load("discovery: {docker: {}}").discovery.docker == Docker(label="inditree.remote", network=None)


def test_sections_with_nothing_under_them_are_as_if_they_were_not_there() -> None:
    assert config.load("listen:\ndrivers:\nremotes:\nlimits:\nhttp:\ndiscovery:\n") == config.load("")


def test_an_anchor_may_be_used_twice() -> None:
    text = "drivers:\n- {exec: [a], restart: &r {policy: never}}\n- {exec: [b], restart: {<<: *r, backoff: 2s}}"
    first, second = config.load(text).drivers
    assert (first.restart.policy, second.restart.policy, second.restart.backoff) == ("never", "never", 2.0)


@pytest.mark.parametrize("word", ["false", "off", "no", "none"])
def test_nobody_who_connects_may_provide_devices(word: str) -> None:
    assert config.load(f"listen: [{{tcp: 'localhost:7624', peers: {word}}}]").listen[0].peers == "none"


@pytest.mark.parametrize("text", ["{listen: off}", "{listen: 'off'}", "{listen: null}", "off", "'off'", "false"])
def test_http_is_off(text: str) -> None:
    result = config.load(f"http: {text}")
    assert (result.http.listen, result.http.address) == (None, None)


@pytest.mark.parametrize(
    ("tcp", "address"),
    [("*:7624", (None, 7624)), (":7624", (None, 7624)), ("[::1]:7624", ("::1", 7624)), ("h:0", ("h", 0))],
)
def test_where_a_listener_listens(tcp: str, address: tuple[str | None, int]) -> None:
    assert config.load(f"listen: [{{tcp: '{tcp}'}}]").listen[0].address == address


@pytest.mark.parametrize(
    ("entry", "host", "port", "name"),
    [
        ("{host: dome-b}", "dome-b", 7624, "dome-b:7624"),
        ("{host: 'dome-b:7625'}", "dome-b", 7625, "dome-b:7625"),
        ("{host: dome-b, port: 7625}", "dome-b", 7625, "dome-b:7625"),
        ("{host: '::1'}", "::1", 7624, "[::1]:7624"),
        ("{host: '[::1]'}", "::1", 7624, "[::1]:7624"),
        ("{host: '[::1]:7625'}", "::1", 7625, "[::1]:7625"),
        ("{host: '::1', port: 7625}", "::1", 7625, "[::1]:7625"),
        ("{host: h, device: Main CCD}", "h", 7624, "Main CCD@h:7624"),
    ],
)
def test_how_a_remote_is_addressed(entry: str, host: str, port: int, name: str) -> None:
    (remote,) = config.load(f"remotes: [{entry}]").remotes
    assert (remote.host, remote.port, remote.name) == (host, port, name)


def test_completing_twice_changes_nothing() -> None:
    result = config.load(WHOLE)
    assert config.complete(result) == result


def test_normalised_reads_the_same_and_names_every_default() -> None:
    for text in (WHOLE, "", "drivers: [{exec: [x]}]", "http: {listen: off}", "listen: [{unix: '@x', mode: null}]"):
        result = config.load(text)
        assert config.load(config.normalised(result)) == result
    text = config.normalised(config.load("drivers: [{exec: [x]}]"))
    assert "restart: {policy: always, backoff: 1s, backoff_max: 1m, reset_after: 1m, max_restarts: null}" in text
    assert "queue: 128MiB" in text and "python" not in text


_names = st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"], exclude_characters="/"), min_size=1)
_texts = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"], exclude_characters="\0"))
_milliseconds = st.integers(1, 10**8).map(lambda number: number / 1000.0)
_drivers = st.builds(
    Driver,
    name=_names,
    exec=st.tuples(_texts.filter(bool), _texts),
    env=st.dictionaries(_texts.filter(lambda key: bool(key) and "=" not in key), _texts, max_size=3),
    restart=st.builds(Restart, backoff=st.just(0.001), backoff_max=_milliseconds, reset_after=_milliseconds),
    required=st.booleans(),
)


@given(st.lists(_drivers, max_size=3, unique_by=lambda driver: driver.name), st.integers(1, 1 << 40))
def test_whatever_is_normalised_reads_the_same(drivers: list[Driver], size: int) -> None:
    result = config.complete(Config(name="r", drivers=tuple(drivers), limits=Limits(blob=size)))
    assert config.load(config.normalised(result)) == result


@given(st.text(max_size=200) | st.text("{}[]:,&*!|>-#'\" \nabc12", max_size=80))
def test_any_text_is_a_configuration_or_an_error(text: str) -> None:
    try:
        config.load(text)
    except ConfigError as error:
        assert str(error)


_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=8,
)
_entries = st.dictionaries(st.sampled_from((*Driver.__struct_fields__, *Remote.__struct_fields__)), _values)


@given(_entries | _values)
def test_any_json_is_an_entry_or_an_error(entry: object) -> None:
    for read in (config.driver, config.remote):
        try:
            read(entry)
        except ConfigError as error:
            assert str(error)


def test_an_entry_of_the_api() -> None:
    assert config.driver({"exec": ["/opt/indi_x", "-v"]}, taken={"indi_x"}).name == "indi_x-2"
    assert config.driver({"python": "a.b:c", "name": "d"}).name == "d"
    assert config.remote({"host": "[::1]:7625", "blobs": False}) == Remote(
        host="::1", port=7625, name="[::1]:7625", blobs=False
    )


def test_files_that_are_missing_here(tmp_path: Path) -> None:
    there = tmp_path / "there"
    there.write_text("x")
    listener = f"{{tcp: 'h:1', tls: {{cert: {there}, key: {tmp_path}/no}}}}"
    everything = f"""
http: {{token_file: {tmp_path}}}
listen: [{listener}]
remotes: [{{host: h, tls: {{ca: {tmp_path}/ca}}}}]
"""
    assert [str(error) for error in config.files(config.load(everything))] == [
        f"http.token_file: {tmp_path}: Is a directory",
        f"listen[0].tls.key: {tmp_path}/no: No such file or directory",
        f"remotes[0].tls.ca: {tmp_path}/ca: No such file or directory",
    ]
    assert config.files(config.load(f"http: {{token_file: {there}}}")) == []


def test_a_fifo_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "token")
    assert config.files(config.load(f"http: {{token_file: {tmp_path}/token}}")) == []


def test_what_deserves_a_warning() -> None:
    open_to_all = "listen: [{tcp: '*:1'}, {tcp: '0.0.0.0:2', allow: [10.0.0.0/8]}, {tcp: 'localhost:3'}, {unix: '@x'}]"
    assert config.doubts(config.load(open_to_all)) == [
        "listen[0]: *:1 is open to every network; restrict it with allow or tls.client_ca"
    ]


def test_a_web_manager_that_is_open_is_worth_a_warning() -> None:
    text = "webmanager: {drivers: ['*'], data: /x%s}"
    assert config.doubts(config.load(text % "")) == [
        "webmanager: 0.0.0.0:8624 lets all private networks start programs without a token; restrict it with allow"
    ]
    assert config.doubts(config.load(text % ", allow: [10.0.0.0/8]")) == []
    assert config.doubts(config.load(text % ", listen: '127.0.0.1:8624'")) == []
    assert config.doubts(config.load(text % ", listen: off")) == []
    assert config.doubts(config.load("webmanager: {drivers: ['*'], listen: 'localhost:8624'}")) == [
        "webmanager: profiles are lost when the router ends; set data to keep them"
    ]


def test_a_host_in_brackets_is_an_ipv6_address() -> None:
    """Found by fuzzing: `[:os]` was taken, and could not be read again once it was normalised."""
    with pytest.raises(ConfigError, match="is not an address"):
        config.load("remotes: [{host: '[:os]'}]")
    assert config.load("remotes: [{host: '[::1]'}]").remotes[0].host == "::1"
