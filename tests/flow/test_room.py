"""docs/flow.md, "Room": cameras at one client lose no image to each other, whatever happens in which order."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from core.world import World, blobs, define, get
from flow.chain import Camera, Chain, Receiver
from flow.race import picture
from flow.test_outbox import image
from inditree.flow.image_queue import PropertyQueue
from inditree.flow.outbox import Outbox
from inditree.tree.link import Link

QUEUE = 10_000

CAMERAS = ["0", "1", "2"]
SHORT = "short"
"""A fiftieth of a second: the paces are judged anew."""


class Scene:
    """Cameras at the first of some routers in a row, a client of all of them at the last. Nothing moves by itself."""

    def __init__(self, cameras: int, part: float, hops: int) -> None:
        self.size = int(QUEUE * part) - 30
        self.worlds = [World(queue=QUEUE, identity=f"R{number}") for number in range(hops + 1)]
        self.links = []
        for near, far in zip(self.worlds, self.worlds[1:], strict=False):
            self.links.append((near.join("client"), far.join("link", link=Link(opener=True, path_id="x"))))
        self.cameras = [
            self.worlds[0].driver(define(f"Cam{number}", "CCD", kind="BLOB"), name=f"Cam{number}")
            for number in range(cameras)
        ]
        self._settle()
        self.client = self.worlds[-1].client(get(), blobs("Also"))
        self._settle()
        for each in (self.client, *(end for link in self.links for end in link)):
            each.stuck = True
        self.said = [0] * cameras

    def _settle(self) -> None:
        for _ in range(8):
            for near, far in self.links:
                for one, other in ((near, far), (far, near)):
                    other.say(one.read())

    def act(self, action: str) -> None:
        """The client or a link takes one image, answers go back, or a camera that is read says its next image."""
        if action == "take":
            self.client.take(self.size)
        elif action == SHORT:
            for world in self.worlds:
                world.later(0.02)
        elif action in CAMERAS:
            number = int(action)
            if number < len(self.cameras) and not self.cameras[number].peer.held:
                self.cameras[number].say(picture(self.said[number], self.size, f"Cam{number}"))
                self.said[number] += 1
        else:
            for near, far in self.links:
                one, other = (near, far) if action == "on" else (far, near)
                one.take(self.size)
                other.say(one.read())

    def dropped(self) -> list[dict[str, int]]:
        return [lost for world in self.worlds for kind in ("client", "link") if (lost := world.dropped(kind))]


ACTIONS = st.lists(st.sampled_from([*CAMERAS, "take", "on", "back", SHORT]), min_size=10, max_size=80)

SECOND_ALLOWED_TOO_SOON = ["0", "0", "take", "1", "0", "1", "2"]
"""Camera 0 waits to be read on while its last image begins to be written: once nobody counted its next one then."""


@pytest.mark.parametrize(
    ("cameras", "part", "hops"), [(3, 0.30, 0), (2, 0.22, 1), (3, 0.15, 1)], ids=["three", "two-linked", "three-linked"]
)
@settings(max_examples=200, deadline=None)
@example(SECOND_ALLOWED_TOO_SOON)
@given(ACTIONS)
def test_no_order_of_events_makes_cameras_lose_to_each_other(
    cameras: int, part: float, hops: int, actions: list[str]
) -> None:
    scene = Scene(cameras, part, hops)
    for action in actions:
        scene.act(action)
    assert scene.dropped() == []


def test_images_arrive_in_the_scene_of_two_routers() -> None:
    """What the test above looks at is no standstill."""
    scene = Scene(2, 0.22, 1)
    for _ in range(20):
        for action in ("0", "1", "on", "take", "back", SHORT):
            scene.act(action)
    assert min(scene.said) >= 8


IMAGES = st.lists(st.tuples(st.sampled_from("ABC"), st.integers(20, 4000)), max_size=12)


@settings(max_examples=500, deadline=None)
@example([("A", 2000), ("A", 2000), ("A", 2000)], 2200, 1, 0)
@example([("A", 5000)], 2200, 1, 3000)
@given(IMAGES, st.integers(20, 4000), st.integers(1, 3), st.integers(0, 3000))
def test_a_further_image_that_fits_drops_none_of_its_own(
    others: list[tuple[str, int]], size: int, own: int, control: int
) -> None:
    """Room that others do not keep is no room where they are smaller: a camera went on and put out its own images."""
    box = Outbox(QUEUE)
    box.put(b"x")
    box.put_blob(image(0, 20, "X"))
    box.next_write()
    for device, each in [*others, *[("Mine", size)] * own]:
        box.put_blob(image(0, each, device))
    box.put(b"c" * control)
    for device in "ABC":
        box.lanes.mind((device, "CCD", False), 9.0)
    key = ("Mine", "CCD", False)
    if box.lanes.waiting(key) and box.fits(key, size, 1.0):
        assert {lost.blob.device for lost in box.put_blob(image(0, size, "Mine"))} <= set("ABC")


def test_a_camera_is_not_read_on_only_to_drop_its_own_images() -> None:
    """Beside one that cannot be held and fills the queue it was read as fast as it spoke: 464 images for 22 taken."""
    chain = Chain((), queue=QUEUE)
    chain.cameras.append(Camera(chain.worlds[0], "Pinging", 3000, 0.1, pings=True))
    chain.cameras += [Camera(chain.worlds[0], f"Cam{size}", size, 0.0, pings=False) for size in (1400, 2200)]
    receiver = Receiver(chain.worlds[0], ("Cam1400", "Cam2200", "Pinging"), 20_000.0)
    chain.receivers.append(receiver)
    chain.run(10.0)
    for camera in chain.cameras[1:]:
        came = len(receiver.images[camera.device])
        assert camera.said <= 3 * came >= 60, camera.device


@pytest.mark.parametrize("part", [0.34, 0.45, 0.55])
def test_room_for_a_camera_over_a_link_that_sends_no_more_is_given_to_others(part: float) -> None:
    """Once it was kept for good where no two of its images have room, so that the other camera was never answered."""
    scene = Scene(2, part, 1)
    for number, rounds in ((0, 1), (1, 30)):
        for _ in range(rounds):
            for action in (str(number), "on", "take", "back"):
                scene.act(action)
            for world in scene.worlds:
                world.later(0.5)
    assert scene.said[1] > 6


@pytest.mark.parametrize("every", [0.005, 0.05, 0.2, 1.0])
def test_the_pace_of_a_property_is_known_however_short_its_images_are(every: float) -> None:
    """Three images of 50 ms said nothing: a client of two cameras was taken to be as fast at one as at both."""
    queue = PropertyQueue()
    now = 0.0
    while now < max(3 * every, 1.0):
        queue.begin(int(8000 * every), now)
        now += every
    assert queue.pace(now) == pytest.approx(8000, rel=0.15)
    assert len(queue.begun) <= 2 + 8
    assert queue.pace(now + 10) == pytest.approx(0, abs=1500)


def test_the_pace_of_a_property_is_not_known_too_soon() -> None:
    queue = PropertyQueue()
    for number in range(10):
        assert queue.pace(number * 0.02) is None
        queue.begin(400, number * 0.02)


def test_a_pause_of_a_property_says_nothing_of_its_pace() -> None:
    queue = PropertyQueue()
    for number in range(10):
        queue.begin(400, number * 0.02)
    for number in range(4):
        queue.begin(400, 10.0 + number * 0.02)
    assert queue.pace(10.1) is None


def test_a_property_that_waits_for_acknowledgements_after_its_first_images_is_slow() -> None:
    """Three at once, and then none: else a link counts as fast there for as long as its other images are."""
    queue = PropertyQueue()
    for _ in range(3):
        queue.begin(900, 0.0)
    assert queue.pace(2.0) == 900
