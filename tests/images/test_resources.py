"""What the images of one router have in common: memory is used again, and given back after a load."""

from __future__ import annotations

import pytest

from inditree.images import heap
from inditree.images.buffers import SIZE
from inditree.images.resources import REST, TRIM, ImageResources


@pytest.fixture
def given_back(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    calls: list[bool] = []
    monkeypatch.setattr(heap, "give_freed", lambda: calls.append(True))
    return calls


def test_a_load_is_given_back_once_when_no_more_images_come(given_back: list[bool]) -> None:
    resources = ImageResources(1 << 20)
    resources.tidy(0.0)
    buffers = [resources.buffers.get() for _ in range(5)]
    resources.tidy(1.0)
    for buffer in buffers:
        resources.buffers.recycle(buffer)
    resources.tidy(1.0 + REST - 0.1)
    assert resources.buffers.get() is buffers[-1] and not given_back
    resources.buffers.recycle(buffers[-1])
    resources.tidy(10.0)
    for now in (10.0 + REST, 10.1 + REST):
        resources.tidy(now)
    assert given_back == [True]
    assert all(resources.buffers.get() is not buffer for buffer in buffers)
    resources.close()


def test_what_a_load_does_not_need_is_let_go_while_it_lasts(given_back: list[bool]) -> None:
    resources = ImageResources(1 << 20)
    many = [resources.buffers.get() for _ in range(5)]
    resources.tidy(1.0)
    for buffer in many:
        resources.buffers.recycle(buffer)
    for second in range(2, 2 + 3 * int(TRIM)):
        resources.buffers.recycle(resources.buffers.get())
        resources.tidy(float(second))
    assert resources.buffers.get() is many[-1]
    assert all(resources.buffers.get() is not each for each in many) and not given_back
    resources.close()


def test_freed_memory_is_given_to_the_kernel() -> None:
    """Whether there was any does not show; that it can be called does."""
    heap.keep_freed()
    kept = [bytes(SIZE) for _ in range(4)]
    del kept
    heap.give_freed()
