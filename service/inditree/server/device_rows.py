"""The status row of each device. Taken on the loop, cheap: nothing is parsed twice."""

from __future__ import annotations

from functools import lru_cache

from inditree.core import Core
from inditree.counters import DeviceCounters
from inditree.ops.model import DeviceRow, ImageRow, Owner, SaidRow, StateRow
from inditree.view.fold import member_values
from inditree.view.properties import Device

STATES = 8
"""Properties of one device that are named, of those that are Busy or Alert."""


def device_row(core: Core, name: str, owner: Owner, to_wall_clock: float) -> DeviceRow:
    """One device, with times of the clock on the wall: so much later than the loop's."""
    device = core.view.devices.get(name)
    image = _image(core.counters.devices.get(name), to_wall_clock)
    if device is None:
        return DeviceRow(name=name, owner=owner, image=image)
    busy, alert, states = _standing(device, to_wall_clock)
    said = device.said
    return DeviceRow(
        name=name,
        owner=owner,
        connected=_connected(device),
        busy=busy,
        alert=alert,
        states=states,
        image=image,
        message=None if said is None else SaidRow(at=round(said[0] + to_wall_clock, 3), text=said[1]),
    )


def _standing(device: Device, to_wall_clock: float) -> tuple[int, int, tuple[StateRow, ...]]:
    """Count the properties that are Busy and Alert; and the newest of these, Alert first. Most devices have none."""
    standing = [
        (each.standing.state == "Alert", each.standing.since, each)
        for each in device.properties.values()
        if each.standing.state in ("Busy", "Alert")
    ]
    if not standing:
        return 0, 0, ()
    standing.sort(key=lambda row: row[:2], reverse=True)
    alert = sum(row[0] for row in standing)
    states = tuple(
        StateRow(property=each.name, state="Alert" if red else "Busy", since=round(since + to_wall_clock, 3))
        for red, since, each in standing[:STATES]
    )
    return len(standing) - alert, alert, states


def _image(counters: DeviceCounters | None, to_wall_clock: float) -> ImageRow | None:
    if counters is None or not counters.last_image:
        return None
    return ImageRow(
        at=round(counters.last_image + to_wall_clock, 3),
        size=counters.last_image_bytes,
        number=counters.blobs_received,
    )


def _connected(device: Device) -> bool | None:
    known = device.properties.get("CONNECTION")
    if known is None or known.tag != "defSwitchVector":
        return None
    return _is_connected(known.current())


@lru_cache(256)
def _is_connected(definition: bytes) -> bool | None:
    said = member_values(definition).get("CONNECT")
    return None if said is None else said == "On"
