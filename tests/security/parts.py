"""Routers by a configuration, and clients over TLS, for the tests of this folder."""

from __future__ import annotations

import base64
import contextlib
import json
import ssl
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

from live import Client, Router, running
from security.certificates import Pair
from security.imager import blob, digest, picture
from waiting import DEADLINE

IMAGER = Path(__file__).parent / "imager.py"


@contextlib.contextmanager
def configured(
    tmp: Path,
    port: int,
    *lines: str,
    name: str = "router",
    ready: str = "listening on",
    env: dict[str, str] | None = None,
) -> Iterator[Router]:
    """A router by a configuration (HTTP is off unless a line says otherwise); `port` is that of its listener."""
    file = tmp / f"{name}.yaml"
    off = () if any(line.startswith("http:") for line in lines) else ("http: {listen: off}",)
    file.write_text("\n".join([*lines, *off]) + "\n")
    with running(Router(tmp / f"{name}.log", ["serve", "--config", str(file)], port, env)) as router:
        router.wait_for(ready)
        yield router


def listen(port: int, *keys: str) -> str:
    """The `listen` of a configuration: one entry."""
    return f"listen: [{{{', '.join([f'tcp: 127.0.0.1:{port}', *keys])}}}]"


def imager(*devices: str) -> str:
    """The `drivers` of a configuration: an imager for each device."""
    entries = [f"{{name: {name}, exec: ['{sys.executable}', '{IMAGER}', '{name}']}}" for name in devices]
    return f"drivers: [{', '.join(entries)}]"


def context(authority: Path, pair: Pair | None = None, most: ssl.TLSVersion | None = None) -> ssl.SSLContext:
    """What a client believes and shows."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    made.load_verify_locations(authority)
    if pair is not None:
        made.load_cert_chain(pair.cert, pair.key)
    if most is not None:
        made.maximum_version = most
    return made


class TlsClient(Client):
    """A client that speaks TLS itself."""

    def __enter__(self) -> Self:
        return self

    def __init__(self, port: int, made: ssl.SSLContext, host: str = "localhost", receive: int | None = None) -> None:
        super().__init__(port, receive_buffer=receive)
        plain = self.sock
        try:
            self.sock = made.wrap_socket(plain, server_hostname=host, suppress_ragged_eofs=False)
        except BaseException:
            plain.close()
            raise

    @property
    def certificate(self) -> bytes:
        """What the server showed."""
        assert isinstance(self.sock, ssl.SSLSocket)
        return self.sock.getpeercert(binary_form=True) or b""


def number(device: str, name: str, value: float) -> str:
    member = f"<oneNumber name='N'>{value}</oneNumber>"
    return f"<newNumberVector device='{device}' name='{name}'>{member}</newNumberVector>"


def open_images(client: Client, device: str) -> None:
    """Until the device is there, with its images."""
    client.ask(device)
    client.send(f"<enableBLOB device='{device}'>Also</enableBLOB>")
    client.take(f"<defBLOBVector device='{device}' name='STORE'")


def shoot(client: Client, device: str, size: int) -> None:
    """An image of that size comes, every byte as it was."""
    client.send(number(device, "SHOOT", size))
    take_image(client, device, size)


def take_image(client: Client, device: str, size: int) -> None:
    client.take(f"<setBLOBVector device='{device}' name='IMAGE'[^>]*>\\s*<oneBLOB[^>]*>")
    data = bytearray(client.data)
    while b"</setBLOBVector>" not in data[-200:]:
        more = client.sock.recv(1 << 20)
        assert more, "closed within an image"
        data += more
    text, _, client.data = bytes(data).partition(b"</oneBLOB>")
    assert base64.b64decode(text) == picture(size)


def store(client: Client, device: str, size: int) -> None:
    """An image sent to the device arrives, every byte as it was."""
    client.sock.settimeout(60)
    client.sock.sendall(blob("newBLOBVector", device, "STORE", picture(size)))
    client.take(f"<setTextVector device='{device}' name='DIGEST'[^>]*><oneText name='D'>{digest(picture(size))}<")


TOKEN = "a token of the tests"


def api(http: str, path: str, *, token: str | None = None, post: bool = False) -> Any:
    """What the API answers, None for nothing; `post` asks for a change, which needs the token."""
    headers = {"Authorization": f"Bearer {token}"} if token is not None else {}
    request = urllib.request.Request(f"http://{http}/api/v1/{path}", b"" if post else None, headers)
    with urllib.request.urlopen(request, timeout=DEADLINE) as answer:
        return json.loads(answer.read() or b"null")


def http_with_token(tmp: Path, http: str) -> str:
    """The section `http` with an address, and a token that changes need."""
    (tmp / "token").write_text(TOKEN)
    return f"http: {{listen: {http}, token_file: {tmp / 'token'}}}"


def metrics(http: str) -> dict[str, float]:
    """All samples by name and labels."""
    with urllib.request.urlopen(f"http://{http}/metrics", timeout=DEADLINE) as answer:
        lines = [line.rsplit(" ", 1) for line in answer.read().decode().splitlines() if not line.startswith("#")]
    return {name: float(value) for name, value in lines}


def audited(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text().splitlines()]
