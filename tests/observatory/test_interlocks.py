"""Interlocks refuse whatever a reader could take for the command, and nothing else."""

from __future__ import annotations

import math
from collections.abc import Mapping

import pytest

from inditree.errors import ConditionError
from inditree.observatory.conditions import Operand, parse
from inditree.observatory.interlocks import Defined, Gate, Interlock
from inditree.observatory.patterns import parse_pattern
from inditree.wire.elements import Element
from observatory.values import Values

SHUTTER = Defined("Switch", "OneOfMany", ("SHUTTER_OPEN", "SHUTTER_CLOSE"))
MOTION = Defined("Switch", "AtMostOne", ("DOME_CW", "DOME_CCW"))
PARTS = Defined("Switch", "AnyOfMany", ("A", "B"))
COOLER = Defined("Number", "", ("CCD_TEMPERATURE_VALUE",))
NOTE = Defined("Text", "", ("T",))


class Night(Values):
    """Values with the age of what their devices said."""

    def __init__(self, values: Mapping[str, float | str]) -> None:
        super().__init__(values)
        self.ages: dict[str, float] = {}

        self.properties = {("Dome", "DOME_SHUTTER"): SHUTTER}

    def silent(self, device: str) -> float:
        return self.ages.get(device, 0.0)

    def defined(self, device: str, name: str) -> Defined | None:
        return self.properties.get((device, name))


def interlock(*refuse: str, unless: str = "0", max_age: float | None = None) -> Interlock:
    return Interlock("roof", tuple(map(parse_pattern, refuse)), parse(unless), max_age)


def command(body: str, kind: str = "Switch", device: str = "Dome", name: str = "DOME_SHUTTER") -> Element:
    data = f'<new{kind}Vector device="{device}" name="{name}">{body}</new{kind}Vector>\n'.encode()
    return Element(f"new{kind}Vector", {"device": device, "name": name}, data)


def switch(**values: str) -> str:
    return "".join(f"<oneSwitch name='{name}'>{value}</oneSwitch>" for name, value in values.items())


OPEN = "Dome.DOME_SHUTTER.SHUTTER_OPEN=On"


@pytest.mark.parametrize(
    "body",
    [
        switch(SHUTTER_OPEN="On"),
        switch(SHUTTER_OPEN="\n  On\n"),
        switch(SHUTTER_OPEN="Onward"),
        switch(SHUTTER_OPEN="ON"),
        switch(SHUTTER_OPEN="1"),
        switch(SHUTTER_OPEN=""),
        switch(SHUTTER_OPEN="Offward"),
        switch(SHUTTER_OPEN="O<!-- x -->n"),
        switch(SHUTTER_OPEN="Off<!-- x -->"),
        switch(SHUTTER_OPEN="&#79;n"),
        switch(SHUTTER_OPEN="<![CDATA[On]]>"),
        switch(SHUTTER_OPEN="On") + switch(SHUTTER_OPEN="Off"),
        switch(SHUTTER_OPEN="Off") + switch(SHUTTER_OPEN="On"),
        switch(SHUTTER_CLOSE="Off"),
        switch(SHUTTER_CLOSE="Off", SHUTTER_OPEN="Off"),
        switch(SHUTTER_CLOSE="On", shutter_open="On"),
        switch(SHUTTER_CLOSE="On", OTHER="Off"),
        switch(SHUTTER_CLOSE="On") + switch(SHUTTER_CLOSE="On"),
        switch(SHUTTER_CLOSE="On") + switch(SHUTTER_CLOSE="Off", SHUTTER_OPEN="On"),
        switch(SHUTTER_CLOSE="on"),
        "<oneSwitch name='SHUTTER&#95;OPEN'>On</oneSwitch>",
        "<oneSwitch label='x' name='SHUTTER_OPEN'>On</oneSwitch>",
        "<oneText name='SHUTTER_OPEN'>On</oneText>",
        "<x>" + switch(SHUTTER_CLOSE="On") + "</x>",
        "<?x y?>" + switch(SHUTTER_CLOSE="On"),
        "On",
        "",
    ],
)
def test_what_could_open_the_roof_is_refused(body: str) -> None:
    assert interlock(OPEN).could_be(command(body), SHUTTER)


@pytest.mark.parametrize(
    "body",
    [
        switch(SHUTTER_CLOSE="On"),
        switch(SHUTTER_CLOSE="\nOn\n"),
        switch(SHUTTER_OPEN="Off", SHUTTER_CLOSE="On"),
        switch(SHUTTER_CLOSE="On", SHUTTER_OPEN="Off"),
        '\n  <oneSwitch name = "SHUTTER_CLOSE" >\n      On\n  </oneSwitch>\n',
    ],
)
def test_what_plainly_closes_it_is_not(body: str) -> None:
    assert not interlock(OPEN).could_be(command(body), SHUTTER)


def test_other_properties_and_devices_are_not_concerned() -> None:
    lock = interlock(OPEN)
    assert not lock.could_be(command(switch(SHUTTER_OPEN="On"), name="OTHER"), SHUTTER)
    assert not lock.could_be(command(switch(SHUTTER_OPEN="On"), device="Dome 2"), SHUTTER)


def test_an_undefined_property_and_one_of_another_kind_take_nothing() -> None:
    lock = interlock(OPEN)
    assert lock.could_be(command(switch(SHUTTER_CLOSE="On")), None)
    assert lock.could_be(command("<oneNumber name='SHUTTER_CLOSE'>1</oneNumber>", "Number"), SHUTTER)
    assert lock.could_be(command("<oneText name='SHUTTER_CLOSE'>On</oneText>", "Text"), SHUTTER)


def test_rules_of_switches() -> None:
    turned = interlock("D.P.DOME_CW=Off")
    assert turned.could_be(command(switch(DOME_CCW="On"), device="D", name="P"), MOTION)
    assert not turned.could_be(command(switch(DOME_CCW="Off"), device="D", name="P"), MOTION)
    assert not interlock("D.P.DOME_CW=On").could_be(command(switch(DOME_CCW="Off"), device="D", name="P"), MOTION)
    odd = Defined("Switch", "", ("DOME_CW", "DOME_CCW"))
    assert interlock("D.P.DOME_CW=On").could_be(command(switch(DOME_CCW="Off"), device="D", name="P"), odd)
    assert not interlock("D.P.A=On").could_be(command(switch(B="Off"), device="D", name="P"), PARTS)
    assert not interlock("D.P.A=Off").could_be(command(switch(B="On"), device="D", name="P"), PARTS)
    assert interlock("D.P.A!=On").could_be(command(switch(A="Off"), device="D", name="P"), PARTS)
    assert interlock("D.P.A").could_be(command(switch(A="Off"), device="D", name="P"), PARTS)
    assert not interlock("D.P.A").could_be(command(switch(B="Off"), device="D", name="P"), PARTS)


@pytest.mark.parametrize(
    ("pattern", "value", "refused"),
    [
        ("Cam.T.*<-20", "-25", True),
        ("Cam.T.*<-20", "-15", False),
        ("Cam.T.*<-20", "-20", False),
        ("Cam.T.*<=-20", "-20:00:00", True),
        ("Cam.T.*>=10:30", "10.4", False),
        ("Cam.T.*=5", "5.0", True),
        ("Cam.T.*=5", "6", False),
        ("Cam.T.*!=5", "6", True),
        ("Cam.T.*!=5", "5", False),
        ("Cam.T.*<-20", "nan", True),
        ("Cam.T.*<-20", "", True),
        ("Cam.T.*<-20", "0x10", True),
        ("Cam.T.*<-20", "-1,5", True),
        ("Cam.T.*<-20", "5 apples", True),
        ("Cam.T.*<-20", "٣", True),
        ("Cam.T.*", "0", True),
        ("Cam.T.*<-20", "-19:59", False),
        ("Cam.T.*<-20", "-30 59", True),
        ("Cam.T.*=12", "12 30", True),  # strtod stops at the blank
        ("Cam.T.*>100", "12 30", True),  # libindi takes blanks out: 1230
        ("Cam.T.*>100", "12 : 30", False),
        ("Cam.T.*>100", "1 e3", True),
        ("Cam.T.*>100", "1" + 70 * "0" + "e-70", True),  # libindi cuts it off
        ("Cam.T.*=12", "12.5", False),
        ("Cam.T.*<-20", "inf", True),
        ("Cam.T.*<-20", "-1e3", True),
    ],
)
def test_numbers(pattern: str, value: str, refused: bool) -> None:
    body = f"<oneNumber name='CCD_TEMPERATURE_VALUE'>{value}</oneNumber>"
    sent = command(body, "Number", "Cam", "T")
    assert interlock(pattern).could_be(sent, COOLER) is refused


@pytest.mark.parametrize(
    ("pattern", "value", "refused"),
    [
        ("W.F.T=Ha", "Ha", True),
        ("W.F.T=Ha", " ha ", True),
        ("W.F.T=Ha", "Hazel", True),
        ("W.F.T=Ha", "H", True),
        ("W.F.T=Ha", "OIII", False),
        ("W.F.T=Ha", "", False),
        ("W.F.T!=Ha", "Ha", False),
        ("W.F.T!=Ha", "ha", True),
        ("W.F.T=Ha", "O&amp;I", True),
    ],
)
def test_texts(pattern: str, value: str, refused: bool) -> None:
    sent = command(f"<oneText name='T'>{value}</oneText>", "Text", "W", "F")
    assert interlock(pattern).could_be(sent, NOTE) is refused


def test_globs_and_quoted_parts() -> None:
    sent = command(switch(A="On"), device="Roof [v1.2]", name="X")
    assert interlock('"Roof [v1.2]".*.*').could_be(sent, PARTS)
    assert interlock("Roof*.X.A=On").could_be(sent, PARTS)
    assert not interlock("Roof [v1.2].X.A").could_be(sent, PARTS)  # a glob: one sign of the brackets


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("Dome", "'Dome' is not DEVICE.PROPERTY.MEMBER (column 1)"),
        ("Dome.X", "'Dome.X' is not DEVICE.PROPERTY.MEMBER (column 1)"),
        ("Dome..X", "'Dome..X' has an empty part (column 1)"),
        ('"Dome.X.Y', 'no closing " (column 1)'),
        ("Dome.X.Y=", "a value expected after = (column 10)"),
        ("Dome.X.Y<warm", "'warm' is not a number (column 10)"),
        ("Dome.X.Y!3", "! alone compares nothing (column 9)"),
    ],
)
def test_mistakes_in_patterns(text: str, message: str) -> None:
    with pytest.raises(ConditionError) as caught:
        parse_pattern(text)
    assert str(caught.value) == message


def guarded(*values: tuple[str, float], refuse: str = OPEN) -> Gate:
    return Gate([interlock(refuse, unless='"W.RAIN.NOW" == 0')], Night(dict(values)))


DRY, WET = ("W.RAIN.NOW", 0.0), ("W.RAIN.NOW", 1.0)
OWNED = {"Dome", "Dome Weather"}


def test_the_condition_decides_and_unknown_refuses() -> None:
    sent = command(switch(SHUTTER_OPEN="On"))
    assert guarded(DRY).refusing(sent, OWNED) is None
    gate = guarded(WET)
    assert gate.refusing(sent, OWNED) == ("roof", "its condition does not hold")
    assert gate.refusals == {"roof": 1}
    assert guarded().refusing(sent, OWNED) == ("roof", "its condition is unknown")
    assert guarded().refusing(command(switch(SHUTTER_CLOSE="On")), OWNED) is None


def test_an_undefined_property_that_is_named_takes_nothing_whatever_the_condition_says() -> None:
    gate = guarded(DRY)
    assert isinstance(gate.source, Night)
    gate.source.properties.clear()
    for name in ("DOME_SHUTTER", "dome_shutter", " DOME_SHUTTER "):
        sent = command(switch(SHUTTER_CLOSE="On"), name=name)
        assert gate.refusing(sent, OWNED) == ("roof", f"Dome.{name} is not defined")
    assert gate.refusing(command(switch(X="On"), name="OTHER"), OWNED) is None


HIDDEN = command(switch(SHUTTER_OPEN="On")).data.decode().strip()


@pytest.mark.parametrize(
    "data",
    [
        # To lilxml a CDATA section ends at its first `>`, and so does what stands behind it.
        f"<oneText name='T'><![CDATA[></oneText></newTextVector>{HIDDEN}]]></oneText>",
        f"<!-- {HIDDEN} --><oneText name='T'>x</oneText>",
        f"<?x {HIDDEN} ?><oneText name='T'>x</oneText>",
        f"{HIDDEN}<oneText name='T'>x</oneText>",
        f"<oneText name='T'>{HIDDEN}</oneText>",
        """<oneText name='T' x='><newSwitchVector device="Dome"'>x</oneText>""",
        """<oneText name='T' label=' device="Dome" name="DOME_SHUTTER"'>x</oneText>""",
        "<oneText name='T' x:device='Dome'>x</oneText>",
        "<oneText name='T'>x</oneText><oneBLOB name='b'/>",
        "x",
    ],
)
@pytest.mark.parametrize("device", ["Dome", "Dome Weather"])
def test_nothing_else_hides_a_command_from_the_driver_that_has_the_device(data: str, device: str) -> None:
    sent = command(data, "Text", device, "NOTE")
    assert guarded(WET).refusing(sent, OWNED) == (
        "roof",
        "its condition does not hold, and it could be taken for another command",
    )
    assert guarded(DRY).refusing(sent, OWNED) is None
    assert guarded(WET).refusing(sent, {"Camera", device.replace("Dome", "Dame")}) is None


@pytest.mark.parametrize(
    "body",
    [
        "<oneText name='T'>R &amp; D &#176; &gt; > ' \"</oneText>",
        '\n  <oneText\n name="Joe\'s &lt; T">\n x </oneText >\n  <oneText name="U"></oneText>',
        "",
    ],
)
def test_what_is_plainly_one_command_for_something_else_passes(body: str) -> None:
    assert guarded(WET).refusing(command(body, "Text", "Dome Weather", "NOTE"), OWNED) is None


def test_an_uploaded_image_is_refused_where_its_owner_has_a_guarded_device() -> None:
    start = Element("newBLOBVector", {"device": "Dome", "name": "X"}, b'<newBLOBVector device="Dome" name="X">')
    assert guarded(WET).refusing(start, OWNED) is not None
    assert guarded(DRY).refusing(start, OWNED) is None
    assert guarded(WET).refusing(start, {"Camera"}) is None


def test_of_very_many_devices_a_glob_is_said_to_fit() -> None:
    gate = guarded(WET, refuse="D*.DOME_SHUTTER.*")
    untame = command("<!-- x -->", "Text", "Cam 1", "NOTE")
    assert gate.refusing(untame, {"Cam 1", "Cam 2"}) is None
    assert gate.refusing(untame, {f"Cam {number}" for number in range(1000)}) is not None


def test_what_is_too_old_is_unknown() -> None:
    lock = interlock(OPEN, unless='"W.RAIN.NOW" == 0', max_age=60)
    source = Night({"W.RAIN.NOW": 0})
    source.ages = {"W": 60}
    assert lock.holds(source) is True
    source.ages = {"W": 61}
    assert lock.holds(source) is None
    source.ages = {"W": math.inf}
    assert lock.holds(source) is None
    assert Night({"W.RAIN.NOW": 0}).number(Operand("W", "RAIN", "NOW")) == 0


def test_names_that_clients_make_up_are_not_kept_without_end() -> None:
    gate = Gate([interlock("Dome.*.*")], Night({}))
    for number in range(3 * Gate.KNOWN):
        gate.concerned("Dome", f"made-up {number}")
    assert len(gate._concerned) <= Gate.KNOWN
