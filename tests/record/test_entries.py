"""What a record says as lines of JSON and CSV, what is asked for, and what is never kept."""

from __future__ import annotations

import csv
import io
from datetime import datetime
from xml.etree import ElementTree

import pytest

from inditree.record.entries import Entry, Wanted, as_csv, entries, lines, moment, rfc3339, rows
from inditree.record.format import Commanded, Pictured, Said
from inditree.record.secrets import suspicious, without_secrets

AT = moment("2026-01-02T03:04:05.5Z")
SET = (
    b'<setNumberVector device="Mount" name="COORD" state="Busy"><oneNumber name="RA">5:30:00</oneNumber>'
    b'<oneNumber name="DEC">nan</oneNumber></setNumberVector>\n'
)
NEW = b'<newSwitchVector device="Mount" name="PARK"><oneSwitch name="PARK">On</oneSwitch></newSwitchVector>\n'
MESSAGE = b'<message device="Mount" message="off we go"/>\n'
IMAGE = (
    b'<setBLOBVector device="Cam" name="CCD1" state="Ok">'
    b'<oneBLOB name="CCD1" size="9" format=".fits"/></setBLOBVector>\n'
)
NIGHT = [
    *entries(Said(AT, "driver mount", [(0, len(SET)), (1000, len(MESSAGE))], SET + MESSAGE)),
    *entries(Commanded(AT + 2_000_000, "client 127.0.0.1:9", "sent", NEW)),
    *entries(Pictured(AT + 3_000_000, "driver cam", ["ab" * 32], [9], IMAGE)),
    Entry(AT + 4_000_000, "driver mount", SET, known=True),
]


def test_each_element_has_its_time() -> None:
    assert [each.time - AT for each in NIGHT] == [0, 1000, 2_000_000, 3_000_000, 4_000_000]
    assert [each.data for each in NIGHT] == [SET, MESSAGE, NEW, IMAGE, SET]


def test_lines() -> None:
    found = [line.as_object() for line in lines(NIGHT, Wanted())]
    assert [next(iter(each["element"])) for each in found] == [
        *("setNumberVector", "message", "newSwitchVector", "setBLOBVector"),
    ]
    assert found[0]["time"] == "2026-01-02T03:04:05.500000Z"
    assert found[0]["from"] == "driver mount"
    assert found[0]["element"]["setNumberVector"]["items"][0] == {"name": "RA", "value": 5.5}
    assert found[2]["result"] == "sent"
    assert found[3]["element"]["setBLOBVector"]["items"][0]["sha256"] == "ab" * 32


@pytest.mark.parametrize(
    ("wanted", "times"),
    [
        (Wanted(device="Cam"), [3_000_000]),
        (Wanted(device="M*", property="COORD"), [0]),
        (Wanted(member="PARK"), [2_000_000]),
        (Wanted(member="nobody"), []),
        (Wanted(begin=AT + 1000), [1000, 2_000_000, 3_000_000]),
        (Wanted(end=AT + 2_000_000), [0, 1000]),
    ],
)
def test_what_is_wanted(wanted: Wanted, times: list[int]) -> None:
    assert [line.time for line in lines(NIGHT, wanted)] == [rfc3339(AT + each) for each in times]


def test_a_member_alone() -> None:
    (found,) = lines(NIGHT, Wanted(member="DEC"))
    assert [item["name"] for item in found.element["setNumberVector"]["items"]] == ["DEC"]


def test_csv() -> None:
    assert "".join(as_csv(rows(lines(NIGHT, Wanted())))) == (
        "time,device,property,member,value,state\n"
        "2026-01-02T03:04:05.500000Z,Mount,COORD,RA,5.5,Busy\n"
        "2026-01-02T03:04:05.500000Z,Mount,COORD,DEC,,Busy\n"
        "2026-01-02T03:04:07.500000Z,Mount,PARK,PARK,On,asked\n"
        f"2026-01-02T03:04:08.500000Z,Cam,CCD1,CCD1,{'ab' * 32},Ok\n"
    )


def test_csv_is_read_as_it_was_said() -> None:
    value = "a \"quoted\", text\nof two lines; 'ä'"
    said = f"<setTextVector device='D' name='P' state='Ok'><oneText name='T'>{value}</oneText></setTextVector>"
    table = "".join(as_csv(rows(lines([Entry(0, "client", said.encode())], Wanted()))))
    (row,) = csv.DictReader(io.StringIO(table, newline=""))
    assert (row["device"], row["member"], row["value"], row["state"]) == ("D", "T", value, "Ok")
    assert datetime.fromisoformat(row["time"]).timestamp() == 0


@pytest.mark.parametrize(
    ("value", "cell"),
    [
        ("=HYPERLINK(1)", "'=HYPERLINK(1)"),
        ("+cmd|x", "'+cmd|x"),
        ("@SUM(1)", "'@SUM(1)"),
        ("-1+1", "'-1+1"),
        ("-5.5", "-5.5"),
        ("+12:30:00", "+12:30:00"),
        ("a=b", "a=b"),
    ],
)
def test_a_text_is_no_formula_to_a_spreadsheet(value: str, cell: str) -> None:
    said = f"<setTextVector device='D' name='P' state='Ok'><oneText name='T'>{value}</oneText></setTextVector>"
    found = list(rows(lines([Entry(0, "client", said.encode())], Wanted())))
    assert found == [("1970-01-01T00:00:00.000000Z", "D", "P", "T", cell, "Ok")]


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("2026-01-02T03:04:05.5Z", 1767323045_500000),
        ("2026-01-02T04:04:05+01:00", 1767323045_000000),
        ("2026-01-02 03:04:05", 1767323045_000000),
        ("2026-01-02", 1767312000_000000),
    ],
)
def test_times(text: str, time: int) -> None:
    assert moment(text) == time
    assert moment(rfc3339(time)) == time


@pytest.mark.parametrize(
    ("time", "text"), [(-(2**60), "1970-01-01T00:00:00.000000Z"), (2**60, "9999-12-31T23:59:59.999999Z")]
)
def test_a_time_that_no_calendar_has_is_the_nearest_one(time: int, text: str) -> None:
    assert rfc3339(time) == text


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("WIFI_PASSWORD", False),
        ("KEY", False),
        ("API_KEY_2", False),
        ("api_token", False),
        ("CLIENT_SECRET", False),
        ("KEYBOARD", True),
        ("MONKEY", True),
        ("TOKENS", True),
    ],
)
@pytest.mark.parametrize(
    "member", ["<oneText name='{}'>hunter2</oneText>", '<defText label="a>b" name="{}">\nhunter2\n</defText>']
)
def test_secrets_are_not_kept(name: str, kept: bool, member: str) -> None:
    data = (
        f"<setTextVector device='D' name='P'>{member.format(name)}<oneText name='USER'>anna</oneText></setTextVector>"
    )
    found = without_secrets(data.encode())
    assert (b"hunter2" in found) is kept
    assert b"anna" in found
    assert name.encode() in found


@pytest.mark.parametrize(
    "word", ["PASSWORD", "TOKEN", "SECRET", "KEY", "Password", "tOkEn", "sEcReT", "kEY", "&#75;ey"]
)
def test_a_quick_look_finds_each_word_however_it_is_spelt(word: str) -> None:
    plain = b"<setNumberVector device='C' state='Ok'><oneNumber name='RA'>WCK wck &amp; 1</oneNumber></setNumberVector>"
    assert not suspicious(plain)
    assert suspicious(plain + f"<message message='{word}'/>".encode() + plain)


def test_a_secret_in_cdata_is_not_kept_either() -> None:
    data = b"<newTextVector device='D' name='P'><oneText name='A_KEY'>x<![CDATA[hun<ter2]]>y</oneText></newTextVector>"
    found = b'<newTextVector device="D" name="P"><oneText name="A_KEY" /></newTextVector>\n'
    assert without_secrets(data) == found


@pytest.mark.parametrize(
    "member",
    [
        "<oneText name='A_KEY'>hun<!-- > -->ter2</oneText>",
        "<oneText name='A_KEY'>x<?y hunter2?>ter2</oneText>",
        "<oneText name='A_KEY'><![CDATA[</oneText>ter2]]></oneText>",
        "<oneText name='A_KEY'><b>hun</b>ter2</oneText>",
        "<oneText name='A_KEY'><oneText name='x'>hun</oneText>ter2</oneText>",
        "<oneText name='A_&#75;EY'>hunter2</oneText>",
        "<oneText name='A_&#x4b;EY'>hunter2</oneText>",
        "<oneText é='x' name='A_KEY'>hunter2</oneText>",
        "<oneText\nlabel='name=\"B\" '\nname = 'A_KEY' >hunter2</oneText >",
        "<oneNumber name='A_KEY'>hunter2</oneNumber>",
    ],
)
def test_nor_is_one_that_is_spelt_in_another_way(member: str) -> None:
    data = f"<newTextVector device='D' name='P'>{member}<oneText name='USER'>anna</oneText></newTextVector>\n"
    found = without_secrets(2 * data.encode())
    assert b"ter2" not in found and b"hun" not in found
    assert found.count(b"anna") == 2
    assert [each.get("device") for each in ElementTree.fromstring(b"<all>" + found + b"</all>")] == ["D", "D"]
