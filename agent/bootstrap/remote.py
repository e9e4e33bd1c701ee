"""Assembles what settings, keys and a reboot from afar go to."""

from agent.bootstrap.certificate import make_certificate_watch
from agent.bootstrap.settings_in_use import SettingsInUse
from agent.outbox.outbox import Outbox
from agent.runtime.alarms.pipeline import Pipeline
from agent.runtime.cameras.cameras import Cameras
from agent.runtime.commands.handler import CommandHandler
from agent.runtime.recording.recordings import Recordings
from agent.runtime.remote.from_afar import FromAfar
from agent.runtime.remote.trial import TrialJudge
from agent.runtime.supervision.context import Context
from agent.runtime.uplink.announcer import Announcer
from agent.settings.kept import Begun
from agent.trust.jose_keys import KeyRing


def make_remote(
    *,
    begun: Begun,
    context: Context,
    outbox: Outbox,
    keys: KeyRing,
    alarms: Pipeline,
    cameras: Cameras,
    recordings: Recordings,
    announcer: Announcer,
    handler: CommandHandler,
    simulated: bool,
) -> tuple[FromAfar, SettingsInUse]:
    """Return the worker of the thread `config`, which the caller runs, and the settings that it changes."""
    in_use = SettingsInUse(begun, cameras, recordings, context.clock.boot_id, simulated=simulated)
    from_afar = FromAfar(
        kept=begun.kept,
        trouble=begun.trouble,
        in_use=in_use,
        context=context,
        keys=keys,
        alarms=alarms,
        judge=TrialJudge(context, outbox, cameras.figures),
        announcer=announcer,
        handler=handler,
        when_idle=make_certificate_watch(begun.settings, context).tick,
        simulated=simulated,
    )
    return from_afar, in_use
