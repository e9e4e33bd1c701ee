"""The office of the tests: it sets a device from afar."""

import itertools
import secrets
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from agent.core.errors import EdgeAgentError
from agent.trust.jose_keys import PrivateKey, sign
from tests.support.agent_process import SOURCE, AgentProcess
from tests.support.centre import Centre, Message

_counters = itertools.count(time.time_ns() // 1000)


def claims(name: str, key: PrivateKey, args: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """The claims of a command that the device must take, unless `changes` spoil them."""
    now = int(time.time())
    return {
        "cmd_id": f"cmd-{secrets.token_hex(8)}",
        "name": name,
        "args": args,
        "aud": SOURCE,
        "iss": key.issuer,
        "iat": now,
        "exp": now + 120,
        "ctr": next(_counters),
        **changes,
    }


class Office:
    """Holds the key of an admin, and speaks through the centre."""

    def __init__(self, centre: Centre, admin: PrivateKey) -> None:
        self.centre, self.admin = centre, admin

    def order(self, name: str, key: PrivateKey | None = None, **args: Any) -> str:
        """Send a command; returns its `cmd_id`."""
        key = key or self.admin
        ordered = claims(name, key, args, boot_nonce=self.centre.nonce())
        self.centre.send(f"command/{name}", sign(ordered, key))
        return str(ordered["cmd_id"])

    def config_set(self, revision: int, changes: dict[str, Any], **args: Any) -> str:
        """Order these settings."""
        return self.order("config-set", revision=revision, changes=changes, **args)

    def desire(self, revision: int, changes: dict[str, Any], **spoilt: Any) -> str:
        """Leave these settings at the broker."""
        wanted = claims("config-set", self.admin, {"revision": revision, "changes": changes}, **spoilt)
        self.centre.send("config", sign(wanted, self.admin), retain=True)
        return str(wanted["cmd_id"])

    def wait_for_config(self, **config: Any) -> Message:
        """The first description of the device that says this of its configuration."""
        return self.centre.wait_for(
            "meta", lambda m: not m.retain and config.items() <= m.data["config"].items(), timeout_s=70
        )


def press_until(kiosk: AgentProcess, is_over: Callable[[], bool]) -> tuple[int, int]:
    """Press again and again; returns how many presses the pins took, and how many were tried. One that is tried while
    the pins of the simulation are away may have been taken or not."""
    taken = tried = 0
    while not is_over():
        tried += 1
        with suppress(EdgeAgentError, ConnectionError):
            kiosk.press()
            taken += 1
    return taken, tried


def presses_at(centre: Centre) -> int:
    """How many presses the centre has heard of."""
    presses: dict[str, int] = {}
    for message in centre.messages("alarm/"):
        alarm_id = message.data["alarm_id"]
        presses[alarm_id] = max(presses.get(alarm_id, 0), message.data["press_count"])
    return sum(presses.values())
