"""Images by URL: docs/web.md, "Images"."""

from __future__ import annotations

import asyncio
import base64
import secrets

import pytest

from inditree.config import Limits
from inditree.web.images import decoded, exact_size, payload
from inditree.wire.elements import Blob, Element, OneBlob
from server.inloop import caller, run, until
from web.world import CAMERA, image, site

WISH = {"enableBLOB": {"device": "Camera", "value": "URL"}}
ALL: dict[str, dict[str, str]] = {"getProperties": {}}


def made(data: bytes, line: int, cut: int) -> tuple[Blob, OneBlob]:
    """An image as it was received, in chunks of `cut` bytes."""
    whole = image(data, line=line)
    start = whole.index(b"<oneBLOB")
    stop = whole.index(b">", start) + 1
    one = OneBlob({"name": "CCD1", "size": str(len(data)), "format": ".fits"}, start, stop)
    one.payload = whole.index(b"</oneBLOB>") - stop
    chunks: list[bytes | memoryview] = [memoryview(whole)[i : i + cut] for i in range(0, len(whole), cut)]
    return Blob(Element("setBLOBVector", {}, b""), chunks, len(whole), [one]), one


@pytest.mark.parametrize("size", [0, 1, 2, 3, 53, 54, 55, 1000, 100_003])
@pytest.mark.parametrize("line", [0, 72])
@pytest.mark.parametrize("cut", [7, 4096, 1 << 20])
def test_the_bytes_are_those_of_the_file_however_they_came(size: int, line: int, cut: int) -> None:
    data = secrets.token_bytes(size)
    blob, one = made(data, line, cut)
    assert b"".join(decoded(payload(blob, one, 1000))) == data
    assert exact_size(one) == size


def test_a_size_that_does_not_fit_the_layout_is_not_believed() -> None:
    _, one = made(b"x" * 1000, 0, 4096)
    one.attributes["size"] = "100000"
    assert exact_size(one) is None
    one.attributes["size"] = "many"
    assert exact_size(one) is None


@pytest.mark.parametrize(
    ("ending", "type_", "url"),
    [
        (".fits", "image/fits", ".fits"),
        (".jpg", "image/jpeg", ".jpg"),
        (".png", "image/png", ".png"),
        (".html", "application/octet-stream", ".html"),
        ("/../x", "application/octet-stream", ".bin"),
        (".fits.z", "application/octet-stream", ".fits.z"),
        ("", "application/octet-stream", ".bin"),
    ],
)
def test_an_image_is_its_file_by_an_address(ending: str, type_: str, url: str) -> None:
    async def work() -> None:
        data = secrets.token_bytes(3_000_001)
        async with site(CAMERA) as it, it.json(ALL, WISH) as client:
            await client.count()
            await it.say(image(data, ending, line=72))
            (item,) = (await client.take("setBLOBVector"))["items"]
            assert item["value"].endswith(url) and (item["size"], item["format"]) == (len(data), ending)
            status, headers, body = await it.get(item["value"])
            assert (status, headers["content-type"], body == data) == (200, type_, True)
            assert headers["content-length"] == str(len(data))
            status, again, body = await it.get(item["value"], method="HEAD")
            assert (status, again["etag"], body) == (200, headers["etag"], b"")
            assert (await it.get(item["value"], f"If-None-Match: {headers['etag']}\r\n"))[0] == 304

    run(work())


def test_a_replaced_image_is_410_and_one_of_another_listener_404() -> None:
    async def work() -> None:
        async with site(CAMERA) as it, it.json(ALL, WISH) as client:
            await client.count()
            addresses = []
            for each in (b"one", b"two"):
                await it.say(image(each))
                addresses.append((await client.take("setBLOBVector"))["items"][0]["value"])
            assert [(await it.get(each))[0] for each in addresses] == [410, 200]
            async with site(CAMERA) as other:
                assert [(await other.get(each))[0] for each in addresses] == [404, 404]

    run(work())


def test_who_enables_later_is_told_where_the_present_one_is() -> None:
    async def work() -> None:
        async with site(CAMERA) as it, it.json(ALL, WISH) as first:
            await first.count()
            await it.say(image(b"present"))
            where = (await first.take("setBLOBVector"))["items"][0]["value"]
            async with it.json(ALL) as later:
                assert (await later.take("defBLOBVector"))["items"][0]["value"] == where
                await later.send(WISH)
                assert (await later.take("setBLOBVector"))["items"][0]["value"] == where

    run(work())


def test_an_image_stays_while_a_web_client_wants_it() -> None:
    async def work() -> None:
        async with site(CAMERA) as it:
            core = it.running.server.engine.core
            async with it.json(ALL, WISH) as client:
                await client.count()
                await it.say(image(bytes(2 << 20)))
                await client.take("setBLOBVector")
                assert core.intake.memory > 2 << 20
                await client.send({"enableBLOB": {"device": "Camera", "value": "Never"}})
                await until(lambda: core.intake.memory == 0, "it is given up")
                await client.send(WISH)
                await client.count()
                await it.say(image(bytes(2 << 20)))
                await client.take("setBLOBVector")
            await until(lambda: core.intake.memory == 0, "it goes with the client")

    run(work())


def test_what_is_kept_goes_first_when_memory_is_short() -> None:
    async def work() -> None:
        other = CAMERA.replace(b"Camera", b"Guider")
        wishes = [WISH, {"enableBLOB": {"device": "Guider", "value": "URL"}}]
        async with site(CAMERA, other, limits=Limits(memory=8 << 20)) as it, it.json(ALL, *wishes) as client:
            await client.count()
            await it.say(image(bytes(3 << 20)))
            first = (await client.take("setBLOBVector", device="Camera"))["items"][0]["value"]
            await it.say(image(bytes(4 << 20)).replace(b"Camera", b"Guider"))
            second = (await client.take("setBLOBVector", device="Guider"))["items"][0]["value"]
            assert [(await it.get(each))[0] for each in (first, second)] == [410, 200]
            assert it.running.server.engine.core.intake.memory <= 8 << 20

    run(work())


def test_an_image_counts_as_delivered_when_its_last_byte_was_taken() -> None:
    async def work() -> None:
        data = secrets.token_bytes(24 << 20)
        async with site(CAMERA) as it, it.json(ALL, WISH) as client:
            await client.count()
            await it.say(image(data))
            where = (await client.take("setBLOBVector"))["items"][0]["value"]
            counters = it.running.server.engine.core.counters
            device, peer = counters.devices["Camera"], counters.peers["client"]
            assert (device.blobs_received, device.blobs_delivered) == (1, 0)
            etag = (await it.get(where, method="HEAD"))[1]["etag"]
            await it.get(where, f"If-None-Match: {etag}\r\n")
            async with caller(it.port) as there:  # reads the beginning, and goes
                there.writer.write(f"GET {where} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
                await there.reader.readexactly(100_000)
            await until(lambda: it.running.server.parts.web.counts()["image"] == 0, "it is given up")
            assert (device.blobs_delivered, device.blob_bytes_delivered, peer.blob_bytes_sent) == (0, 0, 0)
            for count in (1, 2):
                assert (await it.get(where))[2] == data
                assert (device.blobs_delivered, device.blob_bytes_delivered) == (count, count * len(data))
                assert peer.blob_bytes_sent == count * len(data)
            assert sum(counters.blob_forward.counts) == 0  # when it is fetched is the browser's to say

    run(work())


def test_who_does_not_want_images_is_told_none() -> None:
    async def work() -> None:
        async with site(CAMERA) as it, it.json(ALL) as client:
            await it.say(image(b"data"))
            found = await client.count()
            assert not [each for each in found if "setBLOBVector" in each]
            assert it.running.server.engine.core.intake.memory == 0

    run(work())


def test_a_state_without_an_image_is_told_to_all() -> None:
    async def work() -> None:
        async with site(CAMERA) as it, it.json(ALL, WISH) as client:
            await client.count()
            await it.say(image(b"data"))
            await client.take("setBLOBVector")
            await it.say(b'<setBLOBVector device="Camera" name="CCD1" state="Busy"/>')
            assert await client.take("setBLOBVector", state="Busy") == {
                "device": "Camera",
                "name": "CCD1",
                "state": "Busy",
                "items": [{"name": "CCD1"}],
            }

    run(work())


def test_two_fetch_while_the_next_one_comes() -> None:
    async def work() -> None:
        data = secrets.token_bytes(6 << 20)
        async with site(CAMERA) as it, it.json(ALL, WISH) as client:
            await client.count()
            await it.say(image(data))
            where = (await client.take("setBLOBVector"))["items"][0]["value"]
            fetching = [asyncio.ensure_future(it.get(where)) for _ in range(2)]  # noqa: TID251 - the test's own
            await until(lambda: it.running.server.parts.web.counts()["image"] > 0, "they are sent")
            await it.say(image(b"next"))
            for status, _, body in await asyncio.gather(*fetching):
                assert status in (200, 410) and (status == 410 or body == data)

    run(work())


def test_base64_of_libindi_is_undone_as_well() -> None:
    text = base64.b64encode(b"hello world")
    assert b"".join(decoded(iter([text[:5] + b"\n", text[5:9], b"\n" + text[9:] + b"\n"]))) == b"hello world"
