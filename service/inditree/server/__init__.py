"""The router as a whole: listeners, drivers and links around one core."""

from inditree.server.server import Server

__all__ = ["Server"]
