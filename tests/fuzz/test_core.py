"""The core and the configuration under what Hypothesis makes up, for a few seconds; `make fuzz` does it for longer."""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fuzz import config_target, core_target
from fuzz.sayings import FILES, PLAYS

BRIEF = settings(max_examples=300, deadline=None, database=None, suppress_health_check=list(HealthCheck))


@BRIEF
@given(PLAYS, st.integers(0, 1000))
def test_the_core_holds(data: bytes, seed: int) -> None:
    core_target.check(data, seed)


@BRIEF
@given(FILES, st.just(0))
def test_the_configuration_holds(data: bytes, seed: int) -> None:
    config_target.check(data, seed)
