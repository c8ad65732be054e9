"""Fuzzing of one target with what Hypothesis builds: `python -m fuzz.built SECONDS TARGET`."""

from __future__ import annotations

import sys
import time

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from fuzz.run import TARGETS

ROUND = 1000


def main(seconds: int, name: str) -> None:
    """Round after round, each with its own seed, until the time is over."""
    target = TARGETS[name]
    end = time.monotonic() + seconds
    rounds = 0
    while time.monotonic() < end:

        @seed(time.time_ns())
        @settings(
            max_examples=ROUND,
            deadline=None,
            database=None,
            phases=[Phase.generate, Phase.shrink],
            suppress_health_check=list(HealthCheck),
        )
        @given(target.streams, st.integers(0, 1000))
        def check_round(data: bytes, number: int) -> None:
            target.check(data, number)

        check_round()
        rounds += 1
    print(f"{rounds * ROUND} inputs of Hypothesis, nothing found")


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
