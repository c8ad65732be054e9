"""Checks that look at several values of a configuration together, and fills in the names that nobody gave.

They look at nothing but the configuration; `files` looks at the disk, `doubts` says what may not have been meant.
"""

from __future__ import annotations

import ipaddress
import os
import re
from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

from msgspec.structs import replace

from inditree.config import units, words
from inditree.config.convert import below, parsed
from inditree.config.structs import (
    DEFAULT_SOCKET,
    Config,
    ControlSocket,
    Driver,
    Http,
    Interlock,
    Listen,
    Reaction,
    Remote,
    Webmanager,
    host_name,
)
from inditree.errors import ConfigError

_Named = TypeVar("_Named", Listen, Driver, Remote, Interlock, Reaction)
#: sun_path holds 108 bytes with the NUL that ends a path (unix(7)); an abstract name begins with one instead.
_UNIX_PATH_MAX = 107


def complete(config: Config) -> Config:
    """The configuration with all names filled in, checked. Raises ConfigError; doing it again changes nothing."""
    for index, listener in enumerate(config.listen):
        _check_listener(listener, f"listen[{index}]")
    for index, entry in enumerate(config.drivers):
        check_driver(entry, f"drivers[{index}]")
    for index, link in enumerate(config.remotes):
        check_remote(link, f"remotes[{index}]")
    _check_rest(config)
    config = replace(
        config,
        name=config.name or host_name(),
        control=_control(config.control),
        listen=_named(config.listen, "listen", lambda listener: listener.tcp or listener.unix or "", numbered=True),
        drivers=_named(config.drivers, "drivers", words.driver_name, numbered=True),
        remotes=_named(config.remotes, "remotes", words.remote_name, numbered=False),
    )
    _check_addresses(config)
    return config


def _named(
    entries: Sequence[_Named], path: str, default: Callable[[_Named], str], *, numbered: bool
) -> tuple[_Named, ...]:
    """The entries with their names. Names that were given come first, so that no default takes one of them."""
    owners: dict[str, int] = {}
    for index, entry in enumerate(entries):
        if entry.name:
            _claim(entry.name, index, owners, path)
    result = []
    for index, entry in enumerate(entries):
        if not entry.name:
            name = words.unique(default(entry), owners) if numbered else default(entry)
            _claim(name, index, owners, path)
            entry = replace(entry, name=name)
        result.append(entry)
    return tuple(result)


def _check_given_names(entries: Sequence[_Named], path: str) -> None:
    owners: dict[str, int] = {}
    for index, entry in enumerate(entries):
        if not entry.name:
            raise ConfigError(f"{path}[{index}].name", "is empty")
        _claim(entry.name, index, owners, path)


def _claim(name: str, index: int, owners: dict[str, int], path: str) -> None:
    check_name(name, f"{path}[{index}]", slash=path == "listen")
    if name in owners:
        raise ConfigError(f"{path}[{index}].name", f"{name!r} is the name of {path}[{owners[name]}] already")
    owners[name] = index


def _check_listener(entry: Listen, path: str) -> None:
    _one_of(entry.tcp, entry.unix, "tcp", "unix", path)
    if entry.tcp is not None:
        parsed(entry.tcp, below(path, "tcp"), units.address)
        for key in ("mode", "owner"):
            if getattr(entry, key) is not None:
                raise ConfigError(below(path, key), "only for a unix path")
    else:
        _check_unix(entry, path)
    for index, network in enumerate(entry.allow):
        parsed(network, f"{path}.allow[{index}]", _network)
    for index, site in enumerate(entry.origins):
        parsed(site, f"{path}.origins[{index}]", _site)
    _check_globs(entry.devices, f"{path}.devices")
    if entry.rules and not (entry.tls and entry.tls.client_ca):
        raise ConfigError(f"{path}.rules", "need tls.client_ca: they go by the client's certificate")
    for index, rule in enumerate(entry.rules):
        _check_globs((rule.subject,), f"{path}.rules[{index}].subject", single=True)
        _check_globs(rule.devices, f"{path}.rules[{index}].devices")


def _site(text: str) -> str:
    """A name of a host, or a whole origin as a browser says it."""
    if not re.fullmatch(r"(https?://)?([\w.-]+|\[[\da-fA-F:]+\])(:\d{1,5})?", text) or (
        "://" not in text and ":" in text
    ):
        raise ValueError(f"{text!r} is neither a host name nor an origin (https://HOST or https://HOST:PORT)")
    return text


def _check_unix(entry: Listen, path: str) -> None:
    assert entry.unix is not None
    if not entry.unix.startswith(("/", "@")) or entry.unix in ("/", "@"):
        raise ConfigError(below(path, "unix"), f"{entry.unix!r} is neither an absolute path nor an @name")
    if len(entry.unix.encode()) > _UNIX_PATH_MAX:
        raise ConfigError(below(path, "unix"), f"longer than {_UNIX_PATH_MAX} bytes")
    for key, value in (("allow", entry.allow), ("tls", entry.tls), ("web", entry.web), ("origins", entry.origins)):
        if value:
            raise ConfigError(below(path, key), "only for tcp")
    for key in ("mode", "owner"):
        if entry.unix.startswith("@") and getattr(entry, key) is not None:
            raise ConfigError(below(path, key), "only for a unix path: an abstract socket has none")
    if entry.owner is not None and not re.fullmatch(r"[^\s:]+(:[^\s:]+)?|:[^\s:]+", entry.owner):
        raise ConfigError(below(path, "owner"), f"{entry.owner!r} is not user, user:group or :group")


def check_driver(entry: Driver, path: str) -> None:
    """One driver by itself."""
    _one_of(entry.exec, entry.python, "exec", "python", path)
    if entry.exec is not None and not (entry.exec and entry.exec[0]):
        raise ConfigError(below(path, "exec"), "names no program")
    if entry.python is not None:
        if not words.is_factory(entry.python):
            raise ConfigError(below(path, "python"), f"{entry.python!r} is not pkg.module:callable")
        for key in ("env", "cwd"):
            if getattr(entry, key):
                raise ConfigError(below(path, key), "only with exec: a factory runs in the router's own process")
    for key in entry.env:
        if not key or "=" in key:
            raise ConfigError(below(path, "env"), f"{key!r} is not the name of a variable")
    if entry.label is not None and not re.fullmatch(r"[^\x00-\x1f\x7f]+", entry.label):
        raise ConfigError(below(path, "label"), f"{entry.label!r} is empty or contains a control character")
    if entry.restart.backoff_max < entry.restart.backoff:
        raise ConfigError(below(path, "restart.backoff_max"), "is less than backoff")
    _check_rename(entry.rename, below(path, "rename"))


def check_remote(entry: Remote, path: str) -> None:
    """One remote by itself."""
    parsed(entry.host, below(path, "host"), units.host)
    if entry.device is not None and (not entry.device or entry.device == "*"):
        raise ConfigError(below(path, "device"), "is empty; leave the key out to take all devices")
    _check_globs(entry.devices, below(path, "devices"))
    _check_rename(entry.rename, below(path, "rename"))
    if entry.tls and (entry.tls.cert is None) != (entry.tls.key is None):
        raise ConfigError(below(path, "tls"), "cert and key belong together")


def _check_rename(rename: dict[str, str], path: str) -> None:
    """Each name in it can stand for one device only, and says what its `*` stands for."""
    patterns: dict[str, str] = {}
    for pattern, name in rename.items():
        _check_globs((pattern,), path, single=True)
        if not name.strip():
            raise ConfigError(path, f"{pattern!r}: the new name is empty")
        if pattern.count("*") > 1 or name.count("*") > 1:
            raise ConfigError(path, f"{pattern!r}: has more than one *")
        if "*" in pattern and "*" not in name:
            raise ConfigError(path, f"{pattern!r} fits many devices, and {name!r} names one: it needs a *")
        if "*" in name and "*" not in pattern:
            raise ConfigError(path, f"{name!r} has a *, but {pattern!r} has none")
        if name in patterns:
            raise ConfigError(path, f"{patterns[name]!r} and {pattern!r} both give the name {name!r}")
        patterns[name] = pattern


def _check_rest(config: Config) -> None:
    check_name(config.name, "")
    if not config.listen:
        raise ConfigError("listen", "is empty: at least one listener is needed")
    _check_http(config.http)
    _check_given_names(config.interlocks, "interlocks")
    _check_given_names(config.reactions, "reactions")
    for index, each in enumerate(config.devices):
        _check_globs((each.device,), f"devices[{index}].device", single=True)
    if config.interlocks or config.devices or config.reactions:
        from inditree.config import observatory  # with all of observatory/, 20 ms of a start that most do without

        observatory.check(config)
    if config.discovery.docker and not config.discovery.docker.label:
        raise ConfigError("discovery.docker.label", "is empty")
    for index, source in enumerate(config.discovery.dns):
        parsed(source.name, f"discovery.dns[{index}].name", units.host)
    for index, pattern in enumerate(config.metrics.properties):
        path = f"metrics.properties[{index}]"
        _check_globs((pattern,), path, single=True)
        if pattern.count(".") < 2 or not all(pattern.rsplit(".", 2)):
            raise ConfigError(path, f"{pattern!r} is not DEVICE.PROPERTY.MEMBER")
    if config.record.dir == "":
        raise ConfigError("record.dir", "is empty")
    _check_globs(config.record.devices, "record.devices")
    if config.webmanager is not None:
        _check_webmanager(config.webmanager)


def _check_http(http: Http) -> None:
    if http.listen is not None:
        parsed(http.listen, "http.listen", units.address)
    for index, name in enumerate(http.hosts):
        parsed(name, f"http.hosts[{index}]", _host_alone)
    _check_globs(http.devices, "http.devices")


def _check_webmanager(entry: Webmanager) -> None:
    if entry.listen is not None:
        parsed(entry.listen, "webmanager.listen", units.address)
    if entry.allow is not None and not entry.allow:
        raise ConfigError("webmanager.allow", "is empty: nobody could connect; listen: off switches it off")
    for index, network in enumerate(entry.allow or ()):
        parsed(network, f"webmanager.allow[{index}]", _network)
    for index, site in enumerate(entry.origins):
        parsed(site, f"webmanager.origins[{index}]", _site)
    if not entry.drivers:
        raise ConfigError("webmanager.drivers", "is empty: patterns of labels or programs (indi_*, CCD Simulator)")
    _check_globs(entry.drivers, "webmanager.drivers")
    if entry.data == "":
        raise ConfigError("webmanager.data", "is empty")


def _control(entry: ControlSocket) -> ControlSocket:
    """Take `off` in quotes for `off`."""
    if entry.socket == "off":
        return replace(entry, socket=None)
    if entry.socket not in (None, DEFAULT_SOCKET):
        parsed(entry.socket, "control.socket", control_socket)
    return entry


def control_socket(text: str) -> str:
    """A path for the control socket. Raises ValueError."""
    if not text.startswith("/") or text.endswith("/"):
        raise ValueError(f"{text!r} is not an absolute path (and neither default nor off)")
    if len(os.fsencode(text)) > _UNIX_PATH_MAX:
        raise ValueError(f"longer than {_UNIX_PATH_MAX} bytes")
    return text


def _check_addresses(config: Config) -> None:
    """Nobody can listen twice at one address. Overlapping ones are left to the system, which knows."""
    seen: dict[object, str] = {}
    places: list[tuple[str, object]] = []
    for index, entry in enumerate(config.listen):
        key = f"listen[{index}]." + ("tcp" if entry.tcp is not None else "unix")
        places.append((key, entry.address if entry.tcp is not None else entry.unix))
    if config.control.socket is not None:
        places.append(("control.socket", config.control.socket))
    if config.http.address:
        places.append(("http.listen", config.http.address))
    if config.webmanager is not None and config.webmanager.address:
        places.append(("webmanager.listen", config.webmanager.address))
    for path, place in places:
        if isinstance(place, tuple) and place[1] == 0:
            continue  # the system chooses a free port
        if place in seen:
            raise ConfigError(path, f"the same address as {seen[place]}")
        seen[place] = path


def _one_of(first: object, second: object, first_key: str, second_key: str, path: str) -> None:
    if first is not None and second is not None:
        raise ConfigError(path, f"has both {first_key} and {second_key}")
    if first is None and second is None:
        raise ConfigError(path, f"needs {first_key} or {second_key}")


def check_name(name: str, path: str, *, slash: bool = False) -> None:
    """Names stand in logs and labels, and those of drivers and remotes in the paths of the control API (no slash)."""
    if re.search(r"[\x00-\x1f\x7f]" if slash else r"[/\x00-\x1f\x7f]", name):
        raise ConfigError(below(path, "name"), f"{name!r} contains a {'' if slash else 'slash or a '}control character")


def _check_globs(patterns: Iterable[str], path: str, *, single: bool = False) -> None:
    for index, pattern in enumerate(patterns):
        # fnmatch takes an open bracket literally, which is never what was meant.
        if not pattern or "[" in re.sub(r"\[!?\]?[^\]]*\]", "", pattern):
            where = path if single else f"{path}[{index}]"
            raise ConfigError(where, f"{pattern!r} is not a pattern (CCD*, Dome ?, [AB]*)")


def _network(text: str) -> object:
    try:
        return ipaddress.ip_network(text)
    except ValueError as error:
        reason = "has host bits set" if "host bits" in str(error) else "is not a network (10.0.0.0/8, fd00::/8)"
        raise ValueError(f"{text!r} {reason}") from None


def _host_alone(text: str) -> object:
    if ":" in text:
        raise ValueError(f"{text!r} is not a host name alone")
    return units.host(text)
