"""Images between routers: at most two of a property unanswered, the rest wait at the sender, the newest are kept."""

from __future__ import annotations

import re

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from core.world import Actor, World, blobs, define, delete, get
from flow.race import picture


def linked(queue: int = 10_000) -> tuple[World, Actor, Actor]:
    """A camera, and a router that takes its images."""
    world = World(queue=queue)
    camera = world.driver(*(define("Cam", name, kind="BLOB") for name in ("CCD", "GUIDE")), name="cam")
    link = world.join("client")
    link.say(get(inditree="1", via="THEM"), blobs("Also", "Cam"))
    assert link.peer.is_router
    link.heard()
    return world, camera, link


def names(lines: list[str]) -> list[str]:
    """The images by their number, pings by their uid."""
    found = []
    for line in lines:
        if line.startswith("<setBLOB"):
            found.append(line.split('format=".z">')[1].split("A")[0])
        elif "blob/" in line:
            found.append(line.split('"')[1])
    return found


def test_two_are_sent_and_the_next_ones_wait_for_answers() -> None:
    _, camera, link = linked()
    camera.say(*(picture(number, 300) for number in range(5)))
    assert names(link.heard()) == ["0", "blob/1", "1", "blob/2"]
    link.say('<pingReply uid="blob/1"/>')
    assert names(link.heard()) == ["2", "blob/3"]
    link.say('<pingReply uid="blob/2"/>', '<pingReply uid="blob/3"/>', '<pingReply uid="blob/3"/>')
    assert names(link.heard()) == ["3", "blob/4", "4", "blob/5"]


def test_devices_wait_for_themselves_only_and_properties_for_two_seconds() -> None:
    world, camera, link = linked()
    camera.say(*(picture(number, 300) for number in range(3)))
    camera.say(picture(9, 300).replace('"CCD"', '"GUIDE"'))
    assert names(link.heard()) == ["0", "blob/1", "1", "blob/2"]  # what a device says keeps its order for two seconds
    world.later(2.0)
    assert names(link.heard()) == ["9", "blob/3"]
    other = world.driver(define("Other", "CCD", kind="BLOB"))
    link.say(blobs("Also", "Other"))
    other.say(picture(7, 300, "Other"))
    assert names(link.heard()) == ["7", "blob/4"]


def test_of_what_waits_for_an_answer_the_newest_are_kept() -> None:
    world, camera, link = linked(queue=1000)
    camera.say("<pingRequest uid='SetBLOB/1'/>")
    for number in range(10):
        camera.say(picture(number, 300))
    assert names(link.heard()) == ["0", "blob/1", "1", "blob/2"]
    assert world.dropped("link") == {"superseded": 5}
    link.say('<pingReply uid="blob/1"/>', '<pingReply uid="blob/2"/>')
    assert names(link.heard()) == ["7", "blob/3", "8", "blob/4"]


def test_one_that_was_put_out_needs_no_answer() -> None:
    world, camera, link = linked(queue=1000)
    link.stuck = True
    camera.say("<pingRequest uid='SetBLOB/1'/>")
    camera.say(*(picture(number, 600) for number in range(4)))
    link.stuck = False
    assert names(link.heard()) == ["0", "blob/1", "3", "blob/2"]
    link.say('<pingReply uid="blob/1"/>', '<pingReply uid="blob/2"/>')
    camera.say(picture(5, 600), picture(6, 600))
    assert names(link.heard()) == ["5", "blob/3", "6", "blob/4"]
    assert world.core.intake.memory == 0


@pytest.mark.parametrize("pings", [False, True])
@pytest.mark.parametrize("end", [delete("Cam"), delete("Cam", "CCD"), None])
def test_what_waits_for_an_answer_goes_ahead_of_the_end_of_its_device(end: str | None, pings: bool) -> None:
    """Behind it the other router would refuse them, or show them under the next definition."""
    world, camera, link = linked()
    if pings:
        camera.say("<pingRequest uid='SetBLOB/1'/>")
    camera.say(*(picture(number, 300) for number in range(4 if pings else 3)))
    camera.say(picture(9, 300).replace('"CCD"', '"GUIDE"'))
    if end is None:
        camera.leave()
    else:
        camera.say(end)
    heard = link.heard()
    gone = next(number for number, line in enumerate(heard) if line.startswith("<delProperty"))
    expected = ["0", "1", "2", "3", "9"] if pings else ["0", "1", "2", "9"]
    assert sorted(name for name in names(heard[:gone]) if name.isdigit()) == expected
    assert not any(name.isdigit() for name in names(heard[gone:]))
    assert world.core.intake.memory == 0
    assert link.peer.outbox.lanes.bytes == 0


def test_what_waits_for_a_link_that_goes_is_forgotten() -> None:
    world, camera, link = linked()
    camera.say(*(picture(number, 300) for number in range(5)))
    assert world.core.intake.memory
    link.leave()
    assert world.core.intake.memory == 0


def test_we_answer_when_there_is_room_for_the_next() -> None:
    world = World(queue=1000)
    link = world.join("client")
    link.say(get(inditree="1", via="THEM"), define("Cam", "CCD", kind="BLOB"))
    client = world.client(get(), blobs("Also"))
    link.heard()
    client.stuck = True
    link.say(picture(0, 900), '<pingRequest uid="blob/1"/>')
    assert link.heard() == []  # with this answer two could come, and there is room for one
    link.say(picture(1, 900), '<pingRequest uid="blob/2"/>', '<pingRequest uid="probe/7"/>')
    assert link.heard() == ['<pingReply uid="probe/7"/>']  # other pings are answered at once
    client.take()
    world.later(0.3)
    assert link.heard() == ['<pingReply uid="blob/1"/>']
    link.say(picture(2, 900), '<pingRequest uid="blob/3"/>')
    client.take()
    world.later(0.3)
    assert link.heard() == ['<pingReply uid="blob/2"/>']
    assert not link.peer.held  # a link between routers is never paused


@pytest.mark.parametrize("guide", [0, 50])
@pytest.mark.parametrize("size", [250, 300, 400, 600, 900])
def test_a_client_behind_a_link_loses_no_image_of_a_source_that_can_be_held(size: int, guide: int) -> None:
    """As if the camera were here: 19 of 40 were put out, from a third of the queue on, 31 beside a guide camera.

    Beside one a few find no room: what one property was promised the other does not know of for long.
    """
    world = World(queue=1000)
    link = world.join("client")
    link.say(get(inditree="1", via="THEM"), *(define("Cam", name, kind="BLOB") for name in ("CCD", "GUIDE")))
    client = world.client(get(), blobs("Also"))
    client.stuck = True
    link.heard()
    unsent = {"CCD": list(range(40)), "GUIDE": list(range(40 if guide else 0))}
    unanswered = {"CCD": 0, "GUIDE": 0}
    property_of: dict[str, str] = {}
    taken = b""
    for _ in range(4000):
        for name, numbers in unsent.items():
            if numbers and unanswered[name] < 2:
                uid = f"blob/{len(property_of) + 1}"
                property_of[uid] = name
                unanswered[name] += 1
                data = picture(numbers.pop(0), size if name == "CCD" else guide)
                link.say(data.replace('"CCD"', f'"{name}"'), f'<pingRequest uid="{uid}"/>')
        client.take(97)
        taken += client.read()
        world.later(0.01)
        for uid in names(link.heard()):
            unanswered[property_of[uid]] -= 1
    lost = world.dropped("client").get("superseded", 0)
    assert lost <= (4 if guide else 0)
    assert taken.count(b'"CCD"') + taken.count(b'"GUIDE"') + lost == (80 if guide else 40)
    if guide:  # neither keeps the other waiting
        order = re.findall(rb'name="(CCD|GUIDE)"', taken)
        half = [number for number, name in enumerate(order) if name == b"CCD"][20]
        assert order[:half].count(b"GUIDE") >= 10


def test_an_answer_that_only_room_can_bring_is_not_looked_for_by_the_clock() -> None:
    """Of one picture of which two do not fit the answer may be owed all night."""
    world = World(queue=1000)
    link = world.join("client")
    link.say(get(inditree="1", via="THEM"), define("Cam", "CCD", kind="BLOB"))
    client = world.client(get(), blobs("Also"))
    link.say(picture(0, 900), '<pingRequest uid="blob/1"/>')
    assert len(client.heard()) == 1
    world.later(5.0)
    world.wake_at = float("inf")
    world.core.tick()
    world.run()
    assert world.wake_at == float("inf")
    assert "blob/1" not in "".join(link.heard())


def dropped_unread() -> tuple[World, Actor, Actor]:
    """A router with a slow client, for whom a guide camera that somebody else takes too put out both images of Cam."""
    world = World(queue=1000)
    link = world.join("client")
    link.say(get(inditree="1", via="THEM"), *(define(device, "CCD", kind="BLOB") for device in ("Cam", "Guider")))
    slow, fast = world.client(get(), blobs("Also")), world.client(get(), blobs("Also", "Guider"))
    slow.stuck = True
    link.heard()
    link.say(picture(0, 400, "Guider"), '<pingRequest uid="blob/1"/>')
    for number in range(2):
        link.say(picture(number, 700, "Cam"), f'<pingRequest uid="blob/{2 + number}"/>')
    world.later(0.3)
    link.say(picture(1, 400, "Guider"), '<pingRequest uid="blob/4"/>')
    assert len([line for line in fast.heard() if line.startswith("<setBLOB")]) == 2
    assert world.dropped("client").get("superseded") == 2
    assert link.heard() == ['<pingReply uid="blob/1"/>', '<pingReply uid="blob/4"/>']
    return world, link, slow


def test_what_was_dropped_unread_is_not_answered_until_it_would_have_been_read() -> None:
    """Else the next one crosses the link only to be dropped, and the link looks faster than who is behind it."""
    world, link, slow = dropped_unread()
    link.say(picture(2, 400, "Guider"), '<pingRequest uid="blob/5"/>')
    assert link.heard() == ['<pingReply uid="blob/5"/>']
    slow.take(600)
    world.later(0.1)
    assert link.heard() == []
    slow.take(200)
    world.later(0.1)
    assert link.heard() == ['<pingReply uid="blob/2"/>']


@pytest.mark.parametrize("end", ["time", "mode", "leaves", "newcomer", "nothing"])
def test_no_answer_for_what_was_dropped_is_owed_for_ever(end: str) -> None:
    world, link, slow = dropped_unread()
    if end == "time":
        world.later(1.2)
        link.say(picture(2, 400, "Guider"), '<pingRequest uid="blob/5"/>')
        world.later(0.3)
        link.say(picture(3, 400, "Guider"), '<pingRequest uid="blob/6"/>')
        world.later(0.3)
        assert link.heard() == ['<pingReply uid="blob/5"/>', '<pingReply uid="blob/6"/>']
        world.later(0.3)
    elif end == "mode":
        slow.say(blobs("Never", "Cam"))
    elif end == "leaves":
        slow.leave()
    elif end == "newcomer":  # nothing was dropped for it; it waits as one does at a source that is held
        world.client(get("Cam"), blobs("Also", "Cam"))
        world.later(0.3)
    else:  # all that waited was taken: less than was dropped
        slow.take()
    assert '<pingReply uid="blob/2"/>' in link.heard()


def test_images_that_nobody_wants_are_answered_at_once() -> None:
    world = World()
    link = world.join("client")
    link.say(get(inditree="1", via="THEM"), define("Cam", "CCD", kind="BLOB"))
    link.heard()
    link.say(picture(0, 900), '<pingRequest uid="blob/1"/>')
    assert link.heard() == ['<pingReply uid="blob/1"/>']


@settings(max_examples=100, deadline=None, phases=(Phase.generate,))
@given(
    st.lists(st.sampled_from(["CCD", "GUIDE", "take", "take", "answer"]), max_size=80), st.sampled_from([150, 300, 600])
)
def test_bounds_and_order(actions: list[str], size: int) -> None:
    world, camera, link = linked(queue=1000)
    camera.say("<pingRequest uid='SetBLOB/1'/>")
    link.stuck = True
    came: dict[str, list[int]] = {"CCD": [], "GUIDE": []}
    newest: dict[str, int] = {}
    open_: list[tuple[str, str]] = []

    def take(most: int) -> None:
        link.take(most)
        data.extend(link.read())
        while b"\n" in data:
            line = bytes(data[: data.index(b"\n") + 1]).decode()
            del data[: len(line)]
            if line.startswith("<setBLOB"):
                property_ = "CCD" if '"CCD"' in line else "GUIDE"
                came[property_].append(int(names([line])[0]))
                open_.append((property_, ""))
                assert sum(each == property_ for each, _ in open_) <= 2
            elif "blob/" in line:
                open_[-1] = (open_[-1][0], names([line])[0])

    def answer() -> None:
        if open_ and open_[0][1]:
            link.say(f'<pingReply uid="{open_.pop(0)[1]}"/>')

    data = bytearray()
    for number, action in enumerate(actions):
        if action == "take":
            take(250)
        elif action == "answer":
            answer()
        else:
            newest[action] = number
            camera.say(picture(number, size).replace('"CCD"', f'"{action}"'))
        lanes = link.peer.outbox.lanes
        assert lanes.bytes <= 1000 or lanes.count == 1
    for _ in range(200):
        take(1 << 20)
        answer()
    for numbers in came.values():
        assert numbers == sorted(numbers)
    if newest:
        last = max(newest, key=lambda property_: newest[property_])
        assert came[last][-1] == newest[last]
    assert world.core.intake.memory == 0
    assert link.peer.outbox.lanes.bytes == 0
