"""Commands that ask a running router, or change something there: its drivers, links, clients, devices, reactions."""

from __future__ import annotations

from argparse import ArgumentParser

from inditree.cli.options import Commands, add, runs, where

_STATUS = """Show a running router: its tree, devices and their last messages, interlocks, reactions, drivers, links
and clients."""


def health(commands: Commands) -> None:
    """Says whether a router is ready."""
    parser = add(
        commands,
        "health",
        "ask a router whether it is ready",
        "Exit status: 0 if the router is ready (/readyz), 1 otherwise.",
    )
    where(parser)
    runs(parser, "health")


def status(commands: Commands) -> None:
    """The whole of a router."""
    parser = add(commands, "status", "show a running router", _STATUS)
    parser.add_argument("--json", action="store_true", help="print the answer of /api/v1/status, on one line")
    parser.add_argument(
        "--watch",
        nargs="?",
        const="2",
        metavar="SECONDS",
        help="repeat until interrupted (default: every 2 seconds)",
    )
    where(parser)
    runs(parser, "status")


def control(commands: Commands, kind: str) -> None:
    """Drivers or remotes (`kind`) of a router."""
    text = f"Look at and change the {kind}s of a running router."
    parent = add(commands, kind, f"list, add, remove, restart, stop and start {kind}s", text)
    actions = parent.add_subparsers(title="actions", metavar="ACTION", required=True)
    _listing(actions, kind)
    (_driver_add if kind == "driver" else _remote_add)(actions)
    for action, brief in (
        ("remove", f"stop a {kind} and forget it"),
        ("restart", f"stop a {kind} and start it again"),
        ("stop", f"stop a {kind} until it is started"),
        ("start", f"start a {kind} that is stopped"),
    ):
        _change(actions, kind, action, brief).add_argument("name", metavar="NAME", help=f"name of the {kind}")


def client(commands: Commands) -> None:
    """Shows who is connected to a router."""
    text = "Look at who is connected to a running router, and close connections."
    actions = add(commands, "client", "list and close the connections of clients", text).add_subparsers(
        title="actions", metavar="ACTION", required=True
    )
    _listing(actions, "client")
    parser = _change(actions, "client", "close", "close a client's connection; the client may come back")
    parser.add_argument("name", metavar="ID", help="ID of the client, as list shows it")


def device(commands: Commands) -> None:
    """A device of a router."""
    text = "Ask a device's driver for its definitions again."
    actions = add(commands, "device", "ask for a device's definitions again", text).add_subparsers(
        title="actions", metavar="ACTION", required=True
    )
    parser = _change(
        actions, "device", "refresh", "ask the driver for all definitions of a device; clients hear what differs"
    )
    parser.add_argument("name", metavar="NAME", help="name of the device")


def reaction(commands: Commands) -> None:
    """A reaction of a router's observatory."""
    text = "Carry out a reaction by hand, or arm it again. inditree status shows them."
    actions = add(commands, "reaction", "run and reset reactions", text).add_subparsers(
        title="actions", metavar="ACTION", required=True
    )
    for action, brief in (
        ("run", "carry out all steps of a reaction now, whatever its condition"),
        ("reset", "arm a reaction again"),
    ):
        _change(actions, "reaction", action, brief).add_argument("name", metavar="NAME", help="name of the reaction")


def _listing(actions: Commands, kind: str) -> None:
    parser = add(actions, "list", f"list the {kind}s", f"List the {kind}s of a running router.")
    parser.add_argument("--json", action="store_true", help=f"print the answer of /api/v1/{kind}s, on one line")
    where(parser)
    parser.set_defaults(kind=kind)
    runs(parser, "control", "listing")


def _change(actions: Commands, kind: str, action: str, brief: str) -> ArgumentParser:
    parser = add(actions, action, brief, f"{brief.capitalize()}.")
    where(parser)
    parser.set_defaults(kind=kind, action=action)
    runs(parser, "control", "change")
    return parser


def _driver_add(actions: Commands) -> None:
    parser = add(
        actions, "add", "add a driver and start it", "Add a driver and start it. It lasts until the router ends."
    )
    parser.add_argument(
        "word", metavar="DRIVER", help="a program with its arguments in one word, or pkg.module:callable"
    )
    parser.add_argument("--name", help="name of the driver (default: the program's name)")
    parser.add_argument(
        "--env", action="append", default=[], metavar="KEY=VALUE", help="set a variable; may be repeated"
    )
    parser.add_argument("--cwd", metavar="DIR", help="directory to run in")
    parser.add_argument(
        "--restart", choices=("always", "on-failure", "never"), help="whether it is started again (default: always)"
    )
    parser.add_argument("--required", action="store_true", help="the router is not ready while this driver is not")
    where(parser)
    runs(parser, "control", "add_driver")


def _remote_add(actions: Commands) -> None:
    parser = add(actions, "add", "link to a server", "Link to another server. The link lasts until the router ends.")
    parser.add_argument("word", metavar="HOST[:PORT]", help="the server; DEVICE@HOST[:PORT] for one device of it")
    parser.add_argument("--name", help="name of the link (default: HOST:PORT)")
    parser.add_argument("--no-blobs", action="store_true", help="no BLOBs over this link")
    parser.add_argument(
        "--device", action="append", default=[], metavar="PATTERN", help="take only these devices; may be repeated"
    )
    parser.add_argument("--share", choices=("both", "down"), help="down: do not show our devices there")
    parser.add_argument("--required", action="store_true", help="the router is not ready while this link is down")
    where(parser)
    runs(parser, "control", "add_remote")
