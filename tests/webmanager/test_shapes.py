"""Answers have the shapes of indiweb 1.2's: those that were recorded by hand, and its own, asked beside ours."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from live import until
from webmanager.ekos import CCD, FOCUS, Ekos, managed
from webmanager.indiweb import indiweb

ROW = {
    "name": "text",
    "label": "text",
    "skeleton": "nothing",
    "version": "text",
    "binary": "text",
    "family": "text",
    "mdpd": "bool",
    "custom": "bool",
    "rule": "nothing",
    "role": "text",
}
PROFILE = {
    "id": "number",
    "name": "text",
    "port": "number",
    "autostart": "number",
    "autoconnect": "number",
    "scripts": "text",
}
DONE, DETAIL = {"message": "text"}, {"detail": "text"}
INFO = {"port": 7624, "driver_source": "x", "scripts": ""}
DRIVERS = [{"label": "CCD Simulator"}, {"remote": "a@b"}]
CUSTOM = {"Label": "x", "Name": "x", "Exec": "x", "Family": "f", "Version": "1"}

RECORDED: list[tuple[str, str, Any, int, Any]] = [
    ("GET", "/api/server/status", None, 200, [{"status": "text", "active_profile": "text"}]),
    ("GET", "/api/server/drivers", None, 200, []),
    ("GET", "/api/info/version", None, 200, {"version": "text"}),
    ("GET", "/api/info/arch", None, 200, "text"),
    ("GET", "/api/info/hostname", None, 200, {"hostname": "text"}),
    ("POST", "/api/profiles/A", None, 200, DONE),
    ("PUT", "/api/profiles/A", INFO, 200, DONE),
    ("POST", "/api/profiles/A/drivers", DRIVERS, 200, DONE),
    ("GET", "/api/profiles", None, 200, [PROFILE]),
    ("GET", "/api/profiles/A", None, 200, PROFILE),
    ("GET", "/api/profiles/A/labels", None, 200, [{"label": "text"}]),
    ("GET", "/api/profiles/A/remote", None, 200, {"drivers": "text"}),
    ("GET", "/api/profiles/none", None, 404, DETAIL),
    ("GET", "/api/drivers", None, 200, [ROW]),
    ("GET", "/api/drivers/groups", None, 200, ["text"]),
    ("POST", "/api/profiles/custom/add", CUSTOM, 200, DONE),
    ("POST", "/api/drivers/start/none", None, 404, DETAIL),
    ("POST", "/api/server/start/none", None, 404, DETAIL),
    ("GET", "/api/devices", None, 200, []),
    ("DELETE", "/api/profiles/A", None, 200, DONE),
]


def shape(value: Any) -> Any:
    """What kind of thing each value is; of a list the first."""
    match value:
        case dict():
            return {key: shape(each) for key, each in value.items()}
        case list():
            return [shape(each) for each in value[:1]]
        case bool():
            return "bool"
        case None:
            return "nothing"
    return "text" if isinstance(value, str) else "number"


def without_ours(found: Any) -> Any:
    """A row of drivers has `driver` besides, which older KStars looks at, and one that runs its state."""
    if isinstance(found, list):
        return [without_ours(each) for each in found]
    ours = ("driver", "state", "error")
    return {key: each for key, each in found.items() if key not in ours} if isinstance(found, dict) else found


def test_each_answer_has_the_recorded_shape(tmp_path: Path) -> None:
    with managed(tmp_path) as (_, ekos):
        for method, path, body, status, wanted in RECORDED:
            got, answer = ekos.call(method, path, body)
            assert (got, without_ours(shape(answer))) == (status, wanted), path


WHILE_IT_RUNS: list[tuple[str, str]] = [
    ("GET", "/api/server/status"),
    ("GET", "/api/server/drivers"),
    ("GET", "/api/devices"),
    ("POST", "/api/drivers/restart/CCD%20Simulator"),
    ("POST", "/api/drivers/stop/CCD%20Simulator"),
    ("POST", "/api/drivers/start/CCD%20Simulator"),
    ("POST", "/api/drivers/start_remote/{remote}"),
    ("POST", "/api/drivers/stop_remote/{remote}"),
    ("POST", "/api/server/stop"),
    ("GET", "/api/server/status"),
    ("GET", "/api/server/drivers"),
]


def answers(ekos: Ekos, port: int, remote: str) -> list[tuple[str, int, Any]]:
    """All calls with the status and the shape of each answer: at rest, and with a profile that runs."""
    found: list[tuple[str, int, Any]] = []

    def ask(method: str, path: str, body: Any = None) -> None:
        status, answer = ekos.call(method, path, body)
        if path == "/api/profiles":  # indiweb begins with one of its own, without scripts
            answer = [each for each in answer if each["name"] == "A"]
        found.append((f"{method} {path}", status, without_ours(shape(answer))))

    for method, path, body, _, _ in RECORDED:
        ask(method, path, body)
    ekos.save("Running", DRIVERS[:1], port=port)
    ask("POST", "/api/server/start/Running")
    assert ekos.runs(CCD)
    until(lambda: ekos.get("/api/devices"), what="its device")
    for method, path in WHILE_IT_RUNS:
        ask(method, path.format(remote=remote))
    return found


def test_indiweb_answers_in_the_same_shapes(tmp_path: Path) -> None:
    """indiweb 1.2.0 with Debian's indiserver, and ours: the same calls, one after the other."""
    for name in ("indiweb", "far"):
        (tmp_path / name).mkdir()
    with managed(tmp_path / "far", f"[{{exec: [{FOCUS}]}}]") as (far, _):  # one that is not there ends indiserver
        remote = f"Focuser%20Simulator@localhost:{far.port}"
        with indiweb(tmp_path / "indiweb") as (theirs, port):
            wanted = answers(theirs, port, remote)
        with managed(tmp_path) as (router, ours):
            got = answers(ours, router.port, remote)
    assert got == wanted
