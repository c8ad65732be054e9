"""`inditree image`: take images and write them to files."""

from __future__ import annotations

import os
import string
import sys
import time
import zlib
from argparse import Namespace
from collections.abc import Iterator
from datetime import UTC, datetime
from glob import escape
from pathlib import Path

import pybase64

from inditree.cli.session import REFUSED, TIME_IS_UP, Session
from inditree.commands.making import CommandError, made
from inditree.commands.names import Names
from inditree.errors import ConfigError
from inditree.wire.elements import Blob
from inditree.wire.syntax import enable_blob

EXPOSURE = ("CCD_EXPOSURE", "CCD_EXPOSURE_VALUE")
DOWNLOAD = 60.0
"""Seconds that a camera has for its image beside the exposure."""
DEFAULT_NAME = "{device}-{time}-{n}"
_FIELDS = frozenset({"device", "property", "n", "time"})


class _Failed(Exception):
    """The exposure ended in Alert; what the driver said."""


def run(chosen: Namespace) -> int:
    """Take `-n` images. Exit status: 0 done, 1 no connection, 2 wrong use, 3 Alert or refused, 4 the time is up."""
    name = checked_name(chosen.output, chosen.number)
    wait = chosen.timeout if chosen.timeout is not None else (chosen.expose or 0.0) + DOWNLOAD
    chosen.timeout = min(wait, 10.0)
    with Session.of(chosen) as session:
        names = [Names(escape(chosen.device), "*", "*")]
        session.ask(names)
        if session.definitions(time.monotonic() + chosen.timeout, names):
            return _failed(f"{chosen.device}: did not appear within {chosen.timeout:g} s", TIME_IS_UP)
        if not any(known.kind == "BLOB" for known in session.properties.known.values()):
            return _failed(f"{chosen.device} has no images; is it connected?", REFUSED)
        session.send(enable_blob("Also", chosen.device))
        for number in range(1, chosen.number + 1):
            try:
                blob = _one(session, chosen.device, chosen.expose, wait)
            except (CommandError, _Failed) as error:
                return _failed(str(error), REFUSED)
            if blob is None:
                return _failed(f"no image of {chosen.device} within {wait:g} s", TIME_IS_UP)
            for data, ending in images(blob):
                print(written(name, ending, data, blob, number), flush=True)
    return 0


def checked_name(text: str | None, number: int) -> str:
    """The pattern of the files' names. Raises ConfigError for one that would write all images over each other."""
    name = text or DEFAULT_NAME
    try:
        fields = {field for _, field, _, _ in string.Formatter().parse(name) if field is not None}
    except ValueError as error:
        raise ConfigError("-o", f"{name!r}: {error}") from None
    if fields - _FIELDS:
        raise ConfigError(
            "-o", f"{name!r}: {{{min(fields - _FIELDS)}}} is none of {{device}} {{property}} {{n}} {{time}}"
        )
    if not fields and name != "-":
        if number > 1:
            raise ConfigError("-o", f"{name!r} is one name for {number} images: add {{n}} or {{time}}")
        if Path(name).exists():
            raise ConfigError("-o", f"{name} exists already: nothing is overwritten")
    return name


def _one(session: Session, device: str, seconds: float | None, wait: float) -> Blob | None:
    """Expose, where that is asked for, and wait for the next image; None where none comes in time."""
    if seconds is not None:
        known = session.properties.known.get((device, EXPOSURE[0]))
        if known is None:
            raise CommandError(f"{device} has no {EXPOSURE[0]}: is it connected?")
        session.send(made(known.root, {EXPOSURE[1]: f"{seconds:.9f}".rstrip("0").rstrip(".")})[1])
    progress = _Progress(session, seconds)
    end = time.monotonic() + wait
    try:
        while time.monotonic() < end:
            for event in session.events(min(end, time.monotonic() + 0.2)):
                if isinstance(event, Blob) and event.device == device:
                    return event
                if isinstance(event, dict):
                    _look(event, device, seconds is not None)
            progress.show()
    finally:
        progress.clear()
    return None


def _look(event: dict[str, object], device: str, exposing: bool) -> None:
    if (gone := event.get("deleteProperty")) and isinstance(gone, dict) and gone == {"device": device}:
        raise _Failed(f"{device} is gone")
    body = event.get("setNumberVector")
    if not exposing or not isinstance(body, dict) or (body["device"], body["name"]) != (device, EXPOSURE[0]):
        return
    if body.get("state") == "Alert":
        raise _Failed(f"{device}: the exposure ended in Alert" + (f": {said}" if (said := body.get("message")) else ""))


def images(blob: Blob) -> Iterator[tuple[bytes, str]]:
    """The images of an element as the files that they are, with their ending; compressed ones are unpacked."""
    data = blob.join()
    for one in blob.ones:
        end = data.find(b"<", one.tag_stop)
        raw = pybase64.b64decode(data[one.tag_stop : end], validate=False)
        ending = one.attributes.get("format", "")
        if ending.endswith(".z"):
            raw, ending = zlib.decompress(raw), ending[:-2]
        yield raw, ending


def written(name: str, ending: str, data: bytes, blob: Blob, number: int) -> str:
    """Write an image to a file that is new, and return its name; a name that is taken gets a number behind it."""
    if name == "-":
        sys.stdout.buffer.write(data)
        return ""
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S")
    wanted = name.format(device=_safe(blob.device), property=_safe(blob.name), n=number, time=stamp)
    wanted += "" if wanted.lower().endswith(ending.lower()) else ending
    path, again = Path(wanted), 1
    while True:
        try:
            file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
        except FileExistsError:
            again += 1
            path = Path(wanted).with_name(f"{Path(wanted).stem}_{again}{Path(wanted).suffix}")
            continue
        except OSError as error:
            raise ConfigError("-o", f"{path}: {error.strerror}") from None
        with os.fdopen(file, "wb") as out:
            out.write(data)
        return str(path)


def _safe(name: str) -> str:
    """A device's name as a part of a file's name: no folder is named by it."""
    return name.replace("/", "_").replace("\0", "_").strip(".") or "_"


class _Progress:
    """Seconds of the exposure and bytes of the image, on a terminal's last line."""

    def __init__(self, session: Session, seconds: float | None) -> None:
        self._session = session
        self._seconds = seconds
        self._began = time.monotonic()
        self._received = session.received
        self._shows = sys.stderr.isatty()

    def show(self) -> None:
        """Draw it anew."""
        if not self._shows:
            return
        gone, got = time.monotonic() - self._began, self._session.received - self._received
        text = f"{got / 1e6:.1f} MB received"
        if self._seconds is not None and gone < self._seconds and got < 1e5:
            text = f"exposing, {self._seconds - gone:.0f} s left"
        print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)

    def clear(self) -> None:
        """Leave the line empty."""
        if self._shows:
            print("\r\033[K", end="", file=sys.stderr, flush=True)


def _failed(text: str, status: int) -> int:
    print(f"inditree image: {text}", file=sys.stderr)
    return status
