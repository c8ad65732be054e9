"""Answers to plain requests: a table of paths, and who may ask. Pure, but for the images that it looks up."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Protocol

from inditree.web import origins
from inditree.web.assets import assets

POLICY = "default-src 'self'; img-src 'self' blob: data:; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
"""Nothing is loaded from elsewhere, and no other site shows this page in its own."""

ALWAYS = (
    ("Content-Security-Policy", POLICY),
    ("X-Content-Type-Options", "nosniff"),
    ("Referrer-Policy", "no-referrer"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
)

NIGHTS = frozenset({"/night.csv", "/night.jsonl"})
"""Where the record of a night is to be had."""

SOCKETS = ("/", "/xml")
"""Where a WebSocket may begin: JSON, and XML."""


class Body(Protocol):
    """A body that is sent in pieces: an image, a night. `size` is None where only sending it shows how many bytes."""

    type: str
    etag: str
    size: int | None
    wake: Callable[[], None]

    def pieces(self) -> Iterator[bytes | None]:
        """Give the bytes, None where there are none yet: then `wake` is called. Raises OSError, ValueError."""

    def delivered(self) -> None:
        """Hears that all of it is with the kernel."""

    def release(self) -> None:
        """Lets go of it; to be called once."""


@dataclass(slots=True)
class Answer:
    """One answer, whose body is `long` where it has one, else `body`. `socket`: which WebSocket is to begin."""

    status: int
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: bytes = b""
    long: Body | None = None
    socket: str = ""


@dataclass(frozen=True, slots=True)
class Site:
    """Our own identity: names of this machine, `listen[].origins`, and whether the connection is TLS."""

    names: frozenset[str]
    origins: tuple[str, ...]
    secure: bool


Find = Callable[[str], "Body | int"]
"""Finds the image of an ID, or says 404 or 410."""

Night = Callable[[str, str], "Body | tuple[int, str]"]
"""Begins the download of a night by path and query, or says a status and why."""


def answer(method: str, target: str, headers: dict[str, str], site: Site, find: Find, night: Night) -> Answer:
    """Answer a request; `headers` have names in lower case."""
    host = headers.get("host")
    refused = origins.refuses_host(host, site.names, site.origins)
    refused = refused or origins.refuses_origin(headers.get("origin"), host or "", site.secure, site.origins)
    if refused:
        return _text(403, refused)
    path, _, query = target.partition("?")
    if "websocket" in headers.get("upgrade", "").lower():
        return _socket(method, path, headers)
    followed = path not in NIGHTS and headers.get("sec-fetch-mode") in ("navigate", None)  # a link to the page may be
    if headers.get("sec-fetch-site") == "cross-site" and not followed:
        return _text(403, "a page of another site gets nothing here")
    known = path in assets() or path in NIGHTS or path.startswith("/blob/")
    if not known:
        return _text(404, "there is nothing here", method)
    if method not in ("GET", "HEAD"):
        return _text(405, "GET or HEAD", more=[("Allow", "GET, HEAD")])
    if path in NIGHTS:
        return _night(night(path, query))
    return _image(path, headers, find) if path.startswith("/blob/") else _asset(path, headers)


def _socket(method: str, path: str, headers: dict[str, str]) -> Answer:
    if path not in SOCKETS:
        return _text(404, "a WebSocket begins at / (JSON) or /xml")
    if method != "GET":
        return _text(405, "GET", more=[("Allow", "GET")])
    if headers.get("sec-websocket-version") != "13" or not headers.get("sec-websocket-key"):
        return _text(426, "WebSocket version 13", more=[("Sec-WebSocket-Version", "13")])
    return Answer(101, socket="json" if path == "/" else "xml")


def _asset(path: str, headers: dict[str, str]) -> Answer:
    asset = assets()[path]
    more = [("ETag", asset.etag), ("Cache-Control", "no-cache")]
    if asset.etag in headers.get("if-none-match", ""):
        return Answer(304, more)
    return Answer(200, [("Content-Type", asset.type), *more, ("Content-Length", str(len(asset.data)))], asset.data)


def _image(path: str, headers: dict[str, str], find: Find) -> Answer:
    found = find(path.removeprefix("/blob/").partition(".")[0])
    if isinstance(found, int):
        return _text(found, "replaced by a newer image" if found == 410 else "there is no such image")
    more = [("ETag", found.etag), ("Cache-Control", "private, no-cache")]
    if found.etag in headers.get("if-none-match", ""):
        found.release()
        return Answer(304, more)
    length = ("Transfer-Encoding", "chunked") if found.size is None else ("Content-Length", str(found.size))
    return Answer(200, [("Content-Type", found.type), *more, length], long=found)


def _night(found: Body | tuple[int, str]) -> Answer:
    if isinstance(found, tuple):
        return _text(*found)
    more = [("Cache-Control", "no-store"), ("Content-Disposition", "attachment"), ("Transfer-Encoding", "chunked")]
    return Answer(200, [("Content-Type", found.type), *more], long=found)


def refusal(status: int, text: str) -> Answer:
    """Give an answer that says why nothing else is answered, and ends the connection."""
    made = _text(status, text)
    made.headers.append(("Connection", "close"))
    return made


def _text(status: int, text: str, method: str = "GET", more: list[tuple[str, str]] | None = None) -> Answer:
    body = f"{text}\n".encode()
    headers = [("Content-Type", "text/plain; charset=utf-8"), ("Content-Length", str(len(body))), *(more or [])]
    return Answer(status, headers, body)
