"""`inditree indiserver`: the drop-in, run to its end."""

from __future__ import annotations

import os
import sys
from collections.abc import MutableMapping, Sequence

from inditree.config import variables
from inditree.config.sources import web_wanted
from inditree.indiserver.command_line import USAGE, Options, UsageError, companion_of, config_of, launch_of, parse
from inditree.transport import early


def run(words: Sequence[str], environ: MutableMapping[str, str] = os.environ) -> int:
    """Run it to its end."""
    try:
        options = parse(words)
        early.listen_by_name(f"@{options.socket}")
        early.listen(options.port)
    except UsageError as error:
        print(f"{error}\n{USAGE}" if str(error) else USAGE, end="", file=sys.stderr)
        return 2
    try:
        return _run(options, environ)
    finally:
        early.close()


def _run(options: Options, environ: MutableMapping[str, str]) -> int:
    from inditree.cli.serve import serve

    config = config_of(options, variables(environ))
    if options.fifo is not None:
        # A driver that the FIFO starts gets these from its command, or not at all.
        for name in ("INDIDEV", "INDICONFIG", "INDISKEL"):
            environ.pop(name, None)
    return serve(config, launch_of(options, web_wanted(environ)), beside=companion_of(options))
