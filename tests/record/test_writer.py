"""Writing a record: what is in the backlog reaches the disk; one that does not take it costs the record alone."""

from __future__ import annotations

import errno
import hashlib
import os
import stat
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pybase64
import pytest

from inditree.errors import StartError
from inditree.record import writer as module
from inditree.record.backlog import BACKLOG_BYTES, Backlog, Item
from inditree.record.entries import Entry, entries
from inditree.record.format import MAGIC, Commanded, Damage, Said, unpack
from inditree.record.records import pictured, records
from inditree.record.store import read, segments
from inditree.record.writer import Plan, Writer
from live import until

MESSAGE = b'<message device="D" message="x"/>\n'
COMMAND = b'<newTextVector device="D" name="P"><oneText name="A_KEY">x</oneText></newTextVector>\n'
IMAGE = (
    b'<setBLOBVector device="C" name="I"><oneBLOB name="I" size="6" format=".fits">\n'
    b"QUJD\nREVG\n</oneBLOB></setBLOBVector>\n"
)


class Recorder:
    """A backlog and its writer."""

    def __init__(self, folder: Path, **plan: int | str) -> None:
        self.folder = folder
        self.backlog = Backlog()
        self.begun = 0
        self.plan = Plan(folder, keep=3600, **{"max_size": 1 << 30, **plan})  # type: ignore[arg-type]
        self.writer = Writer(self.plan, self.backlog, self.count)

    def count(self) -> None:
        self.begun += 1

    def say(self, data: bytes = MESSAGE, kind: str = "said", source: str = "driver d") -> None:
        self.backlog.append(Item(time.time(), kind, source, data))

    def entries(self) -> list[Entry]:
        return [each for each in read(each.path for each in segments(self.folder)) if isinstance(each, Entry)]


@pytest.fixture
def recording(tmp_path: Path) -> Iterator[Callable[..., Recorder]]:
    made: list[Recorder] = []

    def record(**plan: int | str) -> Recorder:
        made.append(Recorder(tmp_path / "night", **plan))
        return made[-1]

    yield record
    for each in made:
        each.writer.close()


def test_what_is_said_is_written_and_nobody_else_may_read_it(recording: Callable[..., Recorder]) -> None:
    night = recording()
    night.say()
    night.say(source="driver e")
    night.say(COMMAND, "commanded", "client 127.0.0.1:7")
    night.say(IMAGE, "pictured")
    until(lambda: len(night.entries()) == 4)
    assert [each.source for each in night.entries()] == ["driver d", "driver e", "client 127.0.0.1:7", "driver d"]
    assert b"A_KEY" in night.entries()[2].data and b">x<" not in night.entries()[2].data
    (segment,) = segments(night.folder)
    assert stat.S_IMODE(segment.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(night.folder.stat().st_mode) == 0o700
    assert night.begun == 1


def test_what_one_source_says_at_once_shares_a_record_and_commands_keep_their_place() -> None:
    items = [Item(5.0, "said", "a", MESSAGE), Item(5.00001, "said", "a", MESSAGE), Item(5.5, "commanded", "c", COMMAND)]
    found = list(records([*items, Item(6.0, "said", "a", MESSAGE)], "none"))
    assert [type(each) for each in found] == [Said, Commanded, Said]
    assert isinstance(found[0], Said) and found[0].cuts == [(0, len(MESSAGE)), (10, len(MESSAGE))]


def test_a_secret_in_a_shared_record_leaves_the_others_in_their_places() -> None:
    secret = COMMAND.replace(b"newText", b"setText")
    items = [Item(5.0, "said", "a", MESSAGE), Item(5.00001, "said", "a", secret), Item(5.00001, "said", "a", MESSAGE)]
    (record,) = records([*items, Item(5.00002, "said", "a", MESSAGE)], "none")
    assert isinstance(record, Said)
    told = list(entries(record))
    assert [each.time - 5_000_000 for each in told] == [0, 10, 20]
    assert [each.data for each in told] == [MESSAGE, secret.replace(b">x<", b"><") + MESSAGE, MESSAGE]


@pytest.mark.parametrize("images", ["hash", "all"])
def test_images_are_kept_whole_or_as_their_hash(images: str) -> None:
    found = pictured(1, "driver c", IMAGE, images)
    assert (found.hashes, found.sizes) == ([hashlib.sha256(b"ABCDEF").hexdigest()], [6])
    assert (found.data == IMAGE) is (images == "all")
    assert (b"QUJD" in found.data) is (images == "all")
    assert found.whole is (images == "all")


def test_of_several_images_each_has_its_hash() -> None:
    two = IMAGE.replace(
        b"</setBLOBVector>", b"<oneBLOB name='>' size='1'>" + pybase64.b64encode(b"Z") + b"</oneBLOB></setBLOBVector>"
    )
    assert pictured(1, "driver c", two, "hash").sizes == [6, 1]


def test_of_an_image_that_is_called_a_secret_nothing_is_kept() -> None:
    made = pictured(1, "driver c", IMAGE.replace(b'name="I" size', b'name="A_KEY" size'), "all")
    assert b"QUJD" not in made.data and b"A_KEY" in made.data
    assert made.hashes == [hashlib.sha256(b"").hexdigest()] and made.sizes == [0]


def test_a_killed_writer_leaves_all_but_the_last_moment(recording: Callable[..., Recorder]) -> None:
    night = recording()
    for _ in range(10):
        night.say()
    until(lambda: len(night.entries()) == 10)  # without its end: as after a kill
    assert not any(isinstance(each, Damage) for each in unpack(segments(night.folder)[0].path.read_bytes()))


def test_a_full_segment_is_followed_by_another_and_the_oldest_go(recording: Callable[..., Recorder]) -> None:
    night = recording(max_size=20_000)
    sent = 0
    while night.begun < 15:
        night.say(os.urandom(200))
        sent += 1
        until(lambda: night.writer._backlog._items == [], what="the backlog was taken")
    until(lambda: sum(each.size for each in segments(night.folder)) <= 24_000)
    assert len(night.entries()) < sent
    assert night.writer.figures.oldest is not None
    assert night.writer.figures.lost == 0


def test_a_full_disk_is_counted_and_it_goes_on(
    recording: Callable[..., Recorder], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    night = recording()
    night.say()
    until(lambda: len(night.entries()) == 1)
    whole = module._write_whole

    def full(file: int, data: bytes) -> None:
        os.write(file, data[: len(data) // 2])
        raise OSError(errno.ENOSPC, "No space left on device")

    with caplog.at_level("INFO", "inditree.record"):
        monkeypatch.setattr(module, "_write_whole", full)
        for number in range(3):
            night.say(source=f"driver {number}")
        until(lambda: night.writer.figures.lost == 3)
        monkeypatch.setattr(module, "_write_whole", whole)
        night.say()
        until(lambda: "is written again" in caplog.text)
        night.say(source="driver 9")
        until(lambda: len(night.entries()) == 4)
    before, resumed, gap, after = night.entries()
    assert b"has a gap before this: 3 of its records were lost" in gap.data and gap.source == "record"
    assert gap.time <= after.time and before.time <= resumed.time
    assert caplog.text.count("is losing data: No space left on device") == 1
    assert not any(isinstance(each, Damage) for each in read(each.path for each in segments(night.folder)))


def test_a_disk_with_room_for_the_beginning_of_a_segment_alone_is_not_filled_with_those(
    recording: Callable[..., Recorder], monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = module._write_whole

    def full(file: int, data: bytes) -> None:
        if data != MAGIC:
            raise OSError(errno.ENOSPC, "No space left on device")
        whole(file, data)

    monkeypatch.setattr(module, "_write_whole", full)
    night = recording()
    for number in range(3):
        night.say(source=f"driver {number}")
        until(lambda lost=number: night.writer.figures.lost > lost)  # type: ignore[misc]
    assert segments(night.folder) == []
    assert night.begun == 0
    monkeypatch.setattr(module, "_write_whole", whole)
    night.say()
    until(lambda: len(night.entries()) == 1)
    until(lambda: night.begun == 1)


def test_a_disk_that_is_full_only_when_it_is_synced_is_counted_too_and_bounded(
    recording: Callable[..., Recorder], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """NFS takes what is written and says at the sync that there was no room."""
    whole = os.fdatasync

    def full(file: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with caplog.at_level("INFO", "inditree.record"):
        monkeypatch.setattr(os, "fdatasync", full)
        night = recording(max_size=20_000)
        night.say()
        until(lambda: night.writer.figures.lost > 0)
        while night.begun < 15:
            night.say(os.urandom(200))
            until(lambda: night.writer._backlog._items == [], what="the backlog was taken")
        until(lambda: sum(each.size for each in segments(night.folder)) <= 24_000)
        assert caplog.text.count("is losing data: No space left on device") == 1
        assert "has missed something" not in caplog.text and "is written again" not in caplog.text
        monkeypatch.setattr(os, "fdatasync", whole)
        night.say()
        until(lambda: "is written again" in caplog.text)


def test_a_slow_disk_bounds_what_waits() -> None:
    backlog = Backlog()
    piece = b"x" * (BACKLOG_BYTES // 4)
    assert [backlog.append(Item(0.0, "said", "d", piece)) for _ in range(6)] == [True] * 4 + [False] * 2
    assert backlog.lost == 2
    assert len(backlog.pop_all()) == 4
    assert backlog.append(Item(0.0, "said", "d", piece))


def test_one_router_records_to_a_folder(recording: Callable[..., Recorder]) -> None:
    night = recording()
    with pytest.raises(StartError, match="another router records there"):
        Writer(night.plan, Backlog(), night.count)


def test_a_folder_that_cannot_be_had_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StartError, match=r"record\.dir .*file/night: Not a directory"):
        Writer(Plan(tmp_path / "file" / "night", 1, 1), Backlog(), lambda: None)


def test_a_lock_that_leads_out_of_the_folder_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "night").mkdir()
    (tmp_path / "night" / ".lock").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(StartError, match=r"record\.dir .*night: "):
        Writer(Plan(tmp_path / "night", 1, 1), Backlog(), lambda: None)
    assert not (tmp_path / "elsewhere").exists()


@pytest.mark.parametrize("instead", ["nothing", "a file"])
def test_a_folder_that_is_taken_away_is_said_and_what_is_lost_is_counted(
    recording: Callable[..., Recorder], caplog: pytest.LogCaptureFixture, instead: str
) -> None:
    """To go on writing to a file that has no name any more looks well and keeps nothing."""
    caplog.set_level("INFO")
    night = recording()
    night.say()
    until(lambda: len(night.entries()) == 1)
    elsewhere = night.folder.rename(night.folder.with_name("elsewhere"))
    if instead == "a file":
        night.folder.write_bytes(b"")
    until(lambda: "is losing data: its file is gone" in caplog.text)
    night.say()
    until(lambda: night.writer.figures.lost == 1)
    if instead == "a file":
        night.folder.unlink()
    elsewhere.rename(night.folder)
    night.say(source="driver e")
    until(lambda: [each.source for each in night.entries()][-1:] == ["driver e"])
    until(lambda: "is written again" in caplog.text)
