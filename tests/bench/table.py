"""Medians, ratios and verdicts, as text, markdown and JSON."""

import json
import os
import platform
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime

from bench.measure import cpu_model, kernel_value
from bench.rows import Bound, Line
from bench.run import Sample
from bench.servers import BEFORE, COPY, INDIPYSERVER, INDISERVER, OURS, versions

Samples = Mapping[tuple[str, str], Sequence[Sample]]  # by load and server
HEAD = ("row", "unit", "bound", OURS, COPY, INDISERVER, INDIPYSERVER, "of copy", "of indiserver", "verdict")
HEAD_BEFORE = (BEFORE, "as good as before", "noise")
"""Further columns where an earlier revision was measured beside ours: its median, ours as a part of it (1: equal,
below 1: worse, whether more or less is better), and half the spread of both over their medians, the larger one."""


@dataclass
class Entry:
    """One line of the table, with what was measured."""

    load: str
    title: str
    unit: str
    bound: str
    better: str = "higher"
    medians: dict[str, float] = field(default_factory=dict)
    spread: dict[str, tuple[float, float]] = field(default_factory=dict)  # the smallest and the largest
    problems: dict[str, str] = field(default_factory=dict)
    verdict: str = "-"

    def ratio(self, to: str) -> float | None:
        ours, other = self.medians.get(OURS), self.medians.get(to)
        return ours / other if ours is not None and other else None

    def cells(self) -> list[str]:
        servers = [self._cell(name) for name in (OURS, COPY, INDISERVER, INDIPYSERVER)]
        ratios = [_short(self.ratio(name)) for name in (COPY, INDISERVER)]
        return [self.title, self.unit, self.bound, *servers, *ratios, self.verdict]

    def against_before(self) -> list[str]:
        """The cells of `HEAD_BEFORE`."""
        ratio = self.ratio(BEFORE)
        if ratio and self.better == "lower":
            ratio = 1 / ratio
        noise = [self._noise(name) for name in (OURS, BEFORE) if self.medians.get(name)]
        return [self._cell(BEFORE), _short(ratio), f"{max(noise):.0%}" if noise else "-"]

    def _noise(self, name: str) -> float:
        low, high = self.spread[name]
        return (high - low) / 2 / self.medians[name]

    def _cell(self, name: str) -> str:
        text = _short(self.medians.get(name))
        if name not in self.problems:
            return text
        return f"{text} (!)" if name in self.medians else "failed (!)"


def _short(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def entry(line: Line, samples: Samples) -> Entry:
    """What a line of the table says."""
    says = " and ".join(_says(line, bound) for bound in line.bounds) or "-"
    made = Entry(line.load, line.title, line.unit, says, line.better)
    for (load, server), runs in samples.items():
        if load != line.load:
            continue
        values = [line.value(sample) for sample in runs if _measured(line, sample)]
        if values:
            made.medians[server] = statistics.median(values)
            made.spread[server] = (min(values), max(values))
        problem = next((sample.problem for sample in runs if sample.problem), None)
        if problem:
            made.problems[server] = problem
    made.verdict = _verdict(line, made, samples)
    return made


def _measured(line: Line, sample: Sample) -> bool:
    if line.load == "start":
        return sample.start_seconds > 0
    return bool(sample.results) and sample.number("got") + sample.number("median") > 0


def _says(line: Line, bound: Bound) -> str:
    sign = ">=" if line.better == "higher" else "<="
    if bound.against == "value":
        return f"{sign} {bound.limit:g} {line.unit}"
    what = "copy loop" if bound.against == COPY else bound.against
    return f"{sign} {bound.limit:g} x {what}"


def _verdict(line: Line, made: Entry, samples: Samples) -> str:
    if OURS in made.problems:
        return "WRONG"
    if OURS not in made.medians or not line.bounds:
        return "-"
    verdicts = [_reached(line, bound, made, samples) for bound in line.bounds]
    if False in verdicts:
        return "missed"
    return "reached" if all(verdicts) else "open (no peer)"


def _reached(line: Line, bound: Bound, made: Entry, samples: Samples) -> bool | None:
    ours = made.medians[OURS]
    limit: float | None = bound.limit
    if bound.against != "value":
        limit = _reference(line, bound, made, samples)
    if limit is None:
        return None
    return ours >= limit if line.better == "higher" else ours <= limit


def _reference(line: Line, bound: Bound, made: Entry, samples: Samples) -> float | None:
    reference = made.medians.get(bound.against)
    if bound.load:
        runs = [sample for sample in samples.get((bound.load, bound.against), ()) if _measured(line, sample)]
        reference = statistics.median(map(line.value, runs)) if runs else None
    return bound.limit * reference if reference is not None else None


def environment(servers: Sequence[str]) -> dict[str, str]:
    """What the numbers depend on; to be asked before the first run, for the load average."""
    load = os.getloadavg()[0]
    return {
        "when": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "processor": cpu_model(),
        "load average before": f"{load:.2f}",
        "kernel": platform.release(),
        "python": platform.python_version(),
        "net.core.wmem_max": kernel_value("net/core/wmem_max"),
        "net.ipv4.tcp_wmem": kernel_value("net/ipv4/tcp_wmem"),
        **versions(servers),
    }


def as_markdown(entries: Sequence[Entry], about: Mapping[str, str]) -> str:
    """The table, what it was made on, and what went wrong."""
    head, *cells = _rows(entries, about)
    rows = [head, ["---"] * len(head), *cells]
    table = "\n".join("| " + " | ".join(row) + " |" for row in rows)
    facts = ", ".join(f"{key} {value}" for key, value in about.items())
    wrong = "".join(f"- {line}\n" for line in problems(entries))
    return f"{table}\n\nMeasured on: {facts}.\n" + (f"\nMarked (!):\n\n{wrong}" if wrong else "")


def _rows(entries: Sequence[Entry], about: Mapping[str, str]) -> list[list[str]]:
    if BEFORE not in about:
        return [list(HEAD), *(made.cells() for made in entries)]
    return [[*HEAD, *HEAD_BEFORE], *([*made.cells(), *made.against_before()] for made in entries)]


def problems(entries: Sequence[Entry]) -> list[str]:
    """Each thing that went wrong, once."""
    found = {f"{made.load}, {name}: {text.splitlines()[0]}" for made in entries for name, text in made.problems.items()}
    return sorted(found)


def as_text(entries: Sequence[Entry], about: Mapping[str, str]) -> str:
    """For a terminal."""
    rows = _rows(entries, about)
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    facts = "\n".join(f"{key}: {value}" for key, value in about.items())
    wrong = "".join(f"(!) {line}\n" for line in problems(entries))
    return "\n".join(lines) + f"\n\n{facts}\n{wrong}"


def as_json(entries: Sequence[Entry], about: Mapping[str, str], samples: Samples) -> str:
    """All of it, each run included."""
    runs = [{"load": load, **asdict(sample)} for (load, _), made in samples.items() for sample in made]
    return json.dumps({"about": dict(about), "rows": [asdict(made) for made in entries], "runs": runs}, indent=1)
