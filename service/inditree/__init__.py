"""inditree: an INDI server that routes, supervises, links and measures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from inditree.version import __version__

__all__ = ["Config", "IPyServer", "Server", "__version__"]

if TYPE_CHECKING:
    from inditree.config import Config
    from inditree.ipyserver import IPyServer
    from inditree.server import Server

_FROM = {"Config": "inditree.config", "IPyServer": "inditree.ipyserver", "Server": "inditree.server"}


def __getattr__(name: str) -> Any:
    """The public names, imported when they are asked for: `inditree --version` needs none of them."""
    if name not in _FROM:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_FROM[name]), name)
