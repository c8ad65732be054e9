"""Proves that the checking client finds what it is there for: a copy loop with a fault must not pass."""

from bench.build import program
from bench.rows import MIB
from bench.run import Part, run
from bench.servers import COPY

FAULTS = ("drop", "flip", "repeat")
PARTS = (
    Part("numbers", "numbers", 0, {}, 2, client_options={"quiet": 2}),
    Part("blobs", "blobs", 0, {"size": MIB, "layout": "lines"}, 2, client_options={"quiet": 2}),
    Part("blobs", "blobs", 0, {"size": MIB, "layout": "line"}, 2, client_options={"quiet": 2}),
)


def unseen_faults() -> list[str]:
    """The faults that the client did not find, and the sound copies that it complained about."""
    found = []
    for part in PARTS:
        count = 20_000 if part.mode == "numbers" else 3
        for fault in ("none", *FAULTS):
            command = [str(program("copy_loop")), "PORT", fault, *part.driver_command(count)]
            problem = run(COPY, (part,), count, command=command).problem
            if (problem is None) != (fault == "none"):
                found.append(f"{part.mode} {dict(part.options)}: fault {fault}, the client says {problem}")
    return found
