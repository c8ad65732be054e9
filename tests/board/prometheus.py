"""A real Prometheus: started for the scene, and asked what a panel asks it."""

from __future__ import annotations

import json
import re
import subprocess
import urllib.parse
import urllib.request
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from board.model import BoardError, Panel, Series, legend, substituted

JOB = "inditree"
SCRAPE_S = 1
TIMEOUT_S = 10.0


@dataclass(frozen=True)
class Recording:
    """Where the Prometheus is (host:port), and the time to draw: whole seconds since the epoch."""

    address: str
    begin: int
    end: int

    @property
    def times(self) -> range:
        """The steps."""
        return range(self.begin, self.end + 1, SCRAPE_S)

    @property
    def variables(self) -> dict[str, str]:
        """What Grafana would put for a dashboard's variables, all instances and devices being chosen."""
        own = {"job": JOB, "instance": ".*", "device": ".*"}
        # Grafana's is four scrapes or more. Ours is longer, for curves that are smooth enough to be read.
        return own | {"__rate_interval": f"{10 * SCRAPE_S}s", "__range": f"{self.end - self.begin}s"}


@contextmanager
def scraping(folder: Path, targets: Mapping[str, str]) -> Iterator[str]:
    """A Prometheus that scrapes each target (an instance's name: host:port); its own host:port.

    BoardError where it ends at once; FileNotFoundError where there is none.
    """
    static = [{"targets": [address], "labels": {"instance": name}} for name, address in targets.items()]
    config = {
        "global": {"scrape_interval": f"{SCRAPE_S}s"},
        "scrape_configs": [{"job_name": JOB, "static_configs": static}],
    }
    file = folder / "prometheus.yml"
    file.write_text(yaml.safe_dump(config))
    words = ["--web.listen-address=127.0.0.1:0", f"--storage.tsdb.path={folder}/data"]
    command = ["prometheus", f"--config.file={file}", *words]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stderr is not None
            yield _address(process.stderr)
        finally:
            process.kill()
            process.communicate()


def _address(lines: Iterable[str]) -> str:
    last = ""
    for last in lines:
        if found := re.search(r'Listening on".*? address=(\S+)', last):
            return found[1]
    raise BoardError(f"prometheus has ended: {last.strip()}")


def answers(recording: Recording, panel: Panel) -> list[Series]:
    """The series of all the panel's queries, in their order."""
    found: list[Series] = []
    for target in panel.targets:
        expr = substituted(target.expr, recording.variables)
        times = [recording.end] if target.instant else recording.times
        for each in _ask(recording, expr, instant=target.instant):
            labels = dict(each["metric"])
            samples = [each["value"]] if target.instant else each["values"]
            found.append(Series(legend(target.legend, labels), labels, _on_grid(samples, times)))
    return found


def _ask(recording: Recording, expr: str, *, instant: bool) -> list[Any]:
    when: dict[str, int] = {"start": recording.begin, "end": recording.end, "step": SCRAPE_S}
    if instant:
        when = {"time": recording.end}
    words = urllib.parse.urlencode({"query": expr, **when})
    url = f"http://{recording.address}/api/v1/{'query' if instant else 'query_range'}?{words}"
    with urllib.request.urlopen(url, timeout=TIMEOUT_S) as answer:
        return list(json.load(answer)["data"]["result"])


def _on_grid(samples: Iterable[Sequence[Any]], times: Iterable[int]) -> tuple[float | None, ...]:
    """A value for each time; None where Prometheus gave none, or one that is not a number."""
    values = {round(float(when)): float(value) for when, value in samples}
    found = (values.get(when) for when in times)
    return tuple(None if each is None or each != each else each for each in found)
