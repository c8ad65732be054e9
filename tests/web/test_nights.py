"""The record of a night from the page: docs/web.md, "A night"."""

from __future__ import annotations

import asyncio
import contextlib
import csv
import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from inditree.config import Http, Record, Rule, ServerTls
from inditree.record.entries import Entry
from inditree.record.store import file_name, read, segments
from inditree.web import nights
from security.certificates import Authority
from security.parts import context
from server.inloop import caller, run, until
from waiting import DEADLINE
from web.world import CAMERA, MOUNT, Site, moved, site

NEW = b"<newNumberVector device='Mount' name='COORD'><oneNumber name='RA'>8:30</oneNumber></newNumberVector>"


def entries(folder: Path) -> Iterator[Entry]:
    """What is on the disk."""
    return (each for each in read(part.path for part in segments(folder)) if isinstance(each, Entry))


@contextlib.asynccontextmanager
async def recorded(
    folder: Path, http_devices: tuple[str, ...] = ("*",), token_file: str | None = None, **keys: Any
) -> AsyncIterator[Site]:
    """A site whose mount was told to go to 8:30 and has moved to 6 and 7, with that on the disk."""
    http = Http(listen=None, devices=http_devices, token_file=token_file)
    settings = {"record": Record(dir=str(folder)), "http": http}
    async with site(MOUNT, CAMERA, settings=settings, **keys) as it:
        async with caller(it.running.server.listeners["private"].port) as client:
            client.writer.write(NEW)
            await client.ping()
        await it.say(moved(6), moved(7))
        await until(lambda: any(b">7<" in each.data for each in entries(folder)), "it is on the disk")
        yield it


async def rows(it: Site, query: str = "") -> list[dict[str, str]]:
    """The rows of the CSV."""
    status, headers, body = await it.get(f"/night.csv{query}")
    assert (status, headers["content-type"]) == (200, "text/csv; charset=utf-8")
    assert headers["content-disposition"] == "attachment" and headers["cache-control"] == "no-store"
    return list(csv.DictReader(unchunked(body).decode().splitlines()))


def unchunked(body: bytes) -> bytes:
    """What came in chunks as one piece; it has to be whole."""
    found = b""
    while True:
        size, _, body = body.partition(b"\r\n")
        if not int(size, 16):
            assert body == b"\r\n"
            return found
        found, body = found + body[: int(size, 16)], body[int(size, 16) + 2 :]


def test_a_night_is_a_table_and_lines_of_json(tmp_path: Path) -> None:
    async def work() -> None:
        async with recorded(tmp_path) as it:
            found = [(row["state"], row["value"]) for row in await rows(it) if row["device"] == "Mount"]
            assert found[-3:] == [("asked", "8.5"), ("Ok", "6"), ("Ok", "7")]
            status, headers, body = await it.get("/night.jsonl?device=Mount")
            assert (status, headers["content-type"]) == (200, "application/x-ndjson")
            lines = [json.loads(line) for line in unchunked(body).splitlines()]
            (asked,) = [line for line in lines if "newNumberVector" in line["element"]]
            assert (asked["from"], asked["result"]) == ("client", "sent")  # not from which address
            assert lines[-1]["element"]["setNumberVector"]["items"] == [{"name": "RA", "value": 7}]
            status, _, body = await it.get("/night.csv", method="HEAD")
            assert (status, body) == (200, b"")

    run(work())


def test_a_night_has_a_beginning_and_an_end(tmp_path: Path) -> None:
    async def work() -> None:
        async with recorded(tmp_path) as it:
            every = await rows(it)
            last = every[-1]["time"]
            late = [row for row in every if row["time"] >= last]
            assert 0 < len(late) < len(every)
            assert await rows(it, f"?from={last}") == late
            early = [row for row in every if row not in late and row["device"] == "Mount"]
            assert await rows(it, f"?to={last}&device=Mount") == early
            for wrong in ("from=yesterday", "color=red"):
                status, _, body = await it.get(f"/night.csv?{wrong}")
                assert status == 400 and wrong.partition("=")[0].encode() in body

    run(work())


@pytest.mark.parametrize("keys", [{"devices": ("Cam*",)}, {"http_devices": ("Camera",)}], ids=["listener", "http"])
def test_it_tells_of_devices_that_are_shown_and_of_no_others(tmp_path: Path, keys: dict[str, Any]) -> None:
    async def work() -> None:
        async with recorded(tmp_path, **keys) as it:
            for path in ("/night.csv", "/night.csv?device=Mount", "/night.jsonl", "/night.jsonl?device=*"):
                status, _, body = await it.get(path)
                assert status == 200 and b"Mount" not in body, path

    run(work())


@pytest.mark.parametrize("locked", [False, True])
def test_where_the_past_takes_a_token_a_page_is_not_offered_it(tmp_path: Path, locked: bool) -> None:
    token = tmp_path / "token"
    token.write_text("sesame")

    async def work() -> None:
        async with recorded(tmp_path / "night", token_file=str(token) if locked else None) as it:
            for path in ("/night.csv", "/night.jsonl?device=Mount"):
                status, _, body = await it.get(path, "Authorization: Bearer sesame\r\n")
                assert status == (403 if locked else 200) and (b"/api/v1/history" in body) is locked
            async with it.json({"getStatus": {}}) as page:
                told = (await page.take("status"))["record"]
                assert told["bytes"] > 0 and (told["oldest"] is None) is locked

    run(work())


def test_a_guest_reads_of_what_the_rule_shows_and_who_is_kept_out_nothing(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    server = authority.server()
    keys = ServerTls(cert=str(server.cert), key=str(server.key), client_ca=str(authority.cert))
    rules = (Rule(subject="CN=guest*", access="read-only", devices=("Cam*",)),)

    async def got(port: int, subject: str | None) -> bytes:
        """What is answered to who has such a certificate, until the end."""
        trust = context(authority.cert, authority.sign("client", subject) if subject else None)
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=trust)
            writer.write(b"GET /night.jsonl HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            return await asyncio.wait_for(reader.read(), DEADLINE)
        except OSError:
            return b""

    async def work() -> None:
        async with recorded(tmp_path / "night", tls=keys, rules=rules) as it:
            guest, anna = await got(it.port, "/CN=guest1"), await got(it.port, "/CN=anna")
            assert b" 200 " in guest and b"Camera" in guest and b"Mount" not in guest
            assert b"newNumberVector" in anna and b"Camera" in anna
            assert await got(it.port, None) == b""
        async with recorded(tmp_path / "other", allow=("192.0.2.1",)) as it, caller(it.port) as there:
            there.writer.write(b"GET /night.csv HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert await asyncio.wait_for(there.reader.read(), DEADLINE) == b""
        async with recorded(tmp_path / "third", access="read-only") as it:
            assert (await rows(it))[-1]["value"] == "7"  # reading is what it may do

    run(work())


def test_other_sites_get_nothing_and_where_nothing_is_recorded_there_is_none(tmp_path: Path) -> None:
    async def work() -> None:
        async with recorded(tmp_path) as it:
            assert (await it.get("/night.csv", "Host: evil.example\r\n"))[0] == 403
            assert (await it.get("/night.csv", "Origin: http://evil.example\r\n"))[0] == 403
            for mode in ("navigate", "no-cors"):  # such a link would take the one download there is
                head = f"Sec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: {mode}\r\n"
                assert (await it.get("/night.csv", head))[0] == 403
            assert (await it.get("/night.csv", method="POST"))[0] == 405
        async with site(MOUNT) as it:
            assert (await it.get("/night.csv"))[0] == 404

    run(work())


def test_one_at_a_time_and_who_never_reads_gives_it_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nights, "PIECE", 1 << 10)

    async def work() -> None:
        async with recorded(tmp_path) as it:
            text = "x" * 60_000
            for _ in range(200):  # more than the kernel takes for somebody who does not read
                await it.say(f'<message device="Mount" message="{text}"/>'.encode())
            await it.say(moved(9))
            await until(lambda: any(b">9<" in each.data for each in entries(tmp_path)), "it is on the disk")
            assert (await it.get("/"))[0] == 200  # a face is made for its first visitor
            nights_here = it.running.server.parts.web.nights
            assert nights_here is not None
            async with caller(it.port) as there:
                there.writer.transport.pause_reading()  # type: ignore[attr-defined]
                there.writer.write(b"GET /night.jsonl HTTP/1.1\r\nHost: localhost\r\n\r\n")
                await until(lambda: nights_here.busy, "it is read")
                status, _, body = await it.get("/night.csv")
                assert status == 503 and b"another" in body
            await until(lambda: not nights_here.busy, "it is given up")
            assert (await rows(it))[-1]["value"] == "9"

    run(work())


def test_a_record_that_cannot_be_read_ends_the_answer_before_it_is_whole(tmp_path: Path) -> None:
    async def work() -> None:
        async with recorded(tmp_path) as it:
            (tmp_path / file_name(1)).write_bytes(b"this is no record")
            status, _, body = await it.get("/night.csv")
            assert status == 200 and not body.endswith(b"0\r\n\r\n")
            assert (await it.get("/night.csv"))[0] == 200  # the next one may begin

    run(work())


def test_the_loop_goes_on_meanwhile(tmp_path: Path) -> None:
    """The record is read in a thread: a thousand steps of the loop pass meanwhile."""

    async def work() -> None:
        async with recorded(tmp_path) as it:
            await it.say(b"".join(moved(each) for each in range(20_000)))
            await until(lambda: any(b">19999<" in each.data for each in entries(tmp_path)), "it is on the disk")
            asked = it.running.tasks.start(it.get("/night.csv"), "ask")
            steps = 0
            while not asked.done():
                await asyncio.sleep(0)
                steps += 1
            assert unchunked(asked.result()[2]).count(b"\n") > 20_000
            assert steps > 1000

    run(work())
