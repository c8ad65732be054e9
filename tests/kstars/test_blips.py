"""A router behind the one that KStars is connected to is killed and started: its panels stay within `link_hold`."""

from __future__ import annotations

from pathlib import Path

from integration.test_blips import LONG, kill, pair, watching
from integration.test_tree import PROGRAMS, TELESCOPE, sees
from kstars.desktop import INDI, KStars, kstars
from kstars.session import Session
from live import until


def ask(desk: KStars, call: str, *words: str) -> str:
    """What KStars has of a property."""
    return str(desk.call(INDI, f"org.kde.kstars.INDI.{call}", *map(repr, words)))


def test_panels_stay_within_link_hold(tmp_path: Path) -> None:
    with kstars(tmp_path / "desk") as desk, pair(tmp_path, LONG) as it:
        session = Session(desk)
        with it.leaf(PROGRAMS[TELESCOPE]) as leaf:
            sees(it.hub.port, TELESCOPE)
            assert desk.call(INDI, "org.kde.kstars.INDI.connect", "'127.0.0.1'", str(it.hub.port))
            until(lambda: session.devices == {TELESCOPE}, what="the panel")
            with watching(it.hub.port, TELESCOPE) as client:
                before = ask(desk, "getProperties", TELESCOPE)
                kill(leaf)
                until(lambda: it.stale() == {TELESCOPE}, what="it is held")
                assert session.devices == {TELESCOPE} and ask(desk, "getProperties", TELESCOPE) == before
                desk.shot("held")
                with it.leaf(PROGRAMS[TELESCOPE]):
                    until(lambda: it.there() == {TELESCOPE}, 30.0, what="it is there again")
                    assert session.devices == {TELESCOPE} and ask(desk, "getProperties", TELESCOPE) == before
                    ask(desk, "setSwitch", TELESCOPE, "CONNECTION", "CONNECT", "On")
                    ask(desk, "sendProperty", TELESCOPE, "CONNECTION")
                    until(lambda: "EQUATORIAL_EOD_COORD" in ask(desk, "getProperties", TELESCOPE), 30.0, "connected")
                    desk.shot("back")
                    assert b"delProperty" not in client.silent(0.1)


def test_panels_go_after_link_hold(tmp_path: Path) -> None:
    """KStars 3.6 does not show it again when it is defined again, as it was the last device of that server."""
    with kstars(tmp_path / "desk") as desk, pair(tmp_path, 2.0) as it:
        session = Session(desk)
        with it.leaf(PROGRAMS[TELESCOPE]) as leaf:
            sees(it.hub.port, TELESCOPE)
            assert desk.call(INDI, "org.kde.kstars.INDI.connect", "'127.0.0.1'", str(it.hub.port))
            until(lambda: session.devices == {TELESCOPE}, what="the panel")
            kill(leaf)
            until(lambda: it.stale() == {TELESCOPE}, what="it is held")
            until(lambda: not session.devices, 20.0, "the panel is gone")
