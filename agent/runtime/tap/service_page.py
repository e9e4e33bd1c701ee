"""Asks for the service page, and ends it: the core's side of a process of its own.

The page is asked for by a file, which the service manager watches, and is over when that is gone. A contact inside the
cabinet or a signed command asks; what the page's process tells by the tap is reported. Nothing of it is on the way of a
press.
"""

import json
import logging
import queue
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

from agent.contract.leaves import DocumentError, parse
from agent.core import service_code
from agent.core.plain import plain
from agent.runtime.alarms.pipeline import Pipeline
from agent.runtime.commands.orders import OpenAnswer
from agent.runtime.supervision.context import Context
from agent.runtime.supervision.shared_file import replace_shared

LONGEST_S = 900.0
START_S = 45.0
"""How long the page's process may take to begin: on the slowest board, beside its cameras."""
_MOST_WRONG = 1000
_LOOK = "`systemctl status edge-agent-service-page.path edge-agent-service-page` says why"
_ASKS = "the contact inside the cabinet asks for the service page"
OrderDone = Callable[[str, bool, str, str], object]
"""Called with the id of an order, whether it is done, and the code and text of its result."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class PagePlace:
    """Where the page finds what it needs, and what that is."""

    file: Path
    """Asks for the page."""
    group: str
    """Who may read it, besides the agent."""
    certificate: Path
    """Key and certificate that enrolment has got for it, if there are any."""
    kept_code: Path
    """What enrolment has kept of the claim's code."""
    blinks: bool
    """Whether there is a beacon."""
    about: Callable[[], Mapping[str, Any]]
    """Returns what the page needs to know of the device, as JSON values."""
    version: Callable[[], object]
    """Returns the same object for as long as `about` returns the same."""
    reached: Callable[[], str]
    """Says where a phone reaches the page now, or what to do where none can."""


class ServicePage:
    """`contact` and `order` on any thread, the rest on the thread `tap`."""

    def __init__(self, context: Context) -> None:
        self._place: PagePlace  # from `begin` on
        self._clock = context.clock
        self._security = context.security
        self._lights: Pipeline | None = None
        self._order_done: OrderDone  # from `begin` on
        self._jobs: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._is_served: bool | None = None
        """None as long as nobody knows: what the contact asks for waits until then."""
        self._kept = ""
        self._version: object = None
        """Of what the page was told of the device."""
        self._was_released = False
        """Whether the contact has been open: one that is closed from the start on asks for nothing."""
        self._open: dict[str, Any] | None = None
        self._blinks = False
        """Whether only the beacon tells the code, and nobody has entered it yet."""
        self._wrong = 0
        self._order = ""
        """The command that waits for the page's process to say whether it listens."""
        self._begins_until_ns: int | None = None
        """When a process that has not said so is given up."""

    def begin(self, place: PagePlace, lights: Pipeline, order_done: OrderDone) -> None:
        """Begin, and take up what an earlier run has left open. Before the thread starts. `order_done` hears how an
        order has ended."""
        self._place = place
        self._lights = lights
        self._order_done = order_done
        self._is_served = True
        try:
            self._kept = service_code.parse(self._place.kept_code.read_bytes())
        except FileNotFoundError:
            pass
        except (OSError, ValueError) as error:
            log.warning("the code of the claim can't be read: %s", error)
        try:
            match parse(self._place.file.read_bytes()):
                case {"opening": str(), "boot": self._clock.boot_id, "until_ns": int(until_ns), "hash": str()} as left:
                    self._open = left if until_ns > self._clock.boottime_ns() else None
                    self._blinks = left.get("blinks") is True
        except FileNotFoundError:
            return
        except (OSError, DocumentError) as error:
            log.warning("can't read the saved service-page state: %s", error)
        if self._open is None:
            self._remove()
        elif self._blinks:  # nobody knows the code any more, and nobody has entered it
            self._end("the agent has started again, and the code that the beacon told is gone: ask again")
        else:
            self._share_certificate()
            self._write(self._open)

    def cannot(self) -> None:
        """Note that no page can be served in this run; in place of `begin`."""
        self._is_served = False
        if not self._jobs.empty():
            log.warning("%s, which this device can't serve now", _ASKS)

    def contact(self, name: str, active: bool) -> None:
        """Note that the contact inside the cabinet was held, or has been let go."""
        if active and self._is_served is False:
            log.warning("%s, which this device can't serve now", _ASKS)
        elif active and self._was_released:
            self._jobs.put(partial(self._ask, "contact", name, LONGEST_S))
        elif active:
            log.warning("the contact %s was closed at the start, and asks for nothing: let it go, then hold it", name)
        self._was_released = not active

    def order(self, order_id: str, seconds: float, code_hash: str | None, issuer: str) -> OpenAnswer:
        """Ask for the page on behalf of the holder of a key, or end it with 0 seconds; never blocks. The order is done
        once the page's process listens, or has not begun in time."""
        if not self._is_served:
            return "no-page"
        if not seconds:
            self._jobs.put(partial(self._end, f"{issuer} has ended it"))
        elif code_hash is None and not self._kept and not self._place.blinks:
            return "no-code"
        else:
            self._jobs.put(partial(self._ask, "command", issuer, seconds, code_hash, order_id))
        return "ok"

    def tick(self) -> None:
        """Do what was asked for, and end what is over."""
        while not self._jobs.empty():
            self._jobs.get()()
        now_ns = self._clock.boottime_ns()
        if self._open is not None and now_ns >= self._open["until_ns"]:
            self._end("its time is up")
        elif self._begins_until_ns is not None and now_ns >= self._begins_until_ns:
            log.warning("the service page has not begun within %g s: %s", START_S, _LOOK)
            self._end(f"its process has not begun within {START_S:g} s: on the device, {_LOOK}")
        elif self._open is not None and self._place.version() is not self._version:
            self._write(self._open)

    def take(self, line: bytes) -> None:
        """Take what the page's process tells: a JSON object with the `opening` that it means and an `event`, which is
        `serves` with the `trouble` that keeps every port shut (empty if none does), `wrong-codes` with their `count`,
        `entered` with the address it came `from`, or `ended` with a `reason`."""
        try:
            said = parse(line)
        except DocumentError:
            said = None
        if self._open is None:
            return
        match said:
            case {"opening": opening} if opening != self._open["opening"]:
                pass  # of an earlier one
            case {"event": "serves", "trouble": str(trouble)}:
                if trouble:
                    self._end(f"no port could be opened: {plain(trouble[:300])}")
                self._begins_until_ns = None
                self._answer("ok", self._place.reached())
            case {"event": "wrong-codes", "count": int(count)} if 0 <= count <= _MOST_WRONG:
                self._wrong = count
            case {"event": "entered", "from": str(peer)}:
                self._show(None)
                if self._blinks:
                    self._open["blinks"] = self._blinks = False
                    self._write(self._open)
                self._security.report("service-page-entered", "its code was entered", peer=plain(peer[:64]))
            case {"event": "ended", "reason": str(reason)}:
                self._end(plain(reason[:200]))
            case _:
                log.warning("unknown message from the service page: %.80r", line)

    def _ask(
        self,
        by: Literal["contact", "command"],
        who: str,
        seconds: float,
        code_hash: str | None = None,
        order_id: str = "",
    ) -> None:
        if self._open is not None:
            self._end("it was asked for anew")
        self._order = order_id
        code = None if code_hash or self._kept or not self._place.blinks else f"{secrets.randbelow(10**8):08}"
        kept = code_hash or self._kept or (service_code.hashed(code) if code else "")
        if not kept:
            log.warning("no service page: there is neither a code of the claim nor a beacon to tell one")
            return
        asked = {
            "opening": secrets.token_hex(16),
            "boot": self._clock.boot_id,
            "until_ns": self._clock.boottime_ns() + int(seconds * 1e9),
            "hash": kept,
            "blinks": code is not None,
        }
        self._share_certificate()  # before the file that starts the page
        if not self._write(asked):
            self._answer("no-page", "what asks for the service page can't be written: see the agent's log")
            return
        self._begins_until_ns = self._clock.boottime_ns() + int(START_S * 1e9)
        self._open, self._blinks, self._wrong = asked, code is not None, 0
        self._show(code)
        what = f"asked for by {who}, for {seconds:g} s; {self._place.reached()}"
        self._security.report("service-page-opened", what, by=by, who=who, seconds=seconds, blinks=code is not None)

    def _end(self, why: str) -> None:
        if self._open is None:
            return
        self._open = self._begins_until_ns = None
        self._answer("no-page", f"the service page does not open: {why}")
        self._show(None)
        self._remove()
        self._security.report("service-page-ended", why, wrong_codes=self._wrong)

    def _answer(self, code: Literal["ok", "no-page"], text: str) -> None:
        """Say how the order has ended that waits, if one does."""
        order, self._order = self._order, ""
        if order:
            self._order_done(order, code == "ok", code, text)

    def _show(self, code: str | None) -> None:
        if self._lights is not None:
            self._lights.show_code(code)

    def _remove(self) -> None:
        try:
            self._place.file.unlink(missing_ok=True)
            for shown in (self._certificate, *self._place.file.parent.glob("view-*.jpg")):
                shown.unlink(missing_ok=True)
        except OSError as error:
            log.warning("what asks for the service page can't be removed: %s", error)

    @property
    def _certificate(self) -> Path:
        return self._place.file.with_suffix(".pem")

    def _share_certificate(self) -> None:
        try:
            replace_shared(self._certificate, self._place.certificate.read_bytes(), self._place.group)
        except FileNotFoundError:
            pass
        except OSError as error:
            log.warning("the service page gets no certificate of the office's: %s", error)

    def _write(self, asked: Mapping[str, Any]) -> bool:
        self._version = self._place.version()
        try:
            replace_shared(self._place.file, json.dumps({**asked, **self._place.about()}).encode(), self._place.group)
        except OSError as error:
            log.warning("the service page can't be asked for: %s", error)
            return False
        return True
