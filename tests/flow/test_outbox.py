"""The outbox beside a model of it: random elements, images, urgent replies, and takers of any speed."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inditree.flow import outbox as module
from inditree.flow.outbox import Outbox, Traced
from inditree.flow.ticket import Lost
from inditree.flow.whole import WholeOutbox
from inditree.wire.elements import Blob, Element, OneBlob

LIMIT = 300


def image(number: int, size: int, device: str = "Cam", name: str = "CCD", form: str = ".fits") -> Blob:
    """An image whose bytes say which it is, in pieces."""
    head = b"<%d:" % number
    body = b"b" * max(size - len(head) - 1, 1)
    chunks: list[bytes | memoryview] = [head, memoryview(body)[: size // 3], memoryview(body)[size // 3 :], b">"]
    attributes = {"device": device, "name": name}
    ones = [OneBlob({"format": form}, 0, 0)]
    return Blob(Element("setBLOBVector", attributes, head), chunks, sum(map(len, chunks)), ones)


@contextmanager
def small_writes(size: int) -> Iterator[None]:
    """Writes of so few bytes that many are needed."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "WRITE_BYTES", size)
        yield


class Model:
    """What was offered, what came out, and what is said of it."""

    def __init__(self, box: Outbox) -> None:
        self.box = box
        self.written = bytearray()
        self.control: list[bytes] = []
        self.urgent: list[bytes] = []
        self.order: list[tuple[str, bytes]] = []  # device, and control elements and images of it, as offered
        self.images: dict[int, Blob] = {}
        self.lost: list[Blob] = []
        self.delivered: list[Blob] = []
        self.refused = False
        self.offered = 0

    def act(self, what: str, size: int, device: str) -> None:
        number = len(self.order) + len(self.urgent)
        if what == "control":
            data = b"<%d:%s>" % (number, b"c" * size)
            self.refused = not (self.box.put_behind(device, data) if device else self.box.put(data))
            assert self.refused == (self.box.control > LIMIT)
            self.order.append((device, data))
            self.offered += len(data)
        elif what == "urgent":
            data = b"<%d:%s>" % (number, b"u" * (size // 10 + 1))
            self.box.put_urgent(data)
            self.urgent.append(data)
            self.offered += len(data)
        elif what == "image":
            device = device or "A"
            blob = self.images[number] = image(number, size, device)
            blob.retain()
            self._lose(self.box.put_blob(blob))
            blob.release()
            self.order.append((device, blob.join()))
            self.offered += blob.size
        elif what == "put out" and (victim := self.box.lanes.largest()) is not None:
            self._lose([self.box.drop(victim)])
        elif what == "take":
            self.take(size)
        self.check()

    def _lose(self, lost: list[Lost]) -> None:
        self.lost += [each.blob for each in lost]
        self.offered -= sum(each.blob.size for each in lost)

    def take(self, most: int) -> None:
        data = b"".join(self.box.next_write())
        assert len(data) <= module.WRITE_BYTES
        data = data[:most]
        for blob in self.box.sent(len(data)):
            self.delivered.append(blob)
            blob.release()
        self.written += data

    def check(self) -> None:
        box = self.box
        assert box.size == self.offered - len(self.written)
        assert box.taken == len(self.written)
        assert box.empty == (box.size == 0)
        assert box.lanes.bytes == sum(ticket.size for ticket in box.lanes)
        assert box.lanes.count == len(list(box.lanes))
        if box.lanes.count > 1 and not self.refused:
            assert box.lanes.bytes <= LIMIT  # what waits is bounded; one image is let in whatever its size

    def finish(self) -> None:
        while not self.box.empty:
            self.take(1 << 30)
            self.check()


Action = tuple[str, int, str]
ACTIONS = st.lists(
    st.tuples(
        st.sampled_from(["control", "image", "image", "urgent", "take", "take", "put out"]),
        st.integers(1, 200),
        st.sampled_from(["", "A", "B", "C"]),
    ),
    max_size=60,
)


@settings(max_examples=300, deadline=None)
@given(ACTIONS, st.integers(1, 400))
def test_order_wholeness_and_bounds(actions: list[Action], write: int) -> None:
    with small_writes(write):
        model = Model(Outbox(LIMIT))
        for action in actions:
            model.act(*action)
        model.finish()
    gone = [blob.join() for blob in model.lost]
    came = bytes(model.written).replace(b">", b">\n").splitlines()
    kept = [(device, data) for device, data in model.order if data not in gone]
    of = {data: device for device, data in model.order}
    for each in ("", "A", "B", "C"):  # in order, whole, nothing else lost
        assert [data for data in came if of.get(data) == each] == [data for device, data in kept if device == each]
    assert [data for data in came if data in model.urgent] == model.urgent
    assert sorted(came) == sorted([*model.urgent, *(data for _, data in kept)])
    assert [blob.join() for blob in model.delivered] == [data for data in came if b"b" in data]
    assert all(blob.refs == 0 for blob in model.images.values())


@settings(max_examples=100, deadline=None)
@given(ACTIONS)
def test_whole_elements_for_a_peer_in_our_process(actions: list[Action]) -> None:
    box = WholeOutbox(LIMIT)
    offered: list[tuple[str, bytes]] = []
    came: list[bytes] = []
    lost: list[bytes] = []
    for number, (what, size, device) in enumerate(actions):
        if what == "image":
            blob = image(number, size, device or "A")
            lost += [each.blob.join() for each in box.put_blob(blob)]
            offered.append((device or "A", blob.join()))
        elif what == "take":
            item = box.pop()
            if item is not None:
                came.append(item.join() if isinstance(item, Blob) else item)
        else:
            data = b"<%d:%s>" % (number, b"c" * size)
            offered.append((device, data))
            assert (box.put_behind(device, data) if device else box.put(data)) == (box.control <= LIMIT)
        assert box.size == sum(len(data) for _, data in offered) - sum(map(len, came)) - sum(map(len, lost))
    while (item := box.pop()) is not None:
        came.append(item.join() if isinstance(item, Blob) else item)
    of = {data: device for device, data in offered}
    assert sorted(came) == sorted(data for data in of if data not in lost)
    for each in ("", "A", "B", "C"):
        assert [data for data in came if of[data] == each] == [d for d in of if of[d] == each and d not in lost]
    assert box.empty and box.size == box.lanes.bytes == 0


@settings(max_examples=100, deadline=None)
@given(ACTIONS, st.integers(1, 400))
def test_nothing_is_held_for_who_has_gone(actions: list[Action], write: int) -> None:
    with small_writes(write):
        model = Model(Outbox(LIMIT))
        for action in actions:
            model.act(*action)
    model.box.clear()
    assert model.box.empty and model.box.size == 0 == model.box.control == model.box.lanes.bytes
    assert all(blob.refs == 0 for blob in model.images.values())


def test_an_image_is_never_cut_by_a_later_one_however_large() -> None:
    box = Outbox(LIMIT)
    first, second, third = (image(number, 1000) for number in range(3))
    assert box.put_blob(first) == []
    assert box.put_blob(second) == []  # one always fits
    assert [lost.blob for lost in box.put_blob(third)] == [second]
    box.sent(10)
    assert box.lanes.bytes == third.size
    assert b"".join(box.next_write()) == (first.join() + third.join())[10 : 10 + first.size - 10]


def test_the_newest_are_kept() -> None:
    box = Outbox(LIMIT)
    images = [image(number, 100) for number in range(10)]
    lost = [each.blob for blob in images for each in box.put_blob(blob)]
    assert lost == images[1:7]
    assert [ticket.blob for ticket in box.lanes] == images[7:]


def test_moved_is_set_when_an_image_no_longer_waits() -> None:
    box = Outbox(LIMIT)
    box.put_blob(image(0, 250))
    assert box.moved
    box.moved = False
    box.put_blob(image(1, 250))
    assert not box.moved
    box.sent(len(b"".join(box.next_write())))
    box.next_write()
    assert box.moved


def traced(text: str) -> Traced:
    data = Traced(b"<%s>" % text.encode())
    data.about = text
    return data


def test_requests_that_were_not_taken_are_known_once() -> None:
    box = Outbox(LIMIT)
    box.requested = True
    for number in range(3):
        box.put(traced(f"r{number}"))
        box.put(b"<other>")
    box.put_blob(image(0, 50), about="upload")
    box.put_blob(image(1, 50), about="second upload")
    box.sent(len(b"".join(box.next_write()[:2])) + 1)
    assert sorted(map(str, box.abandon())) == ["r1", "r2", "second upload", "upload"]
    assert box.abandon() == []


def test_requests_that_clear_forgot_are_known_too() -> None:
    box = Outbox(LIMIT)
    box.requested = True
    box.put(traced("a"))
    box.clear()
    box.put(traced("b"))
    assert box.abandon() == ["a", "b"]


def test_what_is_remembered_of_who_takes_nothing_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ABANDONED", 5)
    box = Outbox(LIMIT)
    box.requested = True
    for number in range(20):
        box.put(traced(str(number)))
        box.clear()
    assert box.abandon() == ["0", "1", "2", "3", "4"]


def test_what_waits_for_who_is_gone_is_looked_through_for_requests_only_where_there_were_some() -> None:
    """Half a million elements may wait: going through them all stopped the router for 100 ms."""
    looked = 0

    class Row(deque):  # type: ignore[type-arg]
        def __iter__(self) -> Iterator[Any]:
            nonlocal looked
            looked += 1
            return super().__iter__()

    for requested in (False, True):
        box = Outbox(LIMIT)
        box._row = Row([b"<first>", traced("a"), b"<other>"])
        box.requested = requested
        assert box.abandon() == (["a"] if requested else [])
        assert looked == requested
