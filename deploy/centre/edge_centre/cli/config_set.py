"""`edge-centre command`: orders that two people sign, and settings left at the brokers for a device."""

import argparse
import queue
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from agent.contract.commands import TWO_SIGNERS
from agent.contract.device import MetaData
from agent.contract.errors import BrokerError, UsageError
from agent.contract.from_afar import forbidden
from agent.contract.messages import ResultData
from agent.trust.jose_keys import PrivateKey
from edge_centre.cli.sender import LAST_WORDS, connected, say
from edge_centre.cli.target import Target, print_result
from edge_centre.library import Centre, NewMessage, Notice, Presence, Signed, co_sign, sign_kept
from edge_centre.library.config import CONFIG_SET, check_second

_SETTLE_S = 1.0
"""How long to wait for what a device has retained."""
_STEP_S = 0.2


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that go with some commands only."""
    group = parser.add_argument_group(f"with {' and '.join(TWO_SIGNERS)} only")
    text = "the second signer: what --co-sign has written, or their private key"
    group.add_argument("--second", type=Path, metavar="FILE", help=text)
    how = group.add_mutually_exclusive_group()
    text = "send nothing: sign as the second signer, and write that for whoever sends it with --second"
    how.add_argument("--co-sign", type=Path, metavar="FILE", help=text)
    text = "leave it at every broker, for whenever the device comes; good for a year"
    how.add_argument("--retain", action="store_true", help=text)
    text = "remove what is left at the brokers; needs no key and no arguments"
    how.add_argument("--clear", action="store_true", help=text)


def check_usage(args: argparse.Namespace, arguments: Mapping[str, Any]) -> None:
    """Refuse options that can't be meant. Raises UsageError."""
    given = [name for name in ("second", "co_sign", "retain", "clear") if getattr(args, name)]
    if given and args.name not in TWO_SIGNERS:
        raise UsageError(f"--{given[0].replace('_', '-')} works with {' and '.join(TWO_SIGNERS)} only")
    if args.second is not None and (args.clear or args.co_sign is not None):
        raise UsageError("--second goes with what is sent: leave it out here")
    if args.clear and arguments:
        raise UsageError(f"--clear takes no arguments: write {args.name} --clear")


def write_second(path: Path, source: str, name: str, arguments: Mapping[str, Any], key: PrivateKey) -> int:
    """Sign as the second signer, and write that. Raises UsageError."""
    _check_allowed(name, arguments)
    try:
        path.write_text(co_sign(source, name, arguments, key) + "\n")
    except OSError as error:
        raise UsageError(f"--co-sign {path}: {(error.strerror or str(error)).lower()}") from error
    except ValueError as error:
        raise UsageError(str(error)) from error
    what = f"{name}, revision {arguments['revision']}, for {source}"
    print(f"{path}: {what}, signed by {key.issuer}. Another person, an admin, sends it:")
    print(f"the same device, command and arguments, their own --key, and --second {path}")
    if name == CONFIG_SET:
        print("Or a technician in front of the device pastes it into its service page")
    return 0


def completed(
    second: Path | None, source: str, name: str, arguments: Mapping[str, Any], key: PrivateKey
) -> Mapping[str, Any]:
    """Return the arguments with the second signature, from a file with it or with the second signer's key.

    Raises UsageError.
    """
    _check_allowed(name, arguments)
    if second is None:
        return arguments
    try:
        word = second.read_text().strip()
        if word.startswith("{"):
            word = co_sign(source, name, arguments, PrivateKey.load(second))
        check_second(word, source, name, arguments, key)
    except OSError as error:
        raise UsageError(f"--second {second}: {(error.strerror or str(error)).lower()}") from error
    except ValueError as error:
        raise UsageError(f"--second {second}: {error}") from error
    return {**arguments, "second": word}


def _check_allowed(name: str, arguments: Mapping[str, Any]) -> None:
    if name == CONFIG_SET and (paths := forbidden(arguments["changes"])):
        raise UsageError(f"can't be changed from afar: {', '.join(paths)}; docs/contract.md has what can be")


def clear(target: Target, name: str) -> int:
    """Take away what is left at the brokers for a device; return 0 when each has confirmed. Raises BrokerError."""
    with Centre(target.brokers, tls=target.tls, root=target.identity.root, filters=[]) as centre:
        missing = _retain(centre, target, name, None)
    print(f"{name}: nothing is left for {target.identity.device} at {_others(target, missing)}")
    return 1 if missing else 0


def leave(target: Target, name: str, arguments: Mapping[str, Any], key: PrivateKey, timeout_s: float) -> int:
    """Leave settings or keys at the brokers, and report the device's answer, or why there is none yet.

    Return 0 when the device accepts them, or can't yet and each broker has them. Raises UsageError and BrokerError.
    """
    source, revision = target.identity.source, arguments["revision"]
    try:
        settings = sign_kept(name, source, arguments, key, second=arguments.get("second"))
    except ValueError as error:
        raise UsageError(str(error)) from error
    with _SettingsListener(target, name, settings) as listener:
        if listener.wanted >= revision:
            raise UsageError(
                f"revision {revision} is not above {listener.wanted}, the last one that the device has seen"
            )
        missing = _retain(listener.centre, target, name, settings)
        say(f"revision {revision} is left at {_others(target, missing)}")
        result = listener.result(timeout_s)
        if result is not None:
            code = print_result(result.model_dump(mode="json"))
            if code:
                say(f"it is still at the brokers: {name} --clear removes it, and a higher revision replaces it")
            return code
        why = listener.why_not_yet()
    if not why:
        raise BrokerError(
            f"{target.identity.device} is online but did not answer within {timeout_s:g} s; it is still "
            "left at the brokers, so perhaps they do not let it through"
        )
    print(f"{name}: revision {revision} waits at the brokers: {why}")
    return 1 if missing else 0


class _SettingsListener:
    """Listens for a device's answer to settings that are left for it. Use it as a context manager."""

    def __init__(self, target: Target, name: str, settings: Signed) -> None:
        self._name = name
        self._source, self._device, self._settings = target.identity.source, target.identity.device, settings
        self._results: queue.SimpleQueue[ResultData] = queue.SimpleQueue()
        self._settled = threading.Event()
        self._described = False
        self.wanted = 0
        """The highest revision that the device has said to have seen."""
        filters = [target.identity.up(*levels) for levels in (("state",), ("alarms",), ("meta",), ("result", "+"))]
        root = target.identity.root
        self.centre = Centre(target.brokers, tls=target.tls, root=root, filters=filters, on_notice=self._hear)

    def __enter__(self) -> "_SettingsListener":
        connected(self.centre)
        self._settled.wait(_SETTLE_S)
        return self

    def __exit__(self, *_: object) -> None:
        self.centre.__exit__(None, None, None)

    def _hear(self, notice: Notice) -> None:
        data = notice.message.data if isinstance(notice, NewMessage) else None
        if isinstance(data, MetaData):
            keys_seen = 0 if data.keys is None else data.keys.seen
            self.wanted = max(self.wanted, data.config.wanted if self._name == CONFIG_SET else keys_seen)
            self._described = True
        elif isinstance(data, ResultData) and self._settings.is_answered_by(data):
            self._results.put(data)
        if self._described and self._presence() is not Presence.UNKNOWN:
            self._settled.set()

    def _presence(self) -> Presence:
        with self.centre.view() as known:
            device = known.devices.get(self._source)
            return Presence.UNKNOWN if device is None else device.presence

    def result(self, timeout_s: float) -> ResultData | None:
        """Return the final result, or the last one in the end; None when the device can't give one now."""
        deadline_s = time.monotonic() + timeout_s
        last: ResultData | None = None
        while time.monotonic() < deadline_s:
            try:
                last = self._results.get(timeout=_STEP_S)
            except queue.Empty:
                if last is None and self.why_not_yet():
                    return None
                continue
            if last.status != "in-progress":
                break
            say(f"{self._device}: {last.text}")
        return last

    def why_not_yet(self) -> str:
        """Say why the device takes no new settings now; empty if it does."""
        presence = self._presence()
        if presence is not Presence.ONLINE:
            return f"{self._device} takes it when it comes. Now {LAST_WORDS[presence]}"
        with self.centre.view() as known:
            is_busy = self._name == CONFIG_SET and bool(known.devices[self._source].open_alarms)
        return f"{self._device} takes it when its open alarm is closed" if is_busy else ""


def _retain(centre: Centre, target: Target, name: str, order: Signed | None) -> dict[str, str]:
    """Leave an order at the brokers, and say which have not confirmed. Raises BrokerError if none has."""
    keep = centre.retain_config if name == CONFIG_SET else centre.retain_keys
    missing = keep(target.identity.source, order)
    if len(missing) == len(set(target.brokers)):
        raise BrokerError("; ".join(missing.values()))
    for url, why in missing.items():
        say(f"not at {url}: {why}")
    return missing


def _others(target: Target, missing: Mapping[str, str]) -> str:
    return ", ".join(url for url in target.brokers if url not in missing)
