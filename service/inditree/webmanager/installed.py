"""The drivers that are installed on this machine, as the XML files of libindi and its relatives name them."""

from __future__ import annotations

import logging
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path

import msgspec

FOLDER = Path("/usr/share/indi")
"""Where packages of drivers put their XML files."""

MAX_FILE = 4 << 20
"""Bytes of one file: that of libindi itself has 30 000."""

_logger = logging.getLogger("inditree.webmanager")


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """A driver that can be run: `label` is what people call it, `name` its device, `program` what is executed.

    `mdpd`: it makes several devices and names them itself. `skeleton` is a file that the driver reads.
    """

    label: str
    name: str
    program: str
    family: str = "Others"
    version: str = "1.0"
    mdpd: bool = False
    skeleton: str | None = None


class Installed:
    """Reads the XML files of `folder`; one that did not change is not read again."""

    def __init__(self, folder: Path = FOLDER) -> None:
        self._folder = folder
        self._read: dict[Path, tuple[tuple[int, int], tuple[Entry, ...]]] = {}

    def entries(self) -> dict[str, Entry]:
        """Give all drivers by their label; of two with one label the first file's. Reads files: not for the loop."""
        known = {}
        for file in self._files():
            stat = file.stat()
            stamp = (stat.st_mtime_ns, stat.st_size)
            if file not in known and self._read.get(file, ((), ()))[0] != stamp:
                self._read[file] = (stamp, _entries(file) if stat.st_size <= MAX_FILE else ())
            known[file] = self._read[file]
        self._read = known
        found: dict[str, Entry] = {}
        for _, entries in known.values():
            for entry in entries:
                found.setdefault(entry.label, entry)
        return found

    def _files(self) -> list[Path]:
        """Skeletons (`NAME_sk.xml`) describe properties, not drivers."""
        return sorted(file for file in self._folder.glob("*.xml") if "_sk" not in file.name and file.is_file())


def _entries(file: Path) -> tuple[Entry, ...]:
    try:
        root = ET.parse(file).getroot()
    except (ET.ParseError, OSError, ValueError) as error:
        _logger.warning("%s: not read: %s", file, error, extra={"event": "drivers_unreadable"})
        return ()
    return tuple(entry for group in root.iter("devGroup") for entry in _group(group, file.parent))


def _group(group: ET.Element, folder: Path) -> Iterator[Entry]:
    for device in group.iter("device"):
        driver = device.find("driver")
        label, program = device.get("label", "").strip(), ("" if driver is None else driver.text or "").strip()
        if driver is None or not label or not program:
            continue
        skeleton = device.get("skel")
        yield Entry(
            label=label,
            name=driver.get("name", label),
            program=program,
            family=group.get("group", "Others"),
            version=(device.findtext("version") or "0.0").strip(),
            mdpd=device.get("mdpd") == "true",
            skeleton=str(folder / skeleton) if skeleton else None,
        )
