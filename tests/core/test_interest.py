"""docs/wire.md, "Who gets what"."""

from __future__ import annotations

import pytest

from core.world import World, blobs, define, delete, get, image, request, say, update


class Two(World):
    """A camera and a mount."""

    def __init__(self) -> None:
        super().__init__()
        self.camera = self.driver(define("Cam", "P"), define("Cam", "CCD", kind="BLOB"), name="camera")
        self.mount = self.driver(define("Mount", "P"), define("Mount", "Q"), name="mount")


def test_who_has_not_asked_hears_nothing() -> None:
    world = Two()
    client = world.client()
    world.camera.say(update("Cam", "P"), image("Cam", "CCD"), delete("Cam", "P"))
    assert client.heard() == []


def test_all_devices() -> None:
    world = Two()
    client = world.join("client")
    client.say(get())
    assert client.tags() == [
        "defNumberVector Cam.P",
        "defBLOBVector Cam.CCD",
        "defNumberVector Mount.P",
        "defNumberVector Mount.Q",
    ]
    world.camera.say(update("Cam", "P"))
    world.mount.say(update("Mount", "P"))
    assert client.heard() == [update("Cam", "P"), update("Mount", "P")]


def test_one_device() -> None:
    world = Two()
    client = world.join("client")
    client.say(get("Mount"))
    assert client.heard() == [define("Mount", "P"), define("Mount", "Q")]
    world.camera.say(update("Cam", "P"))
    world.mount.say(update("Mount", "Q"), say("hi", "Mount"), delete("Mount", "Q"))
    assert client.heard() == [update("Mount", "Q"), say("hi", "Mount"), delete("Mount", "Q")]


def test_one_property() -> None:
    world = Two()
    client = world.join("client")
    client.say(get("Mount", "P"))
    assert client.heard() == [define("Mount", "P")]
    world.mount.say(update("Mount", "Q"), update("Mount", "P"), delete("Mount", "Q"), define("Mount", "Q"))
    assert client.heard() == [update("Mount", "P")]
    world.mount.say(delete("Mount"))
    assert client.heard() == [delete("Mount")]


def test_what_is_not_there_yet_is_remembered() -> None:
    world = World()
    client = world.client(get("Later", "P"), blobs("Also", "Later", "CCD"))
    world.driver(define("Later", "P"), define("Later", "CCD", kind="BLOB"), image("Later", "CCD"))
    assert client.heard() == [define("Later", "P"), define("Later", "CCD", kind="BLOB"), image("Later", "CCD")]


@pytest.mark.parametrize(
    "interest",
    [get("Mount"), get("Mount", "P"), request("Mount", "P"), blobs("Never", "Mount"), blobs("Only", "Mount", "P")],
)
def test_who_named_a_device_first_is_not_opened_to_all(interest: str) -> None:
    world = Two()
    client = world.client(interest)
    client.say(get())
    assert {tag.split()[1].split(".")[0] for tag in client.tags()} == {"Mount"}
    world.camera.say(update("Cam", "P"))
    world.mount.say(update("Mount", "P"))
    assert client.heard() == [update("Mount", "P")]


def test_who_asked_for_all_first_keeps_all() -> None:
    world = Two()
    client = world.client(get(), get("Mount"), request("Mount", "P"))
    world.camera.say(update("Cam", "P"))
    assert client.heard() == [update("Cam", "P")]


@pytest.mark.parametrize("interest", [request("Mount", "P"), blobs("Never", "Mount")])
def test_a_new_or_an_enable_blob_shows_interest_in_the_device(interest: str) -> None:
    world = Two()
    client = world.client(interest)
    world.camera.say(update("Cam", "P"))
    world.mount.say(update("Mount", "Q"))
    assert client.heard() == [update("Mount", "Q")]


@pytest.mark.parametrize("mode", ["Only", "Also"])
@pytest.mark.parametrize("first", [[], [get("Cam", "CCD")]])
@pytest.mark.parametrize("last", [[], [get("Cam", "CCD")], [get()]])
def test_enabling_an_image_by_name_opens_nothing_else(mode: str, first: list[str], last: list[str]) -> None:
    """KStars opens a connection for each BLOB property: it is to carry that image and nothing else."""
    world = Two()
    client = world.client(*first, blobs(mode, "Cam", "CCD"), *last)
    world.camera.say(update("Cam", "P"), image("Cam", "CCD"), delete("Cam", "P"))
    world.mount.say(update("Mount", "P"))
    assert client.heard() == [image("Cam", "CCD")]


def test_refusing_an_image_by_name_is_interest_in_that_property_too() -> None:
    world = Two()
    client = world.client(blobs("Never", "Cam", "CCD"), get())
    assert client.heard() == []
    world.camera.say(update("Cam", "P"), image("Cam", "CCD"), define("Cam", "CCD", kind="BLOB"))
    assert client.heard() == [define("Cam", "CCD", kind="BLOB")]


def test_who_has_the_device_keeps_it_when_an_image_is_enabled_by_name() -> None:
    world = Two()
    client = world.client(get("Cam"), blobs("Only", "Cam", "CCD"))
    world.camera.say(update("Cam", "P"), image("Cam", "CCD"))
    assert client.heard() == [update("Cam", "P"), image("Cam", "CCD")]
    late = world.client(blobs("Only", "Cam", "CCD"), get("Cam"))
    world.camera.say(update("Cam", "P"))
    assert late.heard() == [update("Cam", "P")]


def test_an_enable_blob_without_a_device_shows_no_interest() -> None:
    world = Two()
    client = world.client(blobs("Also"))
    world.camera.say(update("Cam", "P"), image("Cam", "CCD"))
    assert client.heard() == []
    client.say(get())
    client.heard()
    world.camera.say(image("Cam", "CCD"))
    assert client.heard() == [image("Cam", "CCD")]


@pytest.mark.parametrize(
    ("wishes", "control", "data"),
    [
        ([], True, False),
        ([blobs("Never")], True, False),
        ([blobs("Also")], True, True),
        ([blobs("URL")], True, True),
        ([blobs("Only")], False, True),
        ([blobs("Also", "Cam")], True, True),
        ([blobs("Only", "Cam")], False, True),
        ([blobs("Also", "Cam", "CCD")], True, True),
        ([blobs("Only", "Cam", "CCD")], True, True),
        ([blobs("Also", "Cam", "Other")], True, False),
        ([blobs("Only", "Mount")], True, False),
        # The narrower wish wins, whatever came last.
        ([blobs("Never", "Cam"), blobs("Also")], True, False),
        ([blobs("Also", "Cam", "CCD"), blobs("Never", "Cam")], True, True),
        ([blobs("Never", "Cam", "CCD"), blobs("Also", "Cam")], True, False),
        ([blobs("Never", "Cam", "CCD"), blobs("Only", "Cam")], False, False),
        ([blobs("Also", "Cam"), blobs("Only")], True, True),
        ([blobs("Only", "Cam"), blobs("Never", "Cam")], True, False),
    ],
)
def test_blob_modes(wishes: list[str], control: bool, data: bool) -> None:
    world = Two()
    client = world.client(get(), *wishes)
    world.camera.say(update("Cam", "P"))
    assert client.heard() == ([update("Cam", "P")] if control else [])
    world.camera.say(image("Cam", "CCD"))
    assert client.heard() == ([image("Cam", "CCD")] if data else [])


def test_only_on_a_device_silences_all_but_its_images_and_deletions() -> None:
    world = Two()
    client = world.client(get(), blobs("Only", "Cam"))
    world.camera.say(
        define("Cam", "New"),
        define("Cam", "CCD2", kind="BLOB"),
        update("Cam", "P"),
        say("busy", "Cam"),
        say("for everybody"),
        delete("Cam", "P"),
        '<setBLOBVector device="Cam" name="CCD" state="Busy"/>',
    )
    world.mount.say(update("Mount", "P"))
    assert client.tags() == [
        "defBLOBVector Cam.CCD2",
        "message",
        "delProperty Cam.P",
        "setBLOBVector Cam.CCD",
        "setNumberVector Mount.P",
    ]
    client.say(get("Cam"))
    assert client.tags() == ["defBLOBVector Cam.CCD", "defBLOBVector Cam.CCD2"]


def test_only_silences_the_echo_too() -> None:
    world = Two()
    client, other = world.client(get(), blobs("Only", "Cam")), world.client(get())
    other.say(request("Cam", "P"))
    assert client.heard() == []


@pytest.mark.parametrize(
    ("wishes", "hears"),
    [
        ([], False),
        ([blobs("Never")], False),
        ([blobs("Also")], True),
        ([blobs("Only", "Cam")], True),
        ([blobs("Also", "Cam", "CCD")], True),
        ([blobs("Also"), blobs("Never", "Cam", "CCD")], False),
        ([blobs("Also", "Cam", "Other")], False),
        ([blobs("Also", "Mount")], False),
    ],
)
@pytest.mark.parametrize(
    "state",
    [
        '<setBLOBVector device="Cam" name="CCD" state="Busy"/>',
        '<setBLOBVector device="Cam" name="CCD" state="Busy"></setBLOBVector>',
    ],
)
def test_a_blob_vector_without_children_goes_to_whom_an_image_would_go(
    wishes: list[str], hears: bool, state: str
) -> None:
    """Clients that never enabled BLOBs take it for an image of no format."""
    world = Two()
    client = world.client(get(), *wishes)
    world.camera.say(state)
    assert client.heard() == ([state] if hears else [])
    late = world.join("client")
    late.say(get("Cam", "CCD"))
    assert 'state="Busy"' in late.heard()[0]


def test_a_blob_vector_without_children_is_no_image_for_queues() -> None:
    world = Two()
    client = world.client(get(), blobs("Also"))
    client.stuck = True
    said = [f'<setBLOBVector device="Cam" name="CCD" state="Busy" timeout="{number}"/>' for number in range(2000)]
    world.camera.say(*said)
    client.stuck = False
    assert client.heard() == said
    assert not world.camera.peer.held
    assert world.core.counters.devices["Cam"].blobs_received == 0


def test_a_blob_vector_without_children_crosses_a_link_where_an_image_would() -> None:
    world = Two()
    link = world.join("client")
    link.say(get(inditree="1", via="THEM"))
    link.heard()
    state = '<setBLOBVector device="Cam" name="CCD" state="Busy"/>'
    world.camera.say(state)
    assert link.heard() == []
    link.say(blobs("Also", "Cam", "CCD"))
    world.camera.say(state)
    assert link.heard() == [state]


def test_an_enable_blob_that_says_nothing_known_is_dropped() -> None:
    world = Two()
    client = world.client(get(), "<enableBLOB device='Cam'>Sometimes</enableBLOB>")
    world.camera.say(image("Cam", "CCD"))
    assert client.heard() == []
    assert world.dropped("client") == {"unknown": 1}
    assert "enable_blob" in world.events()


def test_a_message_without_a_device_goes_to_every_client() -> None:
    world = Two()
    clients = [
        world.client(),
        world.client(get()),
        world.client(get("Mount")),
        world.client(get(), blobs("Only", "Cam")),
    ]
    world.camera.say(say("rain"))
    assert [client.heard() for client in clients] == [[say("rain")]] * 4
    assert world.mount.heard() == world.camera.heard() == []


def test_a_message_of_a_device_goes_to_those_interested() -> None:
    world = Two()
    none, other, one, all_ = world.client(), world.client(get("Mount")), world.client(get("Cam")), world.client(get())
    world.camera.say(say("cold", "Cam"))
    assert none.heard() == other.heard() == []
    assert one.heard() == all_.heard() == [say("cold", "Cam")]


def test_a_message_comes_from_the_owner_only() -> None:
    world = Two()
    client = world.client(get())
    world.mount.say(say("I am the camera", "Cam"))
    assert client.heard() == []
    assert world.dropped("driver") == {"duplicate": 1}


def test_a_message_for_a_device_that_is_not_there_yet_goes_to_those_interested() -> None:
    world = Two()
    client, other = world.client(get("New")), world.client(get("Cam"))
    world.mount.say(say("soon", "New"))
    assert client.heard() == [say("soon", "New")]
    assert other.heard() == []


def test_when_a_driver_goes_clients_and_snoopers_are_told() -> None:
    world = Two()
    dome = world.driver(get("Cam", "P"))
    one, all_, other = world.client(get("Cam")), world.client(get()), world.client(get("Mount"))
    dome.heard()
    world.camera.leave()
    assert dome.heard() == one.heard() == all_.heard() == [delete("Cam")]
    assert other.heard() == []
    late = world.join("client")
    late.say(get())
    assert late.heard() == [define("Mount", "P"), define("Mount", "Q")]


def test_a_deleted_property_is_told_to_snoopers() -> None:
    world = Two()
    dome = world.driver(get("Mount"))
    dome.heard()
    world.mount.say(delete("Mount", "Q"))
    assert dome.heard() == [delete("Mount", "Q")]


def test_a_second_device_of_a_name_is_dropped_counted_and_said_once() -> None:
    world = Two()
    client = world.client(get())
    world.events()
    world.mount.say(
        define("Cam", "P", 7), define("Cam", "Q", 7), update("Cam", "P", 7), delete("Cam"), image("Cam", "CCD")
    )
    assert client.heard() == []
    assert world.dropped("driver") == {"duplicate": 5}
    assert world.events() == ["conflict"]


def test_a_star_as_device_means_all() -> None:
    """Where nobody who connects may be a chained server."""
    world = Two()
    client = world.client(get(), get("*"))
    world.mount.say(update("Mount", "P"))
    assert client.heard() == [update("Mount", "P")]


def test_who_has_asked_before_chains_nothing() -> None:
    """An indiserver begins with it; a client that asks for `*` later on is a client still."""
    world = World()
    first, later = world.join("client"), world.join("client")
    first.say(get("*"))
    later.say(get("Cam"), get("*"))
    assert (first.peer.kind, later.peer.kind) == ("link", "client")
