"""Acks and commands that a device must refuse, each with the code of its refusal. Pure, but for what signs."""

import time
from collections.abc import Callable
from typing import Any, NamedTuple

from agent.contract.commands import MAX_LEAD_US, MAX_LIFE_S, TABLE
from agent.trust.jose_keys import MAX_TOKEN_BYTES, PrivateKey, sign
from edge_centre.conform.subject import Subject


class Forged(NamedTuple):
    """What is sent."""

    cmd_id: str
    level: str
    payload: bytes


class Forgery(NamedTuple):
    """One that must be refused."""

    code: str
    what: str
    make: Callable[[Subject], Forged | None]
    """None where it can't be tried."""
    wants_clock: bool = False
    """Whether only a device whose clock is set can tell."""


def _spoilt(**changes: Any) -> Callable[[Subject], Forged]:
    def make(subject: Subject) -> Forged:
        return _signed(subject, subject.key, **changes)

    return make


def _signed(subject: Subject, key: PrivateKey, **changes: Any) -> Forged:
    args = {"alarm_id": subject.alarm_id, "action": "registered"}
    claims = subject.claims("ack", args, **{"iss": key.issuer, **changes})
    return Forged(str(claims["cmd_id"]), f"ack/{subject.alarm_id}", sign(claims, key))


def _timed(iat_s: int, exp_s: int) -> Callable[[Subject], Forged]:
    """Spoil the times, which are seconds from now."""

    def make(subject: Subject) -> Forged:
        now = int(time.time())
        return _signed(subject, subject.key, iat=now + iat_s, exp=now + exp_s)

    return make


def _malformed(subject: Subject) -> Forged:
    return Forged("", f"ack/{subject.alarm_id}", b"registered, please")


def _too_large(subject: Subject) -> Forged:
    long = "x" * MAX_TOKEN_BYTES
    args = {"alarm_id": subject.alarm_id, "action": "registered", "note": long}
    return _signed(subject, subject.key, args=args)


def _stranger(subject: Subject) -> Forged:
    return _signed(subject, PrivateKey.generate(subject.key.role, subject.key.issuer))


def _forged(subject: Subject) -> Forged:
    """A stranger's signature under the name of the right key."""
    own, other = subject.key, PrivateKey.generate(subject.key.role)
    return _signed(subject, PrivateKey(own.kid, own.role, own.issuer, other.key))


def _replayed(subject: Subject) -> Forged | None:
    ping = subject.claims("ping", {})
    subject.send("command/ping", sign(ping, subject.key))
    if subject.result(str(ping["cmd_id"])) is None:
        return None
    return _signed(subject, subject.key, ctr=ping["ctr"])


def _ahead(subject: Subject) -> Forged:
    return _signed(subject, subject.key, ctr=time.time_ns() // 1000 + 2 * MAX_LEAD_US)


def _unknown_command(subject: Subject) -> Forged:
    claims = subject.claims("open-the-door", {})
    return Forged(str(claims["cmd_id"]), "command/open-the-door", sign(claims, subject.key))


def _not_permitted(subject: Subject) -> Forged | None:
    if subject.key.role in TABLE["test-mode"].roles:
        return None
    claims = subject.claims("test-mode", {"seconds": 0})
    return Forged(str(claims["cmd_id"]), "command/test-mode", sign(claims, subject.key))


def _wrong_topic(subject: Subject) -> Forged:
    forged = _signed(subject, subject.key)
    return forged._replace(level="ack/another-alarm")


FORGERIES = (
    Forgery("malformed", "an ack that is no JWS", _malformed),
    Forgery("malformed", "an ack without a ctr", _spoilt(ctr=None)),
    Forgery("too-large", "an ack of more than 16 KiB", _too_large),
    Forgery("unknown-key", "an ack by a key that it does not know", _stranger),
    Forgery("bad-signature", "a forged ack", _forged),
    Forgery("wrong-issuer", "an ack in the name of another issuer", _spoilt(iss="somebody-else")),
    Forgery("wrong-audience", "an ack for another device", _spoilt(aud="/edge/gp/elsewhere/kiosk-1")),
    Forgery("expired", "an expired ack", _timed(-400, -200), wants_clock=True),
    Forgery("not-yet-valid", "an ack of the future", _timed(200, 300), wants_clock=True),
    Forgery("too-long-lived", "an ack that is valid for too long", _timed(0, MAX_LIFE_S + 60)),
    Forgery("counter-ahead", "an ack with a ctr that is days ahead", _ahead, wants_clock=True),
    Forgery("replayed", "an ack with a ctr that was used", _replayed),
    Forgery("wrong-boot-nonce", "an ack with a nonce of another start", _spoilt(boot_nonce="0-0000000000000000")),
    Forgery("unknown-command", "a command that it does not have", _unknown_command),
    Forgery("bad-arguments", "an ack with an unknown action", _spoilt(args={"alarm_id": "a", "action": "sing"})),
    Forgery("wrong-topic", "an ack on the topic of another alarm", _wrong_topic),
    Forgery("not-permitted", "a command that the role of the key may not give", _not_permitted),
)
