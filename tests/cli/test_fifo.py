"""The commands of indiserver's FIFO."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inditree.config import Driver, Remote, Restart
from inditree.indiserver.fifo_commands import FifoError, Start, Stop, parse

_NEVER = Restart(policy="never")


def _driver(program: str, **env: str) -> Driver:
    return Driver(exec=(program,), env=env, restart=_NEVER, stderr_level="warning")


@pytest.mark.parametrize(
    ("line", "command"),
    [
        ("start indi_x", Start("indi_x", _driver("indi_x"))),
        ("  start   indi_x  \r\n", Start("indi_x", _driver("indi_x"))),
        ('start indi_x -n "Main CCD"', Start("indi_x", _driver("indi_x", INDIDEV="Main CCD"), "Main CCD")),
        ("start indi_x -n 'Main CCD'", Start("indi_x", _driver("indi_x", INDIDEV="Main CCD"), "Main CCD")),
        ("start indi_x -n CCD", Start("indi_x", _driver("indi_x", INDIDEV="CCD"), "CCD")),
        ('start indi_x -n "Dave\'s"', Start("indi_x", _driver("indi_x", INDIDEV="Dave's"), "Dave's")),
        ("start indi_x -n Dave's", Start("indi_x", _driver("indi_x", INDIDEV="Dave's"), "Dave's")),
        ('start indi_x -n "me@home"', Start("indi_x", _driver("indi_x", INDIDEV="me@home"), "me@home")),
        (
            'start indi_x -s "/s k" -c "/c\\g.xml" -n "N"',
            Start("indi_x", _driver("indi_x", INDISKEL="/s k", INDICONFIG="/c\\g.xml", INDIDEV="N"), "N"),
        ),
        (
            'start indi_x -n "N" -p "/opt"',
            Start("indi_x", _driver("/opt/bin/indi_x", INDIDEV="N", INDIPREFIX="/opt"), "N"),
        ),
        ('start indi_x -n ""', Start("indi_x", _driver("indi_x"))),
        (
            'start "/opt/my drivers/x" -n "N"',
            Start("/opt/my drivers/x", _driver("/opt/my drivers/x", INDIDEV="N"), "N"),
        ),
        ("start CCD@dome-b", Start("CCD@dome-b", Remote(host="dome-b", device="CCD"))),
        (
            "start Main CCD@dome-b:7625",
            Start("Main CCD@dome-b:7625", Remote(host="dome-b", port=7625, device="Main CCD")),
        ),
        ('start "Main CCD"@dome-b', Start("Main CCD@dome-b", Remote(host="dome-b", device="Main CCD"))),
        (
            'start "Main CCD@dome-b:7625"',
            Start("Main CCD@dome-b:7625", Remote(host="dome-b", port=7625, device="Main CCD")),
        ),
        ("start @dome-b", Start("@dome-b", Remote(host="dome-b"))),
        ('start indi_x "Main CCD"', Start("indi_x", _driver("indi_x"), "Main CCD")),
        ('start indi_x "Main CCD" -n "N"', Start("indi_x", _driver("indi_x", INDIDEV="N"), "N")),
        ('stop indi_x "Main CCD"', Stop("indi_x", "Main CCD", alone=True)),
        ("stop indi_x CCD", Stop("indi_x", "CCD", alone=True)),
        ('stop indi_x "Main CCD" -n "N"', Stop("indi_x", "N")),
        (
            'start "Main CCD"@dome-b:7625 -n "Main CCD"',
            Start("Main CCD@dome-b:7625", Remote(host="dome-b", port=7625, device="Main CCD")),
        ),
        ('stop @dome-b -n "x"', Stop("@dome-b", remote=Remote(host="dome-b"))),
        ("stop indi_x", Stop("indi_x")),
        ('stop indi_x -n "Main CCD"', Stop("indi_x", "Main CCD")),
        ('stop "Main CCD"@dome-b', Stop("Main CCD@dome-b", remote=Remote(host="dome-b", device="Main CCD"))),
        ("", None),
        (" \n", None),
    ],
)
def test_a_command(line: str, command: Start | Stop | None) -> None:
    assert parse(line, _NEVER) == command


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("restart indi_x", "'restart' is neither start nor stop"),
        ("START indi_x", "'START' is neither start nor stop"),
        ("start", "start: the driver is missing"),
        ("stop  ", "stop: the driver is missing"),
        ('start ""', "the driver is empty"),
        ('start indi_x -n "Main', 'a quote is not closed: "Main'),
        ('start indi_x -n "a"b', 'a quote is not closed: "a"b'),
        ("start indi_x -n", "-n needs a value"),
        ("start indi_x -v x", "'-v' is not one of -n, -c, -s, -p"),
        ("start indi_x label extra", "'extra' is not one of -n, -c, -s, -p"),
        ('stop indi_x "Label" extra', "'extra' is not one of -n"),
        ('start indi_x -n "\x1b[2J"', "'\\x1b[2J' contains a control character"),
        ('stop indi_x -c "x"', "'-c' is not one of -n"),
        ("start CCD@", "start CCD@: '' is not a host"),
        ("stop CCD@", "stop CCD@: '' is not a host"),
        ("start CCD@h:x", "start CCD@h:x: 'x' is not a port (1 to 65535)"),
    ],
)
def test_a_bad_line(line: str, message: str) -> None:
    with pytest.raises(FifoError) as caught:
        parse(line, _NEVER)
    assert str(caught.value) == message


@given(st.text() | st.text("star op\"'-ncsp@:x", max_size=40).map(lambda rest: "start " + rest))
def test_any_line_is_a_command_or_an_error(line: str) -> None:
    try:
        parse(line, _NEVER)
    except FifoError as error:
        assert str(error)
