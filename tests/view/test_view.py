"""The view: docs/wire.md, "The view"."""

from __future__ import annotations

import time
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from growth import grows
from inditree.view.fold import fold, parse
from inditree.view.properties import PENDING_LIMIT, Property, Recent, View, Weight
from inditree.wire.framer import Framer
from inditree.wire.trust import DRIVER
from view.model import hear

DEFINITION = (
    b'<defNumberVector device="D" name="N" state="Idle" perm="rw" timeout="1" message="new">'
    b'<defNumber name="a" label="A" min="0" max="9" step="1" format="%g">1</defNumber>'
    b'<defNumber name="b" label="B" min="0" max="9" step="1" format="%g">2</defNumber></defNumberVector>\n'
)


def seen(*updates: bytes, reads: int = 1) -> Property:
    """The property after some elements in one read, or in as many as there are elements."""
    view = View()
    framer = Framer(lambda head: view, 1 << 20, 1 << 20, DRIVER)
    hear(view, framer, DEFINITION)
    for data in [b"\n".join(updates)] if reads == 1 else updates:
        hear(view, framer, data + b"\n")
    known = view.find("D", "N")
    assert known is not None
    return known


def number(name: str, **members: object) -> bytes:
    """A set* with a state."""
    ones = "".join(f'<oneNumber name="{key}">{value}</oneNumber>' for key, value in members.items())
    return f'<setNumberVector device="D" name="{name}" state="Ok">{ones}</setNumberVector>'.encode()


def values(known: Property) -> list[str | None]:
    return [member.text for member in parse(known.current())]


def test_an_untouched_definition_is_passed_on_byte_for_byte() -> None:
    assert seen().current() == DEFINITION
    assert seen(number("M", a=5)).current() == DEFINITION


def test_only_the_last_complete_element_is_kept() -> None:
    known = seen(*(number("N", a=i, b=i) for i in range(100)))
    assert known._pending == [number("N", a=99, b=99)]
    assert values(known) == ["99", "99"]
    assert known._pending == []


def test_the_message_of_the_definition_stays_and_that_of_a_set_is_not_said_again() -> None:
    update = number("N", a=5).replace(b">", b' message="hot">', 1)
    assert parse(seen(update).current()).get("message") == "new"


def test_a_partial_element_changes_what_it_names() -> None:
    assert values(seen(number("N", a=5, b=6), number("N", b=7), number("N", unknown=8))) == ["5", "7"]


def test_naming_a_member_twice_does_not_make_an_element_complete() -> None:
    twice = b'<oneNumber name="a">7</oneNumber><oneNumber name="a">8</oneNumber>'
    update = b'<setNumberVector device="D" name="N" state="Ok">' + twice + b"</setNumberVector>"
    assert values(seen(number("N", a=5, b=6), update)) == ["8", "6"]


@pytest.mark.parametrize("key", ["timeout", "timestamp"])
def test_what_a_later_element_does_not_say_stays(key: str) -> None:
    update = number("N", a=5, b=6).replace(b">", f' {key}="60">'.encode(), 1)
    for updates in ((update, number("N", a=7, b=7)), (number("N", a=4, b=4), update, number("N", a=7, b=7))):
        for reads in (1, 3):
            known = seen(*updates, reads=reads)
            assert parse(known.current()).get(key) == "60"
            assert values(known) == ["7", "7"]


def test_limits_that_a_set_changed_stay() -> None:
    update = number("N", a=5, b=6).replace(b'name="a"', b'name="a" min="-1" max="100" step="0.5"')
    members = list(parse(seen(update, number("N", a=7, b=7)).current()))
    assert members[0].attrib == {"name": "a", "label": "A", "min": "-1", "max": "100", "step": "0.5", "format": "%g"}
    assert members[1].get("max") == "9"


def test_a_set_of_another_kind_changes_nothing() -> None:
    update = b'<setTextVector device="D" name="N" state="Ok"><oneText name="a">x</oneText></setTextVector>'
    assert values(seen(update)) == ["1", "2"]
    assert parse(seen(update).current()).get("state") == "Idle"


def test_members_of_another_kind_change_nothing() -> None:
    update = number("N", a=5, b=6).replace(b"oneNumber", b"oneText")
    assert values(seen(update)) == ["1", "2"]


def test_elements_of_another_kind_in_the_same_read_do_not_bring_old_values_back() -> None:
    text = b'<setTextVector device="D" name="N" state="Ok"></setTextVector>'
    updates = [number("N", a=i, b=i) for i in range(3)]
    assert values(seen(updates[0], text, updates[1], text, updates[2])) == ["2", "2"]


def test_neighbours_in_a_read_do_not_mix() -> None:
    broken = number("M", a=5).replace(b">5<", b">a & b<")
    assert values(seen(number("N", a=5), broken, number("N", b=6), broken)) == ["5", "6"]


def test_a_broken_update_is_repaired_or_left_out() -> None:
    assert values(seen(number("N", a=5, b=6), number("N", a=7, b="&"))) == ["7", "&"]
    assert values(seen(number("N", a=5, b=6), number("N", a=7, b="<oneNumber name='c'>"))) == ["5", "6"]


def test_a_broken_or_deep_definition_stays_as_it_is() -> None:
    for inside in (b"&", b"<a>" * 100_000 + b"</a>" * 100_000):
        broken = DEFINITION.replace(b">1<", b">" + inside + b"<")
        assert fold(broken, [number("N", a=5, b=6)]) == broken
    deep = number("N", a="<a>" * 100_000 + "</a>" * 100_000)
    assert fold(DEFINITION, [deep]).startswith(b"<defNumberVector")


def test_latin_1_and_entities() -> None:
    definition = (
        b'<defTextVector device="D" name="N" label="\xb0"><defText name="a&amp;b">\xb0</defText></defTextVector>\n'
    )
    update = b'<setTextVector device="D" name="N"><oneText name="a&#38;b">20 \xb0 &lt;</oneText></setTextVector>\n'
    assert fold(definition, [update]) == (
        b'<defTextVector device="D" name="N" label="\xc2\xb0"><defText name="a&amp;b">20 \xc2\xb0 &lt;</defText>'
        b"</defTextVector>\n"
    )


def test_strange_attribute_names_survive() -> None:
    definition = DEFINITION.replace(b"<defNumberVector", b'<defNumberVector xmlns="x" a:b="c"')
    assert fold(definition, [number("N", a=5, b=6)]).startswith(b'<defNumberVector xmlns="x" a:b="c" device="D"')


def test_the_state_of_a_blob_is_kept_and_never_its_data() -> None:
    view = View()
    framer = Framer(lambda head: view, 1 << 20, 1 << 20)
    hear(view, framer, b'<defBLOBVector device="D" name="B" state="Idle"><defBLOB name="a"/></defBLOBVector>\n')
    one = b'<oneBLOB name="a" size="3" format=".x">AAAA</oneBLOB>'
    hear(view, framer, b'<setBLOBVector device="D" name="B" state="Ok" timestamp="2">' + one + b"</setBLOBVector>\n")
    known = view.find("D", "B")
    assert known is not None
    root = parse(known.current())
    assert (root.get("state"), root.get("timestamp"), root[0].text) == ("Ok", "2", None)


def test_what_is_kept_for_a_property_is_bounded() -> None:
    known = seen(*(number("N", a=i) for i in range(10_000)))
    assert sum(map(len, known._pending)) <= PENDING_LIMIT
    assert values(known) == ["9999", "2"]


def test_matching() -> None:
    view = View()
    for device, name in (("D", "N"), ("D", "M"), ("E", "N")):
        view.define("defTextVector", device, name, b"<defTextVector/>\n")

    def names(device: str | None, name: str | None) -> list[tuple[str, str]]:
        return [(each, known.name) for each, known in view.matching(device, name)]

    assert names(None, None) == [("D", "N"), ("D", "M"), ("E", "N")]
    assert names("D", None) == [("D", "N"), ("D", "M")]
    assert names(None, "N") == [("D", "N"), ("E", "N")]
    assert names("D", "M") == [("D", "M")]
    assert names("X", None) == names("D", "X") == []
    view.delete("D", "N")
    assert names("D", None) == [("D", "M")]
    view.delete("E", None)
    view.delete("X", "Y")
    assert names(None, None) == [("D", "M")]


def test_many_properties_in_turn_cost_no_more_than_one() -> None:
    """Whoever shares a read must not look through the reads of all others."""

    def seconds(properties: int, members: str) -> float:
        view = View()
        framer = Framer(lambda head: view, 1 << 20, 1 << 20)
        for i in range(properties):
            view.define("defNumberVector", "D", f"N{i}", DEFINITION)
        data = b"".join(number(f"N{i % properties}", **dict.fromkeys(members, i)) + b"\n" for i in range(1200))
        begin = time.process_time()
        hear(view, framer, data)
        return time.process_time() - begin

    for members in ("ab", "a"):
        grows(lambda properties, members=members: seconds(properties, members), 1, 400, times=8)  # type: ignore[misc]


def test_what_a_body_swallows_costs_nothing_but_what_it_says() -> None:
    """A body may hold what looks like the start of another element, and swallow the next start with its open quote."""
    view = View()
    framer = Framer(lambda head: view, 1 << 20, 1 << 20, DRIVER)
    hear(view, framer, DEFINITION)
    odd = number("M", a=1).replace(b">1<", b'><setNumberVector device="D" name="<')
    hear(view, framer, b"\n".join([odd, number("N", a=5), odd, number("N", a=6)]) + b"\n")
    known = view.find("D", "N")
    assert known is not None
    assert values(known) == ["6", "2"]


def test_the_weight_of_all_is_kept_as_it_changes() -> None:
    """It is asked for with each element of a stranger: nobody may have to add it up."""
    view, weight = View(), Weight()
    framer = Framer(lambda head: view, 1 << 20, 1 << 20)

    def right() -> bool:
        return weight.bytes == sum(each.weight for _, each in view.matching(None, None)) > 0

    for name in ("N", "M"):
        view.define("defNumberVector", "D", name, DEFINITION, weight=weight)
        assert right()
    before = weight.bytes
    hear(view, framer, number("N", a=5) + b"\n" + number("N", a=6, b=7) + b"\n" + number("N", b=7) + b"\n")
    assert right() and weight.bytes > before
    known = view.find("D", "N")
    assert known is not None
    known.current()
    assert right()
    view.define("defNumberVector", "D", "N", DEFINITION, weight=weight)
    assert right()
    view.delete("D", "N")
    assert right()
    view.define("defNumberVector", "D", "N", DEFINITION, weight=weight)
    view.delete("D", None)
    assert weight.bytes == 0


def test_the_names_of_members_are_weighed() -> None:
    """They are kept beside the definition that holds them."""
    members = "".join(f'<defNumber name="{i:050}">1</defNumber>' for i in range(500))
    definition = f'<defNumberVector device="D" name="N" state="Idle">{members}</defNumberVector>\n'.encode()
    view = View()
    framer = Framer(lambda head: view, 1 << 20, 1 << 20)
    view.define("defNumberVector", "D", "N", definition)
    tracemalloc.start()
    try:
        begin = tracemalloc.get_traced_memory()[0]
        hear(view, framer, number("N", x=1) + b"\n")
        taken = tracemalloc.get_traced_memory()[0] - begin
    finally:
        tracemalloc.stop()
    known = view.find("D", "N")
    assert known is not None
    assert known.weight - len(definition) > 0.8 * taken


@pytest.mark.parametrize(
    ("update", "stale"),
    [
        (number("N", a=1, b=2), False),
        (number("N", a=1), False),
        (number("N"), False),
        (number("N", a=1, b=2, c=3), True),
        (number("N", c=3), True),
        (number("N", c=3).replace(b'"', b"'").replace(b" ", b"\n  "), True),
        (number("N", a=1).replace(b'"a"', b'"&#97;"'), False),
        (number("N", c=1).replace(b">1<", b">&<"), False),  # not to be read
        (number("N", c=3).replace(b"Number", b"Text"), False),  # of another kind
    ],
)
def test_an_update_that_names_a_member_which_is_not_defined_shows_an_old_definition(update: bytes, stale: bool) -> None:
    known = seen()
    assert known.store(update + b"\n", 0, 0, len(update)) is stale
    assert known.store(update + b"\n", 0, 0, len(update)) is stale


def test_a_definition_that_cannot_be_read_is_not_called_old() -> None:
    view = View()
    view.define("defNumberVector", "D", "N", DEFINITION.replace(b">1<", b">&<"))
    known = view.find("D", "N")
    assert known is not None
    assert not known.store(number("N", c=1), 0, 0, len(number("N", c=1)))


def test_images_of_a_member_which_is_not_defined_show_an_old_definition() -> None:
    known = seen()
    assert not known.lacks(["a", "b"])
    assert known.lacks(["a", "c"])


def test_names_are_parsed_once_for_each_shape(monkeypatch: pytest.MonkeyPatch) -> None:
    known = seen(number("N", c=1))
    monkeypatch.setattr("inditree.view.properties.member_names", lambda data: pytest.fail("parsed again"))
    for value in range(5):
        update = number("N", c=value)
        assert known.store(update, 0, 0, len(update))


CHANGES = [
    {"state": "Ok", "timestamp": "1"},
    {"state": "Busy"},
    {"state": "Idle", "timeout": "9"},
    {"timestamp": "3"},
    {"state": "Alert", "timestamp": "4", "timeout": "2"},
]


@given(st.lists(st.sampled_from(CHANGES), max_size=6), st.sampled_from(["defBLOBVector", "defNumberVector"]))
def test_the_start_tags_of_images_fold_as_any_updates_do(changes: list[dict[str, str]], tag: str) -> None:
    definition = f'<{tag} device="D" name="B" state="Idle" perm="ro"></{tag}>\n'.encode()
    known = Property(tag, "D", "B", definition, "", Recent(), Weight())
    updates = []
    for change in changes:
        said = "".join(f' {key}="{value}"' for key, value in change.items())
        updates.append(f'<setBLOBVector device="D" name="B"{said}/>'.encode())
        known.store_image(updates[-1], change)
    before = len(known.pending)
    assert parse(known.current()).attrib == parse(fold(definition, updates)).attrib
    if changes and tag == "defBLOBVector" and set(changes[-1]) == {"state", "timestamp", "timeout"}:
        assert before == 1  # what said less is not kept
