"""How the cost of something grows: for the few tests that are about cost, in seconds of the processor."""

from __future__ import annotations

from collections.abc import Callable

AGAIN = 7
"""How often both are measured anew where the larger one cost too much: the machine may have been busy with others."""


def grows(cost: Callable[[int], float], few: int, many: int, times: float, spare: float = 0.02) -> None:
    """Check that `many` cost at most `times` as much as `few`, and `spare` seconds; the least of several counts."""
    least = min(cost(few), cost(few)), cost(many)
    for _ in range(AGAIN):
        if least[1] < times * least[0] + spare:
            return
        least = min(least[0], cost(few)), min(least[1], cost(many))
    assert least[1] < times * least[0] + spare, f"{least[0]:.4f} s for {few}, {least[1]:.4f} s for {many}"
