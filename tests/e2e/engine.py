"""The container engine through its own command, and waiting for what it shows."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import waiting
from ports import free_port

ROOT = Path(__file__).parents[2]
IMAGE = os.environ.get("IMAGE", "inditree")
BASE_IMAGE = os.environ.get("BASE_IMAGE", "debian:trixie-slim")
COMPOSE = os.environ.get("COMPOSE", "docker-compose")
HARDENED = ("--read-only", "--cap-drop", "ALL", "--security-opt", "no-new-privileges")


def unique(what: str) -> str:
    """A name that nobody else has; all of ours begin alike."""
    return f"inditree-e2e-{what}-{secrets.token_hex(3)}"


def command(*words: str, seconds: float = 120.0, env: dict[str, str] | None = None) -> str:
    """What it prints. Raises AssertionError where it fails."""
    done = subprocess.run(
        words, capture_output=True, text=True, timeout=seconds, cwd=ROOT, env=None if env is None else os.environ | env
    )
    assert done.returncode == 0, f"{' '.join(words)}: {done.stdout}{done.stderr}"
    return done.stdout.strip()


def docker(*words: str, seconds: float = 120.0) -> str:
    """`docker` with these words."""
    return command("docker", *words, seconds=seconds)


def inspect(name: str) -> dict[str, Any]:
    """What the engine knows of a container or an image."""
    found: list[dict[str, Any]] = json.loads(docker("inspect", name))
    return found[0]


def until(holds: Callable[[], object], what: str, seconds: float = 60.0) -> float:
    """Wait for it; the seconds that it took."""
    began = time.monotonic()
    waiting.until(holds, seconds, what)
    return time.monotonic() - began


def get(port: int, path: str) -> Any:
    """JSON from a port of loopback; None while nobody answers there."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
            return json.load(answer)
    except (urllib.error.URLError, OSError):
        return None


class Container:
    """One that runs."""

    def __init__(self, name: str) -> None:
        self.name = name

    def port(self, inside: int = 7624) -> int:
        """Where a port of it is published."""
        return int(docker("port", self.name, str(inside)).splitlines()[0].rpartition(":")[2])

    def healthy(self) -> None:
        """Wait until the engine says so."""
        until(lambda: inspect(self.name)["State"]["Health"]["Status"] == "healthy", f"{self.name} healthy")

    def logs(self) -> str:
        """Both streams."""
        done = subprocess.run(["docker", "logs", self.name], capture_output=True, text=True, timeout=30)
        return done.stdout + done.stderr

    def execute(self, *words: str) -> str:
        """Run in it."""
        return docker("exec", self.name, *words)


@contextmanager
def running(
    *words: str, options: tuple[str, ...] = (), image: str = IMAGE, what: str = "router"
) -> Iterator[Container]:
    """A hardened container with both ports published on loopback; gone at the end."""
    name = unique("router")
    ports = ("-p", "127.0.0.1::7624", "-p", "127.0.0.1::9724")
    try:
        docker("run", "-d", "--name", name, *HARDENED, *ports, *options, image, *words)
        yield Container(name)
    finally:
        docker("rm", "-f", "-v", name)


@contextmanager
def network() -> Iterator[str]:
    """A network of its own."""
    name = unique("net")
    docker("network", "create", name)
    try:
        yield name
    finally:
        docker("network", "rm", name)


class Project:
    """A compose project on free ports."""

    def __init__(self, files: tuple[str, ...], variables: dict[str, str] | None = None) -> None:
        self.name = unique("compose")
        self.indi, self.http = free_port(), free_port()
        self.env = {
            "INDITREE_IMAGE": IMAGE,
            "INDITREE_PUBLISH": f"127.0.0.1:{self.indi}",
            "INDITREE_PUBLISH_HTTP": str(self.http),
        } | (variables or {})
        self._files = [word for file in files for word in ("-f", file)]

    def compose(self, *words: str, seconds: float = 120.0) -> str:
        """The compose command with these words."""
        return command(COMPOSE, "-p", self.name, *self._files, *words, seconds=seconds, env=self.env)

    def container(self, service: str) -> Container:
        """The one of a service."""
        return Container(self.compose("ps", "-a", "-q", service))

    def network(self, name: str) -> str:
        """As the engine calls it."""
        return f"{self.name}_{name}"

    def config(self) -> dict[str, Any]:
        """All files as one."""
        found: dict[str, Any] = json.loads(self.compose("config", "--format", "json"))
        return found


@contextmanager
def project(*files: str, variables: dict[str, str] | None = None) -> Iterator[Project]:
    """Up; gone at the end with its networks and volumes."""
    made = Project(files, variables)
    try:
        made.compose("up", "-d", "--no-build", "--quiet-pull")
        yield made
    finally:
        made.compose("down", "-v", "-t", "5")
