"""A router that records: what its clients heard is in the record, commands too, and a kill costs a moment."""

from __future__ import annotations

import hashlib
import json
import os
import shlex
import signal
import stat
import subprocess
import sys
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest

from inditree.record.entries import Entry
from inditree.record.store import read, segments
from live import Client, Router, serve, until
from ports import free_port
from waiting import DEADLINE

DEFINITION = (
    b"<defNumberVector device='D' name='N' state='Idle' perm='rw' timestamp='2026-01-02T03:04:05'>"
    b"<defNumber name='x' format='%g' min='0' max='9' step='1'>0</defNumber></defNumberVector>\n"
)
BLOB = b"<defBLOBVector device='D' name='I' state='Idle' perm='ro'><defBLOB name='I'/></defBLOBVector>\n"
DRIVER = """#!{python}
import base64, re, sys, time
out = sys.stdout.buffer
out.write({first!r}); out.flush()
for line in sys.stdin.buffer:
    value = re.search(rb"<oneNumber name=.x.>([^<]*)<", line)
    if value:
        for state in (b"Busy", b"Ok"):
            out.write(b"<setNumberVector device='D' name='N' state='%s' timestamp='2026-01-02T03:04:06'>"
                      b"<oneNumber name='x'>%s</oneNumber></setNumberVector>\\n" % (state, value[1]))
        image = b"picture " + value[1]
        out.write(b"<setBLOBVector device='D' name='I' state='Ok'><oneBLOB name='I' size='%d' format='.txt'>"
                  b"%s</oneBLOB></setBLOBVector>\\n" % (len(image), base64.b64encode(image)))
        out.flush()
"""


@pytest.fixture
def driver(tmp_path: Path) -> str:
    file = tmp_path / "driver"
    file.write_text(DRIVER.format(python=sys.executable, first=DEFINITION + BLOB))
    file.chmod(0o755)
    return str(file)


@pytest.fixture
def configured(tmp_path: Path, driver: str) -> Callable[..., list[str]]:
    def words(images: str = "none", **more: str) -> list[str]:
        keys = "".join(f", {key}: {value}" for key, value in more.items())
        text = f"drivers: [{{exec: [{driver}]}}]\nrecord: {{dir: {tmp_path / 'night'}, images: {images}{keys}}}\n"
        (tmp_path / "config.yaml").write_text(text)
        return ["--config", str(tmp_path / "config.yaml")]

    return words


def recorded(folder: Path) -> list[Entry]:
    return [each for each in read(each.path for each in segments(folder)) if isinstance(each, Entry)]


def command(client: Client, value: int) -> None:
    client.send(f"<newNumberVector device='D' name='N'><oneNumber name='x'>{value}</oneNumber></newNumberVector>\n")
    client.take("state='Ok'.*?</setNumberVector>")


def night(router: Router, *values: int) -> None:
    """A client that commands and hears."""
    with Client(router.port) as client:
        client.ask("D")
        client.take("</defBLOBVector>")
        for value in values:
            command(client, value)


@pytest.mark.parametrize("images", ["none", "hash", "all"])
def test_a_night(tmp_path: Path, configured: Callable[..., list[str]], images: str) -> None:
    folder = tmp_path / "night"
    with serve(tmp_path, *configured(images)) as router:
        night(router, 3)
        until(lambda: sum(each.data.count(b"</setNumber") for each in recorded(folder)) == 2, what="all is written")
        until(lambda: images == "none" or any(each.hashes for each in recorded(folder)), what="the image is written")
    found = [each for each in recorded(folder) if not each.known]
    said = b"".join(each.data for each in found if each.source == "driver driver" and not each.hashes)
    assert said.startswith(DEFINITION + BLOB)
    assert said.count(b"<setNumberVector") == 2
    assert b"delProperty" not in said  # what the router says as it stops
    (asked,) = (each for each in found if each.result)
    assert asked.result == "sent" and asked.source.startswith("client 127.0.0.1:")
    pictures = [each for each in found if each.hashes]
    if images == "none":
        assert pictures == []
    else:
        (picture,) = pictures
        assert picture.hashes == (hashlib.sha256(b"picture 3").hexdigest(),)
        assert picture.whole is (images == "all")
    for each in segments(folder):
        assert stat.S_IMODE(each.path.stat().st_mode) == 0o600


def test_a_killed_router_leaves_all_but_the_last_moment(tmp_path: Path, configured: Callable[..., list[str]]) -> None:
    folder = tmp_path / "night"
    with serve(tmp_path, *configured()) as router:
        night(router, 1, 2, 3)
        until(lambda: sum(each.data.count(b"<setNumber") for each in recorded(folder)) == 6)
        router.process.send_signal(signal.SIGKILL)
        router.process.wait(10)
    assert sum(each.data.count(b"<setNumber") for each in recorded(folder)) == 6


def test_only_the_devices_that_are_wanted(tmp_path: Path, configured: Callable[..., list[str]]) -> None:
    with serve(tmp_path, *configured(devices='["Other*"]')) as router:
        night(router, 1)
    assert recorded(tmp_path / "night") == []


def test_the_history_and_the_metrics(tmp_path: Path, configured: Callable[..., list[str]]) -> None:
    http = f"127.0.0.1:{free_port()}"

    def get(path: str) -> bytes:
        with urllib.request.urlopen(f"http://{http}{path}", timeout=DEADLINE) as answer:
            return bytes(answer.read())

    with serve(tmp_path, *configured(), http=http) as router:
        night(router, 7)
        query = "/api/v1/history?device=D&property=N&member=x"
        until(lambda: len(get(query).splitlines()) == 4)
        found = [json.loads(line) for line in get(query).splitlines()]
        assert next(iter(found[0]["element"])) == "defNumberVector"
        assert {each.get("result") for each in found} == {None, "sent"}
        assert len(get(query + "&limit=2").splitlines()) == 2
        assert get("/api/v1/history?to=2026-01-01") == b""
        assert json.loads(get("/api/v1/record"))["dir"] == str(tmp_path / "night")
        assert b"indi_record_lost_total 0.0" in get("/metrics")
        with pytest.raises(urllib.error.HTTPError) as refused:
            get("/api/v1/history?limit=0")
        assert json.loads(refused.value.read()) == {"error": "limit: '0' is not a number from 1 to 100000"}
        (tmp_path / "night" / "2026-01-01T00-00-00.000000Z.rec").write_text("another program's")
        with pytest.raises(urllib.error.HTTPError) as refused:
            get(query)
        assert refused.value.code == 503
        assert "record.dir" in json.loads(refused.value.read())["error"]


def inditree(*words: str, port: int | None = None) -> subprocess.CompletedProcess[str]:
    extra = {"INDITREE_PORT": str(port)} if port else {}
    env = {**os.environ, **extra}
    return subprocess.run(
        [sys.executable, "-m", "inditree", *words], capture_output=True, text=True, timeout=60, env=env
    )


def test_the_commands(tmp_path: Path, configured: Callable[..., list[str]]) -> None:
    folder = tmp_path / "night"
    with serve(tmp_path, *configured("hash"), env={"XDG_RUNTIME_DIR": str(tmp_path)}) as router:
        night(router, 4)
        until(lambda: any(each.hashes for each in recorded(folder)))
    table = inditree("record", "export", str(folder), "--csv", "D.N.x").stdout.splitlines()
    assert table[0] == "time,device,property,member,value,state"
    values = sorted(line.split(",", 1)[1] for line in table[1:])
    assert values == ["D,N,x,0,Idle", "D,N,x,4,Busy", "D,N,x,4,Ok", "D,N,x,4,asked"]
    assert inditree("record", "list", "--config", str(tmp_path / "config.yaml")).stdout.count(".rec") == 1
    assert "setBLOBVector D.I Ok" in inditree("record", "show", "--dir", str(folder)).stdout
    lone = inditree("record", "show", "D.N", "--dir", str(folder))  # a word that names no file is the pattern
    assert (lone.returncode, lone.stderr) == (0, "")
    assert lone.stdout.splitlines() and all(" D.N " in line for line in lone.stdout.splitlines())
    wrong = inditree("record", "show", str(tmp_path / "nowhere"))
    assert (wrong.returncode, wrong.stderr) == (1, f"inditree: {tmp_path / 'nowhere'}: no such file or directory\n")


def test_a_replay(tmp_path: Path, configured: Callable[..., list[str]]) -> None:
    with serve(tmp_path, *configured("all")) as router:
        night(router, 5, 6)
        until(lambda: sum(bool(each.hashes) for each in recorded(tmp_path / "night")) == 2)
    replay = shlex.join([sys.executable, "-m", "inditree", "replay", str(tmp_path / "night"), "--speed", "max"])
    with serve(tmp_path, replay, name="replaying") as router, Client(router.port) as client:
        client.ask("D")
        client.send("<enableBLOB device='D'>Also</enableBLOB>")
        client.take("<defNumberVector device='D' name='N'.*?timestamp='2026-01-02T03:04:0")
        until(lambda: b">6<" in asked_again(router), what="the last state")
        client.silent(0.2)
        command(client, 5)  # as it was then, with its time stamps
        client.send("<newNumberVector device='D' name='N'><oneNumber name='x'>1</oneNumber></newNumberVector>\n")
        client.take("state='Alert' message=\"N: the record has no such command\"")


def test_an_exposure_of_a_replay_gives_its_image(tmp_path: Path) -> None:
    """To a client that comes when the night has been played: as a camera would."""
    night = tmp_path / "night"
    config = tmp_path / "camera.yaml"
    config.write_text(f"drivers: [{{exec: [inditree-camera]}}]\nrecord: {{dir: {night}, images: all}}\n")
    camera, exposure = "Py Camera", "<newNumberVector device='Py Camera' name='CCD_EXPOSURE'>{}</newNumberVector>"
    with serve(tmp_path, "--config", str(config), name="camera") as router, Client(router.port) as client:
        router.wait_for(f"{camera}: provided by")
        client.ask(camera)
        client.send(f"<enableBLOB device='{camera}'>Also</enableBLOB>")
        switch = "<oneSwitch name='CONNECT'>On</oneSwitch>"
        client.send(f"<newSwitchVector device='{camera}' name='CONNECTION'>{switch}</newSwitchVector>")
        client.take("<defNumberVector[^>]*CCD_EXPOSURE")
        images = []
        for seconds in (0.5, 0.25):
            client.send(exposure.format(f"<oneNumber name='CCD_EXPOSURE_VALUE'>{seconds}</oneNumber>"))
            images.append(client.take("<setBLOBVector.*?</setBLOBVector>")[0])
        until(lambda: sum(bool(each.hashes) for each in recorded(night)) == 2)
    replay = shlex.join([sys.executable, "-m", "inditree", "replay", str(night), "--speed", "max"])
    with serve(tmp_path, replay, name="replaying") as router:
        with Client(router.port) as first:
            first.ask()
            first.send("<enableBLOB>Also</enableBLOB>")
            first.take("<setBLOBVector.*?</setBLOBVector>.*<setBLOBVector.*?</setBLOBVector>")
        with Client(router.port) as client:
            client.ask(camera)
            client.send(f"<enableBLOB device='{camera}'>Also</enableBLOB>")
            client.ping()
            client.send(exposure.format("<oneNumber name='CCD_EXPOSURE_VALUE'>0.25</oneNumber>"))
            assert client.take("<setBLOBVector.*?</setBLOBVector>")[0] == images[1]
            client.send(exposure.format("<oneNumber name='CCD_EXPOSURE_VALUE'>0.5</oneNumber>"))
            assert client.take("<setBLOBVector.*?</setBLOBVector>")[0] == images[0]


def asked_again(router: Router) -> bytes:
    with Client(router.port) as client:
        client.ask("D")
        return bytes(client.take("<defNumberVector.*?</defNumberVector>")[0])


def test_a_reload_takes_other_bounds(tmp_path: Path, configured: Callable[..., list[str]]) -> None:
    folder = tmp_path / "night"
    with serve(tmp_path, *configured()) as router:
        night(router, 1)
        configured("hash")
        router.process.send_signal(signal.SIGHUP)
        router.wait_for("configuration read again: record")
        night(router, 2)
        until(lambda: any(each.hashes for each in recorded(folder)))
