"""Each device that appears is brought to what is desired of it, and again when it appears anew."""

from __future__ import annotations

from inditree.commands import Outcome
from inditree.observatory.desired import CONNECT, SILENCE, Desire, Step
from inditree.observatory.keeping import Keeper
from inditree.observatory.values import Values
from inditree.view.properties import View, Weight

COOL = Step("T", {"V": "-10"})
OK, ALERT = Outcome("ok", "Ok", 1.0), Outcome("alert", "Alert", 1.0, ("no power",))


class Sky:
    """A view that drivers define things in, and what the keeper sends."""

    def __init__(self, *desires: Desire) -> None:
        self.view = View()
        self.values = Values(self.view, lambda _: 0.0, lambda _: 0)
        self.keeper = Keeper(self.view, self.values)
        self.keeper.apply(desires)
        self.now = 0.0

    def connection(self, device: str = "Cam", on: str = "Off", state: str = "Idle") -> None:
        data = (
            f"<defSwitchVector device='{device}' name='CONNECTION' state='{state}' perm='rw' rule='OneOfMany'>"
            f"<defSwitch name='CONNECT'>{on}</defSwitch><defSwitch name='DISCONNECT'>Off</defSwitch></defSwitchVector>"
        )
        self.view.define("defSwitchVector", device, "CONNECTION", data.encode())

    def temperature(self, state: str = "Idle") -> None:
        data = f"<defNumberVector device='Cam' name='T' state='{state}'><defNumber name='V'>20</defNumber>"
        data += "</defNumberVector>"
        self.view.define("defNumberVector", "Cam", "T", data.encode())

    def sent(self, seconds: float = 1.0) -> list[Step]:
        self.now += seconds
        return [step for _, step in self.keeper.look(self.now)]

    def answer(self, outcome: Outcome) -> None:
        self.keeper.answered(self.keeper.targets["Cam"], outcome, self.now)


CAMERA = Desire("Cam*", (CONNECT, COOL), required=True)


def test_a_device_is_connected_and_set_as_its_properties_come() -> None:
    sky = Sky(CAMERA)
    assert sky.keeper.missing() == {"Cam*": "is not there"}
    sky.connection()
    assert sky.sent() == [CONNECT] and sky.sent() == []
    assert sky.keeper.missing() == {"Cam": "CONNECTION is set, and not answered yet"}
    sky.answer(OK)
    assert sky.sent() == []
    assert sky.keeper.missing() == {"Cam": "T is not defined yet"}
    sky.temperature()
    assert sky.sent() == [COOL]
    sky.answer(OK)
    assert sky.keeper.missing() == {} and sky.sent(1000) == []


def test_what_is_connected_already_is_not_connected_again() -> None:
    sky = Sky(CAMERA)
    sky.connection(on="On", state="Ok")
    sky.temperature()
    assert sky.sent() == [COOL]


def test_it_comes_back_as_it_was_each_time_it_appears() -> None:
    sky = Sky(CAMERA)
    for _ in range(3):
        sky.connection()
        sky.temperature()
        assert sky.sent() == [CONNECT]
        sky.answer(OK)
        assert sky.sent() == [COOL]
        sky.answer(OK)
        assert sky.keeper.missing() == {}
        sky.view.delete("Cam", None)  # and there again before anybody looks
        assert sky.keeper.missing() == {"Cam*": "is not there"}
        sky.connection()
        assert sky.keeper.missing() == {"Cam": "CONNECTION is not defined yet"}


def test_what_people_set_later_stays() -> None:
    sky = Sky(CAMERA)
    sky.connection()
    sky.temperature()
    for step in (CONNECT, COOL):
        assert sky.sent() == [step]
        sky.answer(OK)
    sky.connection(on="Off")  # defined anew, as libindi does
    sky.view.delete("Cam", "T")
    sky.temperature()
    assert sky.sent() == []


def test_alert_is_tried_again_and_busy_has_the_time_that_it_needs() -> None:
    sky = Sky(CAMERA)
    sky.connection(on="On", state="Ok")
    sky.temperature()
    assert sky.sent() == [COOL]
    sky.answer(ALERT)
    assert sky.keeper.missing() == {"Cam": "T: no power; set again in 1 s"}
    assert sky.sent() == [COOL]
    sky.temperature("Busy")
    assert sky.sent() == [] and sky.sent(10 * SILENCE) == []
    sky.answer(OK)
    assert sky.keeper.missing() == {}


def test_silence_is_tried_again() -> None:
    sky = Sky(CAMERA)
    sky.connection()
    assert sky.sent() == [CONNECT]
    assert sky.sent(SILENCE) == []
    assert sky.sent(1) == [CONNECT]


def test_the_first_desire_that_fits_decides_and_a_reload_keeps_what_is_unchanged() -> None:
    sky = Sky(Desire("Cam", (CONNECT,)), CAMERA)
    sky.connection()
    assert sky.sent() == [CONNECT]
    sky.answer(OK)
    assert sky.keeper.missing() == {"Cam*": "is not there"}
    sky.keeper.apply((Desire("Cam", (CONNECT,)), Desire("Dome", (CONNECT,))))
    assert sky.sent() == []
    sky.keeper.apply((CAMERA,))
    assert sky.sent() == [CONNECT]
    sky.keeper.apply(())
    assert sky.sent() == [] and sky.keeper.targets == {}


def test_what_is_desired_further_comes_last_and_may_change() -> None:
    """The Web Manager's wish: what it no longer wants is let go, what it wants anew begins anew."""
    wanted: set[str] = set()
    sky = Sky()
    connect = Desire("Cam", (CONNECT,))
    sky.keeper = Keeper(sky.view, sky.values, lambda name: connect if name in wanted else None)
    sky.connection()
    assert sky.sent() == []
    wanted.add("Cam")
    assert sky.sent() == []  # nobody said that it has changed
    sky.keeper.renew()
    assert sky.sent() == [CONNECT]
    sky.answer(OK)
    sky.keeper.renew()
    assert sky.sent() == []
    sky.keeper.apply((CAMERA,))
    assert sky.sent() == [CONNECT]  # of the configuration's desire
    sky.keeper.apply(())
    wanted.clear()
    sky.keeper.renew()
    assert sky.sent() == [] and sky.keeper.targets == {}


def test_who_comes_back_from_another_run_of_its_router_has_appeared_anew() -> None:
    """Its properties are stale until they are defined again: nothing is set before that."""
    sky = Sky(CAMERA)
    sky.connection(on="On", state="Ok")
    sky.temperature()
    assert sky.sent() == [COOL]
    sky.answer(OK)
    for each in sky.view.devices["Cam"].properties.values():
        each.hold(Weight())
    assert sky.sent() == []
    sky.view.appear_anew("Cam")
    assert sky.sent() == []
    sky.connection()
    assert sky.sent() == [CONNECT]
    sky.answer(OK)
    assert sky.sent() == []
    sky.temperature()
    assert sky.sent() == [COOL]
