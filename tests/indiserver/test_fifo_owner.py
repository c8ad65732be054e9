"""Whose FIFO it is: who may write to it runs programs as the router's user."""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import cast

import pytest

from inditree.config import Restart
from inditree.errors import StartError
from inditree.indiserver import fifo
from inditree.indiserver.fifo import Fifo
from inditree.server.units import Units
from inditree.transport.engine import Engine

STRANGER = 65534


class NoUnits:
    drivers: dict[str, object] = {}  # noqa: RUF012 - nobody writes to it
    remotes: dict[str, object] = {}  # noqa: RUF012


class LoopOnly:
    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()


def opened(path: Path, work: Callable[[Fifo], None] = Fifo.stop) -> None:
    """Read it as the drop-in does, do something, and stop."""

    async def main() -> None:
        reader = Fifo(str(path), Restart(), cast(Engine, LoopOnly()), cast(Units, NoUnits()))
        reader.start()
        work(reader)
        reader.stop()

    asyncio.run(main())


def strangers(path: Path, patch: pytest.MonkeyPatch) -> None:
    """Give it to another user. Who is not root may not: there we are the other one."""
    if os.geteuid() == 0:
        os.chown(path, STRANGER, STRANGER, follow_symlinks=False)
    else:
        patch.setattr(fifo, "own_user", lambda: STRANGER)


@pytest.fixture(name="place")
def _place(tmp_path: Path) -> Iterator[Path]:
    """Where anybody may put something: a folder as /tmp is; /tmp itself for who is not root, as it is to be root's."""
    folder = Path(tempfile.gettempdir())
    if os.geteuid() == 0:
        folder = tmp_path / "shared"
        folder.mkdir()
        folder.chmod(0o1777)
    path = folder / f"fifo{os.getpid()}"
    yield path
    path.unlink(missing_ok=True)


def fds() -> int:
    return len(os.listdir("/proc/self/fd"))  # noqa: PTH208


def test_a_strangers_fifo_where_anybody_may_put_one_is_not_read(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    os.mkfifo(place)
    opened(place)
    strangers(place, monkeypatch)
    before = fds()
    with pytest.raises(StartError, match=r"belongs to user .*, who could start programs by it"):
        opened(place)
    assert fds() == before


def test_a_strangers_link_there_is_not_followed(place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernel refuses it first where it has `protected_symlinks`."""
    os.mkfifo(tmp_path / "ours")
    place.symlink_to(tmp_path / "ours")
    opened(place)
    strangers(place, monkeypatch)
    with pytest.raises(StartError, match=r"belongs to user|Permission denied"):
        opened(place)


def test_in_a_folder_of_somebody_its_owner_decides(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A FIFO that a container is given belongs to a user of the host."""
    os.mkfifo(tmp_path / "fifo")
    strangers(tmp_path / "fifo", monkeypatch)
    opened(tmp_path / "fifo")


def test_what_is_put_in_its_place_meanwhile_is_no_command(
    place: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """It is opened anew when a writer has gone: then the same holds as at the start."""
    os.mkfifo(place)

    def work(reader: Fifo) -> None:
        place.unlink()
        os.mkfifo(place)
        strangers(place, monkeypatch)
        reader._hung_up()

    opened(place, work)
    assert "is gone: belongs to user" in caplog.text


def test_a_flood_of_lines_goes_in_small_steps(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    os.mkfifo(tmp_path / "fifo")

    def work(reader: Fifo) -> None:
        writer = os.open(tmp_path / "fifo", os.O_WRONLY)
        os.write(writer, b"a\n" * 16_000)
        reader._readable()
        os.close(writer)

    opened(tmp_path / "fifo", work)
    assert 1 <= caplog.text.count("neither start nor stop") <= fifo.READ_BYTES // 2
