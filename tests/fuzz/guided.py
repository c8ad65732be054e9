"""Coverage-guided fuzzing of one target: `python -m fuzz.guided SECONDS TARGET`, where atheris is installed."""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory


def main(seconds: int, name: str) -> None:
    """The first two bytes of an input are its seed. Ends the process."""
    atheris = import_module("atheris")
    with atheris.instrument_imports(include=["inditree"]):  # before anybody else imports it
        run = import_module("fuzz.run")
    target = run.TARGETS[name]

    def one(data: bytes) -> None:
        target.check(data[2:], int.from_bytes(data[:2]))

    run.FOUND.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory() as corpus:
        for number, data in enumerate(target.corpus()):
            (Path(corpus) / str(number)).write_bytes(b"\0\0" + data)
        flags = (
            f"-max_total_time={seconds}",
            "-max_len=4096",
            f"-artifact_prefix={run.FOUND}/",
            "-print_final_stats=1",
        )
        atheris.Setup([sys.argv[0], corpus, *flags], one)
        atheris.Fuzz()


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
