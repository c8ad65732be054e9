"""Servers in a chain: each of the two as the near and as the far one, compared with two of Debian's."""

from __future__ import annotations

from pathlib import Path

import pytest

from indiserver.recorder import act, get
from indiserver.sessions import Side, both, same

CCD, WHEEL, SPY = "CCD Simulator", "Filter Simulator", "Spy"
PAIRS = {
    "ours near": ("inditree", "indiserver"),
    "ours far": ("indiserver", "inditree"),
    "both ours": ("inditree", "inditree"),
}


@pytest.mark.parametrize("word", ["@", "device@"])
@pytest.mark.parametrize("pair", PAIRS)
def test_a_chain(pair: str, word: str, tmp_path: Path) -> None:
    """Commands go down, values up and to drivers that snoop."""

    def session(side: Side) -> None:
        near, far = ("indiserver", "indiserver") if side.kind == "indiserver" else PAIRS[pair]
        leaf = side.serve(side.spy(), "indi_simulator_wheel", kind=far)
        side.warm(SPY, WHEEL)
        remote = f"{SPY if word == 'device@' else ''}@127.0.0.1:{leaf.port}"
        snoops = get(SPY, "ACT")
        hub = side.serve(remote, side.spy("watcher"), kind=near, env={"SNOOPS": snoops, "INDIDEV": "Watcher"})
        side.warm("Watcher", server=hub)
        client = side.client("client", hub)
        client.send(get())
        client.until("defTextVector", device=SPY, name="ACT")
        client.until("defTextVector", device="Watcher", name="ACT")
        if word == "@":  # the leaf's drivers answer in any order
            client.until("defSwitchVector", device=WHEEL, name="CONFIG_PROCESS")
        client.sync()
        client.send(act("message"))
        client.until("setTextVector", device=SPY, name="ACT", state="Ok")
        client.send(act("that is all", "Watcher"))
        client.until("setTextVector", device="Watcher", name="ACT", state="Ok")
        side.notes["spy"] = side.overheard()
        side.notes["watcher"] = side.overheard("watcher")

    known = {}
    if (pair, word) != ("ours far", "device@"):
        known["introduction"] = r"^spy: [-+] <getProperties"
    if pair != "ours far":
        known["property_interest"] = r"^watcher: \+ <message device='Spy'"
    same(both(session, tmp_path), once=True, **known)
