"""Assembles the tap: where it listens, and what it shows besides messages."""

import logging
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, suppress
from typing import Any

from agent.bootstrap import specs
from agent.bootstrap.kiosk import Kiosk, Pins
from agent.bootstrap.uplink import Uplink
from agent.contract.lamps import Pattern
from agent.core.errors import HardwareError, StorageError
from agent.outbox.outbox import Outbox
from agent.runtime.commands.handler import CommandHandler
from agent.runtime.supervision.context import Context
from agent.runtime.tap.tap import Tap
from agent.settings import Settings
from agent.sim import control_socket

TAP = "tap"
_STILL = {Pattern.OFF, Pattern.ON, Pattern.STEADY}

log = logging.getLogger(__name__)


class _Shown:
    """Lamps, siren, path and nonce, as lines of the tap."""

    def __init__(
        self, settings: Settings, context: Context, outbox: Outbox, pins: Pins, kiosk: Kiosk, uplink: Uplink
    ) -> None:
        self._clock = context.clock
        self._nonces = outbox.nonces
        self._brokers = settings.mqtt.brokers
        self._lights = pins.lights
        self._siren = kiosk.siren
        self._publisher = uplink.publisher

    def lines(self) -> Iterator[Mapping[str, Any]]:
        """Yield a line for each; `lit` has what was read back of the outputs that do not blink."""
        yield {"nonce": self._nonces.newest(self._clock.boottime_ns())}  # a device that nobody knows yet has no clock
        shown = self._lights.shown()
        patterns: Mapping[str, str] = shown.as_dict()
        levels: Mapping[str, bool] = {}
        with suppress(HardwareError):
            levels = self._lights.levels()
        yield {"lamps": patterns, "lit": {name: lit for name, lit in levels.items() if patterns[name] in _STILL}}
        if self._siren is not None:
            yield {"siren": self._siren.figures()["on"]}
        path = self._publisher.path
        yield {"path": {"up": False} if path is None else {"broker": self._brokers[path], "up": True}}


def run_tap(
    stack: ExitStack,
    settings: Settings,
    context: Context,
    outbox: Outbox,
    pins: Pins,
    kiosk: Kiosk,
    uplink: Uplink,
    handler: CommandHandler,
) -> None:
    """Run the tap until the stack unwinds; go without it where its socket can't be made: no press needs it."""
    path = specs.tap_socket(settings.storage.directory)
    try:
        listener = control_socket.listen(path, mode=0o660)
    except StorageError as error:
        log.warning("no tap for a technician: %s", error)
        return
    tap = Tap(listener, outbox, _Shown(settings, context, outbox, pins, kiosk, uplink), handler, settings.identity)
    stack.callback(control_socket.remove, path)
    stack.callback(tap.close)
    stack.enter_context(context.supervisor.thread(TAP, tap, essential=False))
