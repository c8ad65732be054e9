"""Plain data from YAML or JSON to the structs, and back.

msgspec could convert by itself, but its messages do not name an unknown key's own path, and it knows no durations; so
the walk is ours, over msgspec's description of the types.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, TypeVar

import msgspec
from msgspec import inspect

from inditree.config import units
from inditree.errors import ConfigError

_T = TypeVar("_T")
_S = TypeVar("_S", bound=msgspec.Struct)

SHOWN = 120
"""Characters of a wrong value that a message shows: a file that is no configuration at all is one long text."""

_FORMS: dict[str, tuple[Callable[[str], float], str]] = {
    "duration": (units.duration, "a duration (500ms, 10s, 5m, 1h, 14d)"),
    "size": (units.size, "a size (512B, 64KiB, 1MiB, 1GiB)"),
    "mode": (lambda text: _mode(text), 'an octal number in quotes ("0660")'),
}
_WRITERS: dict[str, Callable[[Any], str]] = {
    "duration": units.duration_text,
    "size": units.size_text,
    "mode": lambda mode: f"{mode:04o}",
}


def convert(data: object, cls: type[_S], path: str = "") -> _S:
    """The struct that the data describes. Raises ConfigError with the path of the key at fault."""
    result: _S = _struct(data, _described(cls), path)
    return result


def plain(value: Any) -> Any:
    """The reverse: dicts, lists, texts, numbers; durations and sizes with their units.

    Every key is there, but those that are empty unless somebody sets them (`unix` beside `tcp`).
    """
    if isinstance(value, msgspec.Struct):
        pairs = ((field, getattr(value, field.name)) for field in _described(type(value)).fields)
        return {
            field.encode_name: _written(item, field.type)
            for field, item in pairs
            if item is not None or field.default is not None or _is_bound(field.type)
        }
    return [plain(item) for item in value] if isinstance(value, tuple) else value


def below(path: str, key: str) -> str:
    """The path of a key in the mapping at `path`."""
    return f"{path}.{key}" if path else key


def parsed(text: str, path: str, parse: Callable[[str], _T]) -> _T:
    """The text as `parse` understands it. Raises ConfigError, with this path, for its ValueError."""
    try:
        return parse(text)
    except ValueError as error:
        raise ConfigError(path, str(error)) from None


@cache
def _described(cls: type[msgspec.Struct]) -> inspect.StructType:
    described = inspect.type_info(cls)
    assert isinstance(described, inspect.StructType)
    return described


def _written(value: Any, kind: inspect.Type) -> Any:
    form = _form(kind)
    if form == "values":
        return dict(value)
    return _WRITERS[form](value) if form and value is not None else plain(value)


def _form(kind: inspect.Type) -> str | None:
    """Says how values of the type are written, where that is not as they are."""
    if isinstance(kind, inspect.UnionType):
        return next((form for member in kind.types if (form := _form(member))), None)
    return (kind.extra or {}).get("form") if isinstance(kind, inspect.Metadata) else None


def _is_bound(kind: inspect.Type) -> bool:
    """Says whether null means that there is no limit, which is worth saying."""
    if isinstance(kind, inspect.UnionType):
        return any(_is_bound(member) for member in kind.types)
    if isinstance(kind, inspect.Metadata):
        return _form(kind) != "mode" and _is_bound(kind.type)
    return isinstance(kind, inspect.IntType | inspect.FloatType)


def _struct(data: object, kind: inspect.StructType, path: str) -> Any:
    if not isinstance(data, dict):
        raise ConfigError(path, f"expected keys and values, got {_named(data)}")
    fields = {field.encode_name: field for field in kind.fields}
    for key in data:
        if key not in fields:
            raise ConfigError(below(path, str(key)), f"unknown key; known here: {', '.join(fields)}")
    for field in fields.values():
        if field.required and field.encode_name not in data:
            raise ConfigError(path, f"{field.encode_name} is missing")
    # A list or a section with nothing under its key (all is commented out) is as if the key were not there.
    given = {k: v for k, v in data.items() if v is not None or not _may_be_empty(fields[k].type)}
    return kind.cls(
        **{fields[key].name: _value(item, fields[key].type, below(path, key)) for key, item in given.items()}
    )


def _may_be_empty(kind: inspect.Type) -> bool:
    if isinstance(kind, inspect.Metadata):
        return _may_be_empty(kind.type)
    return isinstance(kind, inspect.StructType | inspect.VarTupleType | inspect.DictType)


def _value(data: object, kind: inspect.Type, path: str) -> Any:
    if isinstance(kind, inspect.Metadata):
        if data is False and "false" in (kind.extra or {}):
            return (kind.extra or {})["false"]
        if data == "off" and "off" in (kind.extra or {}):
            return (kind.extra or {})["off"]
        if (kind.extra or {}).get("form") == "values":
            return _values(data, path)
        if form := (kind.extra or {}).get("form"):
            return _quantity(data, form, kind.type, path)
        return _value(data, kind.type, path)
    if isinstance(kind, inspect.UnionType):  # None, and one other type
        other = next(member for member in kind.types if not isinstance(member, inspect.NoneType))
        return None if data is None else _value(data, other, path)
    if isinstance(kind, inspect.StructType):
        return _struct(data, kind, path)
    if isinstance(kind, inspect.VarTupleType):
        if not isinstance(data, list | tuple):
            raise ConfigError(path, f"expected a list, got {_named(data)}")
        return tuple(_value(item, kind.item_type, f"{path}[{index}]") for index, item in enumerate(data))
    if isinstance(kind, inspect.DictType):
        if not isinstance(data, dict):
            raise ConfigError(path, f"expected keys and values, got {_named(data)}")
        return {_text(key, path): _text(item, below(path, str(key))) for key, item in data.items()}
    return _scalar(data, kind, path)


def _values(data: object, path: str) -> dict[str, str]:
    """Texts by name; what YAML made a number or a switch of is a text again."""
    if not isinstance(data, dict):
        raise ConfigError(path, f"expected keys and values, got {_named(data)}")
    return {_text(key, path): _as_text(item, below(path, str(key))) for key, item in data.items()}


def _as_text(data: object, path: str) -> str:
    if isinstance(data, bool):
        return "On" if data else "Off"
    return repr(data) if isinstance(data, int | float) else _text(data, path)


def _scalar(data: object, kind: inspect.Type, path: str) -> Any:
    if isinstance(kind, inspect.LiteralType):
        if data not in kind.values or isinstance(data, bool):
            raise ConfigError(path, f"{_shown(data)} is not one of {', '.join(map(str, kind.values))}")
        return data
    if isinstance(kind, inspect.BoolType):
        if not isinstance(data, bool):
            raise ConfigError(path, f"expected true or false, got {_named(data)}")
        return data
    if isinstance(kind, inspect.IntType | inspect.FloatType):
        whole = isinstance(kind, inspect.IntType)
        if isinstance(data, bool) or not isinstance(data, int if whole else int | float):
            raise ConfigError(path, f"expected a {'whole ' if whole else ''}number, got {_named(data)}")
        return _bounded(data if whole else float(data), kind, path)
    return _text(data, path)


def _bounded(number: Any, kind: inspect.Type, path: str) -> Any:
    assert isinstance(kind, inspect.IntType | inspect.FloatType)
    if kind.ge is not None and number < kind.ge:
        raise ConfigError(path, f"{number} is less than {kind.ge}")
    if kind.le is not None and number > kind.le:
        raise ConfigError(path, f"{number} is more than {kind.le}")
    # not >, so that nan is refused too
    if kind.gt is not None and not kind.gt < number < float("inf"):
        raise ConfigError(path, f"{number} is not more than {kind.gt}")
    return number


def _quantity(data: object, form: str, kind: inspect.Type, path: str) -> Any:
    parse, expected = _FORMS[form]
    if not isinstance(data, str):
        raise ConfigError(path, f"expected {expected}, got {_named(data)}")
    number = parsed(data, path, parse)
    if isinstance(kind, inspect.IntType | inspect.FloatType) and kind.gt is not None and number <= kind.gt:
        raise ConfigError(path, f"{data!r} is too small")
    return number


def _mode(text: str) -> int:
    if not text or len(text) > 4 or set(text) - set("01234567") or int(text, 8) > 0o777:
        raise ValueError(f'{text!r} is not an octal number ("0660")')
    return int(text, 8)


def _text(data: object, path: str) -> str:
    if isinstance(data, str):
        if "\0" in data:
            raise ConfigError(path, "contains a NUL")
        return data
    # YAML makes booleans of yes, no, on and off, and numbers of what looks like one.
    hint = " (put it in quotes)" if isinstance(data, bool | int | float) else ""
    raise ConfigError(path, f"expected text, got {_named(data)}{hint}")


def _named(data: object) -> str:
    if isinstance(data, dict):
        return "keys and values"
    if isinstance(data, list | tuple):
        return "a list"
    return "nothing" if data is None else _shown(data)


def _shown(data: object) -> str:
    if isinstance(data, bool):
        return "true" if data else "false"
    text = repr(data) if isinstance(data, str) or data is None else str(data)
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}... ({len(text)} characters)"
