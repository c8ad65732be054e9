"""64 KiB of anything from a client stop the loop for 50 ms at most, whatever the client may do here."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from live import Client, Router, serve

SIZE = 60_000
TEXT = "<newTextVector device='a' name='b'>"
GET = "<getProperties version='1.7' inditree='1'"

SENT = {
    "blanks": GET + " " * SIZE + "/>",
    "blanks and an attribute": GET + " " * SIZE + "via='a'/>",
    "names": GET + " x" * (SIZE // 2) + "/>",
    "attributes": GET + "".join(f" a{i}=''" for i in range(SIZE // 10)) + "/>",
    "blanks in a value": f"<pingRequest uid='{' ' * SIZE}'/>",
    "quotes": GET + "'\"" * (SIZE // 2),
    "greater": TEXT + "<oneText name='c'>" + ">" * SIZE + "</oneText></newTextVector>",
    "children": "<newTextVector device='a' name='b'>"
    + "<oneText name='c'></oneText>" * (SIZE // 28)
    + "</newTextVector>",
    "digits": "<newNumberVector device='a' name='b'><oneNumber name='c'>"
    + "1" * SIZE
    + "x</oneNumber></newNumberVector>",
    "ends": TEXT + "</newTextVecto " * (SIZE // 15),
    "via": GET + " via='" + "a," * (SIZE // 2) + "'/>",
    "blanks between": " \n" * (SIZE // 2),
    "elements": "<a/>" * (SIZE // 4),
    "requests": "<getProperties version='1.7' device='a'/>" * (SIZE // 41),
}


@pytest.fixture(name="router")
def _router(tmp_path: Path) -> Iterator[Router]:
    with serve(tmp_path) as router:
        yield router


def _wait(other: Client) -> float:
    begin = time.monotonic()
    other.ping()
    return time.monotonic() - begin


@pytest.mark.parametrize("name", SENT)
def test_others_hardly_wait(router: Router, name: str) -> None:
    with Client(router.port) as other:
        usual = statistics.median(_wait(other) for _ in range(20))
        waits = []
        for _ in range(3):
            with Client(router.port) as bad:
                bad.send(SENT[name])
                time.sleep(0.005)  # it is being read
                waits.append(_wait(other))
        assert min(waits) < 0.05 + 10 * usual  # the least: others use this machine too
