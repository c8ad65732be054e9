"""Where IPyDriver objects come from."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from indipydriver import Device, IPyDriver

from inditree.programs.supervisor import CannotStart
from inditree.python.factory import NoDriver, SameDevice, check_drivers, load_factory
from python.ipydrivers import Bench

SOURCE = """
from indipydriver import Device, IPyDriver

class Mount(IPyDriver): pass

def one(): return Mount(Device("Mount", []))
def two(): return [one(), IPyDriver(Device("Dome", []))]
def twins(): return [one(), IPyDriver(Device("Dome", []), Device("Mount", []))]
def none(): return None
def empty(): return []
def odd(): return (one(), "a string")
def kind(): return Mount
async def later(): return one()
def broken(): raise OSError("no such port")
def exits(): raise SystemExit("no licence")
def interrupts(): raise KeyboardInterrupt

class Site:
    @staticmethod
    def make(): return one()

number = 5
"""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current directory, with a module in it."""
    (tmp_path / "my_site.py").write_text(SOURCE)
    (tmp_path / "bad_site.py").write_text("1 / 0")
    (tmp_path / "exit_site.py").write_text("raise SystemExit(3)")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [entry for entry in sys.path if entry])
    monkeypatch.delitem(sys.modules, "my_site", raising=False)
    return tmp_path


@pytest.mark.parametrize(
    ("target", "devices"),
    [("my_site:one", ["Mount"]), ("my_site:two", ["Mount", "Dome"]), ("my_site:Site.make", ["Mount"])],
)
def test_factories(here: Path, target: str, devices: list[str]) -> None:
    drivers = load_factory(target)
    assert [device for driver in drivers for device in driver] == devices
    assert all(isinstance(driver, IPyDriver) for driver in drivers)


@pytest.mark.parametrize(
    ("target", "kind", "text"),
    [
        ("my_site", CannotStart, "my_site: not of the form pkg.module:callable"),
        ("my_site:", CannotStart, "my_site:: not of the form pkg.module:callable"),
        (":one", CannotStart, ":one: not of the form pkg.module:callable"),
        ("my site:one", CannotStart, "my site:one: not of the form pkg.module:callable"),
        (
            "no_site:one",
            CannotStart,
            "no_site:one: cannot import no_site: ModuleNotFoundError: No module named 'no_site'",
        ),
        ("bad_site:one", CannotStart, "bad_site:one: cannot import bad_site: ZeroDivisionError: division by zero"),
        ("exit_site:one", CannotStart, "exit_site:one: cannot import exit_site: SystemExit: 3"),
        ("my_site:nobody", CannotStart, "my_site:nobody: my_site has no nobody"),
        ("my_site:number", CannotStart, "my_site:number: is a int, not a callable that returns IPyDriver objects"),
        ("my_site:none", NoDriver, "my_site:none: a NoneType is no IPyDriver"),
        ("my_site:empty", NoDriver, "my_site:empty gave no driver"),
        ("my_site:odd", NoDriver, "my_site:odd: a str is no IPyDriver"),
        ("my_site:kind", NoDriver, "my_site:kind: Mount itself is no IPyDriver"),
        ("my_site:later", NoDriver, "my_site:later: a coroutine is no IPyDriver"),
        ("my_site:twins", SameDevice, "my_site:twins: device name 'Mount' is given twice, by Mount and IPyDriver"),
    ],
)
def test_what_is_no_factory(here: Path, target: str, kind: type[CannotStart], text: str) -> None:
    with pytest.raises(kind) as raised:
        load_factory(target)
    assert str(raised.value) == text


def test_what_the_factory_raises_passes_through(here: Path) -> None:
    with pytest.raises(OSError, match="no such port"):
        load_factory("my_site:broken")


@pytest.mark.parametrize(("name", "text"), [("exits", "'no licence'"), ("interrupts", "KeyboardInterrupt")])
def test_a_factory_that_would_end_the_process_fails_like_others(here: Path, name: str, text: str) -> None:
    with pytest.raises(RuntimeError, match=text):
        load_factory(f"my_site:{name}")


def test_the_errors_are_those_of_the_documentation() -> None:
    with pytest.raises(TypeError, match="a str is no IPyDriver"):
        check_drivers(["mount"])
    with pytest.raises(ValueError, match="'Dome' is given twice, by Bench and IPyDriver"):
        check_drivers([Bench(Device("Dome", [])), IPyDriver(Device("Dome", []))])


def test_without_the_package_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "indipydriver", None)
    with pytest.raises(NoDriver, match="indipydriver is not installed: the extra `ipydriver` has it"):
        check_drivers([object()])
