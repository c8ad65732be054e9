"""The start tag of nearly all traffic, in the layouts in which libindi, indiserver and indipydriver write it."""

from __future__ import annotations

import re

from msgspec import Struct

NAME_MAX = 128
"""Bytes: libindi's own names have at most 63. The bound also bounds what a remembered head takes."""

VALUE_MAX = 4096
"""Bytes of another attribute. Longer ones are no error: they only miss the fast path."""

TEXT = rb"[\t\n\r -%'-;=-\\^-~]*+"
"""Text between tags in which nothing needs a second look. No `]`: `]]>` is no text."""

_SPACE = rb"[ \n]*+"

DECLARATION = b"<?xml version='1.0'?>\n"
"""libindi drivers write it before each element; it is not passed on."""


class Layout(Struct, frozen=True):
    """A program's layout: what stands before each attribute and before the `>`, and the characters of a value.

    A value is one in which nothing needs a second look: printable ASCII without `&`, `<` and its own quote.
    """

    before: bytes
    after: bytes
    quote: bytes
    plain: bytes

    def value(self, least: int, most: int) -> bytes:
        """The pattern of a quoted value."""
        return self.quote + b"[%s]{%d,%d}+" % (self.plain, least, most) + self.quote

    def attribute(self, name: bytes) -> bytes:
        """The pattern of an attribute."""
        return self.before + name + b"=" + self.value(0, VALUE_MAX)

    @property
    def key(self) -> bytes:
        """A start tag up to the property's name: what decides about routing. A group is its kind."""
        name = self.value(1, NAME_MAX)
        return b"<set(Number|Text|Switch|Light)Vector%sdevice=%s%sname=%s" % (self.before, name, self.before, name)

    @property
    def element(self) -> re.Pattern[bytes]:
        """A whole element of members that say nothing but their values; group 1 is the routing key.

        What it matches is XML: that is the proof which each element needs before it is passed on. The order of the
        attributes proves that none stands there twice. It costs no more than to search for the end tag.
        """
        timeout, timestamp = self.attribute(b"timeout"), self.attribute(b"timestamp")
        return re.compile(
            b"(%s)(?:%s)?+" % (self.key, self.attribute(b"state"))
            + b"(?:%s(?:%s)?+|%s(?:%s)?+)?+" % (timeout, timestamp, timestamp, timeout)
            + b"(?:%s)?+%s>" % (self.attribute(b"message"), self.after)
            + _SPACE
            + b"(?:%s%s)*+" % (self.member, _SPACE)
            + rb"</set\2Vector>"
        )

    @property
    def member(self) -> bytes:
        """The pattern of a member of the kind that group 2 has found. No groups: see docs/wire.md on CPython's."""
        return rb"<one\2[ \n]++name=" + self.value(1, NAME_MAX) + b">" + TEXT + rb"</one\2>"


INDISERVER = Layout(b" ", b"", b'"', b" !#-%'-;=-~")
"""The layout of indiserver, and of indipydriver where nothing in an element asks for single quotes."""

LIBINDI = Layout(b"\n  ", b"\n", b"'", b" -%(-;=-~")

INDISERVER_SET, LIBINDI_SET = INDISERVER.element.match, LIBINDI.element.match
