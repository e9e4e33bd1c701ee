"""Asking a registrar until it answers, and believing only an answer that is right."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC
from pathlib import Path
from typing import TypeVar

from agent.contract.identity import common_name
from agent.contract.vocabulary import TimeQuality
from agent.core.delivery.backoff import Backoff
from agent.core.errors import EdgeAgentError
from agent.ports import Clock
from agent.provisioning.credentials import KEY, PAGE, Set
from agent.provisioning.est import PAGES, RefusedError, Registrar, RegistrarError, Shown, Wait
from agent.trust.openssl import (
    Certificate,
    OpensslError,
    certificates,
    key_alone,
    page_request,
    public_key,
    to_pem,
    why_not_issued,
)
from agent.trust.whole_file import read_file

CLOCK_PATIENCE_S = 120.0
PATIENCE_S = 900.0
"""How long a registrar that does not answer is tried again."""
APPROVAL_S = 24 * 3600.0
_CLOCK_STEP_S = 2.0
_BESIDE_S = 20.0
"""How long is asked for what a device can do without."""
_UNTRUSTED = "Nothing of it was taken: tell the office"
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Tools:
    """What enrolment and renewal need from around them."""

    clock: Clock
    pause: Callable[[float], object]
    """Wait for so many seconds."""
    tell: Callable[[str], object]
    """Show the technician one line."""
    stuck: Callable[[str], object] = lambda _: None
    """Show whoever has no terminal what it waits for, in a sentence."""

    def wait_for_clock(self, patience_s: float = CLOCK_PATIENCE_S) -> None:
        """Wait until something has set the clock; after that time go on, and say so. No certificate is taken
        unverified, so a clock that is wrong ends in an error that says what it says."""
        began_ns = self.clock.boottime_ns()
        told = False
        while self.clock.quality() is TimeQuality.UNSYNCED:
            now = f"{self.clock.wall().astimezone(UTC):%Y-%m-%d %H:%M} UTC"
            if not told:
                self._wait(
                    f"The clock says {now}, and nothing has set it yet: waiting for the time service. The network must "
                    "let it reach a time server (UDP port 123)."
                )
                told = True
            if self.clock.boottime_ns() - began_ns >= patience_s * 1e9:
                self.tell(f"Nothing has set the clock, which says {now}. Going on: certificates are held against it.")
                return
            self.pause(_CLOCK_STEP_S)

    def until_answered(self, ask: Callable[[], _T | Wait], patience_s: float, approval_s: float = APPROVAL_S) -> _T:
        """Call `ask` until it returns something. Raises RefusedError; RegistrarError after `patience_s` without any
        answer, or after `approval_s` without an approval."""
        backoff = Backoff(first_s=2.0, longest_s=60.0)
        began_ns = answered_ns = self.clock.boottime_ns()
        told = ""
        while True:
            try:
                answer = ask()
            except RegistrarError as error:
                left_s = patience_s - (self.clock.boottime_ns() - answered_ns) / 1e9
                if left_s <= 0:
                    raise
                # What is tried for seconds must not end in a pause of a minute.
                answer = Wait(error.wait_s or min(backoff.failed(), max(left_s, 1.0)))
                text = f"{str(error).removesuffix('.')}. Trying again until it answers."
            else:
                if not isinstance(answer, Wait):
                    return answer
                answered_ns = self.clock.boottime_ns()
                backoff = Backoff(first_s=2.0, longest_s=60.0)
                text = "Waiting for somebody at the office to approve."
                if answered_ns - began_ns >= approval_s * 1e9:
                    raise RegistrarError("nobody has approved: telephone the office, and run the same command again")
            if text != told:
                told = text
                self._wait(text)
            self.pause(answer.seconds)

    def _wait(self, text: str) -> None:
        self.tell(text)
        self.stuck(text)


def authorities(registrar: Registrar, label: str = "") -> list[Certificate]:
    """Return all authorities that a device needs, or those of a label. Raises RegistrarError, RefusedError."""
    answer = registrar.authorities(label)
    try:
        return certificates(answer)
    except OpensslError as error:
        raise RegistrarError(
            f"the registrar has answered with no list of authorities ({error}): tell the office"
        ) from error


def right_certificate(
    pkcs7: bytes, key: Path | bytes, user: str, known: list[Certificate], purpose: str = "sslclient"
) -> Certificate:
    """Return the certificate that was asked for with this key, in a file or in PEM form. Raises RefusedError when the
    answer is any other."""
    mine = public_key(key)
    try:
        answered = certificates(pkcs7)
        own = next((each for each in answered if each.public_key == mine), None)
        if own is None:
            raise RefusedError(f"the registrar has answered with a certificate for another key. {_UNTRUSTED}")
        if own.common_name != common_name(user):
            raise RefusedError(
                f"the registrar has answered with a certificate for another name than {user}. {_UNTRUSTED}"
            )
        between = [each.pem for each in (*known, *answered) if not each.is_root]
        reason = why_not_issued(own.pem, [each.pem for each in known if each.is_root], between, purpose)
    except OpensslError as error:
        raise RefusedError(f"the registrar has answered with no certificate ({error}). {_UNTRUSTED}") from error
    if reason is not None:
        raise RefusedError(
            f"the certificate for {user} is not of the registrar's own authorities: {reason}. {_UNTRUSTED}"
        )
    return own


def issuers(known: list[Certificate]) -> bytes:
    """Return the authorities between a device's certificate and its root, in PEM form."""
    return "".join(each.pem for each in known if not each.is_root).encode()


def authorities_of_servers(known: list[Certificate], own: Certificate, registrar: Registrar, trust: str) -> str:
    """Return the authorities that servers' certificates may come from, in PEM form.

    They are the roots that vouch for the registrar, and those that have not vouched for this device, as a root for
    servers that is to come. `trust` stays if none of them vouches for the registrar.
    """
    server = to_pem(registrar.certificate)
    between = [each.pem for each in known if not each.is_root]
    roots = [each.pem for each in known if each.is_root]
    vouching = [root for root in roots if why_not_issued(server, [root], between, "sslserver") is None]
    foreign = [root for root in roots if why_not_issued(own.pem, [root], between, "sslclient") is not None]
    return "".join(dict.fromkeys([*(vouching or [trust]), *foreign]))


def add_probe(ask: Callable[[], bytes | Wait], chosen: Set, probe: str, known: list[Certificate], tools: Tools) -> None:
    """Put the probe's certificate behind the key. Without one only the self-test's probe is missing, so whatever the
    registrar does costs no more than a line and some seconds."""
    try:
        answer = tools.until_answered(ask, _BESIDE_S, _BESIDE_S)
        certificate = right_certificate(answer, chosen.key, probe, known)
    except (RegistrarError, RefusedError) as error:
        tools.tell(f"Warning: the self-test gets no certificate of its own, and can't test a second broker: {error}")
        return
    chosen.write(KEY, key_alone(chosen.read_key()) + certificate.pem.encode())


def add_page(
    registrar: Registrar, shown: Shown, chosen: Set, name: str, tools: Tools, before: Path | None = None
) -> None:
    """Get the service page a key and a certificate of its own, or keep those `before`. Without any the page makes its
    own, which no phone knows, so whatever the registrar does costs no more than a line and some seconds."""
    host = f"{name.rpartition('/')[2]}.local"
    try:
        known = tools.until_answered(lambda: authorities(registrar, PAGES), _BESIDE_S)
        key, request = page_request(host)
        answer = tools.until_answered(lambda: registrar.enrol_page(request, shown), _BESIDE_S, _BESIDE_S)
        certificate = right_certificate(answer, key, host, known, "sslserver")
    except EdgeAgentError as error:
        tools.tell(f"Warning: no certificate of the office's for the service page, whose own no phone knows: {error}")
        if before is not None and before.exists():
            chosen.write(PAGE, read_file(before))
        return
    chosen.write(PAGE, key + certificate.pem.encode() + issuers(known))
