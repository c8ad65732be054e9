"""Some seeds of the simulated nights; `make simulate` runs thousands."""

from __future__ import annotations

import pytest

from observatory import simulation

SEEDS_OF_ONE_TEST = 15


@pytest.mark.parametrize("first", range(0, 30, SEEDS_OF_ONE_TEST))
def test_no_forbidden_command_passes_and_all_is_as_it_is_to_be(first: int) -> None:
    wrong = {seed: result for seed in range(first, first + SEEDS_OF_ONE_TEST) if (result := simulation.run(seed))}
    assert not wrong
