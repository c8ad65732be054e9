"""What a listener's keys allow whom, in the core: each rule from both sides, routers and plain servers included."""

from __future__ import annotations

import pytest

from core.world import Actor, World, blobs, define, delete, get, image, request, say, update
from inditree.core import Policy

CAM_ONLY = Policy(listener="narrow", devices=("Cam",))
READ_ONLY = Policy(listener="shown", read_only=True)
NO_PEERS = Policy(listener="plain", peers="none")


def router(world: World, policy: Policy, name: str = "B") -> Actor:
    """Another router that links to us."""
    actor = world.join("client", policy=policy)
    actor.say(f'<getProperties version="1.7" inditree="1" via="{name}"/>')
    return actor


def chained(world: World, policy: Policy) -> Actor:
    """An indiserver that links to us."""
    actor = world.join("client", policy=policy)
    actor.say(get("*"))
    return actor


def everything(world: World) -> tuple[Actor, Actor]:
    """Two devices that do all there is to do."""
    return tuple(
        world.driver(define(name, "P"), define(name, "CCD", kind="BLOB"), name=name) for name in ("Cam", "Mount")
    )  # type: ignore[return-value]


@pytest.mark.parametrize("joins", [World.client, router, chained], ids=["client", "router", "indiserver"])
def test_what_is_not_shown_is_never_heard_of(joins: object) -> None:
    world = World()
    cam, mount = everything(world)
    actor = world.client(get(), blobs("Also"), policy=CAM_ONLY) if joins is World.client else joins(world, CAM_ONLY)  # type: ignore[operator]
    actor.say(get(), get("Mount"), blobs("Also"), blobs("Also", "Mount"))
    world.driver(get("Mount"), get("Gone"), say("not mine", "Gone"))
    router(world, Policy(), "C").say(request("Gone", "P"))  # that it is not there is told everywhere
    for each, name in ((cam, "Cam"), (mount, "Mount")):
        each.say(update(name, "P", 4), image(name, "CCD"), f'<message device="{name}" message="hot"/>')
    mount.say(define("Mount", "Q"), delete("Mount", "Q"), delete("Mount"))
    heard = "\n".join(actor.heard())
    assert "Cam" in heard
    assert "Mount" not in heard
    assert "Gone" not in heard


@pytest.mark.parametrize("joins", [router, chained])
def test_what_is_not_shown_cannot_be_set_over_a_link(joins: object) -> None:
    world = World()
    _, mount = everything(world)
    link = joins(world, CAM_ONLY)  # type: ignore[operator]
    link.heard()
    link.say(request("Mount", "P", 666))
    assert "not open to this connection" in "".join(link.heard())
    assert "666" not in "".join(mount.heard())
    assert world.results() == ["Mount.P refused"]
    assert world.dropped("link") == {"access": 1}


HIDDEN = request("Mount", "P", 666).replace("<", "< ").replace("< /", "</")
TEXT = "<newTextVector device='Cam' name='T'><oneText name='V'>{}</oneText></newTextVector>"


@pytest.mark.parametrize("joins", [World.client, router, chained], ids=["client", "router", "indiserver"])
@pytest.mark.parametrize(
    "command",
    [
        TEXT.format(f"<![CDATA[></oneText></newTextVector>{HIDDEN}]]>"),
        TEXT.format(f"<!-- ></oneText></newTextVector>{HIDDEN} -->"),
        image("Cam", "CCD", tag="newBLOBVector").replace("</new", f"<!-- ></newBLOBVector>{HIDDEN} --></new"),
    ],
    ids=["cdata", "comment", "upload"],
)
def test_a_command_for_what_is_not_shown_cannot_hide_in_another(joins: object, command: str) -> None:
    """One driver has both devices, and libindi's reader finds the second command."""
    world = World()
    driver = world.driver(define("Cam", "T", "x", "Text"), define("Cam", "CCD", kind="BLOB"), define("Mount", "P"))
    actor = world.client(get(), policy=CAM_ONLY) if joins is World.client else joins(world, CAM_ONLY)  # type: ignore[operator]
    actor.heard()
    actor.say(command)
    assert "666" not in "".join(driver.heard())
    assert "a command could hide in it" in "".join(actor.heard())
    actor.say(TEXT.format("R &amp; D"), image("Cam", "CCD", tag="newBLOBVector"))
    assert len([each for each in driver.heard() if each.startswith("<new")]) == 2
    world.client(get()).say(command)  # who may command the mount anyhow
    assert "666" in "".join(driver.heard())


def test_a_router_at_a_read_only_listener_sets_nothing_and_provides_its_own() -> None:
    world = World()
    cam, _ = everything(world)
    link = router(world, READ_ONLY)
    link.say(define("Far", "P").replace(" device", ' via="B" device', 1))
    client = world.client(get())
    link.heard()
    link.say(request("Cam", "P", 666))
    assert "read-only" in "".join(link.heard())
    assert "666" not in "".join(cam.heard())
    client.say(request("Far", "P", 5))
    assert link.heard() == [request("Far", "P", 5)]


def test_an_echo_from_the_owner_is_no_request() -> None:
    world = World()
    link = world.join("client", policy=Policy(read_only=True, peers="any"))
    link.say(get(), define("Far", "P"))
    client = world.client(get())
    link.heard()
    link.say(request("Far", "P", 3))
    assert client.heard() == [request("Far", "P", 3)]
    assert link.heard() == []
    assert world.results() == []


@pytest.mark.parametrize("policy", [NO_PEERS, Policy()], ids=["none", "links"])
def test_who_may_provide_nothing_is_told_once(policy: Policy) -> None:
    world = World()
    other = world.client(get())
    client = world.client(policy=policy)
    said = [define("Own", "P"), update("Own", "P"), image("Own", "CCD"), delete("Own"), '<message message="x"/>']
    client.say(*said, *said)
    heard = client.heard()
    assert len(heard) == 1
    assert "may not provide devices" in heard[0]
    assert world.dropped("client") == {"access": 10}
    assert world.results() == ["Own.P refused"]
    assert other.heard() == []


def test_a_router_is_a_client_where_none_may_link() -> None:
    world = World()
    cam, _ = everything(world)
    link = router(world, NO_PEERS)
    heard = link.heard()
    assert any("defNumberVector" in line for line in heard)
    assert not any("inditree" in line or "via=" in line for line in heard)
    link.say(define("Far", "P"))
    assert "Far" not in world.core.ownership.owners
    link.say(request("Cam", "P", 5))
    assert request("Cam", "P", 5) in cam.heard()


def test_an_indiserver_is_a_client_where_none_may_link() -> None:
    world = World()
    everything(world)
    link = chained(world, NO_PEERS)
    link.heard()
    link.say(define("Far", "P"))
    assert "Far" not in world.core.ownership.owners


def test_any_lets_an_ipyserver_provide_devices() -> None:
    world = World()
    client = world.client(get())
    link = world.join("client", policy=Policy(peers="any"))
    link.say(get(), define("Far", "P"))
    assert client.heard() == [define("Far", "P")]
