"""The V4L2 camera of the emulated machine: the kernel's own test driver, vivid, in the place of one on USB.

Its controls are in the kernel's documentation, admin-guide/media/vivid.rst.
"""

from tests.campaigns.emulation.machine import Machine

NODE = "/dev/v4l/by-path/platform-vivid.0-video-index0"
"""By the socket, as firmware_configs wants it."""
_DRIVER = "/sys/bus/platform/drivers/vivid"
_ONE_WEBCAM = "n_devs=1 node_types=1 num_inputs=1 input_types=0"
SCENE = {"test_pattern": 10, "osd_text_mode": 0}
"""Checkers, whose edges are a scene, and a clock that runs in front of them."""
STILL = {"test_pattern": 10, "osd_text_mode": 2}
BLACK = {"test_pattern": 5, "osd_text_mode": 2}
_FORBIDDEN = "/etc/udev/rules.d/99-nobody.rules"
_FORBID = 'SUBSYSTEM=="video4linux", OWNER="root", GROUP="root", MODE="0600"'


class Vivid:
    """One camera of a running machine. Main thread; raises MachineError."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine

    def plug_in(self) -> None:
        """Returns when udev has made its node. It shows SCENE."""
        bind = f"[ -d {_DRIVER} ] && echo vivid.0 > {_DRIVER}/bind || modprobe vivid {_ONE_WEBCAM}"
        self._machine.check(f"{bind}; udevadm settle")
        self.set(**SCENE)

    def unplug(self) -> None:
        """Whoever has it open is left with a device that has gone, as with a pulled cable."""
        self._machine.check(f"echo vivid.0 > {_DRIVER}/unbind; udevadm settle; test ! -e {NODE}")

    def set(self, **controls: int) -> None:
        """Set controls, by their names in `v4l2-ctl --list-ctrls`."""
        values = ",".join(f"{name}={value}" for name, value in controls.items())
        self._machine.check(f"v4l2-ctl -d {NODE} -c {values}")

    def forbid(self) -> None:
        """From its next plugging in on, its node belongs to root alone."""
        self._machine.check(f"echo '{_FORBID}' > {_FORBIDDEN}; udevadm control --reload")

    def allow(self) -> None:
        """End `forbid`: its node gets what the installed rules say."""
        self._machine.check(f"rm {_FORBIDDEN}; udevadm control --reload; udevadm trigger --settle {NODE}")
