"""Spoilt commands: every field of every command by its schema, and the signed message by its bytes."""

import base64
import copy
import json
import random
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from agent.trust.jose_keys import PrivateKey, sign

LINE = {"name": "kerb", "from": [0.1, 0.5], "to": [0.9, 0.5]}
MASK = [[0.1, 0.1], [0.4, 0.1], [0.4, 0.4]]
COMMANDS: Mapping[str, dict[str, Any]] = {
    "ack": {"alarm_id": "a1", "action": "closed", "press_count": 2, "by": "Thandi", "reason": "helped", "note": "well"},
    "ping": {},
    "rebirth": {},
    "snapshot": {"camera": "front"},
    "identify": {"seconds": 5},
    "test-mode": {"seconds": 60, "input": "police"},
    "self-test": {},
    "config-set": {
        "revision": 1,
        "changes": {
            "device": {"location": {"text": "pillar 8"}, "time_zone": "Africa/Maputo"},
            "mqtt": {"brokers": ["mqtts://c.example"], "interfaces": ["eth0"], "keepalive_s": 20},
            "cameras": [{"name": "front", "score_threshold": 0.6, "masks": [MASK], "lines": [LINE]}],
            "health": {"interval_s": 30},
            "self_test": {"at": "02:00:00+02:00"},
        },
        "second": "a.b.c",
    },
    "keys-set": {"revision": 1, "keys": []},
    "reboot": {},
    "replay": {"first": 1, "last": 5},
    "clip": {"camera": "front", "seconds": 60, "alarm_id": "a-1", "reason": "a quarrel"},
    "clip-hold": {"clip": "01a21ac6-1e90-755d-98d2-2feefdb0a969", "hold": True, "reason": "case 17"},
    "live-start": {"camera": "front", "fps": 5, "lease_s": 60, "by": "Thandi", "reason": "who is it?"},
    "live-stop": {"live": "01a21ac6-1e90-755d-98d2-2feefdb0a969", "by": "Thandi"},
    "upload-urls": {"urls": [{"url": "https://store.example/{name}?s=1"}], "expires": 2_000_000_000},
    "service-page": {"seconds": 60, "code_hash": f"scrypt-16384-8-1${'A' * 22}${'B' * 43}"},
}
"""Arguments that a device takes, by command."""
ODD: tuple[Any, ...] = (
    *(None, True, False, -1, 0, 1, 2**53, 2**63, 10**400, 1.5, -0.0, 1e308, float("nan"), float("inf")),
    *("", "x", "A" * 300, "x" * 5000, "\ud800", "\x00", "\u202e", "é\n", "../../etc/passwd", "$(reboot)", "a/+/#"),
    *([], {}, [[]], {"": {}}, [None] * 100, {"name": None}, {"unset": ["buttons"]}, {"remove": True}),
)
HEADERS = ('{"alg":"none","kid":"x"}', '{"alg":"HS256"}', '{"alg":"EdDSA","kid":7}', "[]", "{")
TOPICS = ("ack/a1", "ack/+", "command/ping", "command/reboot", "config", "config/x", "command", "", "host/x/state")


class Shot(NamedTuple):
    """One message under `down/`."""

    topic: str
    payload: bytes
    retain: bool


def shots(chance: random.Random, keys: list[PrivateKey], claims: Callable[..., dict[str, Any]]) -> Iterator[Shot]:
    """Yield spoilt messages for ever. `claims` makes those of a command that would be taken; `keys` has the keys that
    the device knows, and last one that it does not know."""
    while True:
        name = chance.choice([*COMMANDS, "config-set", "config-set"])
        key = chance.choice(keys)
        args = copy.deepcopy(COMMANDS[name])
        if name == "keys-set":
            args["keys"] = [known.public().as_jwk() for known in keys[:-1]]
        said = claims(name, key, args)
        is_desired = name == "config-set" and chance.random() < 0.4
        for _ in range(chance.choice([0, 1, 1, 1, 2, 3])):
            spoil(chance, said)
        if chance.random() < 0.03:
            said["args"] = nested(chance.choice([50, 400, 900, 5000]))
        try:
            token = sign(said, key)
        except RecursionError:
            continue
        if chance.random() < 0.4:
            token = bent(chance, token)
        topic = "ack/a1" if name == "ack" else "config" if is_desired else f"command/{name}"
        if chance.random() < 0.05:
            topic = chance.choice(TOPICS)
        yield Shot(topic, token, is_desired or chance.random() < 0.05)


def spoil(chance: random.Random, tree: Any) -> None:
    """Change, remove or add one field, at any depth."""
    places = [place for place in containers(tree) if place]
    place = chance.choice(places)
    key = chance.choice(list(place)) if isinstance(place, dict) else chance.randrange(len(place))
    match chance.randrange(4):
        case 0:
            del place[key]
        case 1 if isinstance(place, dict):
            place[chance.choice(["extra", "\udfff", "unset", "remove", "add", "pin", "buttons", "alarm"])] = odd(chance)
        case _:
            place[key] = odd(chance)


def odd(chance: random.Random) -> Any:
    return copy.deepcopy(chance.choice(ODD))


def nested(depth: int) -> Any:
    value: Any = {}
    for _ in range(depth):
        value = {"a": value}
    return {"changes": {"cameras": [{"name": "front", "zones": value}]}}


def containers(tree: Any) -> Iterator[Any]:
    if isinstance(tree, dict | list):
        yield tree
        for inner in tree.values() if isinstance(tree, dict) else tree:
            yield from containers(inner)


def bent(chance: random.Random, token: bytes) -> bytes:
    """Change some bytes of a signed message."""
    parts = token.split(b".")
    match chance.randrange(7):
        case 0:
            return token[: chance.randrange(len(token))]
        case 1:
            return chance.randbytes(chance.randrange(300))
        case 2:
            header = chance.choice(HEADERS)
            return b".".join([base64.urlsafe_b64encode(header.encode()).rstrip(b"="), *parts[1:]])
        case 3:
            return b".".join([parts[0], parts[1], b""])
        case 4:
            return token * chance.choice([2, 40])
        case _:
            spoilt = bytearray(token)
            for _ in range(chance.choice([1, 1, 2, 10])):
                spoilt[chance.randrange(len(spoilt))] = chance.randrange(256)
            return bytes(spoilt)


def rightly_signed(token: bytes, keys: list[PrivateKey]) -> bool:
    """Whether one of these keys has signed this message, judged without the agent's code."""
    try:
        header, payload, signature = token.split(b".")
        kid = json.loads(_decoded(header))["kid"]
        octets = {key.kid: key.public().octets for key in keys}[kid]
        Ed25519PublicKey.from_public_bytes(octets).verify(_decoded(signature), header + b"." + payload)
    except (ValueError, KeyError, TypeError, InvalidSignature, RecursionError):
        return False
    return True


def _decoded(part: bytes) -> bytes:
    return base64.urlsafe_b64decode(part + b"=" * (-len(part) % 4))
