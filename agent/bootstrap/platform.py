"""The core's surroundings: time, threads, pins, brokers and a service manager.

`this_machine` is the real one. Give `app.run` another one to step the whole core by hand, on a clock of your own.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from agent.adapters.binding import Serials, refuse_a_copy
from agent.adapters.board import Board
from agent.adapters.gpiozero_pins import open_pin_factory
from agent.adapters.paho_broker import PahoBroker
from agent.adapters.system_clock import SystemClock
from agent.adapters.systemd_notifier import SystemdNotifier
from agent.contract.identity import client_id, common_name
from agent.ports import Broker, Clock, Notifier
from agent.runtime.supervision.supervisor import Supervisor
from agent.settings import Settings
from agent.sim.board import simulated_serials
from agent.trust.tls_context import TlsFiles


@dataclass(frozen=True, slots=True)
class Outside:
    """The surroundings, made afresh for each run; nothing is started."""

    clock: Clock
    notifier: Notifier
    supervisor: Supervisor
    """Runs the workers."""
    open_pins: Callable[[], Any]
    """Makes a gpiozero pin factory, which the caller closes. Raises HardwareError."""
    make_broker: Callable[[], Broker]
    """Makes a broker client that is not connected yet."""
    make_probe: Callable[[], Broker]
    """The same, for a client that takes no other connection's place: see `Identity.probe`."""


def this_machine(settings: Settings, simulated: Mapping[int, bool] | None) -> Outside:
    """Return the machine that this runs on, with mock pins at the `simulated` levels if they are given."""
    serials = board_serials(settings, simulate=simulated is not None)
    return Outside(
        clock=SystemClock(),
        notifier=SystemdNotifier(),
        supervisor=Supervisor(),
        open_pins=partial(open_pin_factory, simulated),
        make_broker=partial(_make_broker, settings, serials, probe=False),
        make_probe=partial(_make_broker, settings, serials, probe=True),
    )


def board_serials(settings: Settings, *, simulate: bool) -> Serials:
    """Return what reads the serial numbers of the board."""
    return partial(simulated_serials, settings.storage.directory) if simulate else Board().serials


def _make_broker(settings: Settings, serials: Serials, *, probe: bool) -> PahoBroker:
    mqtt, identity = settings.mqtt, settings.identity
    shown = common_name(identity.probe) if probe else None
    return PahoBroker(
        client_id=client_id(identity.probe if probe else identity.user),
        user=identity.user,
        tls=TlsFiles(mqtt.ca_file, mqtt.cert_file, mqtt.key_file, shown),
        password=mqtt.password.get_secret_value() if mqtt.password else None,
        keepalive_s=mqtt.keepalive_s,
        connect_timeout_s=mqtt.connect_timeout_s,
        may_connect=partial(refuse_a_copy, mqtt.cert_file, settings.storage.directory, serials, identity.user),
    )
