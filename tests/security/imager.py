"""A driver for the tests: it sends images of any size on request, and says the digest of what it is sent.

`imager.py DEVICE`: SHOOT takes a number of bytes, IMAGE is the picture, STORE takes one, DIGEST tells of what came.
"""

from __future__ import annotations

import base64
import hashlib
import os
import re
import sys
from random import Random

ATTRIBUTES = "state='Ok' perm='rw' label='' group=''"


def picture(size: int) -> bytes:
    """The bytes of an image, the same for everybody who asks for that size."""
    block = Random(size).randbytes(min(size, 1 << 16) or 1)
    return (block * (size // len(block) + 1))[:size]


def blob(tag: str, device: str, name: str, data: bytes) -> bytes:
    """A BLOB in libindi's layout: lines of 72 characters."""
    text = base64.b64encode(data)
    lines = b"\n".join(text[at : at + 72] for at in range(0, len(text), 72))
    head = f"<{tag} device='{device}' name='{name}' state='Ok'>\n<oneBLOB name='B' size='{len(data)}' format='.x'"
    return head.encode() + f" enclen='{len(lines)}'>\n".encode() + lines + f"\n</oneBLOB>\n</{tag}>\n".encode()


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def definitions(device: str) -> str:
    number = "<defNumber name='N' label='' format='%g' min='0' max='0' step='0'>0</defNumber>"
    return (
        f"<defNumberVector device='{device}' name='SHOOT' {ATTRIBUTES}>{number}</defNumberVector>\n"
        f"<defNumberVector device='{device}' name='COUNT' {ATTRIBUTES}>{number}</defNumberVector>\n"
        f"<defTextVector device='{device}' name='DIGEST' {ATTRIBUTES}><defText name='D' label=''/></defTextVector>\n"
        f"<defBLOBVector device='{device}' name='IMAGE' {ATTRIBUTES}><defBLOB name='B' label=''/></defBLOBVector>\n"
        f"<defBLOBVector device='{device}' name='STORE' {ATTRIBUTES}><defBLOB name='B' label=''/></defBLOBVector>\n"
    )


def main(device: str) -> None:
    out, data = sys.stdout.buffer, b""
    element = re.compile(rb"<(getProperties|new\w+|enableBLOB)\b[^>]*?(?:/>|>(.*?)</\1>)", re.DOTALL)
    while more := os.read(sys.stdin.fileno(), 1 << 20):
        data += more
        if not data.rstrip().endswith(b">"):
            continue
        end = 0
        for found in element.finditer(data):
            end = found.end()
            out.write(answer(device, found[1].decode(), found[0], found[2] or b""))
        data = data[end:]
        out.flush()


def answer(device: str, tag: str, whole: bytes, body: bytes) -> bytes:
    if tag == "getProperties":
        return definitions(device).encode()
    value = re.search(rb">([^<]*)<", body)
    inner = value[1] if value else b""
    if tag == "newBLOBVector":
        told = f"<oneText name='D'>{digest(base64.b64decode(inner))}</oneText>"
        return f"<setTextVector device='{device}' name='DIGEST' state='Ok'>{told}</setTextVector>\n".encode()
    if b"SHOOT" in whole:
        return blob("setBLOBVector", device, "IMAGE", picture(int(inner)))
    if b"COUNT" in whole:
        told = f"<oneNumber name='N'>{inner.decode()}</oneNumber>"
        return f"<setNumberVector device='{device}' name='COUNT' state='Ok'>{told}</setNumberVector>\n".encode()
    return b""


if __name__ == "__main__":
    main(sys.argv[1])
