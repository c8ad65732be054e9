"""compose.observatory.yaml: its scheduler opens the dome, rain closes it, and nobody opens it while it rains."""

from __future__ import annotations

import subprocess

from e2e.engine import Project, docker, project, until

FILES = ("compose/compose.yaml", "compose/compose.observatory.yaml")
OPEN, CLOSE = "Py Dome.DOME_SHUTTER.SHUTTER_OPEN", "Py Dome.DOME_SHUTTER.SHUTTER_CLOSE"


def value(made: Project, member: str) -> str:
    """As `inditree get` says it within the router's container; empty while it is not there."""
    words = ["docker", "exec", made.container("router").name, "inditree", "get", member]
    done = subprocess.run(words, capture_output=True, text=True, timeout=30)
    return done.stdout.strip().rpartition("=")[2]


def test_a_night_that_turns_wet() -> None:
    with project(*FILES) as made:
        router = made.container("router")
        router.healthy()
        until(lambda: value(made, OPEN) == "On", "the scheduler has opened the dome", 120)
        # Its own rain comes after two minutes; this one is asked for.
        docker("stop", made.container("night").name)
        router.execute("inditree", "set", "Py Weather.WEATHER_CONTROL.Precip=4")
        until(lambda: value(made, CLOSE) == "On", "rain has closed it", 60)
        words = ["docker", "exec", router.name, "inditree", "set", f"{OPEN}=On", "--wait", "10s"]
        refused = subprocess.run(words, capture_output=True, text=True, timeout=30)
        assert refused.returncode == 3 and "roof" in refused.stderr, refused.stderr
        assert value(made, CLOSE) == "On"
        router.execute("inditree", "set", "Py Weather.WEATHER_CONTROL.Precip=0")
        until(lambda: value(made, OPEN) == "On", "the scheduler has opened it again", 60)
        said = router.execute("inditree", "record", "show", "/data", "Py Dome.DOME_SHUTTER")
        assert "(refused: interlock roof" in said and "SHUTTER_CLOSE=True" in said, said
