"""A page that stays open: an hour of numbers, messages and images in a minute, and the memory it takes is flat."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import NamedTuple

from live import Client, serve
from ports import free_port
from web.browser import Tab, chromium

NUMBERS, MESSAGES, IMAGES = 3600, 3000, 100
"""Of half an hour: one number in half a second, many more messages than are kept."""

SIDE = 512
"""Pixels of an image: half a megabyte of 16 bits."""

CLOCK = """
const real = Date.now.bind(Date), parse = JSON.parse.bind(JSON);
let ahead = 0;
Date.now = () => real() + ahead;
JSON.parse = (text) => {
  if (text.startsWith('{"setNumberVector')) ahead += 500;
  return parse(text);
};
"""
"""The page's clock goes on by half a second with each number that it hears."""

DEFINED = (
    "<defNumberVector device='Rig' name='N' label='Numbers' group='Main' state='Ok' perm='rw'>"
    "<defNumber name='a' label='A' format='%g' min='0' max='0' step='0'>0</defNumber>"
    "<defNumber name='b' label='B' format='%10.6m' min='0' max='0' step='0'>0</defNumber></defNumberVector>"
    "<defBLOBVector device='Rig' name='I' label='Image' group='Main' state='Idle' perm='ro'>"
    "<defBLOB name='I' label='Image'/></defBLOBVector>"
)


class Used(NamedTuple):
    """Bytes of the page's objects and of its buffers, bytes of the image's worker, and nodes of the document."""

    page: int
    worker: int
    nodes: int


def fits(number: int) -> bytes:
    """A picture of its own."""
    axes = (("BITPIX", 16), ("NAXIS", 2), ("NAXIS1", SIDE), ("NAXIS2", SIDE), ("BZERO", 32768))
    cards = ["SIMPLE  =                    T", *(f"{key:8}= {value:20}" for key, value in axes), "END"]
    head = "".join(card.ljust(80) for card in cards).ljust(2880).encode()
    pixels = b"".join(((i * 7919 + number * 31) % 60000).to_bytes(2, "big") for i in range(4096))
    data = pixels * (SIDE * SIDE // 4096)
    return head + data + bytes(-len(data) % 2880)


def half_an_hour(provider: Client, tab: Tab, first: int) -> None:
    """Say it, each image once the page has shown the one before."""
    for image in range(IMAGES):
        said = ""
        for i in range(NUMBERS // IMAGES):
            value = (first + image) * 1000 + i
            said += (
                "<setNumberVector device='Rig' name='N' state='Ok'>"
                f"<oneNumber name='a'>{value}</oneNumber><oneNumber name='b'>{value % 24}</oneNumber></setNumberVector>"
            )
        for i in range(MESSAGES // IMAGES):
            said += f"<message device='Rig' message='said {first + image} {i}'/>"
        data = fits(first + image)
        said += (
            "<setBLOBVector device='Rig' name='I' state='Ok'>"
            f"<oneBLOB name='I' size='{len(data)}' format='.fits'>{base64.b64encode(data).decode()}</oneBLOB>"
            "</setBLOBVector>"
        )
        before = tab.run("document.querySelector('.image').dataset.loaded ?? ''")
        provider.send(said)
        tab.see(f".image[data-loaded]:not([data-loaded='{before}'])")


def used(tab: Tab, worker: str) -> Used:
    """What is used once all that can be has been given back."""
    sizes = [sum(collected(tab, session)) for session in ("", worker)]
    return Used(sizes[0], sizes[1], tab.call("Memory.getDOMCounters")["nodes"])


def collected(tab: Tab, session: str) -> tuple[int, int]:
    """Bytes of the objects and of the buffers of a session ("": the page) once its garbage is collected."""
    for _ in range(3):
        tab.call("HeapProfiler.collectGarbage", session)
    heap = tab.call("Runtime.getHeapUsage", session)
    return int(heap["usedSize"]), int(heap["backingStorageSize"])


def test_an_hour_at_a_camera_leaves_nothing_behind(tmp_path: Path) -> None:
    port = free_port()
    config = tmp_path / "config.yaml"
    config.write_text(f"listen: [{{tcp: '127.0.0.1:{port}', peers: any}}]\n")
    with (
        serve(tmp_path, "--config", str(config), port=port),
        Client(port, DEFINED) as provider,
        chromium(tmp_path) as tab,
    ):
        provider.ping()
        tab.call("Page.addScriptToEvaluateOnNewDocument", source=CLOCK)
        tab.call("Target.setAutoAttach", autoAttach=True, waitForDebuggerOnStart=False, flatten=True)
        tab.size(1440, 900)
        tab.go(f"http://127.0.0.1:{port}/#/device/Rig")
        tab.see(".image")
        tab.click(".card[data-property=N] h3")
        half_an_hour(provider, tab, 0)
        (worker,) = tab.sessions
        tab.click(".card[data-property=N] .line")  # the chart is open from here on
        middle = used(tab, worker)
        half_an_hour(provider, tab, IMAGES)
        tab.see(".ticker", f"said {2 * IMAGES - 1} 29")
        assert tab.run("Date.now()") - tab.run("performance.timeOrigin") > 3600_000
        end = used(tab, worker)

        assert end.page < middle.page * 1.05 + 100_000
        assert end.worker < middle.worker + SIDE * SIDE * 2 * 4
        assert end.nodes < middle.nodes * 1.1 + 100
        assert tab.errors == []
