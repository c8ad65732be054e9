"""Routers that DNS tells of: SRV, A and AAAA records become remotes."""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import re
import time
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass

from dns.exception import DNSException

from inditree.config import Dns, Remote
from inditree.config.structs import INDI_PORT
from inditree.config.units import join
from inditree.discovery.own import Own, Place, own_places
from inditree.discovery.records import Answer, Question, Round, Unknown, resolver
from inditree.supervise import grown
from inditree.tasks import Tasks

_logger = logging.getLogger("inditree.discovery")

SERVICE = "_indi._tcp."
"""The prefix of a name in its SRV record (RFC 2782); Kubernetes makes it of a port that is named `indi`."""

REMOTES_MAX = 256
"""Routers that one name may give: as many as a listener takes connections. More is a mistake in the zone."""

_HOST = re.compile(r"[a-z0-9_]([a-z0-9_.-]{0,251}[a-z0-9_])?")


@dataclass(frozen=True, slots=True)
class Pace:
    """Seconds. An answer holds for its TTL, within `shortest` and `longest`.

    For `early` seconds after the start, and after each answer that is another than before, the next look is after
    `shortest`, whatever the TTL says: pods start together, and a name server tells of them one by one. So it is while
    an answer is partial: it is empty, or one of the questions behind it had no answer. Where nobody answers at all the
    next try is after `retry`, doubled up to `retry_longest`.
    """

    shortest: float = 5.0
    longest: float = 300.0
    early: float = 120.0
    retry: float = 1.0
    retry_longest: float = 30.0
    timeout: float = 5.0

    def wait(self, ttl: float | None, soon: bool) -> float:
        """Gives the seconds until the next look after an answer."""
        longest = self.shortest if soon else self.longest
        return max(self.shortest, min(longest, longest if ttl is None else ttl))

    def wait_again(self, failures: int, soon: bool = False) -> float:
        """After this many looks in a row in which a question had no answer."""
        longest = min(self.shortest, self.retry_longest) if soon else self.retry_longest
        return grown(min(self.retry, longest), longest, failures)


class DnsDiscovery:
    """Looks up `names` for ever and tells `on_change` of all remotes by name, whenever they are not what they were.

    A name is asked for as it stands (`_indi._tcp.routers.example`: SRV). One without an underscore in front
    (`routers.example`, a headless Service of Kubernetes) is asked for SRV records of `_indi._tcp` and of itself, and
    if it has none for A and AAAA records, with INDI's port. The remote of an SRV record keeps the target's name, which
    the link resolves anew at each try: a pod may come back with another address. `own` gives the places where we
    listen; what leads there is left out. Where no server answers, what was found before stays. Names that are relative
    follow the search list of /etc/resolv.conf; `nameserver` replaces its servers.
    """

    def __init__(
        self,
        names: Sequence[Dns],
        on_change: Callable[[dict[str, Remote]], None],
        own: Callable[[], Iterable[Place]],
        *,
        nameserver: tuple[str, int] | None = None,
        pace: Pace | None = None,
    ) -> None:
        self._names = tuple(dict.fromkeys(each.name for each in names))
        self._on_change = on_change
        self._own = own
        self._nameserver = nameserver
        self._pace = pace or Pace()
        self._found: dict[str, dict[str, Remote]] = {}
        self._told: dict[str, Remote] = {}
        self._running: list[asyncio.Task[None]] = []

    def start(self, tasks: Tasks) -> None:
        """Begin to look; returns at once."""
        for name in self._names:
            look = _Look(name, self._pace, self._nameserver, self._own)
            self._running.append(tasks.start(self._follow(look), f"dns {name}"))

    async def stop(self) -> None:
        """Look no more. What was found stays with whom it was told."""
        running, self._running = self._running, []
        for task in running:
            task.cancel()
        if running:
            await asyncio.wait(running)

    async def _follow(self, look: _Look) -> None:
        while True:
            found: dict[str, Remote] | None = None
            try:
                found = await look.again()
            except Exception as error:  # what nobody thought of, in a zone that others write: try again
                look.failed(f"{type(error).__name__}: {error}")
            if not self._running:
                return  # stopped, and the look-up swallowed it (wait_for of Python 3.11, as the answer came)
            if found is not None:
                self._take(look.name, found)
            await asyncio.sleep(look.wait)

    def _take(self, name: str, found: dict[str, Remote]) -> None:
        self._found[name] = found
        merged: dict[str, Remote] = {}
        for each in self._names:
            merged |= self._found.get(each, {})
        if merged == self._told:
            return
        words = [f"+{key}" for key in merged if key not in self._told]
        words += [f"-{key}" for key in self._told if key not in merged]
        _logger.info("dns %s: %s", name, " ".join(words), extra={"event": "discovered"})
        self._told = merged
        self._on_change(dict(merged))


class _Look:
    """The remotes of one name, and `wait`: the seconds until it is worth looking again."""

    def __init__(
        self,
        name: str,
        pace: Pace,
        nameserver: tuple[str, int] | None,
        own: Callable[[], Iterable[Place]],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.name = name
        self.wait = 0.0
        self._pace = pace
        self._nameserver = nameserver
        self._own = own
        self._known: dict[Question, Answer] = {}
        self._failures = 0
        self._found: dict[str, Remote] | None = None
        self._early_until = clock() + pace.early
        self._clock = clock

    async def again(self) -> dict[str, Remote] | None:
        """The remotes; None: not known."""
        try:
            questions = Round(resolver(self._nameserver, self._pace.timeout), self._known)
        except DNSException as error:  # /etc/resolv.conf names no server
            self.failed(str(error))
            return None
        found = await self._remotes(questions)
        # Answers to questions that were not asked any more are forgotten, once there is a whole set of others.
        self._known = questions.answers if found is not None else self._known | questions.answers
        if found is not None and found != self._found:
            self._found, self._early_until = found, self._clock() + self._pace.early
        if questions.failures:
            self.failed(questions.failures[0], partial=found is not None)
            return found
        if self._failures:
            _logger.info("dns %s: answered again", self.name, extra={"event": "discovery_recovered"})
        self._failures = 0
        self.wait = self._pace.wait(questions.ttl, not found or self._early)
        return found

    @property
    def _early(self) -> bool:
        return self._clock() < self._early_until

    async def _remotes(self, questions: Round) -> dict[str, Remote] | None:
        try:
            places = await _places(questions, self.name)
        except Unknown:
            return None
        return _remotes(await _elsewhere(questions, _bounded(self.name, places), await own_places(self._own())))

    def failed(self, text: str, partial: bool = False) -> None:
        """Wait, longer each time, and say it once. `partial`: other questions of this look were answered."""
        self._failures += 1
        self.wait = self._pace.wait_again(self._failures, partial or self._early)
        level = logging.WARNING if self._failures == 1 else logging.DEBUG
        extra = {"event": "discovery_failed"}
        _logger.log(level, "dns %s: keeping what was found before: %s", self.name, text, extra=extra)


async def _places(questions: Round, name: str) -> list[tuple[str, int]]:
    """Hosts and ports that a name stands for. Raises Unknown."""
    if not name.startswith("_") and (found := _targets(name, await questions.ask(SERVICE + name, "SRV"))):
        return found
    if found := _targets(name, await questions.ask(name, "SRV")):
        # Kubernetes gives a Service's own name an SRV record for each of its ports.
        indi = [place for place in found if place[1] == INDI_PORT]
        return indi if indi and not name.startswith("_") else found
    if name.startswith("_"):
        return []
    return [(address, INDI_PORT) for address in await questions.addresses(name)]


def _targets(name: str, records: Iterable[object]) -> list[tuple[str, int]]:
    """The targets of SRV records. Priority and weight choose among equals; here each is a router of its own."""
    found = set()
    for each in records:
        host = each.target.to_text(omit_final_dot=True).lower()  # type: ignore[attr-defined]
        port = each.port  # type: ignore[attr-defined]
        if host == ".":
            continue  # RFC 2782: decidedly not there
        if not _HOST.fullmatch(host) or not port:
            _logger.warning("dns %s: no server can be at %s port %s", name, host, port, extra={"event": "dns_wrong"})
            continue
        found.add((host, port))
    return sorted(found)


async def _elsewhere(questions: Round, places: Collection[tuple[str, int]], own: Own) -> list[tuple[str, int]]:
    """The places without us. A name that also leads elsewhere is replaced by the addresses that do."""
    result: list[tuple[str, int]] = []
    for host, port in places:
        if not own.may_be(port):
            result.append((host, port))
            continue
        try:
            addresses = (host,) if _is_address(host) else await questions.addresses(host + ".")
        except Unknown:
            addresses = ()  # the link tries, and its introduction tells it if it has met itself
        if not any(own.is_own(address, port) for address in addresses):
            result.append((host, port))
        else:
            result += [(address, port) for address in own.others(addresses, port)]
    return result


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _bounded(name: str, places: list[tuple[str, int]]) -> list[tuple[str, int]]:
    """Cuts the places to so many before anything is asked about them: a zone may name thousands."""
    if len(places) > REMOTES_MAX:
        text = "dns %s: found %s routers, using %s"
        _logger.warning(text, name, len(places), REMOTES_MAX, extra={"event": "dns_wrong"})
    return places[:REMOTES_MAX]


def _remotes(places: Sequence[tuple[str, int]]) -> dict[str, Remote]:
    kept = [(join(host, port), host, port) for host, port in places[:REMOTES_MAX]]
    return {key: Remote(host=host, port=port, name=key) for key, host, port in kept}
