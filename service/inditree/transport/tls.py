"""TLS: contexts of listeners and links, the subject of a certificate, and the handshake."""

from __future__ import annotations

import asyncio
import re
import socket
import ssl
from typing import Any

from inditree.config import ClientTls, ServerTls, certificates
from inditree.errors import ConfigError
from inditree.transport.tls_channel import TlsChannel

HANDSHAKE_TIMEOUT = 10.0
"""Seconds for a handshake: who says nothing takes a connection for no longer."""

_ESCAPED, _BACKSLASH = re.compile(r'[,+"\\\\<>;=]'), r"\\\g<0>"


def server_context(config: ServerTls) -> ssl.SSLContext:
    """Makes the context of a listener. Raises ConfigError, which names the file."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_RENEGOTIATION
    _load_chain(context, config.cert, config.key)
    if config.client_ca is not None:
        _load_ca(context, "client_ca", config.client_ca)
        context.verify_mode = ssl.CERT_REQUIRED
    return context


def client_context(config: ClientTls) -> ssl.SSLContext:
    """Makes the context of a link: certificates and names are checked. Raises ConfigError, which names the file."""
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if config.ca is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        _load_ca(context, "ca", config.ca)
    if config.cert is not None:
        _load_chain(context, config.cert, config.key)
    return context


def _load_chain(context: ssl.SSLContext, cert: str, key: str | None) -> None:
    try:
        context.load_cert_chain(cert, key, password=lambda: b"")  # else OpenSSL asks at the terminal
    except (OSError, ValueError) as error:
        wrong = certificates.wrong_chain(cert, key or cert)
        raise ConfigError(*((f"tls.{wrong.key}", wrong.text) if wrong else ("tls", str(error)))) from None


def _load_ca(context: ssl.SSLContext, key: str, file: str) -> None:
    try:
        context.load_verify_locations(file)
    except (OSError, ValueError) as error:
        raise ConfigError(f"tls.{key}", certificates.wrong_authority(file) or str(error)) from None


def subject_of(channel: TlsChannel) -> str | None:
    """The subject of the other end's certificate, `CN=guest,O=Club`; None where it showed none.

    What separates is escaped where it is in a value (RFC 4514, 2.4), or a name could pose as another subject.
    """
    certificate = channel.tls.getpeercert()
    if not certificate:
        return None
    short = {"commonName": "CN", "organizationName": "O", "organizationalUnitName": "OU", "countryName": "C"}
    subject: Any = certificate.get("subject", ())
    pairs = [(short.get(key, key), value) for rdn in subject for key, value in rdn]
    # The common name first: that is what rules are written for.
    named = sorted(pairs, key=lambda pair: pair[0] != "CN")
    return ",".join(f"{key}={_ESCAPED.sub(_BACKSLASH, value)}" for key, value in named)


async def handshake(
    sock: socket.socket, context: ssl.SSLContext, *, server_side: bool, host: str | None = None
) -> TlsChannel:
    """Raises OSError (ssl.SSLError among them) or TimeoutError; closes the socket then."""
    channel = TlsChannel(sock, context, None if server_side else host, server_side=server_side)
    try:
        async with asyncio.timeout(HANDSHAKE_TIMEOUT):
            while True:
                done = channel.shake_hands()
                while not channel.flush():
                    await _wait(channel.write_fd(), write=True)
                if done:
                    return channel
                while not channel.fill():
                    await _wait(channel.read_fd(), write=False)
                await asyncio.sleep(0)  # others have their turn, however much has come
    except BaseException:
        channel.give_up()
        raise


async def _wait(fd: int, write: bool) -> None:
    loop = asyncio.get_running_loop()
    ready = asyncio.Event()
    add, remove = (loop.add_writer, loop.remove_writer) if write else (loop.add_reader, loop.remove_reader)
    add(fd, ready.set)
    try:
        await ready.wait()
    finally:
        remove(fd)
