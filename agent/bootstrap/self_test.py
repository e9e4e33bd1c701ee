"""Assembles the self-test: its steps, their order, and its timetable."""

import secrets
from collections.abc import Iterator
from functools import partial

from agent.bootstrap import specs
from agent.bootstrap.kiosk import Kiosk, Pins
from agent.bootstrap.platform import Outside
from agent.bootstrap.uplink import Uplink
from agent.core.alarms.self_test import Timetable
from agent.outbox.outbox import Outbox
from agent.outbox.store import read_back
from agent.ports import Clock
from agent.runtime.commands.handler import CommandHandler
from agent.runtime.selftest.probe_alarm import ProbeAlarm
from agent.runtime.selftest.self_test import SelfTest
from agent.runtime.selftest.steps import (
    Step,
    check_black_box,
    check_inputs,
    check_lights,
    check_siren,
    check_storage,
)
from agent.runtime.selftest.uplink_steps import WayOut
from agent.runtime.supervision.context import Context
from agent.settings import Settings

_PROBE_KEY = "self-test/probe"


def make_self_test(
    settings: Settings,
    context: Context,
    outside: Outside,
    outbox: Outbox,
    pins: Pins,
    kiosk: Kiosk,
    uplink: Uplink,
    probe: ProbeAlarm,
    handler: CommandHandler,
) -> SelfTest:
    """Return the worker of the thread `self-test`; the caller runs and closes it."""
    chosen = settings.self_test
    way_out = WayOut(
        alarm=probe,
        context=context,
        addresses=specs.broker_addresses(settings),
        publisher=uplink.publisher,
        probe=outside.make_probe(),
        announcer=uplink.announcer,
        path_within_s=chosen.path_within_s,
        ack_within_s=chosen.ack_within_s if chosen.centre_ack else None,
    )
    timetable = Timetable(
        at=chosen.at,
        spread_s=chosen.spread_s,
        device=settings.device.id,
        started_ns=context.clock.boottime_ns(),
        soonest_s=chosen.after_start_s,
        retry_s=chosen.retry_after_s,
    )
    return SelfTest(
        script=_Script(settings, context.clock, outbox, pins, kiosk, way_out),
        alarm=probe,
        timetable=timetable if chosen.enabled else None,
        context=context,
        outbox=outbox,
        kiosk=kiosk.pipeline,
        lights=pins.lights,
        commands=handler,
    )


class _Script:
    """The steps, in order."""

    def __init__(
        self,
        settings: Settings,
        clock: Clock,
        outbox: Outbox,
        pins: Pins,
        kiosk: Kiosk,
        way_out: WayOut,
    ) -> None:
        self._settings = settings
        self._wired = frozenset(specs.light_pins(settings).wired())
        self._clock = clock
        self._outbox = outbox
        self._pins = pins
        self._kiosk = kiosk
        self._way_out = way_out

    def steps(self, *, siren_sounds: bool) -> Iterator[tuple[str, Step]]:
        """Yield each step with its name; `siren_sounds` has the siren sound whatever the settings say."""
        chosen, clock, lights = self._settings.self_test, self._clock, self._pins.lights
        panel, pipeline, siren = self._kiosk.panel, self._kiosk.pipeline, self._kiosk.siren
        yield "inputs", check_inputs(self._pins.buttons, panel.buttons, panel)
        yield "lights", check_lights(lights, pipeline, self._wired, clock, chirp=chosen.chirp)
        if siren is not None:
            yield "siren", check_siren(siren, clock, chirp=siren_sounds or chosen.siren_chirp)
        probe = (_PROBE_KEY, secrets.token_hex(8))
        read = partial(read_back, self._settings.storage.directory)
        yield "storage", check_storage(self._outbox, read, probe, clock, chosen.storage_within_s)
        yield "black-box", check_black_box(self._outbox.writer)
        yield from self._way_out.steps()
