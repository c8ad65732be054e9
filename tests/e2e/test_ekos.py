"""compose.ekos.yaml, called as KStars calls it; and the drop-in in the image, found as indiweb looks for it."""

from __future__ import annotations

import psutil

from e2e.engine import IMAGE, Container, docker, inspect, project, running, until
from e2e.indi import Client
from ports import free_port
from webmanager.ekos import CCD, MOUNT, PROFILE, Ekos

FILE = "compose/compose.ekos.yaml"


def programs(container: Container) -> str:
    """What runs in it."""
    return docker("top", container.name, "-o", "pid,args")


def test_a_profile_is_started_and_stopped_and_kept_over_a_restart() -> None:
    """Debian's drivers in the container run while the profile does; its volume keeps the profile."""
    ekos = Ekos(free_port())
    variables = {"INDITREE_IMAGE": f"{IMAGE}:indi", "INDITREE_PUBLISH_EKOS": f"127.0.0.1:{ekos.port}"}
    with project(FILE, variables=variables) as made:
        router = made.container("router")
        router.healthy()
        assert CCD not in programs(router)
        assert not ekos.begin("My Pier", PROFILE, CCD, MOUNT, port=7624, autoconnect=1)
        assert ekos.status == ("True", "My Pier")
        with Client("127.0.0.1", made.indi) as client:
            client.devices({"CCD Simulator", "Telescope Simulator"})
            until(lambda: all(row["connected"] for row in ekos.get("/api/devices")), "the profile's are connected")
            assert len(client.photograph("CCD Simulator")) > 1_000_000
            ekos.post("/api/server/stop")
            client.until("<delProperty[^>]*device=.CCD Simulator.")
        until(lambda: CCD not in programs(router), "they have ended")
        made.compose("restart", "-t", "15", "router")
        router.healthy()
        assert [row["name"] for row in ekos.get("/api/profiles")] == ["My Pier"]
        ekos.post("/api/server/start/My%20Pier")
        assert ekos.runs(CCD, MOUNT)
        assert "Traceback" not in router.logs()


def test_the_drop_in_is_found_by_name_and_port_as_indiweb_looks_for_it() -> None:
    """indiweb 1.2 goes through the processes: the name is `indiserver`, and behind `-p` stands the port."""
    with running(
        "-v", "-p", "7624", "-r", "0", CCD, image=f"{IMAGE}:indi", options=("--entrypoint", "indiserver")
    ) as made:
        process = psutil.Process(inspect(made.name)["State"]["Pid"])
        words = process.cmdline()
        assert process.name() == "indiserver"
        assert words[words.index("-p") + 1] == "7624"
