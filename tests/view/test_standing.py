"""Since when a property is in its state, and what was said with it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inditree.view.plain import MESSAGE, says, says_in_run
from inditree.view.properties import Property, View
from inditree.view.standing import SAID, Standing, message_in
from inditree.wire.elements import Run
from inditree.wire.framer import Framer

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


SETS = (
    '<setNumberVector device="d" name="p" state="{state}"{more}><oneNumber name="a">1</oneNumber></setNumberVector>\n',
    "<?xml version='1.0'?>\n<setNumberVector\n  device='d'\n  name='p'\n  state='{state}'{more}\n>\n"
    "  <oneNumber name='a'>\n      1\n  </oneNumber>\n</setNumberVector>\n",
)


@pytest.mark.parametrize("layout", SETS)
@given(
    st.sampled_from(["Ok", "Busy", "OK"]),
    st.lists(st.sampled_from(["timeout", "timestamp", "message"]), unique=True),
    st.sampled_from(["a > b", "it timeout=", " state=", ""]),
)
def test_in_a_run_the_same_is_heard_for_less(layout: str, state: str, said: list[str], value: str) -> None:
    space, quote = ("\n  ", "'") if "\n  " in layout else (" ", '"')
    more = "".join(f"{space}{name}={quote}{value}{quote}" for name in sorted(said, key="message".__eq__))
    framer = Framer(lambda head: None, 1 << 20, 1 << 20)
    framer.feed(layout.format(state=state, more=more).encode())
    run = framer.pull()
    assert isinstance(run, Run)
    known, by_run = _number(), _number()
    known[0].hear(known[1], run.data, 0, len(run.data) - 1, 1.0)
    head = run.heads[0]
    assert by_run[0].hear_run(by_run[1], run.data, head.first, head.last, head.end, 1.0) is False
    assert by_run[1].standing.state == known[1].standing.state
    assert by_run[0].devices["d"].said == known[0].devices["d"].said
    told = says_in_run("defNumberVector", run.data[:-1], len(by_run[1].standing.head), frozenset({b"a"}))
    whole = says("defNumberVector", run.data[:-1], frozenset({b"a"}))
    if state != "OK":
        assert told is not None and told & ~MESSAGE == whole
    assert says_in_run("defNumberVector", run.data[:-1], len(by_run[1].standing.head), frozenset({b"b"})) is None


def _number() -> tuple[View, Property]:
    view, data = View(), b'<defNumberVector device="d" name="p"><defNumber name="a"/></defNumberVector>'
    view.define("defNumberVector", "d", "p", data)
    known = view.find("d", "p")
    assert known is not None
    return view, known
