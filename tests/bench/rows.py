"""The rows of the table: the loads, what is measured of them, and what each should reach."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from bench.run import Part, Sample
from bench.servers import COPY, INDIPYSERVER, INDISERVER, OURS

MIB = 1 << 20
ALL = (OURS, COPY, INDISERVER, INDIPYSERVER)


@dataclass(frozen=True)
class Load:
    """What is run. `n` is the first part's count, `less` divides it for a server that would take too long."""

    name: str
    parts: tuple[Part, ...]
    n: int
    quick: int
    servers: tuple[str, ...] = ALL
    less: Mapping[str, int] = field(default_factory=dict)
    config: str = ""  # of ours
    rest: float = 0.0  # seconds behind the load, after which its memory is looked at

    def count(self, server: str, quick: bool) -> int:
        return self.quick if quick else max(1, self.n // self.less.get(server, 1))


@dataclass(frozen=True)
class Bound:
    """`against`: a server (the ratio to its median is bounded) or "value"; `load`: another load's, for that server."""

    against: str
    limit: float
    load: str | None = None


@dataclass(frozen=True)
class Line:
    """One line of the table."""

    load: str
    title: str
    unit: str
    value: Callable[[Sample], float]
    better: Literal["higher", "lower"] = "higher"
    bounds: tuple[Bound, ...] = ()


def _image(size: int, clients: int, layout: str = "line", stalled: int = 0, **more: int) -> tuple[Part, ...]:
    return (Part("blobs", "blobs", 0, {"size": size, "layout": layout, **more}, clients, stalled),)


def _numbers(clients: int, **options: int | str) -> tuple[Part, ...]:
    return (Part("numbers", "numbers", 0, options, clients),)


def _pages(clients: int, **options: int | str) -> tuple[Part, ...]:
    return (Part("numbers", "numbers", 0, options, clients, client_options={"web": 1}),)


def _rtt(spin: int) -> tuple[Part, ...]:
    return (Part("none", "rtt", 0, client_options={"spin": spin}),)


def _idle(ask: int) -> tuple[Part, ...]:
    return (Part("none", "idle", 0, clients=1000, client_options={"ask": ask}),)


def _asking() -> tuple[Part, ...]:
    return (Part("none", "idle", 0, clients=0, client_options={"ask": 1}),)


_FAIR = (
    Part("ticks", "ticks", 0, {"every": 5000}, device="Tick"),
    Part("blobs", "blobs", 1, {"size": 750 * MIB, "layout": "lines"}),
)
_BUSY = (
    Part("none", "rtt", 0, client_options={"spin": 1}, device="Echo"),
    Part("numbers", "numbers", 40_000, {"per": 1, "every": 50}, 10),
)
_SLOW_IMAGES = {INDISERVER: 2, INDIPYSERVER: 20}
_SLOW_NUMBERS = {INDISERVER: 200, INDIPYSERVER: 1000}
_NO_COPY = (OURS, INDISERVER, INDIPYSERVER)

_RECORD = "record: {dir: FOLDER/night}"
_LOCK = (
    "{name: lock%d, refuse: ['Dome %d.DOME_SHUTTER.*', 'Load.GO.V>1e9'], max_age: 60s,"
    """ unless: '"Load.NUM0._STATE" == 1 && "Load.NUM0.V" < 1e12'}"""
)
_INTERLOCKS = f"interlocks: [{', '.join(_LOCK % (number, number) for number in range(10))}]"

LOADS = (
    Load("images-lines-1", _image(16 * MIB, 1, "lines"), 80, 5, less=_SLOW_IMAGES),
    Load("images-lines-4", _image(16 * MIB, 4, "lines"), 40, 5, less=_SLOW_IMAGES),
    Load("images-line-1", _image(16 * MIB, 1), 80, 5, less={INDISERVER: 5, INDIPYSERVER: 20}),
    Load("images-line-4", _image(16 * MIB, 4), 40, 5, less={INDISERVER: 4, INDIPYSERVER: 20}),
    Load("numbers-1", _numbers(10, style="libindi"), 1_000_000, 100_000, less=_SLOW_NUMBERS),
    Load("numbers-1-locked", _numbers(10, style="libindi"), 1_000_000, 100_000, (OURS,), config=_INTERLOCKS),
    Load("numbers-3", _numbers(10, style="libindi", props=3), 1_000_000, 100_000, less=_SLOW_NUMBERS),
    Load("numbers-short-1", _numbers(10), 2_000_000, 200_000, less=_SLOW_NUMBERS),
    Load("numbers-short-3", _numbers(10, props=3), 2_000_000, 200_000, less=_SLOW_NUMBERS),
    Load("cpu-50k", _numbers(10, per=50, every=10_000), 10_000, 2000, less={INDIPYSERVER: 10}),
    Load("pages-2k-indi", _numbers(50, style="libindi", props=3, per=1, every=500), 6000, 1000, (OURS,)),
    Load("pages-2k", _pages(50, style="libindi", props=3, per=1, every=500), 6000, 1000, (OURS,)),
    Load("vectors-20k", _numbers(1, per=1, every=50), 40_000, 10_000, less={INDIPYSERVER: 20}),
    Load("vectors-20k-bursts", _numbers(1, per=200, every=10_000), 40_000, 10_000, less={INDIPYSERVER: 20}),
    Load("ten-20k", _numbers(10, per=1, every=50), 40_000, 10_000, (OURS,)),
    Load("ten-20k-recorded", _numbers(10, per=1, every=50), 40_000, 10_000, (OURS,), config=_RECORD),
    Load("rtt", _rtt(0), 5000, 300, less={INDIPYSERVER: 10}),
    Load("rtt-spin", _rtt(1), 5000, 300, less={INDIPYSERVER: 10}),
    Load("rtt-20k", _BUSY, 3000, 300, (OURS,)),
    Load("rtt-20k-recorded", _BUSY, 3000, 300, (OURS,), config=_RECORD),
    Load("flat-1MiB", _image(MIB, 1), 100, 100, less={INDIPYSERVER: 2}),
    Load("flat-1MiB-stalled", _image(MIB, 1, stalled=1), 100, 100, _NO_COPY, {INDIPYSERVER: 2}),
    Load("flat-24MiB-4", _image(24 * MIB, 4), 60, 8, less={INDIPYSERVER: 30}),
    Load("memory", _image(4 * MIB, 9, stalled=1), 100, 20, _NO_COPY, {INDIPYSERVER: 10}),
    # Four times as much as two cores can deliver: ours holds the driver, the others drop or end clients.
    Load("frames-240", _image(2_600_000, 4, "lines", every=4167), 300, 50, (OURS,), rest=10.0),
    Load("idle-1000", _idle(1), 20, 5, (OURS,)),
    Load("idle-1000-silent", _idle(0), 20, 5, (OURS, COPY, INDISERVER)),
    # Flat out, indiserver kills a client that is 128 MB behind; one that pings is answered at once by both, so that
    # more images than a queue holds cannot all arrive.
    Load("shm", _image(16 * MIB, 1, shm=1), 60, 5, (OURS, INDISERVER), {INDISERVER: 12}),
    Load("shm-ping", _image(16 * MIB, 1, shm=1, ping=1), 5, 5, (OURS, INDISERVER)),
    Load("fair-750MiB", _FAIR, 400, 200, _NO_COPY[:2]),
    Load("ask", _asking(), 500, 50, _NO_COPY[:2]),
    Load("start", (Part("none", "", 0),), 1, 1),
)


def _payload(sample: Sample, size: int) -> float:
    return sample.number("got") * size


def _rate(size: int) -> Callable[[Sample], float]:
    return lambda sample: _payload(sample, size) / sample.number("seconds") / 1e6


def _cpu_per_byte(size: int) -> Callable[[Sample], float]:
    return lambda sample: sample.cpu / _payload(sample, size) * 1e9


def _deliveries(sample: Sample) -> float:
    return sample.number("got") / sample.number("seconds") / 1e6


def _cpu_per_delivery(sample: Sample) -> float:
    return sample.cpu / sample.number("got") * 1e6


def _arrived(clients: int) -> Callable[[Sample], float]:
    return lambda sample: sample.number("got") / (sample.n * clients) * 100


def _milliseconds(key: str) -> Callable[[Sample], float]:
    return lambda sample: sample.number(key) * 1000


def _rss(sample: Sample) -> float:
    return sample.peak_rss / MIB


def _rested_rss(sample: Sample) -> float:
    return sample.rested_rss / MIB


def _image_lines(load: str, title: str, rate: tuple[Bound, ...]) -> tuple[Line, ...]:
    size = 16 * MIB
    return (
        Line(load, f"image relay, {title}", "MB/s", _rate(size), "higher", rate),
        Line(load, f"CPU per relayed byte, {title}", "ns/byte", _cpu_per_byte(size), "lower", (Bound(COPY, 1.0),)),
    )


_FLOOR_1, _FLOOR_4, _FLAT = Bound(COPY, 1.1), Bound(COPY, 1.0), (Bound(COPY, 0.5),)
_ALL_ARRIVE = (Bound("value", 100.0),)
_PEER_RTT = (Bound(INDISERVER, 1.0),)

LINES = (
    *_image_lines("images-lines-1", "libindi's lines, 1 client", (_FLOOR_1,)),
    *_image_lines("images-lines-4", "libindi's lines, 4 clients", (_FLOOR_4,)),
    *_image_lines("images-line-1", "one line, 1 client", (_FLOOR_1, Bound(INDISERVER, 3.0))),
    *_image_lines("images-line-4", "one line, 4 clients", (_FLOOR_4, Bound(INDISERVER, 2.0))),
    Line(
        "numbers-1",
        "numbers flat out, as libindi writes them (273 bytes), 10 clients",
        "M/s",
        _deliveries,
        "higher",
        _FLAT,
    ),
    Line(
        "numbers-1-locked",
        "the same with ten interlocks",
        "M/s",
        _deliveries,
        "higher",
        (Bound(OURS, 0.95, "numbers-1"),),
    ),
    Line("numbers-3", "the same, three properties in turn", "M/s", _deliveries, "higher", _FLAT),
    Line("numbers-short-1", "the same, one member on one line (153 bytes)", "M/s", _deliveries, "higher", _FLAT),
    Line("numbers-short-3", "the same, three properties in turn", "M/s", _deliveries, "higher", _FLAT),
    Line("cpu-50k", "CPU per delivery at 50 k/s", "us", _cpu_per_delivery, "lower", (Bound(INDISERVER, 0.25),)),
    Line("pages-2k-indi", "CPU per delivery, 2 000/s to 50 INDI clients", "us", _cpu_per_delivery, "lower"),
    Line(
        "pages-2k",
        "the same to 50 pages",
        "us",
        _cpu_per_delivery,
        "lower",
        (Bound(OURS, 3.0, "pages-2k-indi"),),
    ),
    Line(
        "vectors-20k",
        "CPU per vector, 20 000/s one by one, 1 client",
        "us",
        _cpu_per_delivery,
        "lower",
        (Bound(INDISERVER, 1.0),),
    ),
    Line(
        "vectors-20k-bursts", "the same in bursts of 200", "us", _cpu_per_delivery, "lower", (Bound(INDISERVER, 1.0),)
    ),
    Line("ten-20k", "CPU per delivery, 20 000/s one by one, 10 clients", "us", _cpu_per_delivery, "lower"),
    Line(
        "ten-20k-recorded",
        "the same, recorded",
        "us",
        _cpu_per_delivery,
        "lower",
        (Bound(OURS, 1.1, "ten-20k"),),
    ),
    Line("rtt", "round trip new* -> set*, client in poll(2)", "ms", _milliseconds("median"), "lower", _PEER_RTT),
    Line(
        "rtt-spin",
        "round trip, client polls without sleeping",
        "ms",
        _milliseconds("median"),
        "lower",
        (Bound(INDISERVER, 0.8),),
    ),
    Line("rtt-20k", "the same beside 20 000/s to 10 clients", "ms", _milliseconds("median"), "lower"),
    Line(
        "rtt-20k-recorded",
        "the same, recorded",
        "ms",
        _milliseconds("median"),
        "lower",
        (Bound(OURS, 1.1, "rtt-20k"),),
    ),
    Line("flat-1MiB", "100 x 1 MiB flat out, one client: arrived", "%", _arrived(1), "higher", _ALL_ARRIVE),
    Line("flat-1MiB-stalled", "the same beside a stalled client: arrived", "%", _arrived(1), "higher", _ALL_ARRIVE),
    Line("flat-24MiB-4", "60 x 24 MiB flat out, four equal clients: arrived", "%", _arrived(4), "higher", _ALL_ARRIVE),
    Line("flat-24MiB-4", "the same, rate", "MB/s", _rate(24 * MIB)),
    Line("memory", "100 x 4 MiB, nine clients and a stalled one: arrived", "%", _arrived(9), "higher", _ALL_ARRIVE),
    Line("memory", "the same, peak RSS", "MiB", _rss, "lower", (Bound("value", 220.0),)),
    Line("frames-240", "2.6 MB at 240/s, four clients: arrived", "%", _arrived(4), "higher", _ALL_ARRIVE),
    Line("frames-240", "the same, RSS 10 s after it", "MiB", _rested_rss, "lower", (Bound("value", 70.0),)),
    Line("idle-1000", "1 000 idle clients that asked: peak RSS", "MiB", _rss, "lower", (Bound("value", 56.0),)),
    Line("idle-1000", "the same, slowest getProperties", "ms", _milliseconds("max"), "lower", (Bound("value", 50.0),)),
    Line("idle-1000-silent", "1 000 silent clients: peak RSS", "MiB", _rss, "lower", (Bound("value", 56.0),)),
    Line(
        "idle-1000-silent",
        "the same, slowest getProperties",
        "ms",
        _milliseconds("max"),
        "lower",
        (Bound("value", 50.0),),
    ),
    Line(
        "shm",
        "shared-memory image to a TCP client",
        "MB/s",
        _rate(16 * MIB),
        "higher",
        (Bound(COPY, 0.6, "images-lines-1"),),
    ),
    Line(
        "shm-ping",
        "the same from a driver that pings, 5 images",
        "MB/s",
        _rate(16 * MIB),
        "higher",
        (Bound(COPY, 0.6, "images-lines-1"),),
    ),
    Line(
        "fair-750MiB",
        "slowest number while 750 MiB go to another",
        "ms",
        _milliseconds("max"),
        "lower",
        (Bound("value", 50.0),),
    ),
    Line(
        "ask",
        "connect, ask for a device, hang up: CPU of the server",
        "ms",
        lambda sample: sample.cpu / sample.n * 1000,
        "lower",
        (Bound("value", 0.5),),
    ),
    Line(
        "start",
        "start to listening",
        "ms",
        lambda sample: sample.start_seconds * 1000,
        "lower",
        (Bound("value", 200.0),),
    ),
)
