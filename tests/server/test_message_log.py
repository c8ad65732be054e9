"""The log of drivers' messages: one file for a day of the clock, written beside the loop."""

from __future__ import annotations

import os
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from inditree.indiserver.message_log import MessageLog

DRIVER: Any = SimpleNamespace(name="driver")


def said(day: str, text: str) -> bytes:
    return f"<message device='M' timestamp='{day}T01:02:03' message='{text}'/>\n".encode()


def test_a_driver_cannot_make_a_file_for_each_date_that_it_invents(tmp_path: Path) -> None:
    log = MessageLog(str(tmp_path))
    now = datetime.now(UTC)
    yesterday = (now - timedelta(1)).strftime("%Y-%m-%d")
    for day in ("1970-01-01", "9999-12-31", "../../etc/x", yesterday, now.strftime("%Y-%m-%d")):
        log.feed(DRIVER, said(day, "hello"))
    log.finish()
    names = sorted(each.name for each in tmp_path.iterdir())
    assert len(names) == 2 and names[0] == f"{yesterday}.islog"
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\d\.islog", name) for name in names)
    today = (tmp_path / names[1]).read_text().splitlines()
    assert today[:2] == ["1970-01-01T01:02:03: M: hello", "9999-12-31T01:02:03: M: hello"]  # in their order


def test_a_disk_that_stands_still_stops_nobody(tmp_path: Path) -> None:
    for days in (-1, 0, 1):
        os.mkfifo(tmp_path / f"{(datetime.now(UTC) + timedelta(days)).strftime('%Y-%m-%d')}.islog")  # nobody reads
    log = MessageLog(str(tmp_path))
    for number in range(12_000):
        log.feed(DRIVER, said("2026-01-01", str(number)))
    assert log.lost > 0
    log.finish()  # and neither is stopped for good


def test_a_link_in_the_place_of_a_file_is_not_followed(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """In a folder where others may write, too, it would have the router write to any file that it may write to."""
    (tmp_path / "there").write_text("somebody's\n")
    for days in (-1, 0, 1):
        name = f"{(datetime.now(UTC) + timedelta(days)).strftime('%Y-%m-%d')}.islog"
        (tmp_path / name).symlink_to(tmp_path / ("missing" if days else "there"))
    log = MessageLog(str(tmp_path))
    for days in (-1, 0, 1):
        log.feed(DRIVER, said((datetime.now(UTC) + timedelta(days)).strftime("%Y-%m-%d"), "hello"))
    log.finish()
    assert (tmp_path / "there").read_text() == "somebody's\n"
    assert not (tmp_path / "missing").exists()
    assert caplog.text.count("messages are not logged") == 1


def test_what_is_no_xml_is_logged_as_clients_get_it(tmp_path: Path) -> None:
    """A mount that quotes a garbled answer is what somebody looks for in there."""
    log = MessageLog(str(tmp_path))
    day = datetime.now(UTC).strftime("%Y-%m-%d")
    for text in ("R & D", "[SCOPE] RES \x06\x15#", "status <OK>", "\xb0"):
        log.feed(DRIVER, said(day, text).decode().encode("latin-1"))
    log.feed(
        DRIVER, f"<message timestamp='{day}T01:02:03' message='whose'/><message message=x/><message messa".encode()
    )
    log.finish()
    (file,) = tmp_path.iterdir()
    texts = [line.split(": ", 1)[1] for line in file.read_text().splitlines()]
    assert texts == ["M: R & D", "M: [SCOPE] RES ??#", "M: status <OK>", "M: \xb0", "driver: whose"]
