"""Files to configurations and back."""

from __future__ import annotations

from collections.abc import Collection
from functools import partial
from pathlib import Path

from msgspec.structs import replace

from inditree.config import units
from inditree.config.check import check_driver, check_name, check_remote, complete
from inditree.config.convert import below, convert, parsed, plain
from inditree.config.structs import Config, Driver, Remote
from inditree.config.words import driver_name, remote_name, unique
from inditree.errors import ConfigError

#: A file this large is no configuration.
_FILE_MAX_BYTES = 1 << 20


def parse(text: str) -> Config:
    """The configuration in a text of YAML, before names are filled in. Raises ConfigError."""
    from inditree.config import document

    data = document.load(text)
    return convert(_joined({} if data is None else data), Config)


def read(file: str) -> Config:
    """The configuration in a file, before names are filled in.

    Raises ConfigError; where the file cannot be read, or is no YAML, its path is the file's name.
    """
    try:
        with Path(file).open("rb") as opened:
            raw = opened.read(_FILE_MAX_BYTES + 1)
        if len(raw) > _FILE_MAX_BYTES:
            raise ConfigError(file, f"is larger than {units.size_text(_FILE_MAX_BYTES)}")
        return parse(raw.decode("utf-8-sig"))
    except OSError as error:
        raise ConfigError(file, f"cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ConfigError(file, "is not UTF-8") from None
    except ConfigError as error:
        raise error if error.path else ConfigError(file, error.text) from None


def load(text: str) -> Config:
    """The complete configuration that a text in YAML describes. Raises ConfigError."""
    return complete(parse(text))


def driver(entry: object, taken: Collection[str] = ()) -> Driver:
    """One driver from an entry as JSON; its default name is none of those taken. A name given is left to the caller."""
    result = convert(entry, Driver)
    check_driver(result, "")
    if not result.name:
        result = replace(result, name=unique(driver_name(result), taken))
    check_name(result.name, "")
    return result


def remote(entry: object) -> Remote:
    """One remote from an entry as JSON, named."""
    result = convert(_host_split(entry, ""), Remote)
    check_remote(result, "")
    if not result.name:
        result = replace(result, name=remote_name(result))
    check_name(result.name, "")
    return result


def normalised(config: Config) -> str:
    """The configuration as YAML with every key: reading it gives the same again."""
    from inditree.config import document

    return document.dump(plain(config))


def _joined(data: object) -> object:
    """Write out what a file may say in short: `http: off`, and a port in the `host` of a remote."""
    if not isinstance(data, dict):
        return data
    if data.get("http") is False or data.get("http") == "off":
        data = data | {"http": {"listen": False}}
    if not isinstance(data.get("remotes"), list):
        return data
    entries = [_host_split(entry, f"remotes[{index}]") for index, entry in enumerate(data["remotes"])]
    return data | {"remotes": entries}


def _host_split(entry: object, path: str) -> object:
    """A remote whose `host` may be an address with a port: `dome-b:7625`, `[::1]:7624`."""
    if not isinstance(entry, dict) or not isinstance(entry.get("host"), str):
        return entry
    where = below(path, "host")
    host, port = parsed(entry["host"], where, units.split)
    number = parsed(port, where, partial(units.port, lowest=1)) if port else None
    if number is None:
        return entry | {"host": host}
    if "port" in entry:
        raise ConfigError(below(path, "port"), "is already given in host")
    return entry | {"host": host, "port": number}
