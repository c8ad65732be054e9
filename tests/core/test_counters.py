"""What is counted is what was said: elements, and every byte of them."""

from core.world import World
from inditree.counters import COUNTED_REMOTES, Counters

DEFINITION = (
    "<defNumberVector device='D' name='N' state='Ok' perm='rw'><defNumber name='v'>1</defNumber></defNumberVector>"
)
CAMERA = "<defBLOBVector device='D' name='I' state='Ok' perm='ro'><defBLOB name='i'/></defBLOBVector>"
VALUE = "<setNumberVector device='D' name='N' state='Ok'><oneNumber name='v'>2</oneNumber></setNumberVector>"
IMAGE = (
    "<setBLOBVector device='D' name='I' state='Ok'><oneBLOB name='i' size='6' format='.x'>QUJDREVG</oneBLOB>"
    "</setBLOBVector>"
)


def test_elements_and_bytes_are_counted_both_ways() -> None:
    world = World()
    driver, one, two = world.driver(), world.client(), world.client()
    driver.say(DEFINITION, CAMERA)
    for client in (one, two):
        client.say("<getProperties version='1.7'/>")
    one.say("<enableBLOB device='D'>Also</enableBLOB>")
    counters = world.core.counters.peers
    before = counters["client"].copy()
    driver.say(VALUE, VALUE, IMAGE)
    clients, drivers = counters["client"], counters["driver"]
    assert clients.sent["setNumberVector"] - before.sent["setNumberVector"] == 4
    assert clients.control_bytes_sent - before.control_bytes_sent == 4 * (len(VALUE) + 1)
    assert clients.blob_bytes_sent - before.blob_bytes_sent == len(IMAGE) + 1
    assert drivers.received["setNumberVector"] == 2
    assert drivers.blob_bytes_received == len(IMAGE) + 1
    device = world.core.counters.devices["D"]
    assert (device.blobs_received, device.blob_bytes_received) == (1, 8)
    assert (device.blobs_delivered, device.blob_bytes_delivered) == (1, 8)


def test_a_connection_that_turns_out_to_be_a_link_is_opened_once() -> None:
    for introduction in (
        "<getProperties version='1.7' device='*'/>",
        "<getProperties version='1.7' inditree='1' via='00000000000000ff'/>",
    ):
        world = World()
        link = world.client(introduction)
        assert world.core.peers[link.peer.id].kind == "link"
        assert sum(kind.opened for kind in world.core.counters.peers.values()) == 1


def test_loops_of_who_connected_to_us_are_counted_without_their_addresses() -> None:
    counters = Counters()
    for number in range(2 * COUNTED_REMOTES):
        counters.count_loop(None)
        counters.count_loop(f"remote {number}")
    assert len(counters.loops) == COUNTED_REMOTES and counters.loops["_other"] > 2 * COUNTED_REMOTES
    assert sum(counters.loops.values()) == 4 * COUNTED_REMOTES
