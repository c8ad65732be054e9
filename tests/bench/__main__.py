"""The benchmark's command line: PYTHONPATH=tests python -m bench [--quick] [--only ROW] ... (see README.md here)."""

import argparse
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from bench.build import CACHE, BenchError, build
from bench.rows import ALL, LINES, LOADS, Load
from bench.run import Sample, run
from bench.selftest import unseen_faults
from bench.servers import BEFORE, OURS, SERVICE, check_out, compile_service
from bench.table import Entry, as_json, as_markdown, as_text, entry, environment, problems

SLOW, TOO_SLOW = 8.0, 20.0  # seconds: a peer's run, and one of ours, that takes longer is not repeated
Table = dict[tuple[str, str], list[Sample]]


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench", description="Compare inditree, a copy loop and other INDI servers.")
    parser.add_argument("--quick", action="store_true", help="small counts, ours only, correctness only")
    parser.add_argument("--only", action="append", metavar="ROW", help="loads whose name starts so; repeatable")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--servers", default=",".join(ALL), help="comma-separated: " + ", ".join(ALL))
    parser.add_argument("--before", metavar="REVISION", help="measure the service as of this git revision beside ours")
    parser.add_argument("--budget", type=float, default=780, metavar="SECONDS", help="rounds are cut to stay within")
    parser.add_argument("--docs", type=Path, metavar="FILE", help="write the table there too")
    parser.add_argument("--strict", action="store_true", help="exit 1 where a bound is missed, too")
    parser.add_argument("--list", action="store_true", help="name the loads")
    return parser.parse_args()


def _chosen(arguments: argparse.Namespace) -> list[Load]:
    only: list[str] | None = arguments.only
    loads = [load for load in LOADS if only is None or any(load.name.startswith(name) for name in only)]
    if not loads:
        raise BenchError(f"no row's name starts with {' or '.join(only or ())}; --list names them")
    return loads


def _measure(loads: Sequence[Load], servers: Sequence[str], rounds: int, budget: float, quick: bool) -> Table:
    """Runs the servers in turn, so that what else the machine does meets all of them."""
    table: Table = {}
    begin = time.monotonic()
    for index, load in enumerate(loads):
        names = [name for name in load.servers if name in servers]
        if BEFORE in servers:
            names.insert(1, BEFORE)  # right behind ours, so that both meet the same hour of the machine
        until = begin + budget * (index + 1) / len(loads)
        if time.monotonic() > begin + budget:
            table[load.name, OURS] = [Sample(OURS, 0, problem="not measured: out of time")]
            continue
        for turn in range(rounds):
            if turn and time.monotonic() > until:
                break
            for name in names:
                _once(table, load, name, quick)
            names = [name for name in names if _again(table[load.name, name][-1])]
    return table


def _once(table: Table, load: Load, name: str, quick: bool) -> None:
    sample = run(name, load.parts, load.count(name, quick), config=load.config, rest=0.0 if quick else load.rest)
    table.setdefault((load.name, name), []).append(sample)
    said = sample.problem.splitlines()[0] if sample.problem else "ok"
    print(f"{load.name:20} {name:13} {sample.wall:6.1f} s  {said}", file=sys.stderr, flush=True)


def _again(sample: Sample) -> bool:
    """A peer that is slow or that failed is not asked again; ours is, its median is what counts."""
    if sample.server in (OURS, BEFORE):
        return sample.wall < TOO_SLOW
    return sample.wall < SLOW and sample.problem is None


def _write(entries: Sequence[Entry], table: Table, about: Mapping[str, str], docs: Path | None) -> None:
    markdown = as_markdown(entries, about)
    (CACHE / "table.md").write_text(markdown)
    (CACHE / "table.json").write_text(as_json(entries, about, table))
    if docs:
        docs.write_text(markdown)
    print(as_text(entries, about))


def _status(entries: Sequence[Entry], table: Table, strict: bool) -> int:
    """1 where what ours delivered was wrong (never for a time, unless strict)."""
    wrong = [sample.problem for (_, name), runs in table.items() for sample in runs if name == OURS and sample.problem]
    missed = [made.title for made in entries if made.verdict == "missed"]
    return 1 if wrong or (strict and missed) else 0


def _quick(loads: Sequence[Load]) -> int:
    unseen = unseen_faults()
    table = _measure(loads, [OURS], 1, 60, quick=True)
    entries = [made for line in LINES if (made := entry(line, table)).medians or made.problems]
    for text in [*unseen, *problems(entries)]:
        print(f"WRONG: {text}")
    status = 1 if unseen else _status(entries, table, strict=False)
    print("bench-quick: " + ("failed" if status else f"{len(table)} loads, nothing lost, truncated or out of order"))
    return status


def main() -> int:
    """Runs what the command line asks for; returns the exit status."""
    arguments = _arguments()
    if arguments.list:
        print("\n".join(load.name for load in LOADS))
        return 0
    servers = arguments.servers.split(",")
    try:
        unknown = set(servers) - set(ALL)
        if unknown:
            raise BenchError(f"no such server: {', '.join(sorted(unknown))}; there are {', '.join(ALL)}")
        loads = _chosen(arguments)
        build()
        compile_service(SERVICE)
        if arguments.before:
            check_out(arguments.before)
            servers.append(BEFORE)
    except BenchError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 2
    if arguments.quick:
        return _quick(loads)
    about = environment(servers)
    if arguments.before:
        about[BEFORE] = arguments.before
    table = _measure(loads, servers, arguments.rounds, arguments.budget, quick=False)
    entries = [made for line in LINES if (made := entry(line, table)).medians or made.problems]
    _write(entries, table, about, arguments.docs)
    return _status(entries, table, arguments.strict)


if __name__ == "__main__":
    sys.exit(main())
