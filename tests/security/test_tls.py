"""TLS at a listener: who is let in, what the certificate allows, renewal, and images."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from inditree.config import ServerTls
from inditree.config.certificates import MAX_FILE
from inditree.transport import tls
from live import Client, Router, until
from ports import free_port
from security.certificates import Authority, Pair
from security.parts import (
    TlsClient,
    api,
    audited,
    configured,
    context,
    imager,
    listen,
    metrics,
    number,
    open_images,
    shoot,
    store,
    take_image,
)

RULES = (
    "rules: [{subject: 'CN=guest*', access: read-only, devices: [Cam]}, {subject: 'CN=cam,*', devices: [Cam]},"
    " {subject: '*,O=Staff'}, {subject: '*', access: read-only, devices: [nothing]}]"
)


@dataclass
class Place:
    """A router that wants certificates of its clients, and what the tests need to be let in."""

    router: Router
    http: str
    authority: Authority
    stranger: Authority
    server: Pair
    audit: Path

    def client(self, subject: str | None, authority: Authority | None = None, **keys: ssl.TLSVersion) -> TlsClient:
        signer = authority or self.authority
        pair = None if subject is None else signer.sign("client", subject)
        return TlsClient(self.router.port, context(self.authority.cert, pair, keys.get("most")))


@pytest.fixture(name="place", scope="module")
def _place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    tmp = tmp_path_factory.mktemp("tls")
    (tmp / "strange").mkdir()
    authority, stranger = Authority(tmp), Authority(tmp / "strange")
    server, port, http, audit = authority.server(), free_port(), f"127.0.0.1:{free_port()}", tmp / "audit"
    keys = f"tls: {{{server.yaml}, client_ca: {authority.cert}}}"
    lines = (imager("Cam", "Mount"), f"http: {{listen: {http}}}", f"audit: {{file: {audit}}}")
    with configured(tmp, port, listen(port, keys, RULES), *lines, ready="Mount: provided by") as router:
        router.wait_for("Cam: provided by")
        yield Place(router, http, authority, stranger, server, audit)


def refused(place: Place, made: ssl.SSLContext) -> bool:
    """A handshake that fails; with TLS 1.3 the client learns of it at its first read."""
    before = metrics(place.http).get('indi_connections_rejected_total{reason="tls"}', 0.0)
    try:
        with TlsClient(place.router.port, made) as client:
            client.ask()
            client.sock.recv(100)
        return False
    except OSError:
        until(lambda: metrics(place.http)['indi_connections_rejected_total{reason="tls"}'] == before + 1)
        return True


@pytest.mark.parametrize("most", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_client_with_a_certificate_is_served(place: Place, most: ssl.TLSVersion) -> None:
    with place.client("/CN=anna/O=Staff", most=most) as client:
        assert isinstance(client.sock, ssl.SSLSocket)
        assert client.sock.version() == {"TLSv1_2": "TLSv1.2", "TLSv1_3": "TLSv1.3"}[most.name]
        client.ask("Mount")
        client.take("<defNumberVector device=.Mount. name=.COUNT.")
        client.send(number("Mount", "COUNT", 7))
        client.take("<setNumberVector device='Mount' name='COUNT'.*?7")


def test_who_has_none_or_a_stranger_s_is_not_let_in(place: Place) -> None:
    assert refused(place, context(place.authority.cert))
    assert refused(place, context(place.authority.cert, place.stranger.sign("client", "/CN=anna/O=Staff")))
    place.router.wait_for("TLS:")


def test_who_speaks_no_tls_is_not_let_in(place: Place) -> None:
    with Client(place.router.port) as client:
        client.ask()
        assert client.closed()
        assert b"Cam" not in client.heard
    with place.client("/CN=anna/O=Staff") as healthy:
        healthy.ping()


def test_old_versions_are_not_spoken(place: Place) -> None:
    server = tls.server_context(ServerTls(cert=str(place.server.cert), key=str(place.server.key)))
    assert server.minimum_version is ssl.TLSVersion.TLSv1_2


def test_a_guest_looks_at_what_is_shown_and_touches_nothing(place: Place) -> None:
    with place.client("/CN=guest7/O=Club") as guest, place.client("/CN=anna/O=Staff") as staff:
        guest.ask()
        staff.ask()
        guest.take("<defNumberVector device=.Cam. name=.COUNT.")
        staff.take("<defNumberVector device=.Cam. name=.COUNT.")
        guest.send(number("Cam", "COUNT", 666) + number("Mount", "COUNT", 666))
        guest.take("<message device=.Cam.[^>]*read-only")
        guest.take("<message device=.Mount.[^>]*read-only")
        staff.send(number("Cam", "COUNT", 5))
        guest.take("<setNumberVector device='Cam' name='COUNT'.*?5")
        guest.ping()
        staff.ping("all")
        assert not guest.told_of("Mount")
        assert b"666" not in staff.heard


def test_the_first_rule_that_fits_holds(place: Place) -> None:
    with place.client("/CN=cam/O=Staff") as client:
        client.send(number("Mount", "COUNT", 666))
        client.take("<message[^>]*Mount is not open to this connection")
        client.ask()
        client.take("<defNumberVector device=.Cam. name=.COUNT.")
        client.send(number("Cam", "COUNT", 6))
        client.take("<setNumberVector device='Cam' name='COUNT'.*?6")


def test_a_comma_in_a_name_makes_no_other_subject(place: Place) -> None:
    """`*,O=Staff` must not fit who is called `x,O=Staff`."""
    with place.client("/CN=x,O=Staff") as client:
        client.send(number("Mount", "COUNT", 666))
        client.take("<message[^>]*Refused")


def test_refusals_are_counted_and_audited(place: Place) -> None:
    name = 'indi_dropped_messages_total{peer="client",reason="access"}'
    before = metrics(place.http).get(name, 0.0)
    with place.client("/CN=guest/O=Club") as guest:
        guest.send(number("Cam", "SHOOT", 31337))
        guest.take("<message[^>]*Refused newNumberVector SHOOT")
        address = f"127.0.0.1:{guest.sock.getsockname()[1]}"
    assert metrics(place.http)[name] == before + 1
    line = until(lambda: [line for line in audited(place.audit) if line["members"] == {"N": "31337"}])[0]
    assert (line["result"], line["client"], line["device"]) == ("refused", address, "Cam")


@pytest.mark.parametrize("size", [1000, 700_000, 24 << 20])
def test_images_pass_both_ways(place: Place, size: int) -> None:
    with place.client("/CN=anna/O=Staff") as client:
        open_images(client, "Cam")
        shoot(client, "Cam", size)
        store(client, "Cam", size)
        shoot(client, "Cam", size + 1)


def test_images_both_ways_at_once(place: Place) -> None:
    """The thread reads the one while the loop writes the other."""
    with place.client("/CN=anna/O=Staff") as sends, place.client("/CN=anna/O=Staff") as gets:
        open_images(sends, "Cam")
        sends.send("<enableBLOB device='Cam'>Never</enableBLOB>")
        open_images(gets, "Mount")
        for _ in range(3):
            gets.send(number("Mount", "SHOOT", 8 << 20))
            store(sends, "Cam", 8 << 20)
            take_image(gets, "Mount", 8 << 20)


def beside_handshakes(place: Place, client: Client, process: psutil.Process, before: int) -> bool:
    """Were an old client and a new one answered before any of fifty handshakes was given up?"""
    with contextlib.ExitStack() as stack:
        for number_ in range(50):
            sock = stack.enter_context(socket.create_connection(("127.0.0.1", place.router.port)))
            sock.sendall(b"\x16\x03\x01\x02\x00\x01"[: number_ % 7])
        until(lambda: process.num_fds() >= before + 50)
        with place.client("/CN=anna/O=Staff") as late:
            late.ping()
        client.ping("still here")
        open_still = process.num_fds() >= before + 50
    until(lambda: process.num_fds() <= before)
    return open_still


def test_handshakes_that_never_end_delay_nobody(place: Place) -> None:
    """Others are answered while these are open still: they have ten seconds, so that a slow machine may try again."""
    process = psutil.Process(place.router.process.pid)
    with place.client("/CN=anna/O=Staff") as client:
        client.ping()
        before = process.num_fds()
        assert any(beside_handshakes(place, client, process, before) for _ in range(3))
    rows = until(lambda: [row for row in api(place.http, "status")["listeners"] if row["clients"] == 0])
    assert rows


def test_a_handshake_has_its_time(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tls, "HANDSHAKE_TIMEOUT", 0.1)
    made = tls.server_context(ServerTls(cert=str(place.server.cert), key=str(place.server.key)))
    ours, theirs = socket.socketpair()
    with theirs:
        with pytest.raises(TimeoutError):
            asyncio.run(tls.handshake(ours, made, server_side=True))
        assert theirs.recv(10) == b""
    assert ours.fileno() == -1


def test_certificates_are_exchanged_under_way(place: Place) -> None:
    """Its files are watched; SIGHUP reads them at once."""
    with place.client("/CN=anna/O=Staff") as old:
        old.ask("Cam")
        first = old.certificate

        def shown() -> bytes:
            with place.client("/CN=anna/O=Staff") as new:
                new.ping()
                return new.certificate

        place.server.replace_by(place.authority.server("renewed"))
        until(lambda: shown() != first, what="the new certificate is shown without a signal")
        old.ping("still here")
        second = shown()
        place.server.replace_by(place.authority.server("renewed again"))
        place.router.process.send_signal(signal.SIGHUP)
        until(lambda: shown() != second, what="the next one is shown after a signal")
        third = shown()
        place.server.cert.write_text("nonsense")
        place.router.wait_for("keeps its certificates")
        assert shown() == third
        old.ping("and here")
        place.server.cert.unlink()
        os.mkfifo(place.server.cert)  # opening it waits for who writes to it
        place.router.process.send_signal(signal.SIGHUP)
        place.router.wait_for("is no regular file")
        place.server.cert.unlink()
        place.server.cert.write_bytes(b"A" * (MAX_FILE + 1))
        place.router.process.send_signal(signal.SIGHUP)
        place.router.wait_for("has more than")
        assert shown() == third
        old.ping("and here, too")
