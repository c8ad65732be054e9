"""Who may connect to a listener, and by what rules."""

from __future__ import annotations

import pytest

from inditree.config import Listen, Rule
from inditree.transport.admission import Admission


def listen(**keys: object) -> Listen:
    return Listen(tcp="*:7624", name="main", **keys)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("host", "admitted"),
    [
        ("192.168.7.9", True),
        ("::ffff:192.168.7.9", True),
        ("192.168.8.9", False),
        ("fe80::1%eth0", True),
        ("2001:db8::1", False),
    ],
)
def test_who_is_in_allow(host: str, admitted: bool) -> None:
    admission = Admission(listen(allow=("192.168.7.1/24", "fe80::/10")))
    refused = admission.refuses((host, 40000), 0)
    assert refused == (None if admitted else ("access", "the address is not in `allow`"))


def test_all_may_come_where_nothing_is_said() -> None:
    assert Admission(listen()).refuses(("2001:db8::1", 1), 0) is None


def test_so_many_in_all() -> None:
    admission = Admission(listen(max_connections=2))
    assert admission.refuses("", 1) is None
    assert admission.refuses("", 2) == ("limit", "2 connections are open (max_connections)")


def test_so_many_from_one_address() -> None:
    admission = Admission(listen(), per_address=2)
    for _ in range(2):
        assert admission.refuses(("10.0.0.1", 1), 0) is None
        admission.came("10.0.0.1")
    text = "2 connections from this address (limits.connections_per_address)"
    assert admission.refuses(("10.0.0.1", 1), 2) == ("limit", text)
    assert admission.refuses(("10.0.0.2", 1), 2) is None
    admission.left("10.0.0.1")
    assert admission.refuses(("10.0.0.1", 1), 1) is None


def test_the_first_rule_that_fits_the_subject_counts() -> None:
    rules = (Rule(subject="CN=anna*", devices=("CCD",)), Rule(subject="CN=*", access="read-only", devices=("Dome",)))
    admission = Admission(listen(rules=rules, delivery="lossless"))
    anna, other = admission.policy("CN=anna,O=hut"), admission.policy("CN=bert")
    assert (anna.read_only, anna.devices) == (False, ("CCD",))
    assert (other.read_only, other.devices) == (True, ("Dome",))
    for subject in (None, "O=hut"):
        policy = admission.policy(subject)
        assert (policy.read_only, policy.devices, policy.lossless, policy.listener) == (False, ("*",), True, "main")


@pytest.mark.parametrize(
    ("first", "second", "one_site"),
    [
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff::9", True),
        ("2001:db8:1:2::1", "2001:db8:1:3::1", False),
        ("fe80::1%eth0", "fe80::2%eth0", True),
        ("::ffff:10.0.0.1", "10.0.0.1", True),
        ("::ffff:10.0.0.1", "::ffff:10.0.0.2", False),
    ],
)
def test_a_network_of_ipv6_is_one_address(first: str, second: str, one_site: bool) -> None:
    """Of a /64 any machine has all addresses."""
    admission = Admission(listen(), per_address=1)
    admission.came(first)
    assert (admission.refuses((second, 1, 0, 0), 1) is not None) == one_site
    admission.left(first)
    assert admission.refuses((second, 1, 0, 0), 0) is None
