"""Sessions of clients: interest, echoes, images."""

from __future__ import annotations

from pathlib import Path

from indiserver.recorder import blobs, get, number, switch
from indiserver.sessions import Side, both, same

CCD, WHEEL, FOCUS = "CCD Simulator", "Filter Simulator", "Focuser Simulator"


def test_two_clients(tmp_path: Path) -> None:
    """Definitions, values, commands and their echo: one client asks for all, one for a device, one commands only."""

    def session(side: Side) -> None:
        side.serve("indi_simulator_focus", "indi_simulator_wheel")
        side.warm(FOCUS, WHEEL)
        everything, one, mute = side.client("everything"), side.client("one"), side.client("mute")
        everything.send(get())
        side.settle()
        one.send(get(WHEEL))
        side.settle()
        side.client("lost").send(get("Nobody"), get("Nobody", "NOTHING"), number("Nobody", "NOTHING", ANY=1))
        side.settle()
        mute.send(number(WHEEL, "POLLING_PERIOD", PERIOD_MS=500))
        side.settle()
        everything.connect(WHEEL)
        side.settle()
        one.send(number(WHEEL, "FILTER_SLOT", FILTER_SLOT_VALUE=3))
        one.until("setNumberVector", name="FILTER_SLOT", state="Ok")
        one.send(switch(WHEEL, "CONNECTION", "DISCONNECT"))
        side.settle()

    same(
        both(session, tmp_path),
        interest=r"^mute: \+ <",
        undelivered=r"^lost: \+ <message device='Nobody'|^everything: - <newNumberVector device='Nobody'",
    )


def test_blob_modes(tmp_path: Path) -> None:
    """Who gets an image, and what else: by the mode, of all, of a device and of a property."""
    modes = {
        "never": get(),
        "also": get() + blobs("Also"),
        "device also": get(CCD) + blobs("Also", CCD),
        "device only": get(CCD) + blobs("Only", CCD),
        "property also": get(CCD) + blobs("Also", CCD, "CCD1"),
        "property only": blobs("Only", CCD, "CCD1"),
        "also, then never": get() + blobs("Also", CCD) + blobs("Never", CCD),
        "wish alone": blobs("Also", CCD),
        "other property": get(CCD) + blobs("Also", CCD, "CCD2"),
        "other device": get() + blobs("Also", WHEEL),
    }

    def session(side: Side) -> None:
        side.serve("indi_simulator_ccd")
        side.warm(CCD)
        first = side.client("first")
        first.send(get(CCD))
        first.connect(CCD)
        side.settle()
        for name, text in modes.items():
            side.client(name).send(text)
            side.settle()
        first.expose()
        first.until("setNumberVector", name="CCD_EXPOSURE", state="Ok")
        side.clients["also"].until("setBLOBVector")
        side.settle()

    same(
        both(session, tmp_path),
        len=r"^(also|device also|property also|wish alone|(device|property) only): [-+] <setBLOBVector",
        property_interest=r"^property only: \+ <message",
        only=r"^device only: [-+] <def",
        per_device=r"^other device: - <setBLOBVector",
    )
