"""What one peer wants to hear, apart from how it came to be asked."""

from __future__ import annotations

from inditree.core.subscription import Subscription


def test_nothing_at_first() -> None:
    subscription = Subscription()
    assert not subscription.hears("setNumberVector", "Cam", "P")
    assert not subscription.hears_blob("Cam", "P")
    assert not subscription.interested("Cam", None)
    assert not list(subscription.named())
    assert not list(subscription.blobs())


def test_asking_says_whether_the_interest_has_grown() -> None:
    subscription = Subscription()
    steps = [("Cam", "P"), ("Cam", "P"), ("Cam", None), ("Cam", None), (None, None)]
    assert [subscription.add(*step) for step in steps] == [True, False, True, False, False]
    subscription = Subscription()
    steps = [(None, None), (None, None), ("Cam", None)]
    assert [subscription.add(*step) for step in steps] == [True, False, True]


def test_using_a_device_grows_no_interest_in_all() -> None:
    subscription = Subscription()
    subscription.add(None, None)
    assert not subscription.add_interest("Cam")
    other = Subscription()
    assert other.add_interest("Cam")
    assert not other.add_interest("Cam")
    assert other.specific and not subscription.specific


def test_who_asked_for_a_property_hears_of_its_device_as_such() -> None:
    subscription = Subscription()
    subscription.add("Cam", "P")
    assert subscription.hears("delProperty", "Cam", None)
    assert subscription.hears("message", "Cam", None)
    assert not subscription.hears("delProperty", "Cam", "Q")
    assert not subscription.hears("message", "Mount", None)


def test_the_narrower_blob_mode_counts() -> None:
    subscription = Subscription()
    subscription.set_blob("Only", None, None)
    subscription.set_blob("Also", "Cam", None)
    subscription.set_blob("Never", "Cam", "CCD")
    assert subscription.blob_mode("Mount", "CCD") == "Only"
    assert subscription.blob_mode("Cam", "Other") == "Also"
    assert subscription.blob_mode("Cam", "CCD") == "Never"
    assert subscription.blob_mode("Cam", None) == "Also"


def test_a_wish_for_images_alone_brings_none() -> None:
    subscription = Subscription()
    subscription.set_blob("Also", "Cam", None)
    assert not subscription.hears_blob("Cam", "CCD")
    subscription.add("Cam", "CCD")
    assert subscription.hears_blob("Cam", "CCD")


def test_all_wishes_can_be_told() -> None:
    subscription = Subscription()
    subscription.add("Cam", "P")
    subscription.add("Mount", None)
    subscription.set_blob("Also", None, None)
    subscription.set_blob("Only", "Cam", None)
    subscription.set_blob("Never", "Cam", "CCD")
    assert sorted(subscription.named()) == [("Cam", "P"), ("Mount", "")]
    assert list(subscription.blobs()) == [("", None, "Also"), ("Cam", None, "Only"), ("Cam", "CCD", "Never")]
