"""A client that keeps what it gets, and what such a client says."""

from __future__ import annotations

import itertools
import os
import re
import socket
from collections import Counter
from xml.etree.ElementTree import Element

from elements import Elements
from waiting import DEADLINE

#: What differs from run to run: clocks, sizes.
VOLATILE = {"timestamp", "enclen", "size"}


def switch(device: str, name: str, *members: str) -> str:
    """A newSwitchVector that switches these members on."""
    inside = "".join(f"<oneSwitch name='{member}'>On</oneSwitch>" for member in members)
    return f"<newSwitchVector device='{device}' name='{name}'>{inside}</newSwitchVector>"


def number(device: str, name: str, **members: float) -> str:
    """A newNumberVector."""
    inside = "".join(f"<oneNumber name='{member}'>{value}</oneNumber>" for member, value in members.items())
    return f"<newNumberVector device='{device}' name='{name}'>{inside}</newNumberVector>"


def blobs(mode: str, device: str | None = None, name: str | None = None) -> str:
    """An enableBLOB."""
    of = "".join(f" {key}='{value}'" for key, value in (("device", device), ("name", name)) if value)
    return f"<enableBLOB{of}>{mode}</enableBLOB>"


def act(what: str, device: str = "Spy") -> str:
    """Tell a spy to do something."""
    return f"<newTextVector device='{device}' name='ACT'><oneText name='WHAT'>{what}</oneText></newTextVector>"


def get(device: str | None = None, name: str | None = None) -> str:
    """A getProperties."""
    of = "".join(f" {key}='{value}'" for key, value in (("device", device), ("name", name)) if value)
    return f"<getProperties version='1.7'{of}/>"


def normal(element: Element) -> str:
    """One element on one line: attributes sorted, without times and sizes; white space around texts is gone."""
    attributes = "".join(f" {key}={value!r}" for key, value in sorted(element.attrib.items()) if key not in VOLATILE)
    text = (element.text or "").strip()
    if element.tag == "oneBLOB":
        text = "data" if text else ""
    inside = text + "".join(normal(child) for child in element)
    return f"<{element.tag}{attributes}>{inside}</>" if inside else f"<{element.tag}{attributes}/>"


class Recorder:
    """A client that keeps what it gets, as elements; `seen` is what it has read so far."""

    def __init__(self, sock: socket.socket, asked: Counter[str] | None = None) -> None:
        self.sock = sock
        self._asked = Counter() if asked is None else asked  # by device ("": all): how often DRIVER_INFO was asked for
        self.seen: list[Element] = []
        self._elements = Elements()
        self._marks: Counter[tuple[object, ...]] = Counter()

    def send(self, *elements: str) -> None:
        text = "".join(elements)
        for device, name in re.findall(r"<getProperties version='1.7'(?: device='([^']*)')?(?: name='([^']*)')?", text):
            if name in ("", "DRIVER_INFO"):
                self._asked[device] += 1
        self.sock.sendall(text.encode())

    def receive(self) -> bytes:
        """What is there."""
        return self.sock.recv(1 << 20)

    def read(self, timeout: float) -> bool:
        """One read; False at the end of the stream."""
        self.sock.settimeout(timeout)
        data = self.receive()
        self.seen += self._elements.feed(re.sub(rb"<\?xml[^>]*\?>", b"", data))
        return bool(data)

    def until(self, tag: str, **attributes: str) -> Element:
        """Read up to the next element with this tag and these attributes: next to the one found so before."""
        key = (tag, *attributes.items())

        def found() -> Element | None:
            for index in range(self._marks[key], len(self.seen)):
                element = self.seen[index]
                if element.tag == tag and all(element.get(name) == value for name, value in attributes.items()):
                    self._marks[key] = index + 1
                    return element
            return None

        while (element := found()) is None:
            try:
                alive = self.read(DEADLINE)
            except TimeoutError:
                alive = False
            if not alive:
                raise AssertionError(f"no <{tag} {attributes}>; seen:\n" + "\n".join(map(normal, self.seen[-20:])))
        return element

    def sync(self, uid: str = "sync") -> None:
        """All that was sent before has been passed on, and all that waited for us is here."""
        self.send(f"<pingRequest uid='{uid}'/>")
        self.until("pingReply", uid=uid)

    def begin(self, asked: Counter[str]) -> None:
        """Count from here on."""
        self.seen.clear()
        self._marks.clear()
        self._asked = asked

    def twice(self, device: str, name: str) -> None:
        """Read until a property was defined twice in a row: only two questions for it do that, no driver's start."""

        def there() -> bool:
            names = [each.get("name") for each in self.seen if each.get("device") == device]
            return (name, name) in itertools.pairwise(names)

        while not there():
            assert self.read(DEADLINE), "the server hung up"

    def count(self, device: str, number: int) -> None:
        """Read until so many definitions of a device's DRIVER_INFO have come."""

        def there() -> int:
            return sum(each.get("device") == device and each.get("name") == "DRIVER_INFO" for each in self.seen)

        while there() < number:
            try:
                assert self.read(DEADLINE), "the server hung up"
            except TimeoutError:
                raise AssertionError(f"{device} answered {there()} of {number} times") from None

    def closed(self) -> bool:
        """Read to the end."""
        try:
            while self.read(DEADLINE):
                pass
        except ConnectionError:
            pass
        except TimeoutError:
            return False
        return True

    def connect(self, device: str) -> None:
        """Switch a device on and wait until it is."""
        self.send(switch(device, "CONNECTION", "CONNECT"))
        self.until("setSwitchVector", device=device, name="CONNECTION", state="Ok")

    def expose(self, device: str = "CCD Simulator") -> None:
        """Begin a short exposure."""
        self.send(number(device, "CCD_EXPOSURE", CCD_EXPOSURE_VALUE=0.01))

    def transcript(self) -> dict[str, list[str]]:
        """By device, in order: drivers are independent of one another."""
        result: dict[str, list[str]] = {}
        for element in self.seen:
            if element.tag not in ("pingReply",):
                result.setdefault(element.get("device", ""), []).append(normal(element))
        return result


class LocalRecorder(Recorder):
    """The same on a UNIX socket: `fds` are the descriptors that came, to be closed by whoever takes them."""

    def __init__(self, sock: socket.socket, asked: Counter[str] | None = None) -> None:
        super().__init__(sock, asked)
        self.fds: list[int] = []

    def receive(self) -> bytes:
        data, fds, _, _ = socket.recv_fds(self.sock, 1 << 20, 16)
        self.fds += fds
        return data

    def image(self, size: int) -> bytes:
        """The oldest image."""
        fd = self.fds.pop(0)
        try:
            return os.pread(fd, size, 0)
        finally:
            os.close(fd)
