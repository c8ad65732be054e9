"""The answers of a record to commands, when it is played again."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path

from inditree.record.entries import Entry, Place
from inditree.record.timeline import ANSWERS, Command, answer, commands_of


def asked(time: int, name: str = "CCD_EXPOSURE", value: int = 5, device: str = "Cam", result: str = "sent") -> Entry:
    data = f"<newNumberVector device='{device}' name='{name}'><oneNumber name='S'>{value}</oneNumber></newNumberVector>"
    return Entry(time, "client", data.encode(), result)


def said(time: int, state: str, name: str = "CCD_EXPOSURE", value: int = 5) -> Entry:
    one = f"<oneNumber name='S'>{value}</oneNumber>"
    data = f"<setNumberVector device='Cam' name='{name}' state='{state}'>{one}</setNumberVector>"
    return Entry(time, "driver c", data.encode() + b"\n")


def image(time: int, name: str = "CCD1", device: str = "Cam", whole: bool = True) -> Entry:
    one = "<oneBLOB name='I' size='3' format='.fits'>QUJD</oneBLOB>"
    data = f"<setBLOBVector device='{device}' name='{name}' state='Ok'>{one}</setBLOBVector>"
    return Entry(time, "driver c", data.encode(), "", ("0",), (3,), whole=whole, place=Place(Path("night"), time))


def answers(found: list[Command]) -> list[list[int | Place]]:
    """Of each command the delays of elements, and the places of images."""
    return [[delay if isinstance(data, bytes) else data for delay, data in each.answers] for each in found]


def test_a_command_is_answered_with_what_its_property_said_until_the_next_one() -> None:
    night = [said(1, "Idle"), asked(10), said(11, "Busy"), asked(20), said(21, "Busy"), said(22, "Ok")]
    assert answers(commands_of(night)["Cam", "CCD_EXPOSURE"]) == [[1], [1, 2]]
    assert commands_of([asked(10, result="refused"), said(11, "Ok")]) == {}


def test_an_exposure_is_answered_with_its_image() -> None:
    night = [asked(10), said(11, "Busy"), said(15, "Ok"), image(16), asked(20), image(25), said(26, "Ok"), image(30)]
    found = commands_of(night)["Cam", "CCD_EXPOSURE"]
    assert answers(found) == [
        [1, 5, Place(Path("night"), 16)],
        [Place(Path("night"), 25), 6],
    ]  # the third is of a stream
    assert [delay for delay, _ in found[0].answers] == [1, 5, 6]


def test_an_image_answers_nothing_else() -> None:
    night = [asked(9, "CCD_TEMPERATURE"), asked(10), asked(11, "CCD_TEMPERATURE"), image(12), image(13, device="Other")]
    found = commands_of([*night, asked(20), image(21, whole=False)])
    assert answers(found["Cam", "CCD_TEMPERATURE"]) == [[], []]
    assert answers(found["Cam", "CCD_EXPOSURE"]) == [[Place(Path("night"), 12)], []]


def test_each_chip_of_a_camera_has_its_own() -> None:
    night = [
        asked(10),
        asked(11, "GUIDER_EXPOSURE"),
        image(12, "CCD2"),
        asked(13, "GUIDER_EXPOSURE"),
        image(14, "CCD2"),
    ]
    found = commands_of([*night, asked(15), image(16)])
    assert answers(found["Cam", "GUIDER_EXPOSURE"]) == [[Place(Path("night"), 12)], [Place(Path("night"), 14)]]
    assert answers(found["Cam", "CCD_EXPOSURE"]) == [[], [Place(Path("night"), 16)]]
    alone = commands_of([asked(10), image(12, "CCD2")])
    assert answers(alone["Cam", "CCD_EXPOSURE"]) == [[Place(Path("night"), 12)]]


def test_the_end_of_a_long_exposure_is_not_left_out() -> None:
    seconds = 2 * ANSWERS
    night = [asked(0), *(said(each, "Busy", value=seconds - each) for each in range(1, seconds)), said(seconds, "Ok")]
    tracked = [said(seconds + each, "Ok") for each in range(1, 10)]
    found = commands_of([*night, *tracked])["Cam", "CCD_EXPOSURE"][0].answers
    assert len(found) == ANSWERS and found[-1][0] == seconds
    assert isinstance(found[-1][1], bytes) and b"state='Ok'" in found[-1][1]


def test_the_next_command_with_the_same_values_answers_else_the_first() -> None:
    found = commands_of([asked(10), asked(20, value=7), asked(30)])["Cam", "CCD_EXPOSURE"]
    wish = ET.fromstring(asked(0).data)
    assert [answer(found, wish, after) for after in (0, 11, 31)] == [found[0], found[2], found[0]]
    assert answer(found, ET.fromstring(asked(0, value=8).data), 0) is None
