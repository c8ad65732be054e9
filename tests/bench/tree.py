"""Thirty routers in a chain and in a star on one machine: python -m bench.tree [--nodes N]

Prints how long the tree takes to settle, how long a new client waits for all devices at the far end, what a hop costs
in a round trip (new* at one end, set* of the driver at the other), and how many bytes an idle tree moves.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import statistics
import tempfile
import time
import urllib.request
from pathlib import Path

from bench.build import build, program
from live import Client, Router, serve, until
from ports import free_port

DEVICES = ("First", "Last")
ROUNDS = 300
IDLE_SECONDS = 12.0


def settled(port: int) -> bool:
    """Whether a client there is told of both devices at once."""
    with Client(port) as client:
        client.send("<getProperties version='1.7'/><pingRequest uid='told'/>")
        told = client.take("^.*<pingReply uid=.told.")[0]
        return all(f'device="{name}"'.encode() in told for name in DEVICES)


def first_answer(port: int) -> float:
    """Seconds from getProperties to the definition of the device at the other end."""
    with Client(port) as client:
        began = time.perf_counter()
        client.ask("Last")
        client.take('<defBLOBVector device="Last"')
        return time.perf_counter() - began


def round_trip(port: int, device: str) -> float:
    """Median seconds from a new* to the set* of the device."""
    times = []
    with Client(port) as client:
        client.ask(device)
        client.take(f'<defBLOBVector device="{device}"')
        for number in range(ROUNDS):
            value = f'<oneNumber name="V">{number:016d}</oneNumber>'
            began = time.perf_counter()
            client.send(f'<newNumberVector device="{device}" name="ECHO">{value}</newNumberVector>')
            client.take('<setNumberVector device="[A-Za-z]+" name="ECHO".*?</setNumberVector>')
            times.append(time.perf_counter() - began)
    return statistics.median(times)


def link_bytes(http: str) -> int:
    """Bytes that one router has sent over its links."""
    with urllib.request.urlopen(f"http://{http}/metrics", timeout=5) as answer:
        lines = answer.read().decode().splitlines()
    sent = [line.split()[-1] for line in lines if line.startswith("indi_bytes_sent_total{") and '"link"' in line]
    return sum(int(float(number)) for number in sent)


def measure(shape: str, nodes: int, driver: str) -> dict[str, float]:
    """One tree, from the first start to its end."""
    ports = [free_port() for _ in range(nodes)]
    https = [f"127.0.0.1:{free_port()}" for _ in range(nodes)]
    with contextlib.ExitStack() as stack, tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        routers: list[Router] = []
        for number, port in enumerate(ports):
            words = []
            if shape == "chain" and number:
                words = ["--remote", f"127.0.0.1:{ports[number - 1]}"]
            elif shape == "star" and number == 0:
                words = [part for leaf in ports[1:] for part in ("--remote", f"127.0.0.1:{leaf}")]
            if number in (0, 1) and shape == "star":
                words.append(f"{driver} {DEVICES[0 if number == 0 else 1]} none")
            if number in (0, nodes - 1) and shape == "chain":
                words.append(f"{driver} {DEVICES[0 if number else 1]} none")
            routers.append(
                stack.enter_context(
                    serve(Path(folder), *words, port=port, http=https[number], listening=False, name=str(number))
                )
            )
        for router in routers:
            router.wait_for("listening on", 60)
        until(lambda: all(settled(port) for port in ports), 60, "every router knows both devices")
        up = time.perf_counter() - began
        far = ports[-1]
        hops = nodes - 1 if shape == "chain" else 2
        near_trip = round_trip(far if shape == "chain" else ports[0], "First")
        far_trip = round_trip(far, "Last")
        before = sum(map(link_bytes, https))
        time.sleep(IDLE_SECONDS)
        idle = (sum(map(link_bytes, https)) - before) / IDLE_SECONDS
        return {
            "nodes": nodes,
            "hops": hops,
            "all devices everywhere, s": round(up, 2),
            "new client at the far end, ms": round(statistics.median(first_answer(far) for _ in range(20)) * 1e3, 2),
            "round trip, own driver, us": round(near_trip * 1e6),
            "round trip, far driver, us": round(far_trip * 1e6),
            "a hop, us": round((far_trip - near_trip) / hops * 1e6),
            "idle tree, bytes/s per link": round(idle / (nodes - 1), 1),
        }


def main() -> None:
    """Measure both shapes."""
    parser = argparse.ArgumentParser(prog="bench.tree", description=__doc__)
    parser.add_argument("--nodes", type=int, default=30)
    nodes = parser.parse_args().nodes
    build()
    driver = str(program("load_driver"))
    for shape in ("chain", "star"):
        print(shape, json.dumps(measure(shape, nodes, driver), indent=1))


if __name__ == "__main__":
    main()
