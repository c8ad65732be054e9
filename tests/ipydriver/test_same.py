"""The examples of indipydriver's documentation, in our own words: a client cannot tell which server runs them."""

from __future__ import annotations

import base64
import hashlib
import itertools
import re
from collections.abc import Callable
from pathlib import Path

from ipydriver.scripts import Observer, Seen, script

Play = Callable[[Observer], None]


def both(folder: Path, name: str, play: Play) -> tuple[list[Seen], list[Seen]]:
    """What a client saw of ours and of indipyserver's."""
    heard = []
    for module in ("inditree", "indipyserver"):
        with script(folder, name, module) as port, Observer(port) as client:
            play(client)
            heard.append(client.all)
    return heard[0], heard[1]


def by_definition(seen: list[Seen]) -> tuple[list[Seen], list[Seen]]:
    """Definitions, of which the order means nothing, and the rest."""
    definitions = sorted(each for each in seen if each.tag.startswith("def"))
    return definitions, [each for each in seen if not each.tag.startswith("def")]


def test_the_lamp(tmp_path: Path) -> None:
    def play(client: Observer) -> None:
        client.ask("SWITCH")
        for value in ("On", "Off"):
            client.new("Switch", "Lamp", "SWITCH", on=value)
            client.wait(lambda e: e.tag == "setSwitchVector")
        client.new("Switch", "Lamp", "SWITCH", dimmed="On")  # no such member: left alone
        client.new("Switch", "Lamp", "OTHER", on="On")
        client.new("Switch", "Lamp", "SWITCH", on="On")
        client.wait(lambda e: e.tag == "setSwitchVector")

    ours, theirs = both(tmp_path, "led", play)
    assert ours == theirs
    assert [each.values["on"] for each in ours] == ["Off", "On", "Off", "On"]
    assert [dict(each.attributes).get("message") for each in ours] == [None, "lit", "dark", "lit"]


def test_the_window_opens_when_the_thermostat_says_that_it_is_warm(tmp_path: Path) -> None:
    def play(client: Observer) -> None:
        client.ask("TEMPERATURE", "TARGET", "STATUS", "HEARD")
        for target, window in ((25, "open"), (10, "closed")):
            client.new("Number", "Thermostat", "TARGET", target=target)
            client.wait(lambda e, to=window: e.device == "Window" and e.values.get("status") == to, window)  # type: ignore[misc]
            client.wait(lambda e, to=target: e.values.get("temperature") == f"{to}.0", f"{target}")  # type: ignore[misc]
        client.new("Number", "Thermostat", "TARGET", target="warm")
        client.wait(lambda e: e.tag == "message")

    ours, theirs = both(tmp_path, "house", play)
    for seen in (ours, theirs):
        lights = [each for each in seen if each.name == "HEARD"][-1]
        assert set(lights.values.values()) == {"Ok"}, "it snoops on all"
        texts = [each.values["status"] for each in seen if each.tag == "setTextVector"]
        assert texts == ["open", "closed"]
        temperatures = [
            float(each.values["temperature"])
            for each in seen
            if each.tag == "setNumberVector" and each.name == "TEMPERATURE"
        ]
        steps = {round(after - before, 3) for before, after in itertools.pairwise(temperatures)}
        assert steps <= {0, 0.5, -0.5, 1.0, -1.0}, "nothing is left out"

    def rest(seen: list[Seen]) -> list[Seen]:
        return [e for e in by_definition(seen)[1] if e.name not in ("TEMPERATURE", "HEARD", "STATUS")]

    assert rest(ours) == rest(theirs)
    definitions = [[e for e in by_definition(seen)[0] if e.name not in ("HEARD",)] for seen in (ours, theirs)]
    assert definitions[0] == definitions[1]


def test_devices_that_do_their_own_work_come_and_go(tmp_path: Path) -> None:
    def play(client: Observer) -> None:
        client.ask("SHOW", "TARGET")
        client.new("Number", "Cellar", "TARGET", target=5)  # it is away
        client.new("Number", "Kitchen", "TARGET", target="21:15")
        client.wait(lambda e: e.tag == "message" and e.device == "Kitchen")
        client.new("Switch", "House", "SHOW", cellar="On")
        client.wait(lambda e: e.tag == "defTextVector" and e.device == "Cellar")
        client.new("Number", "Cellar", "TARGET", target=12)
        client.wait(lambda e: e.tag == "message" and e.device == "Cellar")
        client.new("Switch", "House", "SHOW", cellar="Off")
        client.wait(lambda e: e.tag == "message" and not e.device)
        client.new("Number", "Cellar", "TARGET", target=3)
        client.new("Number", "Kitchen", "TARGET", target=30)
        client.wait(lambda e: e.tag == "message" and e.device == "Kitchen")

    ours, theirs = both(tmp_path, "rooms", play)
    told = [e for e in ours if "is not there: the request was not delivered" in dict(e.attributes).get("message", "")]
    assert [e.device for e in told] == ["Cellar", "Cellar"], "what only ours says"
    ours = [e for e in ours if e not in told]
    assert by_definition(ours) == by_definition(theirs)
    assert [(e.tag, e.device) for e in ours if e.device == "Cellar"] == [
        ("defNumberVector", "Cellar"),
        ("defTextVector", "Cellar"),
        ("setNumberVector", "Cellar"),
        ("setNumberVector", "Cellar"),
        ("message", "Cellar"),
        ("delProperty", "Cellar"),
    ]
    states = [e.state for e in ours if e.tag == "setNumberVector" and e.device == "Kitchen"]
    assert states == ["Busy", "Ok", "Busy", "Ok"]


def test_a_device_that_takes_its_leave_says_why(tmp_path: Path) -> None:
    def play(client: Observer) -> None:
        client.ask("SHOW")
        client.new("Switch", "House", "SHOW", cellar="On")
        client.wait(lambda e: e.tag == "defTextVector" and e.device == "Cellar")
        client.new("Switch", "House", "SHOW", cellar="Off")
        client.wait(lambda e: e.tag == "delProperty" and e.device == "Cellar")

    ours, theirs = both(tmp_path, "rooms", play)
    assert ours[-1] == theirs[-1]


def test_pictures_reach_who_wants_them_and_a_driver_that_snoops(tmp_path: Path) -> None:
    sizes = (3, 1000, 700_001)
    dark = bytes(range(256)) * 1000

    def play(client: Observer) -> None:
        client.ask("IMAGE", "DARK", "KEPT", "LAST")
        client.wait(lambda e: e.name == "LAST" and e.values.get("text") == "waiting", "the snoop is on")
        client.new("Number", "Camera", "EXPOSE", size=5)  # no BLOBs are wanted yet
        client.wait(lambda e: e.name == "LAST" and "5" in e.values.get("text", ""))
        client.client.send('<enableBLOB device="Camera">Also</enableBLOB>')
        for size in sizes:
            client.new("Number", "Camera", "EXPOSE", size=size)
            picture = client.wait(lambda e: e.tag == "setBLOBVector")
            wanted = bytes(number % 251 for number in range(size))
            assert base64.b64decode(picture.values["image"]) == wanted
            said = client.wait(lambda e, n=size: e.name == "LAST" and f"({n}," in e.values["text"])  # type: ignore[misc]
            assert hashlib.md5(wanted).hexdigest() in said.values["text"]
        text = base64.b64encode(dark).decode()
        client.client.send(
            f'<newBLOBVector device="Camera" name="DARK"><oneBLOB name="frame" size="{len(dark)}" format=".bin">{text}'
            "</oneBLOB></newBLOBVector>"
        )
        kept = client.wait(lambda e: e.tag == "setTextVector" and e.name == "KEPT")
        assert kept.values["text"] == f"({len(dark)},'.bin'){hashlib.md5(dark).hexdigest()}"

    ours, theirs = both(tmp_path, "pictures", play)
    for heard in (ours, theirs):  # how often it is asked for its definition is the server's affair
        heard[:] = [e for e in heard if e.values.get("text") != "waiting"]
    assert [e for e in by_definition(ours)[0] if e.name != "LAST"] == [
        e for e in by_definition(theirs)[0] if e.name != "LAST"
    ]
    assert by_definition(ours)[1] == by_definition(theirs)[1]
    assert len([e for e in ours if e.tag == "setBLOBVector" and e.members]) == len(sizes)


def test_nothing_is_logged_as_wrong(tmp_path: Path) -> None:
    """And a port that speaks no HTTP: a script that served one port goes on to do so."""
    with script(tmp_path, "led", "inditree") as port, Observer(port) as client:
        client.ask("SWITCH")
    log = (tmp_path / "inditree-led.log").read_text()
    assert not re.search("error|warning|Traceback", log, re.IGNORECASE), log
