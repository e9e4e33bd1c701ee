"""The device's identity on the wire: its topics and its CloudEvents source."""

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass

LEVEL = re.compile(r"[a-z0-9-]{1,64}\Z")
"""One topic level that the contract and every broker accept."""
ROOT = "edge/v1"
"""The root of all topics, unless a device's settings say otherwise."""
REPORTS = "/up/commissioning"
"""How the topic of a device's reports of commissionings ends. Each device has its newest one retained."""
LONGEST_COMMON_NAME = 64
"""The limit of X.509."""


@dataclass(frozen=True, slots=True)
class Identity:
    """The place of a device in the topic tree `root/province/site/device`."""

    province: str
    site: str
    device: str
    root: str = ROOT

    @property
    def source(self) -> str:
        """CloudEvents `source`, for example `/edge/gp/jhb-park-station/kiosk-0042`."""
        return f"/edge/{self.user}"

    @property
    def user(self) -> str:
        """The name by which brokers know the device: its user name, and the common name of its certificate.

        It is also the middle part of the device's topics, so one broker rule confines every device to its own topics.
        """
        return f"{self.province}/{self.site}/{self.device}"

    @property
    def probe(self) -> str:
        """The name by which brokers know the device's probe: a client that may only send what tests a path."""
        return f"{self.user}/up/alarm"

    @property
    def base(self) -> str:
        """Topic prefix of the device, without a trailing slash."""
        return f"{self.root}/{self.user}"

    def subscriptions(self, centres: Iterable[str]) -> list[str]:
        """Return all filters that the device subscribes to.

        It names each of `centres`, or takes every centre by a wildcard if there are none. The names matter because
        RabbitMQ delivers retained messages only to subscriptions without wildcards. The keys come first: what a broker
        has kept beside them must not be obeyed for a key that they take away.
        """
        states = [f"{self.root}/host/{name}/state" for name in centres or ("+",)]
        return [self.down("keys"), self.down("ack", "+"), self.down("command", "+"), self.down("config"), *states]

    def up(self, *levels: str) -> str:
        """Return a topic under which the device publishes."""
        return "/".join((self.base, "up", *levels))

    def down(self, *levels: str) -> str:
        """Return a topic under which the device listens."""
        return "/".join((self.base, "down", *levels))


def client_id(user: str) -> str:
    """Return the user's MQTT client id, with dots for slashes, as AMQP-based brokers write topics."""
    return user.replace("/", ".")


def common_name(user: str) -> str:
    """Return the common name of the user's certificate: the user, or a hash of one that is too long for X.509."""
    if len(user) <= LONGEST_COMMON_NAME:
        return user
    return f"long-{hashlib.sha256(user.encode()).hexdigest()[:56]}"


def is_devices(name: str) -> bool:
    """Whether a certificate with this common name is a device's or its probe's: no centre has such a name."""
    return "/" in name or name.startswith("long-")
