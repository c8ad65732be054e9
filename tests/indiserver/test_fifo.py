"""Drivers that come and go by the FIFO."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from threading import Thread

from indiserver.recorder import Recorder, get
from indiserver.sessions import Side, both, same
from waiting import until

WHEEL = "Filter Simulator"


def say(side: Side, text: str) -> None:
    """As a launcher does: open, write, close. indiserver opens its FIFO anew for each: between two nobody reads it."""

    def said() -> bool:
        with contextlib.suppress(BrokenPipeError):
            with (side.place / "fifo").open("wb", buffering=0) as fifo:
                fifo.write(text.encode())
            return True
        return False

    until(said, what="somebody reads the FIFO")


def defined(client: Recorder, device: str) -> None:
    """Wait for all of a device to be there."""
    name = "ACT" if "Spy" in device else "CONFIG_PROCESS"
    client.until("defTextVector" if name == "ACT" else "defSwitchVector", device=device, name=name)


def listening(side: Side, *words: str) -> Recorder:
    """A server without drivers, and a client that has asked for everything."""
    os.mkfifo(side.place / "fifo")
    side.serve("-f", "fifo", *words)
    client = side.client("client")
    client.send(get())
    client.sync()
    return client


def test_start_and_stop(tmp_path: Path) -> None:
    """All options; the same program twice under two names; which of them is stopped."""

    def session(side: Side) -> None:
        (side.place / "pre" / "bin").mkdir(parents=True)
        side.spy("pre/bin/spy")
        client = listening(side)
        say(side, f'start spy -n "My Spy" -c "con fig" -s "skel" -p "{side.place}/pre"\n')
        defined(client, "My Spy")
        say(side, "start indi_simulator_wheel\n")
        defined(client, WHEEL)
        say(side, 'start indi_simulator_wheel -n "Wheel Two"\n')
        defined(client, "Wheel Two")
        say(side, 'stop indi_simulator_wheel -n "Wheel Two"\n')
        client.until("delProperty", device="Wheel Two")
        say(side, f'stop spy -n "My Spy"\nstop indi_simulator_wheel -n "{WHEEL}"\n')
        for device in ("My Spy", WHEEL):
            client.until("delProperty", device=device)
        # Whether a driver that is stopped at once has said anything before is chance: this one says nothing.
        quiet = side.place / "quiet"
        quiet.write_text("#!/bin/sh\nexec sleep 60\n")
        quiet.chmod(0o755)
        say(side, f"start {quiet}\nstop {quiet}\nstart {side.spy()}\n")
        defined(client, "Spy")
        client.sync()
        side.notes["spy"] = side.overheard("pre/bin/spy")

    same(both(session, tmp_path))


def test_two_writers_and_wrong_lines(tmp_path: Path) -> None:
    """Two writers at once lose nothing; what is wrong changes nothing."""

    def session(side: Side) -> None:
        client = listening(side)
        wrong = ["", "start", "start ", "stop no_such_driver", "stop", "start no_such_driver_either", "startle x"]
        for line in wrong:
            say(side, line + "\n")
        programs = ["indi_simulator_wheel", side.spy()]
        writers = [Thread(target=say, args=(side, f"start {program}\n")) for program in programs]
        for writer in writers:
            writer.start()
        for writer in writers:
            writer.join()
        for device in (WHEEL, "Spy"):
            defined(client, device)
        say(side, "stop indi_simulator_wheel\n")
        client.until("delProperty", device=WHEEL)
        client.sync()

    same(both(session, tmp_path))


def test_remotes(tmp_path: Path) -> None:
    """A remote by the FIFO: all devices of a server, and one by name."""

    def session(side: Side) -> None:
        leaf = side.serve(side.spy(), "indi_simulator_wheel")
        side.warm("Spy", WHEEL)
        os.mkfifo(side.place / "fifo")
        hub = side.serve("-f", "fifo")
        client = side.client("client", hub)
        client.send(get())
        client.sync()
        say(side, f'start "{WHEEL}"@127.0.0.1:{leaf.port}\n')
        defined(client, WHEEL)
        say(side, f'stop "{WHEEL}"@127.0.0.1:{leaf.port}\n')
        client.until("delProperty", device=WHEEL)
        say(side, f"start @127.0.0.1:{leaf.port}\n")
        for device in ("Spy", WHEEL):
            defined(client, device)
        say(side, f"stop @127.0.0.1:{leaf.port}\n")
        for device in ("Spy", WHEEL):
            client.until("delProperty", device=device)
        client.sync()

    same(both(session, tmp_path))


def test_lines_as_launchers_write_them(tmp_path: Path) -> None:
    """A label without -n, a line without a newline, a remote with a label."""

    def session(side: Side) -> None:
        leaf = side.serve("indi_simulator_wheel")
        side.warm(WHEEL)
        os.mkfifo(side.place / "fifo")
        hub = side.serve("-f", "fifo")
        client = side.client("client", hub)
        client.send(get())
        client.sync()
        for _ in range(2):  # a library's stop and start
            say(side, f'start {side.spy()} "A Spy"\n')
            defined(client, "Spy")
            say(side, f'stop {side.spy()} "A Spy"\n')
            client.until("delProperty", device="Spy")
        say(side, f"start {side.spy()}")
        defined(client, "Spy")
        say(side, f"stop {side.spy()}")
        client.until("delProperty", device="Spy")
        say(side, f'start "{WHEEL}"@127.0.0.1:{leaf.port} -n "{WHEEL}"\n')
        defined(client, WHEEL)
        client.sync()

    same(both(session, tmp_path))
