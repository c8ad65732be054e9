"""docs/observatory.md, "Interlocks": what the gate does with a command, from whomever it comes."""

from __future__ import annotations

import math

import pytest

from core.world import NOW, World, blobs, define, get, image, update
from inditree.config import Interlock
from inditree.config.observatory import interlock
from inditree.observatory.interlocks import Gate
from inditree.observatory.values import Values
from inditree.tree.link import Link

SHUTTER = (
    "<defSwitchVector device='Dome' name='DOME_SHUTTER' state='Ok' perm='rw' rule='OneOfMany'>"
    "<defSwitch name='SHUTTER_OPEN'>Off</defSwitch><defSwitch name='SHUTTER_CLOSE'>On</defSwitch></defSwitchVector>"
)
OPEN = (
    '<newSwitchVector device="Dome" name="DOME_SHUTTER"><oneSwitch name="SHUTTER_OPEN">On</oneSwitch></newSwitchVector>'
)
CLOSE = OPEN.replace("SHUTTER_OPEN", "SHUTTER_CLOSE")
WHY = "Refused newSwitchVector DOME_SHUTTER: interlock roof: its condition does not hold"
ALERT = (
    f'<setSwitchVector device="Dome" name="DOME_SHUTTER" state="Alert" timestamp="{NOW}" message="{WHY}">'
    '<oneSwitch name="SHUTTER_OPEN">Off</oneSwitch><oneSwitch name="SHUTTER_CLOSE">On</oneSwitch></setSwitchVector>'
)


def rain(value: int) -> str:
    return update("Weather", "RAIN", value)


def guarded(max_age: float | None = None, **keys: str) -> World:
    world = World()
    entry = Interlock(
        name="roof",
        refuse=("Dome.DOME_SHUTTER.SHUTTER_OPEN=On",),
        unless=keys.get("unless", '"Weather.RAIN.V" == 0'),
        max_age=max_age,
    )

    def silent(device: str) -> float:
        known = world.core.counters.devices.get(device)
        return math.inf if known is None else world.core.now - known.last_message

    world.core.use_gate(Gate([interlock(entry)], Values(world.core.view, silent, lambda _: 0)))
    return world


def test_a_forbidden_command_comes_back_in_alert_and_nobody_else_hears_of_it() -> None:
    world = guarded()
    dome, weather = world.driver(SHUTTER), world.driver(define("Weather", "RAIN", 1))
    sender, other = world.client(get()), world.client(get())
    sender.say(OPEN)
    assert dome.heard() == other.heard() == []
    assert sender.heard() == [ALERT]
    assert world.results() == ["Dome.DOME_SHUTTER refused: interlock roof: its condition does not hold"]
    assert [each.event for each in world.logs][-1] == "interlock"
    sender.say(CLOSE)
    assert dome.heard() == [CLOSE]
    weather.say(rain(0))
    other.heard()
    sender.say(OPEN)
    assert dome.heard() == [OPEN]


def test_it_holds_for_drivers_observers_and_links() -> None:
    world = guarded()
    dome, _ = world.driver(SHUTTER), world.driver(define("Weather", "RAIN", 1))
    mount = world.driver(define("Mount", "P"), get("Dome"))
    mount.heard()
    observer = world.join("observer", "inside")
    observer.say(get())
    observer.heard()
    mount.say(OPEN)
    observer.say(OPEN)
    assert mount.heard() == observer.heard() == [ALERT]
    link = world.join("link", "far", link=Link(opener=True, path_id="far"))
    link.say(f"<getProperties version='1.7' inditree='1' to='{world.core.settings.identity}' via='FAR'/>")
    link.heard()
    link.say(OPEN)
    alert, after = link.heard()  # the other router's view is as the driver says
    assert alert == ALERT
    assert 'state="Ok"' in after and "message" not in after
    assert dome.heard() == []


def test_what_has_died_or_was_never_there_is_unknown() -> None:
    world = guarded()
    dome, weather = world.driver(SHUTTER), world.driver(define("Weather", "RAIN", 0))
    sender = world.client(get())
    sender.say(OPEN)
    assert dome.heard() == [OPEN]
    weather.leave()
    sender.heard()
    sender.say(OPEN)
    assert dome.heard() == []
    assert "its condition is unknown" in sender.heard()[0]


def test_who_has_been_silent_for_too_long_is_not_believed() -> None:
    world = guarded(max_age=60.0)
    dome, weather = world.driver(SHUTTER), world.driver(define("Weather", "RAIN", 0))
    sender = world.client(get())
    world.later(61)
    sender.say(OPEN)
    assert dome.heard() == []
    weather.say(rain(0))
    sender.say(OPEN)
    assert dome.heard() == [OPEN]


def test_an_undefined_property_and_one_that_was_deleted_take_nothing() -> None:
    world = guarded(unless="1")
    dome = world.driver(define("Dome", "P"))
    sender = world.client(get())
    sender.say(CLOSE)
    text = "Refused newSwitchVector DOME_SHUTTER: interlock roof: Dome.DOME_SHUTTER is not defined"
    assert sender.heard() == [f'<message device="Dome" timestamp="{NOW}" message="{text}"/>']
    dome.say(SHUTTER)
    sender.say(OPEN)
    assert dome.heard() == [OPEN]


def test_an_upload_to_the_driver_that_has_the_dome_waits_for_the_condition() -> None:
    world = guarded()
    dome = world.driver(SHUTTER, define("Dome", "FILE", kind="BLOB"))
    weather = world.driver(define("Weather", "RAIN", 1))
    sender, eager = world.client(get()), world.client(get(), blobs("Also"))
    sender.say(image("Dome", "FILE", tag="newBLOBVector"))
    assert dome.heard() == eager.heard() == []
    assert sender.heard()[0].startswith('<setBLOBVector device="Dome" name="FILE" state="Alert"')
    weather.say(rain(0))
    sender.heard()
    sender.say(image("Dome", "FILE", tag="newBLOBVector"))
    assert len(dome.heard()) == 1


@pytest.mark.parametrize("at_once", [False, True])
def test_what_was_said_before_the_command_counts(at_once: bool) -> None:
    world = guarded()
    dome = world.driver(SHUTTER)
    station = world.driver(define("Weather", "RAIN", 1))
    if at_once:
        station.say_at_once(rain(0), rain(1), rain(0), OPEN)
    else:
        station.say(rain(0))
        world.client(get()).say(OPEN)
    assert dome.heard() == [OPEN]


SNOOPED = "<setTextVector device='Mount' name='NOTE'><oneText name='V'>{}</oneText></setTextVector>"
HIDDEN = OPEN.replace("<new", "< new").replace("<one", "< one")  # lilxml reads these as start tags, blanks or not
CDATA = SNOOPED.format(f"<![CDATA[></oneText></setTextVector>{HIDDEN}]]>")
COMMENT = SNOOPED.format(f"<!-- ></oneText></setTextVector>{HIDDEN} -->")
FAR = " " * 17  # from here on the framer does not take it for the next element
MISTAKE = SNOOPED.format(f"x</oneText><é/>{OPEN.replace(' device', FAR + 'device')}<oneText name='W'>x")
NAMED = SNOOPED.format(f"x</oneText>{OPEN.replace(' device', FAR + 'device')}<oneText name='W'>x")


@pytest.mark.parametrize("said", [CDATA, COMMENT, MISTAKE, NAMED])
def test_a_command_in_what_a_driver_snoops_on_waits_for_the_condition(said: str) -> None:
    """libindi's dome opens on each of these; and the mount may only repeat what a client has set."""
    world = guarded()
    mount = world.driver(define("Mount", "NOTE", "x", "Text"))
    dome = world.driver(get("Mount"), SHUTTER)
    weather = world.driver(define("Weather", "RAIN", 1))
    client = world.client(get())
    dome.heard()
    mount.say(said)
    assert dome.heard() == []
    assert client.heard() == [said]
    assert world.core.counters.peers["driver"].dropped_messages["access"] == 1
    assert "not told a setTextVector: interlock roof" in world.logs[-1].text
    mount.say(SNOOPED.format("R &amp; D"))
    assert dome.heard() == [SNOOPED.format("R &amp; D")]
    weather.say(rain(0))
    mount.say(said)
    assert dome.heard() == [said]


def test_nor_is_it_told_to_a_driver_that_has_defined_nothing_yet_or_to_the_far_end_of_a_link() -> None:
    world = guarded()
    world.driver(define("Weather", "RAIN", 1))
    world.driver(define("Mount", "NOTE", "x", "Text"), CDATA.replace("set", "def").replace("one", "def"))
    early = world.driver(get("Mount"))
    assert [each for each in early.heard() if "Dome" in each] == []
    link = world.join("link", "far", link=Link(opener=True, path_id="far"))
    link.say(SHUTTER, get("Mount"))
    assert [each for each in link.heard() if "Dome" in each] == []


def test_a_comment_in_an_image_that_a_driver_snoops_on_waits_too() -> None:
    world = guarded()
    camera = world.driver(define("Cam", "I", kind="BLOB"))
    dome = world.driver(get("Cam"), blobs("Also", "Cam"), SHUTTER)
    world.driver(define("Weather", "RAIN", 1))
    client = world.client(get(), blobs("Also"))
    dome.heard()
    plain = image("Cam", "I")
    trick = plain.replace("</setBLOBVector>", f"<!-- ></setBLOBVector>{HIDDEN} --></setBLOBVector>")
    camera.say(trick, plain)
    assert [each for each in dome.heard() if "BLOB" in each] == [plain]
    assert len(client.heard()) == 2
