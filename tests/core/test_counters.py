"""What is counted is what was said: elements, and every byte of them."""

from core.world import World

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
