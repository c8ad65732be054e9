"""When a held device is complete: whose answer counts, for which question, and what is answered to others meanwhile."""

from __future__ import annotations

import pytest

from tree.desk import ME, OTHER, THIRD, Desk, gone, number
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
