"""The OpenAPI document, made from the types that the API speaks."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import inspect

from inditree.config import Driver, Remote
from inditree.ops.commanding import KEY_LENGTH
from inditree.ops.model import (
    ClientRow,
    CommandRow,
    DeviceDetail,
    DeviceRow,
    DriverRow,
    Error,
    InterlockRow,
    ReactionRow,
    Readiness,
    RecordRow,
    RemoteRow,
    Status,
)

_Schema = dict[str, Any]

_FORMS = {
    "duration": {"type": "string", "examples": ["500ms", "10s", "5m"]},
    "size": {"type": "string", "examples": ["64KiB", "1MiB"]},
}


def document(version: str) -> _Schema:
    """OpenAPI 3.1 of everything under HTTP."""
    rows = (ClientRow, DriverRow, RemoteRow, DeviceRow, RecordRow, InterlockRow, ReactionRow)
    types = (Status, *rows, CommandRow, DeviceDetail, Readiness, Error, Driver, Remote)
    refs, components = msgspec.json.schema_components(types, ref_template="#/components/schemas/{name}")
    for entry in (Driver, Remote):
        _write_quantities(entry, components)
    ref = dict(zip(types, refs, strict=True))
    paths = {
        "/livez": {"get": _get("The event loop turns.", {"type": "object"})},
        "/readyz": {"get": _get("Whether it is ready, and who is not up.", ref[Readiness], {"503": ref[Readiness]})},
        "/metrics": {"get": _metrics()},
        "/api/v1/openapi.json": {"get": _get("This document.", {"type": "object"})},
        "/api/v1/status": {"get": _get("The whole router.", ref[Status])},
        "/api/v1/clients": {"get": _get("Who connected to us.", _list(ref[ClientRow]))},
        "/api/v1/clients/{name}": _named(
            get=_get("One of them, by its id.", ref[ClientRow], _errors("404")),
            delete=_change("Close its connection.", "204", None, ("404",)),
        ),
        "/api/v1/record": {"get": _get("Where the record is, and how large.", ref[RecordRow], _errors("404"))},
        "/api/v1/history": {"get": _history()},
        "/api/v1/interlocks": {"get": _get("Interlocks, and what each comes to now.", _list(ref[InterlockRow]))},
        "/api/v1/reactions": {"get": _get("Reactions, and what each waits for.", _list(ref[ReactionRow]))},
        "/api/v1/reactions/{name}": _named(get=_get("One reaction.", ref[ReactionRow], _errors("404"))),
        "/api/v1/reactions/{name}/run": _named(
            post=_change("Carry out its steps now.", "202", ref[ReactionRow], ("404", "409"))
        ),
        "/api/v1/reactions/{name}/reset": _named(
            post=_change("Arm it again.", "202", ref[ReactionRow], ("404", "409"))
        ),
        "/api/v1/devices": {"get": _get("All devices and who provides them.", _list(ref[DeviceRow]))},
        "/api/v1/devices/{name}": _named(get=_get("A device with its properties.", ref[DeviceDetail], _errors("404"))),
        "/api/v1/devices/{name}/properties/{property}": _command(ref[CommandRow]),
        "/api/v1/devices/{name}/refresh": _named(
            post=_change("Ask its driver for all definitions anew.", "202", ref[DeviceRow], ("404", "409"))
        ),
        **_controlled("driver", ref[DriverRow], ref[Driver]),
        **_controlled("remote", ref[RemoteRow], ref[Remote]),
    }
    return {
        "openapi": "3.1.0",
        "info": {"title": "inditree", "version": version, "license": {"name": "MIT", "identifier": "MIT"}},
        "paths": paths,
        "components": {"schemas": components, "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}}},
    }


def _controlled(kind: str, row: _Schema, entry: _Schema) -> _Schema:
    """The paths of drivers or remotes."""
    base = f"/api/v1/{kind}s"
    body = {"required": True, "content": {"application/json": {"schema": entry}}}
    add = {**_change(f"Add a {kind}, as in the configuration.", "201", row, ("400", "409")), "requestBody": body}
    remove = _change(f"Stop a {kind} and forget it.", "204", None, ("404",))
    paths = {
        base: {"get": _get(f"All {kind}s.", _list(row)), "post": add},
        f"{base}/{{name}}": _named(get=_get(f"One {kind}.", row, _errors("404")), delete=remove),
    }
    for action in ("restart", "stop", "start"):
        call = _change(f"{action.capitalize()} a {kind}.", "202", row, ("404", "409"))
        paths[f"{base}/{{name}}/{action}"] = _named(post=call)
    return paths


def _history() -> _Schema:
    names = ("device", "property", "member", "from", "to", "limit")
    parameters = [{"name": name, "in": "query", "schema": {"type": "string"}} for name in names]
    ok = {"description": "A JSON object a line.", "content": {"application/x-ndjson": {"schema": {"type": "string"}}}}
    refused = {status: _response("Refused.", each) for status, each in _errors("400", "404").items()}
    return {
        "summary": "What the record says: elements, the oldest first.",
        "parameters": parameters,
        "responses": {"200": ok, **refused},
    }


def _command(row: _Schema) -> _Schema:
    """The path that sets a property."""
    text = {"type": "string"}
    member = {"oneOf": [text, {"type": "number"}, {"type": "boolean"}]}
    members = {"type": "object", "minProperties": 1, "additionalProperties": member}
    body = {"type": "object", "required": ["members"], "properties": {"members": members}}
    responses = {
        "200": _response("Done.", row),
        "202": _response("Sent; nobody waits.", row),
        "409": _response(
            "It ended in Alert, or was refused.", {"oneOf": [row, {"$ref": "#/components/schemas/Error"}]}
        ),
        "504": _response("Not done within `wait`.", row),
    }
    errors = _errors("400", "401", "403", "404", "422")
    put = {
        "summary": "Set members of a property.",
        "parameters": [
            {"name": "wait", "in": "query", "schema": _FORMS["duration"]},
            {"name": "Idempotency-Key", "in": "header", "schema": {**text, "maxLength": KEY_LENGTH}},
        ],
        "requestBody": {"required": True, "content": {"application/json": {"schema": body}}},
        "responses": responses | {code: _response("Nothing was sent.", each) for code, each in errors.items()},
        "security": [{}, {"token": []}],
    }
    found = _named(put=put)
    found["parameters"].append({"name": "property", "in": "path", "required": True, "schema": text})
    return found


def _get(summary: str, schema: _Schema, more: _Schema | None = None) -> _Schema:
    responses = {"200": _response("The answer.", schema)}
    responses |= {status: _response("Not so.", each) for status, each in (more or {}).items()}
    return {"summary": summary, "responses": responses}


def _change(summary: str, status: str, schema: _Schema | None, errors: tuple[str, ...]) -> _Schema:
    responses = {status: _response("Done, or begun.", schema)}
    responses |= {code: _response("Refused.", each) for code, each in _errors("400", "401", "403", *errors).items()}
    return {"summary": summary, "responses": responses, "security": [{}, {"token": []}]}


def _named(**operations: _Schema) -> _Schema:
    parameter = {"name": "name", "in": "path", "required": True, "schema": {"type": "string"}}
    return {"parameters": [parameter], **operations}


def _errors(*statuses: str) -> _Schema:
    return {status: {"$ref": "#/components/schemas/Error"} for status in statuses}


def _response(text: str, schema: _Schema | None) -> _Schema:
    return {"description": text} | ({"content": {"application/json": {"schema": schema}}} if schema else {})


def _list(item: _Schema) -> _Schema:
    return {"type": "array", "items": item}


def _metrics() -> _Schema:
    answer = {"description": "Prometheus text format.", "content": {"text/plain": {"schema": {"type": "string"}}}}
    return {"summary": "The metrics.", "responses": {"200": answer}}


def _write_quantities(cls: type[msgspec.Struct], components: _Schema) -> None:
    """Durations and sizes are numbers once they are loaded, but texts where they are written."""
    described = inspect.type_info(cls)
    assert isinstance(described, inspect.StructType)
    properties = components[cls.__name__]["properties"]
    for field in described.fields:
        kind = field.type
        if isinstance(kind, inspect.Metadata) and (form := (kind.extra or {}).get("form")) in _FORMS:
            properties[field.name] = _FORMS[form]
        elif isinstance(kind, inspect.StructType):
            _write_quantities(kind.cls, components)
