"""KStars on a screen that nobody looks at: started with a home of its own, told what to do over D-Bus."""

from __future__ import annotations

import ast
import contextlib
import os
import re
import signal
import sqlite3
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from kstars.profiles import Profile
from live import until

START = 90.0
"""Seconds that KStars may take to show itself: it loads its catalogues."""

SETTINGS = """[GUI]
RunStartupWizard=false

[TipOfDay]
RunOnStart=false

[Ekos]
AutoStartEkosLive=false
independentWindowEkos=true

[indi]
independentWindowINDI=true
"""

FILES = {
    "kstarsrc": SETTINGS,
    "kwalletrc": "[Wallet]\nEnabled=false\n",  # else it asks for a password
}

EKOS, CAPTURE, INDI = "/KStars/Ekos", "/KStars/Ekos/Capture", "/KStars/INDI"


class KStars:
    """One KStars. `folder` has its home, its screenshots and what it said."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.home = folder / "home"
        self.database = self.home / ".local/share/kstars/userdb.sqlite"
        self.process: subprocess.Popen[bytes] | None = None
        self._shots = 0
        self._processes: list[subprocess.Popen[bytes]] = []
        run = folder / "run"
        run.mkdir(mode=0o700, parents=True)
        (self.home / ".config").mkdir(parents=True)
        for name, text in FILES.items():
            (self.home / ".config" / name).write_text(text)
        hidden = ("XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME", "WAYLAND_DISPLAY")
        self._env = {key: value for key, value in os.environ.items() if key not in hidden} | {
            "HOME": str(self.home),
            "XDG_RUNTIME_DIR": str(run),
            "LANG": "C.UTF-8",
            "LC_ALL": "C.UTF-8",
        }

    def open(self) -> None:
        """Give it a screen, a bus and its own database."""
        self._env["DISPLAY"] = f":{self._told('Xvfb', '-displayfd', '1', '-screen', '0', '1600x1000x24')}"
        self._env["DBUS_SESSION_BUS_ADDRESS"] = self._told("dbus-daemon", "--session", "--nofork", "--print-address=1")

    def _told(self, *words: str) -> str:
        """A program that says one line when it is ready."""
        with (self.folder / f"{words[0]}.log").open("wb") as log:
            process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=log, env=self._env)
        self._processes.append(process)
        assert process.stdout is not None
        line = process.stdout.readline().decode().strip()
        assert line, f"{words[0]} did not begin"
        return line

    def run(self) -> subprocess.Popen[bytes]:
        """Start it; the end of the process is the caller's, or `close`'s."""
        with (self.folder / "kstars.log").open("ab") as log:
            process = subprocess.Popen(["kstars"], stdout=log, stderr=log, env=self._env, start_new_session=True)
        self._processes.append(process)
        return process

    def make_profiles(self, *profiles: Profile) -> None:
        """Have KStars make its database, and put profiles into it while it does not run."""
        process = self.run()
        until(self._has_tables, START, "KStars' database")
        process.kill()
        process.wait()
        with contextlib.closing(sqlite3.connect(self.database)) as database, database:
            for each in profiles:
                each.write(database)

    def _has_tables(self) -> bool:
        if not self.database.exists():
            return False
        with contextlib.closing(sqlite3.connect(self.database, timeout=0.1)) as database:
            try:
                return bool(database.execute("SELECT label FROM driver").fetchall())
            except sqlite3.Error:
                return False

    def close(self) -> None:
        """End all of it."""
        for process in reversed(self._processes):
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
                try:
                    process.wait(10)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()
            if process.stdout is not None:
                process.stdout.close()

    # D-Bus

    def call(self, path: str, method: str, *words: str, timeout: float = 60.0) -> Any:
        """Call a method; strings are quoted as GVariant takes them."""
        return _value(self._bus("call", path, "--method", method, "--", *words, timeout=timeout))

    def get(self, path: str, interface: str, name: str) -> Any:
        """A property."""
        return self.call(path, "org.freedesktop.DBus.Properties.Get", interface, name)

    def _bus(self, verb: str, path: str, *words: str, timeout: float) -> str:
        command = ["gdbus", verb, "--session", "--dest", "org.kde.kstars", "--object-path", path]
        if verb == "call":
            command += ["--timeout", str(int(timeout))]
        done = subprocess.run([*command, *words], env=self._env, capture_output=True, text=True, timeout=timeout + 5)
        if done.returncode:
            raise BusError(done.stderr.strip())
        return done.stdout

    def introspect(self, path: str) -> str:
        """What there is at a path."""
        return self._bus("introspect", path, "--recurse", timeout=30)

    def answers(self, path: str = EKOS) -> bool:
        """Whether something is at that path."""
        with contextlib.suppress(BusError, subprocess.TimeoutExpired):
            return "interface org.kde" in self.introspect(path)
        return False

    # The screen

    def xdo(self, *words: str) -> str:
        """Run xdotool."""
        done = subprocess.run(["xdotool", *words], env=self._env, capture_output=True, text=True, timeout=30)
        return done.stdout

    def windows(self) -> list[str]:
        """The names of all windows that can be seen."""
        return self.xdo("search", "--onlyvisible", "--name", ".", "getwindowname", "%@").splitlines()

    def shot(self, name: str) -> Path:
        """A picture of the whole screen."""
        self._shots += 1
        file = self.folder / f"{self._shots:02}-{name}.png"
        subprocess.run(["import", "-window", "root", str(file)], env=self._env, check=True, timeout=60)
        return file


class BusError(Exception):
    """What gdbus said."""


@contextlib.contextmanager
def kstars(folder: Path, *profiles: Profile) -> Iterator[KStars]:
    """KStars with profiles, until the block ends."""
    made = KStars(folder)
    try:
        made.open()
        made.make_profiles(*profiles)
        made.process = made.run()
        until(made.answers, START, "KStars on the bus")
        yield made
    finally:
        made.close()


def _value(text: str) -> Any:
    """GVariant's text as a value: of a tuple of one that one."""
    plain = re.sub(r"@\w+ |\b(?:u?int(?:16|32|64)|objectpath|byte) |[<>]", "", text.strip())
    plain = re.sub(r"\btrue\b", "True", re.sub(r"\bfalse\b", "False", plain))
    value = ast.literal_eval(plain) if plain != "()" else ()
    return value[0] if isinstance(value, tuple) and len(value) == 1 else value
