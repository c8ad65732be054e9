"""The guide camera: a small sensor behind a guide scope, beside the main telescope."""

from inditree_drivers import run
from inditree_drivers.camera import Camera
from inditree_drivers.frame import Optics, Sensor

NAME = "Py Guide Camera"


class GuideCamera(Camera):
    """A camera that looks through the guide scope of the telescope's TELESCOPE_INFO, always sharp."""

    program = "inditree-guide-camera"
    model = Sensor(width=1280, height=960, pitch_x=3.75, pitch_y=3.75)
    optics = Optics(focal_length=240.0, aperture=60.0)
    scope_members = ("GUIDER_FOCAL_LENGTH", "GUIDER_APERTURE")
    snooped = (("ACTIVE_TELESCOPE", "Telescope"),)
    # A short focal length: what optics and pixels make of a star is more than the air does.
    seeing = 7.0

    def __init__(self, name: str = NAME, prefix: str = "Py ") -> None:
        super().__init__(name, prefix)


def main() -> None:
    run.main(GuideCamera, NAME)


if __name__ == "__main__":
    main()
