"""Who this device is on the wire: its topics and its CloudEvents source."""

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass

LEVEL = re.compile(r"[a-z0-9-]{1,64}\Z")
"""One topic level that every broker and the contract accept."""
LONGEST_COMMON_NAME = 64
"""X.509's limit."""


@dataclass(frozen=True, slots=True)
class Identity:
    """The place of a device in the topic tree `root/province/site/device`."""

    province: str
    site: str
    device: str
    root: str = "edge/v1"

    @property
    def source(self) -> str:
        """CloudEvents `source`, for example `/edge/gp/jhb-park-station/kiosk-0042`."""
        return f"/edge/{self.user}"

    @property
    def user(self) -> str:
        """Whom brokers know the device as: the user name, and the common name of its certificate.

        It is the middle of the device's topics, so that one rule of a broker binds every device to its own.
        """
        return f"{self.province}/{self.site}/{self.device}"

    @property
    def probe(self) -> str:
        """Whom brokers know the device's probe as: a client that may say what tries a path, and nothing else."""
        return f"{self.user}/up/alarm"

    @property
    def base(self) -> str:
        """Topic prefix of the device, without a trailing slash."""
        return f"{self.root}/{self.user}"

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


def client_id(user: str) -> str:
    """The MQTT client id that goes with a user: with dots, as brokers that are at home in AMQP write topics."""
    return user.replace("/", ".")


def common_name(user: str) -> str:
    """The common name of the user's certificate: the user, or what stands for one who is too long for X.509."""
    if len(user) <= LONGEST_COMMON_NAME:
        return user
    return f"long-{hashlib.sha256(user.encode()).hexdigest()[:56]}"
