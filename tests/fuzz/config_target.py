"""What must hold for a configuration whatever the file says."""

from __future__ import annotations

import json

from inditree import config
from inditree.errors import ConfigError


def check(data: bytes, seed: int) -> None:
    """It is refused with a reason, or what it says normalised is the same again."""
    try:
        text = data.decode()
    except UnicodeDecodeError:
        text = data.decode("latin-1")
    try:
        loaded = config.load(text)
    except ConfigError as error:
        assert str(error).strip()
    else:
        assert config.load(config.normalised(loaded)) == loaded
        config.doubts(loaded)
    _entries(text)


def _entries(text: str) -> None:
    """The same as an entry over HTTP."""
    try:
        entry = json.loads(text)
    except (ValueError, RecursionError):
        return
    for read in (config.driver, config.remote):
        try:
            read(entry)
        except ConfigError as error:
            assert str(error).strip()
