"""YAML as a configuration has it. Loaded where a file is read or written: PyYAML takes 20 ms of a start."""

from __future__ import annotations

import re
from collections.abc import Hashable
from typing import Any

import yaml

from inditree.errors import ConfigError


class _Loader(yaml.SafeLoader):
    """Refuses a key that is given twice, where PyYAML takes the last one.

    Aliases need no bound: the types say how deep the data is looked at.
    """

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: set[object] = set()
        for key_node, _ in node.value:
            if key_node.tag == "tag:yaml.org,2002:merge":
                continue
            key = self.construct_object(key_node, deep=True)
            if not isinstance(key, str):
                raise yaml.constructor.ConstructorError(None, None, f"key {key!r} is not text", key_node.start_mark)
            if key in seen:
                raise yaml.constructor.ConstructorError(None, None, f"key {key!r} given twice", key_node.start_mark)
            seen.add(key)
        return super().construct_mapping(node, deep=deep)


class _Dumper(yaml.SafeDumper):
    """Quotes what PyYAML writes plainly but reads as a line break."""


def _represent_text(dumper: yaml.SafeDumper, text: str) -> yaml.Node:
    style = '"' if re.search("[\\x85\\u2028\\u2029\\ufeff]", text) else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _represent_text)


def load(text: str) -> object:
    """The data in a text of YAML, None for an empty one. Raises ConfigError."""
    try:
        return yaml.load(text, _Loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
        problem = error.problem or error.context
        if problem == "but found another document":
            problem = "a second document begins (---): a configuration is one document"
        raise ConfigError("", f"{where}{problem}") from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise ConfigError("", f"not YAML: {str(error).splitlines()[0]}") from None


def dump(data: object) -> str:
    """The data as YAML."""
    return yaml.dump(data, Dumper=_Dumper, sort_keys=False, allow_unicode=True, default_flow_style=None, width=110)
