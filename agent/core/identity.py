"""Who this device is on the wire: its topics and its CloudEvents source."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

LEVEL = re.compile(r"[a-z0-9-]{1,64}\Z")
"""One topic level that every broker and the contract accept."""


@dataclass(frozen=True, slots=True)
class Identity:
    """The place of a device in the topic tree `root/province/site/device`.

    `device` is at once the MQTT client id, the user name and the common name of the certificate.
    """

    province: str
    site: str
    device: str
    root: str = "edge/v1"

    @property
    def source(self) -> str:
        """CloudEvents `source`, for example `/edge/gp/jhb-park-station/kiosk-0042`."""
        return f"/edge/{self.province}/{self.site}/{self.device}"

    @property
    def base(self) -> str:
        """Topic prefix of the device, without a trailing slash."""
        return f"{self.root}/{self.province}/{self.site}/{self.device}"

    def subscriptions(self, centres: Iterable[str]) -> list[str]:
        """All that the device listens to. Each of `centres` by its name, or every centre when there is none: RabbitMQ
        gives what it has retained to a subscription without wildcards only."""
        states = [f"{self.root}/host/{name}/state" for name in centres or ("+",)]
        return [self.down("ack", "+"), self.down("command", "+"), *states]

    def up(self, *levels: str) -> str:
        """Topic under which the device speaks."""
        return "/".join((self.base, "up", *levels))

    def down(self, *levels: str) -> str:
        """Topic under which the device listens."""
        return "/".join((self.base, "down", *levels))
