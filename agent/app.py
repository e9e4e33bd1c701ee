"""The core process, put together: read top to bottom, it is the order of start, and the stack unwinds it.

A press travels on the pin library's thread alone: lights, Pipeline (decides), Outbox (numbers it and has it in the
black box), Sender, broker; the thread `store` writes it to disk afterwards. An answer travels: broker -> Publisher
-> CommandHandler (verifies) -> Pipeline -> lights.
Whatever a camera does happens in another process, at the far end of a VisionLink.
"""

import gc
import sys
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial

from agent.adapters.gpiozero_buttons import GpiozeroButtons
from agent.adapters.gpiozero_lights import GpiozeroLights
from agent.adapters.jose_keys import KeyRing
from agent.bootstrap import simulation, specs
from agent.bootstrap.cameras import links_to
from agent.bootstrap.commands import AllAlarms, CommandActions
from agent.bootstrap.late_disk import restore
from agent.bootstrap.optional_parts import prepare, start_lights
from agent.bootstrap.platform import Outside, this_machine
from agent.bootstrap.self_test import make_self_test
from agent.bootstrap.siren import make_siren
from agent.contract.envelope import MessageFactory
from agent.core.delivery.backoff import Backoff
from agent.outbox.reporter import Reporter
from agent.runtime.alarms.edge_watch import EdgeWatch
from agent.runtime.alarms.input_reporter import InputReporter
from agent.runtime.alarms.pipeline import Pipeline
from agent.runtime.alarms.readiness import SERVICE, Readiness
from agent.runtime.cameras.cameras import Cameras
from agent.runtime.commands.handler import CommandHandler
from agent.runtime.commands.key_watch import KeyWatch
from agent.runtime.selftest.probe_alarm import ProbeAlarm
from agent.runtime.selftest.self_test import SELF_TEST
from agent.runtime.supervision.context import Context
from agent.runtime.supervision.health import HealthBoard
from agent.runtime.supervision.main_loop import MainLoop
from agent.runtime.supervision.security import SecurityLog
from agent.runtime.uplink.announcer import Announcer
from agent.runtime.uplink.centre_watch import CentreWatch
from agent.runtime.uplink.publisher import Publisher
from agent.runtime.uplink.router import TopicRouter
from agent.runtime.uplink.sender import Sender
from agent.runtime.uplink.status import Uplink
from agent.settings import Settings

DISK_PATIENCE_S = 2.0
"""How long a start waits for the disk. Then the buttons go live without it, and what it holds is taken up later."""
FLUSH_S = 5.0
"""How long an orderly stop may go on writing, and then sending, while the buttons are live; what is then left stays on
disk."""
_BRIEF_S = 0.1
"""How long it may wait for any one thing when they are not any more."""


def run(
    settings: Settings, *, simulate: bool, on_ready: Callable[[MainLoop], None], outside: Outside | None = None
) -> int:
    """Run the core until it is told to stop; returns the exit code. Main thread.

    `on_ready` gets the main loop, whose `stop` ends the run from anywhere, once the buttons are live. `outside` is
    this machine unless it is given.
    Raises EdgeAgentError when something that a press needs can't be started.
    """
    with ExitStack() as stack:
        # Time, and a place for what must not be lost.
        outside = outside or this_machine(settings, simulation.levels(settings) if simulate else None)
        clock, supervisor = outside.clock, outside.supervisor
        identity, mqtt = settings.identity, settings.mqtt
        outbox = specs.outbox(settings, clock)
        stack.callback(outbox.close, 2 * _BRIEF_S)
        outbox.open()
        writer = outbox.writer
        stack.enter_context(supervisor.thread("store", writer, wake=writer.wake, patience_s=_BRIEF_S))

        # What a resident touches and sees; the disk has the time to answer.
        pin_factory = outside.open_pins() if settings.has_pins else None
        if pin_factory is not None:
            stack.callback(pin_factory.close)
        lights = GpiozeroLights(specs.light_pins(settings), pin_factory)
        buttons = GpiozeroButtons(specs.input_lines(settings), pin_factory, clock)
        outbox.await_disk(DISK_PATIENCE_S)

        # What every part is handed.
        reporter = Reporter(MessageFactory(identity), outbox)
        context = Context(clock, reporter, HealthBoard(reporter), SecurityLog(reporter, clock), supervisor)
        context.board.report(SERVICE, ok=True)

        # The way to the centre.
        announcer = Announcer(
            context=context, outbox=outbox, meta=specs.meta(settings), config_revision=specs.revision(settings)
        )
        sender = Sender(outbox, clock, alarm_timeout_s=mqtt.alarm_timeout_s)
        brokers = (outside.make_broker(), outside.make_broker())
        publisher = Publisher(
            brokers=brokers,
            sender=sender,
            outbox=outbox,
            clock=clock,
            addresses=specs.broker_addresses(settings),
            subscriptions=identity.subscriptions(settings.centre.names),
            announcer=announcer,
            return_after_s=mqtt.return_after_s,
            backoff=Backoff(spread_s=mqtt.reconnect_spread_s),
        )

        # What decides.
        cameras = Cameras(context.board)
        siren = make_siren(settings, pin_factory, simulate=simulate, outbox=outbox, context=context)
        panel = specs.panel(settings)
        context.board.add_figures("inputs", panel)
        pipeline = Pipeline(
            book=specs.alarm_book(settings, context, outbox, simulated=simulate),
            readiness=Readiness(service=specs.service(settings, clock), context=context),
            panel=panel,
            audible=[button.name for button in settings.buttons if not button.silent],
            context=context,
            outbox=outbox,
            lights=lights,
            cameras=cameras if settings.cameras else None,
            sender=sender,
            paths=publisher,
            inputs=InputReporter(context),
            siren=siren,
        )

        # The way back: what a broker brings, to whom it is for.
        keys = KeyRing(settings.commands.keys)
        key_watch = KeyWatch(keys, context)
        handler = CommandHandler(identity=identity, context=context, outbox=outbox, keys=keys, key_watch=key_watch)
        watch = CentreWatch(centres=specs.centres(settings), root=mqtt.root, context=context, facts=pipeline)
        router = TopicRouter()
        router.add(watch.tree, watch)
        router.add(f"{identity.down()}/", handler)
        probe = ProbeAlarm(context, outbox, specs.location(settings))
        alarms = AllAlarms(pipeline, probe)
        uplink = Uplink(
            context=context,
            announcer=announcer,
            watch=watch,
            router=router,
            facts=pipeline,
            alarms=alarms,
            commands=key_watch,
        )
        sender.listen(uplink)
        publisher.listen(uplink, pipeline, watch)
        outbox.when_ready(publisher.wake)
        outbox.when_found_late(partial(restore, context, outbox, pipeline, handler))
        links = links_to(settings, simulate, context=context, handler=handler)
        cameras.connect(links)
        self_test = make_self_test(
            settings,
            context,
            probe_broker=outside.make_probe(),
            alarm=probe,
            outbox=outbox,
            buttons=buttons,
            panel=panel,
            lights=lights,
            siren=siren,
            pipeline=pipeline,
            announcer=announcer,
            publisher=publisher,
            handler=handler,
        )
        handler.act_by(CommandActions(alarms, pipeline, uplink, cameras, self_test))

        # What a press needs. Its end comes last: a stop is deaf for a moment only.
        start_lights(lights, context.board)
        stack.callback(lights.close)
        if siren is not None:
            siren.start()
        pipeline.show_lights()
        stack.callback(pipeline.drain)
        stack.enter_context(supervisor.thread("pipeline", pipeline, wake=pipeline.wake, patience_s=_BRIEF_S))
        stack.callback(buttons.close)
        sim = simulation.control(settings, pin_factory, lights, clock, links) if simulate else None
        if sim is not None:
            stack.callback(sim.close)
        stack.callback(publisher.close, FLUSH_S)
        stack.enter_context(supervisor.thread("publisher", publisher, wake=publisher.wake))
        stack.callback(writer.settle, FLUSH_S)
        stack.enter_context(supervisor.thread("commands", handler))
        if siren is not None:
            stack.callback(siren.close)
        for link in links:
            stack.callback(link.close)
            stack.enter_context(supervisor.thread(f"vision-{link.camera}", link, essential=False))
            stack.callback(link.finish)

        # The buttons start last: an edge always finds somebody to act, and a kiosk without buttons can say so.
        edges = EdgeWatch(buttons, pipeline, context.board)
        buttons.start(edges.edge, pipeline.lost)
        context.security.report("boot", "info", "the agent has started", simulated=simulate, boot_id=clock.boot_id)

        # A resident can press now, whether or not there is a network.
        stack.callback(self_test.close)
        stack.enter_context(supervisor.thread(SELF_TEST, self_test, essential=False))
        if sim is not None:
            sim.start()
            supervisor.add_pulse("sim-control", sim, essential=False)
        for number, broker in enumerate(brokers, 1):
            supervisor.add_pulse(f"mqtt-{number}", broker)
        supervisor.add_pulse("lights", lights)
        main_loop = MainLoop(
            context=context,
            outbox=outbox,
            publisher=publisher,
            edges=edges,
            notifier=outside.notifier,
            health_interval_s=settings.health.interval_s,
            status_file=specs.status_file(),
        )
        # What has been built stays, and the collector, off until now, need not walk over it: that takes 40 ms.
        sys.setswitchinterval(0.0005)  # how long a thread keeps the interpreter from a press: Python's own 5 ms is long
        gc.freeze()
        gc.enable()
        outside.notifier.ready()
        on_ready(main_loop)
        prepare(keys)
        code = main_loop.keep_watch()
        outside.notifier.stopping()
        return code
