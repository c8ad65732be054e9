"""Which addresses are our own, and what is believed where only half of an answer comes."""

from __future__ import annotations

import asyncio

import dns.exception
import dns.name
import pytest

from inditree.discovery.dns import REMOTES_MAX, Pace, _Look
from inditree.discovery.own import Own, Place, local_addresses, own_places
from inditree.discovery.records import Answer, Question, Round, Unknown, resolver

LOCAL = frozenset({"127.0.0.1", "::1", "10.0.0.5", "fe80::5"})


def own(*places: tuple[str, int]) -> Own:
    return Own(frozenset(places), LOCAL)


@pytest.mark.parametrize(
    ("listening", "address", "port", "is_own"),
    [
        ("0.0.0.0", "10.0.0.5", 7624, True),
        ("0.0.0.0", "127.0.0.9", 7624, True),
        ("0.0.0.0", "10.0.0.6", 7624, False),
        ("0.0.0.0", "10.0.0.5", 7625, False),
        ("0.0.0.0", "::1", 7624, False),
        ("::", "::1", 7624, True),
        ("10.0.0.5", "10.0.0.5", 7624, True),
        ("10.0.0.5", "127.0.0.1", 7624, False),
        ("127.0.0.1", "127.0.0.2", 7624, False),
    ],
)
def test_what_leads_back_to_us(listening: str, address: str, port: int, is_own: bool) -> None:
    assert own((listening, 7624)).is_own(address, port) is is_own


def test_of_a_name_that_leads_here_and_elsewhere_the_rest_is_left() -> None:
    ours = own(("0.0.0.0", 7624))
    assert ours.others(("10.0.0.5", "fe80::5", "10.0.0.6"), 7624) == ("10.0.0.6",)
    assert ours.may_be(7624) and not ours.may_be(7625)


def test_listeners_are_taken_as_the_configuration_has_them() -> None:
    async def main(*places: Place) -> Own:
        return await own_places(places)

    found = asyncio.run(main((None, 7624), ("localhost", 7625), ("no-such-host.invalid", 7626)))
    assert found.is_own("127.0.0.1", 7624)
    assert found.is_own("127.0.0.1", 7625)
    assert not found.may_be(7626)
    assert "127.0.0.1" in local_addresses()


class Silent(Round):
    """Nobody answers but to `answered`."""

    def __init__(self, known: dict[Question, Answer], answered: dict[Question, Answer]) -> None:
        super().__init__(resolver(("127.0.0.1", 1), 1), known)
        self._answered = answered

    async def _ask(self, name: str, kind: str) -> Answer:
        try:
            return self._answered[name, kind]
        except KeyError:
            raise dns.exception.Timeout from None


class Address:
    def __init__(self, address: str) -> None:
        self.address = address


def answer(address: str, ttl: float | None = 60) -> Answer:
    return Answer((Address(address),), ttl)


def test_a_family_without_answer_takes_nothing_from_the_other() -> None:
    async def main() -> None:
        both = {("x", "A"): answer("192.0.2.1"), ("x", "AAAA"): answer("2001:db8::1")}
        questions = Silent(both, {("x", "A"): answer("192.0.2.2", 10)})
        assert await questions.addresses("x") == ("192.0.2.2", "2001:db8::1")
        assert questions.ttl == 10
        assert questions.failures == ["AAAA x: no answer in time"]
        assert await Silent({}, {("x", "A"): answer("192.0.2.2")}).addresses("x") == ("192.0.2.2",)
        assert await Silent(both, {}).addresses("x") == ("192.0.2.1", "2001:db8::1")
        with pytest.raises(Unknown):
            await Silent({}, {}).addresses("x")
        # The other family has said that it has nothing: that is not all there is to know.
        with pytest.raises(Unknown):
            await Silent({}, {("x", "A"): Answer((), 60)}).addresses("x")

    asyncio.run(main())


class Target:
    """One SRV record."""

    def __init__(self, number: int) -> None:
        self.target = dns.name.from_text(f"pod-{number:04}.example.")
        self.port = 7624


def test_a_zone_that_names_thousands_costs_the_questions_for_those_that_are_taken() -> None:
    """Each is asked for two addresses, one after the other: a server that answers none takes five seconds for each."""

    async def main() -> None:
        service = Answer(tuple(Target(number) for number in range(REMOTES_MAX + 100)), 60)
        questions = Silent({}, {("_indi._tcp.example", "SRV"): service})
        look = _Look("_indi._tcp.example", Pace(), None, lambda: [("127.0.0.1", 7624)])
        found = await look._remotes(questions)
        assert found is not None and len(found) == REMOTES_MAX
        assert len(questions.failures) == 2 * REMOTES_MAX

    asyncio.run(main())
