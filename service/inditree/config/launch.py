"""Tells how a front end (serve, indiserver, IPyServer) wants its server run, beyond the configuration."""

from __future__ import annotations

from collections.abc import Callable

from msgspec import Struct

from inditree.config.structs import Config


class Launch(Struct, frozen=True):
    """The way in which a server is run; the defaults are those of a Server made in Python.

    reread             reads the configuration anew (SIGHUP), flags and variables laid over it; raises ConfigError.
                       None: there is nothing to read
    file               the configuration file, watched where it is mounted into a container
    ends_with_drivers  exit 1 when the last driver has ended for good and there is no link: links try for ever
    http_may_fail      a taken HTTP port is only a warning
    log_traffic        elements are logged at DEBUG, of every peer
    traffic            names of the drivers, remotes and listeners whose elements are logged at DEBUG
    keepalive          seconds of silence after which clients get a message, None from it: never (asked each second)
    skips_text         text between the elements of a client is skipped and counted, as the peers of a face do; else it
                       closes the client
    web                listeners have a web endpoint where their entry does not say otherwise
    streams            bytes that may wait for one peer before frames of streams are dropped, ahead of others; None:
                       they are images like others
    signals            SIGTERM and SIGINT stop it (a second one kills), SIGHUP reloads; where there is nothing to read
                       it stops it as well, unless it is ignored
    """

    reread: Callable[[], Config] | None = None
    file: str | None = None
    ends_with_drivers: bool = False
    http_may_fail: bool = False
    streams: int | None = None
    log_traffic: bool = False
    traffic: frozenset[str] = frozenset()
    keepalive: Callable[[], float | None] | None = None
    skips_text: bool = False
    web: bool = False
    signals: bool = False
