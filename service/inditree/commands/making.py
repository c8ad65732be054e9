"""A `new*` from values that a person or a program gives, as any driver takes it. Pure."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Mapping

from inditree.commands.following import Asked
from inditree.envelope import number
from inditree.envelope.numbers import spell
from inditree.envelope.requests import escape, new_vector


class CommandError(ValueError):
    """A command that cannot be made; the text says of which member and why."""


def made(definition: ET.Element, values: Mapping[str, str]) -> tuple[Asked, bytes]:
    """The command that sets these members of a property, and its element.

    `definition` is the property as it is now. Numbers (sexagesimal ones too) and texts that are not named go out with
    their present values, switches as the rule says: with OneOfMany and AtMostOne the others are off. Raises
    CommandError for what the property cannot take.
    """
    kind, device, name = definition.tag[3:-6], definition.get("device", ""), definition.get("name", "")
    if kind not in ("Text", "Number", "Switch"):
        raise CommandError(f"{device}.{name} is a property of {'lights' if kind == 'Light' else 'images'}")
    if definition.get("perm") == "ro":
        raise CommandError(f"{device}.{name} is read-only")
    present = {member.get("name", ""): (member.text or "").strip() for member in definition}
    for member in values:
        if member not in present:
            raise CommandError(f"{device}.{name} has no member {member} (it has {', '.join(present) or 'none'})")
    asked = {member: _value(kind, f"{device}.{name}.{member}", text) for member, text in values.items()}
    whole = _switched(present, asked, definition.get("rule", "")) if kind == "Switch" else {**present, **asked}
    items = [(member, escape(text)) for member, text in whole.items()]
    return Asked(device, name, kind, asked), new_vector(kind, device, name, items)


def _value(kind: str, where: str, text: str) -> str:
    if kind == "Switch":
        if text.strip().capitalize() not in ("On", "Off"):
            raise CommandError(f"{where}: {text!r} is neither On nor Off")
        return text.strip().capitalize()
    if kind == "Number":
        value = number(text)
        if value is None:
            raise CommandError(f"{where}: {text!r} is not a number")
        return spell(value)
    return text


def _switched(present: Mapping[str, str], asked: Mapping[str, str], rule: str) -> dict[str, str]:
    if rule == "AnyOfMany":
        return {**present, **asked}
    on = [member for member, text in asked.items() if text == "On"]
    if len(on) > 1:
        raise CommandError(f"only one of {', '.join(on)} can be On")
    if on:
        return {member: "On" if member in on else "Off" for member in present}
    if rule == "OneOfMany":
        kept = [member for member, text in present.items() if text == "On" and member not in asked]
        if not kept:
            raise CommandError(f"one of {', '.join(present)} has to be On")
    return {**present, **asked}
