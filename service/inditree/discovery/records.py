"""Questions to DNS, and what is still believed where nobody answers.

dnspython asks. It is pure Python and speaks asyncio, so it needs no thread and no compiled wheel, and it tells what
getaddrinfo cannot: SRV records, how long an answer holds, and whether a name does not exist or no server answered,
which must never look alike.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import dns.asyncresolver
import dns.exception
import dns.resolver

ANSWER_SIZE = 1232
"""Bytes of an answer over UDP that no network cuts (the DNS flag day of 2020); longer ones come over TCP."""

Question = tuple[str, str]
"""A name and a type of record."""


class Unknown(Exception):
    """No server answered, and none has answered this before."""


@dataclass(frozen=True, slots=True)
class Answer:
    """Records, none where there are none, and the seconds for which that holds (None: nobody said)."""

    records: tuple[Any, ...]
    ttl: float | None


def resolver(nameserver: tuple[str, int] | None, timeout: float) -> dns.asyncresolver.Resolver:
    """A resolver that asks this server, or those of /etc/resolv.conf as it is now. Raises DNSException without any."""
    made = dns.asyncresolver.Resolver(configure=nameserver is None)
    if nameserver is not None:
        made.nameservers = [nameserver[0]]
        made.port = nameserver[1]
    made.lifetime = timeout
    made.timeout = timeout / 2  # so that a lost packet gets a second try
    made.use_edns(0, 0, ANSWER_SIZE)
    return made


class Round:
    """The questions of one look. `known` are the answers of the look before: they hold where nobody answers now."""

    def __init__(self, resolver: dns.asyncresolver.Resolver, known: Mapping[Question, Answer]) -> None:
        self.answers: dict[Question, Answer] = {}
        self.failures: list[str] = []
        self._resolver = resolver
        self._known = known

    async def ask(self, name: str, kind: str) -> tuple[Any, ...]:
        """Look up the records of a name; none where the name or the type is not there. Raises Unknown."""
        try:
            answer = await self._ask(name, kind)
        except dns.exception.DNSException as error:
            self.failures.append(f"{kind} {name}: {_told(error)}")
            known = self._known.get((name, kind))
            if known is None:
                raise Unknown from None
            answer = Answer(known.records, None)
        self.answers[name, kind] = answer
        return answer.records

    async def _ask(self, name: str, kind: str) -> Answer:
        try:
            found = await self._resolver.resolve(name, kind, search=True, raise_on_no_answer=False)
        except dns.resolver.NXDOMAIN as error:
            chains = [each.resolve_chaining() for each in error.responses().values()]  # type: ignore[no-untyped-call]
            return Answer((), min((chain.minimum_ttl for chain in chains), default=None))
        return Answer(tuple(found.rrset or ()), found.chaining_result.minimum_ttl)

    async def addresses(self, name: str) -> tuple[str, ...]:
        """IPv4 first. A family that nobody tells of, now or before, takes nothing from the other."""
        found: list[str] = []
        unknown = 0
        for kind in ("A", "AAAA"):
            try:
                found += sorted(each.address for each in await self.ask(name, kind))
            except Unknown:
                unknown += 1
        if unknown and not found:
            raise Unknown
        return tuple(found)

    @property
    def ttl(self) -> float | None:
        """Gives the seconds for which all of it holds."""
        return min((each.ttl for each in self.answers.values() if each.ttl is not None), default=None)


def _told(error: dns.exception.DNSException) -> str:
    if isinstance(error, dns.exception.Timeout):
        return "no answer in time"
    text = str(error).split("\n")[0]
    return text if len(text) <= 200 else text[:197] + "..."
