"""inditree: an INDI server that routes, supervises, links and measures."""

__version__ = "0.1.0"
