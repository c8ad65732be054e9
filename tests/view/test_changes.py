"""What a newer definition says: docs/wire.md, "A definition that is old"."""

from __future__ import annotations

import pytest

from inditree.view.changes import redefines, update

OLD = (
    b'<defNumberVector device="D" name="N" label="l" group="g" state="Idle" perm="rw" timeout="1">'
    b'<defNumber name="a" label="A" min="0" max="9" step="1" format="%g">1</defNumber>'
    b'<defNumber name="b" label="B" min="0" max="9" step="1" format="%g">2</defNumber></defNumberVector>\n'
)
SWITCH = (
    b"<defSwitchVector device='D' name='S' state='Idle' perm='rw' rule='OneOfMany'>"
    b"<defSwitch name='a'>On</defSwitch></defSwitchVector>\n"
)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (OLD, OLD.replace(b'"b"', b'"c"')),
        (OLD, OLD.replace(b"</defNumberVector>", b'<defNumber name="c">3</defNumber></defNumberVector>')),
        (OLD, OLD.replace(b'"rw"', b'"ro"')),
        (SWITCH, SWITCH.replace(b"OneOfMany", b"AnyOfMany")),
        (OLD, OLD.replace(b"Number", b"Text")),
        (OLD, OLD.replace(b">2<", b">&<")),
    ],
)
def test_kind_members_permission_and_rule_make_another_definition(old: bytes, new: bytes) -> None:
    assert redefines(old, new)


@pytest.mark.parametrize(
    "new", [OLD, OLD.replace(b">2<", b">3<"), OLD.replace(b'"B"', b'"X"'), OLD.replace(b'"', b"'")]
)
def test_values_labels_and_spelling_do_not(new: bytes) -> None:
    assert not redefines(OLD, new)


def test_what_is_equal_is_not_said() -> None:
    assert update(OLD, OLD.replace(b">2<", b">\n 2\n<").replace(b'"B"', b'"X"')) is None
    assert update(SWITCH, SWITCH) is None


def test_changed_values_are_a_set_of_all() -> None:
    new = OLD.replace(b">2<", b">3<").replace(b"Idle", b"Ok").replace(b'timeout="1"', b'timeout="1" timestamp="T"')
    assert update(OLD, new) == (
        b'<setNumberVector device="D" name="N" state="Ok" timeout="1" timestamp="T">'
        b'<oneNumber name="a">1</oneNumber><oneNumber name="b">3</oneNumber></setNumberVector>\n'
    )


def test_limits_that_differ_are_said() -> None:
    told = update(OLD, OLD.replace(b'max="9" step="1" format="%g">2', b'max="99" step="1" format="%g">2'))
    assert told is not None
    assert b'<oneNumber name="a">1</oneNumber><oneNumber name="b" max="99">2</oneNumber>' in told


def test_of_a_blob_only_the_state() -> None:
    old = b"<defBLOBVector device='D' name='B' state='Idle' perm='ro'><defBLOB name='a'/></defBLOBVector>\n"
    new = old.replace(b"Idle", b"Busy")
    assert update(old, new) == b'<setBLOBVector device="D" name="B" state="Busy" />\n'
