"""Profiles of Ekos, as KStars keeps them in its database, and sequences of exposures."""

from __future__ import annotations

import sqlite3
from pathlib import Path

SEQUENCE = """<?xml version="1.0" encoding="UTF-8"?>
<SequenceQueue version='2.4'><Job>
<Exposure>{seconds}</Exposure><Format>Mono</Format><Encoding>FITS</Encoding>
<Binning><X>1</X><Y>1</Y></Binning><Frame><X>0</X><Y>0</Y><W>1280</W><H>1024</H></Frame>
<Temperature force='false'>0</Temperature><Filter>Red</Filter><Type>Light</Type>
<Prefix><RawPrefix>night</RawPrefix><FilterEnabled>0</FilterEnabled><ExpEnabled>0</ExpEnabled>
<TimeStampEnabled>1</TimeStampEnabled></Prefix>
<Count>{count}</Count><Delay>0</Delay><FITSDirectory>{folder}</FITSDirectory><UploadMode>0</UploadMode><Properties/>
<Calibration><FlatSource><Type>Manual</Type></FlatSource>
<FlatDuration><Type>ADU</Type><Value>0</Value><Tolerance>0</Tolerance></FlatDuration>
<PreMountPark>False</PreMountPark><PreDomePark>False</PreDomePark></Calibration>
</Job></SequenceQueue>
"""


def sequence(folder: Path, count: int = 2, seconds: float = 0.5) -> str:
    """A queue of exposures for the capture module, whose files go to `folder`."""
    return SEQUENCE.format(folder=folder, count=count, seconds=seconds)


class Profile:
    """A profile of Ekos. `manager`: the port of the Web Manager, None for a server that runs already."""

    def __init__(
        self,
        name: str,
        port: int,
        manager: int | None,
        drivers: dict[str, str],
        *,
        connect: bool = True,
        remote: str = "",
    ) -> None:
        self.name = name
        self.port = port
        self.manager = manager
        self.drivers = drivers
        self.connect = connect
        self.remote = remote

    def write(self, database: sqlite3.Connection) -> None:
        """As KStars' editor of profiles writes it."""
        cursor = database.execute(
            "INSERT INTO profile (name, host, port, indiwebmanagerport, autoconnect, guidertype, indihub, portselector,"
            " remotedrivers) VALUES (?, ?, ?, ?, ?, 0, 0, 0, ?)",
            (self.name, "127.0.0.1", self.port, self.manager, int(self.connect), self.remote or None),
        )
        for role, label in self.drivers.items():
            database.execute(
                "INSERT INTO driver (label, role, profile) VALUES (?, ?, ?)", (label, role, cursor.lastrowid)
            )
