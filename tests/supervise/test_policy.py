"""How long a back-off lasts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inditree.supervise.policy import JITTER, SHORTEST_BACKOFF, RestartPolicy, delay, grown


def test_it_doubles_up_to_its_maximum() -> None:
    policy = RestartPolicy(backoff=1.0, backoff_max=10.0)
    assert [delay(policy, failures, 0.0) for failures in range(1, 7)] == [1, 2, 4, 8, 10, 10]


def test_no_failure_counts_as_one_and_a_million_do_not_overflow() -> None:
    assert [grown(1.0, 10.0, failures) for failures in (0, 1, 2, 10**6)] == [1, 1, 2, 10]


def test_jitter_shortens_it() -> None:
    policy = RestartPolicy(backoff=1.0, backoff_max=10.0)
    assert delay(policy, 3, 1.0) == pytest.approx(4 * (1 - JITTER))


@given(
    st.floats(0, 1000),
    st.floats(0, 10000),
    st.integers(1, 10**6),
    st.floats(0, 1),
)
def test_its_bounds(backoff: float, longest: float, failures: int, random: float) -> None:
    seconds = delay(RestartPolicy(backoff=backoff, backoff_max=longest), failures, random)
    assert SHORTEST_BACKOFF <= seconds <= max(SHORTEST_BACKOFF, longest)


@pytest.mark.parametrize(
    ("policy", "after_success", "after_failure"),
    [("always", True, True), ("on-failure", False, True), ("never", False, False)],
)
def test_who_is_started_again(policy: str, after_success: bool, after_failure: bool) -> None:
    rule = RestartPolicy(policy=policy)  # type: ignore[arg-type]
    assert rule.restarts_after(failed=False) is after_success
    assert rule.restarts_after(failed=True) is after_failure
