"""A stream of elements as a client of the field reads it: with an XML parser, which nothing that is no XML passes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast
from xml.etree.ElementTree import Element, XMLPullParser


class Elements:
    """Takes a stream apart. Raises ParseError at what is no XML."""

    def __init__(self) -> None:
        self._parser: XMLPullParser[Element] = XMLPullParser(["start", "end"])
        self._parser.feed("<all>")
        self._depth = 0

    def feed(self, data: bytes) -> Iterator[Element]:
        """Gives the elements that have become whole, those within others not."""
        self._parser.feed(data)
        for event, element in cast("Iterator[tuple[str, Element]]", self._parser.read_events()):
            self._depth += 1 if event == "start" else -1
            if event == "end" and self._depth == 1:
                yield element
