"""Images of a libindi camera are byte-equal to what the camera wrote to its own disk, whichever way it passes them.

INDITREE_TEST_EXPOSURES=300 is the long form, some minutes for each way.
"""

import os
from pathlib import Path

import pytest

from live import Client, serve

EXPOSURES = int(os.environ.get("INDITREE_TEST_EXPOSURES", "4"))
CCD = "CCD Simulator"

WAYS = {
    "descriptor": "indi_simulator_ccd",  # its stdout is our UNIX socket
    "base64": "/bin/sh -c 'indi_simulator_ccd | cat'",  # its stdout is a pipe
}


@pytest.mark.parametrize("way", WAYS)
def test_the_image_is_the_file(tmp_path: Path, way: str) -> None:
    images = tmp_path / "images"
    images.mkdir()
    with serve(tmp_path, WAYS[way], env={"HOME": str(tmp_path)}) as router, Client(router.port) as client:
        router.wait_for(f"{CCD}: provided by")
        client.connect_ccd()
        client.send(
            f"<newTextVector device='{CCD}' name='UPLOAD_SETTINGS'><oneText name='UPLOAD_DIR'>{images}</oneText>"
            "<oneText name='UPLOAD_PREFIX'>image_XXX</oneText></newTextVector>"
            f"<newSwitchVector device='{CCD}' name='UPLOAD_MODE'><oneSwitch name='UPLOAD_BOTH'>On</oneSwitch>"
            "</newSwitchVector>"
        )
        client.take("<setSwitchVector[^>]*name=.UPLOAD_MODE.")
        for number in range(1, EXPOSURES + 1):
            seen = client.expose()
            assert (images / f"image_{number:03d}.fits").read_bytes() == seen
            (images / f"image_{number:03d}.fits").unlink()
            (images / f"image_{number:03d}.fits").touch()  # libindi numbers on from what is there
