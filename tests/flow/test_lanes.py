"""docs/flow.md, "Lanes" and "What is dropped": turns, order, room, and images that wait for an acknowledgement."""

from __future__ import annotations

import re

from hypothesis import given, settings
from hypothesis import strategies as st

from flow.test_outbox import image
from inditree.flow.acks import Window
from inditree.flow.image_queue import IDLE, PATIENCE, Promise
from inditree.flow.outbox import Outbox

CAM, GUIDE = ("Cam", "CCD", False), ("Guide", "CCD", False)


class Box:
    """An outbox on a clock that the test moves; what came out of it as words: images by number, the rest as said."""

    def __init__(self, limit: int = 1000, *, link: bool = False) -> None:
        self.now = 0.0
        self.outbox = Outbox(limit, lambda: self.now)
        if link:
            self.outbox.lanes.window = Window()
        self._data = bytearray()

    def image(
        self, number: int, size: int = 100, device: str = "Cam", form: str = ".fits", *, unheld: bool = False
    ) -> list[bytes]:
        """Offer one; what was dropped for it."""
        blob = image(number, size, device, form=form)
        return [lost.blob.join().split(b":")[0][1:] for lost in self.outbox.put_blob(blob, unheld=unheld)]

    def say(self, device: str, text: str) -> None:
        assert self.outbox.put_behind(device, f"<{text}>".encode())

    def take(self, most: int = 1 << 30) -> list[str]:
        """Up to so many bytes are written: the elements that are whole now."""
        while most and (buffers := self.outbox.next_write()):
            data = b"".join(buffers)[:most]
            most -= len(data)
            for blob in self.outbox.sent(len(data)):
                blob.release()
            self._data += data
        found = []
        while match := re.match(rb'\n?<(?:(\d+):b*|pingRequest uid="([^"]*)"/|([^>]*))>', self._data):
            found.append((match[1] or match[2] or match[3]).decode())
            del self._data[: match.end()]
        return found


def test_what_a_mount_says_waits_for_one_image_at_most() -> None:
    box = Box()
    for number in range(3):
        box.image(number)
        box.image(10 + number, device="Guide")
    box.take(150)
    box.say("Mount", "ra")
    assert box.take() == ["10", "ra", "1", "11", "2", "12"]


def test_what_is_said_without_an_end_does_not_keep_images_waiting_for_ever() -> None:
    box = Box(limit=10_000)
    box.say("Mount", "first")
    box.image(0)
    for number in range(40):
        box.say("Mount", f"{number}")
        box.take(len(f"<{number}>"))
    assert box.outbox.lanes.count == 0


def test_lanes_take_turns_image_by_image() -> None:
    box = Box()
    for number in range(4):
        box.image(number)
    box.image(10, device="Guide")
    box.image(20, device="Third")
    assert box.take() == ["0", "1", "10", "20", "2", "3"]


def test_what_a_device_says_after_an_image_stays_behind_it() -> None:
    box = Box()
    box.say("Cam", "before")
    for number in range(3):
        box.image(number)
        box.say("Cam", f"behind {number}")
    box.say("Mount", "ra")
    assert box.take() == ["before", "0", "ra", "behind 0", "1", "behind 1", "2", "behind 2"]


def test_an_image_never_goes_ahead_of_what_its_device_said_before_it() -> None:
    box = Box()
    box.image(0, device="Guide")
    box.image(1, device="Guide")
    box.say("Cam", "before")
    box.image(10)
    box.image(2, device="Guide")
    came = box.take()
    assert came.index("before") < came.index("10")


def test_what_was_said_behind_an_image_that_is_put_out_keeps_its_place() -> None:
    box = Box(limit=250)
    box.image(9)
    for number in range(2):
        box.image(number)
        box.say("Cam", f"behind {number}")
    assert box.image(2) == [b"0"]
    assert box.take() == ["9", "behind 0", "1", "behind 1", "2"]


# What is dropped


def test_room_is_made_from_the_property_of_which_most_waits_oldest_first() -> None:
    box = Box(limit=600)
    box.image(99, device="Mount")  # is being written
    for number in range(4):
        box.image(number)
    box.image(10, 120, "Guide")
    assert box.image(11, 120, "Guide") == [b"0"]
    assert box.image(12, 120, "Guide") == [b"10"]  # with this one most of its own would wait


def test_the_last_of_a_property_goes_only_where_each_has_just_one_and_then_the_largest() -> None:
    box = Box(limit=1000)
    box.image(99, device="Mount")
    box.image(0, 500)
    box.image(1, 100, "Guide")
    box.image(2, 150, "Guide")
    assert box.image(3, 300, "Third") == [b"1"]  # the only one that is not the last of its property
    assert box.image(4, 200, "Fourth") == [b"0"]


def test_a_stream_frame_never_puts_out_an_image_of_another_kind() -> None:
    box = Box(limit=1000)
    box.image(99, device="Mount")
    box.image(0, 600)
    box.image(1, 300, form=".stream")
    assert box.image(2, 300, form=".stream") == [b"1"]
    assert box.image(3, 500, form=".stream_jpg") == [b"2", b"3"]  # there is no room for it, beside the other kind
    assert box.image(4, 700) == [b"0"]
    assert box.take() == ["99", "4"]


def test_a_stream_finds_no_more_room_than_it_may_have_and_goes_first() -> None:
    box = Box(limit=1000)
    box.outbox.lanes.stream_limit = 300
    box.image(99, device="Mount")
    for number in range(3):
        box.image(number, form=".stream")
    assert box.image(3, form=".stream") == [b"0"]
    for number in range(10, 17):
        assert box.image(number) == []
    assert [box.image(17), box.image(18), box.image(19)] == [[b"1"], [b"2"], [b"3"]]
    assert box.image(20) == [b"10"]
    assert box.image(21, form=".stream") == [b"21"]


def test_of_a_source_that_cannot_be_held_two_wait_or_those_of_the_last_second() -> None:
    box = Box(limit=10_000)
    box.image(99, device="Mount")
    lost = []
    for number in range(40):
        box.now = number / 10
        lost += box.image(number, unheld=True)
        assert box.outbox.lanes.waiting(CAM) <= 11
    assert box.outbox.lanes.waiting(CAM) == 10
    for number in range(40, 50):
        box.now = number
        lost += box.image(number, unheld=True)
    assert box.outbox.lanes.waiting(CAM) == 2
    assert lost == [b"%d" % number for number in range(48)]
    for number in range(50, 60):
        assert box.image(number) == []  # of one that can be held there is no such bound


def test_a_camera_whose_only_image_is_replaced_by_its_next_keeps_its_turn() -> None:
    """Or, replaced again and again, it would never have one."""
    box = Box(limit=1000)
    box.image(99, device="Mount")
    box.image(0, 700)
    box.image(1, 250, "Guide")
    assert box.image(2, 700) == [b"0"]
    assert box.take() == ["99", "2", "1"]


# Room


def test_room_is_kept_for_what_others_were_promised() -> None:
    box = Box()
    lanes = box.outbox.lanes
    assert box.outbox.fits(CAM, 5000, 0.0)  # one always fits
    lanes.promise(GUIDE, Promise(600, 0.0))
    assert box.outbox.fits(CAM, 400, 0.5)
    assert not box.outbox.fits(CAM, 401, 0.5)
    assert box.outbox.fits(GUIDE, 1000, 0.5)  # its own is not counted against it
    assert box.outbox.fits(CAM, 401, IDLE)  # it sent nothing for a second


def test_a_promise_stands_while_an_image_comes() -> None:
    box = Box()
    promise = Promise(600, 0.0)
    box.outbox.lanes.promise(GUIDE, promise)
    promise.coming = True
    assert not box.outbox.fits(CAM, 401, 60.0)
    promise.coming, promise.at = False, 60.0
    assert not box.outbox.fits(CAM, 401, 60.9)
    assert box.outbox.fits(CAM, 401, 61.0)


def test_who_has_an_image_waiting_stands_back_for_who_has_none() -> None:
    box = Box()
    box.image(99, device="Mount")
    box.outbox.lanes.promise(GUIDE, Promise(600, 0.0, 0.0))
    assert box.outbox.fits(CAM, 500, 0.0)
    box.image(0, 300)
    assert not box.outbox.fits(CAM, 300, 0.0)
    assert box.outbox.fits(CAM, 100, 0.0)


def test_whose_images_are_put_out_anyway_keeps_nobody_waiting() -> None:
    box = Box()
    box.image(99, device="Mount")
    for number in range(9):
        box.image(number, 110)
    assert not box.outbox.fits(GUIDE, 300, 0.0)
    box.outbox.lanes.mind(CAM, PATIENCE)
    assert box.outbox.fits(GUIDE, 300, 0.0)
    assert not box.outbox.fits(GUIDE, 300, PATIENCE)
    assert box.image(9, 110, unheld=True) == [b"0"]
    assert not box.outbox.fits(GUIDE, 300, PATIENCE)
    for number in range(10, 18):
        box.image(number, 110, unheld=True)
    box.now = 60.0
    assert box.image(18, 110) == [b"9"]
    assert box.outbox.fits(GUIDE, 300, 60.0)


def test_what_is_known_of_a_property_is_forgotten_when_it_is_idle() -> None:
    box = Box()
    box.outbox.lanes.promise(GUIDE, Promise(600, 0.0))
    box.image(0)
    box.image(1)
    box.outbox.lanes.sweep(0.5)
    assert set(box.outbox.lanes.properties) == {CAM, GUIDE}
    box.take()
    box.outbox.lanes.sweep(IDLE)
    assert not box.outbox.lanes.properties


# Images that wait for an acknowledgement


def test_a_ping_follows_an_image_on_a_link_and_two_are_unanswered() -> None:
    box = Box(link=True)
    for number in range(4):
        box.image(number)
    assert box.take() == ["0", "blob/1", "1", "blob/2"]
    assert box.outbox.empty  # nothing can be written now
    assert box.outbox.lanes.parked() == 200
    assert box.outbox.answered("blob/1") == CAM
    assert box.outbox.answered("blob/1") is None
    assert not box.outbox.empty
    assert box.take() == ["2", "blob/3"]


def test_who_waits_for_an_acknowledgement_keeps_no_other_device_waiting() -> None:
    box = Box(link=True)
    for number in range(4):
        box.image(number)
    box.image(10, device="Guide")
    box.say("Guide", "exposing")
    box.say("Mount", "ra")
    assert box.take() == ["0", "blob/1", "ra", "1", "blob/2", "10", "blob/3", "exposing"]


def test_what_a_device_says_waits_two_seconds_for_its_image_to_be_acknowledged() -> None:
    box = Box(link=True)
    for number in range(2):
        box.image(number)
    box.take()
    box.now = 10.0
    box.image(2)
    box.say("Cam", "countdown")
    box.now = 10.0 + PATIENCE - 0.01
    assert box.take() == []
    box.now = 10.0 + PATIENCE
    assert not box.outbox.empty
    assert box.take() == ["countdown"]
    box.say("Cam", "abort")
    assert box.take() == ["abort"]
    box.image(3)
    box.say("Cam", "again")
    assert box.take() == []
    box.outbox.answered("blob/1")
    assert box.take() == ["2", "blob/3"]
    box.outbox.answered("blob/2")
    assert box.take() == ["3", "blob/4", "again"]


def test_time_that_an_image_waits_for_its_turn_is_no_waiting_for_an_acknowledgement() -> None:
    box = Box(link=True)
    for number in range(3):
        box.image(number)
    box.say("Cam", "countdown")
    assert box.take(50) == []  # the first is being written
    box.now = 10.0
    assert box.take() == ["0", "blob/1", "1", "blob/2"]
    box.now = 10.0 + PATIENCE
    assert box.take() == ["countdown"]


def test_another_property_of_the_device_waits_no_longer_either() -> None:
    box = Box(link=True)
    for number in range(3):
        box.image(number)
    box.outbox.put_blob(image(10, 100, "Cam", "HEAD2"))
    box.say("Cam", "behind both")
    assert box.take() == ["0", "blob/1", "1", "blob/2"]
    box.now = PATIENCE
    assert box.take() == ["10", "blob/3", "behind both"]


def test_nothing_that_waits_is_overtaken_by_the_end_of_its_device() -> None:
    box = Box(link=True)
    for number in range(4):
        box.image(number)
    box.take()
    box.now = 60.0
    box.outbox.lanes.force("Cam", None)
    box.say("Cam", "delProperty")
    box.image(5)
    box.say("Cam", "of the next one")
    assert box.take() == ["2", "blob/3", "3", "blob/4", "delProperty"]


def test_who_waits_for_long_keeps_nobody_from_being_read() -> None:
    box = Box(link=True)
    for number in range(3):
        box.image(number, 400)
    box.take()
    assert not box.outbox.fits(GUIDE, 700, PATIENCE - 0.1)
    assert box.outbox.fits(GUIDE, 700, PATIENCE)


def test_an_image_of_another_property_waits_behind_one_that_waits_for_an_acknowledgement() -> None:
    box = Box(link=True)
    for number in range(3):
        box.image(number, 400)
    box.outbox.put_blob(image(3, 100, "Cam", "HEAD2"))
    box.take()
    assert box.outbox.empty and box.outbox.lanes.parked() == box.outbox.waiting == 500
    box.now += PATIENCE
    assert not box.outbox.empty and box.outbox.lanes.parked() == 400


LINK_ACTIONS = st.lists(
    st.tuples(
        st.sampled_from(["image", "image", "say", "say", "take", "answer", "later", "put out", "end"]),
        st.integers(1, 300),
        st.sampled_from(["A", "B", "C"]),
        st.sampled_from(["CCD", "CCD", "HEAD2"]),
    ),
    max_size=80,
)


@settings(max_examples=300, deadline=None)
@given(LINK_ACTIONS)
def test_order_on_a_link_whatever_happens(actions: list[tuple[str, int, str, str]]) -> None:
    """Per device in order, but for what passes images that wait for two seconds; two of a property unanswered."""
    box = Box(link=True)
    outbox = box.outbox
    said: dict[str, list[str]] = {"A": [], "B": [], "C": []}
    at: dict[str, float] = {}  # of images: when they were offered
    key_of: dict[str, tuple[str, str, bool]] = {}
    ends: set[str] = set()
    forced: set[str] = set()
    came: list[tuple[str, float]] = []
    lost: set[str] = set()
    open_: list[tuple[str, str]] = []

    def take(most: int) -> None:
        for word in box.take(most):
            if word.startswith("blob/"):
                open_.append((word, came[-1][0]))
            else:
                came.append((word, box.now))

    for number, (what, size, device, name) in enumerate(actions):
        word = str(number)
        if what == "image":
            blob = image(number, size, device, name)
            at[word], key_of[word] = box.now, blob.key
            said[device].append(word)
            lost |= {each.blob.join().split(b":")[0][1:].decode() for each in outbox.put_blob(blob)}
        elif what == "say":
            said[device].append(f"s{word}")
            box.say(device, f"s{word}")
        elif what == "end":
            outbox.lanes.force(device, None)
            forced |= set(said[device])
            said[device].append(f"e{word}")
            ends.add(f"e{word}")
            box.say(device, f"e{word}")
        elif what == "take":
            take(size)
        elif what == "later":
            box.now += size / 200
        elif what == "answer" and open_:
            assert outbox.answered(open_.pop(0)[0]) is not None
        elif what == "put out" and (victim := outbox.lanes.largest()) is not None:
            lost.add(outbox.drop(victim).blob.join().split(b":")[0][1:].decode())
        for key in {key_of[image_] for _, image_ in open_ if image_ not in forced}:
            assert sum(key_of[image_] == key for _, image_ in open_ if image_ not in forced) <= 2
        assert outbox.size == 0 or not outbox.empty or outbox.lanes.parked() == outbox.waiting
    take(1 << 30)
    while open_ or not outbox.empty:
        while open_:
            outbox.answered(open_.pop(0)[0])
        take(1 << 30)
    place = {word: (position, when) for position, (word, when) in enumerate(came)}
    for device, words in said.items():
        kept = [word for word in words if word not in lost]
        assert set(kept) == {word for word, _ in came if word in words}, device
        for index, word in enumerate(kept):
            for later in kept[index + 1 :]:
                if place[later][0] < place[word][0]:  # overtaken
                    assert word in at and place[later][1] >= at[word] + PATIENCE
                    assert word not in forced and later not in ends
                    assert later not in key_of or key_of[later] != key_of[word]
