"""Answers have the shapes of indiweb 1.2's. They were recorded by hand from indiweb 1.2.0, called in this order."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from webmanager.ekos import managed

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
    """A row of drivers has `driver` besides, which older KStars looks at."""
    if isinstance(found, list):
        return [without_ours(each) for each in found]
    return {key: each for key, each in found.items() if key != "driver"} if isinstance(found, dict) else found


def test_each_answer_has_the_recorded_shape(tmp_path: Path) -> None:
    with managed(tmp_path) as (_, ekos):
        for method, path, body, status, wanted in RECORDED:
            got, answer = ekos.call(method, path, body)
            assert (got, without_ours(shape(answer))) == (status, wanted), path
