"""`edge-centre report file`: files the reports that devices send, and says whether they are genuine."""

import argparse
import fcntl
import hashlib
import os
import queue
import re
import socket
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

from agent.contract.commissioning import Report
from agent.contract.errors import EdgeAgentError, UsageError
from agent.contract.identity import REPORTS, ROOT
from agent.trust.commissioning_report import Finding, Trust, check
from agent.trust.whole_file import replace_file
from edge_centre.adapters.paho_centre import Heard
from edge_centre.cli.report_trust import add_trust, trust_of
from edge_centre.cli.target import add_options, target_of
from edge_centre.library import Centre, printable
from edge_centre.library.reader import MAX_PAYLOAD_BYTES

STRANGE = "not-genuine"
"""Folder for reports that are not genuine, by the device whose topic they came on."""
MOST_STRANGE = 20
"""For each device: a stolen one can make any number."""
_NO_REPORT = (
    "take the device's own file, /var/lib/edge-agent/commissioning/report.json, and verify that. If the device goes on"
    ' sending what is no report, somebody has its key or its card: see "A stolen kiosk" in runbook.md'
)
_TOPIC = re.compile(r"((?:[a-z0-9-]{1,64}/){2}[a-z0-9-]{1,64})" + REPORTS)
_EXAMPLE = """\
Example, in the office:
  edge-centre report file --to provinces/kzn/reports --province kzn --broker mqtts://broker-a.kzn.example:8884 \\
    --broker mqtts://broker-b.kzn.example:8884 --ca provinces/kzn/centres/durban-centre/ca.pem \\
    --cert provinces/kzn/centres/durban-centre/durban-centre.pem \\
    --cert-key provinces/kzn/centres/durban-centre/durban-centre.key

A report is filed as DIR/PROVINCE/SITE/ID/TIME-REPORT-DIGEST.json, and its check in a .txt file of the same name.
"""


def add_action(actions: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `file`; it sets `run`."""
    one = actions.add_parser(
        "file",
        help="receive reports and file them, by device and time",
        description="File every report that a device sends, until Ctrl-C, and say whether each is genuine. At the"
        " start the brokers send each device's newest report; they queue what arrives while this is not running, for"
        " two weeks. Filed reports are never replaced. Those that are not genuine go into a separate folder.",
        epilog=_EXAMPLE,
    )
    add_options(one, every_broker=True)
    add_trust(one)
    one.add_argument("--to", required=True, type=Path, metavar="DIR", help="created if it does not exist")
    one.add_argument("--seconds", type=float, help="stop after this many seconds")
    one.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """File until interrupted, or until the time is up."""
    trust = _Newest(args)  # what is missing is said now
    target = target_of(args, every=args.device is None)
    heard: queue.SimpleQueue[Heard] = queue.SimpleQueue()
    deadline = None if args.seconds is None else time.monotonic() + args.seconds

    def on_link(url: str, up: bool, why: str) -> None:
        if not up:
            print(f"edge-centre: no connection to {url} ({why}); trying again", file=sys.stderr, flush=True)

    with _alone(args.to) as session:
        cabinet = Cabinet(args.to, target.identity.root)
        centre = Centre(
            target.brokers,
            tls=target.tls,
            root=target.identity.root,
            session=session,
            filters=[target.identity.up("commissioning")],
            on_heard=heard.put,
            on_link=on_link,
        )
        with centre:
            centre.await_connection()
            if centre.troubles:
                print(f"edge-centre: {centre.troubles}; trying again", file=sys.stderr, flush=True)
            until = "Ctrl-C ends it" if args.seconds is None else f"it ends after {args.seconds:g} s"
            print(f"edge-centre: waiting for reports, to file them in {args.to}; {until}", file=sys.stderr, flush=True)
            while deadline is None or time.monotonic() < deadline:
                try:
                    message = heard.get(timeout=0.2)
                except queue.Empty:
                    continue
                said = cabinet.take(message.topic, message.payload, trust, datetime.now(UTC))
                if said is not None:
                    print(printable(said), flush=True)
    return 0


class _Newest:
    """The trust files, read again for each report; as last read while one is missing."""

    def __init__(self, args: argparse.Namespace) -> None:
        self._args, self._before = args, trust_of(args)

    def __call__(self) -> Trust:
        try:
            self._before = trust_of(self._args)
        except EdgeAgentError as error:
            print(f"edge-centre: {error}; using what was read before", file=sys.stderr, flush=True)
        return self._before


class Cabinet:
    """The folder. One thread. Nothing in it is ever replaced or removed."""

    def __init__(self, folder: Path, root: str = ROOT) -> None:
        self._folder, self._root = folder, root
        paths = [path for path in folder.glob("*/*/*/*.json") if path.parts[-4] != STRANGE]
        self._known = {("/".join(path.parts[-4:-1]), path.stem.rpartition("-")[2]) for path in paths}
        """Device and digest of what was filed, or checked since the start: brokers resend it at each connection."""
        self._forged: Counter[str] = Counter()
        """By device: how many of its reports were not genuine, since the start."""

    def take(self, topic: str, payload: bytes, trust: Callable[[], Trust], now: datetime) -> str | None:
        """File what came on a topic; return a line about it, None for what is here already. Raises EdgeAgentError.

        `trust` is asked only for what is checked: it takes a process, and a stolen device may send without end.
        """
        found = _TOPIC.fullmatch(topic.removeprefix(f"{self._root}/"))
        if found is None:
            return f"REFUSED: {topic[:200]} is not a topic for reports"
        device, digest = found[1], hashlib.sha256(payload).hexdigest()[:16]
        if (device, digest) in self._known:
            return None
        if (why := self._refused(device, payload)) is not None:
            return f"{device}: {why}"
        believed = replace(trust(), device=device)
        try:
            file, findings = check(payload, believed, now)
            report = file.data.report
            place = Path(device, f"{_moment(report.ended)}-{UUID(report.id)}-{digest}.json")
        except (EdgeAgentError, ValueError, RecursionError) as error:
            findings = [Finding(False, str(error) or type(error).__name__, _NO_REPORT)]
        self._known.add((device, digest))
        if all(each.holds for each in findings):
            return self._genuine(report, place, payload, findings, now)
        self._forged[device] += 1
        return self._strange(device, digest, payload, findings, now)

    def _refused(self, device: str, payload: bytes) -> str | None:
        """Return why this is not checked; None if it is."""
        if not payload:
            return "somebody has cleared its report at the broker. Filed reports stay"
        if len(payload) > MAX_PAYLOAD_BYTES:
            return f"REFUSED: {len(payload)} bytes is too large for a report"
        if self._forged[device] >= MOST_STRANGE:
            return f"REFUSED: {MOST_STRANGE} of its reports were not genuine: restart this to check more"
        return None

    def _genuine(self, report: Report, place: Path, payload: bytes, findings: Sequence[Finding], now: datetime) -> str:
        path = self._folder / place
        _write(path, payload, findings, now)
        lacks = report.follows and not any(f"-{report.follows}-" in each.name for each in path.parent.iterdir())
        before = f". The report before it, {report.follows}, is missing" if lacks else ""
        return f"genuine: {report.device.name}, {report.ended}: {report.verdict}: {path}{before}"

    def _strange(self, device: str, digest: str, payload: bytes, findings: Sequence[Finding], now: datetime) -> str:
        folder = self._folder / STRANGE / device
        path = folder / f"{digest}.json"
        why = next(each.text for each in findings if not each.holds)
        if path.exists():
            return f"NOT GENUINE: {device}: {why}: {path}"
        if sum(1 for _ in folder.glob("*.json")) >= MOST_STRANGE:
            return f"NOT GENUINE: {device}: {why}. Not kept: {MOST_STRANGE} others are in {folder}"
        _write(path, payload, findings, now)
        return f"NOT GENUINE: {device}: {why}: {path}"


def _moment(time: str) -> str:
    """Return a time of the contract as a name has it. Raises ValueError."""
    found = datetime.fromisoformat(time)
    return f"{found if found.tzinfo is None else found.astimezone(UTC):%Y%m%dT%H%M%SZ}"


def _write(path: Path, payload: bytes, findings: Sequence[Finding], now: datetime) -> None:
    """Write the report and what the check found on arrival: a signer who leaves the key set later does not undo it."""
    lines = [f"Checked {now:%Y-%m-%d %H:%M} UTC, when it came"]
    lines += [printable(f"{'holds' if each.holds else 'NOT SO'}: {each.text}") for each in findings]
    lines += [f"Next: {do}." for do in dict.fromkeys(each.do for each in findings if each.do)]
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_file(path.with_suffix(".txt"), ("\n".join(lines) + "\n").encode(), 0o640)
        replace_file(path, payload, 0o640)  # last: with it the report is filed
    except OSError as error:
        raise EdgeAgentError(f"{path}: {(error.strerror or str(error)).lower()}") from error


@contextmanager
def _alone(folder: Path) -> Iterator[str]:
    """Keep others from filing into this folder; provide the name of its session at the brokers. Raises UsageError."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        number = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except FileExistsError as error:
        raise UsageError(f"--to {folder}: this is a file; give a folder") from error
    except OSError as error:
        raise UsageError(f"--to {folder}: {(error.strerror or str(error)).lower()}") from error
    try:
        try:
            fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise UsageError(f"--to {folder}: another `edge-centre report file` is using it") from error
        where = f"{socket.gethostname()}:{folder.resolve()}"
        yield f"reports-{hashlib.sha256(where.encode()).hexdigest()[:12]}"
    finally:
        os.close(number)
