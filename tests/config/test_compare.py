"""What a reload has to do."""

from __future__ import annotations

from msgspec.structs import replace

from inditree import config
from inditree.config import Difference, Driver, Remote, compare

_BEFORE = config.load(
    """
listen: [{tcp: "h:1", name: a}, {tcp: "h:2"}]
drivers: [{exec: [stays]}, {exec: [changes]}, {exec: [goes]}]
remotes: [{host: r}]
"""
)


def test_nothing_changed() -> None:
    assert not compare(_BEFORE, _BEFORE)
    assert not compare(_BEFORE, replace(_BEFORE, drivers=tuple(reversed(_BEFORE.drivers))))


def test_what_came_went_and_changed() -> None:
    after = config.load(
        """
listen: [{tcp: "h:1", name: a, access: read-only}, {tcp: "h:3"}]
drivers: [{exec: [comes]}, {exec: [changes], required: true}, {exec: [stays]}]
remotes: [{host: r}, {host: r, port: 7625}]
log: {level: debug}
definitions: forwarded
"""
    )
    changes = compare(_BEFORE, after)
    assert changes.drivers == Difference(
        added=(Driver(name="comes", exec=("comes",)),),
        removed=("goes",),
        changed=(Driver(name="changes", exec=("changes",), required=True),),
    )
    assert changes.remotes == Difference(added=(Remote(host="r", port=7625, name="r:7625"),))
    assert [entry.name for entry in changes.listen.changed] == ["a"]
    assert [entry.name for entry in changes.listen.added] == ["h:3"]
    assert changes.listen.removed == ("h:2",)
    assert changes.sections == ("definitions", "log")


def test_a_section_alone_is_a_change() -> None:
    changes = compare(_BEFORE, config.complete(replace(_BEFORE, name="another")))
    assert changes
    assert changes.sections == ("name",)
    assert not changes.drivers
