"""A night's steps, clicked and typed through in headless Chromium at real simulators; pictures are kept."""

# ruff: noqa: E501 - lines of JavaScript and XML

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from live import Client, Router, serve
from ports import free_port
from web.browser import Tab, chromium

DRIVERS = ("inditree-telescope", "inditree-camera", "inditree-dome", "indi_simulator_focus")


@pytest.fixture(name="folder", scope="module")
def _folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("night")


@pytest.fixture(name="router", scope="module")
def _router(folder: Path) -> Iterator[Router]:
    with serve(folder, *DRIVERS) as router:
        for device in ("Py Telescope", "Py Camera", "Py Dome", "Focuser Simulator"):
            router.wait_for(f"{device}: provided by")
        yield router


@pytest.fixture(name="browser", scope="module")
def _browser(folder: Path) -> Iterator[Tab]:
    with chromium(folder) as tab:
        yield tab


@pytest.fixture(name="tab")
def _tab(browser: Tab, router: Router) -> Iterator[Tab]:
    """The page from its beginning, at the size of a laptop; it may throw nothing."""
    browser.size(1440, 900)
    browser.go(f"http://127.0.0.1:{router.port}/#/")
    browser.run("localStorage.clear()")
    browser.call("Page.reload")
    browser.errors.clear()
    browser.see('.tile[data-device="Py Camera"]')
    yield browser
    assert browser.errors == []


def connected(tab: Tab, device: str) -> None:
    """The device's page, with the device connected."""
    tab.click(f'.entry[data-device="{device}"]')
    button = f'.device[data-device="{device}"] .connect'
    tab.see(button)
    if tab.text(button) == "Connect":
        tab.click(button)
    tab.see(button, "Disconnect")


def card(name: str) -> str:
    return f'.card[data-property="{name}"]'


def brightest_of_other_colours(tab: Tab) -> float:
    """Of what is seen: the most green or blue beside its red, 1 where a pixel is white."""
    data = tab.call("Page.captureScreenshot", format="png")["data"]
    return float(
        tab.run(
            f"""(async () => {{ const shown = new Image(); shown.src = "data:image/png;base64,{data}"; await shown.decode();
            const {{ width, height }} = shown; const drawn = new OffscreenCanvas(width, height).getContext("2d"); drawn.drawImage(shown, 0, 0);
            const pixels = drawn.getImageData(0, 0, width, height).data; let most = 0;
            for (let i = 0; i < pixels.length; i += 4) if (pixels[i] > 40 || pixels[i + 1] > 40 || pixels[i + 2] > 40)
              most = Math.max(most, pixels[i + 1] / (pixels[i] + 1), pixels[i + 2] / (pixels[i] + 1));
            return most; }})()"""
        )
    )


def test_find_what_is_not_connected_and_connect_it(tab: Tab) -> None:
    tab.see(".lead", "not connected")
    tab.picture("overview-off")
    tab.click(".overview .connect", "Connect all")
    tab.wait(lambda: "not connected" not in tab.text(".lead"), "all are connected")
    tab.see('.tile[data-device="Py Telescope"] dl', "RA")
    tab.picture("overview")


def test_cool_the_camera(tab: Tab) -> None:
    connected(tab, "Py Camera")
    tab.fill(f"{card('CCD_TEMPERATURE')} input", "-5")
    tab.press("Enter")
    tab.see(f'{card("CCD_TEMPERATURE")}[data-state="Busy"] .state', "Busy")
    tab.wait(lambda: float(tab.text(f"{card('CCD_TEMPERATURE')} .value")) < 14, "it gets colder")
    tab.see(f"{card('CCD_TEMPERATURE')} .line svg")
    tab.click(f"{card('CCD_TEMPERATURE')} .line")
    tab.see(f"{card('CCD_TEMPERATURE')} .chart figcaption", "last")


def test_slew_with_what_people_type(tab: Tab, router: Router) -> None:
    connected(tab, "Py Telescope")
    tab.click(f"{card('TELESCOPE_PARK')} button", "UnPark(ed)")
    tab.fill(f"{card('EQUATORIAL_EOD_COORD')} [data-member=RA] input", "5h30m12s")
    tab.fill(f"{card('EQUATORIAL_EOD_COORD')} [data-member=DEC] input", "-95")
    tab.see(f"{card('EQUATORIAL_EOD_COORD')} .hint", "from -90:00:00 to 90:00:00")
    tab.fill(f"{card('EQUATORIAL_EOD_COORD')} [data-member=DEC] input", "89 10")
    with Client(router.port) as client:
        client.ask("Py Telescope")
        client.ping()
        tab.press("Enter")
        sent = client.take(r"<newNumberVector[^>]*EQUATORIAL_EOD_COORD.*?</newNumberVector>")[0]
    assert b">5.50333" in sent and b">89.16666" in sent
    tab.see(f'{card("EQUATORIAL_EOD_COORD")}[data-state="Busy"]')
    tab.picture("mount-slews")
    tab.click(".device .abort")
    tab.wait(
        lambda: tab.run(f"document.querySelector('{card('EQUATORIAL_EOD_COORD')}').dataset.state") != "Busy", "it stops"
    )


def test_take_an_image_and_look_at_it(tab: Tab) -> None:
    connected(tab, "Py Camera")
    tab.fill(f"{card('CCD_EXPOSURE')} input", "0.2")
    tab.press("Enter")
    tab.see(".image[data-loaded] .what", "16 bit")
    tab.see(".levels label", "Midtones")
    drawn = "Number(document.querySelector('canvas').dataset.drawn ?? 0)"
    tab.wait(lambda: tab.run(drawn) > 0, "it is drawn")
    light = "(() => { const c = document.querySelector('canvas'); const d = c.getContext('2d').getImageData(c.width / 2 - 50, c.height / 2 - 50, 100, 100).data; let s = 0; for (let i = 0; i < d.length; i += 4) s += d[i]; return s / d.length * 4; })()"
    tab.wait(lambda: 25 < tab.run(light) < 130, "the sky is at a quarter of the light")
    tab.point("canvas")
    tab.see(".pixel", ", ")
    before = tab.run(drawn)
    tab.wheel("canvas", 400)
    tab.wait(lambda: tab.run(drawn) > before, "it is drawn larger")
    stretched = tab.run(light)
    tab.click(".tools button", "Linear")
    tab.wait(lambda: tab.run(light) != stretched, "it is drawn without a stretch")
    tab.click(".tools button", "Auto")
    tab.wait(lambda: tab.run(light) == stretched, "it is stretched again")
    tab.see(".histogram path")
    tab.click(".tools button", "Header")
    tab.see(".cards-of-fits", "BITPIX")
    tab.click(".cards-of-fits button", "Close")
    size = tab.run(
        "fetch(document.querySelector('.tools a').href).then((r) => r.arrayBuffer()).then((b) => b.byteLength)"
    )
    assert size % 2880 == 0 and size > 100_000
    tab.picture("camera")


def test_night_colours_and_images_are_red(tab: Tab) -> None:
    connected(tab, "Py Camera")
    tab.fill(f"{card('CCD_EXPOSURE')} input", "0.2")
    tab.press("Enter")
    tab.see(".image[data-loaded]")
    for _ in range(2):
        tab.click(".theme")
    tab.see(".theme", "Night")
    tab.wait(lambda: tab.run("document.getAnimations().length") == 0, "the colours have changed")
    tab.picture("camera-night")
    assert brightest_of_other_colours(tab) < 0.45
    tab.click('[data-place="overview"]')
    tab.see(".tile")
    assert brightest_of_other_colours(tab) < 0.45
    tab.call("Page.reload")
    tab.see(".theme", "Night")
    tab.run("localStorage.clear()")


def test_the_overview_says_when_the_last_image_came(tab: Tab) -> None:
    connected(tab, "Py Camera")
    tab.fill(f"{card('CCD_EXPOSURE')} input", "0.2")
    tab.press("Enter")
    tab.see(".image[data-loaded]")
    tab.click('[data-place="overview"]')
    tab.see('.tile[data-device="Py Camera"] dl', "Last image")
    tab.see('.tile[data-device="Py Camera"] dl', "2.6 MB")


def test_stop_everything_from_anywhere(tab: Tab, router: Router) -> None:
    connected(tab, "Py Camera")
    tab.fill(f"{card('CCD_EXPOSURE')} input", "100")
    tab.press("Enter")
    tab.see(f'{card("CCD_EXPOSURE")}[data-state="Busy"]')
    tab.click('[data-place="router"]')
    with Client(router.port) as client:
        client.ask()
        client.ping()
        tab.click(".bar .abort")
        client.take("<newSwitchVector[^>]*CCD_ABORT_EXPOSURE")
    tab.click('.entry[data-device="Py Camera"]')
    tab.wait(lambda: tab.run(f"document.querySelector('{card('CCD_EXPOSURE')}').dataset.state") != "Busy", "it stops")


def test_only_a_roof_asks(tab: Tab, router: Router) -> None:
    connected(tab, "Py Dome")
    with Client(router.port) as client:
        client.ask("Py Dome")
        client.ping()
        tab.click(f"{card('DOME_SHUTTER')} button", "Open")
        tab.see("dialog[open]", "This moves the roof")
        tab.picture("roof")
        tab.click("dialog[open] button", "Cancel")
        tab.wait(lambda: not tab.run("document.querySelector('dialog[open]') !== null"), "it closes")
        assert b"DOME_SHUTTER" not in client.silent(0.5).replace(b"setSwitchVector", b"")
        tab.click(f"{card('DOME_SHUTTER')} button", "Open")
        tab.click("dialog[open] .abort")
        client.take("<newSwitchVector[^>]*DOME_SHUTTER.*SHUTTER_OPEN")


def test_what_is_typed_is_never_overwritten(tab: Tab, router: Router) -> None:
    connected(tab, "Focuser Simulator")
    field = f"{card('ABS_FOCUS_POSITION')} input"
    tab.fill(field, "123")
    with Client(router.port) as client:
        client.ask("Focuser Simulator")
        client.send(
            "<newNumberVector device='Focuser Simulator' name='ABS_FOCUS_POSITION'>"
            "<oneNumber name='FOCUS_ABSOLUTE_POSITION'>50500</oneNumber></newNumberVector>"
        )
        client.take(r"<setNumberVector[^>]*ABS_FOCUS_POSITION[^>]*Ok")
    tab.wait(lambda: tab.text(f"{card('ABS_FOCUS_POSITION')} .value") == "50500", "the value is new")
    assert tab.run(f"document.querySelector({field!r}).value") == "123"
    tab.press("Escape")
    assert tab.run(f"document.querySelector({field!r}).value") == "50500"


def test_a_device_that_is_not_here_has_no_buttons(tab: Tab) -> None:
    tab.run("location.hash = '#/device/Nowhere'")
    tab.see(".device[data-gone] .lead", "Not here")
    assert (
        tab.run("[...document.querySelectorAll('.device button')].filter((node) => node.checkVisibility()).length") == 0
    )
    connected(tab, "Py Camera")
    tab.see(".device:not([data-gone]) .abort")


def test_search_and_keyboard(tab: Tab) -> None:
    tab.press("/")
    tab.type("camera driver info")
    tab.see("#found li", "Driver Info")
    tab.press("Enter")
    tab.see(f"{card('DRIVER_INFO')}.found")
    paddings = "[...document.querySelectorAll('.card')].map((node) => getComputedStyle(node).padding)"
    assert len(set(tab.run(paddings))) == 1  # it is where it was, and as it was
    assert tab.run("document.activeElement.dataset.property") == "DRIVER_INFO"


def test_the_router_shows_its_tree(tab: Tab) -> None:
    tab.click('[data-place="router"]')
    tab.see('[data-unit="inditree-camera"] .state', "running")
    tab.see('[data-unit="inditree-camera"]', "Py Camera")
    tab.see(".facts", "Clients")
    tab.picture("router")


def test_names_and_roles_for_screen_readers(tab: Tab) -> None:
    connected(tab, "Py Camera")
    connected(tab, "Py Telescope")
    tab.see(card("ON_COORD_SET"))
    tab.see(".bar .abort", "Abort all")
    tree = tab.call("Accessibility.getFullAXTree")["nodes"]
    named = {(node["role"]["value"], node.get("name", {}).get("value", "")) for node in tree if not node.get("ignored")}
    assert {("radio", "Track"), ("tab", "Main Control"), ("button", "Abort"), ("button", "Abort all")} <= named
    assert ("textbox", "Eq. Coordinates RA (hh:mm:ss)") in named
    nameless = [node for node in tree if not node.get("ignored") and node["role"]["value"] in ("button", "textbox", "radio")
                and not node.get("name", {}).get("value")]  # fmt: skip
    assert nameless == []


def test_on_a_phone_nothing_is_wider_than_the_screen(tab: Tab) -> None:
    tab.size(390, 844, mobile=True, scale=2)
    for place in ("#/", "#/device/Py%20Telescope", "#/device/Py%20Camera", "#/router", "#/messages"):
        tab.run(f"location.hash = {place!r}")
        tab.wait(lambda: tab.run("document.querySelector('main').childElementCount") == 1)
        wide = tab.run(
            "document.documentElement.scrollWidth - innerWidth + document.querySelector('main').scrollWidth - document.querySelector('main').clientWidth"
        )
        assert wide <= 0, place
        reach = "document.querySelector('[data-place=router]').getBoundingClientRect().right <= innerWidth"
        assert tab.run(reach), "the router is in reach without scrolling"
        cut = "[...document.querySelectorAll('.devices .name')].filter((node) => node.scrollWidth > node.clientWidth).length"
        assert tab.run(cut) == 0, "devices have their whole names"
        tab.picture(f"phone{place.replace('#/', '-').replace('/', '-').replace('%20', '-').rstrip('-')}")


def test_a_lost_connection_is_said_and_comes_back_without_a_reload(folder: Path, browser: Tab) -> None:
    port = free_port()
    browser.size(1440, 900)
    with serve(folder, "inditree-dome", port=port, name="first"):
        browser.go(f"http://127.0.0.1:{port}/#/device/Py%20Dome")
        browser.see(f"{card('DRIVER_INFO')}, .tab")
        browser.run("window.here = true")
        browser.see(".link", "Live")
    browser.see(".link", "Connection lost")
    browser.picture("lost")
    browser.errors.clear()
    with serve(folder, "inditree-dome", port=port, name="second"):
        browser.see(".link", "Live")
        browser.see('.entry[data-device="Py Dome"]')
        assert browser.run("window.here") is True


def test_a_hundred_devices(folder: Path, browser: Tab) -> None:
    """Found in a list, and quick."""
    port = free_port()
    config = folder / "many.yaml"
    config.write_text(f"listen: [{{tcp: '127.0.0.1:{port}', peers: any}}]\n")
    with serve(folder, "--config", str(config), port=port, name="many"), Client(port) as provider:
        for number in range(100):
            for name in range(20):
                provider.send(
                    f"<defNumberVector device='Device {number}' name='N{name}' label='Value {name}' group='Main' state='Ok'"
                    f" perm='rw'><defNumber name='a' label='A' format='%g' min='0' max='0' step='0'>{name}</defNumber>"
                    "</defNumberVector>"
                )
        provider.ping()
        browser.go(f"http://127.0.0.1:{port}/#/")
        browser.see('.tile[data-device="Device 99"]')
        assert browser.run("document.querySelectorAll('.tile').length") == 100
        browser.click('.entry[data-device="Device 57"]')
        browser.see('.card[data-device="Device 57"][data-property="N19"]')
        heap = browser.run("performance.memory.usedJSHeapSize")
        assert heap < 100 << 20
        provider.send("".join(
            f"<setNumberVector device='Device 57' name='N{i % 20}' state='Ok'><oneNumber name='a'>{i}</oneNumber></setNumberVector>"
            for i in range(20000)))  # fmt: skip
        browser.see('.card[data-device="Device 57"][data-property="N19"] .value', "19999", timeout=120)
