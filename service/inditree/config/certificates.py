"""Says in words what is wrong with the files of `tls`: OpenSSL names neither the file nor the mistake."""

from __future__ import annotations

import re
import ssl
import stat
from pathlib import Path
from typing import NamedTuple

_CERTIFICATE = re.compile(rb"^-----BEGIN (TRUSTED |X509 )?CERTIFICATE-----", re.MULTILINE)
_KEY = re.compile(rb"^-----BEGIN ([A-Z0-9]+ )?PRIVATE KEY-----", re.MULTILINE)
_LOCKED = re.compile(rb"^-----BEGIN ENCRYPTED PRIVATE KEY-----|^Proc-Type: 4,ENCRYPTED", re.MULTILINE)

MAX_FILE = 4 << 20
"""Bytes of a file that is read while the router serves: the authorities of a whole system have 220 000."""

DAMAGED = "is damaged: the text between BEGIN and END cannot be read"


class Wrong(NamedTuple):
    """A key of `tls`, and what is wrong with its file."""

    key: str
    text: str


def keeps_waiting(file: str) -> str | None:
    """The reason why a file is not read while the router serves. None: it can be, or is not there.

    Opening a FIFO (a shell's `<(...)`, which is read at the start) waits for who writes to it, and nobody does again.
    """
    try:
        found = Path(file).stat()
    except OSError:
        return None
    if not stat.S_ISREG(found.st_mode):
        return f"{file}: is no regular file, and is read at the start only"
    if found.st_size > MAX_FILE:
        return f"{file}: has more than {MAX_FILE} bytes"
    return None


def wrong_chain(cert: str, key: str) -> Wrong | None:
    """The reason why a certificate and its key cannot be used; None: they can."""
    try:
        certificate = Path(cert).read_bytes()
    except OSError as error:
        return Wrong("cert", f"{cert}: {error.strerror}")
    try:
        private = Path(key).read_bytes()
    except OSError as error:
        return Wrong("key", f"{key}: {error.strerror}")
    if not _CERTIFICATE.search(certificate) and _KEY.search(certificate) and _CERTIFICATE.search(private):
        return Wrong("cert", f"{cert} holds a key, and {key} a certificate: cert and key are swapped")
    if not _CERTIFICATE.search(certificate):
        return Wrong("cert", f"{cert}: holds no certificate in PEM")
    if _LOCKED.search(private):
        return Wrong("key", f"{key}: is encrypted: the router has no way to ask for its passphrase")
    if not _KEY.search(private):
        return Wrong("key", f"{key}: holds no private key in PEM")
    return _wrong_pair(cert, key)


def _wrong_pair(cert: str, key: str) -> Wrong | None:
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(cert, key, password=lambda: b"")
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            return Wrong("key", f"{key}: is the key of another certificate than {cert}")
        if error.reason == "EE_KEY_TOO_SMALL":
            return Wrong("cert", f"{cert}: its key is too short to be safe")
        return Wrong("cert", f"{cert}: {DAMAGED}") if wrong_authority(cert) else Wrong("key", f"{key}: {DAMAGED}")
    return None


def wrong_authority(file: str) -> str | None:
    """The reason why a file of authorities (`ca`, `client_ca`) cannot be used; None: it can."""
    try:
        if not _CERTIFICATE.search(Path(file).read_bytes()):
            return f"{file}: holds no certificate in PEM"
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(file)
    except ssl.SSLError:
        return f"{file}: {DAMAGED}"
    except OSError as error:
        return f"{file}: {error.strerror}"
    return None
