"""Ownership, paths, loss and return."""

from __future__ import annotations

import pytest

from inditree.core import backpressure
from inditree.tree import paths
from tree.desk import ME, OTHER, THIRD, Desk, camera, gone, image, new, number, value


def test_a_message_of_a_device_does_not_go_back_over_a_spare_link() -> None:
    desk = Desk()
    one, two, watcher = desk.router(OTHER, "one"), desk.router(OTHER, "two"), desk.watcher()
    for link in (one, two):
        link.says(number("Cam", via=OTHER))
    watcher.heard(), two.heard()
    one.says('<message device="Cam" message="cold"/>')
    assert watcher.heard() == '<message device="Cam" message="cold"/>\n'
    assert two.heard() == ""


def test_a_definition_goes_on_with_our_id_and_not_to_who_stands_in_its_path() -> None:
    desk = Desk()
    one, two, spare = desk.router(OTHER, "one"), desk.router(THIRD, "two"), desk.router(OTHER, "spare")
    one.says(number("Cam", via=f"R9.1,{OTHER}"))
    assert f'via="R9.1,{OTHER},{ME}"' in two.heard()
    assert spare.heard() == ""


def test_what_is_set_is_not_sent_to_who_stands_in_the_path() -> None:
    desk = Desk()
    one, two, spare = desk.router(OTHER, "one"), desk.router(THIRD, "two"), desk.router(OTHER, "spare")
    one.says(number("Cam", via=OTHER))
    two.heard()
    one.says(value("Cam"))
    assert value("Cam") in two.heard()
    assert spare.heard() == one.heard() == ""


def test_an_image_is_not_sent_to_who_stands_in_the_path_though_it_wanted_it_before() -> None:
    desk = Desk()
    one, two = desk.router(OTHER, "one"), desk.router(THIRD, "two")
    two.says(camera(via=THIRD))
    one.says('<enableBLOB device="Cam" name="B">Also</enableBLOB>')
    two.says(image())
    assert image() in one.heard()
    two.says(gone("Cam"), camera(via=f"{OTHER},{THIRD}"))
    one.heard()
    two.says(image())
    assert one.heard() == ""


def test_a_link_is_not_asked_for_images_that_only_a_router_in_their_path_wanted() -> None:
    desk = Desk()
    one, two = desk.router(OTHER, "one"), desk.router(THIRD, "two")
    two.says(camera(via=THIRD))
    one.says('<enableBLOB device="Cam" name="B">Also</enableBLOB>')
    assert ">Also<" in two.heard()
    two.says(gone("Cam"), camera(via=f"{OTHER},{THIRD}"))
    assert ">Never<" in two.heard()
    two.says(gone("Cam"), camera(via=THIRD))
    assert ">Also<" in two.heard()


def test_a_definition_that_names_us_is_refused_and_from_the_owner_it_is_the_loss() -> None:
    desk = Desk()
    watcher, one, two = desk.watcher(), desk.router(OTHER, "one"), desk.router(THIRD, "two")
    two.says(number("Mount", via=f"{ME},{THIRD}"))
    assert watcher.heard() == ""
    one.says(number("Cam", via=OTHER))
    watcher.heard()
    one.says(number("Cam", via=f"R9.1,{ME},{OTHER}"))
    assert watcher.heard() == gone("Cam") + "\n"


def test_a_lost_device_is_asked_for_everywhere_after_the_pause_and_the_first_answer_owns_it() -> None:
    desk = Desk()
    watcher, one, two = desk.watcher(), desk.router(OTHER, "one"), desk.router(THIRD, "two")
    one.says(number("Cam", via=OTHER))
    two.says(number("Cam", via=f"{OTHER},{THIRD}"))
    watcher.heard(), one.heard(), two.heard()
    one.says(gone("Cam"))
    assert watcher.heard() == gone("Cam") + "\n"
    assert two.heard() == gone("Cam") + "\n"
    assert one.heard() == ""
    two.says(number("Cam", via=f"{OTHER},{THIRD}"))  # what still travels of the old order
    desk.wait(0.29)
    assert watcher.heard() == one.heard() == two.heard() == ""
    desk.wait(0.02)
    ask = '<getProperties version="1.7" device="Cam"/>\n'
    assert (one.heard(), two.heard()) == (ask, ask)
    two.says(number("Cam", via=f"R9.1,{THIRD}"))
    assert 'device="Cam"' in watcher.heard()


def test_the_pause_ends_in_time_whatever_else_wakes_the_router() -> None:
    desk = Desk()
    one = desk.router()
    one.says(number("Cam", via=OTHER), gone("Cam"))
    one.heard()
    desk.world.run(until=0.1)
    desk.node.tick()  # the one timer of the engine was for something earlier
    desk.world.run(until=0.4)
    assert 'device="Cam"' in one.heard()


def test_a_driver_of_ours_is_believed_at_once() -> None:
    desk = Desk()
    watcher, one, driver = desk.watcher(), desk.router(), desk.driver()
    one.says(number("Cam", via=OTHER))
    driver.says(number("Cam"))
    driver.heard()
    one.says(gone("Cam"))
    assert driver.heard() == '<getProperties version="1.7" device="Cam"/>\n'
    watcher.heard()
    driver.says(number("Cam"))
    assert 'device="Cam"' in watcher.heard()


def test_a_device_that_was_refused_is_not_taken_over_in_the_middle() -> None:
    desk = Desk()
    watcher, one, two = desk.watcher(), desk.router(OTHER, "one"), desk.router(THIRD, "two")
    one.says(number("Cam", via=OTHER))
    two.says(number("Cam", via=f"{OTHER},{THIRD}"))
    one.hangs_up()
    watcher.heard()
    two.says(number("Cam", "X", via=f"{OTHER},{THIRD}"))
    assert watcher.heard() == ""
    desk.wait(0.4)
    two.heard()
    # It was on its way when we asked: the value comes before the definition that the answer brings.
    two.says(number("Cam", "X", via=f"{OTHER},{THIRD}"), value("Cam", "7"))
    assert 'name="N"' not in watcher.heard()
    two.says(number("Cam", "N", via=f"{OTHER},{THIRD}"), value("Cam", "8"))
    heard = watcher.heard()
    assert heard.index("<defNumberVector") < heard.index("<setNumberVector")


def test_a_redundant_path_is_said_once_and_is_no_conflict() -> None:
    desk = Desk()
    one, two = desk.router(OTHER, "one"), desk.router(THIRD, "two")
    one.says(number("Cam", via=OTHER), number("Mount", via=OTHER))
    two.says(number("Cam", via=f"{OTHER},{THIRD}"), number("Mount", via=f"{OTHER},{THIRD}"))
    assert [text for text in desk.logs if "redundant" in text] == [
        "Cam is reached over link two too: a redundant path, kept as a spare"
    ]
    assert desk.counters.loops["two"] == 1
    assert not desk.node.core.ownership.conflicts


def test_a_device_without_properties_for_a_moment_is_no_conflict() -> None:
    desk = Desk()
    one, two = desk.router(OTHER, "one"), desk.router(THIRD, "two")
    one.says(number("Cam", via=f"R9.1,{OTHER}"))
    two.says(number("Cam", via=f"R9.1,{THIRD}"))
    one.says(gone("Cam", "N"))
    two.says(gone("Cam", "N"), number("Cam", via=f"R9.1,{THIRD}"))
    assert not desk.node.core.ownership.conflicts


def test_one_name_at_two_places_is_reported_with_both_and_the_second_takes_over() -> None:
    desk = Desk()
    watcher, one, driver = desk.watcher(), desk.router(OTHER, "one"), desk.driver("ccd")
    one.says(number("Cam", "Old", via=OTHER))
    driver.says(number("Cam", "New"))
    assert desk.node.core.ownership.conflicts == {"Cam": ("link one", "driver ccd")}
    watcher.heard()
    one.hangs_up()
    assert watcher.heard() == gone("Cam") + "\n"
    driver.says(number("Cam", "New"))
    assert 'name="New"' in watcher.heard()
    assert not desk.node.core.ownership.conflicts


def test_a_conflict_ends_when_the_refused_one_goes_and_not_when_a_spare_path_does() -> None:
    desk = Desk()
    one, two, spare = desk.router(OTHER, "one"), desk.router(THIRD, "two"), desk.router("R6.1", "spare")
    one.says(number("Cam", via=OTHER))
    two.says(number("Cam", via=THIRD))
    spare.says(number("Cam", via=f"{OTHER},R6.1"), gone("Cam"))
    assert desk.node.core.ownership.conflicts == {"Cam": ("link one", "link two")}
    two.hangs_up()
    assert not desk.node.core.ownership.conflicts


def test_a_command_goes_to_the_owner_only_and_its_echo_to_clients() -> None:
    desk = Desk()
    watcher, client, one, two = desk.watcher(), desk.watcher(), desk.router(OTHER, "one"), desk.router(THIRD, "two")
    driver = desk.driver()
    one.says(number("Cam", via=OTHER))
    for end in (watcher, client, one, two, driver):
        end.heard()
    client.says(new("Cam"))
    assert one.heard() == watcher.heard() == new("Cam") + "\n"
    assert client.heard() == two.heard() == driver.heard() == ""
    one.says(new("Cam", "6"))  # an echo
    assert watcher.heard() == client.heard() == new("Cam", "6") + "\n"
    assert one.heard() == two.heard() == ""


def test_blobs_are_asked_for_on_demand_and_the_wish_stands_while_the_property_is_gone() -> None:
    desk = Desk()
    watcher, one = desk.watcher(), desk.router()
    one.says(camera(via=OTHER))
    assert one.heard() == ""
    watcher.says("<enableBLOB device='Cam'>Also</enableBLOB>")
    also = '<enableBLOB device="Cam" name="B">Also</enableBLOB>\n'
    never = '<enableBLOB device="Cam" name="B">Never</enableBLOB>\n'
    assert one.heard() == also
    one.says(image())
    assert image() in watcher.heard()
    one.says(gone("Cam", "B"), camera(via=OTHER), gone("Cam"))
    watcher.says("<enableBLOB device='Cam'>Never</enableBLOB>")
    assert one.heard() == never
    one.says(camera(via=OTHER))
    assert one.heard() == ""


def test_a_wish_for_a_lost_device_does_not_outlive_it_at_the_other_end() -> None:
    """Else its image would cross two links once the asker has it by another way."""
    desk = Desk()
    one, driver = desk.router(), desk.driver()
    driver.says(camera())
    one.says("<enableBLOB device='Cam' name='B'>Also</enableBLOB>")
    one.heard()
    driver.says(gone("Cam"))
    one.says("<enableBLOB device='Cam' name='B'>Never</enableBLOB>")
    driver.says(camera(), image())
    assert "setBLOBVector" not in one.heard()


def test_with_blobs_off_none_crosses_in_either_direction() -> None:
    desk = Desk()
    watcher, one, driver = desk.watcher(), desk.router(blobs=False), desk.driver()
    watcher.says("<enableBLOB>Also</enableBLOB>")
    one.says(camera(via=OTHER), "<enableBLOB device='Here' name='B'>Also</enableBLOB>")
    driver.says(camera("Here"), image("Here"))
    heard = one.heard()
    assert "enableBLOB" not in heard
    assert "setBLOBVector" not in heard
    watcher.heard()
    one.says(image())
    assert watcher.heard() == ""


def test_what_we_do_not_take_from_a_link_is_not_heard_of_at_all() -> None:
    desk = Desk()
    watcher, snooper = desk.watcher(), desk.driver()
    snooper.says('<getProperties version="1.7" device="Mount"/>')
    plain = desk.plain(devices=("CCD*",))
    plain.says(number("CCD 1"), number("Mount"), value("Mount"), '<message device="Mount" message="hm"/>')
    watcher_heard = watcher.heard()
    assert 'device="CCD 1"' in watcher_heard
    assert "Mount" not in watcher_heard
    assert "set" not in snooper.heard()
    plain.heard()
    plain.says(gone("CCD 1"))
    desk.node.core.ownership.pauses["Mount"] = 0.0
    desk.wait(0.5)
    assert plain.heard() == '<getProperties version="1.7" device="CCD 1"/>\n'


def test_a_link_that_shares_nothing_downwards_still_carries_commands() -> None:
    desk = Desk()
    driver, client, one = desk.driver(), desk.watcher(), desk.router(share=False)
    driver.says(number("Mount"), value("Mount"), '<message message="all"/>', '<message device="Mount" message="me"/>')
    one.says(number("Cam", via=OTHER))
    driver.says(gone("Mount"))
    desk.wait(0.1)
    assert one.heard() == ""
    client.says(new("Cam"))
    assert one.heard() == new("Cam") + "\n"


def test_a_reply_that_a_blob_waits_for_comes_when_time_has_made_room(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who kept up lately may not any more: nothing else need happen for that."""
    desk = Desk()
    watcher, one = desk.watcher(), desk.router()
    watcher.says("<enableBLOB>Also</enableBLOB>")
    one.says(camera(via=OTHER))
    one.heard()
    monkeypatch.setattr(backpressure, "may_read", lambda *_: False)
    one.says(image(), '<pingRequest uid="blob/1"/>')
    assert one.heard() == ""
    monkeypatch.setattr(backpressure, "may_read", lambda *_: True)
    desk.wait(0.3)
    assert one.heard() == '<pingReply uid="blob/1"/>\n'


def test_of_two_ways_each_image_comes_by_one() -> None:
    desk = Desk()
    watcher, one, two = desk.watcher(), desk.router(OTHER, "one"), desk.router(THIRD, "two")
    watcher.says("<enableBLOB>Also</enableBLOB>")
    one.says(camera(via=OTHER))
    two.says(camera(via=f"{OTHER},{THIRD}"))
    assert "enableBLOB" in one.heard()
    assert "enableBLOB" not in two.heard()


@pytest.mark.parametrize("via", ["", "R7", "R7,R8", 'R7,"&'])
@pytest.mark.parametrize(
    "data", ["<defTextVector device='via' name='a'/>\n", "<a via='old' b='>' >\n</a>\n", "<a>via='x'</a>\n"]
)
def test_many_are_stamped_as_one_is(data: str, via: str) -> None:
    stamps = paths.Stamps("ME", "FAR")
    for _ in range(2):
        assert stamps.stamp(data.encode(), via) == paths.stamp(data.encode(), paths.extend(via, "ME"))
    for passed in ("FAR", "FAR,R1", "R1,FAR"):
        assert stamps.stamp(data.encode(), passed) == b""


def test_a_router_that_comes_later_is_told_all_but_what_has_passed_it() -> None:
    desk = Desk()
    one = desk.router(OTHER, "one")
    one.says(number("Cam", via=f"R9.1,{OTHER}"), number("Far", via=f"{THIRD},{OTHER}"))
    late = desk.opens("late")
    late.says(f'<getProperties version="1.7" inditree="1" via="{THIRD}" to="{ME}"/>')
    told = late.heard()
    assert f'via="R9.1,{OTHER},{ME}"' in told
    assert "Far" not in told
