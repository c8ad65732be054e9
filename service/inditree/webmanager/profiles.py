"""Profiles and custom drivers, as one file that is replaced whole: what was answered survives a kill."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Any

import msgspec

from inditree.errors import ConfigError
from inditree.ops.control import ControlError

FILE = "profiles.json"

MAX_BYTES = 1 << 20
"""Of the file. Whoever may come may also fill it; a profile has some hundred bytes."""

MAX_TEXT = 256
"""Characters of a name or label."""


class Profile(msgspec.Struct, frozen=True, kw_only=True):
    """A profile, as KStars and indiweb's page keep it. `scripts` is kept as it came (a list or a text) and never run.

    `port` is None where nobody has said one: KStars 3.6 does not.
    """

    id: int
    port: int | None = None
    autostart: bool = False
    autoconnect: bool = False
    scripts: str | list[Any] | None = None
    drivers: tuple[str, ...] = ()
    remotes: tuple[str, ...] = ()


class Custom(msgspec.Struct, frozen=True, kw_only=True):
    """A driver that KStars knows and we may not: its program is only run where an installed driver has the same."""

    label: str
    name: str
    exec: str
    family: str
    version: str


class Saved(msgspec.Struct, frozen=True, kw_only=True):
    """The file."""

    profiles: dict[str, Profile] = {}
    custom: dict[str, Custom] = {}


class Store:
    """The profiles in `folder`; None: in memory. Raises ConfigError where the folder or its file cannot be used."""

    def __init__(self, folder: str | None) -> None:
        self._file = Path(folder, FILE) if folder is not None else None
        self._saved = Saved()
        if self._file is not None:
            self._saved = _load(self._file)

    @property
    def profiles(self) -> dict[str, Profile]:
        """The profiles by name, not to be changed by who asks."""
        return self._saved.profiles

    @property
    def custom(self) -> dict[str, Custom]:
        """Gives the drivers that somebody added, by label; not to be changed."""
        return self._saved.custom

    def profile(self, name: str) -> Profile:
        """Raises ControlError (404)."""
        try:
            return self._saved.profiles[name]
        except KeyError:
            raise ControlError(404, "Profile not found") from None

    def ready(self, name: str) -> Profile:
        """Give the profile of that name, or a new one that is not kept yet. Raises ControlError (400) for the name."""
        check_text(name, "a profile's name")
        found = self._saved.profiles.get(name)
        return found or Profile(id=max((each.id for each in self._saved.profiles.values()), default=0) + 1)

    async def put(self, name: str, profile: Profile) -> None:
        """Keep it; only one profile starts with the router. Raises ControlError where it cannot be kept."""
        others = self._saved.profiles
        if profile.autostart:
            others = {key: msgspec.structs.replace(each, autostart=False) for key, each in others.items()}
        await self._save(msgspec.structs.replace(self._saved, profiles={**others, name: profile}))

    async def delete(self, name: str) -> None:
        """Forget it; one that is not there is no mistake."""
        left = {key: each for key, each in self._saved.profiles.items() if key != name}
        await self._save(msgspec.structs.replace(self._saved, profiles=left))

    async def add_custom(self, custom: Custom) -> None:
        """Keep it in place of one with its label."""
        await self._save(msgspec.structs.replace(self._saved, custom={**self._saved.custom, custom.label: custom}))

    async def _save(self, new: Saved) -> None:
        data = msgspec.json.format(msgspec.json.encode(new))
        if len(data) > MAX_BYTES:
            raise ControlError(400, f"profiles and drivers would have more than {MAX_BYTES} bytes")
        if self._file is not None and new != self._saved:
            try:
                await asyncio.to_thread(_replace, self._file, data)
            except OSError as error:
                raise ControlError(500, f"cannot be kept: {self._file}: {error.strerror}") from error
        self._saved = new


def check_text(text: str, what: str) -> None:
    """Raises ControlError (400) for one that is empty, too long or has control characters."""
    if not text or len(text) > MAX_TEXT or any(ord(each) < 32 or ord(each) == 127 for each in text):
        raise ControlError(400, f"{what} has 1 to {MAX_TEXT} characters, none of them a control character")


def _load(file: Path) -> Saved:
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        return msgspec.json.decode(file.read_bytes(), type=Saved)
    except FileNotFoundError:
        if os.access(file.parent, os.W_OK | os.X_OK):
            return Saved()
        raise ConfigError("webmanager.data", f"{file.parent}: cannot be written to") from None
    except OSError as error:
        raise ConfigError("webmanager.data", f"{error.filename}: {error.strerror}") from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ConfigError("webmanager.data", f"{file}: {error}") from None


def _replace(file: Path, data: bytes) -> None:
    """Replace the file at once: who reads it, after a kill too, finds the old one or the new one, whole.

    It is made anew: where others may write to the folder a link there would lead to any file of ours.
    """
    new = file.with_name(f"{file.name}.new")
    new.unlink(missing_ok=True)
    with new.open("xb") as opened:
        opened.write(data)
        opened.flush()
        os.fsync(opened.fileno())
    new.replace(file)
    folder = os.open(file.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
