"""The syntax of INDI elements in bytes, and the few elements that a server writes itself.

Source: INDI 1.7 (the white paper) and XML 1.0. Everything written here is UTF-8: libindi knows no character references
(`M&#233;t&#233;o` is another device to it than `Météo`), and indipyclient reads UTF-8 since 0.9.4.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from xml.parsers import expat

from inditree.errors import PeerError

START_TAG_LIMIT = 64 * 1024
"""Bytes of one start tag, attributes included. The longest that real drivers write is a `message` of a few KiB."""

TEXT_LIMIT = 64 * 1024
"""Bytes of text without a tag in a row between elements: past it the stream is not INDI."""

DEPTH_LIMIT = 8
"""Nesting of what is looked at (`new*`): INDI itself has two levels."""

DEF_TAGS = frozenset(f"def{kind}Vector" for kind in ("Text", "Number", "Switch", "Light", "BLOB"))
SET_TAGS = frozenset(f"set{kind}Vector" for kind in ("Text", "Number", "Switch", "Light", "BLOB"))
NEW_TAGS = frozenset(f"new{kind}Vector" for kind in ("Text", "Number", "Switch", "BLOB"))
OTHER_TAGS = frozenset({"message", "delProperty", "getProperties", "enableBLOB", "pingRequest", "pingReply"})
KNOWN_TAGS = DEF_TAGS | SET_TAGS | NEW_TAGS | OTHER_TAGS
BLOB_TAGS = frozenset({b"setBLOBVector", b"newBLOBVector"})

TAG_STOP = re.compile(rb"[<>\"']")
TAG_NAME = re.compile(rb"</?([^\s/>]++)")
_ATTRIBUTE = re.compile(rb"\s++([^\s=\"'<>/]++)\s*+=\s*+(\"[^\"]*+\"|'[^']*+')")
# One look at all of a start tag: a quarter of the time that it takes from quote to quote.
_START = re.compile(rb"<[^\s=\"'<>/]++(?:\s++[^\s=\"'<>/]++\s*+=\s*+(?:\"[^\"]*+\"|'[^']*+'))*+\s*+(?=/?>)")
# The characters that XML forbids, named one by one: all but those that it allows takes 20 ms to compile.
NOT_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


def tag_end(data: bytes | bytearray, pos: int, stop: int, quote: int) -> tuple[int, int]:
    """Look for the `>` that ends a tag, from `pos` on, inside `quote` (0: none, else its character).

    Returns (index after the `>`, 0), or (-1, the quote that is open at `stop`). A `<` outside quotes
    raises PeerError: attributes without quotes and lost `>` show here.
    """
    while True:
        if quote:
            pos = data.find(quote, pos, stop)
            if pos < 0:
                return -1, quote
            pos, quote = pos + 1, 0
        found = TAG_STOP.search(data, pos, stop)
        if found is None:
            return -1, 0
        pos = found.end()
        char = data[pos - 1]
        if char == 0x3E:
            return pos, 0
        if char == 0x3C:
            raise PeerError("malformed", "'<' inside a tag")
        quote = char


def parse_start(raw: bytes) -> tuple[str, dict[str, str]]:
    """Parse one start tag (`<tag a="b">` or `<tag a="b"/>`): its name and its attributes, entities resolved.

    Raises PeerError where XML forbids it. Bytes that are not UTF-8 are read as Latin-1: old drivers write `°` so.
    """
    whole = raw if raw.endswith(b"/>") else raw[:-1] + b"/>"
    try:
        return _expat_start(whole, "utf-8")
    except expat.ExpatError as error:
        if not raw.isascii():
            try:
                return _expat_start(whole, "iso-8859-1")
            except expat.ExpatError:
                pass
        shown = raw[:80].decode("ascii", "backslashreplace")
        raise PeerError("malformed", f"start tag {shown}: {expat.ErrorString(error.code)}") from None


def _expat_start(whole: bytes, encoding: str) -> tuple[str, dict[str, str]]:
    parser = expat.ParserCreate(encoding)
    found: list[tuple[str, dict[str, str]]] = []
    parser.StartElementHandler = lambda tag, attrs: found.append((tag, attrs))
    parser.Parse(whole, True)
    return found[0]


# As xml.sax.saxutils.quoteattr has it, which takes 28 ms to load: it brings urllib.
_ESCAPES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", "\n": "&#10;", "\r": "&#13;", "\t": "&#9;"})


def attribute(value: str) -> bytes:
    """A quoted attribute value in UTF-8; `?` for what XML cannot hold."""
    text = NOT_XML.sub("?", value).translate(_ESCAPES)
    if '"' in text:
        text = f"'{text}'" if "'" not in text else '"' + text.replace('"', "&quot;") + '"'
    else:
        text = f'"{text}"'
    return text.encode()


def start_end(data: bytes) -> int:
    """Finds where the text of the attributes of a complete element ends: the index of its `>` or `/>`."""
    if (plain := _START.match(data)) is not None:
        return plain.end()
    end, _ = tag_end(data, 1, len(data), 0)
    return end - 2 if data[end - 2] == 0x2F else end - 1


def attributes_in(data: bytes) -> Iterator[re.Match[bytes]]:
    """The attributes of the start tag with which `data` begins: each with the space before it, its name and its quoted
    value in groups 1 and 2. From one to the next, never searched for: a search looks at blanks once for each blank.
    """
    name = TAG_NAME.match(data)
    found = _ATTRIBUTE.match(data, name.end()) if name else None
    while found:
        yield found
        found = _ATTRIBUTE.match(data, found.end())


def with_attributes(data: bytes, **attributes: str) -> bytes:
    """Add attributes at the end of an element's start tag, each in the place of one that it has already."""
    extra = b""
    for key, value in attributes.items():
        data = without_attribute(data, key)
        extra += b" %s=%s" % (key.encode(), attribute(value))
    return with_spelt(data, extra)


def with_spelt(data: bytes, extra: bytes) -> bytes:
    """Add attributes at the end of an element's start tag that it has not yet: `extra` is as it is to be written."""
    at = start_end(data)
    return data[:at].rstrip() + extra + data[at:]


def without_attribute(data: bytes, name: str) -> bytes:
    """Leave out one attribute of an element's start tag; all other bytes stay."""
    key = name.encode()
    if key not in data:
        return data
    for found in attributes_in(data):
        if found[1] == key:
            return data[: found.start()] + data[found.end() :]
    return data


def get_properties(device: str | None = None, name: str | None = None, **more: str) -> bytes:
    """`<getProperties version="1.7" .../>` and a newline."""
    return _empty("getProperties", {"version": "1.7", "device": device, "name": name, **more})


def del_property(device: str, name: str | None = None) -> bytes:
    """`<delProperty device=.. name=../>` and a newline."""
    return _empty("delProperty", {"device": device, "name": name})


def message(text: str, timestamp: str, device: str | None = None) -> bytes:
    """`<message device=.. timestamp=.. message=../>` and a newline."""
    return _empty("message", {"device": device, "timestamp": timestamp, "message": text})


def ping_request(uid: str) -> bytes:
    """`<pingRequest uid=../>` and a newline."""
    return _empty("pingRequest", {"uid": uid})


def ping_reply(uid: str) -> bytes:
    """`<pingReply uid=../>` and a newline."""
    return _empty("pingReply", {"uid": uid})


def enable_blob(mode: str, device: str, name: str | None = None) -> bytes:
    """`<enableBLOB device=.. name=..>MODE</enableBLOB>` and a newline."""
    head = _empty("enableBLOB", {"device": device, "name": name})
    return head[:-3] + b">" + mode.encode() + b"</enableBLOB>\n"


def _empty(tag: str, attributes: dict[str, str | None]) -> bytes:
    text = b"".join(b" %s=%s" % (k.encode(), attribute(v)) for k, v in attributes.items() if v is not None)
    return b"<" + tag.encode() + text + b"/>\n"
