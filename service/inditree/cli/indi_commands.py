"""Commands that speak INDI with any server, or read a record: get, watch, set, image, record, replay."""

from __future__ import annotations

import argparse

from inditree.cli.options import PATTERNS, TIMES, Commands, add, between, runs, session, where
from inditree.envelope.numbers import number


def get(commands: Commands) -> None:
    """Values as they are."""
    text = (
        "Print values of properties of any INDI server, one DEVICE.PROPERTY.MEMBER=VALUE on each line.\n"
        "Exit status: 0 done, 1 no connection, 2 wrong use, 4 something did not appear in time."
    )
    parser = add(commands, "get", "print values of properties", text, PATTERNS)
    parser.add_argument("patterns", nargs="*", metavar="PATTERN", help="what to print (default: everything)")
    session(parser, json="print JSON objects (docs/web.md), one on each line")
    runs(parser, "get", "get")


def watch(commands: Commands) -> None:
    """Values as they change."""
    text = "Print values of properties, and then each change, until interrupted."
    parser = add(commands, "watch", "print values as they change", text, PATTERNS)
    parser.add_argument("patterns", nargs="*", metavar="PATTERN", help="what to print (default: everything)")
    session(parser, timeout=None, json="print JSON objects (docs/web.md), one on each line")
    runs(parser, "get", "watch")


def set(commands: Commands) -> None:
    """Values that are to be."""
    text = (
        "Set members of properties at any INDI server. Members of one property are sent in one command.\n"
        "Exit status: 0 done, 1 no connection, 2 wrong use, 3 Alert or refused, 4 the time is up."
    )
    parser = add(
        commands, "set", "set values, and wait for the answer", text, "A part in double quotes is taken literally."
    )
    parser.add_argument("assignments", nargs="+", metavar="DEVICE.PROPERTY.MEMBER=VALUE", help="numbers may be 5:30:00")
    parser.add_argument(
        "--wait", nargs="?", const="", metavar="TIME", help="wait until it is done, at most TIME (5m; default: 10m)"
    )
    session(parser, json="print the properties once they have answered, one on each line")
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
        help="name: {device} {property} {n} {time}; - is stdout (default: {device}-{time}-{n} and the image's ending)",
    )
    parser.add_argument("-n", dest="number", type=_number, default=1, metavar="N", help="how many images (default: 1)")
    session(parser, timeout=None, of="the exposure and 60s")
    runs(parser, "image")


def record(commands: Commands) -> None:
    """The commands that look at a record."""
    text = "Look at a record of the night (docs/record.md)."
    actions = add(commands, "record", "look at a record of the night", text).add_subparsers(
        title="actions", metavar="ACTION", required=True
    )
    for action, brief in (
        ("list", "list the files of a record"),
        ("show", "print what was said, for people to read"),
        ("export", "print what was said as JSON lines, or values as CSV"),
    ):
        parser = add(actions, action, brief, f"{brief.capitalize()}.", f"{PATTERNS}\n\n{TIMES}")
        parser.add_argument(
            "place",
            nargs="?",
            metavar="DIR|FILE",
            help="the record (default: that of --dir, --config, or the running router)",
        )
        parser.set_defaults(pattern=None)
        if action == "export":
            form = parser.add_mutually_exclusive_group(required=True)
            form.add_argument(
                "--csv", action="store_true", help="print columns time,device,property,member,value,state"
            )
            form.add_argument("--json", action="store_true", help="print a JSON object on each line (docs/record.md)")
        if action != "list":
            parser.add_argument("pattern", nargs="?", metavar="PATTERN", help="what to print (default: everything)")
        parser.add_argument("--dir", metavar="DIR", help="folder of the record")
        parser.add_argument("--config", metavar="FILE", help="configuration that names the folder")
        between(parser)
        where(parser)
        runs(parser, "record", {"list": "listing"}.get(action, action))


def replay(commands: Commands) -> None:
    """A record as a driver."""
    text = (
        "Act as a driver that says again what was recorded. It starts when it is first asked for properties, answers\n"
        "a command with what followed it in the record, or with Alert, and keeps the last state. Run it as a driver:\n"
        '  inditree serve "inditree replay /data --speed 10"'
    )
    parser = add(commands, "replay", "serve a record as a driver", text, TIMES)
    parser.add_argument("place", metavar="DIR|FILE", help="the record")
    parser.add_argument(
        "--speed",
        metavar="N|max",
        type=_speed,
        default=1.0,
        help="how many times faster; max: without delays (default: 1)",
    )
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
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds")
    return value


def _number(text: str) -> int:
    if not text.isdigit() or not int(text):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of images")
    return int(text)
