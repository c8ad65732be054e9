"""A night with KStars' calls: a profile is started, used, restarted, stopped, and nobody else notices."""

from __future__ import annotations

import contextlib
import signal
import socket
from pathlib import Path

import psutil

from inditree.webmanager.running import MAX_LINKS
from live import Client, Router, until
from ports import free_port
from waiting import DEADLINE
from webmanager.ekos import CCD, FOCUS, MOUNT, PROFILE, Ekos, managed


def programs(router: Router) -> set[str]:
    """The programs that run below a router."""
    found = set()
    for each in router.descendants():
        with contextlib.suppress(psutil.Error):  # it may end meanwhile
            words = each.cmdline()
            found.add(Path(words[0]).name if words else "")
    return found


def night(router: Router, ekos: Ekos, watching: Client) -> None:
    """Start, two exposures, a restart of the camera, one more, stop."""
    assert not ekos.begin(
        "My Pier", PROFILE, CCD, MOUNT, scripts=[{"Driver": "CCD Simulator", "PreScript": "/bin/false"}]
    )
    assert ekos.status == ("True", "My Pier")
    with Client(router.port) as client:  # at once, as KStars does
        client.connect_ccd()
        assert {"device": "CCD Simulator", "connected": True} in ekos.get("/api/devices")
        client.expose()
        client.expose()
        before = router.driver_pid(CCD)
        ekos.post("/api/drivers/restart/CCD%20Simulator")
        until(lambda: router.driver_pid(CCD) != before, what="another process")
        client.take("<delProperty")
        client.connect_ccd()
        client.expose()
        assert ekos.begin("My Pier", PROFILE, CCD, MOUNT)  # KStars comes again and finds it running
        ekos.post("/api/server/stop")
        assert ekos.status == ("False", "")
        assert ekos.get("/api/server/drivers") == []
        client.take("<delProperty[^>]*device=.CCD Simulator.")
    until(lambda: not programs(router) & {CCD, MOUNT}, what="they have ended")
    watching.ping()


def test_a_night_by_kstars_calls(tmp_path: Path) -> None:
    """Another client, of a driver of the router itself, stays connected; the same after the router was restarted."""
    drivers = f"[{{exec: [{FOCUS}]}}]"
    ekos = Ekos(free_port())
    for _ in range(2):
        with managed(tmp_path, drivers, ekos=ekos) as (router, _), Client(router.port) as watching:
            watching.ask("Focuser Simulator")
            watching.take("<def[^>]*device=.Focuser Simulator.")
            night(router, ekos, watching)
            assert FOCUS in programs(router)
            assert b"delProperty device='Focuser" not in watching.heard
            assert router.stop() == 0
    with managed(tmp_path, drivers, ekos=ekos) as (router, _):
        assert [row["name"] for row in ekos.get("/api/profiles")] == ["My Pier"]
        ekos.post("/api/server/start/My%20Pier")  # as it was kept


def test_a_driver_that_ran_before_stays(tmp_path: Path) -> None:
    """It is used in place of a second one, whether it is known by its label or by its program."""
    drivers = f"[{{exec: [{CCD}], label: Main camera}}, {{exec: [{MOUNT}]}}]"
    entries = [{"label": "Main camera"}, {"label": "Telescope Simulator"}, {"label": "Focuser Simulator"}]
    with managed(tmp_path, drivers) as (router, ekos):
        camera, mount = router.driver_pid(CCD), router.driver_pid(MOUNT)
        assert ekos.status == ("False", "")
        assert not ekos.begin("P", entries, CCD, MOUNT, FOCUS)
        assert ekos.runs(CCD, MOUNT, FOCUS)
        assert {row["label"] for row in ekos.get("/api/server/drivers")} == {row["label"] for row in entries}
        for label in ("Main%20camera", "Telescope%20Simulator"):
            status, body = ekos.call("POST", f"/api/drivers/stop/{label}")
            assert (status, list(body)) == (403, ["detail"])
        ekos.post("/api/server/stop")
        until(lambda: FOCUS not in programs(router), what="what the profile started has ended")
        assert (router.driver_pid(CCD), router.driver_pid(MOUNT)) == (camera, mount)


def test_a_driver_that_stood_still_is_stopped_again(tmp_path: Path) -> None:
    more = "http: off\n"
    drivers = f"[{{exec: [{CCD}], name: cam, label: Main camera, restart: {{policy: never}}}}]"
    with managed(tmp_path, drivers, more=more) as (router, ekos):
        router.wait_for("has defined its first device")
        pid = router.driver_pid(CCD)
        next(each for each in router.descendants() if each.pid == pid).terminate()
        until(lambda: CCD not in programs(router), what="it has ended")
        ekos.save("P", [{"label": "Main camera"}])
        ekos.post("/api/server/start/P")
        assert ekos.runs(CCD)
        ekos.post("/api/server/stop")
        until(lambda: CCD not in programs(router), what="it has ended again")
        assert ekos.get("/api/server/drivers") == []


def test_profiles_survive_a_kill_and_start_with_the_router(tmp_path: Path) -> None:
    ekos = Ekos(free_port())
    with managed(tmp_path, ekos=ekos) as (router, _):
        ekos.save("first", PROFILE[:1], autostart=1)
        ekos.save("pier/é", PROFILE, autostart=1)
        assert [row["autostart"] for row in ekos.get("/api/profiles")] == [0, 1]
        router.stop(signal.SIGKILL)
    with managed(tmp_path, ekos=ekos) as (router, _):
        until(lambda: ekos.status == ("True", "pier/é"), what="it has started")
        until(lambda: ekos.runs(CCD, MOUNT), what="all run")
        assert ekos.get("/api/profiles/pier%2F%C3%A9/labels") == PROFILE
        ekos.call("DELETE", "/api/profiles/pier%2F%C3%A9")
        assert ekos.call("GET", "/api/profiles/pier%2F%C3%A9") == (404, {"detail": "Profile not found"})
        ekos.post("/api/server/stop")
        router.stop(signal.SIGKILL)
    with managed(tmp_path, ekos=ekos) as (router, _):
        assert [row["name"] for row in ekos.get("/api/profiles")] == ["first"]
        assert ekos.status == ("False", "")


def test_start_answers_with_a_driver_in_backoff(tmp_path: Path) -> None:
    """Debian's list names a simulator that it has not: the others run, and what does not says why."""
    entries = [*PROFILE, {"label": "Spectrograph Simulator"}, {"label": "No such thing"}]
    with managed(tmp_path) as (_, ekos):
        ekos.save("P", entries, port=7999)
        said = ekos.post("/api/server/start/P")["message"]
        assert "not at the profile's 7999" in said
        assert "'No such thing' is not a driver that may be started here" in said
        rows = {row["label"]: row for row in ekos.get("/api/server/drivers")}
        assert [rows[each["label"]]["state"] for each in entries[:3]] == ["running", "running", "backoff"]
        assert "no such program" in rows["Spectrograph Simulator"]["error"]


def test_another_profile_keeps_what_both_have(tmp_path: Path) -> None:
    with managed(tmp_path) as (router, ekos):
        ekos.save("A", PROFILE)
        ekos.save("B", [PROFILE[0], {"label": "Focuser Simulator"}])
        ekos.post("/api/server/start/A")
        camera = router.driver_pid(CCD)
        ekos.post("/api/server/start/B")
        assert ekos.status == ("True", "B")
        until(lambda: MOUNT not in programs(router), what="it has ended")
        assert ekos.runs(CCD, FOCUS)
        assert router.driver_pid(CCD) == camera
        ekos.post("/api/drivers/stop/Focuser%20Simulator")
        assert not ekos.runs(FOCUS)
        ekos.post("/api/drivers/start/Focuser%20Simulator")
        assert ekos.runs(FOCUS)


def test_remotes_are_links(tmp_path: Path) -> None:
    (tmp_path / "far").mkdir()
    with managed(tmp_path / "far", f"[{{exec: [{CCD}]}}]") as (far, _), managed(tmp_path) as (near, ekos):
        remote = f"CCD Simulator@127.0.0.1:{far.port}"
        assert not ekos.begin("P", [PROFILE[1], {"remote": remote}], MOUNT)
        assert ekos.get("/api/profiles/P/remote") == {"drivers": remote}
        with Client(near.port) as client:
            client.ask("CCD Simulator")
            client.take("<def[^>]*device=.CCD Simulator.")
            assert ekos.runs(MOUNT, remote)
            ekos.post("/api/server/stop")
            client.take("<delProperty[^>]*device=.CCD Simulator.")
        far.driver_pid(CCD)
        ekos.post(f"/api/drivers/start_remote/{remote.replace(' ', '%20')}")
        assert ekos.status == ("True", "")
        ekos.post(f"/api/drivers/stop_remote/{remote.replace(' ', '%20')}")
        assert ekos.status == ("False", "")
        assert ekos.call("POST", "/api/drivers/start_remote/nowhere:99999")[0] == 400


def test_links_are_bounded(tmp_path: Path) -> None:
    """Who may ask has links made without end else, by one profile too: each connects for ever."""
    with managed(tmp_path) as (_, ekos):
        places = [f"127.0.0.1:{port}" for port in range(1, MAX_LINKS + 1)]
        ekos.save("P", [{"remote": place} for place in (*places, "127.0.0.1:65535")])
        assert "127.0.0.1:65535" in ekos.post("/api/server/start/P")["message"]
        assert len(ekos.get("/api/server/drivers")) == MAX_LINKS
        status, answer = ekos.call("POST", "/api/drivers/start_remote/127.0.0.1:65534")
        assert (status, "64 links were started here already" in answer["detail"]) == (400, True)
        ekos.post(f"/api/drivers/stop_remote/{places[0]}")
        ekos.post("/api/drivers/start_remote/127.0.0.1:65534")
        ekos.post("/api/server/stop")
        assert ekos.get("/api/server/drivers") == []


def test_a_reload_applies_all_but_the_port(tmp_path: Path) -> None:
    with managed(tmp_path, patterns="['indi_simulator_focus']") as (router, ekos):
        assert ekos.call("POST", "/api/drivers/start/CCD%20Simulator") == (404, {"detail": "Driver not found"})
        file = tmp_path / "router.yaml"
        text = file.read_text().replace("indi_simulator_focus", "CCD Sim*").replace("127.0.0.1", "127.0.0.2")
        file.write_text(text + "  origins: [pier.example]\n")
        assert ekos.call("GET", "/api/server/status", headers={"Host": "pier.example"})[0] == 403
        router.process.send_signal(signal.SIGHUP)
        router.wait_for("webmanager.listen takes effect at the next start")
        router.wait_for("configuration read again")
        assert ekos.call("GET", "/api/server/status", headers={"Host": "pier.example"})[0] == 200
        ekos.post("/api/drivers/start/CCD%20Simulator")
        assert ekos.runs(CCD)
        assert ekos.get("/api/drivers/groups") == ["CCDs"]


def test_a_profile_without_a_port_is_where_indi_is(tmp_path: Path) -> None:
    """KStars 3.6 makes profiles without one: nobody is told that INDI is elsewhere."""
    with managed(tmp_path) as (router, ekos):
        ekos.post("/api/profiles/My%20Pier")
        ekos.post("/api/profiles/My%20Pier/drivers", PROFILE)
        assert ekos.post("/api/server/start/My%20Pier")["message"] == "INDI server started for profile My Pier"
        assert ekos.get("/api/profiles/My%20Pier")["port"] == router.port


AGENT = "Accept-Encoding: gzip, deflate\r\nAccept-Language: en,*\r\nUser-Agent: Mozilla/5.0\r\n"
HEAD = f"Connection: Keep-Alive\r\n{AGENT}\r\n"
DRIVERS = (
    '[\n    {\n        "label": "CCD Simulator"\n    },\n    {\n        "label": "Telescope Simulator"\n    }\n]\n'
)
KSTARS = [
    ("GET /api/server/status", None),
    ("GET /api/info/version", None),
    ("GET /api/server/drivers", None),
    ("POST /api/server/stop", ""),
    ("POST /api/profiles/My%20Pier", ""),
    ("POST /api/profiles/My%20Pier/drivers", DRIVERS),
    ("POST /api/server/start/My%20Pier", ""),
    ("GET /api/server/drivers", None),
    ("POST /api/drivers/restart/CCD%20Simulator", ""),
    ("POST /api/server/stop", ""),
]
"""What KStars 3.6.2 sent (`make kstars`), in its order, byte for byte but for the port."""


def test_the_very_requests_of_kstars(tmp_path: Path) -> None:
    """Each on a connection of its own that stays open; one that is opened and closed without a word does no harm."""
    with managed(tmp_path) as (router, ekos), contextlib.ExitStack() as stack:
        socket.create_connection(("127.0.0.1", ekos.port)).close()  # newer KStars looks so whether somebody listens
        for line, body in KSTARS:
            typed = "Content-Type: application/json\r\n" if body else ""
            size = f"{typed}Content-Length: {len(body)}\r\n" if body is not None else ""
            connection = stack.enter_context(socket.create_connection(("127.0.0.1", ekos.port), timeout=DEADLINE))
            connection.sendall(f"{line} HTTP/1.1\r\nHost: 127.0.0.1:{ekos.port}\r\n{size}{HEAD}{body or ''}".encode())
            assert connection.recv(1 << 16).startswith(b"HTTP/1.1 200 OK\r\n"), line
        assert not programs(router) & {CCD, MOUNT}
        assert "WARNING" not in router.log
