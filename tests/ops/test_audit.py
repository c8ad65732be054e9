from __future__ import annotations

import json
import logging
import os
import threading
from pathlib import Path
from typing import Any

import pytest

from inditree.core.effects import Audit as Effect
from inditree.errors import StartError
from inditree.ops import audit as audit_module
from inditree.ops.audit import Audit

NEW = b'<newNumberVector device="Mount" name="COORD"><oneNumber name="RA">1.5</oneNumber></newNumberVector>'


def command(audit: Audit, data: bytes = NEW, result: str = "sent") -> None:
    audit.command(Effect("client", "10.0.0.5:4711", "main", "newNumberVector", "Mount", "COORD", data, result))


def lines(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text().splitlines()]


def test_a_command_is_a_line(tmp_path: Path) -> None:
    audit = Audit(str(tmp_path / "a"))
    command(audit)
    audit.close()
    (line,) = lines(tmp_path / "a")
    assert list(line) == ["time", "client", "listener", "element", "device", "property", "members", "result"]
    assert line.pop("time").endswith("Z")
    assert line == {
        "client": "10.0.0.5:4711",
        "listener": "main",
        "element": "newNumberVector",
        "device": "Mount",
        "property": "COORD",
        "members": {"RA": "1.5"},
        "result": "sent",
    }


def test_the_end_of_a_command_is_a_line_with_what_was_before(tmp_path: Path) -> None:
    audit = Audit(str(tmp_path / "a"))
    data = b'<newNumberVector device="Mount" name="COORD"><oneNumber name="RA">1.5</oneNumber></newNumberVector>'
    definition = (
        b'<defNumberVector device="Mount" name="COORD"><defNumber name="RA">7</defNumber>'
        b'<defNumber name="DEC">8</defNumber>'
        b"</defNumberVector>\n"
    )
    update = b'<setNumberVector device="Mount" name="COORD"><oneNumber name="RA">7.5</oneNumber></setNumberVector>\n'
    place = "client", "c", "l", "newNumberVector", "Mount", "COORD", data
    audit.command(Effect(*place, "ok", 41.40049, (definition, update)))
    audit.command(Effect(*place, "undeliverable", 0.0))
    audit.close()
    whole, undefined = lines(tmp_path / "a")
    assert list(whole)[-3:] == ["result", "was", "seconds"]
    assert (whole["members"], whole["was"], whole["seconds"]) == ({"RA": "1.5"}, {"RA": "7.5"}, 41.4)
    assert (undefined["was"], undefined["seconds"]) == ({}, 0.0)


def test_a_line_that_cannot_be_made_costs_itself_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A clock that is being set was seen to say a time beyond the calendar."""
    audit = Audit(str(tmp_path / "a"))
    with monkeypatch.context() as patched:
        patched.setattr("inditree.ops.audit.time.time", lambda: 1e30)
        command(audit)
    command(audit)
    audit.close()
    assert len(lines(tmp_path / "a")) == 1 and audit.lost == 1


def test_values_are_cut(tmp_path: Path) -> None:
    audit = Audit(str(tmp_path / "a"))
    command(audit, b'<newTextVector><oneText name="T">' + b"x" * 1000 + b"</oneText></newTextVector>")
    command(audit, b'<newBLOBVector><oneBLOB name="B">' + b"x" * 1000 + b"</oneBLOB></newBLOBVector>")
    command(audit, b"<newTextVector>" + b"<oneText name='a'>1</oneText>" * 200)
    command(audit, b"<newTextVector><one" + b" " * 20_000)
    audit.close()
    members = [line["members"] for line in lines(tmp_path / "a")]
    assert members == [{"T": "x" * 200 + "... (1000 characters)"}, {"B": "(1000 characters)"}, {}, {}]


def test_rotation(tmp_path: Path) -> None:
    file = tmp_path / "a"
    audit = Audit(str(file))
    command(audit, result="first")
    audit.reopen()
    command(audit, result="second")
    audit.close()
    assert [line["result"] for line in lines(file)] == ["first", "second"]
    audit = Audit(str(file))
    file.rename(tmp_path / "a.1")
    command(audit, result="third")
    audit.reopen()
    command(audit, result="fourth")
    audit.close()
    assert [line["result"] for line in lines(tmp_path / "a.1")] == ["first", "second", "third"]
    assert [line["result"] for line in lines(file)] == ["fourth"]


def test_a_full_disk_is_counted_and_said_once(caplog: pytest.LogCaptureFixture) -> None:
    audit = Audit("/dev/full")
    with caplog.at_level(logging.ERROR):
        for _ in range(3):
            command(audit)
        audit.close()
    assert audit.lost == 3
    assert [each.getMessage() for each in caplog.records] == ["/dev/full: No space left on device; 1 lines lost so far"]


def test_a_line_that_was_cut_off_spoils_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real, limits = os.write, [10]

    def short(descriptor: int, data: bytes) -> int:
        return real(descriptor, data[: limits.pop()] if limits else data)

    audit = Audit(str(tmp_path / "a"))
    monkeypatch.setattr(os, "write", short)
    command(audit, result="cut")
    command(audit, result="whole")
    audit.close()
    cut, whole = (tmp_path / "a").read_text().splitlines()
    assert len(cut) == 10 and json.loads(whole)["result"] == "whole" and audit.lost == 1


def test_a_disk_that_hangs_delays_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    release = threading.Event()
    real = os.write
    monkeypatch.setattr(audit_module, "MAX_WAITING", 5)
    audit = Audit(str(tmp_path / "a"))
    monkeypatch.setattr(os, "write", lambda fd, data: (release.wait(), real(fd, data))[1])
    for _ in range(20):
        command(audit)
    assert audit.lost >= 14  # one is with the disk, five wait
    release.set()
    audit.close(5)
    assert len(lines(tmp_path / "a")) == 20 - audit.lost


def test_a_file_that_cannot_be_opened_is_named(tmp_path: Path) -> None:
    with pytest.raises(StartError, match=r"^audit\.file: cannot write to .*missing/a: No such file or directory$"):
        Audit(str(tmp_path / "missing" / "a"))


def test_a_rotation_is_not_lost_with_a_full_queue(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    writing, release = threading.Event(), threading.Event()
    real = os.write
    monkeypatch.setattr(audit_module, "MAX_WAITING", 2)
    file = tmp_path / "a"
    audit = Audit(str(file))

    def hang(descriptor: int, data: bytes) -> int:
        writing.set()
        release.wait()
        return real(descriptor, data)

    monkeypatch.setattr(os, "write", hang)
    command(audit, result="with the disk")
    assert writing.wait(10)
    for number in range(3):
        command(audit, result=f"{number}")
    assert audit.lost == 1
    file.rename(tmp_path / "a.1")
    audit.reopen()
    release.set()
    audit.close(5)
    assert audit.lost == 1
    assert [line["result"] for line in lines(tmp_path / "a.1")] == ["with the disk"]
    assert [line["result"] for line in lines(file)] == ["0", "1"]


def test_a_fifo_that_nobody_reads_is_said_at_the_start_and_waited_for_by_nobody(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a")
    with pytest.raises(StartError, match="cannot write to"):
        Audit(str(tmp_path / "a"))
