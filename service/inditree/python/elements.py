"""Elements between the router, which has bytes, and indipydriver, which has ElementTree objects.

Nothing here is needed for it to work (ElementTree could do it all): it is four times faster for the vectors of the
package, and copies no image once it is base64.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator

import pybase64

from inditree.images.attached import PIECE
from inditree.wire.elements import Blob, Element, OneBlob
from inditree.wire.syntax import NOT_XML

_plain = re.compile(r"[ !#-%'-;=-~]*+").fullmatch  # nothing in it to escape
_ATTRIBUTE = str.maketrans(
    {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "\r": "&#13;", "\n": "&#10;", "\t": "&#09;"}
)
_TEXT = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})
#: Where one element ends and another begins, as far as that can be told in a stream that does not parse.
_BETWEEN = re.compile(rb">\s*\n(?=<(?:set|def|new)[A-Z]|<message|<delProperty|<getProperties|<enableBLOB)")


class Encoded(list[bytes]):
    """An image as base64 in pieces of 1 MiB; `raw` is how many bytes it was."""

    def __init__(self, data: bytes) -> None:
        view = memoryview(data)
        super().__init__(pybase64.b64encode(view[at : at + PIECE]) for at in range(0, len(data), PIECE))
        self.raw = len(data)

    def __str__(self) -> str:
        return f"[{self.raw} bytes]"


def serialise(root: ET.Element) -> bytes:
    """One control element and a newline, in UTF-8.

    Of `set*` the timeout stands before the timestamp, as libindi has it (and the framer's fast path); the package
    writes it after that. What XML cannot carry becomes a question mark: the driver would be closed for it.
    """
    tag = root.tag
    parts = ["<", tag]
    _attributes(parts, _in_order(root.attrib) if tag.startswith("set") else root.attrib)
    if len(root) or root.text:
        parts += (">", _text(root.text or ""))
        for child in root:
            if len(child):  # no element of INDI
                return ET.tostring(root) + b"\n"
            name = child.tag
            parts += ("<", name)
            _attributes(parts, child.attrib)
            parts += (">", _text(child.text or ""), "</", name, ">")
        parts += ("</", tag, ">\n")
    else:
        parts.append("/>\n")
    return "".join(parts).encode()


def blob_of(root: ET.Element) -> Blob:
    """A `setBLOBVector` with oneBLOBs, whose texts are base64 (str, or `Encoded` from here), as the router has it.

    Its chunks are bytes. Nothing is proven: a driver's own elements may be no XML.
    """
    element = Element(root.tag, dict(root.attrib), _start(root, _in_order(root.attrib)))
    chunks: list[bytes | memoryview] = [element.data]
    size = len(element.data)
    ones = []
    for child in root:
        start = _start(child, child.attrib)
        one = OneBlob(dict(child.attrib), size, size + len(start))
        chunks.append(start)
        for piece in _pieces(child.text):
            chunks.append(piece)
            one.payload += len(piece)
        chunks.append(b"</oneBLOB>")
        size += len(start) + one.payload + len(b"</oneBLOB>")
        ones.append(one)
    end = f"</{root.tag}>\n".encode()
    chunks.append(end)
    return Blob(element, chunks, size + len(end), ones)


def parse(data: bytes) -> tuple[list[ET.Element], str]:
    """The elements in these bytes, and what was wrong with those that are left out (empty: nothing)."""
    try:
        return list(_parsed(data)), ""
    except ET.ParseError as error:
        parts = _BETWEEN.sub(b">\n\0", data).split(b"\0")
        if len(parts) == 1:
            return [], str(error)
    roots: list[ET.Element] = []
    wrong = ""
    for part in parts:
        more, what = parse(part)
        roots += more
        wrong = wrong or what
    return roots, wrong


def tree_of(blob: Blob) -> ET.Element:
    """A BLOB as the package reads it. Copies the image twice: run it in a thread where that is large."""
    root = ET.Element(blob.tag, blob.element.attributes)
    for one in blob.ones:
        child = ET.SubElement(root, "oneBLOB", one.attributes)
        child.text = str(b"".join(_between(blob, one.tag_stop, one.tag_stop + one.payload)), "ascii", "replace")
    return root


def _parsed(data: bytes) -> ET.Element:
    whole = b"<r>" + data + b"</r>"
    try:
        return ET.XML(whole)
    except ET.ParseError:
        if data.isascii():
            raise
        return ET.XML(whole, ET.XMLParser(encoding="iso-8859-1"))  # old drivers write it


def _between(blob: Blob, start: int, stop: int) -> Iterator[bytes | memoryview]:
    at = 0
    for chunk in blob.chunks:
        end = at + len(chunk)
        if end > start and at < stop:
            yield memoryview(chunk)[max(0, start - at) : stop - at]
        at = end


def _pieces(text: object) -> Iterator[bytes]:
    if isinstance(text, Encoded):
        yield from text
    elif isinstance(text, str):
        data = text.encode("ascii", "replace")
        for at in range(0, len(data), 1 << 20):
            yield data[at : at + (1 << 20)]


def _start(element: ET.Element, attributes: dict[str, str]) -> bytes:
    parts = ["<", element.tag]
    _attributes(parts, attributes)
    parts.append(">")
    return "".join(parts).encode()


def _in_order(attributes: dict[str, str]) -> dict[str, str]:
    if "timeout" not in attributes or "timestamp" not in attributes:
        return attributes
    ordered = attributes.copy()
    for name in ("timestamp", "message"):
        if (value := ordered.pop(name, None)) is not None:
            ordered[name] = value
    return ordered


def _attributes(parts: list[str], attributes: dict[str, str]) -> None:
    for name, value in attributes.items():
        if not _plain(value):
            value = NOT_XML.sub("?", value).translate(_ATTRIBUTE)
        parts += (" ", name, '="', value, '"')


def _text(value: str) -> str:
    return value if _plain(value) else NOT_XML.sub("?", value).translate(_TEXT)
