"""The walk as the page shows it: state for whoever polls, orders to sign, answers, and the tap behind them."""

import json
import socket
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from agent.contract.commissioning import ROLES
from agent.core.commissioning.plan import plan
from agent.core.commissioning.walk import Answer, Walk
from agent.core.errors import EdgeAgentError
from agent.service_page.asked import Asked
from agent.service_page.walk_driver import WalkDriver, topic_of
from agent.sim import control_socket

POLL_S = 20.0
"""How long a poll waits for something new."""
AWAY_S = 30.0
"""After so long without a poll the phone counts as gone: the walk rests, and another program may take it up."""
_TURN_S = 0.5
_SEAL_S = 180.0
"""How long a report may take: a TPM needs seconds, and so does a camera."""
_STANDING = {"path", "started"}
_REPORT = "report"
"""What waits for the answer to a line about one."""
_AWAY = "The walk rests: no phone is there."


class NotNow(EdgeAgentError):  # noqa: N818 - a verdict
    """This can't be done now; the text says why, for the technician."""


class Walking:
    """`run` on a thread of its own; the rest on any."""

    def __init__(self, tap: Path, directory: Path, opening: str) -> None:
        """`tap` is the agent's socket, `directory` keeps the walk, and the agent knows the page by `opening`."""
        self._opening = opening
        self._tap = tap
        self._directory = directory
        self._changed = threading.Condition()
        self._driver: WalkDriver | None = None
        self._sock: socket.socket | None = None
        self._asked: Asked | None = None
        self._nonce: str | None = None
        self._standing: dict[str, bytes] = {}
        """The lines of the tap that are told when they change, for a walk that begins after them."""
        self._trouble = "The page is connecting to the agent."
        self._unheard = ""
        """Why the agent can't reach a broker, in its own words."""
        self._polled_s = -AWAY_S
        self._polling = 0
        self._n = 0
        self._last: Any = None
        self._waiting: dict[str, Mapping[str, Any] | None] = {}
        """Results and answers that somebody waits for, by their id."""
        self._trying = ("", 0)
        """The order of new settings that was sent last, and its revision."""
        self._untold: list[bytes] = []
        self._is_closed = False

    # --- the phone

    def state(self, after: int) -> Mapping[str, Any]:
        """Return what there is to show, once it is newer than `after`, or after 20 s."""
        with self._changed:
            self._polling += 1
            try:
                self._step()
                self._changed.wait_for(lambda: self._n != after or self._is_closed, POLL_S)
            finally:
                self._polling -= 1
                self._polled_s = time.monotonic()
            return self._state()

    def answer(self, answer: Answer, reason: str, to: str | None = None) -> None:
        """Take an answer of the technician, to the sentence `to` if that is given: the walk may have gone on while the
        finger came down. Raises NotNow."""
        with self._changed:
            walk = self._drive().walk
            if to is not None and to != walk.view().say:
                raise NotNow("The walk had gone on before your tap came. Look again.")
            if not walk.say(answer, time.monotonic(), reason):
                raise NotNow("That is no answer here.")
            self._step()

    def order(self, order_id: str, token: bytes) -> None:
        """Send an order that the technician has signed. One that was sent before is not sent again. Raises NotNow."""
        with self._changed:
            driver = self._drive()
            for order in driver.orders():
                if order.id == order_id:
                    self._send(driver.sent(order, token))
            self._step()

    def ask(self, line: bytes, wanted: str, patience_s: float) -> Mapping[str, Any]:
        """Send a line to the agent, and return what answers it: the final result of the command with the id `wanted`,
        or the line of the tap with that name. One question of the same name at a time. Raises NotNow."""
        with self._changed:
            if not self._changed.wait_for(lambda: wanted not in self._waiting, patience_s):
                raise NotNow("The agent is busy. Try again.")
            self._waiting[wanted] = None
            self._polling += 1
            try:
                self._send(line)
                self._changed.wait_for(lambda: self._waiting[wanted] is not None or self._is_closed, patience_s)
                answer = self._waiting[wanted]
            finally:
                del self._waiting[wanted]
                self._changed.notify_all()
                self._polling -= 1
                self._polled_s = time.monotonic()
        if answer is None:
            raise NotNow("The agent has not answered. Try again.")
        return answer

    def try_settings(self, line: bytes, cmd_id: str, revision: int, patience_s: float) -> Mapping[str, Any]:
        """Send an order of new settings, and return its final result. For most of them the agent starts again, and may
        tell it while nobody hears: then what has become of the revision says it. Raises NotNow."""
        self._trying = cmd_id, revision
        result: Mapping[str, Any] = self.ask(line, cmd_id, patience_s)["data"]
        return result

    def report(self, word: str, request: Mapping[str, Any]) -> Mapping[str, Any]:
        """Have the agent draft the report of this walk, or seal it, and return its answer. Raises NotNow."""
        with self._changed:
            kept = self._drive().walk.kept
        if word == "draft":
            request = {**request, "kept": kept.model_dump(mode="json")}
        return self.ask(f"{word} {json.dumps(request)}\n".encode(), _REPORT, _SEAL_S)

    def follow(self, asked: Asked) -> None:
        """Walk what the device has now: settings may change in the middle of a walk."""
        with self._changed:
            has, self._asked = None if self._asked is None else self._asked.equipment, asked
            if self._driver is not None and asked.equipment != has:
                self._driver.resume(plan(asked.equipment))
                self._bring_up(self._driver)
            self._notify()

    def begin_another(self) -> None:
        """Begin another walk, now that this one is at its end. Raises NotNow."""
        with self._changed:
            driver = self._drive()
            if driver.walk.view().state != "done" or self._asked is None:
                raise NotNow("This walk is not at its end.")
            driver.close()
            self._driver = None
            self._begin(self._asked, new=True)
            self._step()

    def tell(self, **what: Any) -> None:
        """Tell the agent how the page is used."""
        with self._changed:
            self._untold.append(b"page " + json.dumps({"opening": self._opening, **what}).encode() + b"\n")
            self._tell()

    def _tell(self) -> None:
        with suppress(NotNow):  # it is told once it is there again
            while self._untold:
                self._send(self._untold[0])
                del self._untold[0]

    # --- the agent

    def run(self, on_connect: Callable[[], None]) -> None:
        """Listen to the agent until `close`; `on_connect` is called at each connection."""
        while not self._is_closed:
            try:
                sock = control_socket.connect(self._tap)
            except OSError as error:
                self._is_away(f"The agent does not answer: {(error.strerror or str(error)).lower()}.")
                continue
            with sock:
                with self._changed:
                    self._sock = sock
                    self._trouble = ""
                    self._tell()
                on_connect()
                self._listen(sock)
            self._is_away("The agent has ended. The walk goes on once it is there again.")

    def close(self) -> None:
        """End `run` and every poll."""
        with self._changed:
            self._is_closed = True
            if self._driver is not None:
                self._driver.close()
                self._driver = None
            self._changed.notify_all()

    def _listen(self, sock: socket.socket) -> None:
        sock.settimeout(_TURN_S)
        received = b""
        while not self._is_closed:
            try:
                more = sock.recv(65536)
            except TimeoutError:
                more = None
            except OSError:
                return
            if more == b"":
                return
            with self._changed:
                *lines, received = (received + (more or b"")).split(b"\n")
                for line in lines:
                    self._take(line)
                self._step()

    def _is_away(self, trouble: str) -> None:
        with self._changed:
            self._sock, self._nonce, self._trouble, self._unheard = None, None, trouble, ""
            self._standing.clear()
            if self._driver is not None:
                self._driver.resume()
            self._notify()
            self._changed.wait(_TURN_S)

    def _take(self, text: bytes) -> None:
        line = json.loads(text)
        self._nonce = line.get("nonce", self._nonce)
        self._standing |= dict.fromkeys(line.keys() & _STANDING, text)
        if "path" in line:
            why = line["path"].get("why", "")
            self._unheard = f"No connection to the command centre: {why}" if why else ""
        data = line.get("data", {})
        wanted = data.get("command_id")
        if "view" in line:
            wanted = f"view {line['view']}"
        elif line.keys() & {"cameras", "settings", "checked"}:
            wanted = next(iter(line))
        elif line.keys() & {"draft", "sealed", "refused"}:
            wanted = _REPORT
        elif line.keys() == {"config"} and line["config"]["revision"] == self._trying[1]:
            wanted, data = self._trying[0], _result(line["config"])
            line = {"data": data}
        if wanted in self._waiting and data.get("status") not in {"accepted", "in-progress"}:
            self._waiting[wanted] = line
            self._changed.notify_all()
        if self._driver is not None:
            self._driver.take(text)

    def _step(self) -> None:
        """Let the walk go on while a phone is there, and rest when none is."""
        if self._is_closed or self._asked is None:
            return
        now_s = time.monotonic()
        if self._polling or now_s - self._polled_s < AWAY_S:
            if self._sock is not None:
                if self._driver is None:
                    self._begin(self._asked)
                else:
                    self._driver.walk.tick(now_s)
            if self._driver is not None:
                self._driver.orders()
        elif self._driver is not None:
            self._driver.close()
            self._driver, self._trouble = None, _AWAY
        self._notify()

    def _begin(self, asked: Asked, *, new: bool = False) -> None:
        try:
            self._driver = WalkDriver(plan(asked.equipment), self._directory, new=new)
        except (EdgeAgentError, OSError) as error:
            self._trouble = f"The walk can't be taken up: {error}."
            return
        self._bring_up(self._driver)
        self._trouble = ""

    def _bring_up(self, driver: WalkDriver) -> None:
        """Have a walk that begins now know what was told before."""
        for line in self._standing.values():
            driver.take(line)
        driver.nonce = self._nonce

    def _drive(self) -> WalkDriver:
        self._polled_s = time.monotonic()
        self._step()
        if self._driver is None or self._sock is None:
            raise NotNow(self._trouble or "The page is connecting to the agent.")
        return self._driver

    def _send(self, line: bytes) -> None:
        if self._sock is None:
            raise NotNow(self._trouble)
        try:
            self._sock.sendall(line)
        except OSError as error:
            raise NotNow("The agent has ended.") from error

    # --- what is shown

    def _state(self) -> Mapping[str, Any]:
        asked = self._asked
        return {
            "n": self._n,
            "time": int(time.time()),
            "seconds_left": 0 if asked is None else max(0, round(asked.seconds_left)),
            "walk": None if self._driver is None else _view(self._driver.walk),
            **self._shown(),
        }

    def _shown(self) -> Mapping[str, Any]:
        asked, driver = self._asked, self._driver
        orders = [] if driver is None else driver.orders()
        return {
            "device": "" if asked is None else asked.equipment.source,
            "place": "" if asked is None else asked.equipment.place,
            "serial": "" if asked is None else asked.equipment.serial,
            "roles": sorted(ROLES),
            "nonce": self._nonce,
            "orders": [{"id": o.id, "topic": topic_of(o), "name": o.name, "args": dict(o.args)} for o in orders],
            "verdicts": [] if driver is None else [each.model_dump(mode="json") for each in driver.walk.kept.verdicts],
            "interruptions": []
            if driver is None
            else [each.model_dump(mode="json") for each in driver.walk.kept.interruptions],
            "trouble": self._trouble or self._unheard or None,
        }

    def _notify(self) -> None:
        view = None if self._driver is None else {**_view(self._driver.walk), "seconds_left": 0}
        now = (self._shown(), view)
        if now != self._last:
            self._last = now
            self._n += 1
            self._changed.notify_all()


def _result(config: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the result that an order of settings has by what has become of its revision."""
    match config["state"]:
        case "in-force":
            return {"status": "succeeded", "code": "ok", "text": ""}
        case "failed":
            return {"status": "failed", "code": "rolled-back", "text": config["reason"]}
        case _:  # a refusal says more itself
            return {"status": "in-progress"}


def _view(walk: Walk) -> dict[str, Any]:
    view = asdict(walk.view())
    return {**view, "step_count": view["count"]}
