"""A driver whose mount takes as long as its right ascension says in seconds; below zero it ends in Alert.

It says where it is all the time, and in COUNT how many commands it was sent.
"""

from __future__ import annotations

import os
import re
import select
import sys
import time

DEFINITIONS = """
<defNumberVector device="Mount" name="COORD" label="c" group="g" state="Idle" perm="rw" timeout="60">
<defNumber name="RA" label="r" format="%g" min="-9" max="99" step="0">0</defNumber>
<defNumber name="DEC" label="d" format="%g" min="-90" max="90" step="0">0</defNumber></defNumberVector>
<defNumberVector device="Mount" name="COUNT" label="c" group="g" state="Ok" perm="ro" timeout="0">
<defNumber name="N" label="n" format="%g" min="0" max="99" step="0">0</defNumber></defNumberVector>
"""
NEW = re.compile(r'<newNumberVector device="Mount" name="COORD">(.*?)</newNumberVector>', re.DOTALL)
ONE = re.compile(r'<oneNumber name="(\w+)">([^<]*)<')


def say(state: str, ra: float, dec: float, message: str = "") -> None:
    told = f' message="{message}"' if message else ""
    ones = f'<oneNumber name="RA">{ra}</oneNumber><oneNumber name="DEC">{dec}</oneNumber>'
    print(f'<setNumberVector device="Mount" name="COORD" state="{state}"{told}>{ones}</setNumberVector>', flush=True)


def main() -> None:
    ra, dec, wanted, until, count, heard = 0.0, 0.0, {"RA": 0.0, "DEC": 0.0}, 0.0, 0, ""
    while True:
        if select.select([sys.stdin], [], [], 0.1)[0]:
            more = os.read(0, 1 << 16).decode()
            if not more:
                return
            heard += more
            if "<getProperties" in heard:
                print(DEFINITIONS, flush=True)
                heard = heard[heard.index("<getProperties") + 1 :]
            while found := NEW.search(heard):
                wanted |= {name: float(value) for name, value in ONE.findall(found[1])}
                heard, count, until = heard[found.end() :], count + 1, time.monotonic() + abs(wanted["RA"])
                print(
                    '<setNumberVector device="Mount" name="COUNT" state="Ok">'
                    f'<oneNumber name="N">{count}</oneNumber></setNumberVector>'
                )
                say("Busy", ra, dec)
        if until and time.monotonic() < until:
            say("Busy", ra, dec)
        elif until and wanted["RA"] < 0:
            until = 0.0
            print('<message device="Mount" message="a cable is tight"/>')
            say("Alert", ra, dec, "below the horizon")
        elif until:
            until, ra, dec = 0.0, wanted["RA"], wanted["DEC"]
            say("Ok", ra, dec)


main()
