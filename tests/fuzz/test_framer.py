"""The framer under streams that Hypothesis makes up, for a few seconds; `make fuzz` does it for longer."""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fuzz.framer_target import check
from fuzz.streams import STREAMS


@settings(max_examples=400, deadline=None, database=None, suppress_health_check=list(HealthCheck))
@given(STREAMS, st.integers(0, 1000))
def test_the_framer_holds(data: bytes, seed: int) -> None:
    check(data, seed)
