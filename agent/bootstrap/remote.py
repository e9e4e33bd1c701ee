"""Assembles what settings, keys and a reboot from afar go to."""

import logging
from functools import partial
from pathlib import Path

from agent.adapters.binding import read_binding, read_enrolled
from agent.adapters.in_time import InTime
from agent.bootstrap.settings_in_use import SettingsInUse
from agent.contract.envelope import rfc3339
from agent.contract.identity import common_name
from agent.core.errors import BrokerError, StorageError
from agent.outbox.outbox import Outbox
from agent.ports import Clock
from agent.runtime.alarms.pipeline import Pipeline
from agent.runtime.cameras.cameras import Cameras
from agent.runtime.commands.handler import CommandHandler
from agent.runtime.recording.recordings import Recordings
from agent.runtime.remote.from_afar import FromAfar
from agent.runtime.remote.trial import TrialJudge
from agent.runtime.supervision.context import Context
from agent.runtime.uplink.announcer import Announcer
from agent.runtime.uplink.certificate_watch import CertificateWatch, Found
from agent.settings import Settings
from agent.settings.kept import Begun
from agent.trust.jose_keys import KeyRing

log = logging.getLogger(__name__)


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


def make_certificate_watch(settings: Settings, context: Context) -> CertificateWatch:
    """Return the watch; the caller ticks it."""
    cert, key = settings.mqtt.cert_file, settings.mqtt.key_file
    probe, state = common_name(settings.identity.probe), settings.storage.directory
    read = None if cert is None else partial(_read, cert, key or cert, probe, state, context.clock)
    return CertificateWatch(read, InTime(), context)


def _read(cert: Path, key: Path, probe: str, state: Path, clock: Clock) -> Found:
    # The start of the agent must not load them.
    from agent.core.diagnosis.certificate import trouble_with  # noqa: PLC0415
    from agent.trust.x509_files import own_and_first_end  # noqa: PLC0415

    try:
        own, first_end = own_and_first_end(cert, key, probe)
        binding = read_binding(cert, state)
        enrolled = None if binding is None else read_enrolled(binding, state)
        return Found(rfc3339(first_end), trouble_with(own, enrolled, clock.wall()))
    except (BrokerError, StorageError) as error:
        log.warning("can't read the certificate's expiry date: %s", error)
        return Found(None, str(error).partition(" ([mqtt] ")[0])
    except Exception:
        log.exception("can't read the certificate's expiry date")
        return Found()
