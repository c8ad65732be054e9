"""The file of the profiles, in a folder where others may write, too."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from inditree.webmanager.profiles import FILE, Profile, Store


@pytest.mark.parametrize("target", ["there", "missing"])
def test_a_link_in_the_place_of_the_new_file_is_not_followed(tmp_path: Path, target: str) -> None:
    """Who may write there would have the router write over any file that it may write to."""
    (tmp_path / "there").write_text("somebody's")
    (tmp_path / f"{FILE}.new").symlink_to(tmp_path / target)
    store = Store(str(tmp_path))
    asyncio.run(store.put("P", Profile(id=1)))
    assert (tmp_path / "there").read_text() == "somebody's"
    assert not (tmp_path / "missing").exists()
    assert "P" in Store(str(tmp_path)).profiles


def test_what_a_kill_left_behind_is_no_hindrance(tmp_path: Path) -> None:
    (tmp_path / f"{FILE}.new").write_text("half")
    os.mkfifo(tmp_path / "pipe")
    store = Store(str(tmp_path))
    asyncio.run(store.put("P", Profile(id=1)))
    (tmp_path / "pipe").rename(tmp_path / f"{FILE}.new")
    asyncio.run(store.put("Q", Profile(id=2)))  # it would wait for a reader
    assert set(Store(str(tmp_path)).profiles) == {"P", "Q"}
