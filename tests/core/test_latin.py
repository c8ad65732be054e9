"""A driver that writes Latin-1 is sent its own names in its own bytes, in everything; docs/wire.md, "Repair"."""

from __future__ import annotations

import pytest

from core.world import World, get
from inditree.tree.link import Link

DEFINED = (
    "<defTextVector device='Cam\xff' name='T\xe9' perm='rw'><defText name='\xe9'>x</defText></defTextVector>\n"
    "<defBLOBVector device='Cam\xff' name='B\xe9' perm='wo'><defBLOB name='\xe9'/>"
    "<defBLOB name='other'/></defBLOBVector>"
)
IMAGE = (
    '<{}BLOBVector device="Cam\xff" name="B\xe9">\n <oneBLOB name="\xe9" size="3" format=".\u03b1">QUJD</oneBLOB>\n'
    '<oneBLOB name="other" size="3" format=".x">\nQUJD\n</oneBLOB></{}BLOBVector>\n'
)


def image(kind: str) -> str:
    return IMAGE.format(kind, kind)


def own(text: str) -> bytes:
    """Its names in Latin-1, the rest in UTF-8."""
    return text.encode().replace("\xff".encode(), b"\xff").replace("\xe9".encode(), b"\xe9")


@pytest.mark.parametrize("kind", ["driver", "link"])
def test_an_image_for_it(kind: str) -> None:
    world = World()
    driver = world.join(kind, link=Link(opener=True, path_id="there:1") if kind == "link" else None)
    driver.say(DEFINED.encode("latin-1"))
    client = world.client(get(), "<enableBLOB>Also</enableBLOB>")
    other = world.client(get(), "<enableBLOB>Also</enableBLOB>")
    driver.read()
    client.say(image("new"))
    assert driver.read() == own(image("new"))
    assert other.read() == image("new").encode()
    assert world.core.intake.memory == 0


def test_its_own_image_that_it_asked_for() -> None:
    world = World()
    driver = world.driver()
    driver.say(DEFINED.encode("latin-1"), "<getProperties version='1.7' device='Cam\xff'/>".encode("latin-1"))
    driver.say("<enableBLOB device='Cam\xff'>Also</enableBLOB>".encode("latin-1"))
    assert own("device='Cam\xff' name='B\xe9'") in driver.read()
    driver.say(image("set").replace(".\u03b1", ".x").encode("latin-1"))
    assert driver.read() == own(image("set").replace(".\u03b1", ".x"))
    assert world.core.intake.memory == 0


def test_names_of_others_stay_as_they_are() -> None:
    world = World()
    driver = world.driver()
    driver.say(DEFINED.encode("latin-1"), get("Caf\xe9"))
    driver.read()
    said = "<defTextVector device='Caf\xe9' name='N' perm='ro'><defText name='n'>x</defText></defTextVector>\n"
    world.driver(said)
    assert driver.read() == said.encode()


MIXED = (
    "<newTextVector\n  device='Météo'\n  name='STATION'>\n  <oneText\n      name='FILTRE'>\n".encode()
    + b"\xe9t\xe9\n  </oneText>\n</newTextVector>\n"
)
"""What KStars 3.6 sends: names in the bytes that it was told, the text of a person in Latin-1."""


def test_a_value_in_latin_1_beside_names_in_utf_8() -> None:
    """The device is found, and the value arrives as UTF-8."""
    world = World()
    driver = world.driver(
        "<defTextVector device='Météo' name='STATION' perm='rw'><defText name='FILTRE'>x</defText></defTextVector>\n"
    )
    client = world.client(get())
    driver.read()
    client.say(MIXED)
    assert driver.read() == MIXED.decode("latin-1").encode().replace("Ã©".encode(), "é".encode())


@pytest.mark.parametrize("device", ["Météo", "Cam"])
def test_a_driver_that_writes_both(device: str) -> None:
    """Its names in UTF-8 go back to it so, whatever else it writes beside them; those in Latin-1 as they came."""
    world = World()
    driver = world.driver()
    label = "<defTextVector device='%b' name='N' label='Temp (\xb0C)' perm='rw'><defText name='\xe9'>x</defText>"
    driver.say(label.encode("latin-1") % device.encode() + b"</defTextVector>\n")
    client = world.client()
    client.say(get())
    assert f"device='{device}' name='N' label='Temp (°C)'".encode() in client.read()
    driver.read()
    new = f"<newTextVector device='{device}' name='N'><oneText name='é'>é</oneText></newTextVector>\n"
    client.say(new)
    assert driver.read() == new.replace("name='é'", "name='@'").encode().replace(b"@", b"\xe9")


def test_a_name_that_mixes_both_goes_back_as_it_came() -> None:
    """A name has one spelling here, and its own bytes there."""
    world = World()
    driver = world.driver()
    name = "Hα".encode() + b"\xe9"
    driver.say(b"<defTextVector device='%b' name='N' perm='rw'><defText name='a'>x</defText></defTextVector>\n" % name)
    client = world.client()
    client.say(get())
    assert "device='Hαé'".encode() in client.read()
    driver.read()
    client.say("<newTextVector device='Hαé' name='N'><oneText name='a'>é</oneText></newTextVector>\n")
    assert b"device='%b'" % name in driver.read()
