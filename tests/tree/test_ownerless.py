"""What travels without an owner, and probes."""

from __future__ import annotations

import re

import pytest

from tree.desk import ME, OTHER, THIRD, Desk, new, number


def said(text: str, **attributes: str) -> str:
    more = "".join(f' {key}="{value}"' for key, value in attributes.items())
    return f'<message message="{text}"{more}/>'


def test_a_message_of_a_driver_goes_to_everybody_with_our_number() -> None:
    desk = Desk()
    watcher, driver, one, plain = desk.watcher(), desk.driver(), desk.router(), desk.plain("plain")
    watcher.heard(), one.heard()
    driver.says(said("hi"))
    assert watcher.heard() == plain.heard() == said("hi") + "\n"
    assert one.heard() == said("hi", via=ME, seq="2") + "\n"  # the first was the plain server's hello


def test_each_number_passes_once_and_rising_and_not_to_who_has_had_it() -> None:
    desk = Desk()
    watcher, one, two = desk.watcher(), desk.router(OTHER, "one"), desk.router(THIRD, "two")
    one.says(said("a", via=f"R9.1,{OTHER}", seq="4"))
    two.says(said("a", via=f"R9.1,{THIRD}", seq="4"), said("old", via=f"R9.1,{THIRD}", seq="3"))
    two.says(said("ours", via=f"{ME},{THIRD}", seq="99"))
    two.says(said("b", via=f"R9.1,{OTHER},{THIRD}", seq="5"))
    assert watcher.heard() == said("a") + "\n" + said("b") + "\n"
    assert two.heard() == said("a", via=f"R9.1,{OTHER},{ME}", seq="4") + "\n"
    assert one.heard() == ""


def test_what_a_router_says_for_an_owner_that_we_do_not_believe_ends_here() -> None:
    """Taken for ownerless it would be numbered anew, and heard once more for each way that it came by."""
    desk = Desk()
    watcher, one, two = desk.watcher(), desk.router(OTHER, "one"), desk.router(THIRD, "two")
    one.says(said("clear", device="Dome"))
    assert watcher.heard() == two.heard() == ""
    one.says(said("undelivered", device="Dome", via=OTHER, seq="1"))
    assert watcher.heard() == said("undelivered", device="Dome") + "\n"


@pytest.mark.parametrize("owner", ["driver", "link", "the same link"])
def test_a_sender_is_told_though_the_device_is_there_again_by_another_way(owner: str) -> None:
    desk = Desk()
    one, two = desk.router(OTHER, "one"), desk.router(THIRD, "two")
    one.says(number("Mount", via=OTHER))
    client, third = desk.watcher(), desk.router("R9.1", "three")
    client.says(new("Mount"))
    one.says('<delProperty device="Mount"/>')
    desk.wait(0.4)
    {"driver": desk.driver(), "link": two, "the same link": one}[owner].says(number("Mount", via=OTHER))
    client.heard(), third.heard()
    told = "Mount is not there: the request was not delivered"
    for end, path in ((one, OTHER), (two, f"{OTHER},{THIRD}")):
        end.says(said(told, device="Mount", via=path, seq="7"), said("clear", device="Mount", via=path, seq="6"))
    assert client.heard().count(told) == third.heard().count(told) == 1


def test_the_keepalive_of_ipyserver_ends_here() -> None:
    text = "Keep alive message"
    desk = Desk()
    plain, one, watcher = desk.plain("plain"), desk.router(), desk.watcher()
    plain.says(said(text))
    assert watcher.heard() == one.heard() == ""
    plain.says(said(text, device="Dome"))
    assert watcher.heard() == said(text, device="Dome") + "\n"


def test_who_sent_a_command_over_a_link_for_what_is_gone_is_told_without_an_owner() -> None:
    desk = Desk()
    one = desk.router()
    one.says(new("Dome"), new("Dome"))
    heard = one.heard()
    assert heard.count("not delivered") == 1
    assert f'via="{ME}" seq="1"' in heard


def test_forwarded_a_question_travels_with_a_number_and_comes_to_each_driver_once() -> None:
    desk = Desk(forwarded=True)
    driver, one, two = desk.driver(), desk.router(OTHER, "one"), desk.router(THIRD, "two")
    desk.client().says('<getProperties version="1.7" device="Cam"/>')
    ask = '<getProperties version="1.7" device="Cam"/>\n'
    assert driver.heard() == ask
    assert one.heard() == two.heard() == ask.replace("/>", f' via="{ME}" seq="1"/>')
    one.says(f'<getProperties version="1.7" device="Dome" via="R9.1,{OTHER}" seq="8"/>')
    two.says(f'<getProperties version="1.7" device="Dome" via="R9.1,{THIRD}" seq="8"/>')
    assert driver.heard() == ask.replace("Cam", "Dome")
    assert two.heard() == f'<getProperties version="1.7" device="Dome" via="R9.1,{OTHER},{ME}" seq="8"/>\n'
    assert one.heard() == ""


def test_forwarded_no_introduction_gets_through() -> None:
    desk = Desk(forwarded=True)
    driver, plain = desk.driver(), desk.plain()
    plain.says(f'<getProperties version="1.7" inditree="1" via="{THIRD}"/>')
    assert driver.heard() == '<getProperties version="1.7"/>\n'


def test_an_idle_link_is_probed_after_each_third_and_closed_when_silent() -> None:
    desk = Desk(link_timeout=30.0)
    one = desk.router()
    one.says('<pingReply uid="probe/1"/>')
    asked = []
    while one.closed is None and desk.world.now < 60:
        desk.wait(1.0)
        if one.heard():
            asked.append(round(desk.world.now))
    assert asked[:2] == [10, 20]
    assert one.closed == "timeout"
    assert 30 <= desk.world.now <= 32


def test_who_never_answered_a_probe_is_not_closed_for_silence() -> None:
    desk = Desk(link_timeout=30.0)
    plain = desk.plain()
    desk.wait(100.0)
    assert plain.closed is None
    assert plain.heard().count("pingRequest") == 10


@pytest.mark.parametrize("link_timeout", [0.4, 0.5, 1.0])
def test_a_timeout_of_a_second_or_less_cuts_no_link_that_answers(link_timeout: float) -> None:
    desk = Desk(link_timeout=link_timeout)
    one = desk.router()

    def answer() -> None:
        for uid in re.findall('<pingRequest uid="(.*?)"', one.heard()):
            one.says(f'<pingReply uid="{uid}"/>')
        desk.world.after(0.01, answer)

    one.says('<pingReply uid="probe/1"/>')
    answer()
    desk.wait(10.0)
    assert one.closed is None


def test_what_is_heard_puts_the_probe_off_and_a_probe_of_ours_is_no_sign_of_life() -> None:
    desk = Desk(link_timeout=30.0)
    one = desk.router()
    one.says('<pingReply uid="probe/1"/>')
    for number_ in range(20):
        desk.wait(5.0)
        one.says(number(f"D{number_}", via=OTHER))
    assert "pingRequest" not in one.heard()
    desk.wait(29.0)
    assert one.closed is None
    desk.wait(3.0)
    assert one.closed == "timeout"


def test_a_plain_server_hears_no_ownerless_message_of_a_device_that_it_has_defined() -> None:
    desk = Desk()
    plain, one = desk.plain("plain"), desk.router()
    plain.says(number("Cam"), '<delProperty device="Cam"/>')
    one.says(said("not there", device="Cam", via=OTHER, seq="1"), said("not there", device="Dome", via=OTHER, seq="2"))
    assert plain.heard() == said("not there", device="Dome") + "\n"


def test_a_higher_number_of_another_kind_that_took_a_quicker_way_does_not_hide_a_lower_one() -> None:
    """Questions pass where messages do not (`share: down`), and messages of a device where we take it only."""
    desk = Desk(forwarded=True)
    one, two, watcher = desk.router(OTHER, "one"), desk.router(THIRD, "two"), desk.watcher()
    one.says(f'<getProperties version="1.7" device="Cam" via="R9.1,{OTHER}" seq="13"/>')
    one.says(said("dome", device="Dome", via=f"R9.1,{OTHER}", seq="14"))
    two.says(said("all", via=f"R9.1,{THIRD}", seq="12"))
    assert watcher.heard() == said("dome", device="Dome") + "\n" + said("all") + "\n"
