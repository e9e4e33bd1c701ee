"""The end of a walk: its report is drafted by the device, signed by the technician here, and sealed by the device."""

import json
import socket
import time
from typing import Any

from agent.contract.commissioning import Report, listed, statement
from agent.core.commissioning.record import Kept
from agent.core.commissioning.report import differs
from agent.core.errors import EdgeAgentError
from agent.service_page.walk_driver import lines_of
from agent.trust.jose_keys import PrivateKey, sign

_SEAL_S = 180.0
"""How long a device may take: a TPM needs seconds, and so does a camera."""
_SENT_S = 30.0
_ENDED = "the agent has ended: the same command makes the report"
_CALM_S = 0.3
"""How long nothing must wait for a broker: the report is counted a moment after it is sealed."""


class Desk:
    """Talks about one report by the tap. Raises EdgeAgentError where there is none."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._received = b""
        self._waiting: int | None = None

    def seal(self, kept: Kept, key: PrivateKey, name: str = "", note: str = "") -> dict[str, Any]:
        """Have the report of a walk sealed; return its id (`report`), its `verdict` and its `file`."""
        request = {"kept": kept.model_dump(mode="json"), "kid": key.kid, "name": name, "note": note}
        answer = self._ask("draft", request)
        if "draft" in answer:
            report = Report.model_validate(answer["draft"]["report"])
            # Every reader of the tap hears the answers to all: this may be a draft that another has asked for.
            if (why := differs(report, kept)) is not None:
                raise EdgeAgentError(f"the device has drafted a report that was not walked here: {why}")
            protected, _, signature = sign(statement(report, listed(report)), key).decode().split(".")
            half = {"report": report.id, "protected": protected, "signature": signature}
            answer = self._ask("report", half)
        sealed: dict[str, Any] = answer["sealed"]
        return sealed

    def is_sent(self) -> bool:
        """Wait until a broker has what was sealed; return whether one has it in time."""
        began_s = time.monotonic()
        while (passed_s := time.monotonic() - began_s) < _SENT_S:
            if passed_s > _CALM_S and self._waiting == 0:
                return True
            self._lines(_CALM_S)
        return False

    def _ask(self, word: str, request: dict[str, Any]) -> dict[str, Any]:
        try:
            self._sock.sendall(f"{word} {json.dumps(request)}\n".encode())
        except ConnectionError as error:
            raise EdgeAgentError(_ENDED) from error
        until_s = time.monotonic() + _SEAL_S
        while (left_s := until_s - time.monotonic()) > 0:
            for line in self._lines(left_s):
                if "refused" in line:
                    raise EdgeAgentError(f"there is no report: {line['refused']}")
                if line.keys() & {"draft", "sealed"}:
                    return line
        raise EdgeAgentError("the device makes no report: the same command tries again")

    def _lines(self, patience_s: float) -> list[dict[str, Any]]:
        """Return what has come within this time, perhaps nothing."""
        self._sock.settimeout(patience_s)
        try:
            more = self._sock.recv(65536)
        except TimeoutError:
            return []
        except ConnectionError:
            more = b""
        if not more:
            raise EdgeAgentError(_ENDED)
        lines, self._received = lines_of(self._received + more)
        found: list[dict[str, Any]] = [json.loads(line) for line in lines]
        for line in found:
            self._waiting = line.get("waiting", self._waiting)
        return found
