"""The command line: PYTHONPATH=tests python -m board [--board FILE] [--seconds N] [--keep FOLDER] PICTURE."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path

from board.draw import draw
from board.model import BoardError, panels
from board.picture import Page
from board.prometheus import JOB, Recording, answers
from board.scene import SECONDS, played

ROOT = Path(__file__).parents[2]


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="board", description="Draw the dashboard from a real Prometheus.")
    parser.add_argument("picture", type=Path, help="the PNG to write")
    parser.add_argument("--board", type=Path, default=ROOT / "k8s/monitoring/dashboards/inditree.json", metavar="FILE")
    parser.add_argument("--seconds", type=float, default=SECONDS, help="how long the scene goes on")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="leave logs and configurations there")
    return parser.parse_args()


def picture(board: Path, recording: Recording, file: Path) -> list[str]:
    """Draw a dashboard; the titles of the panels for which there was no data."""
    made = panels(board)
    page = Page(max(each.y + each.height for each in made))
    chosen = (("Job", JOB), ("Instance", "All"), ("Device", "All"))
    page.head(json.loads(board.read_text())["title"], chosen, recording.begin, recording.end)
    empty = []
    for panel in made:
        series = answers(recording, panel)
        if panel.targets and not series:
            empty.append(panel.title)
        draw(page, panel, series, recording.times)
    page.save(file)
    return empty


def main() -> int:
    """Exit status 0; 1 where a panel is empty; 2 where there is nothing to draw."""
    arguments = _arguments()
    print(f"the scene takes {arguments.seconds:g} s", file=sys.stderr)
    try:
        with tempfile.TemporaryDirectory() as temporary:
            folder: Path = arguments.keep or Path(temporary)
            folder.mkdir(parents=True, exist_ok=True)
            with played(folder, arguments.seconds) as recording:
                empty = picture(arguments.board, recording, arguments.picture)
    except (BoardError, FileNotFoundError, AssertionError) as error:
        print(f"board: {error}", file=sys.stderr)
        return 2
    for title in empty:
        print(f"board: no data for {title}", file=sys.stderr)
    return 1 if empty else 0


if __name__ == "__main__":
    sys.exit(main())
