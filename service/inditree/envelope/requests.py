"""Turns the messages of JSON clients into elements for the router.

Unknown kinds of messages and unknown keys are ignored. What is no JSON, and a value of the wrong type, is a
RequestError whose text says where it stands (`$.newTextVector.items[0].value`).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

import msgspec
from msgspec import UNSET, Struct, UnsetType

from inditree.envelope.numbers import spell
from inditree.errors import InditreeError
from inditree.wire.syntax import NOT_XML, attribute, get_properties

_ESCAPES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})


class RequestError(InditreeError):
    """A message is no JSON, or has a value of the wrong type."""


class GetProperties(Struct):
    device: str = ""
    name: str = ""


class TextItem(Struct):
    name: str
    value: str


class NumberItem(Struct):
    name: str
    value: float


class SwitchItem(Struct):
    name: str
    value: bool


class NewText(Struct):
    device: str
    name: str
    items: list[TextItem]


class NewNumber(Struct):
    device: str
    name: str
    items: list[NumberItem]


class NewSwitch(Struct):
    device: str
    name: str
    items: list[SwitchItem]


class EnableBlob(Struct):
    """A request for images: by `URL`, or Never."""

    device: str
    value: Literal["Never", "URL"]
    name: str = ""


class GetStatus(Struct):
    """A request for the router's status, now and again; `stop` ends it."""

    stop: bool = False


class _Message(Struct, rename="camel"):
    get_properties: GetProperties | UnsetType = UNSET
    new_text_vector: NewText | UnsetType = UNSET
    new_number_vector: NewNumber | UnsetType = UNSET
    new_switch_vector: NewSwitch | UnsetType = UNSET
    enable_blob: EnableBlob | UnsetType = msgspec.field(default=UNSET, name="enableBLOB")
    get_status: GetStatus | UnsetType = UNSET


_decode = msgspec.json.Decoder(_Message).decode


def requests(text: str | bytes) -> list[bytes | EnableBlob | GetStatus]:
    """Read one message: the elements that it asks for (bytes, each with its newline), and what is no element.

    Raises RequestError.
    """
    try:
        message = _decode(text)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise RequestError(str(error)) from None
    found: list[bytes | EnableBlob | GetStatus] = []
    if message.get_properties is not UNSET:
        found.append(_ask(message.get_properties))
    if message.new_text_vector is not UNSET:
        found.append(_text(message.new_text_vector))
    if message.new_number_vector is not UNSET:
        found.append(_number(message.new_number_vector))
    if message.new_switch_vector is not UNSET:
        found.append(_switch(message.new_switch_vector))
    found += [each for each in (message.enable_blob, message.get_status) if each is not UNSET]
    return found


def _ask(asked: GetProperties) -> bytes:
    device = asked.device if asked.device != "*" else ""  # an indiserver that chains itself to us says `*`
    return get_properties(device or None, (device and asked.name) or None)


def _text(new: NewText) -> bytes:
    return new_vector("Text", new.device, new.name, [(item.name, escape(item.value)) for item in new.items])


def _number(new: NewNumber) -> bytes:
    return new_vector("Number", new.device, new.name, [(item.name, spell(item.value)) for item in new.items])


def _switch(new: NewSwitch) -> bytes:
    return new_vector("Switch", new.device, new.name, [(i.name, "On" if i.value else "Off") for i in new.items])


def new_vector(kind: str, device: str, name: str, items: Iterable[tuple[str, str]]) -> bytes:
    """Write a `new*` of a kind (Text, Number, Switch) on one line: names as they are, values escaped already."""
    ones = b"".join(
        b"<one%s name=%s>%s</one%s>" % (kind.encode(), attribute(key), value.encode(), kind.encode())
        for key, value in items
    )
    head = b"<new%sVector device=%s name=%s>" % (kind.encode(), attribute(device), attribute(name))
    return head + ones + b"</new%sVector>\n" % kind.encode()


def escape(text: str) -> str:
    """Write text for between tags; `?` for what XML cannot hold."""
    return NOT_XML.sub("?", text).translate(_ESCAPES)
