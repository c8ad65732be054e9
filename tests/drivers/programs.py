"""An instrument as a child process, with the test in the place of its server."""

import base64
import os
import selectors
import socket
import subprocess
import sys
import time
import xml.etree.ElementTree as ET
from collections.abc import Callable
from io import BytesIO
from types import TracebackType
from typing import Any, Self
from xml.sax.saxutils import quoteattr

from astropy.io import fits

from inditree_drivers.stdio import Elements
from waiting import DEADLINE

KINDS = {"On": "Switch", "Off": "Switch"}
Test = Callable[[Any], bool]


def new(device: str, name: str, **members: str | float) -> str:
    """A new*Vector; the kind is told by the values: On and Off, numbers, other text."""
    value = next(iter(members.values()))
    kind = KINDS.get(value, "Text") if isinstance(value, str) else "Number"
    return vector(f"new{kind}Vector", f"one{kind}", device, name, **members)


def told(device: str, name: str, **members: str | float) -> str:
    """A def*Vector of another device, as a server passes it on to one that snoops."""
    kind = "Text" if isinstance(next(iter(members.values())), str) else "Number"
    attributes = 'label="" group="" perm="rw" state="Ok"'
    ones = 'label="" format="%g" min="0" max="0" step="0"' if kind == "Number" else 'label=""'
    return vector(f"def{kind}Vector", f"def{kind}", device, name, attributes, ones, **members)


def vector(
    tag: str, one: str, device: str, name: str, more: str = "", more_one: str = "", /, **members: str | float
) -> str:
    inner = "".join(f'<{one} name="{key}" {more_one}>{value}</{one}>' for key, value in members.items())
    return f'<{tag} device={quoteattr(device)} name="{name}" {more}>{inner}</{tag}>\n'


def is_(tag: str, name: str = "", state: str = "") -> Test:
    """Tests for an element of that tag (or its beginning), property and state."""
    return lambda element: (
        element.tag.startswith(tag) and name in ("", element.get("name")) and (state in ("", element.get("state")))
    )


def members(element: Any) -> dict[str, str]:
    return {child.get("name"): (child.text or "").strip() for child in element}


def number(element: Any, member: str) -> float:
    return float(members(element)[member])


def image(element: Any) -> Any:
    """The HDU of a setBLOBVector, whose size must be the announced one."""
    one = element.find("oneBLOB")
    content = base64.b64decode(one.text, validate=True)
    assert one.get("format") == ".fits"
    assert len(content) == int(one.get("size"))
    with fits.open(BytesIO(content), memmap=False) as file:
        file.verify("exception")
        return file[0].copy()


class Program:
    """`python -m inditree_drivers.MODULE` on pipes, or on one socket for both ways as indiserver does."""

    def __init__(self, module: str, *, one_socket: bool = False, code: str = "", device: str = "") -> None:
        run = ["-c", code] if code else ["-m", f"inditree_drivers.{module}"]
        env = {**os.environ, "INDIDEV": device} if device else {**os.environ}
        ours, theirs = socket.socketpair() if one_socket else (None, None)
        self.process = subprocess.Popen(
            [sys.executable, *run],
            stdin=theirs.fileno() if theirs else subprocess.PIPE,
            stdout=theirs.fileno() if theirs else subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=env,
        )
        self._ours = ours
        if theirs is not None:
            theirs.close()
        self._elements = Elements()
        self._waiting: list[Any] = []
        self.seen: list[Any] = []

    def __enter__(self) -> Self:
        self.send('<getProperties version="1.7"/>\n')
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self._hang_up()
        for stream in (self.process.stdout, self.process.stderr):
            if stream is not None:
                stream.close()
        self.process.wait()

    def _hang_up(self) -> None:
        if self._ours is not None:
            self._ours.close()
        elif self.process.stdin is not None:
            self.process.stdin.close()

    def end(self) -> tuple[int, str]:
        """Hang up; the exit status and what it wrote to stderr."""
        self._hang_up()
        assert self.process.stderr is not None
        errors = self.process.stderr.read().decode()
        return self.process.wait(DEADLINE), errors

    def send(self, *texts: str) -> None:
        data = "".join(texts).encode()
        if self._ours is not None:
            self._ours.sendall(data)
        else:
            assert self.process.stdin is not None
            self.process.stdin.write(data)
            self.process.stdin.flush()

    def wait(self, test: Test) -> Any:
        """The next element that passes; those before it are passed over. Fails at the deadline."""
        until = time.monotonic() + DEADLINE
        while True:
            while self._waiting:
                element = self._waiting.pop(0)
                self.seen.append(element)
                if test(element):
                    return element
            self._receive(until)

    def _receive(self, until: float) -> None:
        source = self._ours or self.process.stdout
        assert source is not None
        with selectors.DefaultSelector() as selector:
            selector.register(source, selectors.EVENT_READ)
            if not selector.select(until - time.monotonic()):
                told_last = [ET.tostring(element)[:200] for element in self.seen[-5:]]
                raise AssertionError(f"nothing came in time; the last elements were {told_last}")
        data = os.read(source.fileno(), 1 << 20)
        assert data, "the program has ended"
        self._waiting += self._elements.take(data)

    def connect(self, device: str) -> dict[str, Any]:
        """Connect the device; what it has defined by the time that it answers a request after that."""
        self.send(new(device, "CONNECTION", CONNECT="On"))
        self.wait(is_("setSwitchVector", "CONNECTION", "Ok"))
        self.send(f'<getProperties version="1.7" device={quoteattr(device)} name="CONNECTION"/>\n')
        self.wait(is_("defSwitchVector", "CONNECTION"))
        return {element.get("name"): element for element in self.seen if element.tag.startswith("def")}
