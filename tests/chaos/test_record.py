"""The record under faults: it has what clients heard, and a full disk costs nobody but the record anything."""

from __future__ import annotations

import contextlib
import os
import re
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path

from chaos.listener import Listener
from chaos.test_chaos import FAULTS, SECONDS, all_there, heal, scene, tickers
from inditree.record.entries import Entry
from inditree.record.store import read, segments
from live import Client, Router, until
from ports import free_port
from security.parts import configured, listen, metrics

EVENT = re.compile(
    rb"<(?P<tag>def|set)NumberVector[^>]*device=.(?P<device>\w+).[^>]*name=.TICK.[^>]*>"
    rb"\s*<(?:def|one)Number[^>]*>\s*(?P<number>\d+)\s*<"
    rb"|<delProperty[^>]*device=.(?P<gone>\w+).[^>]*/>"
)
Events = dict[str, list[str]]


def events(data: bytes) -> Events:
    """What was said of each device, in its order: definitions, numbers, that it is gone."""
    found: Events = {}
    for each in EVENT.finditer(data):
        device = (each["device"] or each["gone"]).decode()
        what = "gone" if each["gone"] else f"{each['tag'].decode()} {each['number'].decode()}"
        found.setdefault(device, []).append(what)
    return found


class Ear:
    """A client that keeps all that it hears, images left out, until `close`."""

    def __init__(self, port: int) -> None:
        self._data = bytearray()
        self._sock = Client(port, "<getProperties version='1.7'/>").sock
        self._sock.settimeout(None)
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        with contextlib.suppress(OSError):
            while data := self._sock.recv(1 << 20):
                self._data += data

    def heard(self) -> Events:
        """What it heard of each device behind the definitions that it was told of at the beginning."""
        return {device: each[1:] for device, each in events(bytes(self._data)).items()}

    def close(self) -> None:
        with contextlib.suppress(OSError):  # the other end has closed it
            self._sock.shutdown(socket.SHUT_RDWR)
        self._thread.join(5)
        self._sock.close()


def recorded(folder: Path) -> Events:
    found = [each for each in read(each.path for each in segments(folder)) if isinstance(each, Entry)]
    return events(b"".join(each.data for each in found if not each.known and not each.result))


def missing(heard: Events, kept: Events) -> list[str]:
    """Where what a client heard is not, as it is and without a gap, in the record."""
    wrong = []
    for device, said in heard.items():
        whole = kept.get(device, [])
        begin = whole.index(said[0]) if said and said[0] in whole else -1
        if begin < 0 or whole[begin : begin + len(said)] != said:
            wrong.append(device)
    return wrong


def test_what_ten_clients_heard_among_faults_is_in_the_record(tmp_path: Path) -> None:
    seed = int(os.environ.get("INDITREE_CHAOS_SEED", time.time_ns() % 1_000_000))
    folder = tmp_path / "night"
    with scene(tmp_path, seed, f"record: {{dir: {folder}, links: true, images: hash}}") as made:
        ears = [Ear(made.hub.port) for _ in range(10)]
        end = time.monotonic() + SECONDS
        while time.monotonic() < end:
            made.random.choice(FAULTS)(made)
            time.sleep(made.random.random() * 0.3)
        heal(made)
        all_there(made)
        for each in ears:
            each.close()
        all_heard = [each.heard() for each in ears]
        assert all(set(heard) == set("ABC") and all(heard.values()) for heard in all_heard)
        until(
            lambda: not any(missing(heard, recorded(folder)) for heard in all_heard), what=f"seed {seed}: all is kept"
        )


def test_a_kill_costs_nothing_that_was_on_the_disk_and_that_comes_there_by_itself(tmp_path: Path) -> None:
    """Each second, which `record/writer.py` has as a number: how late it is written depends on the machine too."""
    rate, port, folder = 200, free_port(), tmp_path / "night"
    lines = (listen(port), tickers(rate, "A"), f"record: {{dir: {folder}}}")
    with configured(tmp_path, port, *lines, ready="A: provided by") as router, contextlib.closing(Ear(port)) as ear:
        until(lambda: len(ear.heard().get("A", ())) > rate, what="a second was heard")
        newest = ear.heard()["A"][-1]
        until(lambda: newest in recorded(folder).get("A", ()), what="it is written, and nobody has asked for it")
        router.process.kill()
        router.process.wait()
    heard, kept = ear.heard()["A"], recorded(folder)["A"]
    last = min(len(heard), heard.index(kept[-1]) + 1 if kept[-1] in heard else len(heard))
    assert heard.index(newest) < last
    assert not missing({"A": heard[:last]}, {"A": kept})
    assert all(isinstance(each, Entry) for each in read(each.path for each in segments(folder)))


NAMESPACE = ("unshare", "-rm", "sh", "-c", 'mkdir "$0" && mount -t tmpfs -o size=512k none "$0" && exec "$@"')


def test_a_full_disk_costs_the_record_alone_and_it_goes_on(tmp_path: Path) -> None:
    """A small disk in a mount namespace of the router's own."""
    port, http = free_port(), f"127.0.0.1:{free_port()}"
    file, folder = tmp_path / "router.yaml", tmp_path / "night"
    lines = (listen(port), tickers(200, "A"), f"http: {{listen: {http}}}", f"record: {{dir: {folder}, images: all}}")
    file.write_text("\n".join(lines))
    words = ["serve", "--config", str(file)]
    router = Router(tmp_path / "log", words, port, before=(*NAMESPACE, str(folder)))
    try:
        router.wait_for("listening on")
        inside = Path(f"/proc/{router.process.pid}/root{folder}")

        def lost() -> float:
            return metrics(http)["indi_record_lost_total"]

        with contextlib.closing(Listener(port, "near", near="A")) as client:
            until(lambda: len(recorded(inside).get("A", ())) > 50, what="something is recorded")
            assert lost() == 0
            with contextlib.suppress(OSError), (inside / "ballast").open("wb", buffering=0) as ballast:
                while True:
                    ballast.write(b"x" * 4096)
            until(lambda: lost() > 2, what="the loss is counted")
            _goes_on(lambda: client.ticks)
            assert router.log.count("is losing data: No space left on device") == 1
            (inside / "ballast").unlink()
            router.wait_for("is written again")
            kept = len(recorded(inside)["A"])
            until(lambda: len(recorded(inside)["A"]) > kept + 50, what="it is recorded again")
            before = lost()
            _goes_on(lambda: client.ticks)
            assert lost() == before
            assert not client.faults
            assert all(isinstance(each, Entry) for each in read(each.path for each in segments(inside)))
    finally:
        status = router.stop()
    assert status == 0


def _goes_on(count: Callable[[], int]) -> None:
    before = count()
    until(lambda: count() > before + 200, what="a client hears on")
