"""Checks of what the device was given: settings, account, certificates, keys."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from agent import profile
from agent.adapters import account, x509_files
from agent.adapters.jose_keys import read_key_set
from agent.core.diagnosis.certificate import judge_authorities, judge_device
from agent.core.diagnosis.finding import Finding, fail, failure, ok, warn
from agent.core.errors import BrokerError, MaskError, SettingsError
from agent.doctor.check import Note
from agent.settings import Settings


def settings(config: Path, known: Settings, note: Note) -> Iterator[Finding]:
    """A file that could be read: what it means, and what only the camera process would find wrong with it."""
    note("reading the masks of the cameras")
    for camera in known.cameras:
        try:
            profile.masks(camera)
        except MaskError as error:
            yield failure(f"camera {camera.name}: {error}")
    parts = {"button": known.buttons, "camera": known.cameras, "broker": known.mqtt.brokers}
    counts = [f"{len(each)} {name}{'' if len(each) == 1 else 's'}" for name, each in parts.items()]
    yield ok(f"{config}: {known.device.id}, {', '.join(counts)}")


def mistakes(config: Path, error: SettingsError, note: Note) -> list[Finding]:
    """Of a file that can't be used: one for each."""
    note("reading the settings")
    if isinstance(error.__cause__, PermissionError):
        return [fail(*account.why_denied(config))]
    return [fail(line, "correct it; `edge-agent check-config` tells the same") for line in str(error).splitlines()]


def certificate(known: Settings, note: Note) -> Iterator[Finding]:
    """The device's own certificate and key, and the authorities that it trusts."""
    mqtt, now = known.mqtt, datetime.now(UTC)
    try:
        if mqtt.cert_file and mqtt.key_file:
            note(f"reading {mqtt.cert_file}")
            found = x509_files.device_certificate(mqtt.cert_file, mqtt.key_file, mqtt.ca_file)
            yield from judge_device(found, known.device.id, now)
    except BrokerError as error:
        yield _unreadable(error)
    try:
        if mqtt.ca_file:
            note(f"reading {mqtt.ca_file}")
            yield from judge_authorities(x509_files.authorities(mqtt.ca_file), now)
    except BrokerError as error:
        yield _unreadable(error)


def keys(known: Settings, note: Note) -> list[Finding]:
    """Of those who may ack and command."""
    path = known.commands.keys
    if path is None:
        make = "make a key set with `edge-agent keygen`, and name it in [commands] keys"
        if known.buttons:
            return [fail("there is no key set: nobody can answer an alarm, and green never comes on", make)]
        return [warn("there is no key set: every command is refused", make)]
    note(f"reading {path}")
    try:
        found = read_key_set(path)
    except SettingsError as error:
        if isinstance(error.__cause__ and error.__cause__.__cause__, PermissionError):
            return [fail(*account.why_denied(path))]
        return [failure(error)]
    roles = sorted({key.role for key in found})
    if "operator" not in roles and "admin" not in roles:
        held = ", ".join(roles) or "nobody"
        return [
            fail(f"{path} has no key of an operator, only of {held}: nobody can answer", "add the centre's key to it")
        ]
    return [ok(f"{len(found)} keys of {', '.join(roles)}")]


def _unreadable(error: BrokerError) -> Finding:
    cause = error.__cause__
    if isinstance(cause, PermissionError) and cause.filename is not None:
        return fail(*account.why_denied(Path(cause.filename)))
    return fail(str(error), "copy the file of the same name from the office anew")
