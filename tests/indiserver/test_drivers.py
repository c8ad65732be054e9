"""What drivers get to see, and what becomes of them."""

from __future__ import annotations

from pathlib import Path

from indiserver.recorder import act, blobs, get, number
from indiserver.sessions import Side, both, same

CCD, WHEEL, FOCUS, SPY = "CCD Simulator", "Filter Simulator", "Focuser Simulator", "Spy"


def test_snooping(tmp_path: Path) -> None:
    """A driver that snoops on a device, on a property and on images; what clients see of it."""

    def session(side: Side) -> None:
        snoops = get(WHEEL) + get(CCD, "CCD_EXPOSURE") + get(CCD, "CCD1") + blobs("Also", CCD, "CCD1")
        side.serve(side.spy(), "indi_simulator_wheel", "indi_simulator_ccd", env={"SNOOPS": snoops})
        side.warm(SPY, WHEEL, CCD)
        client = side.client("client")
        client.send(get())
        side.settle()
        client.send(act("begin"))
        client.until("setTextVector", device=SPY, name="ACT", state="Ok")
        client.connect(WHEEL)
        client.connect(CCD)
        client.send(number(WHEEL, "FILTER_SLOT", FILTER_SLOT_VALUE=2))
        client.until("setNumberVector", name="FILTER_SLOT", state="Ok")
        client.send(blobs("Also", CCD))
        client.expose()
        client.until("setBLOBVector", name="CCD1")
        client.until("setNumberVector", name="CCD_EXPOSURE", state="Ok")
        side.settle()
        client.send(act("that is all"))
        client.until("setTextVector", device=SPY, name="ACT", state="Ok")
        side.notes["spy"] = side.overheard(since="begin")

    same(
        both(session, tmp_path),
        len=r"^client: [-+] <setBLOBVector",
        snooped_images=r"^spy: [-+] <setBLOBVector",
        property_interest=r"^spy: \+ <message device='CCD Simulator'",
    )


def test_what_a_driver_says(tmp_path: Path) -> None:
    """Messages, deletions, unknown elements, text, a state of a BLOB, odd XML."""

    def session(side: Side) -> None:
        side.serve(side.spy(), "indi_simulator_wheel")
        side.warm(SPY, WHEEL)
        everything, other, one = side.client("everything"), side.client("other"), side.client("one property")
        everything.send(get(), blobs("Also"))
        side.settle()
        other.send(get(WHEEL))
        side.settle()
        one.send(get(SPY, "ACT"))
        side.settle()
        for what in ("message", "delete", "print", "unknown", "state", "ping", "odd", "delete all"):
            everything.send(act(what))
            everything.until("setTextVector", name="ACT", state="Ok")
        side.settle()
        side.notes["spy"] = side.overheard(since="message")

    same(
        both(session, tmp_path),
        unknown_elements=r"- <novelty ",
        property_interest=r"^one property: \+ <(message|delProperty) device='Spy'",
    )


def test_a_driver_that_crashes_is_started_again(tmp_path: Path) -> None:
    """Its device is deleted for its clients and defined again."""

    def session(side: Side) -> None:
        side.serve(side.spy(), "indi_simulator_wheel")
        side.warm(SPY, WHEEL)
        client, other = side.client("client"), side.client("other")
        client.send(get())
        side.settle()
        other.send(get(WHEEL))
        side.settle()
        client.until("defTextVector", device=SPY, name="ACT")
        client.send(act("crash"))
        client.until("delProperty", device=SPY)
        client.until("defTextVector", device=SPY, name="ACT")
        side.asked[SPY] += 1  # by the server, as it started
        side.settle()
        client.send(act("message"))
        client.until("setTextVector", name="ACT", state="Ok")
        side.notes["spy again"] = side.overheard(run=2)

    same(both(session, tmp_path))
