"""A large image by its address: the file's own bytes, and never a second copy of the whole."""

from __future__ import annotations

import asyncio
import hashlib
import os
import subprocess
from pathlib import Path

import psutil

from inditree.config import Limits
from server.inloop import run, until
from web.world import CAMERA, image, site

SIZE = 60_000_000


def test_sixty_megabytes_by_curl(tmp_path: Path) -> None:
    data = os.urandom(SIZE // 60) * 60
    element = image(data, line=72)
    wish = {"enableBLOB": {"device": "Camera", "value": "URL"}}

    async def work() -> None:
        async with site(CAMERA, limits=Limits(blob=200 << 20)) as it, it.json({"getProperties": {}}, wish) as client:
            await client.count()
            it.provider.writer.write(element)
            where = (await client.take("setBLOBVector"))["items"][0]["value"]
            own, most = psutil.Process(), 0
            before = own.memory_info().rss
            target = tmp_path / "got.fits"
            words = ["curl", "-s", "-f", "-o", str(target), f"http://127.0.0.1:{it.port}{where}"]
            curl = await asyncio.create_subprocess_exec(*words)
            while curl.returncode is None:
                most = max(most, own.memory_info().rss)
                await asyncio.sleep(0.005)
                if target.is_file() and target.stat().st_size == SIZE:
                    await curl.wait()
            assert curl.returncode == 0
            assert hashlib.sha256(target.read_bytes()).digest() == hashlib.sha256(data).digest()
            assert most - before < 16 << 20
            await until(lambda: it.running.server.parts.web.counts()["image"] == 0, "it is sent")

    run(work())


def test_curl_is_there() -> None:
    assert subprocess.run(["curl", "--version"], capture_output=True, check=True).stdout.startswith(b"curl")
