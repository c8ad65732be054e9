"""For all tests: Hypothesis looks at what is true, not at how long a loaded machine took for it.

What pytest makes of the tests' sources is kept, also where the environment has Python write nothing: else each worker
makes it anew in each run, ten seconds of a processor. Programs that the tests start keep to the environment.

Tests that are long by nature are marked so here, in one list: `make test` leaves them to `make test-long`.
"""

import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

LONG = {
    # models and simulations by the seed, faults and garbage by the minute
    *("chaos", "fuzz", "flow/test_chain.py", "observatory/test_simulation.py", "tree/test_simulation.py"),
    *("view/test_model.py", "core/test_interlocked_model.py", "supervise/test_histories.py"),
    # whole observatories of real routers, drivers and peers, over blips of seconds and slow clients
    *("integration/test_blips.py", "integration/test_dashboards.py", "integration/test_flow.py"),
    *("integration/test_flow_many.py", "integration/test_observatory.py", "integration/test_tree.py"),
    *("clients/test_matrix.py", "webmanager/test_ekos.py", "webmanager/test_shapes.py"),
    # everything that the pages have a reader type; a page for an evening; a night of an hour
    *("docs/test_commands.py", "web/test_memory.py", "web/test_night.py", "record/test_hour.py"),
    # attacks that bring megabytes, and what is kept of them
    *("security/test_abuse_clients.py", "security/test_abuse_many.py", "security/test_kept_bytes.py"),
    "ipydriver/test_images.py",
}
"""Folders and files of tests that take seconds of a processor each: half of what all tests take."""

HERE = Path(__file__).parent

settings.register_profile("loaded", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("loaded")
sys.dont_write_bytecode = False


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the long ones, before any is chosen by its mark."""
    missing = [each for each in LONG if not (HERE / each).exists()]
    assert not missing, f"LONG names what is not there: {missing}"
    for item in items:
        path = item.path.relative_to(HERE).as_posix()
        if path in LONG or path.partition("/")[0] in LONG:
            item.add_marker(pytest.mark.long)
