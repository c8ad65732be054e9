"""Durations, sizes and addresses."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inditree.config import units


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("500ms", 0.5), ("3ms", 0.003), ("10s", 10.0), ("1.5s", 1.5), ("5m", 300.0), ("1h", 3600.0), (" 2 s ", 2.0)],
)
def test_durations(text: str, seconds: float) -> None:
    assert units.duration(text) == seconds


@pytest.mark.parametrize("text", ["10", "", "s", "-1s", "1w", "1 m 30 s", "1e3s", "１s", "1S", "inf s", "9" * 16 + "s"])
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(ValueError, match="is not a duration"):
        units.duration(text)


@pytest.mark.parametrize(
    ("text", "size"), [("512B", 512), ("64KiB", 65536), ("1.5MiB", 1572864), ("1GiB", 1 << 30), ("1 MiB", 1 << 20)]
)
def test_sizes(text: str, size: int) -> None:
    assert units.size(text) == size


@pytest.mark.parametrize("text", ["1024", "1MB", "1kB", "1mib", "", "MiB", "-1MiB"])
def test_what_is_no_size(text: str) -> None:
    with pytest.raises(ValueError, match="is not a size"):
        units.size(text)


@given(st.integers(0, 10**9))
def test_a_duration_survives_being_written(milliseconds: int) -> None:
    seconds = milliseconds / 1000.0
    assert units.duration(units.duration_text(seconds)) == seconds


@given(st.integers(0, 1 << 45))
def test_a_size_survives_being_written(size: int) -> None:
    assert units.size(units.size_text(size)) == size


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("localhost:7624", ("localhost", 7624)),
        ("0.0.0.0:0", ("0.0.0.0", 0)),
        ("[::1]:7624", ("::1", 7624)),
        ("[fe80::1%eth0]:7624", ("fe80::1%eth0", 7624)),
        ("*:7624", ("*", 7624)),
        (":7624", ("*", 7624)),
    ],
)
def test_addresses(text: str, address: tuple[str, int]) -> None:
    assert units.address(text) == address
    assert units.address(units.join(*address)) == address


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("localhost", "'localhost' has no port (host:port, [::1]:port)"),
        ("::1", "'::1' has no port (host:port, [::1]:port)"),
        ("[::1]", "'[::1]' has no port (host:port, [::1]:port)"),
        ("[::1]7624", "'[::1]7624' is not an address (host:port, [::1]:port)"),
        ("[::1", "'[::1' is not an address (host:port, [::1]:port)"),
        ("[host]:7624", "'[host]:7624' is not an address (host:port, [::1]:port)"),
        ("localhost:", "'localhost:' is not an address (host:port, [::1]:port)"),
        ("localhost:indi", "'indi' is not a port (0 to 65535)"),
        ("localhost:65536", "'65536' is not a port (0 to 65535)"),
        ("localhost:-1", "'-1' is not a port (0 to 65535)"),
        ("a host:7624", "'a host' is not a host"),
    ],
)
def test_what_is_no_address(text: str, message: str) -> None:
    with pytest.raises(ValueError) as caught:
        units.address(text)
    assert str(caught.value) == message


@pytest.mark.parametrize("text", ["a..b", ".a", "a" * 64 + ".example", "ä" * 64])
def test_a_name_that_cannot_be_looked_up_is_no_host(text: str) -> None:
    with pytest.raises(ValueError, match="is not a host"):
        units.host(text)


@pytest.mark.parametrize("text", ["a" * 63 + ".example.", "_indi._tcp.example.org", "kühlung.example", "fe80::1%eth0"])
def test_what_is_a_host(text: str) -> None:
    assert units.host(text) == text


@pytest.mark.parametrize(
    ("host", "reached"),
    [("*", "127.0.0.1"), ("0.0.0.0", "127.0.0.1"), ("::", "::1"), ("192.0.2.1", "192.0.2.1"), ("dome-b", "dome-b")],
)
def test_a_wildcard_is_reached_over_loopback(host: str, reached: str) -> None:
    assert units.reachable(host) == reached
