"""Commands that speak INDI with any server, or read a record: get, watch, set, image, record, replay."""

from __future__ import annotations

import argparse

from inditree.cli.options import PATTERNS, TIMES, Commands, add, between, runs, session, where
from inditree.envelope.numbers import number


def get(commands: Commands) -> None:
    """Values as they are."""
    text = (
        "Print the values of properties of any INDI server, DEVICE.PROPERTY.MEMBER=VALUE a line.\n"
        "Exit status: 0 done, 1 no connection, 2 wrong use, 4 something is not there in time."
    )
    parser = add(commands, "get", "print values of properties", text, PATTERNS)
    parser.add_argument("patterns", nargs="*", metavar="PATTERN", help="default: all")
    session(parser, json="objects of docs/web.md, one a line")
    runs(parser, "get", "get")


def watch(commands: Commands) -> None:
    """Values as they change."""
    text = "Print the values of properties, and then each change, until interrupted."
    parser = add(commands, "watch", "print values as they change", text, PATTERNS)
    parser.add_argument("patterns", nargs="*", metavar="PATTERN", help="default: all")
    session(parser, timeout=None, json="objects of docs/web.md, one a line")
    runs(parser, "get", "watch")


def set(commands: Commands) -> None:
    """Values that are to be."""
    text = (
        "Set members of properties at any INDI server; those of one property go out in one command.\n"
        "Exit status: 0 done, 1 no connection, 2 wrong use, 3 Alert or refused, 4 the time is up."
    )
    parser = add(commands, "set", "set values, and wait for the answer", text, "A part in double quotes is itself.")
    parser.add_argument("assignments", nargs="+", metavar="DEVICE.PROPERTY.MEMBER=VALUE", help="numbers may be 5:30:00")
    parser.add_argument("--wait", nargs="?", const="", metavar="TIME", help="until it is done, e.g. 5m (default: 10m)")
    session(parser, json="the properties when they have answered, one a line")
    runs(parser, "setting")


def image(commands: Commands) -> None:
    """Images into files."""
    text = (
        "Write the next images of a camera to files, and print their names.\n"
        "Exit status: 0 done, 1 no connection, 2 wrong use, 3 Alert or refused, 4 the time is up."
    )
    parser = add(commands, "image", "take images", text)
    parser.add_argument("device", metavar="DEVICE", help="the camera")
    parser.add_argument("--expose", type=_seconds, metavar="S", help="seconds to expose (default: wait for an image)")
    parser.add_argument(
        "-o",
        dest="output",
        metavar="FILE",
        help="with {device} {property} {n} {time}; - is stdout (default: {device}-{time}-{n} and the image's ending)",
    )
    parser.add_argument("-n", dest="number", type=_number, default=1, metavar="N", help="how many images (default: 1)")
    session(parser, timeout=None, of="the exposure and 60s")
    runs(parser, "image")


def record(commands: Commands) -> None:
    """What was recorded."""
    text = "Look at what was recorded (record in docs/configuration.md)."
    actions = add(commands, "record", "look at a record of the night", text).add_subparsers(
        title="actions", metavar="ACTION", required=True
    )
    for action, brief in (
        ("list", "list the files of a record"),
        ("show", "print what was said, for a person"),
        ("export", "print what was said as JSON lines, or values as CSV"),
    ):
        parser = add(actions, action, brief, f"{brief.capitalize()}.", f"{PATTERNS}\n\n{TIMES}")
        parser.add_argument("place", nargs="?", metavar="DIR|FILE", help="default: --dir, --config, or the router's")
        parser.set_defaults(pattern=None)
        if action == "export":
            form = parser.add_mutually_exclusive_group(required=True)
            form.add_argument("--csv", action="store_true", help="time,device,property,member,value,state")
            form.add_argument("--json", action="store_true", help="an object a line (docs/record.md)")
        if action != "list":
            parser.add_argument("pattern", nargs="?", metavar="PATTERN", help="default: all")
        parser.add_argument("--dir", metavar="DIR", help="the folder")
        parser.add_argument("--config", metavar="FILE", help="the configuration that names it")
        between(parser)
        where(parser)
        runs(parser, "record", {"list": "listing"}.get(action, action))


def replay(commands: Commands) -> None:
    """A record as a driver."""
    text = (
        "Be a driver that says what was recorded: it begins when it is first asked, answers a command with what\n"
        "came then or with Alert, and stays with the last state. Run it as one:\n"
        '  inditree serve "inditree replay /data --speed 10"'
    )
    parser = add(commands, "replay", "serve a record as a driver", text, TIMES)
    parser.add_argument("place", metavar="DIR|FILE", help="the record")
    parser.add_argument("--speed", metavar="N|max", type=_speed, default=1.0, help="times as quick (default: 1)")
    between(parser)
    runs(parser, "replay")


def _speed(text: str) -> float:
    value = float("inf") if text == "max" else number(text)
    if value is None or not value > 0:
        raise argparse.ArgumentTypeError(f"{text!r} is neither a number above 0 nor max")
    return value


def _seconds(text: str) -> float:
    value = number(text)
    if value is None or value < 0:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of seconds")
    return value


def _number(text: str) -> int:
    if not text.isdigit() or not int(text):
        raise argparse.ArgumentTypeError(f"{text!r} is no number of images")
    return int(text)
