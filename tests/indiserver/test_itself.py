"""Drivers that snoop on themselves, and images' states: the same as with indiserver."""

from __future__ import annotations

import base64
import re
import zlib
from pathlib import Path
from xml.etree.ElementTree import Element

from indiserver.recorder import act, blobs, get, number
from indiserver.sessions import Side, both, same

CCD = "CCD Simulator"
QUESTION = "<getProperties device='Spy' name='ACT' version='1.7'/>"


def header(image: Element) -> dict[str, str]:
    """The FITS header of an image."""
    one = image.find("oneBLOB")
    assert one is not None
    data = base64.b64decode(one.text or "")
    if (one.get("format") or "").endswith(".z"):
        data = zlib.decompress(data)
    text = data[: data.index(b"END" + b" " * 77)].decode("ascii")
    cards = (text[at : at + 80] for at in range(0, len(text), 80))
    return {card[:8].strip(): card[10:].split(" /")[0].strip() for card in cards if card[8:9] == "="}


def test_a_camera_hears_its_own_filter_wheel(tmp_path: Path) -> None:
    """The simulated camera names itself as its filter wheel, by default."""

    def session(side: Side) -> None:
        side.serve("indi_simulator_ccd")
        side.warm(CCD)
        client = side.client("client")
        client.send(get(CCD))
        client.connect(CCD)
        client.until("defTextVector", device=CCD, name="FILTER_NAME")
        side.settle()
        names = next(each for each in client.seen if each.tag == "defTextVector" and each.get("name") == "FILTER_NAME")
        members = [str(member.get("name")) for member in names]
        ones = "".join(
            f"<oneText name='{name}'>{'Ha' if place == 1 else f'F{place}'}</oneText>"
            for place, name in enumerate(members)
        )
        client.send(f"<newTextVector device='{CCD}' name='FILTER_NAME'>{ones}</newTextVector>")
        client.until("setTextVector", device=CCD, name="FILTER_NAME", state="Ok")
        client.send(number(CCD, "FILTER_SLOT", FILTER_SLOT_VALUE=2))
        client.until("setNumberVector", device=CCD, name="FILTER_SLOT", state="Ok")
        side.settle()
        client.send(blobs("Also", CCD))
        client.expose()
        side.notes["FILTER"] = [header(client.until("setBLOBVector", device=CCD))["FILTER"]]
        side.clients.clear()

    sides = both(session, tmp_path)
    assert [side.notes["FILTER"] for side in sides] == [["'Ha      '"]] * 2


def test_a_driver_that_asked_for_itself_by_name(tmp_path: Path) -> None:
    """It hears what it says, and its question never comes back."""

    def session(side: Side) -> None:
        side.serve(side.spy(), env={"SNOOPS": get("Spy") + blobs("Also", "Spy")})
        side.warm("Spy")
        client = side.client("client")
        client.send(get("Spy"))
        side.settle()
        client.send(act("begin"))
        client.until("setTextVector", name="ACT")
        for what in ("message", "delete", "odd", "end of it"):
            client.send(act(what))
            client.until("setTextVector", name="ACT")
        side.settle()
        heard = side.overheard(since="end of it") or side.overheard()
        assert not [line for line in heard if "getProperties" in line and "Spy" not in line]
        told = [line for line in side.overheard() if re.match("<(def|set|del|message)", line)]
        side.notes["told"] = [line for line in told if "DRIVER_INFO" not in line and "CONNECTION" not in line]
        side.clients.clear()

    same(both(session, tmp_path))


def test_the_state_of_an_image_property(tmp_path: Path) -> None:
    """It goes to those who have enabled BLOBs."""

    def session(side: Side) -> None:
        side.serve(side.spy())
        side.warm("Spy")
        for name, wish in {"never": "", "also": blobs("Also"), "property": blobs("Also", "Spy", "PICTURE")}.items():
            side.client(name).send(get("Spy") + wish)
            side.settle()
        side.clients["never"].send(act("state"))
        side.clients["never"].until("setTextVector", name="ACT")
        side.settle()

    same(both(session, tmp_path))


def test_what_a_driver_says_of_members_and_devices_that_are_not_there(tmp_path: Path) -> None:
    """A definition that is old is asked for once; what has no device goes nowhere."""

    def session(side: Side) -> None:
        side.serve(side.spy())
        side.warm("Spy")
        client = side.client("client")
        client.send(get())
        side.settle()
        for what in ("silent", "silent", "nameless", "end of it"):
            client.send(act(what))
            client.until("setTextVector", device="Spy", name="ACT")
            side.settle()
        side.notes["asked"] = [line for line in side.overheard() if line == QUESTION]

    same(
        both(session, tmp_path),
        old_definition=r"^(asked: \+ <getProperties|client: \+ <defTextVector) device='Spy' name='ACT'",
        nameless=r"^client: - <setTextVector device='' ",
    )
