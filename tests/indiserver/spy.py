"""A driver that keeps what its server sends it: in FILE.1 for its first run, FILE.2 for the next, FILE being itself.

It is a program of its own and imports nothing of ours. SNOOPS in its environment is sent at its start.
"""

from __future__ import annotations

import os
import re
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import cast
from xml.etree.ElementTree import Element, XMLPullParser

DEVICE = os.environ.get("INDIDEV") or "Spy"


def say(text: str) -> None:
    """Send it at once."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def properties() -> dict[str, str]:
    """Its definitions by name."""
    names = ("INDIDEV", "INDICONFIG", "INDISKEL", "INDIPREFIX")
    texts = "".join(f"<defText name='{name}'>{os.environ.get(name, 'unset')}</defText>" for name in names)
    of = f"device='{DEVICE}' state='Idle' perm='rw'"
    connect = "<defSwitch name='CONNECT'>Off</defSwitch>"
    return {
        "DRIVER_INFO": f"<defTextVector {of} name='DRIVER_INFO'>{texts}</defTextVector>",
        "CONNECTION": f"<defSwitchVector {of} name='CONNECTION' rule='AtMostOne'>{connect}</defSwitchVector>",
        "ACT": f"<defTextVector {of} name='ACT'><defText name='WHAT'/></defTextVector>",
    }


def act(what: str) -> None:
    """One word of ACT."""
    if what == "crash":
        os._exit(3)
    elif what == "end":
        os._exit(0)
    elif what == "hang up":
        os.close(1)
        time.sleep(60)
    elif what == "message":
        say(f"<message device='{DEVICE}' timestamp='2026-01-02T03:04:05' message='said'/>")
        say("<message timestamp='2026-01-02T03:04:05' message='said to all'/>")
    elif what == "delete":
        say(f"<delProperty device='{DEVICE}' name='ACT'/>")
    elif what == "delete all":
        say(f"<delProperty device='{DEVICE}'/>")
    elif what == "print":
        say("this is no XML")
    elif what == "unknown":
        say(f"<novelty device='{DEVICE}' name='ACT'/>")
    elif what == "state":
        say(f"<setBLOBVector device='{DEVICE}' name='PICTURE' state='Busy'/>")
    elif what == "silent":
        say(f"<setTextVector device='{DEVICE}' name='ACT' state='Ok'><oneText name='NOVEL'>x</oneText></setTextVector>")
    elif what == "nameless":
        say("<setTextVector device='' name='ACT' state='Ok'><oneText name='WHAT'>lost</oneText></setTextVector>")
    elif what == "ping":
        say("<pingRequest uid='spy'/>")
    elif what == "odd":
        odd = f"device='{DEVICE}' name=\"ACT\" novel='&lt;x&gt; &amp; &quot;y&quot;'"
        say(f"<setTextVector {odd}><!-- c --><oneText name='WHAT'>&#65;</oneText></setTextVector>")
    one = f"<oneText name='WHAT'>{what}</oneText>"
    say(f"<setTextVector device='{DEVICE}' name='ACT' state='Ok'>{one}</setTextVector>")


def main() -> None:
    """Run until the server hangs up."""
    itself = Path(__file__)
    number = 1
    while itself.with_suffix(f".{number}").exists():
        number += 1
    with itself.with_suffix(f".{number}").open("wb") as file:
        if snoops := os.environ.get("SNOOPS"):
            say(snoops)
        parser: XMLPullParser[Element] = XMLPullParser(["start", "end"])
        parser.feed("<all>")
        depth = 0
        while data := os.read(0, 65536):
            file.write(data)
            file.flush()
            parser.feed(re.sub(rb"<\?xml[^>]*\?>", b"", data))
            for event, element in cast("Iterator[tuple[str, Element]]", parser.read_events()):
                depth += 1 if event == "start" else -1
                if event == "start" or depth != 1:
                    continue
                device, name = element.get("device", DEVICE), element.get("name")
                if element.tag == "getProperties" and device in (DEVICE, "*"):
                    for known, text in properties().items():
                        if name in (None, known):
                            say(text)
                elif element.tag == "newTextVector" and device == DEVICE:
                    for one in element:
                        act((one.text or "").strip())


if __name__ == "__main__":
    main()
