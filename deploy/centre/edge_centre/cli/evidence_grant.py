"""`edge-centre evidence grant`: answers devices that ask where segments of their recordings may be put."""

import argparse
import json
import os
import queue
import re
import sys
import time
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from agent.contract.errors import UsageError
from agent.contract.messages import ResultData
from agent.contract.stores import is_object_name
from agent.trust.jose_keys import PrivateKey
from edge_centre.adapters.paho_centre import Heard
from edge_centre.cli.target import add_options, target_of
from edge_centre.library import Centre, printable
from edge_centre.viewing.presign import LONGEST_S, StoreKey, presigned

_LIFE_S = 900
_TRY_S = 60.0
_NAMES_AT_ONCE, _NAMES_S = 256, 8.0
"""For each device: how many names are answered at once, and per second after that. Others must not wait."""
_MOST_DEVICES = 50_000
_LARGEST = 64 << 20
"""Bytes of a segment."""
_MOST_BYTES = 8 * 1024
"""Of URLs in one command: signed, and with all else, it may have 16 KiB."""
_TOPIC = re.compile(r"/((?:[a-z0-9-]{1,64}/){2}[a-z0-9-]{1,64})/up/evidence$")
_KEY_ID, _SECRET, _TOKEN = "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"
_STORE = "https://HOST/BUCKET/PREFIX or https://BUCKET.HOST/PREFIX"
_EXAMPLE = """\
Example:
  export AWS_ACCESS_KEY_ID=... AWS_SECRET_ACCESS_KEY=...
  edge-centre evidence grant --all --broker mqtts://broker-a.example:8884 --ca ca.pem --cert centre.pem \\
    --cert-key centre.key --key keys/uploads-1.key.json --store https://store.example/evidence/2026 --region af-south-1

A segment becomes the object STORE/PROVINCE/SITE/DEVICE/CAMERA/YYYY-MM-DD/HH/MM-SS.mmmZ.N.mp4. The key of the store
needs only the right to put objects there, and stays on this machine: devices get URLs, each for one object of the
length that they announced. Existing objects can't be overwritten (If-None-Match: *), which S3, MinIO and Ceph support.
"""


def add_action(actions: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `grant`; it sets `run`."""
    one = actions.add_parser(
        "grant",
        help="let devices upload their recordings to a store (S3)",
        description="Answer every device that asks where its segments may be put with presigned URLs of a store of "
        "S3's kind, until Ctrl-C. Without this, recordings stay on the cards.",
        epilog=_EXAMPLE,
    )
    add_options(one, every_broker=True)
    one.add_argument("--all", action="store_true", help="every device; takes no --device")
    one.add_argument("--key", required=True, type=Path, help="private key of the role supervisor or admin")
    add_store(one)
    text = f"how long a URL is good, in seconds (default: {_LIFE_S})"
    one.add_argument("--life", type=int, default=_LIFE_S, metavar="S", help=text)
    one.add_argument("--seconds", type=float, help="stop after this many seconds")
    one.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Answer until interrupted, or until the time is up."""
    store, key, life_s = store_of(args.store), PrivateKey.load(args.key), args.life
    if not 0 < life_s <= LONGEST_S:
        raise UsageError(f"--life is from 1 to {LONGEST_S} s")
    lender = store_key(args.region)
    target = target_of(args, every=args.all)
    heard: queue.SimpleQueue[Heard] = queue.SimpleQueue()
    up = target.identity.up
    filters = [up("evidence"), up("state"), up("result", "+")]
    # Without a key of its own it asks for no replay of what it does not listen to.
    centre = Centre(target.brokers, tls=target.tls, root=target.identity.root, filters=filters, on_heard=heard.put)
    deadline = None if args.seconds is None else time.monotonic() + args.seconds
    allowance = Allowance()
    with centre:
        centre.await_connection()
        while deadline is None or time.monotonic() < deadline:
            try:
                device, names = wanted(heard.get(timeout=0.2), allowance)
            except queue.Empty:
                continue
            now = datetime.now(UTC)
            for urls in commands(store, device, names, lender, life_s, now):
                arguments = {"urls": urls, "expires": int(now.timestamp()) + life_s}
                order = centre.order(f"/edge/{device}", "upload-urls", arguments, timeout_s=_TRY_S, key=key)
                order.add_done_callback(lambda done, device=device: _say(device, done))  # type: ignore[misc]
    return 0


class Allowance:
    """How many names of each device are answered. One thread."""

    def __init__(self) -> None:
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def left(self, device: str) -> int:
        """Return how many names of a device may be answered now."""
        left, at_s = self._left.get(device, (float(_NAMES_AT_ONCE), 0.0))
        return int(min(left + (time.monotonic() - at_s) * _NAMES_S, _NAMES_AT_ONCE))

    def take(self, device: str, count: int) -> None:
        """Note that so many are answered."""
        self._left[device] = self.left(device) - count, time.monotonic()
        self._left.move_to_end(device)
        if len(self._left) > _MOST_DEVICES:
            self._left.popitem(last=False)


def wanted(message: Heard, allowance: Allowance) -> tuple[str, dict[str, int]]:
    """Return the device that asks, as PROVINCE/SITE/ID, and for which segments, with their lengths; none if it is
    another message, or a device has asked for more than its share."""
    topic = _TOPIC.search(message.topic)
    if topic is None or message.retain or not (most := allowance.left(topic[1])):
        return "", {}
    device = topic[1]
    try:
        said = json.loads(message.payload)
        if said["type"] != "edge.evidence.wanted.v1" or said["source"] != f"/edge/{device}":
            return "", {}
        names, sizes = said["data"]["objects"][:most], said["data"].get("sizes")
        allowance.take(device, max(len(names), 1))
        if sizes is None:
            text = "gets no URLs, because it does not say how long its segments are: update its edge-agent"
            print(printable(f"{device}: {text}"), file=sys.stderr, flush=True)
            return "", {}
        return device, {
            name: size
            for name, size in zip(names, sizes, strict=False)
            if is_object_name(name) and type(size) is int and 0 <= size <= _LARGEST
        }
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return "", {}


def commands(
    store: str, device: str, names: Mapping[str, int], lender: StoreKey, life_s: int, now: datetime
) -> Iterator[list[Mapping[str, str]]]:
    """Yield the URLs for these segments of such lengths, as many at a time as a command may have."""
    urls: list[Mapping[str, str]] = []
    for name, size in names.items():
        headers = {"content-length": str(size), "if-none-match": "*"}
        url = presigned("PUT", f"{store}/{device}/{name}", lender, life_s, now, headers)
        one = {"name": name, "url": url}
        if urls and len(json.dumps([*urls, one])) > _MOST_BYTES:
            yield urls
            urls = []
        urls.append(one)
    if urls:
        yield urls


def add_store(parser: argparse.ArgumentParser) -> None:
    """Add which store it is."""
    parser.add_argument("--store", required=True, metavar="URL", help=_STORE)
    parser.add_argument("--region", default="us-east-1", help="of the store (default: us-east-1)")


def store_key(region: str) -> StoreKey:
    """Return the key of the store, which the environment has. Raises UsageError."""
    if _KEY_ID not in os.environ or _SECRET not in os.environ:
        raise UsageError(f"the key of the store is missing: set {_KEY_ID} and {_SECRET} in the environment")
    return StoreKey(os.environ[_KEY_ID], os.environ[_SECRET], os.environ.get(_TOKEN), region)


def store_of(text: str) -> str:
    """Return the URL of a store without a slash at its end; warn about one without TLS. Raises UsageError."""
    try:
        parts = urlsplit(text)
        is_good = parts.scheme in {"https", "http"} and parts.hostname and parts.port != 0
    except ValueError:
        is_good = False
    if not is_good or {"@", "?", "#"} & {*text}:
        raise UsageError(f"--store is {_STORE}, without a password and without a query")
    if parts.scheme == "http":
        print(f"edge-centre: {text}: recordings cross the network unencrypted; use https://", file=sys.stderr)
    return text.rstrip("/")


def _say(device: str, done: Any) -> None:
    if done.cancelled():
        return
    error = done.exception()
    result: ResultData | None = None if error else done.result()
    said = str(error) if result is None else f"{result.status} ({result.code}): {result.text}"
    print(printable(f"{device}: {said}"), file=sys.stderr if error else sys.stdout, flush=True)
