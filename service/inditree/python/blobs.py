"""Large BLOBs of the package indipydriver, without its ways through Python for each byte."""

from __future__ import annotations

import functools
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pybase64

from inditree.python.elements import Encoded

#: Bytes of a BLOB from which on it is encoded, and taken apart, in a thread.
LARGE = 64 << 10


def speed_up(driver: Any) -> None:
    """Large BLOBs: encoded in the thread that reads the file, not in the loop, and decoded by pybase64.

    The package's encoding and decoding take 10 to 40 ms of the loop's time for 8 MiB. Members whose methods are not
    the package's own are left alone.
    """
    from indipydriver import BLOBMember, IPyDriver, events

    if hasattr(events, "standard_b64decode"):
        events.standard_b64decode = pybase64.standard_b64decode
    if type(driver).send is not IPyDriver.send:
        return  # it wants to see what it sends
    for device in driver.values():
        for vector in device.values():
            for member in vector.data.values():
                kind = type(member)
                if isinstance(member, BLOBMember) and (kind.oneblob, kind.getbytes) == (
                    BLOBMember.oneblob,
                    BLOBMember.getbytes,
                ):
                    member.getbytes = _getbytes
                    member.oneblob = functools.partial(_oneblob, member)


def _getbytes(value: Any) -> bytes | Encoded:
    """Replace `BLOBMember.getbytes`, which runs in a thread: return its bytes, of a large image the base64."""
    from indipydriver import BLOBMember

    if isinstance(value, Encoded):
        return value
    data: bytes = BLOBMember.getbytes(value)
    return Encoded(data) if len(data) > LARGE else data


def _oneblob(member: Any, value: Any = None) -> ET.Element:
    """Replace `BLOBMember.oneblob`, which gets what `_getbytes` returned; all but the text is the package's."""
    from indipydriver import BLOBMember

    data = _getbytes(member.membervalue if value is None else value)
    if isinstance(data, Encoded) and not member.blobsize:
        member.blobsize = data.raw
    element: ET.Element = BLOBMember.oneblob(member, b"-" if isinstance(data, Encoded) else data)
    if isinstance(data, Encoded):
        element.text = data  # type: ignore[assignment]
    if not (member.blobformat or value is None or isinstance(value, bytes | Encoded)):
        suffixes = Path(value).suffixes if isinstance(value, str | Path) else ()
        element.set("format", "".join(suffixes))
    return element
