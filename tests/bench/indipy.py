"""Serves load drivers by PyPI's indipyserver: indipy.py PORT DRIVER [DRIVER ...], each with its arguments."""

import asyncio
import shlex
import sys

from indipyserver import IPyServer


def main() -> None:
    server = IPyServer(host="127.0.0.1", port=int(sys.argv[1]), maxconnections=10)
    for driver in sys.argv[2:]:
        server.add_exdriver(*shlex.split(driver))
    asyncio.run(server.asyncrun())


main()
