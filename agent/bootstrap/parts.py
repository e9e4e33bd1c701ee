"""Builds the parts of the core, and starts none: the way to the centre, the decisions, and the way back."""

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from agent.bootstrap import simulation, specs
from agent.bootstrap.cameras import links_to
from agent.bootstrap.kiosk import Kiosk, Pins, make_kiosk
from agent.bootstrap.live import make_live
from agent.bootstrap.platform import Outside
from agent.bootstrap.recordings import make_recordings
from agent.bootstrap.remote import make_remote
from agent.bootstrap.self_test import make_self_test
from agent.bootstrap.settings_in_use import SettingsInUse
from agent.bootstrap.uplink import Uplink, listen, make_handler, make_uplink
from agent.contract.envelope import MessageFactory
from agent.outbox.outbox import Outbox
from agent.outbox.reporter import Reporter
from agent.runtime.alarms.persistence import keep_restored, read_kept
from agent.runtime.alarms.pipeline import Pipeline
from agent.runtime.cameras.asked_pictures import AskedPictures
from agent.runtime.cameras.cameras import Cameras
from agent.runtime.cameras.line_counts import KEPT as LINE_COUNTS
from agent.runtime.cameras.vision_link import VisionLink
from agent.runtime.commands.executor import CommandExecutor
from agent.runtime.commands.handler import CommandHandler
from agent.runtime.live.live_view import LiveView
from agent.runtime.recording.recordings import Recordings
from agent.runtime.remote.from_afar import FromAfar
from agent.runtime.selftest.probe_alarm import AllAlarms, ProbeAlarm
from agent.runtime.selftest.self_test import SelfTest
from agent.runtime.supervision.context import Context
from agent.runtime.supervision.data_use import DATA, DataUse
from agent.runtime.supervision.health import HealthBoard
from agent.runtime.supervision.security import SecurityLog
from agent.runtime.tap.service_page import ServicePage
from agent.settings import Settings
from agent.settings.kept import Begun
from agent.sim.control import SimControl
from agent.trust.jose_keys import KeyRing

if TYPE_CHECKING:  # a device of which nothing is recorded carries nothing of recorders
    from agent.runtime.recording.recorder_link import RecorderLink
    from agent.runtime.sending.sending import Sending


@dataclass(frozen=True, slots=True)
class Parts:
    """All that is started, and what the tap shows and asks."""

    settings: Settings
    context: Context
    outbox: Outbox
    pins: Pins
    kiosk: Kiosk
    uplink: Uplink
    handler: CommandHandler
    page: ServicePage
    keys: KeyRing
    cameras: Cameras
    recordings: Recordings
    near_ends: "tuple[RecorderLink | VisionLink | LiveView | Sending, ...]"
    """Of other processes; each runs while the core does."""
    self_test: SelfTest
    from_afar: FromAfar
    in_use: SettingsInUse
    data: DataUse
    sim: SimControl | None
    simulated: bool


def make_parts(begun: Begun, outside: Outside, outbox: Outbox, pins: Pins, *, simulate: bool) -> Parts:
    """Build them; the caller starts and closes them."""
    settings, clock = begun.settings, outside.clock
    reporter = Reporter(MessageFactory(settings.identity), outbox)
    context = Context(clock, reporter, HealthBoard(reporter), SecurityLog(reporter, clock), outside.supervisor)
    uplink = make_uplink(begun, outside, context, outbox)
    cameras, page = Cameras(context.board), ServicePage(context)
    data, battery = _make_data_use(settings, context, outbox), specs.battery(settings)
    handler, keys, key_watch = make_handler(begun, context, outbox)
    recordings, recorders, sending = make_recordings(
        settings, context, outbox, handler, uplink.publisher, simulated=simulate, data=data
    )
    kiosk = make_kiosk(
        settings, context, outbox, pins, cameras, recordings, uplink, page, simulate=simulate, battery=battery
    )
    pipeline = kiosk.pipeline
    probe = ProbeAlarm(context, outbox, specs.location(settings))
    alarms = AllAlarms(pipeline, probe)
    listener = listen(settings, context, uplink, pipeline, alarms, handler, key_watch)
    live = make_live(settings, context, outbox, cameras, recordings, uplink, pipeline, data)
    outbox.when_found_late(partial(restore, context, outbox, pipeline, handler, live))
    vision = links_to(
        settings,
        simulate,
        context=context,
        handler=handler,
        cameras=cameras,
        recordings=recordings,
        live=live,
        data=data,
        battery=battery,
        kept=outbox.kept(LINE_COUNTS),
    )
    self_test = make_self_test(settings, context, outside, outbox, pins, kiosk, uplink, probe, handler)
    from_afar, in_use = make_remote(
        begun=begun,
        context=context,
        outbox=outbox,
        keys=keys,
        alarms=pipeline,
        cameras=cameras,
        recordings=recordings,
        announcer=uplink.announcer,
        handler=handler,
        simulated=simulate,
    )
    executor = CommandExecutor(
        clock,
        alarms.acknowledge,
        pipeline,
        listener,
        AskedPictures(clock, outbox, cameras, context.security),
        self_test.order,
        from_afar.execute,
        outbox.replay,
        page.order,
        recordings,
        live,
        sending,
        context.security,
    )
    handler.execute_with(executor.execute, from_afar)
    return Parts(
        settings=settings,
        context=context,
        outbox=outbox,
        pins=pins,
        kiosk=kiosk,
        uplink=uplink,
        handler=handler,
        page=page,
        keys=keys,
        cameras=cameras,
        recordings=recordings,
        near_ends=(*recorders, *vision, live),
        self_test=self_test,
        from_afar=from_afar,
        in_use=in_use,
        data=data,
        sim=simulation.control(settings, context, pins, vision) if simulate else None,
        simulated=simulate,
    )


def restore(context: Context, outbox: Outbox, pipeline: Pipeline, handler: CommandHandler, live: LiveView) -> None:
    """Restore the open alarms and the commands that an earlier run left on the disk, and tell of its looks. Any
    thread."""
    kept = read_kept(outbox, context, pipeline.kept())
    pipeline.restore(kept, lambda book: keep_restored(book, outbox, context.security))
    handler.restore()
    live.restore()


def _make_data_use(settings: Settings, context: Context, outbox: Outbox) -> DataUse:
    """Return what counts; the main loop ticks it."""
    data = DataUse(settings.data.month_bytes, settings.data.interface, context, outbox)
    if settings.data.interface:
        context.board.add_figures(DATA, data.figures)
    return data
