"""Devices that have another name here: two domes with the same camera."""

from __future__ import annotations

import pytest

from inditree.flow.image_queue import Promise
from inditree.tree.names import Names, Rename, names_of
from inditree.wire.elements import Element
from tree.desk import ME, OTHER, THIRD, Desk, End, camera, gone, image, new, number, value

B = {"CCD Simulator": "Dome B CCD", "*": "B *"}
CCD = "CCD Simulator"


@pytest.mark.parametrize(
    ("rename", "far", "here"),
    [
        (B, CCD, "Dome B CCD"),
        (B, "Mount", "B Mount"),
        ({"CCD*": "Dome*"}, "CCD 1", "Dome 1"),
        ({"CCD*": "Dome*"}, "Mount", "Mount"),
        ({"CCD ?": "Cam", "[AB]*": "x *"}, "CCD 1", "Cam"),
        ({"[AB]*": "x *"}, "Ball", "x all"),
        ({"A.b": "C"}, "Axb", "Axb"),
    ],
)
def test_the_first_entry_that_fits_gives_the_name(rename: dict[str, str], far: str, here: str) -> None:
    assert Rename(rename.items()).here(far) == here


def test_what_a_name_here_is_there() -> None:
    rename = Rename(B.items())
    assert rename.far("Dome B CCD") == CCD
    assert rename.far("B Mount") == "Mount"
    assert rename.far(f"B {CCD}") == f"B {CCD}"  # that one would have another name
    assert rename.far("Mount") == "Mount"


def names(rename: dict[str, str] | None = None) -> Names:
    found = names_of(rename or B)
    assert found is not None
    return found


def linked(desk: Desk, rename: dict[str, str] | None = None, **options: object) -> End:
    return desk.router(OTHER, "dome-b", names=names(rename), **options)


def test_what_the_far_end_says_has_the_name_here() -> None:
    desk = Desk()
    watcher, dome = desk.watcher(), linked(desk)
    watcher.says("<enableBLOB>Also</enableBLOB>")
    dome.says(number(CCD, via=OTHER), camera(CCD, via=OTHER), value(CCD), value(CCD, "3"), image(CCD))
    dome.says(f'<message device="{CCD}" message="cold"/>', gone(CCD, "N"), gone(CCD))
    here = "Dome B CCD"
    assert watcher.heard().splitlines() == [
        number(here), camera(here), value(here), value(here, "3"), image(here),
        f'<message device="{here}" message="cold"/>', gone(here, "N"), gone(here),
    ]  # fmt: skip


def test_what_goes_there_has_the_name_there() -> None:
    desk = Desk()
    watcher, dome = desk.watcher(), linked(desk)
    dome.says(camera(CCD, via=OTHER))
    watcher.says("<enableBLOB device='Dome B CCD'>Also</enableBLOB>", new("Dome B CCD"))
    upload = image("Dome B CCD").replace("setBLOB", "newBLOB")
    watcher.says(upload)
    heard = dome.heard()
    assert f'<enableBLOB device="{CCD}" name="B">Also' in heard
    assert new(CCD) in heard
    assert upload.replace("Dome B CCD", CCD) in heard
    assert "Dome B" not in heard


def test_two_domes_with_one_camera_name_under_one_hub() -> None:
    desk = Desk()
    watcher = desk.watcher()
    one = desk.router(OTHER, "a", names=names({"*": "A *"}))
    two = desk.router(THIRD, "b", names=names({"*": "B *"}))
    one.says(number("Cam", via=OTHER))
    two.says(number("Cam", via=THIRD))
    assert not desk.node.core.ownership.conflicts
    heard_one, heard_two = one.heard(), two.heard()
    assert 'device="B Cam"' in heard_one
    assert 'device="A Cam"' in heard_two
    watcher.says(new("A Cam", "1"), new("B Cam", "2"))
    assert (one.heard(), two.heard()) == (new("Cam", "1") + "\n", new("Cam", "2") + "\n")
    one.says(new("B Cam", "3"))  # a client there
    assert two.heard() == new("Cam", "3") + "\n"


def test_values_inside_stay() -> None:
    desk = Desk()
    watcher, dome = desk.watcher(), linked(desk)
    snoop = f'<defTextVector device="{CCD}" name="ACTIVE" state="Ok" perm="rw"><defText name="M" label="m">'
    dome.says(f"{snoop}{CCD}</defText></defTextVector>")
    assert f">{CCD}<" in watcher.heard()


def test_what_it_asks_for_is_renamed_where_it_has_that_itself_or_nobody_else_here_has() -> None:
    desk = Desk()
    driver, dome = desk.driver(), linked(desk)
    driver.says(number("Mount"), camera("Guide"))
    dome.says("<getProperties version='1.7' device='Mount'/>", new("Mount"))
    assert new("Mount") in driver.heard()
    dome.says(number("Mount", via=OTHER))
    dome.heard()
    dome.says(new("Mount", "6"))  # an echo of its own one
    assert driver.heard() == ""


def test_a_wish_of_a_router_for_a_camera_of_ours_that_is_gone_for_a_moment_stays_with_it() -> None:
    desk = Desk()
    driver, dome = desk.driver(), desk.router(OTHER, "dome", names=names({"*": "B *"}))
    driver.says(camera())
    dome.heard()
    driver.says(gone("Cam"))
    dome.says('<enableBLOB device="Cam" name="B">Also</enableBLOB>')
    driver.says(camera(), image())
    assert image() in dome.heard()


def test_a_router_that_has_deleted_a_device_asks_for_ours_of_that_name() -> None:
    desk = Desk()
    dome = desk.router(OTHER, "dome", names=names({"*": "B *"}))
    dome.says(camera(via=OTHER), gone("Cam"))
    desk.driver().says(camera())
    dome.heard()
    dome.says('<getProperties version="1.7" device="Cam"/>')
    assert '<defBLOBVector device="Cam"' in dome.heard()


def test_a_driver_that_snoops_on_its_own_wheel_hears_it_by_its_own_name() -> None:
    desk = Desk()
    driver = desk.driver(names=names({"*": "B *"}))
    driver.says("<getProperties version='1.7' device='Wheel'/>", number("Wheel"), value("Wheel", "3"))
    assert driver.heard() == number("Wheel") + "\n" + value("Wheel", "3") + "\n"


def test_a_swap_of_two_names() -> None:
    desk = Desk()
    watcher, dome = desk.watcher(), linked(desk, {"A": "B", "B": "A"})
    dome.says(number("A", "NA", via=OTHER), number("B", "NB", via=OTHER))
    heard = watcher.heard()
    assert number("B", "NA") in heard
    assert number("A", "NB") in heard
    watcher.says(new("A"))
    assert dome.heard() == new("B") + "\n"


def test_device_and_devices_of_a_remote_are_names_there() -> None:
    desk = Desk()
    watcher = desk.watcher()
    link = desk.plain(device="Cam", names=names({"*": "B *"}))
    link.says(number("Cam"), number("Mount"))
    heard = watcher.heard()
    assert 'device="B Cam"' in heard
    assert "Mount" not in heard
    some = desk.plain("some", devices=("Wh*",), names=names({"*": "C *"}))
    some.says(number("Wheel"), number("Mount"))
    heard = watcher.heard()
    assert 'device="C Wheel"' in heard
    assert "Mount" not in heard


def test_a_plain_server_is_not_told_of_a_device_that_is_called_as_one_of_its_own() -> None:
    desk = Desk()
    link = desk.plain(names=names({"*": "B *"}))
    link.says(number("Mount"))
    driver = desk.driver()
    driver.says(number("Mount"), number("Guide"))
    heard = link.heard()
    assert "Mount" not in heard
    assert 'device="Guide"' in heard


def test_a_lost_device_is_asked_for_by_its_name_there() -> None:
    desk = Desk()
    dome = linked(desk)
    dome.says(number(CCD, via=OTHER), gone(CCD))
    dome.heard()
    desk.wait(0.4)
    assert dome.heard() == f'<getProperties version="1.7" device="{CCD}"/>\n'


def test_a_name_with_entities() -> None:
    desk = Desk()
    watcher, dome = desk.watcher(), linked(desk)
    dome.says(number("A &amp; B", via=OTHER), value("A &amp; B"), value("A &amp; B", "3"))
    assert watcher.heard().count('device="B A &amp; B"') == 3
    watcher.says(new("B A &amp; B"))
    assert dome.heard() == new("A &amp; B") + "\n"


def test_who_stands_in_the_path_is_told_nothing_back() -> None:
    desk = Desk()
    dome, spare = linked(desk), desk.router(OTHER, "spare", names=names())
    dome.says(number(CCD, via=OTHER), value(CCD))
    assert spare.heard() == dome.heard() == ""


def test_values_as_libindi_writes_them() -> None:
    desk = Desk()
    watcher, driver = desk.watcher(), desk.driver(names=names({"*": "B *"}))
    text = "<?xml version='1.0'?>\n<setNumberVector\n  device='{}'\n  name='N'\n  state='Ok'\n>\n"
    text += "<oneNumber name='M'>\n      1\n  </oneNumber>\n</setNumberVector>"
    driver.says(number("Cam"), number("Mount"))
    driver.says(text.format("Cam"), text.format("Mount"), text.format("Cam"))
    heard = watcher.heard()
    assert heard.count('device="B Cam"') == 3
    assert heard.count('device="B Mount"') == 2
    assert [line for line in heard.splitlines() if "<?xml" in line] == []


def test_a_name_that_would_be_too_long_stays() -> None:
    """Else the next router would close our link for it."""
    rename = Rename([("*", "B *")])
    assert rename.here("c" * 254) == "B " + "c" * 254
    assert rename.here("c" * 255) == "c" * 255 == rename.far("c" * 255)


def test_a_device_that_comes_home_from_a_plain_server_by_the_name_it_has_here_is_refused_and_said_once() -> None:
    """An indiserver that has us as its remote as well passes on what we have from it."""
    desk = Desk()
    watcher, pi = desk.watcher(), desk.plain("pi", names=names({"*": "Pi *"}))
    pi.says(number("Cam"), camera("Wheel"), value("Cam"))
    heard = watcher.heard()
    pi.says(number("Pi Cam"), camera("Pi Wheel"), value("Pi Cam"), image("Pi Wheel"), gone("Pi Cam"))
    assert "Pi Pi" not in watcher.heard()
    assert 'device="Pi Cam"' in heard
    assert len([text for text in desk.logs if "has come from link pi before" in text]) == 1
    pi.says(value("Cam", "7"))
    assert watcher.heard() == value("Pi Cam", "7") + "\n"


def test_two_names_of_a_plain_server_that_are_swapped_do_not_come_home() -> None:
    desk = Desk()
    watcher, pi = desk.watcher(), desk.plain("pi", names=names({"Cam": "Old Cam", "Old Cam": "Cam"}))
    pi.says(number("Old Cam", "O"), number("Cam", "C"))
    heard = watcher.heard()
    assert number("Cam", "O") in heard
    assert number("Old Cam", "C") in heard


def ring(desk: Desk) -> tuple[End, End, End]:
    """A client, and two links to routers that are linked with each other, one of which renames."""
    return desk.watcher(), desk.router(OTHER, "b", names=names({"*": "B *"})), desk.router(THIRD, "c")


def test_a_device_of_a_ring_of_renames_has_a_name_for_each_way_and_that_is_said_once() -> None:
    desk = Desk()
    watcher, b, c = ring(desk)
    c.says(number("Cam", via=THIRD), number("Mount", via=THIRD))
    assert "redundant" not in str(desk.logs)
    b.says(number("C Cam", via=f"{THIRD},{OTHER}"), number("C Mount", via=f"{THIRD},{OTHER}"))
    assert [text for text in desk.logs if "redundant" in text] == [
        "B C Cam comes over link b, by way of a router that link c leads to: a redundant path"
    ]
    assert watcher.heard().count("<defNumberVector") == 4
    assert b.heard().count('via="R8.1,R0.1"') == 2  # by their one name that has not passed there
    assert c.heard() == ""
    watcher.says(new("B C Cam"), new("Cam"))
    assert (b.heard(), c.heard()) == (new("C Cam") + "\n", new("Cam") + "\n")


def test_what_comes_home_over_a_ring_of_renames_is_nothing_here() -> None:
    """Each name has its path, and that names us, by whatever name it comes."""
    desk = Desk()
    watcher, b, c = ring(desk)
    desk.driver().says(number("Cam"))
    b.heard(), c.heard(), watcher.heard()
    path = f"{ME},{THIRD},{OTHER}"
    for name in ("C A Cam", "Cam", "B B Cam"):
        b.says(number(name, via=path), value(name), image(name), f'<message device="{name}" message="m"/>', gone(name))
    assert watcher.heard() == c.heard() == ""
    assert len([text for text in desk.logs if "redundant" in text]) == 1


@pytest.mark.parametrize("first", [True, False])
def test_a_way_round_is_said_whichever_of_the_links_is_there_first(first: bool) -> None:
    desk = Desk()
    c = desk.router(THIRD, "c") if first else desk.opens("c")
    b = desk.router(OTHER, "b", names=names({"*": "B *"}))
    b.says(number("C Cam", via=f"{THIRD},{OTHER}"), number("C Mount", via=f"{THIRD},{OTHER}"), number("Own", via=OTHER))
    assert ("redundant" in str(desk.logs)) == first
    c.says(f'<getProperties version="1.7" inditree="1" via="{THIRD}" to="{ME}"/>')
    assert [text for text in desk.logs if "redundant" in text] == [
        "B C Cam comes over link b, by way of a router that link c leads to: a redundant path"
    ]
    assert len(b.link.reported) == 1 and not c.link.reported


def test_the_room_for_an_image_is_kept_while_it_comes_by_its_other_name() -> None:
    """A large image takes more than the second after which a promise lapses."""
    desk = Desk()
    driver = desk.driver(names=names({"*": "B *"}))
    driver.says(camera("Cam"))
    core, promise = desk.node.core, Promise(100, 0.0)
    promise.others = 3  # its turn is over, as far as others' images tell
    driver.peer.promises["B Cam", "CCD", False] = promise
    assert core.may_begin(driver.peer, 100, Element("setBLOBVector", {"device": "Cam", "name": "CCD"}, b""))
    assert promise.coming
