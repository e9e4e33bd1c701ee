"""Who may say and hear what at a RabbitMQ, as the definitions that it reads at its start or by `rabbitmqctl`."""

import re
from collections.abc import Iterable
from typing import Any

from agent.contract.identity import Identity, client_id

_ROOT = r"edge\.v1"
_ANYBODY = r"([^.]+\.){3}"


def definitions(devices: Iterable[Identity], centres: Iterable[str], nodes: int = 1) -> dict[str, Any]:
    """Return users without a password (their certificate is their login), and what each may do.

    RabbitMQ writes topics with dots, and knows no rule for many users: every device and every probe has its own. A
    centre has two for each node, `CENTRE-1` and `CENTRE-1-alarms` and so on, which are also the client ids that its
    library takes there for the session `CENTRE`.
    """
    rights: dict[str, tuple[str, str]] = {}
    for device in devices:
        own = rf"{_ROOT}\.{re.escape(client_id(device.user))}"
        rights[client_id(device.user)] = (rf"^{own}\.(up\..*|down\.echo)$", rf"^({own}\.down|{_ROOT}\.host)\..*$")
        rights[client_id(device.probe)] = (rf"^{own}\.up\.alarm\.self-test$", rf"^{_ROOT}\.host\..*$")
    for centre in centres:
        own = rf"{_ROOT}\.host\.{re.escape(centre)}\.state"
        both = (rf"^({_ROOT}\.{_ANYBODY}down\..*|{own})$", rf"^({_ROOT}\.{_ANYBODY}up\..*|{own})$")
        for number in range(1, nodes + 1):
            rights[f"{centre}-{number}"] = both
            rights[f"{centre}-{number}-alarms"] = ("^$", rf"^{_ROOT}\.{_ANYBODY}up\.alarm\..*$")
    return {
        "vhosts": [{"name": "/"}],
        "users": [{"name": name, "password_hash": "", "tags": []} for name in rights],
        "permissions": [{"user": name, "vhost": "/", **_queues(name)} for name in rights],
        "topic_permissions": [
            {"user": name, "vhost": "/", "exchange": "amq.topic", "write": write, "read": read}
            for name, (write, read) in rights.items()
        ],
    }


def _queues(name: str) -> dict[str, str]:
    """A client's own queues and the exchange of all topics."""
    own = rf"mqtt-(subscription|will)-{re.escape(name)}(qos[01])?"
    both = rf"^({own}|amq\.topic)$"
    return {"configure": f"^{own}$", "write": both, "read": both}
