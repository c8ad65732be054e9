"""Files that a configuration names: those that cannot be read here, or that TLS cannot use."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path

from inditree.config import certificates
from inditree.config.convert import below
from inditree.config.structs import ClientTls, Config, ServerTls
from inditree.errors import ConfigError


def files(config: Config) -> list[ConfigError]:
    """One for each file that it names and that cannot be read here, or else that `tls` cannot use.

    Not part of `complete`: a configuration is also checked on machines that it was not written for.
    """
    named = ((path, name, _unreadable(name)) for path, name in _named_files(config))
    unreadable = [ConfigError(path, f"{name}: {reason}") for path, name, reason in named if reason]
    return unreadable or list(_useless(config))


def _useless(config: Config) -> Iterator[ConfigError]:
    """Files of `tls` that can be read and are of no use."""
    sections: list[tuple[str, ServerTls | ClientTls | None]] = []
    sections += [(f"listen[{index}].tls", entry.tls) for index, entry in enumerate(config.listen)]
    sections += [(f"remotes[{index}].tls", entry.tls) for index, entry in enumerate(config.remotes)]
    for path, tls in sections:
        if tls is None:
            continue
        if tls.cert and tls.key and (wrong := certificates.wrong_chain(tls.cert, tls.key)):
            yield ConfigError(below(path, wrong.key), wrong.text)
        key = "client_ca" if isinstance(tls, ServerTls) else "ca"
        file = tls.client_ca if isinstance(tls, ServerTls) else tls.ca
        if file and (text := certificates.wrong_authority(file)):
            yield ConfigError(below(path, key), text)


def _unreadable(name: str) -> str | None:
    """Does not open it: that of a FIFO (a shell's `<(...)`) waits for its writer, and closing it ends him."""
    try:
        if stat.S_ISDIR(Path(name).stat().st_mode):
            return os.strerror(errno.EISDIR)
    except OSError as error:
        return error.strerror
    return None if os.access(name, os.R_OK) else os.strerror(errno.EACCES)


def _named_files(config: Config) -> Iterable[tuple[str, str]]:
    sections: list[tuple[str, object, tuple[str, ...]]] = [("http", config.http, ("token_file",))]
    sections += [(f"listen[{i}].tls", e.tls, ("cert", "key", "client_ca")) for i, e in enumerate(config.listen)]
    sections += [(f"remotes[{i}].tls", e.tls, ClientTls.__struct_fields__) for i, e in enumerate(config.remotes)]
    for path, section, keys in sections:
        for key in keys:
            if section is not None and (name := getattr(section, key)) is not None:
                yield f"{path}.{key}", name
