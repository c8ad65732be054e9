"""A file that was exchanged is noticed, the way Kubernetes does it too."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from inditree.server.watch import FileWatch, is_mounted
from inditree.tasks import Tasks
from programs.processes import until


class Mount:
    """A ConfigMap as kubelet lays it: KEY -> ..data/KEY, ..data -> a folder that is exchanged by one rename."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.number = 0
        self.put("one")
        (folder / "inditree.yaml").symlink_to("..data/inditree.yaml")

    @property
    def file(self) -> Path:
        return self.folder / "inditree.yaml"

    def put(self, text: str) -> None:
        old = self.folder / f"..2026_{self.number}"
        self.number += 1
        new = self.folder / f"..2026_{self.number}"
        new.mkdir()
        (new / "inditree.yaml").write_text(text)
        (self.folder / "..data_tmp").symlink_to(new.name)
        os.rename(self.folder / "..data_tmp", self.folder / "..data")  # noqa: PTH104 - as kubelet does it
        if old.exists():
            (old / "inditree.yaml").unlink()
            old.rmdir()


def test_the_exchange_of_a_config_map_is_told_once_each(tmp_path: Path) -> None:
    async def main() -> None:
        tasks, mount = Tasks(), Mount(tmp_path)
        told: list[str] = []
        watch = FileWatch(lambda: [mount.file], lambda: told.append(mount.file.read_text()), interval=0.01)
        watch.start(tasks)
        mount.put("two")
        await until(lambda: told == ["two"], "the first exchange")
        mount.put("three")
        await until(lambda: told == ["two", "three"], "the second")
        mount.put("three")  # the same again is a new file: whoever reads it finds nothing changed
        await until(lambda: told == ["two", "three", "three"], "the third")
        await tasks.close()

    asyncio.run(main())


def looks(watch: FileWatch, number: int = 3) -> list[bool]:
    return [watch.look() for _ in range(number)]


@pytest.fixture
def watched(tmp_path: Path) -> tuple[Path, FileWatch]:
    """A plain file, known to the watch."""
    file = tmp_path / "inditree.yaml"
    file.write_text("one")
    watch = FileWatch(lambda: [file], lambda: None)
    assert looks(watch) == [False, False, False]  # what it sees first is no change
    return file, watch


def test_a_file_that_is_being_written_is_left_alone(watched: tuple[Path, FileWatch]) -> None:
    file, watch = watched
    file.write_text("")
    assert not watch.look()
    file.write_text("drivers:")
    assert not watch.look()
    file.write_text("drivers: []")
    assert looks(watch) == [False, True, False]


def test_a_renamed_file_is_another(watched: tuple[Path, FileWatch]) -> None:
    file, watch = watched
    new = file.with_suffix(".new")
    new.write_text("one")
    os.utime(new, ns=(file.stat().st_atime_ns, file.stat().st_mtime_ns))
    new.replace(file)
    assert looks(watch) == [False, True, False]


def test_a_file_that_is_gone_is_no_change(watched: tuple[Path, FileWatch]) -> None:
    file, watch = watched
    hidden = file.rename(file.with_suffix(".old"))
    assert looks(watch) == [False, False, False]
    hidden.rename(file)
    assert looks(watch) == [False, False, False]  # the same as before
    file.unlink()
    assert looks(watch) == [False, False, False]
    file.write_text("two, longer")
    assert looks(watch) == [False, True, False]


def test_what_kubernetes_mounts_is_known_by_its_links(tmp_path: Path) -> None:
    mount = Mount(tmp_path)
    assert is_mounted(mount.file)
    plain = tmp_path / "plain" / "inditree.yaml"
    plain.parent.mkdir()
    plain.touch()
    assert not is_mounted(plain)


def test_links_in_a_circle_are_no_file(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    assert looks(FileWatch(lambda: [tmp_path / "a"], lambda: None)) == [False, False, False]


def test_of_several_files_all_are_there_before_it_is_told(tmp_path: Path) -> None:
    """A renewal writes the certificate, then the key; a listener that a reload brings adds files to watch."""
    files = [tmp_path / "cert", tmp_path / "key"]
    for each in files:
        each.write_text("one")
    watch = FileWatch(lambda: files, lambda: None)
    assert looks(watch) == [False, False, False]
    files[0].write_text("second")
    files[1].unlink()
    assert looks(watch) == [False, False, False]
    files[1].write_text("second")
    assert looks(watch) == [False, True, False]
    files.append(tmp_path / "authority")
    files[2].write_text("one")
    assert looks(watch) == [False, False, False]
    files[2].write_text("second")
    assert looks(watch) == [False, True, False]
