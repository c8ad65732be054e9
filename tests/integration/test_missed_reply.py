"""A camera whose two threads read one stdin, as libindi's do, and that missed the reply to its ping."""

from __future__ import annotations

import sys
from pathlib import Path

from live import Client, serve

MISSES = f"""#!{sys.executable}
import os, select

def say(text):
    os.write(1, text.encode())

heard = b""
while b"<getProperties" not in heard:
    heard += os.read(0, 4096)
say("<defBLOBVector device='Cam' name='I' state='Idle' perm='ro'><defBLOB name='i'/></defBLOBVector>"
    "<defSwitchVector device='Cam' name='GO' state='Idle' perm='rw' rule='AnyOfMany'>"
    "<defSwitch name='GO'>Off</defSwitch></defSwitchVector>")
while b"</newSwitchVector>" not in heard:
    heard += os.read(0, 4096)
for number in range(2):
    say(f"<setBLOBVector device='Cam' name='I' state='Ok'><oneBLOB name='i' size='3' format='.{{number}}'>"
        f"QUJD</oneBLOB></setBLOBVector><pingRequest uid='SetBLOB/{{number}}'/>")
    while b"<pingReply" not in heard:  # the main thread has it
        heard += os.read(0, 4096)
    heard = b""
    select.select([0], [], [])  # the image's thread had looked before that, and waits for more
while os.read(0, 4096):
    pass
"""


def test_its_next_image_comes_all_the_same(tmp_path: Path) -> None:
    program = tmp_path / "camera"
    program.write_text(MISSES)
    program.chmod(0o755)
    with serve(tmp_path, str(program)) as router, Client(router.port) as client:
        router.wait_for("Cam: provided by")
        client.ask()
        client.send("<enableBLOB>Also</enableBLOB>")
        client.take("<defSwitchVector[^>]*name=.GO.")
        client.send("<newSwitchVector device='Cam' name='GO'><oneSwitch name='GO'>On</oneSwitch></newSwitchVector>")
        client.take("format='.0'.*?</setBLOBVector>")
        client.take("format='.1'.*?</setBLOBVector>")
