"""The dashboards, and a flood of scrapes, against a real router under traffic."""

import contextlib
import threading
import urllib.request
from pathlib import Path

from live import Client, Router, serve, until
from ops.test_monitoring import BOARDS, ask, expressions, prometheus
from ports import free_port
from waiting import DEADLINE

CCD, TELESCOPE = "CCD Simulator", "Telescope Simulator"

BY_ITSELF = ("indi_interlock", "indi_reaction", "indi_device_ready", "indi_record")

# What only an observatory with that instrument has, or a driver that has ended.
ABSENT = ("WEATHER", "DOME", "FOCUS", "GUIDE", "COOLER", "TEMPERATURE", "indi_property_state", "last_exit", *BY_ITSELF)


def test_every_query_of_the_router_board_gives_series(tmp_path: Path) -> None:
    leaf_port, http = free_port(), f"127.0.0.1:{free_port()}"
    config = tmp_path / "hub.yaml"
    hub_port = free_port()
    config.write_text(
        f"name: hub\nlisten: [{{tcp: '127.0.0.1:{hub_port}'}}]\nhttp: {{listen: '{http}'}}\n"
        f"remotes: [{{host: 127.0.0.1, port: {leaf_port}, name: leaf}}]\n"
        "drivers: [{exec: [indi_simulator_ccd]}, {name: crash, exec: [sh, -c, 'sleep 1; exit 1']}]\n"
        "metrics: {properties: ['CCD Simulator.*.*', 'Telescope Simulator.*.*']}\n"
    )
    with serve(tmp_path, "indi_simulator_telescope", port=leaf_port, name="leaf"):
        hub = Router(tmp_path / "hub.log", ["serve", "--config", str(config)], hub_port)
        try:
            hub.wait_for(f"{CCD}: provided by")
            hub.wait_for(f"{TELESCOPE}: provided by")
            with prometheus(tmp_path, http) as address, Client(hub.port) as client:
                client.connect_ccd()
                client.ask(TELESCOPE)
                client.send(
                    f"<newSwitchVector device='{TELESCOPE}' name='CONNECTION'><oneSwitch name='CONNECT'>On</oneSwitch>"
                    "</newSwitchVector>"
                )
                client.take(f"<defNumberVector[^>]*device=.{TELESCOPE}.[^>]*name=.EQUATORIAL_EOD_COORD.")

                night = [expr for expr in expressions(BOARDS[1]) if not any(word in expr for word in ABSENT)]
                assert night
                empty: list[str] = []

                def all_answer() -> bool:
                    client.expose()
                    empty[:] = [expr for expr in [*expressions(BOARDS[0]), *night] if not ask(address, expr)]
                    return not empty

                with contextlib.suppress(AssertionError):
                    until(all_answer)
                assert empty == []
        finally:
            hub.stop()


def test_a_hundred_scrapes_while_images_flow_lose_none(tmp_path: Path) -> None:
    """A hundred scrapes while images flow; the long form of a thousand is in docs/performance.md."""
    program = tmp_path / "camera"
    program.write_text(CAMERA)
    program.chmod(0o755)
    http = f"127.0.0.1:{free_port()}"
    with serve(tmp_path, str(program), http=http) as router, Client(router.port) as client:
        router.wait_for("Cam: provided by")
        client.ask()
        client.send("<enableBLOB device='Cam'>Also</enableBLOB>")
        client.take("<defBLOBVector")
        scraped = 0

        def scrape() -> None:
            nonlocal scraped
            for _ in range(100):
                with urllib.request.urlopen(f"http://{http}/metrics", timeout=DEADLINE) as answer:
                    answer.read()
                scraped += 1

        scraper = threading.Thread(target=scrape)
        scraper.start()
        client.send("<newTextVector device='Cam' name='GO'><oneText name='t'>x</oneText></newTextVector>")
        for number in range(60):
            client.take(f"timestamp='{number}'.*?</setBLOBVector>")
        scraper.join(DEADLINE)
        assert scraped == 100


CAMERA = """#!/usr/bin/env python3
import sys
print("<defBLOBVector device='Cam' name='I' state='Ok' perm='ro'><defBLOB name='i'/></defBLOBVector>"
      "<defTextVector device='Cam' name='GO' state='Ok' perm='rw'><defText name='t'>-</defText>"
      "</defTextVector>", flush=True)
for line in sys.stdin:
    if "GO" in line:
        data = "QUJD" * (1 << 19)
        for number in range(60):
            print(f"<setBLOBVector device='Cam' name='I' state='Ok' timestamp='{number}'>"
                  f"<oneBLOB name='i' size='1572864' format='.x'>{data}</oneBLOB></setBLOBVector>", flush=True)
"""
