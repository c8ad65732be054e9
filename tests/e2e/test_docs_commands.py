"""The commands with containers that the documentation shows, each as it is written there.

Images are those that were just built, networks and volumes have names of their own, and a device that this machine has
not is /dev/null: the driver then finds no instrument, which is not what is tried here.
"""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pytest

from docs import written
from e2e.engine import COMPOSE, IMAGE, Container, command, docker, running, unique, until


def adapted(text: str, network: str) -> list[str]:
    """The words of a `docker run`, made fit to run beside others."""
    words = shlex.split(text.replace("9724", "39724"))
    assert words[:2] == ["docker", "run"]
    words = [word for word in words[2:] if word != "-d"]
    words = [re.sub(r"^inditree(?=:|$)", IMAGE, word) for word in words]
    words = [network if word == "indi" else word.replace("indi-config:", f"{network}:") for word in words]
    if "host" in words:
        words[words.index("host") + 1 : 1] = ["-e", "INDITREE_PORT=37624"]
    paths = [word for word in words if word.startswith("/dev/") and ":" not in word and not Path(word).exists()]
    return [f"/dev/null:{word}" if word in paths else word for word in words]


@pytest.mark.parametrize("text", written.CONTAINERS)
def test_a_container(text: str) -> None:
    name = unique("docs")
    docker("network", "create", name)
    try:
        docker("run", "-d", "--name", name, *adapted(text, name))
        made = Container(name)
        driver = text.split()[-1]
        found = f"{driver}: started"
        until(lambda: found in made.logs() or "running" in listed(made, driver), found)
        assert listed(made, driver) == ["running"], made.logs()
        if "inditree.remote" in text:
            labels = json.loads(docker("inspect", "--format", "{{json .Config.Labels}}", name))
            assert labels["inditree.remote"] == "true"
    finally:
        docker("rm", "-f", "-v", name)
        docker("network", "rm", name)
        docker("volume", "rm", "-f", name)


def listed(made: Container, driver: str) -> list[str]:
    """The state of that driver."""
    try:
        rows = json.loads(made.execute("inditree", "driver", "list", "--json"))
    except AssertionError:
        return []  # it does not answer yet
    return [row["state"] for row in rows if row["name"] == driver]


@pytest.mark.parametrize("text", written.IN_POD)
def test_what_is_executed_in_a_pod(text: str) -> None:
    inside = shlex.split(text.partition(" -- ")[2])
    with running("serve", "inditree-gps", options=("-e", "INDITREE_REMOTES=nowhere.invalid")) as made:
        made.healthy()
        said = made.execute(*inside)
        assert {"inditree status": "inditree-gps", "inditree remote list": "nowhere.invalid"}.get(
            " ".join(inside), ""
        ) in said
        made.healthy()


@pytest.mark.parametrize("text", written.COMPOSE)
def test_compose_reads_what_it_is_given(text: str) -> None:
    words = shlex.split(text)
    assert words[:2] == ["docker", "compose"] and words[-2:] == ["up", "-d"]
    services = command(COMPOSE, *words[2:-2], "config", "--services").split()
    assert services
