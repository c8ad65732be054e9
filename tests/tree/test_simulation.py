"""Some seeds of the simulation; `make simulate` runs thousands."""

from __future__ import annotations

import pytest

from tree import simulation

SEEDS_OF_ONE_TEST = 10


@pytest.mark.parametrize("first", range(0, 30, SEEDS_OF_ONE_TEST))
def test_every_tree_becomes_quiet_and_right(first: int) -> None:
    wrong = {seed: result for seed in range(first, first + SEEDS_OF_ONE_TEST) if (result := simulation.run(seed))}
    assert not wrong
