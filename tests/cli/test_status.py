"""`inditree status`: the table, the rates between two polls, and watching."""

from __future__ import annotations

import dataclasses
import json
import time
from collections.abc import Callable

import pytest
from rich.console import Console

from cli.router import CLIENTS, METRICS, STATUS, Router, running
from inditree.cli import main, status, tables


def _text(before: status.Poll, now: status.Poll, width: int = 200) -> str:
    console = Console(width=width)
    with console.capture() as captured:
        console.print(status.draw(before, now))
    return "\n".join(line.rstrip() for line in captured.get().splitlines())


def _poll(at: float, cpu: float = 1.0, sent: int = 1 << 20, messages: float = 0.0) -> status.Poll:
    ccd, other = STATUS["drivers"]
    return status.Poll(
        at=at,
        status=STATUS | {"drivers": [ccd | {"cpu_seconds": cpu}, other]},
        clients=[CLIENTS[0] | {"sent_bytes": sent}],
        totals={"messages received": messages, "bytes received": 2048.0, "bytes sent": 0.0},
    )


def _line(text: str, start: str) -> str:
    (line,) = [line for line in text.splitlines() if line.startswith(start)]
    return " ".join(line.split())


def test_what_it_shows() -> None:
    text = _text(_poll(10.0), _poll(12.0, cpu=1.5, sent=(1 << 20) + 4096, messages=300.0))
    assert _line(text, "dome-a  ") == "dome-a inditree 0.2.0 up 1d 1h ready"
    assert _line(text, "main:") == "main: 0.0.0.0:7624, 2 of 256 connections"
    assert _line(text, "@x:") == "@x: @x, 0 connections"
    assert _line(text, "received") == ("received 150 msg/s 0 B/s · sent 0 msg/s 0 B/s · 1 client · 2 devices")
    assert _line(text, "ccd ") == "ccd running 1h 2m 3 -9 25.0 % 5.0 MiB Main CCD, Guide CCD"
    assert _line(text, "observatory ") == "observatory failed 1s 0 - - -"
    assert _line(text, "dome-b ") == "dome-b dome-b:7624 backoff - - connection refused"
    assert _line(text, "7 ") == "7 10.0.0.7:40000 main 59s 2.0 KiB 1.0 MiB 2.0 KiB/s 12 *"
    assert _line(text, "conflict:") == ("conflict: Guide CCD is provided by driver ccd and refused from remote dome-b")


def test_a_source_that_is_not_read_says_why_and_for_how_long() -> None:
    console = Console(width=200)
    rows = [STATUS["drivers"][0] | {"unread": {"memory": 3.2, "held": 61.0}}]
    with console.capture() as captured:
        console.print(tables.drivers(rows))
    assert "ccd running, not read: held for 1m 1s, memory for 3s" in _line(captured.get(), "ccd ")


def test_the_tree() -> None:
    text = _text(_poll(10.0), _poll(12.0))
    tree = text[text.index("dome-a\n") : text.index("Devices")].splitlines()
    assert [line.strip("│├└─ ") for line in tree if line.strip()] == [
        "dome-a",
        "ccd (driver)",
        "Main CCD",
        "observatory (driver)",
        "dome-b (remote)",
        "10.0.0.9:5000 (peer)",
        "Rain",
    ]


def _night(clock: float) -> status.Poll:
    """What an astronomer's router says at this time."""
    camera = {
        "name": "Main CCD",
        "owner": {"kind": "driver", "name": "ccd"},
        "connected": True,
        "busy": 2,
        "states": [
            {"property": "CCD_EXPOSURE", "state": "Busy", "since": clock - 12},
            {"property": "CCD_TEMPERATURE", "state": "Busy", "since": clock - 700},
        ],
        "image": {"at": clock - 123, "size": 32 << 20, "number": 34},
        "message": {"at": clock - 200, "text": "[b]Exposure done[/]"},
    }
    mount = {
        "name": "Mount",
        "owner": {"kind": "driver", "name": "observatory"},
        "connected": False,
        "alert": 1,
        "states": [{"property": "EQUATORIAL_EOD_COORD", "state": "Alert", "since": clock + 5}],
        "message": {"at": clock - 3, "text": "Slew failed, " + "and so on " * 24},
    }
    poll = _poll(10.0)
    dome = {"name": "Dome", "owner": {"kind": "remote", "name": "east"}, "stale": True, "connected": True, "busy": 1}
    dome["states"] = [{"property": "DOME_SHUTTER", "state": "Busy", "since": clock}]
    devices = [camera, mount, dome, *poll.status["devices"][1:]]
    return dataclasses.replace(poll, status=poll.status | {"devices": devices}, clock=clock)


def test_what_an_astronomer_asks() -> None:
    text = _text(_night(1e9), _night(1e9))
    assert "Devices\n" in text and "Last messages\n" in text
    assert _line(text, "Main CCD  yes") == "Main CCD yes Busy 12s CCD_EXPOSURE +1 34: 32.0 MiB, 2m 3s ago"
    assert _line(text, "Mount     no") == "Mount no Alert 0s EQUATORIAL_EOD_COORD -"
    assert _line(text, "Dome ") == "Dome yes stale -"
    assert _line(text, "Rain ") == "Rain - - -"
    said = text[text.index("Last messages") :].splitlines()
    assert said[2].startswith("Mount     3s ago      Slew failed, and so on")
    assert _line(text, "Main CCD  3m") == "Main CCD 3m 20s ago [b]Exposure done[/]"


def _rules() -> status.Poll:
    roof = {"name": "roof", "holds": False, "enforced": "full", "refusals": 3, "unknown": []}
    lost = {"name": "lost", "holds": None, "enforced": "partial", "refusals": 0, "unknown": ["Rain.STATUS._STATE"]}
    open_ = {"name": "free", "holds": True, "enforced": "full", "refusals": 0, "unknown": []}
    run = {"result": "failed", "at": 1e9 - 60.0, "seconds": 2.0, "failures": ["Dome.PARK: Alert"]}
    wet = {"name": "wet", "state": "done", "last": run, "unknown": []}
    calm: dict[str, object] = {"name": "calm", "state": "armed", "last": None, "unknown": []}
    poll = _poll(10.0)
    rules = {"interlocks": [roof, lost, open_], "reactions": [wet, calm]}
    return dataclasses.replace(poll, status=poll.status | rules, clock=1e9)


def test_what_happens_by_itself() -> None:
    text = _text(_rules(), _rules())
    assert _line(text, "roof ") == "roof refuses 3"
    assert _line(text, "lost ") == "lost refuses (partial: another server has the device) 0 Rain.STATUS._STATE"
    assert _line(text, "free ") == "free passes 0"
    assert _line(text, "wet ") == "wet done failed, 1m 0s ago: Dome.PARK: Alert"
    assert _line(text, "calm ") == "calm armed -"
    assert "Interlocks" not in _text(_poll(1.0), _poll(1.0))


def test_a_refused_configuration_and_a_record_that_loses_are_on_top() -> None:
    wrong = "pier.yaml: remote: unknown key; known here: name, listen"
    now = _poll(10.0)
    now.status.update(reload_refused=wrong, record={"dir": "/data", "bytes": 1, "oldest": None, "lost": 12})
    head = _text(now, now).split("rates")[0]
    assert f"the configuration that is on the disk now was refused: {wrong}\n" in head
    assert "the record has lost 12 records: the log says why\n" in head
    now.status.update(reload_refused=None, record={"dir": "/data", "bytes": 1, "oldest": None, "lost": 0})
    head = _text(now, now).split("rates")[0]
    assert "refused" not in head and "lost" not in head


def test_devices_that_are_not_in_their_desired_state_say_why_on_top() -> None:
    now = _poll(10.0)
    owner = {"kind": "driver", "name": "ccd"}
    late = {"name": "Cam", "owner": owner, "ready": False, "state": "waiting", "reason": "COOLER is not defined yet"}
    done = {"name": "Mount", "owner": owner, "ready": True, "state": "ready"}
    now.status.update(devices=[late, done], not_ready={"Dome*": "is not there"})
    head = _text(now, now).split("rates")[0]
    assert "\nCam: not in its desired state: COOLER is not defined yet\n" in head
    assert "\nDome*: not in its desired state: is not there\n" in head
    assert "Mount" not in head
    rows = [late | {"name": f"Cam {number}"} for number in range(9)]
    now.status.update(devices=rows, not_ready={})
    head = _text(now, now).split("rates")[0]
    assert head.count("COOLER") == 5 and "\n4 more devices: likewise\n" in head


def test_it_fits_80_columns() -> None:
    text = _text(_night(1e9), _night(1e9), width=80)
    lines = text[text.index("Devices\n") : text.index("Drivers")].splitlines()
    assert max(map(len, lines)) <= 80
    row = " ".join(" ".join(lines).split())
    assert "Main CCD yes Busy 12s CCD_EXPOSURE +1 34: 32.0 MiB, 2m 3s ago" in row
    assert "Mount no Alert 0s EQUATORIAL_EOD_COORD -" in row
    assert row.count("and so on") == 24, "nothing is cut"


def test_brackets_in_names_are_names() -> None:
    poll = _poll(1.0)
    named = status.Poll(1.0, poll.status | {"name": "[red]a[/]"}, [CLIENTS[0] | {"address": "[::1]:5"}], {})
    text = _text(named, named)
    assert "[red]a[/]  inditree" in text and "[::1]:5" in text and "rates: -" in text


def test_a_router_that_restarted_between_the_polls_has_no_negative_rates() -> None:
    text = _text(_poll(10.0, cpu=50.0, sent=1 << 30, messages=1e6), _poll(12.0))
    assert "received 0 msg/s" in text and " 0.0 %" in text and "0 B/s" in text


def test_once(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    with running() as router:

        def busy(seconds: float) -> None:
            router.answers["GET /metrics"] = (200, METRICS % 200)

        monkeypatch.setattr(time, "sleep", busy)
        assert main(["status", "--http", router.address]) == 0
    text = capsys.readouterr().out
    assert "dome-a  inditree 0.2.0" in text
    rate = int(text.partition("received ")[2].partition(" msg/s")[0])
    assert rate > 0


@pytest.mark.parametrize("metrics", [(500, "no"), (200, "what { is this"), (200, "")])
def test_without_metrics_it_shows_the_rest(
    metrics: tuple[int, object], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(status, "BETWEEN_POLLS", 0.0)
    with running(**{"GET /metrics": metrics}) as router:
        assert main(["status", "--http", router.address]) == 0
    text = capsys.readouterr().out
    assert "rates: -" in text and "Main CCD" in text


def test_json(capsys: pytest.CaptureFixture[str]) -> None:
    with running() as router:
        assert main(["status", "--json", "--http", router.address]) == 0
    assert json.loads(capsys.readouterr().out) == STATUS


def test_something_else_answers(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(status, "BETWEEN_POLLS", 0.0)
    with running(**{"GET /api/v1/status": (200, {"name": "x"})}) as router:
        assert main(["status", "--http", router.address]) == 1
    assert capsys.readouterr().err == "inditree: what answers there is not inditree\n"


def _watching(monkeypatch: pytest.MonkeyPatch, steps: list[Callable[[], object]]) -> list[float]:
    """Runs a step in place of each wait; after the last one the user interrupts."""
    waits: list[float] = []

    def wait(seconds: float) -> None:
        waits.append(seconds)
        if len(waits) > len(steps):
            raise KeyboardInterrupt
        steps[len(waits) - 1]()

    monkeypatch.setattr(time, "sleep", wait)
    return waits


def _away(router: Router) -> Callable[[], object]:
    return lambda: router.answers.update({"GET /api/v1/status": (503, {"error": "starting"})})


def _back(router: Router) -> Callable[[], object]:
    return lambda: router.answers.update({"GET /api/v1/status": (200, STATUS)})


def test_watching_goes_on_while_the_router_is_away(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with running() as router:
        waits = _watching(monkeypatch, [_away(router), _back(router)])
        assert main(["status", "--watch", "5", "--http", router.address]) == 0
    text = capsys.readouterr().out
    assert waits == [5.0, 5.0, 5.0]
    assert text.count("dome-a  inditree") == 2
    assert text.index("dome-a  inditree") < text.index("starting\n") < text.rindex("dome-a  inditree")


def test_watching_as_json(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    with running() as router:
        waits = _watching(monkeypatch, [lambda: None])
        assert main(["status", "--watch", "--json", "--http", router.address]) == 0
    assert waits == [2.0, 2.0]
    assert [json.loads(line) for line in capsys.readouterr().out.splitlines()] == [STATUS, STATUS]


@pytest.mark.parametrize("seconds", ["0", "-1", "x", "nan", "1e9"])
def test_how_often(seconds: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["status", f"--watch={seconds}"]) == 2
    assert capsys.readouterr().err == f"inditree: --watch: '{seconds}' is not a number of seconds (0.1 to 3600)\n"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.4, "0s"), (59, "59s"), (60, "1m 0s"), (3661, "1h 1m"), (90000, "1d 1h"), (86400 * 30, "30d 0h")],
)
def test_spans(seconds: float, text: str) -> None:
    assert tables.span(seconds) == text


@pytest.mark.parametrize(
    ("number", "text"), [(0, "0 B"), (1023, "1023 B"), (1536, "1.5 KiB"), (5 << 20, "5.0 MiB"), (3 << 40, "3072.0 GiB")]
)
def test_sizes(number: float, text: str) -> None:
    assert tables.size(number) == text
