"""Who is at the other end of a link."""

from __future__ import annotations

from inditree.core import Policy
from tree.desk import ME, OTHER, THIRD, Desk, gone, number, value

ASK = '<getProperties version="1.7"'


def test_the_opener_introduces_itself_and_shows_nothing_before_the_answer() -> None:
    desk = Desk()
    desk.driver().says(number("Mount"))
    there = desk.opens()
    assert there.heard() == f'{ASK} inditree="1" via="{ME}"/>\n'
    there.says(f'{ASK} inditree="1" via="{OTHER}" to="{ME}"/>')
    heard = there.heard()
    assert f'device="Mount" name="N" state="Ok" perm="rw" via="{ME}">' in heard
    assert heard.endswith('<pingRequest uid="probe/1"/>\n')


def test_a_connection_that_introduces_itself_is_answered_by_its_id_and_then_shown_everything() -> None:
    desk = Desk()
    desk.driver().says(number("Mount"))
    here = desk.client()
    here.says(f'{ASK} inditree="9" via="{OTHER}"/>')  # a higher number is treated as ours
    heard = here.heard().splitlines()
    assert heard[0] == f'{ASK} inditree="1" via="{ME}" to="{OTHER}"/>'
    assert f'via="{ME}"' in heard[1]
    assert here.peer.kind == "link"


def test_anything_else_first_makes_it_plain_and_is_acted_on() -> None:
    desk = Desk()
    desk.driver().says(number("Mount"))
    watcher = desk.watcher()
    there = desk.opens()
    there.heard()
    there.says(number("Focuser"))
    assert there.link.plain
    assert "via=" not in there.heard()
    assert 'device="Focuser"' in watcher.heard()


def test_a_set_first_makes_it_plain() -> None:
    desk = Desk()
    there = desk.opens()
    there.says(value("Focuser"))
    assert there.link.plain


def test_half_a_second_of_silence_makes_it_plain_whatever_else_wakes_the_router() -> None:
    desk = Desk()
    desk.driver().says(number("Mount"))
    there = desk.opens()
    there.heard()
    desk.world.run(until=0.1)
    desk.node.tick()  # the one timer of the engine was for something earlier
    desk.world.run(until=0.6)
    assert there.link.plain
    assert 'device="Mount"' in there.heard()


def test_the_introduction_of_another_which_an_ipyserver_repeats_is_no_answer() -> None:
    desk = Desk()
    desk.driver().says(number("Mount"))
    there = desk.opens()
    there.heard()
    there.says(f'{ASK} inditree="1" via="{THIRD}" to="{OTHER}"/>')
    assert there.link.plain
    assert 'device="Mount"' in there.heard()


def test_an_introduction_that_an_ipyserver_repeats_later_asks_for_what_we_have() -> None:
    desk = Desk()
    desk.driver().says(number("Mount"))
    there = desk.plain()
    there.says(f'{ASK} inditree="1" via="{THIRD}"/>')
    heard = there.heard()
    assert 'device="Mount"' in heard
    assert "inditree" not in heard


def test_an_answer_that_an_ipyserver_repeats_later_is_not_for_us() -> None:
    desk = Desk()
    desk.driver().says(number("Mount"))
    there = desk.plain()
    there.says(f'{ASK} inditree="1" via="{OTHER}" to="{THIRD}"/>')
    assert there.heard() == ""
    assert there.closed is None


def test_an_answer_after_the_silence_closes_the_link_so_that_the_next_try_waits_longer() -> None:
    desk = Desk()
    there = desk.opens()
    desk.wait(0.6)
    there.says(f'{ASK} inditree="1" via="{OTHER}" to="{ME}"/>')
    assert there.closed == "error"
    assert there.link.late


def test_our_own_id_closes_the_link_and_is_reported() -> None:
    desk = Desk()
    there = desk.opens()
    there.says(f'{ASK} inditree="1" via="{ME}" to="{ME}"/>')
    assert there.closed == "loop"
    assert desk.counters.loops["there"] == 1


def test_our_own_introduction_is_answered_and_makes_no_link() -> None:
    desk = Desk()
    here = desk.client()
    here.says(f'{ASK} inditree="1" via="{ME}"/>')
    assert here.heard() == f'{ASK} inditree="1" via="{ME}" to="{ME}"/>\n'
    assert here.peer.kind == "client"


def test_where_nobody_may_provide_devices_a_router_is_served_as_a_client() -> None:
    desk = Desk()
    desk.driver().says(number("Mount"))
    here = desk.client(Policy(peers="none"))
    here.says(f'{ASK} inditree="1" via="{OTHER}"/>')
    heard = here.heard()
    assert 'device="Mount"' in heard
    assert "inditree" not in heard
    assert "via" not in heard
    here.says(number("Focuser"))
    assert "Focuser" not in desk.node.core.ownership.owners


def test_only_the_first_getproperties_of_a_connection_introduces_it() -> None:
    desk = Desk()
    here = desk.watcher()
    here.says(f'{ASK} inditree="1" via="{OTHER}"/>')
    assert here.peer.kind == "client"
    assert "inditree" not in here.heard()


def test_an_introduction_without_an_id_is_none() -> None:
    desk = Desk()
    here = desk.client()
    here.says(f'{ASK} inditree="1"/>')
    assert here.peer.kind == "client"
    there = desk.opens()
    there.says(f'{ASK} inditree="1" to="{ME}"/>')
    assert there.link.plain


def test_a_link_for_one_device_asks_for_it_and_takes_no_other() -> None:
    desk = Desk()
    watcher = desk.watcher()
    there = desk.opens(device="Cam")
    assert there.heard() == f'{ASK} device="Cam" inditree="1" via="{ME}"/>\n'
    there.says(f'{ASK} inditree="1" via="{OTHER}" to="{ME}"/>', number("Cam", via=OTHER), number("Mount", via=OTHER))
    heard = watcher.heard()
    assert 'device="Cam"' in heard
    assert "Mount" not in heard


def test_a_router_that_asks_for_one_device_is_shown_no_other() -> None:
    desk = Desk()
    desk.driver().says(number("Cam"), number("Mount"))
    here = desk.client()
    here.says(f'{ASK} device="Cam" inditree="1" via="{OTHER}"/>')
    heard = here.heard()
    assert 'device="Cam"' in heard
    assert "Mount" not in heard


def test_a_plain_server_asks_for_its_drivers_snooping_only_once_it_has_answered_a_ping() -> None:
    desk = Desk()
    there = desk.plain()
    desk.wait(2.0)
    assert "*" not in there.heard()
    there.says('<pingReply uid="probe/1"/>')
    assert there.heard() == f'{ASK} device="*"/>\n'
    there.says('<pingReply uid="probe/2"/>')
    assert there.heard() == ""


def test_a_plain_server_never_hears_of_a_device_that_it_has_defined() -> None:
    desk = Desk()
    driver = desk.driver()
    driver.says(number("Mount"))
    there = desk.plain()
    there.says(number("Mount"), gone("Mount"), number("Cam"))
    driver.says(value("Mount"))
    there.says(gone("Cam"))
    desk.wait(1.0)
    driver.says(number("Cam"), number("Focuser"))
    heard = there.heard()
    assert "Mount" not in heard
    assert "def" not in heard.replace('<defNumberVector device="Focuser"', "").replace("defNumber", "")
    assert 'device="Focuser"' in heard


def test_an_ipyserver_that_links_to_us_may_define_where_any_may() -> None:
    desk = Desk()
    desk.driver().says(number("Mount"))
    watcher = desk.watcher()
    here = desk.client(Policy(peers="any"))
    here.says('<getProperties version="1.7"/>', number("Cam"))
    assert 'device="Mount"' in here.heard()
    assert 'device="Cam"' in watcher.heard()
    assert here.link.plain


def test_who_was_inditree_before_is_waited_for() -> None:
    desk = Desk()
    desk.driver().says(number("Mount"))
    there = desk.opens(awaited=True)
    there.heard()
    desk.wait(20.0)
    assert not there.link.settled
    assert there.heard() == '<pingRequest uid="probe/1"/>\n'
    there.says(f'{ASK} inditree="1" via="{OTHER}" to="{ME}"/>', '<pingReply uid="probe/1"/>')
    assert there.link.is_router
    assert 'device="Mount"' in there.heard()


def test_who_was_inditree_before_and_stays_silent_is_linked_anew() -> None:
    desk = Desk()
    there = desk.opens(awaited=True)
    desk.wait(31.0)
    assert there.closed == "timeout"


def test_who_was_inditree_before_and_answers_otherwise_is_plain() -> None:
    desk = Desk()
    desk.driver().says(number("Mount"))
    there = desk.opens(awaited=True)
    desk.wait(1.0)
    there.heard()
    there.says('<pingReply uid="probe/1"/>')
    assert there.link.plain
    assert 'device="Mount"' in there.heard()
