"""Certificates for the tests, made by the openssl command: an authority, and what it signs."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

from waiting import DEADLINE

EC_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2")


@dataclass(frozen=True)
class Pair:
    """A certificate and its key."""

    cert: Path
    key: Path

    @property
    def yaml(self) -> str:
        return f"cert: {self.cert}, key: {self.key}"

    def replace_by(self, other: Pair) -> None:
        """As a renewal does: other files under the same names."""
        self.cert.write_bytes(other.cert.read_bytes())
        self.key.write_bytes(other.key.read_bytes())


class Authority:
    """One that signs; `cert` is what others believe it by."""

    def __init__(self, folder: Path, name: str = "authority") -> None:
        self._folder = folder
        self._pair = Pair(folder / f"{name}.pem", folder / f"{name}.key")
        self.cert = self._pair.cert
        _openssl(self._pair, f"/CN={name}", "basicConstraints=critical,CA:TRUE", "keyUsage=critical,keyCertSign")

    def sign(self, file: str, subject: str, *names: str) -> Pair:
        """A certificate for a subject (`/CN=guest/O=Club`), a server's for these names (`DNS:localhost`)."""
        pair = Pair(self._folder / f"{file}.pem", self._folder / f"{file}.key")
        extensions = ["basicConstraints=CA:FALSE"]
        if names:
            extensions.append("subjectAltName=" + ",".join(names))
        _openssl(pair, subject, *extensions, signed_by=self._pair)
        return pair

    def server(self, file: str = "server") -> Pair:
        """For a server on this machine."""
        return self.sign(file, f"/CN={file}", "DNS:localhost", "IP:127.0.0.1")


def _openssl(pair: Pair, subject: str, *extensions: str, signed_by: Pair | None = None) -> None:
    words = ["openssl", "req", "-x509", *EC_KEY, "-keyout", str(pair.key), "-out", str(pair.cert), "-subj", subject]
    words += [word for each in extensions for word in ("-addext", each)]
    if signed_by is not None:
        words += ["-CA", str(signed_by.cert), "-CAkey", str(signed_by.key)]
    subprocess.run(words, check=True, capture_output=True, timeout=DEADLINE)
