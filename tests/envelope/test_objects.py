"""Elements as JSON objects: docs/web.md, "JSON". Keys are compared with their order."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inditree.envelope import Image, Properties, encode, objects, split

NUMBERS = (
    b'<defNumberVector device="Mount" name="COORD" label="Eq. Coordinates" group="Main" state="Ok" perm="rw"'
    b' timeout="60" timestamp="2024-01-01T00:00:00">'
    b'<defNumber name="RA" label="RA (hh:mm:ss)" format="%10.6m" min="0" max="24" step="0">\n 5:30:00\n</defNumber>'
    b'<defNumber name="DEC" format="%10.6m" min="-90" max="90" step="0">-0:30:00</defNumber></defNumberVector>\n'
)
TEXTS = (
    b'<defTextVector device="D" name="T" state="Idle" perm="wo" message="hello">'
    b'<defText name="a" label="A"> x &amp; y </defText><defText name="b"/></defTextVector>\n'
)
SWITCHES = (
    b'<defSwitchVector device="D" name="S" label="L" group="G" state="Busy" perm="rw" rule="OneOfMany">'
    b'<defSwitch name="a" label="A">\nOn\n</defSwitch><defSwitch name="b">Off</defSwitch></defSwitchVector>\n'
)
LIGHTS = (
    b'<defLightVector device="D" name="L" state="Alert">'
    b'<defLight name="a" label="A">Alert</defLight></defLightVector>\n'
)
BLOBS = (
    b'<defBLOBVector device="Cam" name="CCD1" label="Image" group="Data" state="Ok" perm="ro">'
    b'<defBLOB name="CCD1" label="Image"/></defBLOBVector>\n'
)


def told(*elements: bytes) -> list[Any]:
    """What a client of a fresh router would read of these elements, each with the order of its keys."""
    known = Properties()
    return [ordered(each) for element in elements for each in known.feed(element)]


def ordered(value: Any) -> Any:
    """The value as it comes over the wire, objects as lists of pairs."""
    return json.loads(encode(value), object_pairs_hook=list)


def pairs(text: str) -> Any:
    return json.loads(text, object_pairs_hook=list)


@pytest.mark.parametrize(
    ("element", "expected"),
    [
        (
            NUMBERS,
            """{"defNumberVector": {"version": 512, "device": "Mount", "name": "COORD", "group": "Main",
            "label": "Eq. Coordinates", "perm": "rw", "state": "Ok", "items": [
            {"name": "RA", "label": "RA (hh:mm:ss)", "min": 0, "max": 24, "step": 0, "format": "%10.6m",
             "target": 5.5, "value": 5.5},
            {"name": "DEC", "label": "DEC", "min": -90, "max": 90, "step": 0, "format": "%10.6m",
             "target": -0.5, "value": -0.5}], "timestamp": "2024-01-01T00:00:00", "timeout": 60}}""",
        ),
        (
            TEXTS,
            """{"defTextVector": {"version": 512, "device": "D", "name": "T", "group": "", "label": "T", "perm": "wo",
            "state": "Idle", "message": "hello", "items": [{"name": "a", "label": "A", "value": "x & y"},
            {"name": "b", "label": "b", "value": ""}]}}""",
        ),
        (
            SWITCHES,
            """{"defSwitchVector": {"version": 512, "device": "D", "name": "S", "group": "G", "label": "L",
            "perm": "rw", "state": "Busy", "rule": "OneOfMany", "items": [{"name": "a", "label": "A", "value": true},
            {"name": "b", "label": "b", "value": false}]}}""",
        ),
        (
            LIGHTS,
            """{"defLightVector": {"version": 512, "device": "D", "name": "L", "group": "", "label": "L",
            "state": "Alert", "items": [{"name": "a", "label": "A", "value": "Alert"}]}}""",
        ),
        (
            BLOBS,
            """{"defBLOBVector": {"version": 512, "device": "Cam", "name": "CCD1", "group": "Data", "label": "Image",
            "state": "Ok", "items": [{"name": "CCD1", "label": "Image"}]}}""",
        ),
        (
            b'<message device="D" timestamp="2024-01-01T00:00:00" message="too &lt;hot&gt;"/>\n',
            '{"message": "too <hot>", "timestamp": "2024-01-01T00:00:00", "device": "D"}',
        ),
        (b'<message message="all"/>\n', '{"message": "all"}'),
        (
            b'<delProperty device="D" name="P" message="gone"/>\n',
            '{"deleteProperty": {"device": "D", "name": "P", "message": "gone"}}',
        ),
        (b'<delProperty device="D"/>\n', '{"deleteProperty": {"device": "D"}}'),
    ],
    ids=["number", "text", "switch", "light", "blob", "message", "everybody", "delete property", "delete device"],
)
def test_keys_stand_in_the_order_of_the_envelope(element: bytes, expected: str) -> None:
    assert told(element) == [pairs(expected)]


def test_an_update_has_all_items_and_what_it_says_of_limits_behind() -> None:
    update = (
        b'<setNumberVector device="Mount" name="COORD" message="slewing" state="Busy" timestamp="T" timeout="5">'
        b'<oneNumber name="RA" max="23">6</oneNumber></setNumberVector>\n'
    )
    assert told(NUMBERS, update)[1] == pairs(
        """{"setNumberVector": {"device": "Mount", "name": "COORD", "state": "Busy", "message": "slewing", "items": [
        {"name": "RA", "target": 6, "value": 6, "min": 0, "max": 23, "step": 0},
        {"name": "DEC", "target": -0.5, "value": -0.5}], "timestamp": "T", "timeout": 5}}"""
    )


def test_an_update_without_a_state_keeps_that_of_the_property() -> None:
    update = b'<setSwitchVector device="D" name="S"><oneSwitch name="b">On</oneSwitch></setSwitchVector>\n'
    body = dict(told(SWITCHES, update)[1][0][1])
    assert body["state"] == "Busy"
    assert [dict(item) for item in body["items"]] == [{"name": "a", "value": True}, {"name": "b", "value": True}]


def test_a_run_of_updates_is_an_object_for_each() -> None:
    update = b'<setTextVector device="D" name="T" state="Ok">\n<oneText name="a">%d</oneText>\n</setTextVector>\n'
    found = told(TEXTS, update % 1 + update % 2)
    assert [dict(dict(each[0][1])["items"][0])["value"] for each in found] == ["x & y", "1", "2"]


def test_one_that_is_no_xml_does_not_hide_its_neighbours() -> None:
    good = b'<setTextVector device="D" name="T" state="Ok">\n<oneText name="a">1</oneText>\n</setTextVector>\n'
    bad = good.replace(b">1<", b">a & b<")
    assert len(told(TEXTS, good + bad + good)) == 3


@pytest.mark.parametrize("text", [b"nan", b"inf", b"-inf", b"", b" ", b"1e999", b"0x10", b"north", b"1,5"])
def test_a_number_that_json_has_not_is_0_and_invalid(text: bytes) -> None:
    element = (
        b'<defNumberVector device="D" name="N" state="Ok" perm="ro"><defNumber name="a" format="%%g" min="nan"'
        b' max="inf" step="">%s</defNumber></defNumberVector>' % text
    )
    body = dict(told(element)[0][0][1])
    assert body["items"] == [
        pairs('{"name":"a","label":"a","min":0,"max":0,"step":0,"format":"%g","value":0,"invalid":true}')
    ]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (b"12", 12),
        (b"+12.50", 12.5),
        (b".5", 0.5),
        (b"1e-3", 0.001),
        (b"-0:30", -0.5),
        (b"12 30 36", 12.51),
        (b"-10:00:36.0", -10.01),
        (b"5;15", 5.25),
        (b"9007199254740993", 9007199254740992.0),
        (b"1e300", 1e300),
    ],
)
def test_numbers_are_read_as_indi_writes_them(text: bytes, value: float) -> None:
    element = b'<setNumberVector device="D" name="N"><oneNumber name="a">%s</oneNumber></setNumberVector>' % text
    (found,) = objects(element)
    assert found == {"setNumberVector": {"device": "D", "name": "N", "items": [{"name": "a", "value": value}]}}


def test_the_target_is_what_was_last_asked_for() -> None:
    asked = b'<newNumberVector device="Mount" name="COORD"><oneNumber name="RA">7:30</oneNumber></newNumberVector>\n'
    update = (
        b'<setNumberVector device="Mount" name="COORD" state="Busy"><oneNumber name="RA">6</oneNumber>'
        b'<oneNumber name="DEC">1</oneNumber></setNumberVector>\n'
    )
    found = told(NUMBERS, asked, update)
    assert len(found) == 2
    ra, dec = (dict(item) for item in dict(found[1][0][1])["items"])
    assert (ra["target"], ra["value"], dec["target"], dec["value"]) == (7.5, 6, 1, 1)
    again = told(NUMBERS, asked, NUMBERS)
    assert dict(dict(again[1][0][1])["items"][0])["target"] == 7.5


def test_a_read_only_number_has_no_target() -> None:
    found = told(NUMBERS.replace(b'perm="rw"', b'perm="ro"'))
    assert "target" not in dict(dict(found[0][0][1])["items"][0])


def test_an_image_is_a_url_with_its_size_while_the_state_is_ok() -> None:
    known = Properties()
    list(known.feed(BLOBS))
    known.known["Cam", "CCD1"].images = {"CCD1": Image("/blob/x.fits", 2880, ".fits")}
    ok, busy = (b'<setBLOBVector device="Cam" name="CCD1" state="%s"/>' % state for state in (b"Ok", b"Busy"))
    found = [ordered(each) for each in (*known.feed(ok), *known.feed(busy), *known.feed(ok))]
    with_image = pairs(
        """{"setBLOBVector": {"device": "Cam", "name": "CCD1", "state": "Ok",
        "items": [{"name": "CCD1", "value": "/blob/x.fits", "size": 2880, "format": ".fits"}]}}"""
    )
    assert found == [
        with_image,
        pairs('{"setBLOBVector":{"device":"Cam","name":"CCD1","state":"Busy","items":[{"name":"CCD1"}]}}'),
        with_image,
    ]
    (defined,) = [ordered(known.known["Cam", "CCD1"].defined())]
    assert dict(defined[0][1])["items"] == [
        pairs('{"name":"CCD1","label":"Image","value":"/blob/x.fits","size":2880,"format":".fits"}')
    ]


def test_an_image_by_itself_has_no_data() -> None:
    element = (
        b'<setBLOBVector device="Cam" name="CCD1" state="Ok"><oneBLOB name="CCD1" size="3" format=".txt" enclen="4">'
        b"YWJj</oneBLOB></setBLOBVector>"
    )
    assert list(objects(element)) == [
        {
            "setBLOBVector": {
                "device": "Cam",
                "name": "CCD1",
                "state": "Ok",
                "items": [{"name": "CCD1", "size": 3, "format": ".txt"}],
            }
        }
    ]


@pytest.mark.parametrize(
    ("element", "expected"),
    [
        (b'<getProperties version="1.7"/>', {"getProperties": {}}),
        (b'<getProperties version="1.7" device="D" name="P"/>', {"getProperties": {"device": "D", "name": "P"}}),
        (b'<enableBLOB device="D">Also</enableBLOB>', {"enableBLOB": {"device": "D", "value": "Also"}}),
        (
            b'<newSwitchVector device="D" name="S"><oneSwitch name="a">On</oneSwitch></newSwitchVector>',
            {"newSwitchVector": {"device": "D", "name": "S", "items": [{"name": "a", "value": True}]}},
        ),
    ],
)
def test_what_clients_ask_has_an_object_too(element: bytes, expected: object) -> None:
    assert list(objects(element)) == [expected]


@pytest.mark.parametrize("element", [b"<pingReply uid='1'/>", b"<other/>", b"<defFooVector device='D' name='x'/>"])
def test_what_json_has_not_is_left_out(element: bytes) -> None:
    assert list(objects(element)) == []
    assert told(element) == []


def test_a_property_that_is_deleted_is_forgotten() -> None:
    known = Properties()
    list(known.feed(TEXTS + SWITCHES))
    list(known.feed(b'<delProperty device="D" name="T"/>'))
    assert list(known.known) == [("D", "S")]
    list(known.feed(b'<delProperty device="D"/>'))
    assert not known.known


OLD_CUT = re.compile(rb"\n\s*(?=<(?:(?:def|set|new)\w+Vector|message|delProperty|getProperties|enableBLOB)\b)")
PIECES = st.sampled_from(
    [
        b"\n",
        b" ",
        b"\t",
        b"\r\n",
        b"x",
        b"<",
        b"/>",
        b"</message>",
        b"<message",
        b"<messages",
        b"<defTextVector",
        b"<one",
    ]
)


@given(st.lists(PIECES).map(b"".join))
def test_elements_are_cut_as_one_would_who_looks_at_all_that_follows_each_newline(data: bytes) -> None:
    assert split(data) == [each.strip() for each in OLD_CUT.split(data)]
