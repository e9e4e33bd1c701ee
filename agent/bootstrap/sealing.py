"""Assembles what makes the report of a walk."""

from functools import partial

from agent.adapters.binding import Serials
from agent.bootstrap import commissioning, specs
from agent.bootstrap.settings_in_use import SettingsInUse
from agent.contract.envelope import rfc3339
from agent.core.commissioning.plan import plan
from agent.core.commissioning.witness import Witness
from agent.outbox.outbox import Outbox
from agent.runtime.cameras.cameras import Cameras
from agent.runtime.commissioning.profile import profile_of
from agent.runtime.commissioning.sealing import Files, OfDevice, Refused, Sealing
from agent.runtime.supervision.context import Context
from agent.runtime.uplink.announcer import Announcer
from agent.settings import CameraSettings, Settings
from agent.trust.jose_keys import KeyRing


def make_sealing(
    in_use: SettingsInUse,
    context: Context,
    outbox: Outbox,
    keys: KeyRing,
    cameras: Cameras,
    announcer: Announcer,
    serials: Serials,
    witness: Witness,
) -> Sealing:
    """Return what answers the lines `draft` and `report` of the tap."""
    settings = in_use.settings
    return Sealing(
        lambda: _of_device(in_use.settings, next(iter(serials()), "")),
        lambda: Files(in_use.settings.mqtt.key_file, in_use.settings.mqtt.cert_file),
        settings.storage.directory,
        settings.identity.user,
        context,
        outbox,
        lambda: [key.as_jwk() for key in keys.keys.values()],
        cameras,
        announcer,
        lambda: next(iter(serials()), ""),
        witness.seen,
    )


def _of_device(settings: Settings, serial: str) -> OfDevice:
    profile, drawing = profile_of(commissioning.model())
    return OfDevice(
        described=commissioning.described(settings, serial, _certificate_ends(settings), profile),
        place=commissioning.place(settings),
        wiring=tuple(commissioning.wires(settings)),
        steps=plan(commissioning.equipment(settings, serial)),
        masks={camera.name: partial(_masks, camera) for camera in settings.cameras},
        drawing=drawing,
    )


def _masks(camera: CameraSettings) -> int:
    return len(specs.masks(camera))


def _certificate_ends(settings: Settings) -> str:
    from agent.trust.x509_files import own_and_first_end  # noqa: PLC0415 - the start must not load it

    cert, key = settings.mqtt.cert_file, settings.mqtt.key_file
    if cert is None:
        raise Refused("this device has no certificate, so it can't sign a report: enrol it first")
    own, _ = own_and_first_end(cert, key or cert, "")
    return rfc3339(own.not_after)
