"""A driver that counts: `ticker.py DEVICE HZ` sends TICK = 1, 2, 3 ... at a steady rate, and a picture now and then.

After each start it begins at a higher number than before, by the clock, so that a listener can tell what is missing
from what was never said. ECHO answers with what it is told.
"""

from __future__ import annotations

import base64
import os
import re
import select
import sys
import time

ATTRIBUTES = "state='Ok' perm='rw' label='' group=''"
NUMBER = "<defNumber name='N' label='' format='%.0f' min='0' max='0' step='0'>0</defNumber>"
PICTURE_EVERY = 50
ELEMENT = re.compile(rb"<(getProperties|new\w+|enableBLOB)\b[^>]*?(?:/>|>(.*?)</\1>)", re.DOTALL)


def definitions(device: str) -> str:
    return (
        f"<defNumberVector device='{device}' name='TICK' {ATTRIBUTES}>{NUMBER}</defNumberVector>\n"
        f"<defNumberVector device='{device}' name='ECHO' {ATTRIBUTES}>{NUMBER}</defNumberVector>\n"
        f"<defBLOBVector device='{device}' name='PICTURE' {ATTRIBUTES}><defBLOB name='B' label=''/></defBLOBVector>\n"
    )


def tick(device: str, name: str, number: int) -> str:
    return (
        f"<setNumberVector device='{device}' name='{name}' state='Ok'><oneNumber name='N'>{number}</oneNumber>"
        "</setNumberVector>\n"
    )


def picture(device: str, number: int) -> str:
    data = base64.b64encode(number.to_bytes(8) * (1 << 15)).decode()
    return (
        f"<setBLOBVector device='{device}' name='PICTURE' state='Ok'>"
        f"<oneBLOB name='B' size='{8 << 15}' format='.x'>{data}</oneBLOB></setBLOBVector>\n"
    )


def main(device: str, rate: float) -> None:
    number = int(time.time() * 10_000)  # no program ticks ten thousand times a second
    period, due, data = 1 / rate, time.monotonic(), b""
    defined = False
    while True:
        ready, _, _ = select.select([0], [], [], max(0.0, due - time.monotonic()))
        out = ""
        if ready:
            more = os.read(0, 1 << 16)
            if not more:
                return
            data += more
            end = 0
            for found in ELEMENT.finditer(data):
                end = found.end()
                defined = defined or found[1] == b"getProperties"
                out += answer(device, found)
            data = data[end:]
        if time.monotonic() >= due:
            due = max(due + period, time.monotonic())
            if defined:
                number += 1
                out += tick(device, "TICK", number)
                if number % PICTURE_EVERY == 0:
                    out += picture(device, number)
        sys.stdout.write(out)
        sys.stdout.flush()


def answer(device: str, found: re.Match[bytes]) -> str:
    if found[1] == b"getProperties":
        return definitions(device)
    value = re.search(rb">([0-9]+)<", found[2] or b"")
    return tick(device, "ECHO", int(value[1])) if value else ""


if __name__ == "__main__":
    main(sys.argv[1], float(sys.argv[2]))
