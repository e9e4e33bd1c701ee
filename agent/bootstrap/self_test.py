"""The self-test, put together: what is tried, in this order, and when."""

import secrets
from collections.abc import Iterator
from functools import partial

from agent.bootstrap import specs
from agent.contract.envelope import MessageFactory
from agent.core.alarms.self_test import Timetable
from agent.core.inputs.panel import Panel
from agent.outbox.outbox import Outbox
from agent.outbox.store import read_back
from agent.ports import Broker, Buttons, Clock, Lights
from agent.runtime.alarms.pipeline import Pipeline
from agent.runtime.alarms.siren import SirenController
from agent.runtime.commands.handler import CommandHandler
from agent.runtime.commands.orders import self_test_done
from agent.runtime.selftest.probe_alarm import ProbeAlarm
from agent.runtime.selftest.self_test import SelfTest
from agent.runtime.selftest.steps import (
    Step,
    check_black_box,
    check_inputs,
    check_lights,
    check_siren,
    check_storage,
    is_flash,
)
from agent.runtime.selftest.uplink_steps import Paths, WayOut
from agent.runtime.supervision.health import HealthBoard
from agent.runtime.uplink.announcer import Announcer
from agent.runtime.uplink.publisher import Publisher
from agent.settings import Settings

_PROBE_KEY = "self-test/probe"


def make_self_test(
    settings: Settings,
    *,
    probe_broker: Broker,
    alarm: ProbeAlarm,
    outbox: Outbox,
    factory: MessageFactory,
    clock: Clock,
    board: HealthBoard,
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
    wired = frozenset(specs.light_pins(settings).wired())
    way_out = WayOut(
        alarm=alarm,
        paths=Paths(specs.broker_addresses(settings), lambda: publisher.path, probe_broker),
        factory=factory,
        unnumbered=announcer.unnumbered,
        clock=clock,
        path_within_s=chosen.path_within_s,
        ack_within_s=chosen.ack_within_s if chosen.centre_ack else None,
    )

    def steps() -> Iterator[tuple[str, Step]]:
        yield "inputs", check_inputs(buttons, panel.buttons, panel.figures)
        yield "lights", check_lights(lights, pipeline.drive_lights, wired, clock, chirp=chosen.chirp)
        if siren is not None:
            yield "siren", check_siren(siren, clock, chirp=chosen.siren_chirp)
        probe = (_PROBE_KEY, secrets.token_hex(8))
        read = partial(read_back, settings.storage.directory)
        yield "storage", check_storage(outbox.keep, read, probe, clock, chosen.storage_within_s)
        yield "black-box", check_black_box(lambda: outbox.writer.is_boxed)
        yield from way_out.steps()

    timetable = Timetable(
        at=chosen.at,
        spread_s=chosen.spread_s,
        device=settings.device.id,
        started_ns=clock.boottime_ns(),
        soonest_s=chosen.after_start_s,
        retry_s=chosen.retry_after_s,
    )
    return SelfTest(
        steps=steps,
        alarm=alarm,
        timetable=timetable if chosen.enabled else None,
        outbox=outbox,
        factory=factory,
        clock=clock,
        board=board,
        in_alarm=lambda: bool(pipeline.open_ids),
        is_flashing=lambda: is_flash(lights.shown()),
        tell=pipeline.submit,
        done=lambda order, data: handler.order_done(self_test_done(order, data)),
    )
