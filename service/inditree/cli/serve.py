"""`inditree serve`, and how a server is run."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
from argparse import Namespace
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeVar

from inditree.config import Config, Launch, Overlay, Sources, doubts, files, variables
from inditree.config import sources as words
from inditree.config.units import port

if TYPE_CHECKING:
    from inditree.server.parts import Companion

_T = TypeVar("_T")


def run(chosen: Namespace) -> int:
    """Serve what file, variables and flags say."""
    sources = Sources(
        file=chosen.config or os.environ.get("INDITREE_CONFIG") or None,
        flags=flags(chosen),
        variables=variables(os.environ),
    )
    config = sources.load()
    # INDITREE_HOST is how the image says that the network around the container is the boundary.
    by_design = sources.variables.host is not None and sources.flags.host is None
    decided = next((entry for entry in config.listen if entry.tcp), None) if by_design else None
    launch = Launch(reread=sources.load, file=sources.file, web=True, signals=True)
    return serve(config, launch, doubts(config, decided))


def serve(config: Config, launch: Launch, said: Sequence[str] = (), *, beside: Companion | None = None) -> int:
    """Run a server with this configuration to its end, after `said` as warnings. Raises ConfigError and StartError."""
    gc.disable()  # nothing that is loaded here is rubbish: a collection would look in vain
    import uvloop

    from inditree.cli.leaving import Leaving
    from inditree.images import heap
    from inditree.ops import logs
    from inditree.server import Server

    gc.enable()
    for missing in files(config):
        raise missing
    heap.share()
    logs.setup(config.log, {"traffic": "debug"} if launch.log_traffic else None)
    for doubt in said:
        logging.getLogger("inditree").warning("%s", doubt, extra={"event": "configuration_doubt"})

    gc.freeze()  # what is loaded stays: no collection looks at it again
    leaving = Leaving()

    async def work() -> int:
        asyncio.get_running_loop().set_default_executor(leaving.executor)
        return await Server(config, launch=launch, beside=beside).asyncrun()

    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            status = runner.run(work())
            leaving.leave(runner.get_loop(), status)
            return status
    finally:
        logs.finish()


def flags(chosen: Namespace) -> Overlay:
    """The settings made by the flags of `serve`. Raises ConfigError that names the flag."""

    def given(name: str, parse: Callable[[str], _T]) -> _T | None:
        text = getattr(chosen, name)
        return None if text is None else words.parsed(text, "--" + name.replace("_", "-"), parse)

    drivers, remotes = words.entries(chosen.drivers, chosen.remote, "DRIVER", "--remote")
    return Overlay(
        host=given("host", words.listening_host),
        port=given("port", port),
        max_connections=given("max_connections", _count),
        http=None if chosen.http == "off" else given("http", words.listening_address),
        http_off=chosen.http == "off",
        token_file=chosen.token_file,
        socket=None if chosen.socket == "off" else given("socket", words.socket_place),
        socket_off=chosen.socket == "off",
        drivers=drivers,
        remotes=remotes,
        log_level=given("log_level", words.log_level),
        log_format=given("log_format", words.log_format),
    )


def _count(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 10 and int(text) > 0):
        raise ValueError(f"{text!r} is not a number of connections (1 or more)")
    return int(text)
