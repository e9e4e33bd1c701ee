"""Checks one broker: name, TCP, TLS, login, and whether it would accept an alarm."""

import ipaddress
import threading
import time
from collections.abc import Collection, Iterator
from dataclasses import replace
from datetime import UTC, datetime

from agent.adapters.binding import refuse_a_copy
from agent.adapters.broker_probe import Reached, reach
from agent.adapters.system_clock import SystemClock
from agent.bootstrap import specs
from agent.bootstrap.platform import board_serials, this_machine
from agent.contract.envelope import MessageFactory, Stamp, rfc3339, seal
from agent.contract.messages import AlarmData
from agent.contract.stages import Stage
from agent.contract.uuid7 import Uuid7Source
from agent.contract.vocabulary import SELF_TEST
from agent.core.alarms.self_test import CODES
from agent.core.diagnosis.agent_report import says_connected
from agent.core.diagnosis.certificate import judge_broker
from agent.core.diagnosis.finding import Finding, failure, ok, unknown, warn
from agent.core.errors import BrokerError, CopiedCard, NoProbeCertificate, StepFailed
from agent.doctor.check import Device, Note
from agent.doctor.network import leads_to
from agent.ports import BrokerAddress, OutgoingMessage
from agent.runtime.selftest.path_probe import check_path
from agent.settings import Settings
from agent.trust.broker_failures import Endpoint, endpoint_of
from agent.trust.tls_context import TlsFiles

_STEP_S = 0.02
_NO_LOGIN = "no login beside the agent's"


def broker(device: Device, address: BrokerAddress, note: Note, *, failed: Collection[str] = ()) -> Iterator[Finding]:
    """Check one path to the centre.

    The agent's own connection is left alone: on a path where it has one, nothing else logs in. On the other paths the
    probe logs in; if no agent runs, the device itself does, which shows its own rights.
    """
    known = device.settings
    mqtt = known.mqtt
    endpoint = replace(endpoint_of(address.url), interface=address.interface)
    if not leads_to(endpoint.host, endpoint.port, failed):
        return
    try:
        note("asking whose credentials these are")
        refuse_a_copy(mqtt.cert_file, device.directory, board_serials(known, simulate=device.simulate))
    except CopiedCard:
        yield unknown("it was not tried: this card is a copy of another device's", "see the finding of the certificate")
        return
    try:
        files = TlsFiles(mqtt.ca_file, mqtt.cert_file, mqtt.key_file)
        reached = reach(endpoint, files, mqtt.connect_timeout_s, note)
        spoken = _spoken_in_use(device, address)
        try:
            # A broker may take the client id from the certificate, as deploy's does: a second login would end the
            # first.
            login = _NO_LOGIN if spoken is not None else _timed_login(device, address, endpoint, note)
        except NoProbeCertificate as error:
            login = f"{_NO_LOGIN}, so whether it accepts an alarm is unknown: {error}"
    except (BrokerError, StepFailed) as error:
        yield failure(_in_words(str(error), address), "see the broker's log")
        return
    older = f", which is connected with {spoken}" if spoken else ""
    yield ok(f"{endpoint}: {_steps(reached)}, {login}{older}")
    if reached.certificate_ends is not None:
        yield from judge_broker(reached.certificate_ends, str(endpoint), datetime.now(UTC))
    if not endpoint.tls and not _is_here(reached.address, endpoint):
        yield warn(f"alarms go to {endpoint} unencrypted", "use mqtts://, and a certificate for each device")


def _spoken_in_use(device: Device, address: BrokerAddress) -> str | None:
    """Return None unless the running agent is, or may be, logged in there; else the older protocol that it reports, or
    an empty text."""
    if device.agent is None:
        return "" if device.untold else None
    return "" if device.status is None else says_connected(device.status, str(address))


def _timed_login(device: Device, address: BrokerAddress, endpoint: Endpoint, note: Note) -> str:
    note(f"logging in at {endpoint}")
    began_s = time.perf_counter()
    spoken = log_in(device.settings, address, beside=device.agent is not None)
    return f"login and test alarm {(time.perf_counter() - began_s) * 1000:.0f} ms with MQTT {spoken}"


def log_in(known: Settings, address: BrokerAddress, *, beside: bool) -> str:
    """Log in, with `beside` as the agent's probe, and get a message accepted; return the protocol. Raises StepFailed
    and NoProbeCertificate."""
    outside = this_machine(known, simulated=None)
    broker = outside.make_probe() if beside else outside.make_broker()
    # The probe may not subscribe to what is for the device.
    filters = [] if beside else known.identity.subscriptions(known.centre.names)
    within_s = known.mqtt.connect_timeout_s
    step = check_path(broker, address, _harmless(known), outside.clock, within_s, filters)
    pause = threading.Event()
    while True:
        try:
            next(step)
        except StopIteration as end:
            return str(end.value).rpartition(" with ")[2]
        pause.wait(_STEP_S)


def _harmless(known: Settings) -> OutgoingMessage:
    """Return a message that takes the way of an alarm but alarms nobody: the end of a test alarm that never began.

    Its sequence number is 0.
    """
    clock = SystemClock()
    wall = clock.wall()
    unix_ms = max(0, int(wall.timestamp() * 1000))
    ids = Uuid7Source()
    data = AlarmData(
        alarm_id=ids.next(unix_ms),
        input=SELF_TEST,
        kind=SELF_TEST,
        status="test",
        silent=True,
        press_count=0,
        stage=Stage.CLOSED,
        raised_at=rfc3339(wall),
        location=specs.location(known),
        codes=CODES,
        latency_ms={},
    )
    draft = MessageFactory(known.identity).alarm("closed", data)
    stamp = Stamp(ids.next(unix_ms), 0, rfc3339(wall), clock.boottime_ns() // 1_000_000, clock.quality().value)
    return OutgoingMessage(draft.topic, seal(draft, known.identity.source, clock.boot_id, stamp), draft.qos)


def _steps(reached: Reached) -> str:
    tls = "" if reached.tls_ms is None else f", {reached.tls_version} {reached.tls_ms:.0f} ms"
    return f"DNS {reached.dns_ms:.0f} ms, TCP {reached.tcp_ms:.0f} ms{tls}"


def _in_words(text: str, address: BrokerAddress) -> str:
    own = f"{address}: "
    return f"MQTT: {text.removeprefix(own)}" if text.startswith(str(address)) else text


def _is_here(address: str, endpoint: Endpoint) -> bool:
    try:
        return ipaddress.ip_address(address.partition("%")[0]).is_loopback
    except ValueError:
        return endpoint.host == "localhost"
