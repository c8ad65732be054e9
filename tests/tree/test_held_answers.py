"""When a held device is complete: whose answer counts, for which question, and what is answered to others meanwhile."""

from __future__ import annotations

import pytest

from inditree.tree.holding import milliseconds
from tree.desk import ME, OTHER, THIRD, Desk, gone, number, value
from tree.test_held import HOLD, answers, named, pings, there


def both(via: str = OTHER) -> tuple[str, str]:
    return number("Mount", via=via), number("Mount", "P", via=via)


def test_an_answer_waits_for_every_device_that_is_not_complete() -> None:
    desk = Desk(link_hold=HOLD)
    far = there(desk, "a", OTHER, *both(), number("Dome", via=OTHER), number("Dome", "P", via=OTHER))
    asker = desk.router(THIRD, "b")
    far.hangs_up()
    back = there(desk, "a", OTHER, number("Mount", via=OTHER), number("Dome", via=OTHER))
    asker.says('<pingRequest uid="hold/7"/>')
    back.says(number("Mount", "P", via=OTHER))
    assert "hold/7" not in asker.heard()
    back.says(number("Dome", "P", via=OTHER))
    assert "hold/7" in asker.heard()


def test_one_question_marks_the_end_for_all_devices() -> None:
    desk = Desk(link_hold=HOLD)
    there(desk, "a", OTHER, *both(), number("Dome", via=OTHER), number("Dome", "P", via=OTHER)).hangs_up()
    back = there(desk, "a", OTHER, number("Mount", via=OTHER), number("Dome", via=OTHER))
    assert len(pings(back.heard())) == 1


def test_the_end_of_an_earlier_answer_is_not_that_of_a_later_one() -> None:
    desk = Desk(link_hold=HOLD)
    client, link, _ = desk.watcher(), there(desk, "a", OTHER, *both()), there(desk, "c", THIRD)
    client.heard()
    link.hangs_up()
    back = there(desk, "b", OTHER)  # by another name: what it does not have may still come
    desk.wait(0.4)
    early, late = pings(back.heard())
    back.says(number("Mount", via=OTHER), f'<pingReply uid="{early}"/>')
    desk.wait(0.01)
    assert client.heard() == ""
    back.says(f'<pingReply uid="{late}"/>')
    desk.wait(0.01)
    assert client.heard() == gone("Mount", "P") + "\n"


def test_the_answer_of_another_link_says_nothing_of_what_the_owner_has() -> None:
    desk = Desk(link_hold=HOLD)
    client, link = desk.watcher(), there(desk, "a", OTHER, *both())
    client.heard()
    link.hangs_up()
    there(desk, "b", OTHER, number("Mount", via=OTHER))
    answers(there(desk, "c", THIRD))
    desk.wait(0.01)
    assert client.heard() == ""


def test_the_lost_link_says_nothing_of_a_device_that_another_has_by_now() -> None:
    desk = Desk(link_hold=HOLD)
    client, link = desk.watcher(), there(desk, "a", OTHER, *both())
    client.heard()
    link.hangs_up()
    desk.driver().says(number("Mount"))
    answers(there(desk, "a", OTHER))
    desk.wait(1.0)
    assert client.heard() == ""
    desk.wait(HOLD)
    assert client.heard() == gone("Mount", "P") + "\n"


def test_a_device_without_properties_is_complete_when_it_is_there() -> None:
    desk = Desk(link_hold=HOLD)
    link = there(desk, "a", OTHER, number("Mount", via=OTHER), gone("Mount", "N"))
    link.hangs_up()
    assert desk.node.core.state.holding.devices
    there(desk, "a", "R7.2", number("Mount", via="R7.2"))
    assert not desk.node.core.state.holding.devices


def test_a_device_of_which_nothing_is_left_ends_with_its_own_time() -> None:
    desk = Desk(link_hold=HOLD)
    there(desk, "a", OTHER, number("Mount", via=OTHER)).hangs_up()
    desk.wait(3.0)
    again = there(desk, "a", "R7.2", number("Mount", "Q", via="R7.2"), gone("Mount", "Q"))
    again.hangs_up()
    desk.wait(3.0)
    assert named(desk, "Mount") and desk.node.core.state.holding.devices
    desk.wait(2.1)
    assert not named(desk, "Mount") and not desk.node.core.state.holding.devices


def test_who_is_gone_is_not_waited_for() -> None:
    """Neither its answer nor the end of its question."""
    desk = Desk(link_hold=HOLD)
    far, asker = there(desk, "a", OTHER, *both()), desk.router(THIRD, "b")
    far.hangs_up()
    back = there(desk, "a", OTHER, number("Mount", via=OTHER))
    asker.says(f'<getProperties version="1.7" via="{ME}"/><pingRequest uid="hold/7"/>')
    holding = desk.node.core.state.holding
    assert holding._pings and holding._deferred
    asker.hangs_up()
    assert not holding._deferred
    back.hangs_up()
    assert not holding._pings


def test_who_is_waited_for_itself_is_answered_at_once() -> None:
    """Two routers that hold what each other has would wait for ever."""
    desk = Desk(link_hold=HOLD)
    there(desk, "a", OTHER, *both()).hangs_up()
    back = there(desk, "a", OTHER, number("Mount", via=OTHER))
    back.says('<pingRequest uid="hold/9"/>')
    assert '<pingReply uid="hold/9"/>' in back.heard()


@pytest.mark.parametrize(("identity", "via"), [("R9.1", f"{THIRD},R9.1"), (OTHER, f"R8.2,{OTHER}")])
def test_by_another_router_or_from_another_run_of_its_own_it_may_come_slowly(identity: str, via: str) -> None:
    desk = Desk(link_hold=HOLD)
    client, link = desk.watcher(), there(desk, "a", OTHER, *both(f"{THIRD},{OTHER}"))
    client.heard()
    link.hangs_up()
    answers(there(desk, "a", identity), number("Mount", via=via))
    desk.wait(1.0)
    assert client.heard() == ""
    desk.wait(HOLD)
    assert client.heard() == gone("Mount", "P") + "\n"


def test_of_links_that_others_open_nobody_can_tell_which_is_which() -> None:
    """Two of one router may carry different devices: the answer of one ends nothing of the other."""
    desk = Desk(link_hold=HOLD)
    client, router = desk.watcher(), desk.client(name="peer1")
    router.says(f'<getProperties version="1.7" inditree="1" via="{OTHER}"/>', number("Mount", via=OTHER))
    client.heard()
    router.hangs_up()
    other = desk.client(name="peer2")
    other.says(f'<getProperties version="1.7" inditree="1" via="{OTHER}"/>')
    answers(other)
    desk.wait(1.0)
    assert client.heard() == ""
    desk.wait(HOLD)
    assert client.heard() == gone("Mount") + "\n"


def test_only_who_said_that_a_device_may_come_back_can_say_that_it_does_not() -> None:
    desk = Desk(link_hold=HOLD)
    client, link, other = desk.watcher(), there(desk, "a", OTHER, *both()), there(desk, "c", THIRD)
    client.heard()
    held = '<delProperty device="Mount" held="4000"/>'
    link.says(held, held)
    other.says(gone("Mount"))
    assert client.heard() == ""
    link.says(gone("Mount"))
    assert client.heard() == gone("Mount") + "\n"


def test_once_another_has_the_device_it_is_not_theirs_to_end() -> None:
    desk = Desk(link_hold=HOLD)
    client, link = desk.watcher(), there(desk, "a", OTHER, *both())
    client.heard()
    link.says('<delProperty device="Mount" held="4000"/>')
    desk.driver().says(number("Mount"))
    link.says(gone("Mount"))
    assert client.heard() == "" and named(desk, "Mount")


def test_who_stops_shows_nothing_behind_its_farewell() -> None:
    """Neither what is new nor what is set by a route that was looked up before; and it says it once."""
    desk = Desk(link_hold=HOLD)
    driver, link = desk.driver(), there(desk)
    driver.says(number("Mount"), value("Mount"))
    link.heard()
    for _ in range(2):
        desk.node.core.part(link.peer)
        desk.node.flush()
    driver.says(value("Mount"), number("Dome"))
    assert link.heard() == gone("Mount") + "\n"


@pytest.mark.parametrize("room", [True, False])
def test_what_is_held_still_since_an_earlier_blip_needs_no_room_again(
    room: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = Desk(link_hold=HOLD)
    client, link = desk.watcher(), there(desk, "a", OTHER, *both())
    client.heard()
    link.hangs_up()
    again = there(desk, "a", "R7.2", number("Mount", via="R7.2"))
    held = desk.node.core.state.holding.weight.bytes
    known = desk.node.core.view.find("Mount", "N")
    assert held > 0 and known is not None
    needed = held + known.weight - (0 if room else 1)
    monkeypatch.setattr("inditree.core.holding.PART", desk.node.core.settings.memory / (needed + 0.5))
    again.hangs_up()
    assert client.heard() == ("" if room else gone("Mount") + "\n")


def test_an_owner_that_is_lost_in_its_turn_is_waited_for_no_more() -> None:
    desk = Desk(link_hold=HOLD)
    there(desk, "a", OTHER, *both()).hangs_up()
    there(desk, "a", OTHER, number("Mount", via=OTHER)).hangs_up()
    there(desk, "a", OTHER, *both())
    asker = desk.router(THIRD, "b")
    asker.says('<pingRequest uid="hold/7"/>')
    assert '<pingReply uid="hold/7"/>' in asker.heard()


def test_the_only_device_of_the_only_link_goes_when_its_time_is_over() -> None:
    """No pause is to be ended before, as there is nobody to ask."""
    desk = Desk(link_hold=HOLD)
    client, link = desk.watcher(), there(desk, "a", OTHER, number("Mount", via=OTHER))
    client.heard()
    desk.world.run(until=desk.world.now + 10.0)
    link.hangs_up()
    desk.world.run(until=desk.world.now + HOLD + 0.01)
    assert client.heard() == gone("Mount") + "\n"


def test_each_device_goes_when_its_time_is_over_and_no_tick_of_others_is_needed() -> None:
    desk = Desk(link_hold=HOLD)
    client = desk.watcher()
    one, two = there(desk, "a", OTHER, number("Mount", via=OTHER)), there(desk, "c", THIRD, number("Dome", via=THIRD))
    client.heard()
    start = desk.world.now
    one.hangs_up()
    desk.world.run(until=start + 0.4)
    two.hangs_up()
    for end, device in ((HOLD, "Mount"), (HOLD + 0.4, "Dome")):
        desk.world.run(until=start + end - 0.01)
        assert client.heard() == ""
        desk.world.run(until=start + end + 0.01)
        assert client.heard() == gone(device) + "\n"


def test_a_device_that_is_back_is_not_stale_though_something_of_it_is_awaited() -> None:
    desk = Desk(link_hold=HOLD)
    link = there(desk, "a", OTHER, *both())
    link.hangs_up()
    holding = desk.node.core.state.holding
    assert holding.stale() == {"Mount": link.peer}
    there(desk, "a", OTHER, number("Mount", via=OTHER))
    assert holding.devices and not holding.stale()


def test_who_has_answered_a_later_question_is_not_waited_for_about_an_earlier_one() -> None:
    desk = Desk(link_hold=HOLD)
    link, _ = there(desk, "a", OTHER, *both()), there(desk, "c", THIRD)
    link.hangs_up()
    back = there(desk, "b", OTHER)
    desk.wait(0.4)
    early, late = pings(back.heard())
    assert early != late
    back.says(f'<pingReply uid="{late}"/>')
    assert back.peer not in desk.node.core.state.holding._pings


def test_the_least_time_that_is_left_is_no_zero() -> None:
    """Which would be no hold."""
    assert [milliseconds(each) for each in (0.0, 0.0004, 0.0016, 5.0)] == ["1", "1", "2", "5000"]


def test_another_link_to_the_router_that_was_lost_is_asked_before_it_is_believed() -> None:
    """It was refused: what it says unasked is not all of the device."""
    desk = Desk(link_hold=HOLD)
    client, link = desk.watcher(), there(desk, "a", OTHER, *both())
    spare = there(desk, "b", OTHER, *both())
    client.heard()
    link.hangs_up()
    spare.says(number("Mount", via=OTHER))
    assert not desk.node.core.ownership.owners
    spare.heard()
    desk.wait(0.4)
    answers(spare, *both())
    assert desk.node.core.ownership.owners == {"Mount": spare.peer}
    desk.wait(2 * HOLD)
    assert client.heard() == ""


@pytest.mark.parametrize("whole", [True, False])
def test_what_its_owner_deletes_before_it_is_complete_is_told_once(whole: bool) -> None:
    desk = Desk(link_hold=HOLD)
    client, link = desk.watcher(), there(desk, "a", OTHER, *both())
    client.heard()
    link.hangs_up()
    back = there(desk, "a", OTHER, number("Mount", via=OTHER))
    farewell = gone("Mount") if whole else gone("Mount", "P")
    back.says(farewell)
    assert client.heard() == farewell + "\n"
    assert not desk.node.core.state.holding.devices
    answers(back)
    desk.wait(2 * HOLD)
    assert client.heard() == ""


def test_a_shorter_hold_that_has_ended_well_is_not_looked_at_again_and_again() -> None:
    """What is awaited since an earlier blip may have more time than the later one gave the whole device."""
    desk = Desk(link_hold=HOLD)
    client, link, start = desk.watcher(), there(desk, "a", OTHER, *both()), desk.world.now
    client.heard()
    link.hangs_up()
    again = there(desk, "a", "R7.2", number("Mount", via="R7.2"))
    desk.wait(1.0)
    again.says('<delProperty device="Mount" held="1000"/>', number("Mount", via="R7.2"))
    desk.wait(2.0)
    assert desk.node.core.state.holding._watched == {"Mount": start + HOLD}
    assert client.heard() == ""
    desk.wait(2.1)
    assert client.heard() == gone("Mount", "P") + "\n"


def test_routers_hear_that_a_hold_is_over_before_the_time_that_they_were_told() -> None:
    """The router that has the device says that it has it no more: those who wait by our word need not wait on."""
    desk = Desk(link_hold=HOLD)
    link = there(desk, "there", OTHER, number("Mount", via=OTHER))
    router, plain = desk.router(THIRD, "b"), desk.plain("c")
    link.hangs_up()
    router.heard(), plain.heard()
    answers(there(desk))
    desk.wait(0.1)
    assert '<delProperty device="Mount"/>' in router.heard()
    assert "delProperty" not in plain.heard()


def test_a_link_that_is_ended_on_purpose_while_it_is_lost_ends_the_hold() -> None:
    desk = Desk(link_hold=HOLD)
    client, link = desk.watcher(), there(desk, "there", OTHER, number("Mount", via=OTHER))
    other, router = there(desk, "b", THIRD, number("Dome", via=THIRD)), desk.router("R9.1", "c")
    link.hangs_up()
    other.hangs_up()
    client.heard(), router.heard()
    desk.node.core.end_hold("there")
    desk.wait(0.1)
    assert client.heard() == gone("Mount") + "\n"
    assert '<delProperty device="Mount"/>' in router.heard()
    assert set(desk.node.core.state.holding.stale()) == {"Dome"}
