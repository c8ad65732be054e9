"""Drivers and remotes as words, and the names that they get."""

from __future__ import annotations

import pytest

from inditree import config
from inditree.config import Config, Driver, Remote
from inditree.config.words import driver_or_remote, is_factory, remote
from inditree.errors import ConfigError


@pytest.mark.parametrize(
    ("word", "entry"),
    [
        ("indi_simulator_ccd", Driver(exec=("indi_simulator_ccd",))),
        ("indi_simulator_ccd -v", Driver(exec=("indi_simulator_ccd", "-v"))),
        ("'/opt/my drivers/ccd' --name \"Main CCD\"", Driver(exec=("/opt/my drivers/ccd", "--name", "Main CCD"))),
        ("inditree_drivers.simulators:observatory", Driver(python="inditree_drivers.simulators:observatory")),
        ("mine:make", Driver(python="mine:make")),
        ("./mine:make", Driver(exec=("./mine:make",))),
        ("driver --notify me@home", Driver(exec=("driver", "--notify", "me@home"))),
        ("/opt/x@1/driver", Driver(exec=("/opt/x@1/driver",))),
        ("@dome-b", Remote(host="dome-b")),
        ("@dome-b:7625", Remote(host="dome-b", port=7625)),
        ("Main CCD@dome-b", Remote(host="dome-b", device="Main CCD")),
        ("Main CCD@[::1]:7625", Remote(host="::1", port=7625, device="Main CCD")),
        ("@::1", Remote(host="::1")),
        ("@dome-b?blobs=off", Remote(host="dome-b", blobs=False)),
    ],
)
def test_a_driver_word(word: str, entry: Driver | Remote) -> None:
    assert driver_or_remote(word) == entry


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("", "the driver is empty"),
        ("'open", '"\'open": no closing quotation'),
        ("@", "'' is not a host"),
        ("CCD@host:x", "'x' is not a port (1 to 65535)"),
        ("@host:0", "'0' is not a port (1 to 65535)"),
        ("@a b", "'a b' is not a host"),
    ],
)
def test_what_is_no_driver_word(word: str, message: str) -> None:
    with pytest.raises(ValueError) as caught:
        driver_or_remote(word)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("word", "entry"),
    [
        ("dome-b", Remote(host="dome-b")),
        ("dome-b:7625?blobs=off", Remote(host="dome-b", port=7625, blobs=False)),
        ("[::1]:7624?blobs=on", Remote(host="::1")),
        ("Dome@dome-b", Remote(host="dome-b", device="Dome")),
    ],
)
def test_a_remote_word(word: str, entry: Remote) -> None:
    assert remote(word) == entry


@pytest.mark.parametrize("query", ["?", "?blobs", "?blobs=maybe", "?blob=off", "?blobs=off&x=y"])
def test_what_stands_after_the_question_mark(query: str) -> None:
    with pytest.raises(ValueError) as caught:
        remote("dome-b" + query)
    assert str(caught.value) == f"'dome-b{query}': after the ? only blobs=on or blobs=off"


@pytest.mark.parametrize("word", ["a:b", "a.b.c:d", "_a:_b", "a:b.c", "ä:ö"])
def test_factories(word: str) -> None:
    assert is_factory(word)


@pytest.mark.parametrize("word", ["a", "a.b", "a:", ":b", "a/b:c", "a:b()", "localhost:7624", "a b:c", "a:b ", "1a:b"])
def test_what_is_no_factory(word: str) -> None:
    assert not is_factory(word)


@pytest.mark.parametrize(
    ("word", "name"),
    [
        ("indi_simulator_ccd -v", "indi_simulator_ccd"),
        ("/usr/bin/indi_simulator_ccd", "indi_simulator_ccd"),
        ("python3 /opt/drivers/dome.py --port 1", "dome.py"),
        ("/usr/bin/python3.11 -u -X dev -W error dome.py", "dome.py"),
        ("python3 -m inditree_drivers.camera", "inditree_drivers.camera"),
        ("python3 -u -m pkg.camera", "pkg.camera"),
        ("python3 -- dome.py", "dome.py"),
        ("python3 -c 'import x'", "python3"),
        ("python3", "python3"),
        ("pypy3 dome.py", "dome.py"),
        ("env -u A B=c python3 dome.py", "dome.py"),
        ("/usr/bin/env indi_x", "indi_x"),
        ("env", "env"),
        ("bash -x /opt/start.sh", "start.sh"),
        ("perl driver.pl", "driver.pl"),
        ("inditree replay /data --speed 10", "replay"),
        ("pythonic dome.py", "pythonic"),
        ("pkg.module:observatory", "observatory"),
    ],
)
def test_the_default_name_of_a_driver(word: str, name: str) -> None:
    entry = driver_or_remote(word)
    assert isinstance(entry, Driver)
    assert config.complete(Config(drivers=(entry,))).drivers[0].name == name


def test_a_name_that_is_taken_gets_a_number() -> None:
    drivers = tuple(Driver(exec=(word,)) for word in ("/a/ccd", "/b/ccd", "ccd"))
    named = config.complete(Config(drivers=(*drivers, Driver(name="ccd-2", exec=("x",))))).drivers
    assert [entry.name for entry in named] == ["ccd", "ccd-3", "ccd-4", "ccd-2"]


def test_a_name_that_is_given_is_not_taken_by_a_default_before_it() -> None:
    named = config.complete(Config(drivers=(Driver(exec=("ccd",)), Driver(name="ccd", exec=("x",))))).drivers
    assert [entry.name for entry in named] == ["ccd-2", "ccd"]


def test_a_default_name_that_cannot_be_one() -> None:
    with pytest.raises(ConfigError) as caught:
        config.complete(Config(remotes=(Remote(host="h", device="a/b"),)))
    assert str(caught.value) == "remotes[0].name: 'a/b@h:7624' contains a slash or a control character"
