"""Assembles the self-test and its timetable."""

from functools import partial

from agent.bootstrap import specs
from agent.bootstrap.kiosk import Kiosk, Pins
from agent.bootstrap.platform import Outside
from agent.bootstrap.uplink import Uplink
from agent.core.alarms.self_test import Timetable
from agent.outbox.outbox import Outbox
from agent.outbox.store import read_back
from agent.runtime.commands.handler import CommandHandler
from agent.runtime.selftest.probe_alarm import ProbeAlarm
from agent.runtime.selftest.script import Script
from agent.runtime.selftest.self_test import SelfTest
from agent.runtime.selftest.uplink_steps import WayOut
from agent.runtime.supervision.context import Context
from agent.settings import Settings


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
        script=Script(
            clock=context.clock,
            outbox=outbox,
            read_back=partial(read_back, settings.storage.directory),
            buttons=pins.buttons,
            panel=kiosk.panel,
            lights=pins.lights,
            wired=frozenset(specs.light_pins(settings).wired()),
            pipeline=kiosk.pipeline,
            siren=kiosk.siren,
            way_out=way_out,
            chirp=chosen.chirp,
            siren_chirp=chosen.siren_chirp,
            storage_within_s=chosen.storage_within_s,
        ),
        alarm=probe,
        timetable=timetable if chosen.enabled else None,
        context=context,
        outbox=outbox,
        kiosk=kiosk.pipeline,
        lights=pins.lights,
        commands=handler,
    )
