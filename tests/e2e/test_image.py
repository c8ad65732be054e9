"""The two images: what is in them, and how a container of them lives and ends."""

from __future__ import annotations

import re
import subprocess
import time
import tomllib
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from e2e.engine import BASE_IMAGE, HARDENED, IMAGE, ROOT, Container, docker, inspect, network, running, until
from e2e.indi import Client

MB = 1_000_000
INDI_PY = str(Path(__file__).with_name("indi.py"))
FORKING = str(Path(__file__).with_name("forking.py"))


@pytest.fixture(scope="module")
def router() -> Iterator[Container]:
    drivers = ("inditree-telescope", "inditree-camera")
    with network() as name, running("serve", *drivers, options=("--network", name)) as made:
        made.healthy()
        yield made


def test_a_base_that_cannot_be_pulled_is_told_what_to_do() -> None:
    """What `docker compose up` ends with where no registry is reached; the words stand beside the failing step."""
    words = ["docker", "build", "--build-arg", "BASE_IMAGE=localhost:1/no-such-base:0", str(ROOT)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=120)
    assert done.returncode != 0
    assert "make base-image" in "\n".join((done.stdout + done.stderr).splitlines()[-20:])


def test_the_slim_image_adds_little() -> None:
    base, slim, indi = (inspect(name)["Size"] for name in (BASE_IMAGE, IMAGE, f"{IMAGE}:indi"))
    added = slim - base
    print(
        f"to its base of {base / MB:.1f} MB slim adds {added / MB:.1f} MB, and indi {(indi - slim) / MB:.1f} MB to slim"
    )
    assert added <= 120 * MB


def test_the_pinned_packages_are_all_that_are_needed() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    wanted = [*project["dependencies"], *extras["docker"], *extras["ipydriver"]]
    pinned = re.findall(r"^([a-z0-9-]+)==", (ROOT / "requirements/image.txt").read_text(), re.MULTILINE)
    names = {re.split(r"[^\w.-]", each)[0].lower().replace("_", "-") for each in wanted}
    assert names <= set(pinned), "make lock pins them anew"


@pytest.mark.parametrize("tag", ["latest", "indi"])
def test_what_an_image_says(tag: str) -> None:
    config = inspect(f"{IMAGE}:{tag}")["Config"]
    assert config["User"] == "65532:65532"
    assert config["Entrypoint"] == ["tini", "--", "inditree"] and config["Cmd"] == ["serve"]
    assert config["Healthcheck"]["Test"] == ["CMD", "inditree", "health"]
    assert set(config["ExposedPorts"]) == {"7624/tcp", "9724/tcp"}
    labels = {key.removeprefix("org.opencontainers.image."): text for key, text in config["Labels"].items()}
    assert labels["title"] == "inditree" and labels["licenses"] == "MIT"
    version = docker("run", "--rm", f"{IMAGE}:{tag}", "--version").split()[-1]
    assert labels["version"] == version


@pytest.mark.parametrize("tag", ["latest", "indi"])
def test_nothing_is_left_of_the_build(tag: str) -> None:
    look = (
        "find / -xdev \\( -name '*.deb' -o -path '/var/lib/apt/lists/*' -o -path '/var/cache/apt/*.bin' "
        "-o -path '*/.cache/*' -o -name 'cc1' -o -path '/build' \\) 2>/dev/null;"
        "for name in cc gcc c++ ld as make pip pip3; do command -v $name; done; true"
    )
    assert docker("run", "--rm", "--user", "0", "--entrypoint", "sh", f"{IMAGE}:{tag}", "-c", look) == ""
    indi = docker("run", "--rm", "--entrypoint", "sh", f"{IMAGE}:{tag}", "-c", "ls /usr/bin | grep -c indi_ || true")
    assert (int(indi) > 0) == (tag == "indi")


def test_it_runs_as_nobody_without_capabilities_on_a_read_only_disk(router: Container) -> None:
    status = router.execute("cat", "/proc/1/status")
    fields = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    assert fields["Uid"].split() == ["65532"] * 4 and fields["Gid"].split() == ["65532"] * 4
    assert int(fields["CapEff"], 16) == 0 and int(fields["CapBnd"], 16) == 0 and fields["NoNewPrivs"] == "1"
    assert router.execute("sh", "-c", "touch /var/lib/inditree/x 2>/dev/null || echo refused") == "refused"


def test_a_picture_on_the_host(router: Container) -> None:
    with Client("127.0.0.1", router.port()) as client:
        assert len(client.photograph("Py Camera")) > MB


def test_a_picture_in_another_container(router: Container) -> None:
    words = ("run", "--rm", *HARDENED, "-v", f"{INDI_PY}:/indi.py:ro", "--entrypoint", "python3")
    shared = next(iter(inspect(router.name)["NetworkSettings"]["Networks"]))
    assert int(docker(*words, "--network", shared, IMAGE, "/indi.py", f"{router.name}:7624", "Py Camera")) > MB


def test_stopping_drains_and_is_quick() -> None:
    with running("serve", "inditree-telescope", "inditree-camera", options=("--stop-timeout", "60")) as made:
        with Client("127.0.0.1", made.port()) as client:
            client.devices({"Py Telescope", "Py Camera"})
            began = time.monotonic()
            docker("stop", made.name)
            took = time.monotonic() - began
            while not client.ended:
                client.poll(5.0)
        state = inspect(made.name)["State"]
        assert took < 30.0 and state["ExitCode"] == 0 and not state["OOMKilled"], (took, state)
        assert "was ended by signal 15" in made.logs()


def test_a_driver_that_forks_twice_leaves_no_zombie_and_no_orphan() -> None:
    mounted = ("-v", f"{FORKING}:/forking.py:ro")
    with running("serve", "python3 /forking.py", options=mounted) as made:

        def rows(name: str) -> list[str]:
            return [row for row in made.execute("python3", "-c", PROCESSES).splitlines() if name in row]

        with Client("127.0.0.1", made.port()) as client:
            client.devices({"Forking"})
        until(lambda: len(rows("forked")) == 1, "one daemon of the driver", 5)
        until(lambda: not rows("Z "), "no zombies", 5)
        old = rows("forked")
        made.execute("sh", "-c", f"kill -KILL {rows('forking')[0].split()[1]}")
        until(lambda: len(rows("forked")) == 1 and rows("forked") != old, "the next run and nothing of the last", 15)
        assert not rows("Z ")


def test_killing_the_router_leaves_nothing() -> None:
    with running("serve", "inditree-telescope", "inditree-camera") as made:
        with Client("127.0.0.1", made.port()) as client:
            client.devices({"Py Telescope", "Py Camera"})
        pids = [int(line.split()[1]) for line in docker("top", made.name).splitlines()[1:]]
        processes = [psutil.Process(pid) for pid in pids]
        assert len(processes) >= 4
        docker("kill", made.name)
        until(lambda: not any(each.is_running() for each in processes), "all of it gone", 5)


def test_when_only_the_router_is_killed_its_drivers_end_too() -> None:
    with running("serve", "inditree-telescope", "inditree-camera") as made:
        with Client("127.0.0.1", made.port()) as client:
            client.devices({"Py Telescope", "Py Camera"})
        processes = [psutil.Process(int(line.split()[1])) for line in docker("top", made.name).splitlines()[1:]]
        next(each for each in processes if "serve" in each.cmdline() and "tini" not in each.cmdline()[0]).kill()
        until(lambda: not any(each.is_running() for each in processes), "all of it gone", 5)
        assert inspect(made.name)["State"]["ExitCode"] == 137


def test_debians_drivers_and_the_command_line_of_indiserver() -> None:
    with running("-v", "indi_simulator_ccd", image=f"{IMAGE}:indi", options=("--entrypoint", "indiserver")) as made:
        with Client("127.0.0.1", made.port()) as client:
            assert len(client.photograph("CCD Simulator")) > MB
        assert made.execute("sh", "-c", "command -v indiserver; command -v python3").split() == [
            "/usr/local/bin/indiserver",
            "/opt/inditree/bin/python3",
        ]
        assert made.execute("cat", "/proc/1/comm").strip() == "indiserver"  # web managers look for that


PROCESSES = """
import pathlib
for each in pathlib.Path("/proc").iterdir():
    if each.name.isdigit():
        try:
            state = (each / "stat").read_text().rpartition(")")[2].split()[0]
            print(state, each.name, (each / "comm").read_text().strip())
        except OSError:
            pass
"""
