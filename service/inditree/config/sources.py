"""Flags and variables over a file: a flag beats a variable, a variable beats the file, a list replaces the list."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import TypeVar, get_args

from msgspec import Struct
from msgspec.structs import asdict, replace

from inditree.config import units, words
from inditree.config.check import complete, control_socket
from inditree.config.convert import parsed as parsed
from inditree.config.load import read
from inditree.config.structs import DEFAULT_SOCKET, Config, ControlSocket, Driver, Level, Listen, Remote
from inditree.errors import ConfigError

_T = TypeVar("_T")


class Overlay(Struct, frozen=True):
    """Settings by flags or variables; None: not said. `host`, `port`, `max_connections`: the first TCP listener's.

    `http_off` and `socket_off` are their own: `http` and `socket` None say nothing.
    """

    host: str | None = None
    port: int | None = None
    max_connections: int | None = None
    http: str | None = None
    http_off: bool = False
    token_file: str | None = None
    socket: str | None = None
    socket_off: bool = False
    drivers: tuple[Driver, ...] | None = None
    remotes: tuple[Remote, ...] | None = None
    log_level: str | None = None
    log_format: str | None = None

    @property
    def control(self) -> ControlSocket | None:
        """The control socket that it asks for, or its absence; None: it says nothing."""
        if self.socket_off or self.socket is not None:
            return ControlSocket(socket=None if self.socket_off else self.socket)
        return None

    def over(self, lower: Overlay) -> Overlay:
        """Both, where this one wins."""
        below = asdict(lower)
        result = {key: below[key] if value is None else value for key, value in asdict(self).items()}
        result["http_off"] = self.http_off or (self.http is None and lower.http_off)
        result["socket_off"] = self.socket_off or (self.socket is None and lower.socket_off)
        return Overlay(**result)


class Sources(Struct, frozen=True):
    """Says where a configuration comes from; `load` reads the file anew each time, which is what a reload does."""

    file: str | None = None
    flags: Overlay = Overlay()
    variables: Overlay = Overlay()

    def load(self) -> Config:
        """The complete configuration. Raises ConfigError."""
        config = self._read()
        if self.flags.port is not None and not _has_tcp(config):
            raise ConfigError("--port", "the configuration has no TCP listener")
        if self.flags.host is not None and not _has_tcp(config):
            raise ConfigError("--host", "the configuration has no TCP listener")
        overlay = self.flags.over(self.variables)
        try:
            return complete(apply(config, overlay))
        except ConfigError as error:
            section = error.path.split("[")[0]
            replaced = section in ("drivers", "remotes") and getattr(overlay, section) is not None
            raise (error.within(self.file) if self.file and not replaced else error) from None

    def _read(self) -> Config:
        if not self.file:
            return Config()
        try:
            return read(self.file)
        except ConfigError as error:
            raise error.within(self.file) from None


def apply(config: Config, overlay: Overlay) -> Config:
    """The configuration with what the overlay says; names are not filled in. Without a TCP listener its keys rest."""
    http = config.http
    if overlay.http_off or overlay.http is not None:
        http = replace(http, listen=None if overlay.http_off else overlay.http)
    if overlay.token_file is not None:
        http = replace(http, token_file=overlay.token_file)
    control = config.control if (said := overlay.control) is None else said
    log = replace(config.log, **_given(level=overlay.log_level, format=overlay.log_format))
    lists = _given(drivers=overlay.drivers, remotes=overlay.remotes)
    return replace(config, http=http, control=control, log=log, listen=_listen(config.listen, overlay), **lists)


def _given(**values: object) -> dict[str, object]:
    return {key: value for key, value in values.items() if value is not None}


def _has_tcp(config: Config) -> bool:
    return any(entry.tcp is not None for entry in config.listen)


def _listen(listeners: tuple[Listen, ...], overlay: Overlay) -> tuple[Listen, ...]:
    result = list(listeners)
    for index, entry in enumerate(result):
        if entry.tcp is None:
            continue
        if overlay.host is not None or overlay.port is not None:
            result[index] = entry = replace(entry, tcp=_moved(entry.tcp, f"listen[{index}].tcp", overlay))
        result[index] = replace(entry, **_given(max_connections=overlay.max_connections))
        break
    return tuple(result)


def _moved(tcp: str, path: str, overlay: Overlay) -> str:
    host, port = parsed(tcp, path, units.address)
    return units.join(
        host if overlay.host is None else overlay.host,
        port if overlay.port is None else overlay.port,
    )


def variables(environ: Mapping[str, str]) -> Overlay:
    """The settings made by INDITREE_* variables; empty ones say nothing. Raises ConfigError that names the variable."""
    said = {key: value.strip() for key, value in environ.items() if key.startswith("INDITREE_") and value.strip()}
    if said.get("INDITREE_PORT", "").startswith("tcp://"):
        del said["INDITREE_PORT"]  # Kubernetes says so where a Service is called inditree: an address, not a wish
    drivers, remotes = entries(
        re.split(r"[;\n]", said.get("INDITREE_DRIVERS", "")), said.get("INDITREE_REMOTES", "").split(",")
    )
    http, socket = said.get("INDITREE_HTTP"), said.get("INDITREE_SOCKET")
    return Overlay(
        host=_word(said, "INDITREE_HOST", listening_host),
        port=_word(said, "INDITREE_PORT", units.port),
        http=None if http == "off" else _word(said, "INDITREE_HTTP", listening_address),
        http_off=http == "off",
        token_file=said.get("INDITREE_TOKEN_FILE"),
        socket=None if socket == "off" else _word(said, "INDITREE_SOCKET", socket_place),
        socket_off=socket == "off",
        drivers=drivers,
        remotes=remotes,
        log_level=_word(said, "INDITREE_LOG_LEVEL", log_level),
        log_format=_word(said, "INDITREE_LOG_FORMAT", log_format),
    )


def _word(said: Mapping[str, str], name: str, parse: Callable[[str], _T]) -> _T | None:
    return parsed(said[name], name, parse) if name in said else None


def entries(
    driver_words: Iterable[str],
    remote_words: Iterable[str],
    driver_path: str = "INDITREE_DRIVERS",
    remote_path: str = "INDITREE_REMOTES",
) -> tuple[tuple[Driver, ...] | None, tuple[Remote, ...] | None]:
    """Two lists of words as drivers and remotes; a remote may stand in either. None: no word of that kind."""
    both = [parsed(word, driver_path, words.driver_or_remote) for word in driver_words if word.strip()]
    remotes = [entry for entry in both if isinstance(entry, Remote)]
    remotes += [parsed(word, remote_path, words.remote) for word in remote_words if word.strip()]
    return tuple(entry for entry in both if isinstance(entry, Driver)) or None, tuple(remotes) or None


def web_wanted(environ: Mapping[str, str]) -> bool:
    """Have listeners a web endpoint where another server's place is taken, by INDITREE_WEB? Raises ConfigError."""
    said = environ.get("INDITREE_WEB") or "off"
    if said not in ("on", "off"):
        raise ConfigError("INDITREE_WEB", f"{said!r} is not on or off")
    return said == "on"


def listening_host(text: str) -> str:
    """A host to listen on, as it stands in an address; `[::1]` and `::1` are the same."""
    name = text[1:-1] if text.startswith("[") and text.endswith("]") else text
    return "*" if name in ("", "*") else units.host(name)


def listening_address(text: str) -> str:
    """`host:port` to listen on."""
    return units.join(*units.address(text))


def socket_place(text: str) -> str:
    """A path for the control socket, or `default`."""
    return text if text == DEFAULT_SOCKET else control_socket(text)


def log_level(text: str) -> str:
    """A level in any case, as environments write it."""
    return _choice(text.lower(), get_args(Level))


def log_format(text: str) -> str:
    """`text` or `json`."""
    return _choice(text, ("text", "json"))


def _choice(text: str, choices: tuple[str, ...]) -> str:
    if text not in choices:
        raise ValueError(f"{text!r} is not one of {', '.join(choices)}")
    return text
