"""A blip of a link between routers: what clients, drivers and links hear of it, as transcripts."""

from __future__ import annotations

import pytest

from inditree.core import Policy
from tree.desk import ME, OTHER, THIRD, Desk, End, camera, gone, image, new, number, value

HOLD = 5.0


def there(desk: Desk, name: str = "there", identity: str = OTHER, *says: str) -> End:
    """A link to a router that has introduced itself and says what it has."""
    end = desk.opens(name)
    end.says(f'<getProperties version="1.7" inditree="1" via="{identity}" to="{ME}"/>', *says)
    return end


def pings(heard: str) -> list[str]:
    """The uids of the pings that stand behind questions."""
    return [each.split('"')[0] for each in heard.split('<pingRequest uid="') if each.startswith("hold/")]


def answers(end: End, *says: str) -> None:
    """The other end says what it has, and that this was all."""
    asked = pings(end.heard())
    end.says(*says, *(f'<pingReply uid="{uid}"/>' for uid in asked))


def named(desk: Desk, name: str) -> bool:
    """Is a device among those of the view?"""
    return name in desk.node.core.view.devices


def test_a_blip_is_not_heard() -> None:
    desk = Desk(link_hold=HOLD)
    client, driver, link = desk.watcher(), desk.driver(), there(desk, "a", OTHER, number("Mount", via=OTHER))
    driver.says('<getProperties version="1.7" device="Mount"/>')
    client.heard(), driver.heard()
    link.hangs_up()
    desk.wait(1.0)
    answers(there(desk), number("Mount", via=OTHER))
    desk.wait(2 * HOLD)
    assert client.heard() == driver.heard() == ""
    client.says(new("Mount"))
    assert "newNumberVector" not in client.heard()


def test_after_link_hold_clients_hear_that_a_device_is_gone() -> None:
    desk = Desk(link_hold=HOLD)
    client, link = desk.watcher(), there(desk, "a", OTHER, number("Mount", via=OTHER))
    client.heard()
    link.hangs_up()
    desk.wait(HOLD - 0.1)
    assert client.heard() == "" and named(desk, "Mount")
    desk.wait(0.2)
    assert client.heard() == gone("Mount") + "\n" and not named(desk, "Mount")
    assert desk.node.core.state.holding.weight.bytes == 0


def test_where_it_is_off_clients_hear_at_once() -> None:
    desk = Desk(link_hold=0.0)
    client, link = desk.watcher(), there(desk, "a", OTHER, number("Mount", via=OTHER))
    client.heard()
    link.hangs_up()
    assert client.heard() == gone("Mount") + "\n"


def test_a_plain_link_is_not_held() -> None:
    desk = Desk(link_hold=HOLD)
    client, link = desk.watcher(), desk.plain()
    link.says(number("Mount"))
    client.heard()
    link.hangs_up()
    assert client.heard() == gone("Mount") + "\n"


def test_links_hear_at_once_and_routers_for_how_long() -> None:
    desk = Desk(link_hold=HOLD)
    link = there(desk, "a", OTHER, number("Mount", via=OTHER))
    router, plain = desk.router(THIRD, "b"), desk.plain("c")
    router.heard(), plain.heard()
    link.hangs_up()
    assert router.heard() == '<delProperty device="Mount" held="5000"/>\n'
    assert plain.heard() == '<delProperty device="Mount"/>\n'


def test_a_router_that_hears_of_it_holds_for_the_time_that_is_left() -> None:
    desk = Desk(link_hold=HOLD)
    client, link = desk.watcher(), there(desk, "a", OTHER, number("Mount", via=f"{THIRD},{OTHER}"))
    router = desk.router("R9.1", "b")
    router.heard(), client.heard()
    link.says('<delProperty device="Mount" held="2000"/>')
    assert router.heard() == '<delProperty device="Mount" held="2000"/>\n'
    desk.wait(1.9)
    assert client.heard() == ""
    desk.wait(0.2)
    assert client.heard() == gone("Mount") + "\n"
    assert "delProperty" not in router.heard()


def test_it_never_holds_for_longer_than_its_own_link_hold() -> None:
    desk = Desk(link_hold=1.0)
    client, link = desk.watcher(), there(desk, "a", OTHER, number("Mount", via=OTHER))
    client.heard()
    link.says('<delProperty device="Mount" held="999999"/>')
    desk.wait(1.1)
    assert client.heard() == gone("Mount") + "\n"


@pytest.mark.parametrize("held", ["-1", "1e3", "", "0", "99999999999999999999", "x"])
def test_what_is_no_time_is_no_hold(held: str) -> None:
    desk = Desk(link_hold=HOLD)
    client, link = desk.watcher(), there(desk, "a", OTHER, number("Mount", via=OTHER))
    client.heard()
    link.says(f'<delProperty device="Mount" held="{held}"/>')
    assert client.heard() == gone("Mount") + "\n"


@pytest.mark.parametrize("kind", ["driver", "plain"])
def test_only_a_router_can_say_that_a_device_may_come_back(kind: str) -> None:
    desk = Desk(link_hold=HOLD)
    client = desk.watcher()
    provider = desk.driver() if kind == "driver" else desk.plain()
    provider.says(number("Mount"))
    client.heard()
    provider.says('<delProperty device="Mount" held="5000"/>')
    assert "delProperty" in client.heard() and not named(desk, "Mount")


def test_a_command_for_it_is_answered_at_once() -> None:
    desk = Desk(link_hold=HOLD)
    client, link = desk.watcher(), there(desk, "a", OTHER, number("Mount", via=OTHER))
    client.heard()
    link.hangs_up()
    client.says(new("Mount"))
    assert "Mount is not there: the request was not delivered" in client.heard()
    back = there(desk)
    answers(back, number("Mount", via=OTHER))
    assert "newNumberVector" not in back.heard()


def test_who_comes_meanwhile_is_told_what_the_others_see_and_links_are_not() -> None:
    desk = Desk(link_hold=HOLD)
    link = there(desk, "a", OTHER, number("Mount", via=OTHER), value("Mount", "7"))
    link.hangs_up()
    client = desk.client()
    client.says('<getProperties version="1.7"/>')
    heard = client.heard()
    assert 'device="Mount"' in heard and ">7<" in heard
    router = desk.opens("b")
    router.says(f'<getProperties version="1.7" inditree="1" via="{THIRD}" to="{ME}"/>')
    assert "Mount" not in router.heard()
    plain = desk.opens("c")
    plain.says('<message message="hello"/>')
    assert "Mount" not in plain.heard()


def test_a_client_that_turns_out_to_be_a_server_is_told_as_links_are() -> None:
    desk = Desk(link_hold=HOLD)
    link, server = there(desk, "a", OTHER, number("Mount", via=OTHER)), desk.client(Policy(peers="any"))
    server.says('<getProperties version="1.7"/>')
    link.hangs_up()
    server.heard()
    server.says(number("Dome"))
    assert server.heard().startswith(gone("Mount"))


def test_who_comes_meanwhile_is_told_where_definitions_are_forwarded_too() -> None:
    desk = Desk(link_hold=HOLD, forwarded=True)
    there(desk, "a", OTHER, number("Mount", via=OTHER)).hangs_up()
    client = desk.client()
    client.says('<getProperties version="1.7"/>')
    assert 'device="Mount"' in client.heard()


def test_clients_hear_what_differs_and_links_hear_it_whole() -> None:
    desk = Desk(link_hold=HOLD)
    client, link = desk.watcher(), there(desk, "a", OTHER, number("Mount", via=OTHER), number("Mount", "P", via=OTHER))
    router = desk.router(THIRD, "b")
    router.heard(), client.heard()
    link.hangs_up()
    router.heard()
    changed = number("Mount", via=OTHER).replace(">1<", ">2<")
    renamed = number("Mount", "P", via=OTHER).replace('label="m"', 'label="other"')
    answers(there(desk), changed, renamed)
    heard = client.heard().splitlines()
    assert heard[0].startswith('<setNumberVector device="Mount" name="N"') and ">2<" in heard[0]
    assert heard[1] == gone("Mount", "P")
    assert heard[2].startswith('<defNumberVector device="Mount" name="P"') and "other" in heard[2]
    assert len(heard) == 3
    assert router.heard().count("<defNumberVector") == 2


def test_a_property_that_is_not_there_again_goes_when_the_answer_has_ended() -> None:
    desk = Desk(link_hold=HOLD)
    client, link = desk.watcher(), there(desk, "a", OTHER, number("Mount", via=OTHER), number("Mount", "P", via=OTHER))
    client.heard()
    link.hangs_up()
    desk.wait(1.0)
    back = there(desk)
    back.says(number("Mount", via=OTHER))
    assert client.heard() == ""
    back.heard()
    back.says('<pingReply uid="hold/1"/>')
    desk.wait(0.01)
    assert client.heard() == gone("Mount", "P") + "\n"
    assert back.heard() == ""  # it is its own device
    assert not desk.node.core.state.holding.devices


@pytest.mark.parametrize("identity", ["R7.2", THIRD])
def test_of_a_router_that_was_restarted_it_goes_at_the_end_of_link_hold(identity: str) -> None:
    desk = Desk(link_hold=HOLD)
    client, link = desk.watcher(), there(desk, "a", OTHER, number("Mount", via=OTHER), number("Mount", "P", via=OTHER))
    client.heard()
    link.hangs_up()
    desk.wait(1.0)
    answers(there(desk, "back", identity), number("Mount", via=identity))
    desk.wait(HOLD - 1.1)
    assert client.heard() == ""
    desk.wait(0.2)
    assert client.heard() == gone("Mount", "P") + "\n"


def test_a_restarted_driver_may_define_slowly() -> None:
    desk = Desk(link_hold=HOLD)
    client, link = desk.watcher(), there(desk, "a", OTHER, number("Mount", via=OTHER), number("Mount", "P", via=OTHER))
    client.heard()
    link.hangs_up()
    desk.wait(1.0)
    back = there(desk, "back", "R7.2", number("Mount", via="R7.2"))
    desk.wait(2.0)
    back.says(number("Mount", "P", via="R7.2"))
    desk.wait(2 * HOLD)
    assert client.heard() == ""


def test_values_of_what_was_not_defined_again_wait_for_its_definition() -> None:
    desk = Desk(link_hold=HOLD)
    client, link = desk.watcher(), there(desk, "a", OTHER, number("Mount", via=OTHER), number("Mount", "P", via=OTHER))
    client.heard()
    link.hangs_up()
    back = there(desk, "back", OTHER, number("Mount", via=OTHER))
    back.says(value("Mount", "9", "P"), value("Mount", "3"))
    assert client.heard() == value("Mount", "3") + "\n"
    back.says(number("Mount", "P", via=OTHER))
    assert client.heard() == ""


def test_a_driver_of_our_own_is_believed_at_once_and_may_take_its_time() -> None:
    desk = Desk(link_hold=HOLD)
    client, link = desk.watcher(), there(desk, "a", OTHER, number("Mount", via=OTHER), number("Mount", "P", via=OTHER))
    driver = desk.driver()
    driver.says(number("Mount"))
    driver.heard(), client.heard()
    link.hangs_up()
    assert driver.heard() == '<getProperties version="1.7" device="Mount"/>\n'
    driver.says(value("Mount", "3", "P"), number("Mount"))
    client.says(new("Mount"))
    assert "newNumberVector" in driver.heard()
    assert client.heard() == ""
    desk.wait(HOLD)
    assert client.heard() == gone("Mount", "P") + "\n"


def test_the_link_that_was_lost_is_believed_at_once_and_no_other() -> None:
    desk = Desk(link_hold=HOLD)
    link, spare = (
        there(desk, "a", OTHER, number("Mount", via=OTHER), number("Dome", via=OTHER)),
        desk.router(THIRD, "b"),
    )
    link.hangs_up()
    there(desk, "c", "R9.1", number("Dome", via="R9.1"))
    spare.says(number("Dome", via=f"{OTHER},{THIRD}"))
    back = there(desk, "a", OTHER, number("Mount", via=OTHER))
    assert desk.node.core.ownership.owners == {"Mount": back.peer}


def test_a_device_that_its_router_has_no_more_goes_when_the_answer_has_ended() -> None:
    desk = Desk(link_hold=HOLD)
    client, link = desk.watcher(), there(desk, "a", OTHER, number("Mount", via=OTHER), number("Dome", via=OTHER))
    client.heard()
    link.hangs_up()
    answers(there(desk, "a", OTHER), number("Mount", via=OTHER))
    desk.wait(0.01)
    assert client.heard() == gone("Dome") + "\n"


@pytest.mark.parametrize(
    ("name", "identity", "via"), [("a", "R7.2", OTHER), ("other", OTHER, OTHER), ("a", OTHER, f"{THIRD},{OTHER}")]
)
def test_what_another_run_or_link_does_not_bring_may_still_come(name: str, identity: str, via: str) -> None:
    desk = Desk(link_hold=HOLD)
    client, link = desk.watcher(), there(desk, "a", OTHER, number("Mount", via=via))
    client.heard()
    link.hangs_up()
    answers(there(desk, name, identity))
    desk.wait(HOLD - 0.1)
    assert client.heard() == ""
    desk.wait(0.2)
    assert client.heard() == gone("Mount") + "\n"


def test_another_path_is_looked_for_by_the_rules_of_the_tree() -> None:
    desk = Desk(link_hold=HOLD)
    client, link = desk.watcher(), there(desk, "a", OTHER, number("Mount", via=OTHER))
    spare = there(desk, "b", THIRD, number("Mount", via=f"{OTHER},{THIRD}"))
    client.heard(), spare.heard()
    link.hangs_up()
    spare.says(number("Mount", via=f"{OTHER},{THIRD}"))
    assert not desk.node.core.ownership.owners
    desk.wait(0.4)
    heard = spare.heard()
    assert '<getProperties version="1.7" device="Mount"/>' in heard and pings(heard)
    spare.says(number("Mount", via=f"{OTHER},{THIRD}"))
    assert "Mount" in desk.node.core.ownership.owners
    desk.wait(2 * HOLD)
    assert client.heard() == ""


@pytest.mark.parametrize("again", [True, False])
def test_an_owner_that_deletes_its_device_in_a_blip_is_believed(again: bool) -> None:
    desk = Desk(link_hold=HOLD)
    client, link = desk.watcher(), there(desk, "a", OTHER, number("Mount", via=OTHER))
    client.heard()
    if again:
        link.hangs_up()
        link = there(desk, "a", OTHER, number("Mount", via=OTHER))
    else:
        link.says('<delProperty device="Mount" held="4000"/>')
    link.says(gone("Mount"))
    assert client.heard() == gone("Mount") + "\n"
    assert not desk.node.core.state.holding.devices


def test_two_blips_at_once_hold_for_one_time() -> None:
    desk = Desk(link_hold=HOLD)
    client, link = desk.watcher(), there(desk, "a", OTHER, number("Mount", via=OTHER), number("Mount", "P", via=OTHER))
    client.heard()
    link.hangs_up()
    desk.wait(3.0)
    there(desk, "b", "R7.2", number("Mount", via="R7.2")).hangs_up()
    desk.wait(2.1)
    assert client.heard() == gone("Mount", "P") + "\n"
    desk.wait(3.0)
    assert client.heard() == gone("Mount") + "\n"


def test_who_stops_says_so_and_nothing_is_held() -> None:
    desk = Desk(link_hold=HOLD)
    desk.driver().says(number("Mount"))
    client, link = desk.watcher(), there(desk, "a", OTHER, number("Dome", via=OTHER))
    client.heard(), link.heard()
    desk.node.close(link.peer, "shutdown")
    desk.node.flush()
    assert link.heard() == gone("Mount") + "\n"
    assert client.heard() == gone("Dome") + "\n"


def test_wishes_for_images_stay() -> None:
    desk = Desk(link_hold=HOLD)
    client, link = desk.watcher(), there(desk, "a", OTHER, camera(via=OTHER))
    client.says("<enableBLOB device='Cam'>Also</enableBLOB>")
    assert "Also" in link.heard()
    link.hangs_up()
    back = there(desk)
    answers(back, camera(via=OTHER))
    assert '<enableBLOB device="Cam" name="B">Also</enableBLOB>' in back.heard()
    client.heard()
    back.says(image())
    assert image() in client.heard()


def test_wishes_stay_on_a_link_that_says_that_its_device_is_held() -> None:
    desk = Desk(link_hold=HOLD)
    client, link = desk.watcher(), there(desk, "a", OTHER, camera(via=f"{THIRD},{OTHER}"))
    client.says("<enableBLOB device='Cam'>Also</enableBLOB>")
    link.heard(), client.heard()
    link.says('<delProperty device="Cam" held="4000"/>', camera(via=f"{THIRD},{OTHER}"), image())
    assert client.heard() == image() + "\n"
    assert "enableBLOB" not in link.heard()


def test_an_answer_is_said_to_have_ended_when_all_is_there_again() -> None:
    desk = Desk(link_hold=HOLD)
    far = there(desk, "a", OTHER, number("Mount", via=OTHER), number("Mount", "P", via=OTHER))
    asker = desk.router(THIRD, "b")
    far.hangs_up()
    back = there(desk, "a", OTHER, number("Mount", via=OTHER))
    asker.heard()
    asker.says('<getProperties version="1.7" device="Mount"/><pingRequest uid="hold/7"/><pingRequest uid="probe/9"/>')
    heard = asker.heard()
    assert 'name="N"' in heard and "probe/9" in heard and "hold/7" not in heard
    back.says(number("Mount", "P", via=OTHER))
    heard = asker.heard()
    assert heard.index('name="P"') < heard.index("hold/7")


def test_where_drivers_answer_themselves_nobody_says_that_they_have() -> None:
    desk = Desk(link_hold=HOLD, forwarded=True)
    driver, asker = desk.driver(), desk.router(THIRD, "b")
    driver.says(number("Mount"))
    asker.heard()
    asker.says('<getProperties version="1.7" device="Mount"/><pingRequest uid="hold/7"/><pingRequest uid="probe/9"/>')
    heard = asker.heard()
    assert "getProperties" in driver.heard() and "probe/9" in heard and "hold/7" not in heard


def test_held_devices_take_a_part_of_the_memory_at_most(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("inditree.core.holding.PART", 1 << 20)
    desk = Desk(link_hold=HOLD)
    client, link = desk.watcher(), there(desk, "a", OTHER, number("Mount", via=OTHER))
    client.heard()
    link.hangs_up()
    assert client.heard() == gone("Mount") + "\n"


def test_the_message_of_a_device_goes_to_all_links_that_are_told_of_it() -> None:
    """The path that counts is that of who provides it now."""
    desk = Desk(link_hold=HOLD)
    there(desk, "a", OTHER, number("Mount", via=f"{THIRD},{OTHER}"), number("Mount", "P", via=OTHER)).hangs_up()
    third = desk.router(THIRD, "b")
    there(desk, "c", "R9.1", number("Mount", "P", via="R9.1")).says('<message device="Mount" message="moved"/>')
    assert "moved" in third.heard()


def test_commands_that_are_open_end_with_the_link() -> None:
    desk = Desk(link_hold=HOLD)
    client, link = desk.watcher(), there(desk, "a", OTHER, number("Mount", via=OTHER))
    client.says(new("Mount"))
    link.hangs_up()
    assert desk.counters.commands["Mount"]["undeliverable"] == 1


@pytest.mark.parametrize("run", ["R7.1", "R7.2"])
def test_only_a_device_of_another_run_of_its_router_appears_anew(run: str) -> None:
    desk = Desk(link_hold=HOLD)
    link = there(desk, "a", OTHER, number("Mount", via=OTHER))
    before = desk.node.core.view.devices["Mount"]
    link.hangs_up()
    answers(there(desk, "a", run), number("Mount", via=run))
    after = desk.node.core.view.devices["Mount"]
    assert (after is before) == (run == OTHER) and after.properties is before.properties


def test_thousands_of_devices_that_do_not_come_back_are_a_few_lines() -> None:
    desk = Desk(link_hold=HOLD)
    client = desk.watcher()
    link = there(desk, "a", OTHER, *(number(f"D{each}", via=OTHER) for each in range(600)))
    link.hangs_up()
    before = len(desk.logs)
    desk.wait(HOLD + 2.0)
    assert client.heard().count("<delProperty") == 600
    said = [each for each in desk.logs[before:] if "no longer provided" in each]
    assert len(said) == 33
    assert said[-1] == "568 more devices: no longer provided by link a"


def test_one_of_a_few_that_does_not_come_back_is_named_whatever_went_before() -> None:
    desk = Desk(link_hold=HOLD)
    for name in ("a", "b", "a"):
        link = there(desk, name, OTHER, *(number(f"D{each}", via=OTHER) for each in range(32)))
        link.hangs_up()
        desk.wait(HOLD + 2.0)
    assert sum("no longer provided" in each for each in desk.logs) == 3 * 32
    assert not any("more devices" in each for each in desk.logs)


def test_a_reply_to_no_ping_of_ours_is_looked_at_no_further() -> None:
    """All that is held was gone through for each of them: 64 KiB kept a router busy for a quarter of a minute."""
    desk = Desk(link_hold=HOLD)
    link = there(desk, "a", OTHER, *(number(f"D{each}", via=OTHER) for each in range(3)))
    link.hangs_up()
    holding = desk.node.core.state.holding
    looked: list[str] = []

    class Watched(dict):  # type: ignore[type-arg]
        def items(self) -> object:  # type: ignore[override]
            looked.append("all")
            return super().items()

    holding.devices = Watched(holding.devices)
    back = there(desk)
    asked = pings(back.heard())
    assert len(asked) == 1
    back.says(*(f'<pingReply uid="hold/{each}"/>' for each in (0, 77, 78, 1 << 70)), *['<pingReply uid="hold/x"/>'] * 9)
    assert looked == []
    back.says(*[f'<pingReply uid="{asked[0]}"/>'] * 9)
    assert looked == ["all"]
    stranger = there(desk, "c", THIRD)
    stranger.heard()
    stranger.says(*[f'<pingReply uid="{asked[0]}"/>'] * 9)
    assert looked == ["all"]


def test_who_answers_no_ping_makes_us_remember_some() -> None:
    desk = Desk(link_hold=HOLD)
    link = there(desk, "a", OTHER, number("D"))
    holding = desk.node.core.state.holding
    for _ in range(1000):
        holding.ping(link.peer)
    assert len(holding._pings[link.peer]) == 64


def test_of_pings_that_wait_for_an_answer_some_are_remembered() -> None:
    """While something of what a link hears is not there again; who asks on is answered at once."""
    desk = Desk(link_hold=HOLD)
    there(desk, "a", OTHER, number("D", "N", via=OTHER), number("D", "M", via=OTHER)).hangs_up()
    asking = there(desk, "c", THIRD)
    back = there(desk)
    back.says(number("D", "N", via=OTHER))
    asking.heard()
    asking.says(*(f'<pingRequest uid="hold/{each}"/>' for each in range(1030)))
    assert asking.heard().count("<pingReply") == 6
    back.says(number("D", "M", via=OTHER))
    assert asking.heard().count("<pingReply") == 1024


def test_of_redundant_paths_some_are_told() -> None:
    desk = Desk()
    link = desk.router()
    before = len(desk.logs)
    link.says(*(number("D", via=f"{OTHER}{each},{ME}") for each in range(300)))
    assert len(link.link.reported) == 256
    assert sum("redundant path" in each for each in desk.logs[before:]) == 256


def test_of_images_that_are_gone_a_link_stays_asked_for_some() -> None:
    """A camera defines itself anew between two frames; who deletes thousands of properties is asked for no more."""
    desk = Desk()
    client, link = desk.watcher(), desk.router()
    link.says(*(camera("Cam", via=OTHER).replace('name="B"', f'name="B{each}"') for each in range(300)))
    client.says("<enableBLOB>Also</enableBLOB>")
    assert link.heard().count(">Also<") == 300
    link.says(*(gone("Cam", f"B{each}") for each in range(300)))
    assert link.heard().count(">Never<") == 300 - 256
