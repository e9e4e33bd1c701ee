"""Assembles and runs the core process. Read it top to bottom: that is the order of start, and the stack unwinds it.

A press travels on the pin library's thread alone: lights, Pipeline (decides), Outbox (numbers it and puts it in the
black box), Sender, broker; the thread `store` writes it to disk afterwards. An answer travels: broker -> Publisher
-> CommandHandler (verifies) -> Pipeline -> lights.
Camera work happens in other processes, each at the far end of a VisionLink, and recording at that of a RecorderLink.
"""

import gc
import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING

from agent.bootstrap import simulation, specs
from agent.bootstrap.cameras import links_to
from agent.bootstrap.kiosk import Kiosk, Pins, make_kiosk, open_pins
from agent.bootstrap.late_disk import restore
from agent.bootstrap.live import make_live
from agent.bootstrap.optional_parts import prepare, start_lights
from agent.bootstrap.platform import Outside, board_serials, this_machine
from agent.bootstrap.recordings import make_recordings
from agent.bootstrap.remote import make_remote
from agent.bootstrap.self_test import make_self_test
from agent.bootstrap.sparing import make_battery, make_data_use
from agent.bootstrap.tap import TapParts, run_tap
from agent.bootstrap.uplink import Uplink, listen, make_handler, make_uplink
from agent.contract.envelope import MessageFactory
from agent.outbox.outbox import Outbox
from agent.outbox.reporter import Reporter
from agent.ports import Notifier
from agent.runtime.alarms.edge_watch import EdgeWatch
from agent.runtime.cameras.asked_pictures import AskedPictures
from agent.runtime.cameras.cameras import Cameras
from agent.runtime.cameras.line_counts import KEPT as LINE_COUNTS
from agent.runtime.cameras.vision_link import VisionLink
from agent.runtime.commands.executor import CommandExecutor
from agent.runtime.commands.handler import CommandHandler
from agent.runtime.live.live_view import LiveView
from agent.runtime.recording.recordings import Recordings
from agent.runtime.remote.from_afar import CONFIG, FromAfar
from agent.runtime.selftest.probe_alarm import AllAlarms, ProbeAlarm
from agent.runtime.selftest.self_test import SELF_TEST
from agent.runtime.supervision.context import Context
from agent.runtime.supervision.health import HealthBoard
from agent.runtime.supervision.main_loop import RESTART, MainLoop
from agent.runtime.supervision.security import SecurityLog
from agent.runtime.tap.service_page import ServicePage
from agent.settings.kept import Begun, again
from agent.sim.control import SimControl

if TYPE_CHECKING:  # a device of which nothing is recorded carries nothing of recorders
    from agent.runtime.recording.recorder_link import RecorderLink
    from agent.runtime.sending.sending import Sending

DISK_PATIENCE_S = 2.0
"""How long a start waits for the disk. Then the buttons go live without it, and what it holds is restored later."""
FLUSH_S = 5.0
"""How long an orderly stop may keep writing, and then sending, while the buttons are live. The rest stays on disk."""
_BRIEF_S = 0.1
"""How long an orderly stop may wait for any one thing once the buttons are no longer live."""


def run(
    begun: Begun, *, simulate: bool, on_ready: Callable[[MainLoop], None], outside: Outside | None = None
) -> int | Begun:
    """Run the core until it is told to stop; returns the exit code, or what to run it with again. Main thread.

    Calls `on_ready` with the main loop once the buttons are live; the loop's `stop` ends the run from anywhere.
    `outside` defaults to this machine.
    Raises EdgeAgentError when something that a press needs can't be started.
    """
    settings = begun.settings
    outside = outside or this_machine(settings, simulation.levels(settings) if simulate else None)
    with ExitStack() as stack:
        # The clock, and a safe place for messages.
        clock, supervisor = outside.clock, outside.supervisor
        outbox = specs.outbox(settings, clock, board_serials(settings, simulate=simulate))
        stack.callback(outbox.close, 2 * _BRIEF_S)
        outbox.open()
        stack.enter_context(supervisor.thread("store", outbox.writer, wake=outbox.writer.wake, patience_s=_BRIEF_S))
        try:
            pins = stack.enter_context(open_pins(settings, outside))
        except BaseException:
            outbox.writer.flush(DISK_PATIENCE_S)  # the disk may have only begun to open, and no button is kept waiting
            raise
        outbox.await_disk(DISK_PATIENCE_S)  # it has already had the time that the pins took
        reporter = Reporter(MessageFactory(settings.identity), outbox)
        context = Context(clock, reporter, HealthBoard(reporter), SecurityLog(reporter, clock), supervisor)

        # The parts: the way to the centre, the decisions, and the way back.
        uplink = make_uplink(begun, outside, context, outbox)
        cameras, page = Cameras(context.board), ServicePage(context)
        data, battery = make_data_use(settings, context, outbox), make_battery(settings)
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

        # Start everything, the buttons last; the stack unwinds it in reverse.
        sim = simulation.control(settings, context, pins, vision) if simulate else None
        edges = _go_live(
            stack, context, outbox, pins, kiosk, uplink, handler, [*recorders, *vision, live], recordings, sim
        )
        context.security.report("boot", "the agent has started", simulated=simulate, boot_id=clock.boot_id)

        # A resident can press now, whether or not there is a network.
        stack.callback(self_test.close)
        stack.enter_context(supervisor.thread(SELF_TEST, self_test, essential=False))
        if sim is not None:
            sim.start()
        main_loop = MainLoop(
            context=context,
            outbox=outbox,
            publisher=uplink.publisher,
            edges=edges,
            notifier=outside.notifier,
            health_interval_s=settings.health.interval_s,
            data=data,
            status_file=specs.status_file(),
            settings=begun.digest,
        )
        from_afar.leave_by(main_loop)
        stack.enter_context(supervisor.thread(CONFIG, from_afar, essential=False))
        run_tap(
            stack,
            TapParts(
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
                from_afar=from_afar,
                in_use=in_use,
                simulated=simulate,
            ),
        )
        _mind_the_press()
        outside.notifier.ready()
        on_ready(main_loop)
        prepare(keys)
        ended = _ended(main_loop.keep_watch(), begun, from_afar, outside.notifier)
    # A thread that is still at it could harm the next run of the core, so the service manager starts that afresh.
    return 1 if isinstance(ended, Begun) and supervisor.has_stuck else ended


def _ended(code: int, begun: Begun, from_afar: FromAfar, notifier: Notifier) -> int | Begun:
    """Return what to run with again, while the buttons are still live, or tell the service manager of the end."""
    if code == RESTART:
        return again(begun, from_afar.kept)
    notifier.stopping()
    return code


def _mind_the_press() -> None:
    """Set the interpreter up so that nothing keeps it from a press for long."""
    sys.setswitchinterval(0.0005)  # how long a thread may keep the interpreter from a press; Python's 5 ms is long
    # The objects built so far live to the end. Freeze them, so that the garbage collector, off until now, does not
    # walk over them: that takes 40 ms.
    gc.freeze()
    gc.enable()


def _go_live(
    stack: ExitStack,
    context: Context,
    outbox: Outbox,
    pins: Pins,
    kiosk: Kiosk,
    uplink: Uplink,
    handler: CommandHandler,
    near_ends: "Sequence[RecorderLink | VisionLink | LiveView | Sending]",
    recordings: Recordings,
    sim: SimControl | None,
) -> EdgeWatch:
    """Start the lights, threads and cameras, and the buttons last.

    So there is always a part to handle an edge, and a kiosk without buttons can say so. The parts that a press needs
    stop last, so a stopping agent is deaf to the buttons only for a moment."""
    supervisor, pipeline, siren = context.supervisor, kiosk.pipeline, kiosk.siren
    start_lights(pins.lights, context.board)
    stack.callback(pins.lights.close)
    if siren is not None:
        siren.start()
    pipeline.show_lights()
    stack.callback(pipeline.drain)
    stack.enter_context(supervisor.thread("pipeline", pipeline, wake=pipeline.wake, patience_s=_BRIEF_S))
    stack.callback(pins.buttons.close)
    if sim is not None:
        stack.callback(sim.close)
    stack.callback(uplink.publisher.close, FLUSH_S)
    stack.enter_context(supervisor.thread("publisher", uplink.publisher, wake=uplink.publisher.wake))
    stack.callback(outbox.writer.flush, FLUSH_S)
    stack.enter_context(supervisor.thread("commands", handler))
    if siren is not None:
        stack.callback(siren.close)
    for near_end in near_ends:
        stack.enter_context(near_end.running(supervisor))
    stack.callback(recordings.leave)
    edges = EdgeWatch(pins.buttons, pipeline, context.board)
    pins.buttons.start(edges.edge, pipeline.lost)
    return edges
