"""An hour with images, replayed as fast as it goes: a client hears each value in its order and each image as it was."""

from __future__ import annotations

import base64
import hashlib
import re
import shlex
import sys
from pathlib import Path

import pytest

from inditree.record.format import MAGIC, Said, pack
from inditree.record.records import pictured
from inditree.record.store import file_name
from live import Client, serve

BEGIN = 1_767_380_400_000_000  # 2026-01-02T19:00:00Z
SECONDS = 3600
PER_SECOND = 10
EVERY = 60  # seconds between two images
DEFINED = b"""<defNumberVector device='Mount' name='COORD' state='Ok' perm='rw' timestamp='2026-01-02T19:00:00'>
<defNumber name='RA' format='%g' min='0' max='0' step='0'>-1</defNumber></defNumberVector>
<defBLOBVector device='Cam' name='I' state='Ok' perm='ro'><defBLOB name='I'/></defBLOBVector>
"""


def coordinate(number: int) -> bytes:
    head = b"<setNumberVector device='Mount' name='COORD' state='Ok'>"
    return b"%s<oneNumber name='RA'>%d</oneNumber></setNumberVector>\n" % (head, number)


def picture(number: int) -> bytes:
    return hashlib.sha256(b"%d" % number).digest() * 2048


def image(number: int) -> bytes:
    data = base64.b64encode(picture(number))
    one = b"<oneBLOB name='I' size='%d' format='.fits'>%s</oneBLOB>" % (len(picture(number)), data)
    return b"<setBLOBVector device='Cam' name='I' state='Ok'>%s</setBLOBVector>\n" % one


@pytest.fixture(scope="module")
def hour(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("hour")
    half = SECONDS // 2
    for part in range(2):
        begin = BEGIN + part * half * 1_000_000
        made = [MAGIC, pack(Said(begin, "driver mount", [(0, len(DEFINED))], DEFINED, bool(part)))]
        for second in range(part * half, (part + 1) * half):
            at = BEGIN + second * 1_000_000
            said = [coordinate(second * PER_SECOND + number) for number in range(PER_SECOND)]
            cuts = [(number * 100_000, len(each)) for number, each in enumerate(said)]
            made.append(pack(Said(at, "driver mount", cuts, b"".join(said))))
            if second % EVERY == 0:
                made.append(pack(pictured(at, "driver camera", image(second // EVERY), "all")))
        (folder / file_name(begin)).write_bytes(b"".join(made))
    return folder


def test_a_client_hears_the_whole_hour_in_its_order(hour: Path, tmp_path: Path) -> None:
    go = tmp_path / "go"
    replay = shlex.join([sys.executable, "-m", "inditree", "replay", str(hour), "--speed", "max"])
    script = f"while [ ! -e {shlex.quote(str(go))} ]; do sleep 0.05; done; exec {replay}"
    end = b"<oneNumber name='RA'>%d</oneNumber></setNumberVector>" % (SECONDS * PER_SECOND - 1)
    with serve(tmp_path, shlex.join(["sh", "-c", script])) as router, Client(router.port) as client:
        client.ask()
        client.send("<enableBLOB>Also</enableBLOB>")
        client.ping()
        go.touch()
        data = bytearray()
        while end not in data[-(1 << 20) :]:
            more = client.sock.recv(1 << 18)  # raises where nothing comes for 20 s
            assert more, "closed"
            data += more
    numbers = [int(each) for each in re.findall(rb"<oneNumber name='RA'>(\d+)<", data)]
    assert numbers == list(range(SECONDS * PER_SECOND))
    images = [base64.b64decode(each) for each in re.findall(rb"<oneBLOB[^>]*>([^<]*)<", data)]
    assert images == [picture(number) for number in range(SECONDS // EVERY)]
