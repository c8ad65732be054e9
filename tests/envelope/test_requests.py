"""What JSON clients send, as elements: docs/web.md, "JSON"."""

from __future__ import annotations

import json

import pytest

from inditree.envelope import EnableBlob, GetStatus, RequestError, requests
from inditree.view.fold import parse


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ('{"getProperties": {"version": 512, "client": "INDIGO"}}', [b'<getProperties version="1.7"/>\n']),
        ('{"getProperties": {"device": "*"}}', [b'<getProperties version="1.7"/>\n']),
        ('{"getProperties": {"name": "P"}}', [b'<getProperties version="1.7"/>\n']),
        (
            '{"getProperties": {"device": "D", "name": "P"}}',
            [b'<getProperties version="1.7" device="D" name="P"/>\n'],
        ),
        (
            '{"newTextVector": {"device": "D", "name": "T", "token": "1", "items": [{"name": "a", "value": "x<&>"}]}}',
            [b'<newTextVector device="D" name="T"><oneText name="a">x&lt;&amp;&gt;</oneText></newTextVector>\n'],
        ),
        (
            '{"newNumberVector": {"device": "D", "name": "N", "items": [{"name": "a", "value": 5}, '
            '{"name": "b", "value": -0.25}, {"name": "c", "value": 1e-7, "target": 3}]}}',
            [
                b'<newNumberVector device="D" name="N"><oneNumber name="a">5</oneNumber><oneNumber name="b">-0.25'
                b'</oneNumber><oneNumber name="c">1e-07</oneNumber></newNumberVector>\n'
            ],
        ),
        (
            '{"newSwitchVector": {"device": "D", "name": "S", "items": [{"name": "a", "value": true}, '
            '{"name": "b", "value": false}]}}',
            [
                b'<newSwitchVector device="D" name="S"><oneSwitch name="a">On</oneSwitch><oneSwitch name="b">Off'
                b"</oneSwitch></newSwitchVector>\n"
            ],
        ),
        ('{"enableBLOB": {"device": "D", "value": "URL"}}', [EnableBlob("D", "URL")]),
        ('{"enableBLOB": {"device": "D", "name": "P", "value": "Never"}}', [EnableBlob("D", "Never", "P")]),
        ('{"getStatus": {}}', [GetStatus()]),
        ('{"getStatus": {"stop": true}}', [GetStatus(True)]),
        ('{"setStatus": {}, "nonsense": null}', []),
        ("{}", []),
    ],
)
def test_a_message_is_what_it_asks_for(message: str, expected: list[object]) -> None:
    assert requests(message) == expected
    assert requests(message.encode()) == expected


@pytest.mark.parametrize(
    ("message", "place"),
    [
        ("", ""),
        ("[]", ""),
        ("{", ""),
        ('{"getProperties": {}} {}', ""),
        ('{"getProperties": []}', "$.getProperties"),
        ('{"getProperties": {"device": 5}}', "$.getProperties.device"),
        ('{"newTextVector": {"device": "D", "items": []}}', "`name` - at `$.newTextVector`"),
        ('{"newTextVector": {"device": "D", "name": "T", "items": [{"name": "a", "value": 5}]}}', "items[0].value"),
        ('{"newNumberVector": {"device": "D", "name": "T", "items": [{"name": "a", "value": "5"}]}}', "items[0].value"),
        ('{"newNumberVector": {"device": "D", "name": "T", "items": [{"name": "a", "value": NaN}]}}', ""),
        ('{"newNumberVector": {"device": "D", "name": "T", "items": [{"name": "a", "value": 1e999}]}}', ""),
        (
            '{"newSwitchVector": {"device": "D", "name": "T", "items": [{"name": "a", "value": "On"}]}}',
            "items[0].value",
        ),
        ('{"newSwitchVector": {"device": "D", "name": "T", "items": [{"name": "a", "value": 1}]}}', "items[0].value"),
        ('{"newSwitchVector": {"device": null, "name": "T", "items": []}}', "$.newSwitchVector.device"),
        ('{"enableBLOB": {"device": "D", "value": "Only"}}', "$.enableBLOB.value"),
        ('{"getStatus": {"stop": 1}}', "$.getStatus.stop"),
        ('{"unknown": ' + "[" * 20_000, "depth"),
    ],
)
def test_a_mistake_says_where_it_stands(message: str, place: str) -> None:
    with pytest.raises(RequestError) as caught:
        requests(message)
    assert place in str(caught.value)


@pytest.mark.parametrize(
    "text", ["a\x00b", 'quo"te', "<new/>", "]]>", "Hα ºC", "\ud7ff\U0001f52d", "\x1b[31m", "&#10;"]
)
def test_text_stays_text_whatever_stands_in_it(text: str) -> None:
    message = {"newTextVector": {"device": text, "name": text, "items": [{"name": text, "value": text}]}}
    (element,) = requests(json.dumps(message))
    assert isinstance(element, bytes)
    root = parse(element)
    written = text.replace("\x00", "?").replace("\x1b", "?")
    assert [root.get("device"), root.get("name"), root[0].get("name"), root[0].text] == [written] * 4


@pytest.mark.parametrize("value", [0.1, 1 / 3, 5.390625e-312, 1.7976931348623157e308, -0.0, 123456789.123456789])
def test_a_number_goes_out_exactly(value: float) -> None:
    item = {"name": "a", "value": value}
    (element,) = requests(json.dumps({"newNumberVector": {"device": "D", "name": "N", "items": [item]}}))
    assert isinstance(element, bytes)
    assert float(parse(element)[0].text or "") == value
