"""Plain servers that several links lead to: what they repeat goes nowhere, and nothing of theirs is shown to them."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inditree.tree.circulation import key_of
from tree.desk import ME, OTHER, Desk, End, gone, new, number, value

HOST = "10.0.0.5:7624"


def two(desk: Desk) -> tuple[End, End]:
    """Two links to one plain server, by two names, with a device each."""
    one = desk.plain("one", site=HOST)
    two = desk.plain("two", site=HOST)
    one.says(number("Dev0"))
    two.says(number("Dev1"))
    one.heard(), two.heard()
    return one, two


def test_a_plain_link_for_one_device_is_shown_nothing() -> None:
    desk = Desk()
    driver = desk.driver()
    driver.says(number("Mount"))
    link = desk.plain(device="Dev0")
    driver.says(number("Focuser"), value("Mount"), '<message message="hi"/>', '<message device="Mount" message="m"/>')
    driver.says(gone("Mount"))
    desk.node.core.broadcast("to all")
    desk.node.flush()
    assert link.heard() == ""


def test_a_router_for_one_device_is_shown_what_it_is_shown_now() -> None:
    desk = Desk()
    link = desk.router(OTHER, device="Dev0")
    desk.driver().says(number("Dev0"))
    assert 'device="Dev0"' in link.heard()


def test_a_plain_link_for_one_device_carries_its_commands() -> None:
    desk = Desk()
    client, link = desk.watcher(), desk.plain(device="Dev0")
    link.says(number("Dev0"))
    client.says(new("Dev0"))
    assert link.heard() == new("Dev0") + "\n"


def test_a_question_to_all_is_about_the_one_device_of_such_a_link() -> None:
    desk = Desk(forwarded=True)
    link, all_of_it = desk.plain(device="Dev0"), desk.plain("all")
    client = desk.client()
    client.says('<getProperties version="1.7"/>', '<getProperties version="1.7" device="Mount"/>')
    assert link.heard() == '<getProperties version="1.7" device="Dev0"/>\n'
    assert 'device="Mount"' in all_of_it.heard()


def test_what_came_from_a_server_is_not_shown_on_another_link_to_it() -> None:
    desk = Desk()
    one, two_ = two(desk)
    one.says(value("Dev0"), '<message device="Dev0" message="hm"/>', '<message message="all"/>', gone("Dev0"))
    assert one.heard() == two_.heard() == ""
    other = desk.opens("three", site="10.0.0.6:7624")
    other.says('<message message="hello"/>')
    heard = other.heard()
    one.says(number("Dev2"), '<message message="us"/>')
    heard += other.heard()
    assert "Dev1" in heard
    assert "Dev2" in heard
    assert "us" in heard


def test_what_a_server_of_two_routers_repeats_does_not_go_round_over_both() -> None:
    """However slowly: once a second is too seldom for a circulation to be seen."""
    desk = Desk()
    router = desk.router(OTHER, "dome")
    router.says(number("Dev0", via=f"pi:7624,{OTHER}"), number("Dev1", via=OTHER))
    server, client = desk.plain("pi"), desk.watcher()
    client.heard(), router.heard()
    server.says(new("Dev0"), new("Dev1"))
    assert router.heard() == new("Dev1") + "\n"
    assert client.heard() == new("Dev0") + "\n" + new("Dev1") + "\n"


def test_what_a_link_for_one_device_brings_of_another_one_is_an_echo() -> None:
    """Its far end is shown nothing: over this link its clients can know only that device. Slowly it goes round, too."""
    desk = Desk()
    router, client = desk.router(OTHER, "dome"), desk.watcher()
    server = desk.plain("pi", device="Dev0")
    server.says(number("Dev0"))
    router.says(number("Dev1", via=f"other-name:7624,{OTHER}"))
    client.heard(), router.heard()
    for _ in range(3):
        server.says(new("Dev1"))
        desk.wait(1.0)
    assert router.heard() == ""
    assert client.heard() == 3 * (new("Dev1") + "\n")


def test_a_server_that_is_shown_nothing_commands_nothing_of_ours() -> None:
    desk = Desk()
    driver, server = desk.driver(), desk.plain(share=False)
    driver.says(number("Mount"))
    driver.heard()
    server.says(new("Mount"))
    assert driver.heard() == ""


def test_a_command_to_the_camera_of_a_plain_server_is_none_to_ours_of_that_name() -> None:
    desk = Desk()
    driver, server = desk.driver(), desk.plain()
    driver.says(number("Cam"), number("Mount"))
    server.says(number("Cam"))
    driver.heard()
    server.says(new("Cam"), new("Mount"))
    assert driver.heard() == new("Mount") + "\n"


def test_what_a_server_says_of_no_device_is_told_once_and_not_to_itself() -> None:
    """It says that to all its clients; the ID of that server stands behind ours in the path."""
    desk = Desk()
    one, two_ = two(desk)
    client, router = desk.watcher(), desk.router(OTHER, "dome")
    router.heard()
    for each in (one, two_):
        each.says('<message message="dew"/>')
    assert client.heard() == '<message message="dew"/>\n'
    path = f'via="{ME},one:7624"'
    heard = router.heard()
    assert heard.count("dew") == heard.count(path) == 1
    one.heard(), two_.heard()
    router.says(f'<message message="rain" via="{OTHER},two:7624" seq="1"/>')
    router.says(f'<message message="wind" via="{OTHER},three:7624" seq="2"/>')
    assert (one.heard().count("rain"), two_.heard()) == (1, '<message message="wind"/>\n')
    one.hangs_up()
    client.heard()
    two_.says('<message message="dry"/>')
    assert client.heard() == '<message message="dry"/>\n'


def test_a_server_is_not_told_what_came_from_it_over_other_routers() -> None:
    desk = Desk()
    router = desk.router(OTHER, "dome")
    router.says(number("Dev0", via=f"pi:7624,{OTHER}"), number("Dev1", via=OTHER))
    server = desk.opens("pi")
    server.says('<message message="hello"/>')
    router.says(value("Dev0"), value("Dev1"), '<message device="Dev0" message="hm"/>')
    heard = server.heard()
    assert "Dev1" in heard
    assert "Dev0" not in heard


def test_what_a_driver_of_ours_shares_with_it_ends_when_it_defines_that_itself() -> None:
    desk = Desk()
    driver, one = desk.driver(), desk.plain("one", site=HOST)
    driver.says(number("Dev0"), value("Dev0"))
    assert "<setNumber" in one.heard()
    desk.plain("two", site=HOST).says(number("Dev0"))
    driver.says(value("Dev0"))
    assert one.heard() == ""


def test_an_echo_over_another_link_is_told_to_clients_and_never_sent_on() -> None:
    desk = Desk()
    one, two_ = two(desk)
    client = desk.watcher()
    one.says(new("Dev1"))
    assert client.heard() == new("Dev1") + "\n"
    assert two_.heard() == ""
    one.says(new("Dev0"))
    assert client.heard() == new("Dev0") + "\n"
    assert one.heard() == ""


def test_what_a_client_of_a_plain_server_asks_of_another_server_is_sent_on() -> None:
    desk = Desk()
    one, _ = two(desk)
    other = desk.plain("three", site="10.0.0.6:7624")
    other.says(number("Dev3"))
    other.heard()
    one.says(new("Dev3"))
    assert other.heard() == new("Dev3") + "\n"


def test_two_ways_to_one_server_are_no_conflict() -> None:
    desk = Desk()
    one, two_ = two(desk)
    two_.says(number("Dev0"))
    assert not desk.node.core.ownership.conflicts
    assert one.link.reported or two_.link.reported


def unseen(desk: Desk) -> tuple[End, End]:
    """Two links to one plain server that no address shows."""
    one, two = desk.plain("one", site="10.0.0.5:7624"), desk.plain("two", site="10.0.0.6:7624")
    two.says(number("Dev1"))
    one.heard(), two.heard()
    return one, two


def test_what_goes_round_is_cut_off_counted_and_said_once() -> None:
    desk = Desk()
    client = desk.watcher()
    one, two = unseen(desk)
    client.says(new("Dev1"))
    rounds = 0
    while "<newNumberVector" in two.heard():
        rounds += 1
        assert rounds < 100, "it goes round without end"
        # A plain server writes it anew.
        text = "<newNumberVector name='N'  device='Dev1'>\n <oneNumber name='M'>\n5 \n</oneNumber>\n</newNumberVector>"
        one.says(text)
    assert rounds == 21  # the request, and twenty that came round
    assert desk.counters.peers["link"].dropped_messages["loop"] == 1
    one.says(new("Dev1"), new("Dev1"))
    assert two.heard() == ""
    assert len([text for text in desk.logs if "circulates" in text]) == 1
    one.says(new("Dev1", "6"))
    assert two.heard() == new("Dev1", "6") + "\n"  # another request
    desk.wait(10.1)
    one.says(new("Dev1"))
    assert new("Dev1") in two.heard()


def test_ten_equal_jogs_in_two_seconds_are_no_circulation() -> None:
    desk = Desk()
    one, two = unseen(desk)
    for _ in range(10):
        one.says(new("Dev1"))
        desk.wait(0.2)
    assert two.heard().count("<newNumberVector") == 10


def test_a_client_may_ask_as_often_as_it_likes() -> None:
    desk = Desk()
    client, link = desk.watcher(), desk.plain()
    link.says(number("Dev1"))
    link.heard()
    client.says(*[new("Dev1")] * 100)
    assert link.heard().count("<newNumberVector") == 100


def test_what_is_remembered_of_requests_is_bounded() -> None:
    desk = Desk()
    one, two = unseen(desk)
    for number_ in range(3000):
        one.says(new("Dev1", str(number_)))
    two.heard()
    assert desk.node.core.state.circulation.size <= 1024


def doubled(desk: Desk) -> list[str]:
    """What the operator was told of commands that came by two ways."""
    return [text for text in desk.logs if "by two ways" in text]


def asking(desk: Desk, name: str, device: str = "Mount") -> End:
    """A plain server that has us as its remote for one device: it looks like any client."""
    end = desk.client(name=name)
    end.says(f'<getProperties version="1.7" device="{device}"/>')
    end.heard()
    return end


def test_a_command_that_a_plain_server_says_at_two_routers_is_carried_out_twice_and_told_once() -> None:
    """Nothing in it says that it is one: two equal jogs are two."""
    desk = Desk()
    driver, other = desk.driver(), desk.router(OTHER, "dome")
    driver.says(number("Mount"))
    server = asking(desk, "10.0.0.5:4000")
    driver.heard()
    for _ in range(3):
        for end in (server, other):
            end.says(new("Mount"))
        desk.wait(1.0)
    assert driver.heard() == 6 * (new("Mount") + "\n")
    assert doubled(desk) == [
        "10.0.0.5:4000: newNumberVector Mount.N came by two ways within half a second, from client 10.0.0.5:4000 "
        "and from link dome, and is carried out twice (logged once for these two). Unless two people sent it, it is "
        "of a plain server that is linked to two routers of a tree, or twice to one: let it have one link"
    ]


def test_one_that_is_linked_twice_to_one_router_is_told_of_too() -> None:
    desk = Desk()
    driver = desk.driver()
    driver.says(number("Mount"))
    one, two = asking(desk, "10.0.0.5:4000"), asking(desk, "10.0.0.5:4001")
    for end in (one, two):
        end.says(new("Mount"))
    assert len(doubled(desk)) == 1


@pytest.mark.parametrize("case", ["other value", "later", "gone", "people", "other hosts", "one way"])
def test_what_is_no_such_server_is_not_told_of(case: str) -> None:
    desk = Desk()
    driver, other = desk.driver(), desk.router(OTHER, "dome")
    driver.says(number("Mount"))
    one = desk.watcher() if case == "people" else asking(desk, "10.0.0.5:4000")
    two = asking(desk, "10.0.0.6:4000") if case == "other hosts" else other
    one.says(new("Mount"))
    if case == "later":
        desk.wait(0.6)
    elif case == "gone":
        one.hangs_up()
    two = one if case == "one way" else two
    two.says(new("Mount", "6" if case == "other value" else "5"))
    assert driver.heard().count("<newNumberVector") == 2
    assert not doubled(desk)


def test_of_requests_that_could_come_again_some_are_remembered() -> None:
    desk = Desk()
    driver, other = desk.driver(), desk.router(OTHER, "dome")
    driver.says(number("Mount"))
    for each in range(300):
        other.says(new("Mount").replace('name="N"', f'name="N{each}"'))
    other.says(new("Mount", "5" * 20_000))
    assert len(desk.node.core.state.doubled) == 64


MEMBER_START = st.sampled_from(
    ["<oneNumber name='V'>", "<oneNumber  label='x' name = \"W\" >", "<oneNumber\n name='a'\n>", "<oneNumber>"]
)
BLANKS = st.text(" \n", max_size=2)
MEMBERS = st.lists(
    st.builds("{}{}{}{}</oneNumber>{}".format, MEMBER_START, BLANKS, st.sampled_from(["", "1", "1 1"]), BLANKS, BLANKS),
    max_size=4,
).map("".join)
OLD_MEMBER = re.compile(rb"<one\w++[^>]*?\bname\s*+=\s*+(\"[^\"]*+\"|'[^']*+')[^>]*+>([^<]*+)")


@given(MEMBERS, MEMBERS)
def test_members_are_told_apart_as_before_where_they_are_xml(one: str, other: str) -> None:
    """Where they are, no pattern need look beyond a `<`."""

    def values(text: str) -> list[tuple[bytes, bytes]]:
        return [(name[1:-1], text.strip()) for name, text in OLD_MEMBER.findall(text.encode())]

    assert (key_of("D", "P", one.encode()) == key_of("D", "P", other.encode())) == (values(one) == values(other))
