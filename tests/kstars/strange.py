"""A driver whose names and values are what real ones say: beyond ASCII, in UTF-8 and in Latin-1, and never escaped."""

from __future__ import annotations

import sys

STATION = (
    "<defTextVector device='Météo' name='STATION' label='Sky (ºC)' group='Général' state='Ok' perm='rw'>"
    "<defText name='FILTRE' label='Filtre Hα'>Hα R & D</defText></defTextVector>"
)
DOME = (
    "<defTextVector device='Wächter' name='ORT' label='Höhe' group='Main' state='Ok' perm='ro'>"
    "<defText name='HAUS' label='Haus'>Kühlung</defText></defTextVector>"
)
ANSWER = (
    "<setTextVector device='Météo' name='STATION' state='Ok'><oneText name='FILTRE'>été</oneText></setTextVector>\n"
)


def main() -> None:
    """Define both devices at each question, and answer each command."""
    for line in sys.stdin:
        if "getProperties" in line:
            sys.stdout.buffer.write(f"{STATION}\n".encode() + f"{DOME}\n".encode("latin-1"))
        elif "</newTextVector>" in line:
            sys.stdout.buffer.write(ANSWER.encode())
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
