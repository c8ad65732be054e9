"""Turns elements into JSON messages in frames: made once, for all web clients of a listener."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import NamedTuple

from inditree.envelope import Image, Object, Properties, encode
from inditree.envelope.known import Known
from inditree.web import frames
from inditree.web.images import Images
from inditree.wire.syntax import parse_start, tag_end

_VALUE = rb"=(?:\"([^\"<>&\t\r\n]*+)\"|'([^'<>&\t\r\n]*+)')"
_PLAIN_START = re.compile(rb"<def\w++\s++device" + _VALUE + rb"\s++name" + _VALUE)

Key = tuple[str, str]
"""A device and a property; "" for the device as a whole."""


class JsonMessage(NamedTuple):
    """One message: its frame, and what it says of which property. `kind` is def, set, delete or message."""

    kind: str
    key: Key
    frame: bytes


class JsonMessages:
    """Turns elements into messages. Whoever gets the same bytes gets the same frames: they are made the first time.

    `asked` gives the last request for a number, `current` the definition of a property as it is now; both empty where
    there is none.
    """

    def __init__(
        self, images: Images, asked: Callable[[str, str], bytes], current: Callable[[str, str], bytes]
    ) -> None:
        self._asked = asked
        self._current = current
        self.properties = Properties()
        self._images = images
        self._data: bytes = b""
        self._told: tuple[JsonMessage, ...] = ()
        self._joined = b""
        self._definitions: dict[str, dict[str, tuple[bytes, tuple[JsonMessage, ...]]]] = {}  # device, property
        self._by_bytes: dict[int, Key] = {}  # the identity of a definition's bytes, which `_definitions` holds

    def say(self, data: bytes) -> tuple[JsonMessage, ...]:
        """Give the messages of the elements in `data`."""
        if data is not self._data:
            known = self._repeated(data) if data.startswith(b"<def") else None
            self._data = data
            self._told = known if known is not None else self._make(data)
            self._joined = b"".join([each.frame for each in self._told])
        return self._told

    def joined(self, data: bytes) -> bytes:
        """Give the frames of the elements in `data` as one piece."""
        self.say(data)
        return self._joined

    def unmade(self, data: bytes) -> Key | None:
        """Find whose definition `data` is, where nobody here has had one of it yet. None: another element, or known.

        It need not be made now: whoever asks for it later (`now`) gets what is newest then.
        """
        if not data.startswith(b"<def"):
            return None
        key = _key(data)
        return key if key not in self.properties.known else None

    def ask(self, data: bytes) -> None:
        """Take a `new*` of a web client: its numbers are targets."""
        for _ in self.properties.feed(data):
            pass

    def now(self, key: Key, *, defined: bool) -> bytes:
        """Give the message that says how a property is now, empty for one that is not known."""
        known = self._known(key)
        if known is None:
            return b""
        return frames.text(encode(known.defined() if defined else known.current()))

    def gone(self, key: Key) -> bytes:
        """Give the message that says that a property, or a whole device, is no more."""
        body = {"device": key[0], "name": key[1]} if key[1] else {"device": key[0]}
        return frames.text(encode({"deleteProperty": body}))

    def show(self, key: Key, images: Mapping[str, Image]) -> None:
        """Say from now on where the images of a property are."""
        known = self._known(key)
        if known is not None:
            known.images = images
            self._drop(key)
            self._data = b""

    def _known(self, key: Key) -> Known | None:
        """Find a property; one that was not made yet is made of what it is now."""
        if key not in self.properties.known and (data := self._current(*key)):
            self.say(data)
        return self.properties.known.get(key)

    def _repeated(self, data: bytes) -> tuple[JsonMessage, ...] | None:
        """Find the frames of a definition that was asked for before and has not changed since."""
        device, name = self._by_bytes.get(id(data), ("", ""))
        known = self._definitions.get(device, {}).get(name)
        return known[1] if known is not None and known[0] is data else None

    def _make(self, data: bytes) -> tuple[JsonMessage, ...]:
        made = tuple(_told(self._with_targets(found)) for found in self.properties.feed(data))
        for each in made:
            if each.kind != "message":
                self._drop(each.key)
            if each.kind == "delete":
                self._forget_images(each.key)
        if len(made) == 1 and made[0].kind == "def":
            device, name = made[0].key
            self._definitions.setdefault(device, {})[name] = (data, made)
            self._by_bytes[id(data)] = made[0].key
        return made

    def _with_targets(self, found: Object) -> Object:
        """Add to a definition what was asked for before anybody listened here."""
        body = found.get("defNumberVector")
        if body is None or not (request := self._asked(body["device"], body["name"])):
            return found
        for _ in self.properties.feed(request):
            pass
        return self.properties.known[body["device"], body["name"]].defined()

    def _forget_images(self, gone: Key) -> None:
        self._images.forget_unwanted(lambda key: gone not in (key, (key[0], "")))

    def _drop(self, key: Key) -> None:
        names = self._definitions.get(key[0], {})
        for each in [key[1]] if key[1] else list(names):
            known = names.pop(each, None)
            if known is not None:
                self._by_bytes.pop(id(known[0]), None)
        if not names:
            self._definitions.pop(key[0], None)


def _key(definition: bytes) -> Key:
    """Read whose definition it is. Nearly all begin so, and take a twentieth of a parser's time."""
    plain = _PLAIN_START.match(definition)
    if plain is not None:
        return (plain[1] or plain[2] or b"").decode(), (plain[3] or plain[4] or b"").decode()
    _, attributes = parse_start(definition[: tag_end(definition, 1, len(definition), 0)[0]])
    return attributes.get("device", ""), attributes.get("name", "")


def _told(found: Object) -> JsonMessage:
    (kind, body), *_ = found.items()
    frame = frames.text(encode(found))
    if kind == "message":
        return JsonMessage("message", (found.get("device", ""), ""), frame)
    name = "delete" if kind == "deleteProperty" else kind[:3]
    return JsonMessage(name, (body["device"], body.get("name", "")), frame)
