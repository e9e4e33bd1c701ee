"""Assembles and runs the core process. Read it top to bottom: that is the order of start, and the stack unwinds it.

A press travels on the pin library's thread alone: lights, Pipeline (decides), Outbox (numbers it and puts it in the
black box), Sender, broker; the thread `store` writes it to disk afterwards. An answer travels: broker -> Publisher
-> CommandHandler (verifies) -> Pipeline -> lights.
Camera work happens in other processes, each at the far end of a VisionLink, and recording at that of a RecorderLink.
"""

import gc
import sys
from collections.abc import Callable
from contextlib import ExitStack

from agent.bootstrap import simulation, specs
from agent.bootstrap.kiosk import open_pins, start_lights
from agent.bootstrap.parts import Parts, make_parts
from agent.bootstrap.platform import Outside, board_serials, this_machine
from agent.bootstrap.tap import run_tap
from agent.bootstrap.uplink import prepare
from agent.ports import Notifier
from agent.runtime.alarms.edge_watch import EdgeWatch
from agent.runtime.remote.from_afar import CONFIG, FromAfar
from agent.runtime.selftest.self_test import SELF_TEST
from agent.runtime.supervision.main_loop import RESTART, MainLoop
from agent.settings.kept import Begun, again

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
        parts = make_parts(begun, outside, outbox, pins, simulate=simulate)
        context, from_afar = parts.context, parts.from_afar

        # Start everything, the buttons last; the stack unwinds it in reverse.
        edges = _go_live(stack, parts)
        context.security.report("boot", "the agent has started", simulated=simulate, boot_id=clock.boot_id)

        # A resident can press now, whether or not there is a network.
        stack.callback(parts.self_test.close)
        stack.enter_context(supervisor.thread(SELF_TEST, parts.self_test, essential=False))
        if parts.sim is not None:
            parts.sim.start()
        main_loop = MainLoop(
            context=context,
            outbox=outbox,
            publisher=parts.uplink.publisher,
            edges=edges,
            notifier=outside.notifier,
            health_interval_s=settings.health.interval_s,
            data=parts.data,
            status_file=specs.status_file(),
            settings=begun.digest,
        )
        from_afar.leave_by(main_loop)
        stack.enter_context(supervisor.thread(CONFIG, from_afar, essential=False))
        run_tap(stack, parts)
        _mind_the_press()
        outside.notifier.ready()
        on_ready(main_loop)
        prepare(parts.keys)
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


def _go_live(stack: ExitStack, parts: Parts) -> EdgeWatch:
    """Start the lights, threads and cameras, and the buttons last.

    So there is always a part to handle an edge, and a kiosk without buttons can say so. The parts that a press needs
    stop last, so a stopping agent is deaf to the buttons only for a moment."""
    context, outbox, pins, publisher = parts.context, parts.outbox, parts.pins, parts.uplink.publisher
    supervisor, pipeline, siren = context.supervisor, parts.kiosk.pipeline, parts.kiosk.siren
    start_lights(pins.lights, context.board)
    stack.callback(pins.lights.close)
    if siren is not None:
        siren.start()
    pipeline.show_lights()
    stack.callback(pipeline.drain)
    stack.enter_context(supervisor.thread("pipeline", pipeline, wake=pipeline.wake, patience_s=_BRIEF_S))
    stack.callback(pins.buttons.close)
    if parts.sim is not None:
        stack.callback(parts.sim.close)
    stack.callback(publisher.close, FLUSH_S)
    stack.enter_context(supervisor.thread("publisher", publisher, wake=publisher.wake))
    stack.callback(outbox.writer.flush, FLUSH_S)
    stack.enter_context(supervisor.thread("commands", parts.handler))
    if siren is not None:
        stack.callback(siren.close)
    for near_end in parts.near_ends:
        stack.enter_context(near_end.running(supervisor))
    stack.callback(parts.recordings.leave)
    edges = EdgeWatch(pins.buttons, pipeline, context.board)
    pins.buttons.start(edges.edge, pipeline.lost)
    return edges
