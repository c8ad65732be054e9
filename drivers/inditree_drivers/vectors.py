"""Short ways to write down INDI properties with the classes of indipydriver.

Property and member names, groups and rules follow what libindi's simulators define: that is what clients look for.
"""

from collections.abc import Iterable

from indipydriver import (
    BLOBMember,
    BLOBVector,
    LightMember,
    LightVector,
    NumberMember,
    NumberVector,
    SwitchMember,
    SwitchVector,
    TextMember,
    TextVector,
)

MAIN = "Main Control"
OPTIONS = "Options"
SITE = "Site Management"


def plain(value: float) -> str:
    """The shortest decimal text that keeps 15 digits: `1`, `0.5`, `12.3456789`."""
    return format(value, ".15g")


def number(
    name: str, label: str, value: float = 0, low: float = 0, high: float = 0, step: float = 0, form: str = "%g"
) -> NumberMember:
    """One member of a number vector; `low == high` means that it has no bounds (INDI white paper)."""
    return NumberMember(name, label, form, plain(low), plain(high), plain(step), plain(value))


def numbers(name: str, label: str, group: str, *members: NumberMember, perm: str = "rw") -> NumberVector:
    return NumberVector(name, label, group, perm, "Idle", list(members))


def switches(
    name: str,
    label: str,
    group: str,
    members: dict[str, str],
    *,
    on: str = "",
    rule: str = "OneOfMany",
    perm: str = "rw",
) -> SwitchVector:
    """A switch vector; `members` maps names to labels and `on` names the one that starts On."""
    made = [SwitchMember(key, text, "On" if key == on else "Off") for key, text in members.items()]
    return SwitchVector(name, label, group, perm, rule, "Idle", made)


def button(name: str, label: str, group: str, member: str, text: str) -> SwitchVector:
    """A switch that is pressed and springs back, such as an abort."""
    return switches(name, label, group, {member: text}, rule="AtMostOne")


def texts(
    name: str, label: str, group: str, members: Iterable[tuple[str, str, str]], *, perm: str = "rw"
) -> TextVector:
    """A text vector; each member is (name, label, value)."""
    return TextVector(name, label, group, perm, "Idle", [TextMember(key, text, value) for key, text, value in members])


def lights(name: str, label: str, group: str, members: dict[str, str]) -> LightVector:
    return LightVector(name, label, group, "Idle", [LightMember(key, text) for key, text in members.items()])


def blob(name: str, label: str, group: str) -> BLOBVector:
    """A read-only BLOB vector with one member of its own name."""
    return BLOBVector(name, label, group, "ro", "Idle", [BLOBMember(name, label)])
