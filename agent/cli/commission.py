"""`edge-agent commission`: walks a technician through everything that this device has, in a terminal."""

import argparse
import os
import selectors
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

from agent.adapters.running_agent import find_agent
from agent.bootstrap.commissioning import equipment
from agent.bootstrap.platform import board_serials
from agent.bootstrap.specs import tap_socket
from agent.cli.pasted_key import load_or_ask
from agent.cli.sealing import Desk
from agent.contract.command_line import add_config
from agent.contract.commissioning import ROLES
from agent.contract.words import printable
from agent.core.commissioning.plan import Order, plan
from agent.core.commissioning.walk import Answer, View, Walk
from agent.core.errors import EdgeAgentError, UsageError
from agent.service_page.walk_driver import WalkDriver, lines_of
from agent.settings import Settings
from agent.settings.kept import look
from agent.sim import control_socket
from agent.trust.jose_keys import PrivateKey
from agent.trust.orders import signed

_EXAMPLE = """\
Example (on the device, with the key that `edge-centre keygen --role technician` has made):
  sudo edge-agent commission                   then paste the key: it is not shown, and stays nowhere
  sudo edge-agent commission --key technician-5c01d2ee.key.json

Each line that you type is an answer:
  y              yes
  n [WHY]        no: the step has failed
  a              again: begin the step afresh
  l WHY          leave the step out, for this reason
  g              go on: the step has failed, and stays so
  q              stop here; the same command goes on from here
"""
_ANSWERS: dict[str, Answer] = {"y": "yes", "n": "no", "a": "again", "l": "leave-out", "g": "go-on"}
WALKS = "walk"
"""The directory of the walk, in the state directory: the service page may write there, and nowhere else in it."""
_TURN_S = 0.5
_FINISH_S = 5.0


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add this command."""
    parser = subparsers.add_parser(
        "commission",
        help="try everything that this device has, step by step",
        description="Walk through everything that this device has: label, self-test, buttons, contacts, cameras, "
        "paths, a power cut, and an alarm that a person at the centre answers. Only the button that is tried is in "
        "test mode; an alarm in earnest makes the walk wait. What was begun before is taken up again. At the end you "
        "and the device sign a report, which goes to the centre. Exit code 0 when it is sealed and no step has failed.",
        epilog=_EXAMPLE,
    )
    add_config(parser)
    parser.add_argument("--key", type=Path, help="the technician's private key; pasted when left out")
    parser.add_argument("--name", default="", help="your name, for the report: the office and the centre see it")
    parser.add_argument("--note", default="", help="what the office should know, for the report")
    parser.add_argument("--new", action="store_true", help="begin another walk, and forget the one before")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Walk until every step has its verdict; return 0 if none has failed."""
    key = load_or_ask(args.key, "the technician's")
    settings = look(args.config).settings  # from here on with the rights of the service's user
    if key.role not in ROLES:
        raise UsageError(f"the role of {key.kid} is {key.role}: a walk takes a technician's key, or an admin's")
    agent = find_agent(settings.storage.directory)
    if agent is None:
        raise EdgeAgentError("the agent does not run: `sudo systemctl start edge-agent`")
    serials = board_serials(settings, simulate=agent.simulated)()
    steps = plan(equipment(settings, serials[0] if serials else ""))
    with closing(WalkDriver(steps, settings.storage.directory / WALKS, new=args.new)) as driver:
        terminal = _Terminal(settings, driver, key)
        if known := len(driver.walk.kept.verdicts):
            print(f"This walk was begun before: {known} of {len(steps)} steps have their verdict.")
        print("Do what each line says: the device sees by itself whether it worked. Where it asks, type a letter, then")
        print(
            "Enter: y yes, n WHY no, a this step again, l WHY leave it out, q stop. The same command goes on from here."
        )
        while driver.walk.view().state != "done":
            if not terminal.talk():
                print("Stopped. The same command goes on from here.")
                return 1
        code = _summary(driver.walk)
        with terminal.connect() as sock:
            desk = Desk(sock)
            sealed = desk.seal(driver.walk.kept, key, args.name, args.note)
            print(printable(f"Sealed: report {sealed['report']} ({sealed['verdict']}) in {sealed['file']}"), flush=True)
            is_sent = desk.is_sent()
    print("The broker has it." if is_sent else "No broker has it yet: the device sends it as soon as it can.")
    return code


class _Terminal:
    """The walk, the tap and the keyboard."""

    def __init__(self, settings: Settings, driver: WalkDriver, key: PrivateKey) -> None:
        self._settings = settings
        self._key = key
        self._driver = driver
        self._shown: View | None = None
        self._told = driver.walk.kept.verdicts
        """The verdicts that the technician knows of."""
        self._typed = b""
        self._is_heard = False
        """Whether the agent has said anything on this connection."""

    def talk(self) -> bool:
        """Talk to the agent until the walk is done; return false when the technician leaves. Connects again, and takes
        the walk up again, when the agent has ended: a power cut is one of the steps."""
        self._is_heard = False
        with self.connect() as sock, selectors.PollSelector() as selector:  # epoll accepts no /dev/null and no file
            selector.register(sock, selectors.EVENT_READ, sock)
            selector.register(sys.stdin, selectors.EVENT_READ)
            try:
                return self._talk(sock, selector)
            except ConnectionError:
                if self._is_heard:
                    print("The agent has ended.", flush=True)
                    self._driver.resume()
                else:
                    print("The agent lets nobody more listen: close the service page, or wait.", flush=True)
                    time.sleep(_FINISH_S)
        return True

    def _talk(self, sock: socket.socket, selector: selectors.BaseSelector) -> bool:
        """The same on one connection. Raises ConnectionError when the agent ends it."""
        driver, received = self._driver, b""
        while driver.walk.view().state != "done":
            self._go_on(sock)
            for each, _ in selector.select(_TURN_S):
                if each.data is None:
                    if not self._take_typed():
                        driver.walk.leave()
                        self._finish(sock, received)
                        return False
                    continue
                more = sock.recv(65536)
                if not more:
                    raise ConnectionResetError
                self._is_heard = True
                lines, received = lines_of(received + more)
                for line in lines:
                    driver.take(line)
            driver.walk.tick(time.monotonic())
        self._finish(sock, received)
        return True

    def _finish(self, sock: socket.socket, received: bytes) -> None:
        """Send what ends the tests, and stay until the device has done it."""
        with suppress(ConnectionError):
            self._go_on(sock)
        until_s = time.monotonic() + _FINISH_S
        while self._driver.unanswered and (left_s := until_s - time.monotonic()) > 0:
            sock.settimeout(left_s)
            try:
                more = sock.recv(65536)
            except (TimeoutError, ConnectionError):
                return
            if not more:
                return
            lines, received = lines_of(received + more)
            for line in lines:
                self._driver.take(line)

    def connect(self) -> socket.socket:
        """Return a connection to the tap, once the agent runs."""
        is_told = False
        while True:
            agent = find_agent(self._settings.storage.directory)
            path = tap_socket(self._settings.storage.directory, None if agent is None else agent.runtime_directory)
            try:
                return control_socket.connect(path)
            except PermissionError as error:
                raise EdgeAgentError(f"{path} belongs to the agent's group: use sudo") from error
            except OSError:
                if not is_told:
                    print("Waiting until the agent runs again.", flush=True)
                    is_told = True
                time.sleep(_TURN_S)

    def _take_typed(self) -> bool:
        """Take what was typed; return whether to go on."""
        more = os.read(sys.stdin.fileno(), 4096)
        *lines, self._typed = (self._typed + more).split(b"\n")
        for line in lines:
            word, _, reason = line.decode("utf-8", "replace").strip().partition(" ")
            if word == "q":
                return False
            answer = _ANSWERS.get(word)
            if answer is None or not self._driver.walk.say(answer, time.monotonic(), reason.strip()):
                print(f"That is no answer here. {_fitting(self._driver.walk.view())}", flush=True)
        return bool(more)

    def _go_on(self, sock: socket.socket) -> None:
        """Send the walk's orders, and show where it stands."""
        for order in self._driver.orders():
            sock.sendall(self._driver.sent(order, self._signed(order)))
        view, verdicts = self._driver.walk.view(), self._driver.walk.kept.verdicts
        for each in verdicts:
            if each not in self._told and each.outcome != "failed":  # that is said with what to do
                print(f"  {each.step}: {each.outcome.replace('-', ' ')}", flush=True)
        self._told = verdicts
        if _differ(view, self._shown):
            self._shown = view
            for text in _sentences(view):
                print(printable(text), flush=True)

    def _signed(self, order: Order) -> bytes:
        source = self._settings.identity.source
        return signed(order.name, order.args, source, self._key, self._driver.nonce, order.id).token


def _differ(view: View, before: View | None) -> bool:
    return before is None or any(
        getattr(view, name) != getattr(before, name) for name in ("state", "step", "say", "heard")
    )


def _sentences(view: View) -> Iterator[str]:
    if view.state == "done":
        return
    where = f"[{view.number}/{view.count}] {view.step}"
    if view.state == "failed":
        yield f"{where}: FAILED: {view.say}"
        yield f"  {_fitting(view)}"
        return
    seen = f" ({view.heard} of {view.expected} seen)" if view.heard else ""
    yield f"{where}: {view.say}{' [y/n]' if view.asks else ''}{seen}"


def _fitting(view: View) -> str:
    """Say what may be typed now."""
    if view.state == "waiting":
        return "Type q to stop here; the walk goes on by itself when the centre has closed the alarm."
    first = "g: go on, it stays failed, " if view.state == "failed" else "y: yes, n WHY: no, " if view.asks else ""
    return f"Type {first}a: this step again, l WHY: leave it out, q: stop here."


def _summary(walk: Walk) -> int:
    failed = 0
    for each in walk.kept.verdicts:
        failed += each.outcome == "failed"
        print(printable(f"{each.outcome:9} {each.step}{': ' + each.reason if each.reason else ''}"))
    for interruption in walk.kept.interruptions:
        print(printable(f"alarm in earnest during {interruption.step}: {interruption.input}, {interruption.raised_at}"))
    return 1 if failed else 0
