"""What the images of one router have in common: memory is used again, and given back after a load."""

from __future__ import annotations

import pytest

from inditree.images import attached
from inditree.images.buffers import SIZE
from inditree.images.works import REST, TRIM, Works


@pytest.fixture
def given_back(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    calls: list[bool] = []
    monkeypatch.setattr(attached, "give_freed_memory", lambda: calls.append(True))
    return calls


def test_a_load_is_given_back_once_when_no_more_images_come(given_back: list[bool]) -> None:
    works = Works(1 << 20)
    works.tidy(0.0)
    buffers = [works.buffers.get() for _ in range(5)]
    works.tidy(1.0)
    for buffer in buffers:
        works.buffers.recycle(buffer)
    works.tidy(1.0 + REST - 0.1)
    assert works.buffers.get() is buffers[-1] and not given_back
    works.buffers.recycle(buffers[-1])
    works.tidy(10.0)
    for now in (10.0 + REST, 10.1 + REST):
        works.tidy(now)
    assert given_back == [True]
    assert all(works.buffers.get() is not buffer for buffer in buffers)
    works.close()


def test_what_a_load_does_not_need_is_let_go_while_it_lasts(given_back: list[bool]) -> None:
    works = Works(1 << 20)
    many = [works.buffers.get() for _ in range(5)]
    works.tidy(1.0)
    for buffer in many:
        works.buffers.recycle(buffer)
    for second in range(2, 2 + 3 * int(TRIM)):
        works.buffers.recycle(works.buffers.get())
        works.tidy(float(second))
    assert works.buffers.get() is many[-1]
    assert all(works.buffers.get() is not each for each in many) and not given_back
    works.close()


def test_freed_memory_is_given_to_the_kernel() -> None:
    """Whether there was any does not show; that it can be called does."""
    attached.keep_freed_memory()
    kept = [bytes(SIZE) for _ in range(4)]
    del kept
    attached.give_freed_memory()
