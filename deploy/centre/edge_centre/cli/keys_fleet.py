"""`edge-centre keys send` and `keys who`: one key set for every device of a province, and which devices have it."""

import argparse
import threading
import time
from collections import Counter
from collections.abc import Iterable, Mapping

from agent.contract.device import KeysData, MetaData
from agent.contract.errors import BrokerError, UsageError
from agent.contract.messages import ResultData
from agent.trust.jose_keys import PrivateKey, read_key_set
from edge_centre.cli.sender import LAST_WORDS, connected, say
from edge_centre.cli.target import Target, target_of
from edge_centre.library import Centre, NewMessage, Notice, Presence, co_sign, printable, sign_kept

KEYS_SET = "keys-set"
_FAILED = (KEYS_SET, "failed")
_QUIET_S = 1.0
"""When nothing new has come for this long, the brokers have sent every device that they know."""
_SETTLE_S = 30.0
_STEP_S = 0.2
_FAR_AHEAD = 1000
_HIGHEST = 10**15
"""Devices take up to nine times as much, and each later set needs a higher one: there must be room for those."""


def send(args: argparse.Namespace) -> int:
    """Sign a key set for every device, leave it at the brokers, and print who has it. Return 0 when all have."""
    key = PrivateKey.load(args.key)
    second = None if args.second is None else PrivateKey.load(args.second)
    known = read_key_set(args.key_set)
    if args.revision is not None:
        _check_room(args.revision)
    if not any(each.role == "admin" for each in known):
        raise UsageError(
            f"{args.key_set} has no admin's key, and devices refuse such a set: add one with `edge-centre keys add`"
        )
    keys = [each.as_jwk() for each in known]
    with _Fleet(_target_of(args)) as fleet:
        devices = fleet.devices()
        revision = args.revision or _highest(each.seen for each in devices.values()) + 1
        _check_room(revision)
        unsent = {
            source: f"it has seen revision {each.seen}: send a higher one"
            for source, each in devices.items()
            if each.seen >= revision
        }
        if len(unsent) == len(devices):
            raise UsageError(f"every device has seen revision {revision}, or a higher one: give --revision above it")
        order = {"revision": revision, "keys": keys}
        takers = [source for source in devices if source not in unsent]
        lacking: Counter[str] = Counter()
        left = 0
        for number, source in enumerate(takers, start=1):
            try:
                word = None if second is None else co_sign(source, KEYS_SET, order, second)
                signed = sign_kept(KEYS_SET, source, order, key, second=word)
            except ValueError as error:
                raise UsageError(str(error)) from error
            if missing := fleet.centre.retain_keys(source, signed):
                lacking.update([*missing])
                unsent[source] = "; ".join(f"not left at {url}: {why}" for url, why in missing.items())
            else:
                left += 1
            if number % 100 == 0 or number == len(takers):
                say(f"revision {revision} is left for {left} of {len(devices)} devices")
        for url, count in lacking.items():
            say(
                f"{url} has not confirmed the key set for {count} of {len(takers)} devices, which don't get it there: "
                "check that broker's log, and that --cert may write down/keys; then send again"
            )
        fleet.await_revision(revision, args.timeout)
        return fleet.print_who(revision, unsent)


def _target_of(args: argparse.Namespace) -> Target:
    if args.device is not None:
        raise UsageError("this command is always for every device: leave --device out")
    return target_of(args, every=True)


def _check_room(revision: int) -> None:
    if revision > _HIGHEST:
        raise UsageError(
            f"revision {revision} leaves too few for later sets, as each must be above the last: "
            f"give --revision {_HIGHEST} or lower"
        )


def _highest(revisions: Iterable[int]) -> int:
    """Return the highest of these revisions, without those far above most: a stolen device may claim any number, even
    the highest possible one."""
    known = sorted(revisions)
    usual = known[(len(known) - 1) // 2]
    return max(each for each in known if each <= usual + _FAR_AHEAD)


def who(args: argparse.Namespace) -> int:
    """Print which devices obey which revision. Return 1 when one lacks the revision that was asked for."""
    with _Fleet(_target_of(args)) as fleet:
        devices = fleet.devices()
        revision = args.revision or _highest(each.revision for each in devices.values())
        return fleet.print_who(revision, {})


class _Fleet:
    """What every device reports about its keys. Use it as a context manager; entering waits for the brokers."""

    def __init__(self, target: Target) -> None:
        self._heard: dict[str, KeysData | None] = {}
        self._why: dict[str, str] = {}
        self._changed = threading.Condition()
        self._changed_s = time.monotonic()
        filters = [target.identity.up(*levels) for levels in (("state",), ("meta",), ("result", "+"))]
        self.centre = Centre(
            target.brokers, tls=target.tls, root=target.identity.root, filters=filters, on_notice=self._hear
        )

    def __enter__(self) -> "_Fleet":
        connected(self.centre)
        with self._changed:
            self._changed_s = time.monotonic()
            deadline_s = self._changed_s + _SETTLE_S
            while time.monotonic() < min(deadline_s, self._changed_s + _QUIET_S):
                self._changed.wait(_STEP_S)
        return self

    def __exit__(self, *_: object) -> None:
        self.centre.__exit__(None, None, None)

    def _hear(self, notice: Notice) -> None:
        if not isinstance(notice, NewMessage):
            return
        message = notice.message
        with self._changed:
            if isinstance(message.data, MetaData):
                self._heard[message.source] = message.data.keys
            elif isinstance(message.data, ResultData) and (message.data.name, message.data.status) == _FAILED:
                self._why[message.source] = message.data.text
            else:
                return
            self._changed_s = time.monotonic()
            self._changed.notify_all()

    def devices(self) -> dict[str, KeysData]:
        """Return what each device has, by source. Raises BrokerError when there is none."""
        with self._changed:
            heard = dict(self._heard)
        if not heard:
            raise BrokerError("no device is known at these brokers: check the address and the certificate")
        return {source: keys or KeysData(revision=0, seen=0) for source, keys in sorted(heard.items())}

    def await_revision(self, revision: int, timeout_s: float) -> None:
        """Wait until every device that is online has this revision, or has said why not."""
        deadline_s = time.monotonic() + timeout_s
        with self._changed:
            while time.monotonic() < deadline_s and self._waited_for(revision):
                self._changed.wait(_STEP_S)

    def _waited_for(self, revision: int) -> list[str]:
        lacking = [source for source, keys in self._heard.items() if keys is not None and keys.revision != revision]
        with self.centre.view() as known:
            return [
                source
                for source in lacking
                if source not in self._why
                and (device := known.devices.get(source)) is not None
                and device.presence is Presence.ONLINE
            ]

    def print_who(self, revision: int, unsent: Mapping[str, str]) -> int:
        """Print a line for each device, those that lack the revision first; return 1 if there are any."""
        devices = self.devices()
        with self.centre.view() as known:
            presence = {each: known.devices[each].presence for each in devices if each in known.devices}
        lacking = [each for each, keys in devices.items() if keys.revision != revision]
        width = max(len(each) for each in devices)
        for source in [*lacking, *(each for each in devices if each not in lacking)]:
            keys, here = devices[source], presence.get(source, Presence.UNKNOWN)
            has = f"revision {keys.revision}" if keys.revision else "its own key file"
            why = unsent.get(source) or self._why.get(source) or ""
            if source in lacking and not why and here is not Presence.ONLINE:
                why = LAST_WORDS[here]
            print(printable(f"{source.removeprefix('/edge/'):{width}}  {has:18}  {why}".rstrip()))
        has = f"revision {revision}" if revision else "their own key files: `edge-centre keys send` has sent them none"
        print(f"{len(devices) - len(lacking)} of {len(devices)} devices obey {has}")
        if any(presence.get(each) is not Presence.ONLINE for each in lacking):
            print("a device that is off takes the key set when it reconnects: check with `edge-centre keys who`")
        return 1 if lacking else 0
