"""Clients on UNIX sockets: images go to them as descriptors."""

from __future__ import annotations

import base64
import fcntl
import os
import re
import socket
import stat
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from indiserver.recorder import LocalRecorder, Recorder, act, blobs, get
from indiserver.sessions import Side, both, same
from live import Router, until
from ports import free_port
from waiting import DEADLINE

CCD = "CCD Simulator"
GO = "<newTextVector device='Shots' name='GO'><oneText name='GO'/></newTextVector>"
SIZE = 600_000


def test_the_same_images_as_from_indiserver(tmp_path: Path) -> None:
    """Each gets them as it can take them; what goes by the local socket is byte for byte what the driver wrote."""

    def session(side: Side) -> None:
        side.serve("indi_simulator_ccd")
        side.warm(CCD)
        local, remote = side.local("local"), side.client("remote")
        local.send(get(CCD), blobs("Also", CCD))
        side.settle()
        local.connect(CCD)
        side.settle()
        local.expose()  # only the local one is interested
        local.until("setBLOBVector")
        local.until("setNumberVector", name="CCD_EXPOSURE", state="Ok")
        remote.send(get(CCD), blobs("Also", CCD))
        side.settle()
        local.expose()
        for client in (local, remote):
            client.until("setBLOBVector")
        local.until("setNumberVector", name="CCD_EXPOSURE", state="Ok")
        side.settle()
        assert len(local.fds) == 2
        for one in [element[0] for element in local.seen if element.tag == "setBLOBVector"]:
            image = local.image(int(one.attrib["size"]))
            assert image.startswith(b"SIMPLE  =")
            side.notes.setdefault("images", []).append(str(len(image)))

    same(both(session, tmp_path), len=r"^remote: [-+] <setBLOBVector")


def test_an_inline_image_for_a_driver_by_the_local_socket(tmp_path: Path) -> None:
    """It reaches the driver, and the client stays; 1.9.9 makes a descriptor of it, 2.2.4 does not."""

    def session(side: Side) -> None:
        side.serve(side.spy())
        side.warm("Spy")
        local = side.local("local")
        one = "<oneBLOB name='B' size='3' format='.x'>QUJD</oneBLOB>"
        local.send(get("Spy"))
        side.settle()
        local.send(f"<newBLOBVector device='Spy' name='IN'>{one}</newBLOBVector>", act("end of it"))
        local.until("setTextVector", name="ACT", state="Ok")
        images = [line for line in side.overheard() if "BLOBVector" in line]
        side.notes["images"] = [
            re.sub("(attached='true' )?(format='.x' name='B')(/>|>data</>)", r"\2", line) for line in images
        ]
        assert len(images) == 1 and (side.kind == "indiserver" or ">data<" in images[0])

    same(both(session, tmp_path))


def camera(side: Side, count: int, *words: str, **env: str) -> Recorder:
    """A server with a camera of `shots.py`, and a TCP client that wants its images."""
    program = side.place / "shots"
    program.write_text(f"#!{sys.executable}\n" + Path(__file__).with_name("shots.py").read_text())
    program.chmod(0o755)
    side.serve(*words, str(program), env={"COUNT": str(count), "SIZE": str(SIZE), **env})
    client = side.client("tcp")
    client.send(get("Shots"), blobs("Also", "Shots"))
    client.until("defTextVector", name="GO")
    return client


def test_a_slow_one_holds_only_its_own_descriptor(tmp_path: Path) -> None:
    """Who does not read is owed one image in the socket, one being written and what `-m` allows: the newest."""
    with Side("inditree", tmp_path) as side:
        client = camera(side, 40, "-m", "1")
        # Alone it gets all, and shows how fast it is: until then it is given little at once, and -m has room for one.
        client.send(GO)
        client.until("setTextVector", name="GO")
        assert len([element for element in client.seen if element.tag == "setBLOBVector"]) == 40
        before_it = len(client.seen)
        slow = side.local("slow")
        slow.send(get("Shots"), blobs("Also", "Shots"))
        slow.until("defTextVector", name="GO")
        before = psutil.Process(side.servers[0].process.pid).num_fds()
        client.send(GO)
        client.until("setTextVector", name="GO")
        shots = [element[0] for element in client.seen[before_it:] if element.tag == "setBLOBVector"]
        for number, one in enumerate(shots, 41):
            assert base64.b64decode(one.text or "") == bytes([number]) * SIZE
        assert len(shots) == 40
        assert psutil.Process(side.servers[0].process.pid).num_fds() - before <= 3
        slow.until("setTextVector", name="GO")
        got = [int(element[0].attrib["format"][1:]) for element in slow.seen if element.tag == "setBLOBVector"]
        assert (got[0], got[-1]) == (41, 80)
        assert len(got) <= 4
        assert [slow.image(SIZE) for _ in got] == [bytes([number]) * SIZE for number in got]
        assert not slow.fds
        slow.sock.close()
        process = psutil.Process(side.servers[0].process.pid)
        until(lambda: process.num_fds() < before, what="the descriptors are closed")


def reopened(descriptor: int, how: str) -> bool:
    """Whether another user, who was given a descriptor, can open once more what it is of."""
    return not subprocess.run(
        ["/bin/sh", "-c", f"exec 9{how}/proc/self/fd/{descriptor}"],
        pass_fds=[descriptor],
        stderr=subprocess.DEVNULL,
        user=65534 if os.geteuid() == 0 else None,
        check=False,
    ).returncode


def test_a_reader_gets_every_image(tmp_path: Path) -> None:
    """None is lost, none of the elements between them is out of order, nobody can write into them."""
    with Side("inditree", tmp_path) as side:
        camera(side, 40)
        reader = side.local("reader")
        reader.send(get("Shots"), blobs("Also", "Shots"))
        reader.until("defTextVector", name="GO")
        reader.send(GO)
        reader.until("setTextVector", name="GO")
        assert [element[0].get("format") for element in reader.seen if element.tag == "setBLOBVector"] == [
            f".{number}" for number in range(1, 41)
        ]
        assert fcntl.fcntl(reader.fds[0], fcntl.F_GETFL) & os.O_ACCMODE == os.O_RDONLY
        assert reopened(reader.fds[0], "<")
        assert not reopened(reader.fds[0], "<>"), "what others are given can be changed, or cut short under them"
        assert [reader.image(SIZE) for _ in range(40)] == [bytes([number]) * SIZE for number in range(1, 41)]


def test_a_compressed_image_goes_inline(tmp_path: Path) -> None:
    """Its `size` is that of what is in it, and libindi's client maps so many bytes of the descriptor."""
    with Side("inditree", tmp_path) as side:
        client = camera(side, 1, UNPACKED=str(2 * SIZE))
        local = side.local("local")
        local.send(get("Shots"), blobs("Also", "Shots"))
        local.until("defTextVector", name="GO")
        client.send(GO)
        for each in (client, local):
            each.until("setTextVector", name="GO")
            (one,) = (element[0] for element in each.seen if element.tag == "setBLOBVector")
            assert base64.b64decode(one.text or "") == bytes([1]) * SIZE
            assert one.get("size") == str(2 * SIZE)
            assert "attached" not in one.attrib
        assert not local.fds


def test_a_driver_whose_image_comes_without_its_descriptor_is_kept(tmp_path: Path) -> None:
    """indiserver ends it."""
    with Side("inditree", tmp_path) as side:
        client = camera(side, 3, BARE="3")
        client.send(GO)
        client.until("setTextVector", name="GO")
        assert [element[0].get("format") for element in client.seen if element.tag == "setBLOBVector"] == [".1", ".2"]
        assert not [element for element in client.seen if element.tag == "delProperty"]
        said = "SHOT: 1 images are attached, 0 descriptors came"
        until(lambda: said in side.servers[0].log_file.read_text(), what=said)
    (tmp_path / "theirs").mkdir()
    with Side("indiserver", tmp_path / "theirs") as side:
        camera(side, 3, "-r", "0", BARE="3").send(GO)
        assert side.servers[0].process.wait(DEADLINE) == 1
        assert "Terminated after #0 restarts" in side.servers[0].log


def test_no_image_for_a_driver_comes_by_a_descriptor(tmp_path: Path) -> None:
    """Descriptors are taken from drivers only: the client is told, and the driver hears nothing of it."""
    with Side("inditree", tmp_path) as side:
        side.serve(side.spy())
        side.warm("Spy")
        client = side.local("client")
        fd = os.memfd_create("image")
        os.pwrite(fd, b"image" * 1000, 0)
        one = "<oneBLOB name='B' size='5000' format='.x' attached='true'/>"
        data = f"<newBLOBVector device='Spy' name='IN'>{one}</newBLOBVector>".encode()
        socket.send_fds(client.sock, [data], [fd])
        os.close(fd)
        side.settle()
        client.until("message")
        told = "".join(element.get("message", "") for element in client.seen)
        assert "IN: the request was not delivered: 1 images are attached, 0 descriptors came" in told
        assert b"newBLOBVector" not in (tmp_path / "spy.1").read_bytes()


@pytest.mark.parametrize("name", ["path", "abstract"])
def test_listeners_of_the_configuration(name: str, tmp_path: Path) -> None:
    """A path has its mode and is removed at the end; an abstract name ends without a NUL."""
    path = str(tmp_path / "indi.sock") if name == "path" else f"@inditree-test-{os.getpid()}"
    mode = f", mode: '0620', owner: '{os.getuid()}:{os.getgid()}'" if name == "path" else ""
    file = tmp_path / "router.yaml"
    file.write_text(f"listen:\n  - {{tcp: 'localhost:{free_port()}'}}\n  - {{unix: '{path}'{mode}}}\n")
    router = Router(tmp_path / "log", ["serve", "--config", str(file), "--http", "off"], 0)
    try:
        router.wait_for(f"listening on {path}")
        if name == "path":
            assert stat.S_IMODE(Path(path).stat().st_mode) == 0o620
        with socket.socket(socket.AF_UNIX) as sock:
            sock.connect(path if name == "path" else "\0" + path[1:])
            LocalRecorder(sock).sync()
        assert router.stop() == 0
        assert not Path(path).exists()
    finally:
        router.process.kill()
        router.process.wait()
