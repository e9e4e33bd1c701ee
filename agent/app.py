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
from agent.bootstrap.late_disk import restore
from agent.bootstrap.optional_parts import prepare, start_lights
from agent.bootstrap.platform import Outside, this_machine
from agent.bootstrap.self_test import make_self_test
from agent.bootstrap.siren import siren_controller
from agent.contract.envelope import MessageFactory
from agent.core.delivery.backoff import Backoff
from agent.core.events import AlarmDelivered, Announce
from agent.outbox.outbox import Outbox
from agent.runtime.alarms.edge_watch import EdgeWatch
from agent.runtime.alarms.input_reporter import InputReporter
from agent.runtime.alarms.pipeline import Pipeline
from agent.runtime.alarms.readiness import SERVICE, Readiness
from agent.runtime.cameras.cameras import Cameras
from agent.runtime.commands.actions import Actions
from agent.runtime.commands.handler import CommandHandler
from agent.runtime.commands.key_watch import KeyWatch
from agent.runtime.selftest.probe_alarm import ProbeAlarm
from agent.runtime.selftest.self_test import SELF_TEST
from agent.runtime.supervision.health import HealthBoard
from agent.runtime.supervision.main_loop import MainLoop, Watched
from agent.runtime.supervision.part_reporter import PartReporter
from agent.runtime.supervision.security import SecurityLog
from agent.runtime.supervision.status_file import StatusFile
from agent.runtime.supervision.time_watch import TimeWatch
from agent.runtime.uplink.announcer import Announcer
from agent.runtime.uplink.centre_watch import CentreWatch
from agent.runtime.uplink.failover import FailoverPolicy
from agent.runtime.uplink.publisher import Publisher, UplinkCallbacks
from agent.runtime.uplink.sender import Sender, SenderCallbacks
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
        # What everybody needs: time, a name, and a place for what must not be lost.
        outside = outside or this_machine(settings, simulation.levels(settings) if simulate else None)
        clock, supervisor = outside.clock, outside.supervisor
        identity = settings.identity
        factory = MessageFactory(identity)
        storage = settings.storage
        outbox = Outbox(
            storage.directory,
            clock,
            identity.source,
            storage.telemetry_max_bytes,
            specs.black_box(storage.directory),
            storage.keep_free_bytes,
        )
        stack.callback(outbox.close, 2 * _BRIEF_S)
        outbox.open()
        writer = outbox.writer
        stack.enter_context(supervisor.thread("store", writer, wake=writer.wake, patience_s=_BRIEF_S))

        # What a resident touches and sees.
        pin_factory = outside.open_pins() if settings.has_pins else None
        if pin_factory is not None:
            stack.callback(pin_factory.close)
        lights = GpiozeroLights(specs.light_pins(settings), pin_factory)
        buttons = GpiozeroButtons(specs.input_lines(settings), pin_factory, clock)

        # What an earlier run has left; the disk has had the time since to answer.
        outbox.await_disk(DISK_PATIENCE_S)
        security = SecurityLog(factory, clock, outbox.put)
        board = HealthBoard(PartReporter(outbox, factory).report)
        keys = KeyRing(settings.commands.keys)
        key_watch = KeyWatch(keys, board, security, clock)

        # What decides.
        cameras = Cameras()
        siren = siren_controller(
            settings, pin_factory, simulate=simulate, outbox=outbox, factory=factory, clock=clock, board=board
        )
        panel = specs.panel(settings)
        board.report(SERVICE, ok=True)
        pipeline = Pipeline(
            book=specs.alarm_book(settings, outbox, security, clock, simulated=simulate),
            readiness=Readiness(
                service=specs.service(settings, clock),
                factory=factory,
                put=outbox.put,
                board=board,
                security=security,
            ),
            panel=panel,
            audible=[button.name for button in settings.buttons if not button.silent],
            outbox=outbox,
            factory=factory,
            lights=lights,
            clock=clock,
            look=cameras.capture if settings.cameras else None,
            send=lambda: sender.send(1),
            nobody_answers=lambda reason, first: publisher.try_other_path(reason, unless_watched=not first),
            tell_input=InputReporter(outbox, factory, board, clock).report,
            siren=siren,
        )

        # The way to the centre, and back.
        probe_alarm = ProbeAlarm(outbox, factory, clock, specs.location(settings))
        announcer = Announcer(
            outbox=outbox,
            factory=factory,
            clock=clock,
            meta=specs.meta(settings),
            config_revision=specs.revision(settings),
        )

        def announce(moved: bool = False) -> None:
            announcer.birth()
            pipeline.submit(Announce(moved))

        handler = CommandHandler(
            identity=identity,
            verify=keys.verify,
            look_at_keys=key_watch.tick,
            outbox=outbox,
            factory=factory,
            security=security,
            clock=clock,
            actions=Actions(
                acknowledge=lambda ack: "taken" if probe_alarm.acknowledge(ack) else pipeline.acknowledge(ack),
                rebirth=announce,
                identify=pipeline.identify,
                snapshot=cameras.snapshot,
                test_mode=pipeline.test_mode,
                self_test=lambda order: self_test.order(order),  # noqa: PLW0108 - it is made below
            ),
        )
        mqtt = settings.mqtt
        watch = CentreWatch(
            centres=specs.centres(settings),
            root=mqtt.root,
            clock=clock,
            board=board,
            security=security,
            tell=pipeline.submit,
            pass_on=handler.receive,
        )
        uplink = Uplink(
            board=board,
            security=security,
            announcer=announcer,
            watch=watch,
            announce=announce,
            changed=pipeline.submit,
            deaf=key_watch.broker_refuses,
        )

        def delivered(fact: AlarmDelivered) -> None:
            if not probe_alarm.delivered(fact):
                pipeline.submit(fact)

        sender = Sender(
            outbox,
            clock,
            SenderCallbacks(accepted=uplink.accepted, delivered=delivered, refused=uplink.refused),
            alarm_timeout_s=mqtt.alarm_timeout_s,
        )
        brokers = (outside.make_broker(), outside.make_broker())
        publisher = Publisher(
            brokers=brokers,
            sender=sender,
            outbox=outbox,
            clock=clock,
            addresses=specs.broker_addresses(settings),
            subscriptions=identity.subscriptions(settings.centre.names),
            make_will=announcer.will,
            tells=UplinkCallbacks(
                connected=uplink.connected,
                disconnected=uplink.disconnected,
                received=watch.received,
                flooded=uplink.flooded,
                turned=watch.turned,
            ),
            return_after_s=mqtt.return_after_s,
            around=FailoverPolicy(lambda: not pipeline.open_ids, watch.somebody, watch.nobody),
            backoff=Backoff(spread_s=mqtt.reconnect_spread_s),
        )
        outbox.when_ready(publisher.wake)
        outbox.when_found_late(partial(restore, outbox, pipeline, handler, security))

        links = links_to(settings, simulate, clock=clock, outbox=outbox, factory=factory, board=board, handler=handler)
        cameras.connect(links)

        self_test = make_self_test(
            settings,
            probe_broker=outside.make_probe(),
            alarm=probe_alarm,
            outbox=outbox,
            factory=factory,
            clock=clock,
            board=board,
            buttons=buttons,
            panel=panel,
            lights=lights,
            siren=siren,
            pipeline=pipeline,
            announcer=announcer,
            publisher=publisher,
            handler=handler,
        )

        # What a press needs. Its end comes last: a stop is deaf for a moment only.
        start_lights(lights, board)
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
        stack.callback(publisher.close, announcer.farewell, FLUSH_S)
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
        edges = EdgeWatch(buttons, pipeline.edge, board)
        buttons.start(edges.edge, pipeline.lost)
        security.report("boot", "info", "the agent has started", simulated=simulate, boot_id=clock.boot_id)

        # A resident can press now, whether or not there is a network.
        stack.callback(self_test.close)
        stack.enter_context(supervisor.thread(SELF_TEST, self_test, essential=False))
        if sim is not None:
            sim.start()
        main_loop = MainLoop(
            watched=Watched(
                supervisor=supervisor,
                outbox=outbox,
                board=board,
                connected=lambda: publisher.connected,
                cameras=cameras.figures,
                inputs=panel.figures,
                hears=edges.tick,
                self_test=self_test.figures,
                pulses={"lights": lights.pulse, **{f"mqtt-{n}": each.pulse for n, each in enumerate(brokers, 1)}},
                other_pulses={} if sim is None else {"sim-control": sim.pulse},
                siren=lambda: None if siren is None else siren.figures(),
            ),
            factory=factory,
            clock=clock,
            notifier=outside.notifier,
            time_watch=TimeWatch(factory, clock, outbox.put),
            security=security,
            health_interval_s=settings.health.interval_s,
            tell_status=StatusFile(specs.status_file(), clock, board, cameras.figures).tick,
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
