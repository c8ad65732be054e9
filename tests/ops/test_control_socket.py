"""The control socket as a router takes it: its place, its rights, and who is in the way."""

from __future__ import annotations

import os
import socket
import stat
import threading
from pathlib import Path

import pytest

from inditree.errors import StartError
from inditree.ops import control_socket, places
from inditree.ops.control_socket import ControlSocket, open_control_socket


@pytest.fixture
def runtime(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """$XDG_RUNTIME_DIR."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    return tmp_path


def mode(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


def test_the_default_place() -> None:
    session = {"XDG_RUNTIME_DIR": "/run/user/7"}
    assert places.default_place(7624, session, 7) == Path("/run/user/7/inditree/7624.sock")
    for without in ({}, {"XDG_RUNTIME_DIR": ""}, {"XDG_RUNTIME_DIR": "relative"}):
        assert places.default_place(7624, without, 7) == Path("/tmp/inditree-7/7624.sock")
        found = places.default_places(7624, without, 7)
        assert found == (Path("/run/user/7/inditree/7624.sock"), Path("/tmp/inditree-7/7624.sock"))


def test_it_is_for_nobody_else_from_its_first_moment(runtime: Path) -> None:
    old = os.umask(0)
    try:
        found = open_control_socket("default", 7624)
    finally:
        os.umask(old)
    assert found is not None and found.path == runtime / "inditree" / "7624.sock"
    assert (mode(found.path), mode(found.path.parent)) == (0o600, 0o700)
    found.close()
    assert not found.path.exists()
    found.close()


def test_a_dead_one_is_replaced_a_live_one_never(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "c"
    first = ControlSocket(path)
    with pytest.raises(StartError, match=rf"^control\.socket: {path}: another router listens there$"):
        open_control_socket(str(path), 1)
    with socket.socket(socket.AF_UNIX) as client:  # the live one was not touched
        client.connect(str(path))
    first.sock.close()  # as a kill does
    second = ControlSocket(path)
    path.unlink()
    third = ControlSocket(path)
    second.close()
    assert path.exists(), "who ends takes no other's away"
    third.close()


def test_one_whose_queue_is_full_lives(tmp_path: Path) -> None:
    path = tmp_path / "c"
    with socket.socket(socket.AF_UNIX) as full, socket.socket(socket.AF_UNIX) as waiting:
        full.bind(str(path))
        full.listen(0)
        waiting.connect(str(path))
        with pytest.raises(OSError, match="another router listens there"):
            ControlSocket(path)


def test_what_is_no_socket_stays(tmp_path: Path) -> None:
    path, target = tmp_path / "c", tmp_path / "precious"
    target.write_text("x")
    for make in (lambda: path.write_text("mine"), lambda: path.symlink_to(target), lambda: path.mkdir()):
        make()
        with pytest.raises(StartError, match="exists and is not a socket"):
            open_control_socket(str(path), 1)
        path.rmdir() if path.is_dir() else path.unlink()
    assert target.read_text() == "x"


def test_a_link_to_nowhere_leads_nowhere(tmp_path: Path) -> None:
    path, target = tmp_path / "c", tmp_path / "elsewhere"
    path.symlink_to(target)
    with pytest.raises(StartError, match="exists and is not a socket"):
        open_control_socket(str(path), 1)
    assert not target.exists()


@pytest.mark.parametrize("kind", ["file", "link", "other owner", "open", "long", "no runtime"])
def test_a_default_place_that_cannot_be_had_is_a_warning(
    kind: str, runtime: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    folder, elsewhere = runtime / "inditree", runtime / "elsewhere"
    elsewhere.mkdir(mode=0o700)
    assert os.geteuid() == folder.parent.stat().st_uid
    if kind == "file":
        folder.write_text("")
    elif kind == "link":
        folder.symlink_to(elsewhere)
    elif kind == "other owner":
        folder.mkdir(mode=0o700)
        monkeypatch.setattr(control_socket, "own_user", lambda: folder.stat().st_uid + 1)
    elif kind == "open":
        folder.mkdir()
        folder.chmod(0o770)
    elif kind == "long":
        (long := runtime / ("x" * 100)).mkdir()
        monkeypatch.setenv("XDG_RUNTIME_DIR", str(long))
    else:
        monkeypatch.setenv("XDG_RUNTIME_DIR", str(runtime / "missing"))
    assert open_control_socket("default", 7624) is None
    (line,) = [each.getMessage() for each in caplog.records]
    assert line.startswith("no control socket: ") and "control.socket names another place, or off" in line
    assert list(elsewhere.iterdir()) == []


def test_off_is_off_and_without_tcp_there_is_no_default(caplog: pytest.LogCaptureFixture) -> None:
    assert open_control_socket(None, 7624) is None
    assert not caplog.records
    assert open_control_socket("default", None) is None
    assert "there is none" in caplog.text


def test_of_many_that_find_a_dead_one_one_has_it(tmp_path: Path) -> None:
    path = tmp_path / "c"
    ControlSocket(path).sock.close()
    had: list[ControlSocket] = []
    begin = threading.Barrier(8)

    def race() -> None:
        begin.wait()
        try:
            had.append(ControlSocket(path))
        except OSError:
            return

    threads = [threading.Thread(target=race) for _ in range(8)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    (winner,) = had
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(path))
        winner.sock.accept()[0].close()
    winner.close()


def test_a_folder_that_may_not_be_listed_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> int:
        raise PermissionError

    monkeypatch.setattr("inditree.ops.control_socket.os.open", refuse)
    ControlSocket(tmp_path / "c").close()
