"""The self-test, put together: what is tried, in this order, and when."""

import secrets
from collections.abc import Iterator
from functools import partial

from agent.bootstrap import specs
from agent.core.alarms.self_test import Timetable
from agent.core.inputs.panel import Panel
from agent.outbox.outbox import Outbox
from agent.outbox.store import read_back
from agent.ports import Broker, Buttons, Clock, Lights
from agent.runtime.alarms.pipeline import Pipeline
from agent.runtime.alarms.siren import SirenController
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
from agent.runtime.uplink.announcer import Announcer
from agent.runtime.uplink.publisher import Publisher
from agent.settings import Settings

_PROBE_KEY = "self-test/probe"


def make_self_test(
    settings: Settings,
    context: Context,
    *,
    probe_broker: Broker,
    alarm: ProbeAlarm,
    outbox: Outbox,
    buttons: Buttons,
    panel: Panel,
    lights: Lights,
    siren: SirenController | None,
    pipeline: Pipeline,
    announcer: Announcer,
    publisher: Publisher,
    handler: CommandHandler,
) -> SelfTest:
    """The worker of the thread `self-test`; the caller runs and closes it. `probe_broker` is its alone."""
    chosen = settings.self_test
    way_out = WayOut(
        alarm=alarm,
        context=context,
        addresses=specs.broker_addresses(settings),
        publisher=publisher,
        probe=probe_broker,
        announcer=announcer,
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
        script=_Script(settings, context.clock, outbox, buttons, panel, lights, siren, pipeline, way_out),
        alarm=alarm,
        timetable=timetable if chosen.enabled else None,
        context=context,
        outbox=outbox,
        kiosk=pipeline,
        lights=lights,
        commands=handler,
    )


class _Script:
    """What is tried, in this order."""

    def __init__(
        self,
        settings: Settings,
        clock: Clock,
        outbox: Outbox,
        buttons: Buttons,
        panel: Panel,
        lights: Lights,
        siren: SirenController | None,
        pipeline: Pipeline,
        way_out: WayOut,
    ) -> None:
        self._settings = settings
        self._wired = frozenset(specs.light_pins(settings).wired())
        self._clock = clock
        self._outbox = outbox
        self._buttons = buttons
        self._panel = panel
        self._lights = lights
        self._siren = siren
        self._pipeline = pipeline
        self._way_out = way_out

    def steps(self) -> Iterator[tuple[str, Step]]:
        """One after the other, by name."""
        chosen, clock = self._settings.self_test, self._clock
        yield "inputs", check_inputs(self._buttons, self._panel.buttons, self._panel)
        yield "lights", check_lights(self._lights, self._pipeline, self._wired, clock, chirp=chosen.chirp)
        if self._siren is not None:
            yield "siren", check_siren(self._siren, clock, chirp=chosen.siren_chirp)
        probe = (_PROBE_KEY, secrets.token_hex(8))
        read = partial(read_back, self._settings.storage.directory)
        yield "storage", check_storage(self._outbox, read, probe, clock, chosen.storage_within_s)
        yield "black-box", check_black_box(self._outbox.writer)
        yield from self._way_out.steps()
