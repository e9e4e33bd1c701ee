"""What every command that speaks as the command centre shares: where the broker is, and who we are to it."""

import argparse
import json
import secrets
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from agent.adapters.jose_keys import PrivateKey, sign
from agent.adapters.paho_centre import Centre, Heard
from agent.adapters.tls_context import TlsFiles
from agent.cli.options import add_config
from agent.core.centres import CentreStateError, centre_name
from agent.core.commands import MAX_LIFE_S
from agent.core.errors import BrokerError, UsageError
from agent.core.identity import Identity
from agent.settings import Settings, load

FINAL = {"rejected", "succeeded", "failed", "timed-out"}


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options that say which device, which broker, and with which certificate."""
    add_config(parser, of=" of the device")
    parser.add_argument("--broker", help="address of the broker; default: the first of the device's settings")
    parser.add_argument("--ca", type=Path, help="certificate of the broker's authority; default: the device's")
    parser.add_argument("--cert", type=Path, help="your own client certificate (the device's has no right to read)")
    parser.add_argument("--cert-key", type=Path, help="the private key of --cert")


def open_centre(
    args: argparse.Namespace,
    filters: Callable[[Identity], list[str]],
    on_message: Callable[[Heard], None] | None = None,
    on_link: Callable[[bool, str], None] | None = None,
    name: str | None = None,
) -> tuple[Settings, Centre]:
    """The device's settings, and a connection that has subscribed to `filters`. Raises BrokerError.

    With `name` the connection says, as the centre of that name, that it watches.
    """
    settings = load(args.config)
    mqtt = settings.mqtt
    tls = TlsFiles(args.ca or mqtt.ca_file, args.cert or mqtt.cert_file, args.cert_key or mqtt.key_file)
    state_topic = None if name is None else centre_topic(mqtt.root, name)
    centre = Centre(args.broker or mqtt.brokers[0], tls, on_message, on_link, state_topic)
    centre.open(filters(settings.identity))
    return settings, centre


def centre_topic(root: str, name: str) -> str:
    """Where a centre says whether it watches. Raises UsageError for a name that no centre may have."""
    try:
        return f"{root}/host/{centre_name(name)}/state"
    except CentreStateError as error:
        raise UsageError(f"{name!r} is {error}: use 1 to 64 of a-z, 0-9 and dash") from error


class Order(NamedTuple):
    """A signed command, its identifier, and for how long it is good."""

    token: bytes
    cmd_id: str
    expiry_s: int


def signed(*, name: str, arguments: dict[str, Any], audience: str, key: PrivateKey, boot_nonce: str | None) -> Order:
    """Sign a command for the device with the source `audience`.

    With `boot_nonce` a device whose clock is not set can check that it is fresh.
    """
    now = int(time.time())
    claims: dict[str, Any] = {
        "cmd_id": f"cmd-{secrets.token_hex(8)}",
        "name": name,
        "args": arguments,
        "aud": audience,
        "iss": key.issuer,
        "iat": now,
        "exp": now + min(MAX_LIFE_S, 120),
        # The microseconds of this clock only ever rise, so no counter has to be kept between calls.
        "ctr": time.time_ns() // 1000,
    }
    if boot_nonce:
        claims["boot_nonce"] = boot_nonce
    return Order(sign(claims, key), claims["cmd_id"], claims["exp"] - now)


def send_signed(
    centre: Centre,
    identity: Identity,
    *,
    name: str,
    arguments: dict[str, Any],
    topic: str,
    key: PrivateKey,
    timeout_s: float,
) -> dict[str, Any]:
    """Sign a command, send it, and return the `data` of its final result.

    The connection must listen to `up/state` and `up/result/+`. The device's boot nonce is echoed when the broker
    knows it, so that a device whose clock is not set can check that the command is fresh. Raises BrokerError.
    """
    state = centre.wait_for(lambda heard: heard.topic == identity.up("state"), timeout_s=1.0)
    nonce = None if state is None else json.loads(state.payload)["data"].get("boot_nonce")
    order = signed(name=name, arguments=arguments, audience=identity.source, key=key, boot_nonce=nonce)
    centre.publish(topic, order.token, expiry_s=order.expiry_s)
    wanted = identity.up("result", order.cmd_id)

    def is_final(heard: Heard) -> bool:
        return heard.topic == wanted and json.loads(heard.payload)["data"]["status"] in FINAL

    answer = centre.wait_for(is_final, timeout_s)
    if answer is None:
        raise BrokerError(f"{identity.device} did not answer within {timeout_s:g} s; is it running and connected?")
    result: dict[str, Any] = json.loads(answer.payload)["data"]
    return result


def listens(identity: Identity) -> list[str]:
    """What a sender of commands reads."""
    return [identity.up("state"), identity.up("result", "+"), identity.up("snapshot", "+")]


def print_result(result: dict[str, Any]) -> int:
    """One line for a person; the exit code."""
    output = f" {json.dumps(result['output'])}" if result.get("output") else ""
    print(f"{result['name']}: {result['status']} ({result['code']}): {result['text']}{output}")
    return 0 if result["status"] == "succeeded" else 1
