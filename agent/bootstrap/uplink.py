"""Assembles the way to the centre and back."""

import logging
import threading
from dataclasses import dataclass

from agent.bootstrap import specs
from agent.bootstrap.platform import Outside
from agent.bootstrap.settings_in_use import describe
from agent.core.delivery.backoff import Backoff
from agent.outbox.outbox import Outbox
from agent.runtime.alarms.pipeline import Pipeline
from agent.runtime.commands.handler import CommandHandler
from agent.runtime.commands.key_watch import KeyWatch
from agent.runtime.commands.orders import replay_done
from agent.runtime.selftest.probe_alarm import AllAlarms
from agent.runtime.supervision.context import Context
from agent.runtime.uplink.announcer import Announcer
from agent.runtime.uplink.centre_watch import CentreWatch
from agent.runtime.uplink.echo_watch import EchoWatch
from agent.runtime.uplink.listener import UplinkListener
from agent.runtime.uplink.publisher import Publisher
from agent.runtime.uplink.sender import Sender
from agent.settings import Settings
from agent.settings.kept import Begun
from agent.trust.jose_keys import KeyRing

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Uplink:
    """The sending parts."""

    announcer: Announcer
    sender: Sender
    publisher: Publisher


def make_uplink(begun: Begun, outside: Outside, context: Context, outbox: Outbox) -> Uplink:
    """Build the sending parts; the caller runs and closes the publisher."""
    settings = begun.settings
    meta = describe(begun.trouble, begun.kept, settings)
    announcer = Announcer(context=context, outbox=outbox, meta=meta, config_revision=specs.revision(settings))
    sender = Sender(outbox, context.clock, alarm_timeout_s=settings.mqtt.alarm_timeout_s)
    echo = EchoWatch(topic=settings.identity.down("echo"), context=context, outbox=outbox, sender=sender)
    brokers = (outside.make_broker(), outside.make_broker())
    publisher = Publisher(
        brokers=brokers,
        sender=sender,
        outbox=outbox,
        clock=context.clock,
        addresses=specs.broker_addresses(settings),
        subscriptions=settings.identity.subscriptions(settings.centre.names),
        announcer=announcer,
        echo=echo,
        return_after_s=settings.mqtt.return_after_s,
        backoff=Backoff(spread_s=settings.mqtt.reconnect_spread_s),
    )
    for number, broker in enumerate(brokers, 1):
        context.supervisor.add_pulse(f"mqtt-{number}", broker)
    outbox.when_ready(publisher.wake)
    return Uplink(announcer, sender, publisher)


def make_handler(begun: Begun, context: Context, outbox: Outbox) -> tuple[CommandHandler, KeyRing, KeyWatch]:
    """Build the command handler, the keys that it obeys (those that were set from afar, or those of the file), and
    their watch. The caller runs the handler."""
    settings = begun.settings
    keys = KeyRing(settings.commands.keys)
    if (taken := begun.kept.keys) is not None:
        keys.take(taken.keys, taken.revision)
    key_watch = KeyWatch(keys, context)
    handler = CommandHandler(identity=settings.identity, context=context, outbox=outbox, keys=keys, key_watch=key_watch)
    outbox.replay.on_end = lambda end: handler.order_done(replay_done(end))
    return handler, keys, key_watch


def prepare(keys: KeyRing) -> None:
    """Load what verifying needs, on a thread of its own: a hanging disk must hold up no other thread."""

    def load() -> None:
        try:
            keys.prepare()
        except Exception:
            log.exception("the library that verifies commands can't be loaded")

    threading.Thread(target=load, name="keys", daemon=True).start()


def listen(
    settings: Settings,
    context: Context,
    uplink: Uplink,
    pipeline: Pipeline,
    alarms: AllAlarms,
    handler: CommandHandler,
    key_watch: KeyWatch,
) -> UplinkListener:
    """Route the broker's answers and messages to the parts that they concern."""
    watch = CentreWatch(centres=specs.centres(settings), root=settings.mqtt.root, context=context, alarms=pipeline)
    listener = UplinkListener(
        context=context,
        announcer=uplink.announcer,
        watch=watch,
        alarms=pipeline,
        delivered=alarms.delivered,
        command=handler.receive,
        broker_refuses=key_watch.broker_refuses,
    )
    uplink.sender.listen(listener)
    uplink.publisher.listen(listener, pipeline, watch)
    return listener
