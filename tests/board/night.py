"""docs/night.png: a short night of compose.observatory.yaml's configuration, drawn from its own record.

PYTHONPATH=tests python -m board.night PICTURE (`make night`; about two minutes)
"""

from __future__ import annotations

import contextlib
import csv
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import yaml
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from board.picture import CURVES, DIM, EDGE, NAMED, PAGE, PANEL, TEXT
from live import Router
from ports import free_port

ROOT = Path(__file__).parents[2]
OPEN = "Py Dome.DOME_SHUTTER.SHUTTER_OPEN=On"
# Seconds after the scheduler's start.
CAMERA_DIES, RAIN, DRY, SCHEDULER_DIES, END = 25.0, 45.0, 75.0, 100.0, 135.0
NOBODY = "8s"
ASKED = "asked"  # in place of a state: the row is a command
Series = tuple[list[float], list[float]]


def command(port: int, *words: str) -> None:
    """`inditree WORDS` at the router; a refusal is part of the night."""
    env = {**os.environ, "INDITREE_PORT": str(port)}
    subprocess.run([sys.executable, "-m", "inditree", *words], env=env, capture_output=True, timeout=30)


@contextlib.contextmanager
def scheduler(port: int) -> Iterator[None]:
    """Somebody who is connected, and wants the dome open every five seconds."""
    over = threading.Event()
    env = {**os.environ, "INDITREE_PORT": str(port)}
    words = [sys.executable, "-m", "inditree", "watch", "Py Dome.DOME_SHUTTER.*"]
    watching = subprocess.Popen(words, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def insist() -> None:
        while not over.wait(5):
            command(port, "set", OPEN)

    insisting = threading.Thread(target=insist)
    insisting.start()
    try:
        yield
    finally:
        over.set()
        insisting.join()
        watching.terminate()
        watching.wait(10)


def configuration(folder: Path, port: int) -> Path:
    """That of compose.observatory.yaml, recorded, at a port of our own, with a scheduler who is missed sooner."""
    config = yaml.safe_load((ROOT / "compose/observatory/night.yaml").read_text())
    config["listen"][0]["tcp"] = f"127.0.0.1:{port}"
    config["http"]["listen"] = "off"
    config["record"] = {"dir": str(folder / "record")}
    for each in config["reactions"]:
        if each["name"] == "nobody":
            each["for"] = NOBODY
    file = folder / "night.yaml"
    file.write_text(yaml.safe_dump(config))
    return file


def played(folder: Path) -> tuple[Path, dict[str, float]]:
    """The record's folder, and when what happened."""
    port = free_port()
    router = Router(folder / "router.log", ["serve", "--config", str(configuration(folder, port))], port)
    try:
        router.wait_for("Py Weather: provided by")
        begin, happened = time.monotonic(), {}

        def at(seconds: float, what: str = "") -> None:
            time.sleep(max(0.0, begin + seconds - time.monotonic()))
            if what:
                happened[what] = time.time()

        with scheduler(port):
            at(CAMERA_DIES, "kill -9 of the camera's driver")
            for each in router.descendants():
                if any(word.endswith("inditree-camera") for word in each.cmdline()):
                    each.kill()
            at(RAIN, "rain")
            command(port, "set", "Py Weather.WEATHER_CONTROL.Precip=4")
            at(DRY, "it is dry")
            command(port, "set", "Py Weather.WEATHER_CONTROL.Precip=0")
            at(SCHEDULER_DIES)
        happened["the scheduler is gone"] = time.time()
        at(END)
    finally:
        router.stop()
    return folder / "record", happened


def exported(record: Path) -> list[dict[str, str]]:
    """The rows of `inditree record export --csv`."""
    words = [sys.executable, "-m", "inditree", "record", "export", str(record), "--csv"]
    done = subprocess.run(words, capture_output=True, text=True, check=True, timeout=60)
    return list(csv.DictReader(done.stdout.splitlines()))


def series(rows: list[dict[str, str]], name: str, *, switch: bool = False) -> Series:
    """Times (seconds since 1970) and values of one `DEVICE.PROPERTY.MEMBER`."""
    found = [row for row in member(rows, name) if row["state"] != ASKED]
    return [when(row) for row in found], [
        float(row["value"] == "On") if switch else float(row["value"]) for row in found
    ]


def member(rows: list[dict[str, str]], name: str) -> list[dict[str, str]]:
    """What was said of and asked for one `DEVICE.PROPERTY.MEMBER`."""
    return [row for row in rows if f"{row['device']}.{row['property']}.{row['member']}" == name]


def when(row: dict[str, str]) -> float:
    """Seconds since 1970."""
    return datetime.fromisoformat(row["time"]).timestamp()


def refused(rows: list[dict[str, str]]) -> list[float]:
    """When the dome was asked to open and did not obey: the next that it says is not On, or comes a second later."""
    found, shutter = [], member(rows, OPEN.partition("=")[0])
    for row, after in zip(shutter, [*shutter[1:], shutter[-1]], strict=True):
        if row["state"] == ASKED and row["value"] == "On":
            obeyed = after["state"] != ASKED and after["value"] == "On" and when(after) - when(row) < 1
            found += [] if obeyed else [when(row)]
    return found


def curve(axes: Axes, title: str, data: Series, colour: str, begin: float, end: float) -> None:
    """One row of the picture: steps, as a value holds until the next."""
    times, values = data
    axes.step([*(t - begin for t in times), end - begin], [*values, values[-1]], where="post", color=colour, lw=1.6)
    axes.set_facecolor(PANEL)
    axes.set_ylabel(title, color=TEXT, rotation=0, ha="right", va="center", fontsize=9)
    axes.tick_params(colors=DIM, labelsize=8)
    axes.spines[:].set_color(EDGE)
    axes.margins(y=0.25)


def drawn(rows: list[dict[str, str]], happened: dict[str, float], file: Path) -> None:
    """The picture."""
    lines = (
        ("camera, °C", series(rows, "Py Camera.CCD_TEMPERATURE.CCD_TEMPERATURE_VALUE"), None),
        ("rain, mm/h", series(rows, "Py Weather.WEATHER_PARAMETERS.WEATHER_RAIN_HOUR"), None),
        ("shutter", series(rows, "Py Dome.DOME_SHUTTER.SHUTTER_OPEN", switch=True), ("closed", "open")),
        ("mount", series(rows, "Py Telescope.TELESCOPE_PARK.PARK", switch=True), ("unparked", "parked")),
    )
    begin = min(times[0] for _, (times, _), _ in lines)
    end = max(datetime.fromisoformat(row["time"]).timestamp() for row in rows)
    figure = Figure(figsize=(10, 5.2), dpi=110, facecolor=PAGE)
    all_axes = figure.subplots(len(lines), 1, sharex=True)
    for axes, (title, data, words), colour in zip(all_axes, lines, CURVES, strict=False):
        curve(axes, title, data, colour, begin, end)
        if words:
            axes.set_yticks([0, 1], words)
        for moment in happened.values():
            axes.axvline(moment - begin, color=NAMED["red"], lw=0.9, ls=":")
    above = all_axes[0].get_xaxis_transform()
    for number, (what, moment) in enumerate(happened.items()):
        height = 1.06 if number % 2 else 1.22
        all_axes[0].text(moment - begin, height, what, color=TEXT, fontsize=8, ha="center", transform=above)
    times = [moment - begin for moment in refused(rows)]
    all_axes[2].plot(times, [1.0] * len(times), "x", color=NAMED["red"], label="asked to open, refused")
    all_axes[2].legend(loc="center right", fontsize=8, facecolor=PANEL, edgecolor=EDGE, labelcolor=TEXT)
    all_axes[-1].set_xlabel("seconds", color=DIM, fontsize=8)
    figure.subplots_adjust(left=0.13, right=0.98, top=0.9, bottom=0.09, hspace=0.14)
    figure.savefig(file, facecolor=PAGE)


def main() -> None:
    """Play the night and draw it."""
    (picture,) = sys.argv[1:]
    with tempfile.TemporaryDirectory() as folder:
        record, happened = played(Path(folder))
        drawn(exported(record), happened, Path(picture))


if __name__ == "__main__":
    main()
