"""`inditree check FILE`."""

from __future__ import annotations

import sys
from argparse import Namespace

from inditree import config
from inditree.config import observatory
from inditree.errors import ConfigError


def run(chosen: Namespace) -> int:
    """Print the configuration normalised; what is missing on this machine is only a warning."""
    try:
        result = config.complete(config.read(chosen.file))
    except ConfigError as error:
        raise error.within(chosen.file) from None
    for doubt in [*config.files(result), *config.doubts(result)]:
        print(f"inditree: warning: {doubt}", file=sys.stderr)
    for line in observatory.named(result):
        print(f"inditree: {line}", file=sys.stderr)
    print(config.normalised(result), end="")
    return 0
