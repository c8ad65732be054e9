"""Interlocks, reactions, desired state and the record on the page, at a router that has them."""

from __future__ import annotations

import csv
from collections.abc import Iterator

import pytest

from live import Client, Router, serve
from web.browser import Tab, chromium

CONFIG = """
drivers:
  - {exec: [inditree-dome]}
  - {exec: [inditree-weather]}
devices:
  - {device: "Py Weather", set: {WEATHER_UPDATE.PERIOD: 1}}
  - {device: "*"}
interlocks:
  - name: roof
    refuse: ["Py Dome.DOME_SHUTTER.SHUTTER_OPEN=On"]
    unless: '"Py Weather.WEATHER_STATUS._STATE" == 1 && "Py Telescope.TELESCOPE_PARK.PARK" == 1'
reactions:
  - name: wet
    when: '"Py Weather.WEATHER_STATUS._STATE" == 3'
    for: 1h
    do: [{set: "Py Dome.DOME_SHUTTER.SHUTTER_CLOSE=On", wait: 120s}]
"""


def rain(much: int) -> str:
    """A command to the simulated sky."""
    one = f"<oneNumber name='Precip'>{much}</oneNumber>"
    return f"<newNumberVector device='Py Weather' name='WEATHER_CONTROL'>{one}</newNumberVector>"


@pytest.fixture(name="router", scope="module")
def _router(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Router]:
    folder = tmp_path_factory.mktemp("automation")
    (folder / "config.yaml").write_text(CONFIG + f"record: {{dir: {folder / 'night'}}}\n")
    with serve(folder, "--config", str(folder / "config.yaml")) as router:
        yield router


@pytest.fixture(name="tab", scope="module")
def _tab(router: Router, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tab]:
    with chromium(tmp_path_factory.mktemp("browser")) as tab:
        tab.size(1440, 900)
        tab.go(f"http://127.0.0.1:{router.port}/")
        yield tab
        assert tab.errors == []


def test_an_interlock_says_why_it_refuses_and_where_to_look(tab: Tab) -> None:
    tab.click('[data-place="automation"]')
    tab.see('[data-interlock="roof"] .state', "Refuses: unknown")
    tab.see('[data-operand="Py Telescope.TELESCOPE_PARK.PARK"][data-known="no"]', "not defined")
    tab.see('[data-operand="Py Weather.WEATHER_STATUS._STATE"][data-known="yes"]', "Ok (1)")
    tab.see('[data-desired="Py Dome"] .state', "In its desired state")
    tab.picture("automation")
    tab.click('[data-interlock="roof"] [data-operand="Py Weather.WEATHER_STATUS._STATE"]')
    tab.see('.card[data-property="WEATHER_STATUS"].found')


def test_the_property_that_is_guarded_says_so(tab: Tab) -> None:
    tab.click('.entry[data-device="Py Dome"]')
    tab.see('.card[data-property="DOME_SHUTTER"] .lock', "Interlock roof refuses Py Dome.DOME_SHUTTER.SHUTTER_OPEN=On")
    assert tab.text('.card[data-property="DOME_SHUTTER"] .lock').endswith('TELESCOPE_PARK.PARK" == 1')
    assert tab.text('.card[data-property="DOME_MOTION"] .lock') == ""


def test_a_reaction_that_waits_is_on_the_overview(tab: Tab, router: Router) -> None:
    tab.click('[data-place="overview"]')
    tab.see(".news .chip", "Interlock roof")
    with Client(router.port) as client:
        client.ask("Py Weather")
        client.send(rain(9))
        tab.see(".news .chip", "Runs in 59m")
    tab.see('.tile[data-device="Py Weather"] > .note', "Status: Precip (mm) in Alert")
    tab.see('.tile[data-device="Py Weather"] dl > [data-state="Ok"]', "Wind")
    tab.see('.tile[data-device="Py Weather"] dl > [data-state="Alert"]', "Precip")
    tab.click(".news .chip[data-name=wet]")
    tab.see('[data-reaction="wet"] .state', "Runs in 59m")
    tab.see('[data-reaction="wet"] .chip', "Alert (3)")
    tab.picture("automation-waits")


def test_a_night_is_downloaded(tab: Tab, router: Router) -> None:
    with Client(router.port) as client:
        client.ask("Py Weather")
        client.take("<defNumberVector[^>]*WEATHER_CONTROL")
        client.send(rain(7))
        client.take("<setNumberVector[^>]*WEATHER_CONTROL")
    tab.click('[data-place="router"]')
    tab.see('[data-night] a[href^="/night.csv"]', "CSV")
    link = "document.querySelector('[data-night] a[href^=\"/night.csv\"]')"
    assert tab.run(f"{link}.download").endswith(".csv")

    def downloaded() -> bool:
        rows = csv.DictReader(tab.run(f"fetch({link}.href).then((r) => r.text())").splitlines())
        return any((row["device"], row["member"], row["value"]) == ("Py Weather", "Precip", "7") for row in rows)

    tab.wait(downloaded, "what was said is on the disk, and in the night")
    tab.picture("router-nights")


def test_on_a_phone_it_is_not_wider_than_the_screen(tab: Tab) -> None:
    tab.size(390, 844, mobile=True, scale=2)
    tab.click('[data-place="automation"]')
    tab.see('[data-interlock="roof"]')
    assert tab.run("document.querySelector('main').scrollWidth - document.querySelector('main').clientWidth") <= 0
    tab.picture("phone-automation")
    tab.size(1440, 900)
