"""`inditree get|set|watch|image` as people run them, against each of the three servers with real simulators."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from live import serve, until
from ports import free_port

CCD, MOUNT = "CCD Simulator", "Telescope Simulator"


def inditree(port: int, *words: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "inditree", *words],
        env={**os.environ, "INDITREE_PORT": str(port), "INDITREE_HOST": "127.0.0.1"},
        capture_output=True,
        text=True,
        timeout=90,
        cwd=cwd,
    )


@contextlib.contextmanager
def other(*command: str) -> Iterator[None]:
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


INDIPYSERVER = """
import asyncio, sys
from indipyserver import IPyServer
server = IPyServer(host="127.0.0.1", port=int(sys.argv[1]), maxconnections=5)
for name in sys.argv[2:]:
    server.add_exdriver(name)
asyncio.run(server.asyncrun())
"""


@pytest.fixture(scope="module", params=["inditree", "indiserver", "indipyserver"])
def port(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    drivers = ["indi_simulator_telescope", "indi_simulator_ccd"]
    folder, number = tmp_path_factory.mktemp("server"), free_port()
    with contextlib.ExitStack() as stack:
        if request.param == "inditree":
            stack.enter_context(serve(folder, *drivers, port=number))
        elif request.param == "indiserver":
            stack.enter_context(other("indiserver", "-p", str(number), "-u", str(folder / "socket"), *drivers))
        else:
            stack.enter_context(other(sys.executable, "-c", INDIPYSERVER, str(number), *drivers))
        names = [f"{device}.CONNECTION.CONNECT" for device in (CCD, MOUNT)]
        until(
            lambda: inditree(number, "get", *names, "--timeout", "1s").returncode == 0, 30, "the simulators are there"
        )
        connected = inditree(number, "set", *(f"{name}=On" for name in names), "--wait", "30s")
        assert (connected.returncode, connected.stderr.count("ended")) == (0, 0), connected.stderr
        yield number


@pytest.fixture
def silent_to_pings(request: pytest.FixtureRequest) -> bool:
    """Whether the server is one that leaves pings unanswered."""
    return "indipyserver" in request.node.name


def test_get(port: int) -> None:
    done = inditree(port, "get", f"{MOUNT}.CONNECTION", f"{CCD}.CONNECTION.CONNECT")
    assert done.returncode == 0, done.stderr
    assert set(done.stdout.splitlines()) == {
        f"{MOUNT}.CONNECTION.CONNECT=On",
        f"{MOUNT}.CONNECTION.DISCONNECT=Off",
        f"{CCD}.CONNECTION.CONNECT=On",
    }


def test_get_everything_by_a_glob(port: int) -> None:
    wanted = [f"{CCD}.CONNECTION.CONNECT=On", f"{MOUNT}.CONNECTION.CONNECT=On"]
    until(lambda: sorted(inditree(port, "get", "*.CONNECTION.CONNECT").stdout.splitlines()) == wanted, what="both")


def test_get_as_json(port: int) -> None:
    done = inditree(port, "get", f"{MOUNT}.EQUATORIAL_EOD_COORD.RA", "--json")
    (line,) = done.stdout.splitlines()
    body = json.loads(line)["defNumberVector"]
    assert (body["device"], body["name"], [item["name"] for item in body["items"]]) == (
        MOUNT,
        "EQUATORIAL_EOD_COORD",
        ["RA"],
    )


def test_what_is_not_there(port: int) -> None:
    done = inditree(port, "get", f"{MOUNT}.NO_SUCH.THING", "--timeout", "1s")
    assert (done.returncode, done.stdout) == (4, "")
    assert done.stderr == f"inditree get: {MOUNT}.NO_SUCH.THING: did not appear within 1 s\n"


def test_set_and_wait_until_it_is_done(port: int) -> None:
    done = inditree(port, "set", f"{CCD}.CCD_TEMPERATURE.CCD_TEMPERATURE_VALUE=-1", "--wait", "60s")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"{CCD}.CCD_TEMPERATURE.CCD_TEMPERATURE_VALUE=-")


def test_set_without_waiting_arrives_all_the_same(port: int) -> None:
    assert inditree(port, "set", f"{CCD}.UPLOAD_SETTINGS.UPLOAD_PREFIX=of_a_test").returncode == 0
    wanted = f"{CCD}.UPLOAD_SETTINGS.UPLOAD_PREFIX"
    until(lambda: inditree(port, "get", wanted).stdout == f"{wanted}=of_a_test\n", what="the value is there")


def test_a_command_that_cannot_be(port: int) -> None:
    done = inditree(port, "set", f"{MOUNT}.CONNECTION.SIDEWAYS=On")
    assert done.returncode == 3
    assert done.stderr == (f"inditree set: {MOUNT}.CONNECTION has no member SIDEWAYS (it has CONNECT, DISCONNECT)\n")


def test_images(port: int, silent_to_pings: bool, tmp_path: Path) -> None:
    if silent_to_pings:  # libindi's camera waits for the answer to its ping, for ever, before a second image
        done = inditree(port, "image", CCD, "--expose", "0.1", "-o", "{device}-{n}", cwd=tmp_path)
        assert (done.returncode, done.stdout) == (0, f"{CCD}-1.fits\n"), done.stderr
        return
    done = inditree(port, "image", CCD, "--expose", "0.1", "-n", "2", "-o", "{device}-{n}", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [f"{CCD}-1.fits", f"{CCD}-2.fits"]
    assert (tmp_path / f"{CCD}-1.fits").read_bytes().startswith(b"SIMPLE  =                    T")
    again = inditree(port, "image", CCD, "--expose", "0.1", "-o", "{device}-{n}", cwd=tmp_path)
    assert again.stdout == f"{CCD}-1_2.fits\n"


def test_watch(port: int, tmp_path: Path) -> None:
    name = f"{CCD}.UPLOAD_SETTINGS.UPLOAD_PREFIX"
    with (tmp_path / "watched").open("wb") as out:
        watching = subprocess.Popen(
            [sys.executable, "-m", "inditree", "watch", name, "--port", str(port), "--host", "127.0.0.1"], stdout=out
        )
    try:
        file = tmp_path / "watched"
        until(lambda: file.read_text() != "")
        inditree(port, "set", f"{name}=watched", "--wait", "20s")
        until(lambda: file.read_text().endswith(f"{name}=watched\n"), what="the change is printed")
    finally:
        watching.send_signal(signal.SIGINT)
    assert watching.wait(10) == 0


@contextlib.contextmanager
def buttons(*answers: tuple[str, str]) -> Iterator[int]:
    """A server with two buttons that answers in one write, for each with these states and values; its port."""
    definition = (
        '<defSwitchVector device="A" name="{0}" state="Ok" perm="rw" rule="AtMostOne">'
        '<defSwitch name="GO">Off</defSwitch></defSwitchVector>'
    )
    answer = '<setSwitchVector device="A" name="{0}" state="{1}"><oneSwitch name="GO">{2}</oneSwitch></setSwitchVector>'
    said = "".join(answer.format(name, *each) for name in ("P", "Q") for each in answers).encode()

    def answering(listener: socket.socket) -> None:
        peer, _ = listener.accept()
        heard = b""
        with peer:
            while data := peer.recv(65536):
                before, heard = heard, heard + data
                if b"inditree-end" not in before and b"inditree-end" in heard:
                    told = "".join(definition.format(name) for name in ("P", "Q"))
                    peer.sendall((told + '<pingReply uid="inditree-end"/>').encode())
                if heard.count(b"</newSwitchVector>") == 2 and before.count(b"</newSwitchVector>") < 2:
                    peer.sendall(said)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=answering, args=(listener,))
        thread.start()
        yield listener.getsockname()[1]
        thread.join(20)


def test_buttons_that_spring_back_have_answered() -> None:
    with buttons(("Ok", "Off")) as port:
        done = inditree(port, "set", "A.P.GO=On", "A.Q.GO=On", "--wait")  # ten minutes, unless it sees that it is over
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "A.P.GO=Off\nA.Q.GO=Off\n"


def test_what_is_said_in_one_breath_is_heard_to_its_end() -> None:
    with buttons(("Ok", "Off"), ("Busy", "Off"), ("Alert", "Off")) as port:
        done = inditree(port, "set", "A.P.GO=On", "A.Q.GO=On", "--wait")
    assert done.returncode == 3
    assert done.stderr.count("ended in Alert") == 2


def test_nobody_there() -> None:
    port = free_port()
    done = inditree(port, "get")
    assert (done.returncode, done.stderr) == (
        1,
        f"inditree: no INDI server answers at 127.0.0.1:{port}: Connection refused\n",
    )


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["get", "A..B"], "'A..B' has an empty part: DEVICE[.PROPERTY[.MEMBER]]"),
        (["set", "A.B=1"], "'A.B=1' is not DEVICE.PROPERTY.MEMBER=VALUE"),
        (["set", "A.B.C=1", "--wait", "soon"], "--wait: 'soon' is not a duration (500ms, 10s, 5m, 1h, 14d)"),
        (["get", "--port", "x"], "--port: 'x' is not a port (1 to 65535)"),
        (["image", "C", "-o", "a{b}"], "-o: 'a{b}': {b} is none of {device} {property} {n} {time}"),
        (["image", "C", "-n", "2", "-o", "x.fits"], "-o: 'x.fits' is one name for 2 images: add {n} or {time}"),
        (["image", "C", "-o", "/etc/passwd"], "-o: /etc/passwd exists already: nothing is overwritten"),
    ],
)
def test_wrong_use(words: list[str], message: str) -> None:
    done = inditree(free_port(), *words)
    assert (done.returncode, done.stderr) == (2, f"inditree: {message}\n")
