"""Every command of README and docs is run, here or where `docs.written` says; nothing is left out."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import pytest
import yaml

from docs import written
from docs.written import ROOT, blocks
from live import Client, until
from ports import free_port, listens
from waiting import DEADLINE

PRELUDE = """
set -euo pipefail
for tool in getprop setprop eval; do eval "indi_$tool() { command indi_$tool -p $INDITREE_PORT \\"\\$@\\"; }"; done
"""
"""The tools of INDI know no variable for the port; all else in a session is as it is written."""


@dataclass
class Shell:
    """A directory and two ports to run commands of the documentation at: its 7624 and 9724 become these."""

    where: Path
    port: int
    http: int

    def words(self, text: str) -> list[str]:
        own = text.replace("9724", str(self.http)).replace("7624", str(self.port))
        return ["bash", "-c", PRELUDE + own]

    @property
    def env(self) -> dict[str, str]:
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
        own = {"INDITREE_PORT": str(self.port), "INDITREE_HTTP": f"127.0.0.1:{self.http}", "COLUMNS": "200"}
        return {**os.environ, **own, "PATH": path, "VIRTUAL_ENV": ""}

    def run(self, *commands: str, timeout: float = 3 * DEADLINE) -> str:
        """What they print, as one session; AssertionError where one fails."""
        words = self.words("\n".join(commands))
        done = subprocess.run(words, cwd=self.where, env=self.env, capture_output=True, text=True, timeout=timeout)
        assert done.returncode == 0, f"{commands}: {done.stdout}{done.stderr}"
        return done.stdout

    @contextlib.contextmanager
    def serving(self, command: str, *devices: str) -> Iterator[int]:
        """A command that goes on until the block ends, once it serves these devices; its process."""
        log = self.where / "log"
        with log.open("ab") as file:
            process = subprocess.Popen(
                self.words(f"exec {command}"), cwd=self.where, env=self.env, stdout=file, stderr=file,
                start_new_session=True,
            )  # fmt: skip
        try:
            until(lambda: process.poll() is not None or listens(self.port), what=command)
            assert process.poll() is None, log.read_text()
            with Client(self.port) as client:
                for device in devices:
                    client.ask(device)
                    client.take(f"<def[^>]*device=.{device}[^>]*")
            yield process.pid
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGTERM)
            process.wait(DEADLINE)

    def _listens(self) -> bool:
        try:
            Client(self.port).sock.close()
        except OSError:
            return False
        return True


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    (tmp_path / ".venv").symlink_to(sys.prefix)
    text = (ROOT / "docs/python-drivers.md").read_text()
    found = re.search(r"^```python\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    assert found is not None
    (tmp_path / "heater.py").write_text(found[1])
    return Shell(tmp_path, free_port(), free_port())


def block(page: str, number: int) -> list[str]:
    assert (page, number) in written.HERE
    return blocks(page)[number]


def test_no_command_is_left_out() -> None:
    elsewhere = {*written.CI, *written.CLUSTER, *written.NO_CLUSTER, *written.IN_POD, *written.COMPOSE}
    elsewhere |= {*written.CONTAINERS, *written.TOOLS}
    here = {command for page, number in written.HERE for command in block(page, number)}
    assert written.all_commands() - here == elsewhere - here
    assert len(here) > 20


def test_the_first_five_minutes(shell: Shell) -> None:
    """README: `make run`, then the session that follows it."""
    make_run, make_test = block("README.md", 0)
    assert (make_run, make_test) == ("make run", "make test")
    session = block("README.md", 1)
    assert session[0] == ". .venv/bin/activate"
    with shell.serving(f"make -s -C {ROOT} run PORT={shell.port} HTTP=127.0.0.1:{shell.http}", "Py Camera"):
        said = shell.run(*session[:-1], "wait", *session[-1:])
        status = shell.run(*block("README.md", 2))
    assert "Py Telescope.EQUATORIAL_EOD_COORD.RA=" in said
    assert "Py Camera" in said.split("Drivers")[1]
    (image,) = shell.where.glob("Py Camera.CCD1.CCD1*.fits")
    assert image.read_bytes().startswith(b"SIMPLE  =")
    heads = re.findall(r"^name .*$", (ROOT / "README.md").read_text(), re.MULTILINE)
    assert heads and heads[0].split() == next(line for line in status.splitlines() if line.startswith("name ")).split()


@pytest.mark.parametrize(
    "command",
    [*block("README.md", 3), "inditree serve indi_simulator_telescope indi_simulator_ccd"],
)
def test_drivers_of_libindi(shell: Shell, command: str) -> None:
    assert command in (ROOT / "README.md").read_text()
    with shell.serving(command, "Telescope Simulator", "CCD Simulator"):
        assert "CCD Simulator" in shell.run("inditree status")


def test_a_configuration(shell: Shell) -> None:
    check, serve, reload = block("docs/configuration.md", 0)
    file = shell.where / "dome-a.yaml"
    file.write_text("drivers: [{exec: [indi_simulator_telescope]}]\n")
    assert "indi_simulator_telescope" in shell.run(check)
    with shell.serving(serve, "Telescope Simulator") as process:
        file.write_text("drivers: [{exec: [indi_simulator_telescope]}, {exec: [indi_simulator_focus]}]\n")
        shell.run(reload.replace("PID", str(process)))
        with Client(shell.port) as client:
            client.ask("Focuser Simulator")
            client.take("<def[^>]*Focuser Simulator")
    file.write_text("drivers: [{exec: [x]}, {exec: [y], restart: {policy: sometimes}}]\n")
    done = subprocess.run(shell.words(serve), cwd=shell.where, env=shell.env, capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr.split(" is not")[0] in (ROOT / "docs/configuration.md").read_text()


def test_the_control_api(shell: Shell) -> None:
    one, add, restart = block("docs/http.md", 0)
    (shell.where / "token").write_text("secret")
    serve = f"inditree serve --socket {shell.where}/control.sock"
    with shell.serving(f"{serve} indi_simulator_ccd", "CCD Simulator"):
        assert '"state":"running"' in shell.run(one)
        assert '"name":"focus"' in shell.run(add)
        assert "error" in shell.run(restart)
    (put,) = block("docs/http.md", 1)
    with shell.serving(f"{serve} inditree-telescope", "Py Telescope"):
        assert '"result":"ok"' in shell.run(put)
    with shell.serving(f"{serve} --token-file token indi_simulator_ccd", "CCD Simulator"):
        shell.run(add)
        assert '"name":"focus"' in shell.run(restart)


def test_a_driver_of_ones_own(shell: Shell) -> None:
    (install,) = block("docs/python-drivers.md", 0)
    shell.run(f"cd {ROOT}; {install.replace('install', 'install -q --dry-run')}")
    serve, ask = block("docs/python-drivers.md", 1)
    (as_child,) = block("docs/python-drivers.md", 2)
    (set_, wait, watch, restart) = block("docs/python-drivers.md", 3)
    with shell.serving(serve, "Heater"):
        assert shell.run(ask).strip() == "20.0"
        shell.run(set_, wait)
        assert "make_driver" in shell.run(f"timeout --preserve-status -s INT 5 {watch} || test $? = 130")
        assert shell.run(restart) == "driver make_driver: restarting\n"
    with shell.serving(as_child, "Heater"):
        assert shell.run(ask).strip() == "20.0"


def test_scripts(shell: Shell) -> None:
    with shell.serving("inditree serve inditree-telescope inditree-camera", "Py Telescope", "Py Camera"):
        shell.run(*block("docs/scripts.md", 0))
        night = [line.replace("--expose 60 -n 20", "--expose 0.1 -n 2") for line in block("docs/scripts.md", 1)]
        shell.run(*night)
    assert len(list(shell.where.glob("Py Camera-*.fits"))) == 5


def fenced(page: str, kind: str) -> str:
    """The one block of a kind in a page."""
    (found,) = re.findall(rf"^```{kind}\n(.*?)^```", (ROOT / page).read_text(), re.DOTALL | re.MULTILINE)
    return str(found)


def test_a_night_by_cron_and_as_a_job(shell: Shell) -> None:
    lines = [
        line for line in fenced("docs/scripts.md", "cron").splitlines() if not re.match(r"[A-Z]+=|INDITREE_HOST", line)
    ]
    night, park = (re.fullmatch(r"\d+ \d+ \* \* \* observer (.*)", line) for line in lines)
    assert night and park and night[1].startswith("flock -n ")
    config, job = yaml.safe_load_all(fenced("docs/scripts.md", "yaml"))
    spec = job["spec"]["template"]["spec"]
    (container,), (volume,) = spec["containers"], spec["volumes"]
    (mounted,) = container["volumeMounts"]
    assert volume["configMap"]["name"] == config["metadata"]["name"] and mounted["name"] == volume["name"]
    program, script = container["command"]
    (shell.where / "night.sh").write_text(config["data"][Path(script).relative_to(mounted["mountPath"]).name])
    with shell.serving("inditree serve inditree-telescope", "Py Telescope"):
        shell.run(f"{program} night.sh")
        shell.run(park[1], 'inditree set "Py Telescope.TELESCOPE_PARK.UNPARK=On" --wait 1m', park[1])
        assert shell.run('inditree get "Py Telescope.TELESCOPE_PARK.PARK"').endswith("=On\n")


def test_a_script_of_the_standard_library(shell: Shell) -> None:
    (shell.where / "token").write_text("secret")
    script = fenced("docs/scripts.md", "python").replace("9724", str(shell.http))
    (shell.where / "slew.py").write_text(script)
    with shell.serving("inditree serve --token-file token inditree-telescope", "Py Telescope"):
        said = shell.run("TOKEN_FILE=token python -I slew.py")
        assert re.fullmatch(r"at RA 5\.58\d* h, DEC -5\.39\d* degrees\n", said)
        wrong = subprocess.run(
            shell.words("TOKEN_FILE=/dev/null python -I slew.py"),
            cwd=shell.where,
            env=shell.env,
            text=True,
            capture_output=True,
        )
        assert wrong.returncode == 1 and "Py Telescope.CONNECTION: 401" in wrong.stderr


class _DefinedLate(BaseHTTPRequestHandler):
    """Answers 404 at first, as a router whose driver has not defined the property yet."""

    keys: ClassVar[list[str]] = []

    def do_PUT(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.keys.append(self.headers["Idempotency-Key"])
        members = [{"name": "RA", "value": 5.5}, {"name": "DEC", "value": -5.4}]
        body = {"error": "there is no property"} if len(self.keys) == 1 else {"members": members}
        self.send_response(404 if len(self.keys) == 1 else 200)
        self.end_headers()
        self.wfile.write(json.dumps(body).encode())

    def log_message(self, *said: object) -> None:
        """Say nothing."""


def test_the_script_of_the_standard_library_asks_again_for_what_is_not_defined_yet(shell: Shell) -> None:
    (shell.where / "token").write_text("secret")
    (shell.where / "slew.py").write_text(fenced("docs/scripts.md", "python"))
    with ThreadingHTTPServer(("127.0.0.1", 0), _DefinedLate) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        where = f"127.0.0.1:{server.server_port}"
        said = shell.run(f"INDITREE_HTTP={where} TOKEN_FILE=token python -I slew.py")
        server.shutdown()
    assert said == "at RA 5.5 h, DEC -5.4 degrees\n"
    assert _DefinedLate.keys[0] == _DefinedLate.keys[1] and len(set(_DefinedLate.keys)) == 3


def test_a_night_as_a_file(shell: Shell) -> None:
    data = shell.where / "data"
    (shell.where / "c.yaml").write_text(f"drivers: [{{exec: [inditree-telescope]}}]\nrecord: {{dir: {data}}}\n")
    with shell.serving("inditree serve --config c.yaml", "Py Telescope"):
        shell.run('inditree set "Py Telescope.CONNECTION.CONNECT=On" --wait 20s')
    looked = [line.replace("/data", str(data)) for line in block("docs/record.md", 0)]
    assert "Py Telescope" in shell.run(*looked)
    assert '"Py Telescope"' in (shell.where / "night.jsonl").read_text()
    (replay,) = block("docs/record.md", 1)
    with shell.serving(replay.replace("/data", str(data)), "Py Telescope"):
        shell.run('inditree get "Py Telescope.CONNECTION.CONNECT"')


def test_the_loop_of_a_change() -> None:
    steps = re.findall(r"^step (\S+)", (ROOT / ".ci/run").read_text(), re.MULTILINE)
    for command in block("CONTRIBUTING.md", 0):
        if command.startswith("make "):
            assert set(command.split()[1:]) <= set(steps)
        else:
            assert (ROOT / command.split()[0]).name in ("run", "python")


def test_targets_and_commands_in_the_text_exist() -> None:
    text = "\n".join(page.read_text() for page in written.PAGES)
    makefiles = "\n".join(each.read_text() for each in (ROOT / "Makefile", *(ROOT / "make").glob("*.mk")))
    for target in set(re.findall(r"`make ([a-z0-9-]+)", text)):
        assert re.search(rf"^{target}:", makefiles, re.MULTILINE), target
    known = set(re.findall(r"^## inditree (\w+)", (ROOT / "docs/commands.md").read_text(), re.MULTILINE))
    used = set(re.findall(r"`inditree ([a-z]+)[ `]", text))
    assert used - known == set()
