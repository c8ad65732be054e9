"""The device `Server` that INDIGO's pages wait for: read-only, and told to JSON clients alone."""

from __future__ import annotations

from inditree.envelope import Object, encode
from inditree.version import __version__
from inditree.web import frames

NAME = "Server"

FEATURES = ("XML", "BLOB_URL", "STATUS")
"""The features of this server beyond the envelope: XML at /xml, images by URL, getStatus."""


def definitions(service: str) -> list[bytes]:
    """Give the frames that define it; `service` is the router's name."""
    return [frames.text(encode(each)) for each in (_info(service), _features())]


def _info(service: str) -> Object:
    values = (("VERSION", "Version", __version__), ("SERVICE", "INDI server", service))
    items = [{"name": name, "label": label, "value": value} for name, label, value in values]
    return {"defTextVector": {**_head("INFO", "Server info", "ro"), "items": items}}


def _features() -> Object:
    items = [{"name": name, "label": name, "value": True} for name in FEATURES]
    return {"defSwitchVector": {**_head("FEATURES", "Features", "ro"), "rule": "AnyOfMany", "items": items}}


def _head(name: str, label: str, perm: str) -> Object:
    return {
        "version": 512,
        "device": NAME,
        "name": name,
        "group": "Main",
        "label": label,
        "perm": perm,
        "state": "Ok",
    }
