"""A link between real routers that is lost: what clients hear within `link_hold`, after it, and of an orderly stop."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from integration.test_tree import CCD, FOCUSER, PROGRAMS, TELESCOPE, indiserver, sees, status
from live import Client, Router, serve, tool, until
from ports import free_port

LONG = 120.0
"""A `link_hold` that outlasts everything that a test waits for."""

FRAMES = """#!{python}
import sys
CAMERA = ("<defBLOBVector device='Cam' name='B' state='Idle' perm='ro'><defBLOB name='M'/></defBLOBVector>"
          "<defSwitchVector device='Cam' name='GO' state='Idle' perm='rw' rule='AnyOfMany'>"
          "<defSwitch name='GO'>Off</defSwitch></defSwitchVector>")
heard, number = "", 0
def say(text):
    sys.stdout.write(text + "\\n")
    sys.stdout.flush()
while text := sys.stdin.readline():
    heard += text
    if "<getProperties" in heard:
        heard = ""
        say(CAMERA)
    elif "</newSwitchVector>" in heard:
        heard = ""
        number += 1
        say("<delProperty device='Cam'/>" + CAMERA
            + "<setBLOBVector device='Cam' name='B' state='Ok'><oneBLOB name='M' size='3' format='.x'>"
            + "%04d</oneBLOB></setBLOBVector>" % number
            + "<setSwitchVector device='Cam' name='GO' state='Ok'><oneSwitch name='GO'>Off</oneSwitch>"
            + "</setSwitchVector>")
"""


class Pair:
    """A hub, with the port and HTTP address of the leaf that it links to."""

    def __init__(self, tmp: Path, hub: Router, port: int, http: str) -> None:
        self.tmp, self.hub, self.port, self.http = tmp, hub, port, http
        self._leaves = 0

    def leaf(self, *words: str) -> contextlib.AbstractContextManager[Router]:
        """Start the leaf, once more perhaps."""
        self._leaves += 1
        return serve(self.tmp, *words, port=self.port, name=f"leaf{self._leaves}")

    def stale(self) -> set[str]:
        """The devices that the hub holds."""
        return {row["name"] for row in status(self.http)["devices"] if row.get("stale")}

    def there(self) -> set[str]:
        """The devices that somebody provides at the hub."""
        return {row["name"] for row in status(self.http)["devices"] if not row.get("stale")}


@contextlib.contextmanager
def pair(tmp: Path, hold: float, *words: str, timeout: float = 30.0) -> Iterator[Pair]:
    """A hub that links to a leaf which is not there yet."""
    port, http = free_port(), f"127.0.0.1:{free_port()}"
    file = tmp / "hub.yaml"
    file.write_text(
        f"limits: {{link_hold: {round(hold * 1000)}ms, link_timeout: {round(timeout * 1000)}ms}}\n"
        f"remotes: [{{host: 127.0.0.1, port: {port}, name: leaf}}]\n"
    )
    with serve(tmp, "--config", str(file), *words, http=http, name="hub") as hub:
        yield Pair(tmp, hub, port, http)


@contextlib.contextmanager
def watching(port: int, device: str) -> Iterator[Client]:
    """A client that has seen all of a device."""
    sees(port, device)
    with Client(port) as client:
        client.ask()
        client.ping()
        client.forget()
        yield client


def kill(router: Router) -> None:
    router.process.kill()
    router.process.wait()


def test_a_router_that_is_killed_and_started_within_link_hold_is_not_heard_of(tmp_path: Path) -> None:
    with pair(tmp_path, LONG) as it:
        with it.leaf(PROGRAMS[TELESCOPE]) as leaf:
            sees(it.hub.port, TELESCOPE)
            client = Client(it.hub.port)
            client.ask()
            client.ping()
            client.forget()
            kill(leaf)
            until(lambda: it.stale() == {TELESCOPE}, what="it is held")
            with Client(it.hub.port) as newcomer:
                newcomer.ask(TELESCOPE)
                newcomer.take(f"<defSwitchVector[^>]*device=.{TELESCOPE}.[^>]*name=.CONNECTION.")
                newcomer.send(set_period(701))
                newcomer.take("is not there")
            text = tool(sys.executable, "-m", "inditree", "status", "--http", it.http).stdout
            assert re.search(f"{TELESCOPE} .*stale", text), text
        with it.leaf(PROGRAMS[TELESCOPE]), client:
            until(lambda: it.there() == {TELESCOPE}, what="it is there again")
            client.send(set_period(702))
            until(lambda: says_period(client, 702), what="the driver has it")
            assert b"delProperty" not in client.heard


def set_period(value: int) -> str:
    one = f"<oneNumber name='PERIOD_MS'>{value}</oneNumber>"
    return f"<newNumberVector device='{TELESCOPE}' name='POLLING_PERIOD'>{one}</newNumberVector>"


def says_period(client: Client, value: int) -> bool:
    """Has it heard this value by now?"""
    client.silent(0.05)
    return re.search(rb"<setNumberVector[^>]*POLLING_PERIOD[^>]*>[^/]*\b%d\b" % value, client.heard) is not None


def test_a_router_that_stays_away_is_gone_after_link_hold(tmp_path: Path) -> None:
    with (
        pair(tmp_path, 2.0) as it,
        it.leaf(PROGRAMS[TELESCOPE]) as leaf,
        watching(it.hub.port, TELESCOPE) as client,
    ):
        kill(leaf)
        until(lambda: it.stale() == {TELESCOPE}, what="it is held")
        client.take(f"<delProperty device=.{TELESCOPE}.")
        assert not it.stale() and not it.there()
        with it.leaf(PROGRAMS[TELESCOPE]):
            client.take(f"<defSwitchVector[^>]*device=.{TELESCOPE}.[^>]*name=.CONNECTION.")


def test_a_router_that_is_frozen_for_a_while_is_not_heard_of(tmp_path: Path) -> None:
    with (
        pair(tmp_path, LONG, timeout=1.5) as it,
        it.leaf(PROGRAMS[TELESCOPE]) as leaf,
        watching(it.hub.port, TELESCOPE) as client,
    ):
        os.kill(leaf.process.pid, signal.SIGSTOP)
        try:
            until(lambda: it.stale() == {TELESCOPE}, what="it is held")
        finally:
            os.kill(leaf.process.pid, signal.SIGCONT)
        until(lambda: it.there() == {TELESCOPE}, what="it is there again")
        client.send(set_period(703))
        until(lambda: says_period(client, 703), what="the driver has it")
        assert b"delProperty" not in client.heard


def test_a_router_that_is_frozen_for_longer_is_gone(tmp_path: Path) -> None:
    with (
        pair(tmp_path, 1.0, timeout=1.5) as it,
        it.leaf(PROGRAMS[TELESCOPE]) as leaf,
        watching(it.hub.port, TELESCOPE) as client,
    ):
        os.kill(leaf.process.pid, signal.SIGSTOP)
        try:
            client.take(f"<delProperty device=.{TELESCOPE}.")
        finally:
            os.kill(leaf.process.pid, signal.SIGCONT)
        client.take(f"<defSwitchVector[^>]*device=.{TELESCOPE}.[^>]*name=.CONNECTION.")


def test_who_is_told_to_stop_is_gone_at_once(tmp_path: Path) -> None:
    """Its driver ends first; what it had from elsewhere is deleted too."""
    with pair(tmp_path, LONG) as it, it.leaf(PROGRAMS[TELESCOPE]) as leaf, watching(it.hub.port, TELESCOPE) as client:
        leaf.process.terminate()
        client.take(f"<delProperty device=.{TELESCOPE}.")
        assert not it.stale()


def test_a_hub_that_is_told_to_stop_is_gone_at_once_at_its_leaves(tmp_path: Path) -> None:
    with pair(tmp_path, LONG, PROGRAMS[FOCUSER]) as it, it.leaf() as leaf, watching(leaf.port, FOCUSER) as client:
        it.hub.process.terminate()
        client.take(f"<delProperty device=.{FOCUSER}.")


def test_a_link_that_is_removed_is_gone_at_once_at_both_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with (
        pair(tmp_path, LONG, PROGRAMS[FOCUSER]) as it,
        it.leaf(PROGRAMS[TELESCOPE]) as leaf,
        watching(it.hub.port, TELESCOPE) as here,
        watching(leaf.port, FOCUSER) as there,
    ):
        monkeypatch.setenv("INDITREE_PORT", str(it.hub.port))
        done = tool(sys.executable, "-m", "inditree", "remote", "remove", "leaf")
        assert done.returncode == 0, done.stderr
        here.take(f"<delProperty device=.{TELESCOPE}.")
        there.take(f"<delProperty device=.{FOCUSER}.")


def test_of_two_plain_servers_behind_one_hub_the_one_that_ends_is_gone_at_once(tmp_path: Path) -> None:
    one, two, http = free_port(), free_port(), f"127.0.0.1:{free_port()}"
    file = tmp_path / "hub.yaml"
    file.write_text(
        f"limits: {{link_hold: 120s}}\nremotes: [{{host: 127.0.0.1, port: {one}}}, {{host: 127.0.0.1, port: {two}}}]\n"
    )
    with (
        indiserver(tmp_path, two, PROGRAMS[FOCUSER]),
        serve(tmp_path, "--config", str(file), http=http, name="hub") as hub,
        contextlib.ExitStack() as first,
    ):
        first.enter_context(indiserver(tmp_path, one, PROGRAMS[CCD]))
        sees(hub.port, CCD, FOCUSER)
        with Client(hub.port) as client:
            client.connect_ccd()
            client.expose()
            client.ask(FOCUSER)
            client.take(f"<defSwitchVector[^>]*device=.{FOCUSER}.[^>]*name=.CONNECTION.")
            first.close()
            client.take(f"<delProperty device=.{CCD}.")
            client.send(
                f"<newSwitchVector device='{FOCUSER}' name='CONNECTION'><oneSwitch name='CONNECT'>On</oneSwitch>"
                "</newSwitchVector>"
            )
            client.take(f"<setSwitchVector[^>]*device=.{FOCUSER}.[^>]*name=.CONNECTION.[^>]*state=.Ok.")


def test_each_frame_of_a_camera_that_deletes_itself_arrives_over_three_routers(tmp_path: Path) -> None:
    program = tmp_path / "frames"
    program.write_text(FRAMES.format(python=sys.executable))
    program.chmod(0o755)
    one, two = free_port(), free_port()
    with (
        serve(tmp_path, str(program), port=one, name="one"),
        serve(tmp_path, "--remote", f"127.0.0.1:{one}", port=two, name="two"),
        serve(tmp_path, "--remote", f"127.0.0.1:{two}", name="three") as three,
    ):
        sees(three.port, "Cam")
        with Client(three.port) as client:
            client.ask()
            client.send("<enableBLOB>Also</enableBLOB>")
            client.take("<defSwitchVector[^>]*name=.GO.")
            for number in range(1, 16):
                go = "<oneSwitch name='GO'>On</oneSwitch>"
                client.send(f"<newSwitchVector device='Cam' name='GO'>\n{go}\n</newSwitchVector>\n")
                client.take(f"<delProperty device=.Cam.*<defBLOBVector.*>{number:04d}</oneBLOB>.*<setSwitchVector")
