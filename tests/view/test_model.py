"""Random definitions, updates and deletions: the view answers as a straightforward model does."""

from __future__ import annotations

from unittest import mock

from hypothesis import given, settings
from hypothesis import strategies as st

from inditree.view import properties
from inditree.view.fold import parse
from inditree.view.properties import View
from inditree.wire.framer import Framer
from inditree.wire.mend import to_utf8
from view.model import Model, Said, hear, reads, write


@settings(max_examples=250, deadline=None, database=None)
@given(reads(), st.sampled_from([100, 64 * 1024]))
def test_as_the_model_does(all_reads: list[tuple[bool, list[tuple[Said, str]]]], pending_limit: int) -> None:
    view, model = View(), Model()
    framer = Framer(lambda head: view, 1 << 20, 1 << 20)
    with mock.patch.object(properties, "PENDING_LIMIT", pending_limit):
        for asked, read in all_reads:
            data = b""
            for said, layout in read:
                written = write(said, layout)
                model.hear(said, to_utf8(written.removeprefix(b"<?xml version='1.0'?>\n"))[0])
                data += written
            hear(view, framer, data)
            if asked:
                _compare(view, model)
        _compare(view, model)


def _compare(view: View, model: Model) -> None:
    defined = {name for name, known in model.devices.items() if known}
    assert {device for device, _ in view.matching(None, None)} == defined
    for device, known in model.devices.items():
        found = list(view.matching(device, None))
        assert [(each, one.name) for each, one in found] == [(device, name) for name in known]
        for _, one in found:
            wanted = known[one.name]
            current = one.current()
            assert current.endswith(b">\n")
            if not wanted.touched:
                assert current == wanted.definition
                continue
            root = parse(current)
            assert root.tag == one.tag == f"def{wanted.kind}Vector"
            assert root.attrib == wanted.attributes
            assert [(each.tag, each.attrib, each.text or "") for each in root] == [
                (f"def{wanted.kind}", attributes, text) for attributes, text in wanted.members.values()
            ]
