"""The configuration: strict, frozen, complete. Stands above the rooms whose expressions it holds.

`Sources.load` reads the file, lays variables and flags over it, fills in names and checks. A `Config` that was put
together in Python goes through `complete`.
"""

from __future__ import annotations

from inditree.config.check import complete
from inditree.config.compare import Changes, Difference, compare
from inditree.config.doubts import doubts
from inditree.config.files import files
from inditree.config.launch import Launch
from inditree.config.load import driver, load, normalised, read, remote
from inditree.config.sources import Overlay, Sources, apply, variables
from inditree.config.structs import (
    Access,
    Action,
    Audit,
    ClientTls,
    Config,
    ControlSocket,
    Desired,
    Discovery,
    Dns,
    Docker,
    Driver,
    Http,
    Interlock,
    Level,
    Limits,
    Listen,
    Log,
    Metrics,
    Reaction,
    Record,
    Remote,
    Restart,
    Rule,
    ServerTls,
    Webmanager,
)

__all__ = [
    "Access",
    "Action",
    "Audit",
    "Changes",
    "ClientTls",
    "Config",
    "ControlSocket",
    "Desired",
    "Difference",
    "Discovery",
    "Dns",
    "Docker",
    "Driver",
    "Http",
    "Interlock",
    "Launch",
    "Level",
    "Limits",
    "Listen",
    "Log",
    "Metrics",
    "Overlay",
    "Reaction",
    "Record",
    "Remote",
    "Restart",
    "Rule",
    "ServerTls",
    "Sources",
    "Webmanager",
    "apply",
    "compare",
    "complete",
    "doubts",
    "driver",
    "files",
    "load",
    "normalised",
    "read",
    "remote",
    "variables",
]
