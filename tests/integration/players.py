"""Drivers that write what a test says, and a client that parses strictly."""

from __future__ import annotations

import contextlib
import shlex
import sys
import xml.etree.ElementTree as ET
from collections import deque
from collections.abc import Callable
from pathlib import Path

from elements import Elements
from live import Client, Router, indiserver, serve

DEFINITION = (
    "<defTextVector device='Mount' name='TXT' label='TXT' group='Main' state='Idle' perm='rw' timeout='0'>"
    "<defText name='T' label='T'>old</defText></defTextVector>\n"
)
AFTER = "<setTextVector device='Mount' name='TXT' state='Ok'><oneText name='T'>after</oneText></setTextVector>\n"
GO = "<newTextVector device='Mount' name='TXT'><oneText name='T'>go</oneText></newTextVector>"
TEXT = "<setTextVector device='Mount' name='TXT' state='Ok'><oneText name='T'>{}</oneText></setTextVector>\n"

PLAYER = """
import os, sys
sys.stdin.buffer.readline()
said = open(sys.argv[1], 'rb').read().split(b'\\0\\0')
os.write(1, said[0])
for line in sys.stdin.buffer:
    open(sys.argv[2], 'ab').write(line)
    if b'new' in line and len(said) > 1:
        os.write(1, said.pop(1))
"""


FACES: dict[str, Callable[..., contextlib.AbstractContextManager[Router]]] = {"serve": serve, "indiserver": indiserver}


class Play:
    """A driver that writes `first`, and `then` when it is first sent a new*; what it is sent is in `heard`."""

    def __init__(self, tmp_path: Path, face: str, first: bytes, then: bytes = b"") -> None:
        self.heard = tmp_path / "heard"
        said, code = tmp_path / "said", tmp_path / "player.py"
        said.write_bytes(first + (b"\0\0" + then if then else b""))
        code.write_text(PLAYER)
        self.program = tmp_path / "driver"
        words = [sys.executable, str(code), str(said), str(self.heard)]
        self.program.write_text(f"#!/bin/sh\nexec {shlex.join(words)}\n")
        self.program.chmod(0o755)
        self.run = FACES[face](tmp_path, str(self.program))


class Strict:
    """A client that parses all it gets, as Python's, Go's and Rust's do."""

    def __init__(self, port: int) -> None:
        self.client = Client(port, "<getProperties version='1.7'/>")
        self._elements = Elements()
        self._new: deque[ET.Element] = deque()

    def until(self, wanted: Callable[[ET.Element], bool]) -> list[ET.Element]:
        """All elements up to the wanted one."""
        found = []
        while True:
            while self._new:
                found.append(self._new.popleft())
                if wanted(found[-1]):
                    return found
            data = self.client.sock.recv(65536)
            assert data, "closed"
            self._new.extend(self._elements.feed(data))

    def after(self) -> list[ET.Element]:
        """All elements up to the value `after`."""
        return self.until(lambda element: any(one.text == "after" for one in element))
