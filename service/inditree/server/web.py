"""The web endpoints of the listeners: made with them, closed with them."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from inditree.core import Peer
from inditree.ops.model import Status
from inditree.ops.shown import Shown
from inditree.transport.engine import Engine
from inditree.transport.listener import Listener
from inditree.transport.visitors import Visitor

if TYPE_CHECKING:
    from inditree.web.endpoint import WebEndpoint
    from inditree.web.nights import Nights


class WebEndpoints:
    """The web endpoints of one router. `default`: listeners that do not say have one. `snapshot` gives the status.

    `recorded` says what the record is, of which devices HTTP may speak, and whether to whom has the token only; None
    where there is no record.
    """

    def __init__(
        self,
        engine: Engine,
        service: str,
        default: bool,
        snapshot: Callable[[Callable[[str], bool]], Status],
        recorded: Callable[[], tuple[Path, tuple[str, ...], bool] | None],
    ) -> None:
        self._engine = engine
        self._service = service
        self._default = default
        self._snapshot = snapshot
        self._recorded = recorded
        self._attached: dict[Listener, None] = {}
        self._endpoints: dict[Listener, WebEndpoint] = {}  # those that somebody has visited
        self.nights: Nights | None = None

    def attach(self, listener: Listener) -> None:
        """Give a listener its endpoint, where it is to have one. To be called before it takes connections."""
        config = listener.config
        if config.tcp is not None and (self._default if config.web is None else config.web):
            self._attached[listener] = None
            listener.web = partial(self._visit, listener)

    def load(self) -> None:
        """Load what the endpoints need, beside the loop, before the first visitor comes: it is a tenth of a start."""
        if self._attached:
            with contextlib.suppress(RuntimeError):  # no thread can be had now: the first visitor waits for it
                threading.Thread(
                    target=import_module, args=("inditree.web.endpoint",), name="load", daemon=True
                ).start()

    def _visit(self, listener: Listener, visitor: Visitor) -> None:
        endpoint = self._endpoints.get(listener)
        if endpoint is None:
            endpoint = self._endpoints[listener] = self._new_endpoint(listener)
        endpoint.visit(visitor)

    def _new_endpoint(self, listener: Listener) -> WebEndpoint:
        from inditree.web.endpoint import WebEndpoint
        from inditree.web.nights import Nights
        from inditree.web.origins import own_names

        if self.nights is None:
            self.nights = Nights(self._recorded)
        names = own_names(self._service, socket.gethostname())
        return WebEndpoint(self._engine, listener, self._service, names, self._status, self.nights)

    def detach(self, listener: Listener) -> None:
        """The listener is gone: its plain connections end, its images are given up."""
        self._attached.pop(listener, None)
        endpoint = self._endpoints.pop(listener, None)
        if endpoint is not None:
            endpoint.close()

    def close(self) -> None:
        """The router ends."""
        for listener in list(self._attached):
            self.detach(listener)
        if self.nights is not None:
            self.nights.close()

    def urls(self) -> list[str]:
        """Says where a browser finds them."""
        return [url(listener) for listener in self._attached]

    def counts(self) -> dict[str, int]:
        """Counts the connections of each kind: page, json, xml, image."""
        found = dict.fromkeys(("page", "json", "xml", "image"), 0)
        for endpoint in self._endpoints.values():
            for kind, count in endpoint.counts().items():
                found[kind] += count
        return found

    def _status(self, peer: Peer) -> bytes:
        recorded = self._recorded()
        locked = recorded is not None and recorded[2]
        shown = visible(self._snapshot(Shown(peer.policy.devices)), peer.policy.listener, peer.policy.devices, locked)
        return msgspec.json.encode({"status": shown})


def url(listener: Listener) -> str:
    """Give the address that people type: localhost where it listens on all addresses."""
    host = listener.config.address[0] or "localhost"
    scheme = "https" if listener.config.tls is not None else "http"
    return f"{scheme}://{f'[{host}]' if ':' in host else host}:{listener.port}/"


def visible(status: Status, listener: str, patterns: tuple[str, ...], locked: bool = False) -> Status:
    """Give the status as far as a listener shows it: itself, and what has to do with the devices that fit.

    Where the record is on the disk, and what is wrong in the configuration, is shown to nobody here; nor when the
    record begins, where it is `locked`: then no night can be had here.
    """
    record = status.record and msgspec.structs.replace(status.record, dir="")
    shown = msgspec.structs.replace(
        status,
        listeners=tuple(row for row in status.listeners if row.name == listener),
        record=msgspec.structs.replace(record, oldest=None) if record and locked else record,
        reload_refused=None,
    )
    if patterns == ("*",):
        return shown
    fits = Shown(patterns)

    def some(devices: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(filter(fits, devices))

    return msgspec.structs.replace(
        shown,
        drivers=tuple(
            msgspec.structs.replace(row, devices=some(row.devices), last_error=None)
            for row in status.drivers
            if some(row.devices)
        ),
        remotes=tuple(
            msgspec.structs.replace(row, devices=some(row.devices), last_error=None)
            for row in status.remotes
            if some(row.devices)
        ),
        devices=tuple(row for row in status.devices if fits(row.name)),
        conflicts=tuple(row for row in status.conflicts if fits(row.device)),
        not_ready={name: reason for name, reason in status.not_ready.items() if fits(name)},
        interlocks=fits.interlocks(status.interlocks),
        reactions=fits.reactions(status.reactions),
    )
