"""A device that its own owner deletes and defines again, in one go: nothing is lost, over however many routers."""

from __future__ import annotations

import itertools

import pytest

from tree.actors import Actor
from tree.desk import ME, OTHER, THIRD, Desk, camera, gone, image, number, value
from tree.grove import Grove
from tree.node import Node
from tree.world import World, join


def test_the_owners_link_is_believed_at_once_and_no_other() -> None:
    desk = Desk()
    watcher, one, two = desk.watcher(), desk.router(OTHER, "one"), desk.router(THIRD, "two")
    one.says(number("Cam", via=OTHER))
    two.says(number("Cam", via=f"{OTHER},{THIRD}"))
    watcher.heard(), one.heard(), two.heard()
    one.says(gone("Cam"))
    two.says(number("Cam", via=f"{OTHER},{THIRD}"))
    assert watcher.heard() == gone("Cam") + "\n"
    one.says(number("Cam", via=OTHER), value("Cam", "7"))
    assert watcher.heard() == number("Cam") + "\n" + value("Cam", "7") + "\n"
    desk.wait(1.0)
    assert one.heard() == ""


def test_after_its_pause_all_are_asked_and_the_first_answer_counts() -> None:
    desk = Desk()
    one, two = desk.router(OTHER, "one"), desk.router(THIRD, "two")
    one.says(number("Cam", via=OTHER))
    one.says(gone("Cam"))
    desk.wait(0.4)
    assert "getProperties" in one.heard()
    two.says(number("Cam", via=f"R9.1,{THIRD}"))
    assert desk.node.core.ownership.owners["Cam"] is two.peer


def test_a_device_that_went_round_is_not_believed_at_once() -> None:
    desk = Desk()
    watcher, one = desk.watcher(), desk.router()
    one.says(number("Cam", via=OTHER))
    one.says(number("Cam", via=f"R9.1,{ME},{OTHER}"))
    watcher.heard()
    one.says(number("Cam", via=OTHER))
    assert watcher.heard() == ""


def test_a_wish_ends_when_the_device_comes_by_another_link() -> None:
    desk = Desk()
    watcher, one, two = desk.watcher(), desk.router(OTHER, "one"), desk.router(THIRD, "two")
    watcher.says("<enableBLOB device='Cam'>Also</enableBLOB>")
    one.says(camera(via=OTHER))
    one.says(gone("Cam"))
    desk.wait(0.4)
    one.heard(), two.heard()
    two.says(camera(via=THIRD))
    assert one.heard().startswith('<enableBLOB device="Cam" name="B">Never</enableBLOB>\n')
    assert two.heard() == '<enableBLOB device="Cam" name="B">Also</enableBLOB>\n'


def test_wishes_for_what_is_not_there_end_with_their_peers_and_are_bounded() -> None:
    desk = Desk()
    watcher, one = desk.watcher(), desk.router()
    watcher.says("<enableBLOB>Also</enableBLOB>")
    for number_ in range(1000):
        name = f"Cam{number_}"
        one.says(camera(name, via=OTHER), gone(name))
    demand = desk.node.core.state.demand
    assert len(demand._sources) <= 256
    one.hangs_up()
    assert demand.empty
    two = desk.router(THIRD, "two")
    two.says(camera(via=THIRD), gone("Cam"))
    watcher.hangs_up()
    assert "Never" in two.heard()
    assert demand.empty


class Party(Actor):
    """Says what it is told to say, and keeps what it hears: an image's text, or the tag."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.heard: list[str] = []

    def element(self, tag: str, attributes: dict[str, str], value: str) -> None:
        self.heard.append(value or tag)


@pytest.mark.parametrize("routers", [2, 3, 4])
def test_what_is_written_in_one_go_arrives_so(routers: int) -> None:
    world = World(1)
    grove = Grove(world)
    nodes: list[Node] = [grove.add_node() for _ in range(routers)]
    for near, far in itertools.pairwise(nodes):
        grove.wire(far, near, slow=0.05)
    world.run()
    driver, viewer = Party("camera"), Party("client")
    port = nodes[0].attach("driver", "camera")
    join(world, port, driver, 0.005, "camera")
    place = nodes[-1].attach("client", "client")
    join(world, place, viewer, 0.005, "client")
    viewer.say(b"<getProperties version='1.7'/><enableBLOB>Also</enableBLOB>")
    driver.say(f"{camera()}\n".encode())
    world.run()
    viewer.heard.clear()
    for frame in range(15):
        driver.say("".join(f"{each}\n" for each in (gone("Cam"), camera(), image(data=f"AAA{frame:X}"))).encode())
    world.run()
    assert viewer.heard == [each for frame in range(15) for each in ("delProperty", "defBLOBVector", f"AAA{frame:X}")]
