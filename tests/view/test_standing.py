"""Since when a property is in its state, and what was said with it."""

from __future__ import annotations

import pytest

from inditree.view.properties import View
from inditree.view.standing import SAID, Standing, message_in

LIBINDI = b'<setNumberVector\n  device="Mount"\n  name="COORD"\n  state="%s"\n  timeout="60">\n</setNumberVector>'


def _heard(*elements: bytes) -> Standing:
    """What stands after one element a second."""
    standing = Standing()
    for second, element in enumerate(elements):
        standing.hear(element, 0, len(element), float(second))
    return standing


@pytest.mark.parametrize(
    ("elements", "state", "since"),
    [
        ((LIBINDI % b"Busy", LIBINDI % b"Busy", LIBINDI % b"Busy"), "Busy", 0.0),
        ((LIBINDI % b"Ok", LIBINDI % b"Busy", LIBINDI % b"Busy"), "Busy", 1.0),
        ((LIBINDI % b"Busy", LIBINDI % b"Ok", LIBINDI % b"Busy"), "Busy", 2.0),
        ((b"<defTextVector state = 'Alert' device='d'>", b"<setTextVector device='d' state='Alert'>"), "Alert", 0.0),
        ((LIBINDI % b"Busy", b'<setNumberVector device="Mount" name="COORD">'), "Busy", 0.0),
        ((LIBINDI % b"Busy", b'<setNumberVector device="Mount"><oneNumber state="Ok"/>'), "Busy", 0.0),
        ((LIBINDI % b"Busy", b"<setNumberVector device='Mount' message='state=\"Ok\"' name='C'>"), "Busy", 0.0),
        ((LIBINDI % b"Busy", LIBINDI % b"Odd", LIBINDI % b"Busy"), "Busy", 0.0),
        ((b"", b"<", b"no element"), "", 0.0),
    ],
)
def test_a_state_stands_since_it_was_first_said(elements: tuple[bytes, ...], state: str, since: float) -> None:
    standing = _heard(*elements)
    assert (standing.state, standing.since) == (state, since)


def test_it_looks_at_nothing_but_the_element() -> None:
    standing = Standing()
    data = LIBINDI % b"Ok" + LIBINDI % b"Alert"
    standing.hear(data, 0, len(LIBINDI % b"Ok"), 1.0)
    assert standing.state == "Ok"
    standing.hear(data, len(LIBINDI % b"Ok"), len(data), 2.0)
    assert (standing.state, standing.since) == ("Alert", 2.0)


@pytest.mark.parametrize(
    ("element", "text"),
    [
        (b'<setTextVector device="d" message="a &lt; b &amp; c">', "a < b & c"),
        (b"<setTextVector message = 'it says &quot;x&quot;' device='d'>", 'it says "x"'),
        ('<setTextVector device="d" message="Über">'.encode(), "Über"),
        (b'<setTextVector device="d"><oneText name="message">message="x"</oneText>', ""),
        (b'<setTextVector device="d">', ""),
        (b'<setTextVector device="d" message="' + b"x" * 5000 + b'">', "x" * SAID),
    ],
)
def test_messages(element: bytes, text: str) -> None:
    assert message_in(element, 0, len(element)) == text


def test_a_new_definition_in_the_same_state_does_not_begin_anew() -> None:
    view = View()
    for now in (1.0, 2.0):
        data = b'<defTextVector device="d" name="p" state="Alert">'
        view.define("defTextVector", "d", "p", data)
        known = view.find("d", "p")
        assert known is not None
        view.hear(known, data, 0, len(data), now)
        assert (known.standing.state, known.standing.since) == ("Alert", 1.0)
    view.delete("d", "p")
    view.define("defTextVector", "d", "p", data)
    known = view.find("d", "p")
    assert known is not None and known.standing.state == ""


def test_a_message_is_kept_cut_and_goes_with_its_device() -> None:
    view = View()
    view.note_message("d", "nobody has it", 1.0)
    view.define("defTextVector", "d", "p", b"<defTextVector/>")
    assert view.devices["d"].said is None
    view.note_message("d", "x" * 1000, 2.0)
    view.note_message("d", "", 3.0)
    assert view.devices["d"].said == (2.0, "x" * SAID)
