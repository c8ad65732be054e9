"""A device whose link was lost, on the page of the hub: it stays, and is said to be stale."""

from __future__ import annotations

from pathlib import Path

from integration.test_blips import LONG, kill, pair
from integration.test_tree import PROGRAMS, TELESCOPE, sees
from web.browser import chromium

TILE = f'.tile[data-device="{TELESCOPE}"]'
ENTRY = f'.entry[data-device="{TELESCOPE}"]'


def test_a_device_behind_a_lost_link_is_stale_until_it_is_back(tmp_path: Path) -> None:
    with pair(tmp_path, LONG) as it, chromium(tmp_path) as tab:
        tab.size(1440, 900)
        with it.leaf(PROGRAMS[TELESCOPE]) as leaf:
            sees(it.hub.port, TELESCOPE)
            tab.go(f"http://127.0.0.1:{it.hub.port}/")
            tab.see(f"{TILE} .state", "Not connected")
            kill(leaf)
            tab.see(f"{TILE} .state", "Stale")
            tab.see(f"{TILE} > .note", "Its link is lost")
            tab.see(f"{ENTRY} .word", "Stale")
            tab.click(ENTRY)
            tab.see(f'article[data-device="{TELESCOPE}"] .lead', "Its link is lost")
        with it.leaf(PROGRAMS[TELESCOPE]):
            tab.see(f"{ENTRY} .word", "Not connected")
            assert tab.text(f'article[data-device="{TELESCOPE}"] .lead') == ""
        assert tab.errors == []
