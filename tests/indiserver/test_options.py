"""What the options of the command line do, beside the real server: docs/from-indiserver.md, "Options"."""

from __future__ import annotations

import contextlib
import shutil
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from indiserver.recorder import Recorder, blobs, get
from indiserver.sessions import Server, Side, both, same
from live import until
from ports import free_port
from waiting import DEADLINE

GO = "<newTextVector device='Shots' name='GO'><oneText name='GO'/></newTextVector>"
SIZE = 1_000_000
SHOTS = 40


def _addresses(server: Server) -> set[tuple[str, int]]:
    """Where it listens by TCP."""
    process = psutil.Process(server.process.pid)
    found = process.net_connections("tcp")
    return {(each.laddr.ip, each.laddr.port) for each in found if each.status == psutil.CONN_LISTEN}


def _can_listen(address: str) -> bool:
    """Is there IPv6? In a container there may be `::` alone, and no address that is reached by it."""
    with contextlib.suppress(OSError), socket.create_server((address, 0), family=socket.AF_INET6):
        return True
    return False


def test_where_it_listens(tmp_path: Path) -> None:
    """On all addresses; 1.9.9 on those of IPv4 alone."""
    where = {}

    def session(side: Side) -> None:
        server = side.serve(side.spy())
        until(lambda: _addresses(server), DEADLINE, "it listens")
        where[side.kind] = {address for address, port in _addresses(server) if port == server.port}
        if _can_listen("::1"):
            with contextlib.closing(socket.socket(socket.AF_INET6)) as sock:
                assert (sock.connect_ex(("::1", server.port)) == 0) == (side.kind == "inditree")

    both(session, tmp_path)
    assert where["indiserver"] == {"0.0.0.0"}
    assert where["inditree"] == ({"0.0.0.0", "::"} if _can_listen("::") else {"0.0.0.0"})


@pytest.mark.parametrize("option", ["-p", "-m", "-d", "-r"])
def test_a_number_that_is_none(option: str, tmp_path: Path) -> None:
    """It is wrong use; 1.9.9 takes it for 0, and for the port that is any one."""

    def session(side: Side) -> None:
        server = side.serve(option, "many", side.spy(), listening=False)
        if side.kind == "inditree":
            assert server.process.wait(DEADLINE) == 2
            assert f"{option} requires" in server.log
            return
        until(lambda: _addresses(server), DEADLINE, "it listens")
        assert {port == server.port for _, port in _addresses(server)} == {option != "-p"}

    both(session, tmp_path)


def test_a_port_that_there_is_not(tmp_path: Path) -> None:
    """It is wrong use; 1.9.9 takes the rest of its division by 65536."""

    def session(side: Side) -> None:
        port = free_port()
        server = side.serve("-p", str(port + 65536), side.spy(), listening=False)
        if side.kind == "inditree":
            assert server.process.wait(DEADLINE) == 2
            return
        until(lambda: _addresses(server), DEADLINE, "it listens")
        assert {each for _, each in _addresses(server)} == {port}

    both(session, tmp_path)


def _camera(side: Side, form: str, *words: str) -> Recorder:
    """A server with a camera of one image each time; the client that commands it gets them all."""
    program = side.place / "shots"
    shutil.copy(Path(__file__).with_name("shots.py"), program)
    program.chmod(0o755)
    program.write_text(f"#!{sys.executable}\n" + program.read_text())
    side.serve(*words, str(program), env={"COUNT": "1", "SIZE": str(SIZE), "FORMAT": form})
    client = side.client("client")
    client.send(get("Shots"), blobs("Also", "Shots"))
    client.until("defTextVector", name="GO")
    return client


@contextlib.contextmanager
def _slow(side: Side) -> Iterator[Recorder]:
    """A client that is told nothing of what it does not read: its own buffer is small."""
    with contextlib.closing(socket.socket()) as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        sock.connect(("127.0.0.1", side.servers[0].port))
        client = Recorder(sock, side.asked)
        client.send(get("Shots"), blobs("Also", "Shots"))
        client.until("defTextVector", name="GO")
        client.sync()
        yield client


def _flood(client: Recorder, count: int = SHOTS) -> None:
    """So many images, each asked for when the one before it has come."""
    for _ in range(count):
        client.send(GO)
        client.until("setBLOBVector")
        client.until("setTextVector", name="GO")


def _all(slow: Recorder) -> list[str]:
    """The images that a client that begins to read gets, up to what was said behind the last of them."""
    for _ in range(SHOTS):
        slow.until("setTextVector", name="GO")
    return _formats(slow)


def _formats(client: Recorder) -> list[str]:
    return [one.attrib["format"] for element in client.seen if element.tag == "setBLOBVector" for one in element]


def test_a_client_that_is_behind_by_more_than_m(tmp_path: Path) -> None:
    """1.9.9 closes it; here it gets fewer images, all of them whole, and the newest is one of them."""

    def session(side: Side) -> None:
        client = _camera(side, ".{}", "-m", "8")
        with _slow(side) as slow:
            _flood(client)
            assert _formats(client) == [f".{number}" for number in range(1, SHOTS + 1)]
            if side.kind == "indiserver":
                assert slow.closed()
                assert len(_formats(slow)) < SHOTS
                return
            got = _all(slow)
            assert got[-1] == f".{SHOTS}"
            assert 1 < len(got) < SHOTS
            assert got == [form for form in _formats(client) if form in got]

    both(session, tmp_path)


@pytest.mark.parametrize("most", ["1", "0"])
def test_frames_of_a_stream_that_are_behind_by_more_than_d(most: str, tmp_path: Path) -> None:
    """Neither closes the client: here it gets the newest frames, with 1.9.9 the oldest; with 0 they are images."""

    def session(side: Side) -> None:
        client = _camera(side, ".stream_{}", "-d", most, "-m", "128")
        with _slow(side) as slow:
            _flood(client)
            assert len(_formats(client)) == SHOTS
            got = _all(slow)
            if most == "0":
                assert len(got) == SHOTS
                return
            assert 1 < len(got) < SHOTS
            assert (got[-1] == f".stream_{SHOTS}") == (side.kind == "inditree")
            assert got == [form for form in _formats(client) if form in got]

    both(session, tmp_path)


def test_a_ping_behind_images(tmp_path: Path) -> None:
    """The reply to a client's ping waits for one image at most; 1.9.9 sends it when all that waited has gone."""

    def session(side: Side) -> None:
        client = _camera(side, ".{}")
        with _slow(side) as slow:
            _flood(client, 12)
            slow.sync("after")
            before = len(_formats(slow))
            side.notes["order"] = ["all images", "reply"] if before == 12 else ["reply", "all images"]

    same(both(session, tmp_path), ping=r"^order: ", len=r"^client: [-+] <setBLOBVector")
