"""What one peer wants to hear, apart from how it came to be asked."""

from __future__ import annotations

from inditree.core.wishes import Wishes


def test_nothing_at_first() -> None:
    wishes = Wishes()
    assert not wishes.hears("setNumberVector", "Cam", "P")
    assert not wishes.hears_blob("Cam", "P")
    assert not wishes.interested("Cam", None)
    assert not list(wishes.asked())
    assert not list(wishes.blobs())


def test_asking_says_whether_the_interest_has_grown() -> None:
    wishes = Wishes()
    steps = [("Cam", "P"), ("Cam", "P"), ("Cam", None), ("Cam", None), (None, None)]
    assert [wishes.ask(*step) for step in steps] == [True, False, True, False, False]
    wishes = Wishes()
    steps = [(None, None), (None, None), ("Cam", None)]
    assert [wishes.ask(*step) for step in steps] == [True, False, True]


def test_using_a_device_grows_no_interest_in_all() -> None:
    wishes = Wishes()
    wishes.ask(None, None)
    assert not wishes.use("Cam")
    other = Wishes()
    assert other.use("Cam")
    assert not other.use("Cam")
    assert other.specific and not wishes.specific


def test_who_asked_for_a_property_hears_of_its_device_as_such() -> None:
    wishes = Wishes()
    wishes.ask("Cam", "P")
    assert wishes.hears("delProperty", "Cam", None)
    assert wishes.hears("message", "Cam", None)
    assert not wishes.hears("delProperty", "Cam", "Q")
    assert not wishes.hears("message", "Mount", None)


def test_the_narrower_blob_mode_counts() -> None:
    wishes = Wishes()
    wishes.set_blob("Only", None, None)
    wishes.set_blob("Also", "Cam", None)
    wishes.set_blob("Never", "Cam", "CCD")
    assert wishes.blob_mode("Mount", "CCD") == "Only"
    assert wishes.blob_mode("Cam", "Other") == "Also"
    assert wishes.blob_mode("Cam", "CCD") == "Never"
    assert wishes.blob_mode("Cam", None) == "Also"


def test_a_wish_for_images_alone_brings_none() -> None:
    wishes = Wishes()
    wishes.set_blob("Also", "Cam", None)
    assert not wishes.hears_blob("Cam", "CCD")
    wishes.ask("Cam", "CCD")
    assert wishes.hears_blob("Cam", "CCD")


def test_all_wishes_can_be_told() -> None:
    wishes = Wishes()
    wishes.ask("Cam", "P")
    wishes.ask("Mount", None)
    wishes.set_blob("Also", None, None)
    wishes.set_blob("Only", "Cam", None)
    wishes.set_blob("Never", "Cam", "CCD")
    assert sorted(wishes.asked()) == [("Cam", "P"), ("Mount", "")]
    assert list(wishes.blobs()) == [("", None, "Also"), ("Cam", None, "Only"), ("Cam", "CCD", "Never")]
