"""Random cameras, receivers and links: tests/flow/chain.py runs as many of these scenes by hand as one likes."""

from __future__ import annotations

import pytest

from flow.chain import check


@pytest.mark.parametrize("seed", [4, 31, 39, 51, 86, 134, 198, 1021, 1042])
def test_no_healthy_receiver_suffers_and_each_device_keeps_its_order(seed: int) -> None:
    assert check(seed) == []
