"""Checks what the device was given: settings, certificates, keys."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from agent.adapters import account
from agent.adapters.binding import CURRENT, read_binding, read_enrolled
from agent.bootstrap import specs
from agent.bootstrap.platform import board_serials
from agent.core.diagnosis.certificate import judge_authorities, judge_binding, judge_device, judge_page, judge_probe
from agent.core.diagnosis.finding import Finding, fail, failure, ok, unknown, warn
from agent.core.errors import BrokerError, MaskError, SettingsError, StorageError
from agent.doctor.check import Device, Note
from agent.provisioning.credentials import PAGE
from agent.runtime.remote.kept import KeySet
from agent.settings import Settings, kept
from agent.settings.example import left_of_example
from agent.trust import x509_files
from agent.trust.jose_keys import read_key_set

_PAGE_BY_HAND = Path("/etc/credstore/edge-agent-page.pem")


def settings(config: Path, device: Device, note: Note) -> Iterator[Finding]:
    """Check settings that could be read: what they mean, and mistakes that only the camera process would find."""
    known = device.settings
    note("reading the masks of the cameras")
    for camera in known.cameras:
        try:
            specs.masks(camera)
        except MaskError as error:
            yield failure(f"camera {camera.name}: {error}")
    yield from _from_afar(device.begun) if device.begun is not None else ()
    for what, do in [] if device.simulate or device.lacks else left_of_example(known):
        yield warn(what, do)
    parts = {"button": known.buttons, "camera": known.cameras, "broker": known.mqtt.brokers}
    counts = [f"{len(each)} {name}{'' if len(each) == 1 else 's'}" for name, each in parts.items()]
    yield ok(f"{config}: {known.device.id}, {', '.join(counts)}")


def _from_afar(begun: kept.Begun) -> Iterator[Finding]:
    known, reset = begun.kept, "`sudo edge-agent config-reset` takes them away"
    if kept.DENIED in begun.trouble:
        yield unknown(f"{kept.PLACE} can't be read: {begun.trouble}", "run the doctor with sudo")
    elif begun.trouble:
        yield fail(f"{kept.PLACE} can't be used, so the cameras are off: {begun.trouble}", reset)
    if known.state in {"failed", "refused"}:
        yield warn(f"revision {known.wanted} of {kept.PLACE} {known.state}: {known.reason}", "tell the centre")
    if names := kept.from_afar(begun):
        yield ok(f"{kept.PLACE}, {names}; {reset}")


def mistakes(config: Path, error: SettingsError, user: str, note: Note) -> list[Finding]:
    """Report the mistakes of a settings file that can't be used, one finding for each."""
    note("reading the settings")
    if isinstance(cause := error.__cause__, PermissionError):
        return [fail(*account.why_denied(Path(cause.filename or config), user))]
    if isinstance(cause, FileNotFoundError):
        return [failure(line) for line in str(error).splitlines()]
    return [fail(line, "correct it; `edge-agent check-config` shows the same") for line in str(error).splitlines()]


def certificate(device: Device, note: Note) -> Iterator[Finding]:
    """Check the device's own certificate and key, whose they are, and the authorities that it trusts."""
    known, user = device.settings, device.user
    mqtt, now, enrolled = known.mqtt, datetime.now(UTC), None
    try:
        if (binding := read_binding(mqtt.cert_file, device.directory)) is not None:
            yield judge_binding(binding, board_serials(known, simulate=device.simulate)(), known.identity.user)
            enrolled = read_enrolled(binding, device.directory)
    except StorageError as error:
        if isinstance(error.__cause__, PermissionError):
            yield unknown(f"nobody can tell whether this card is a copy: {error}", "run the doctor with sudo")
            return
        yield warn(f"nobody can tell whether this card is a copy: {error}", "`sudo edge-agent enrol` writes it anew")
    try:
        if mqtt.cert_file and mqtt.key_file:
            note(f"reading {mqtt.cert_file}")
            found = x509_files.device_certificate(mqtt.cert_file, mqtt.key_file, mqtt.ca_file)
            yield from judge_device(found, known.identity.user, now, account.group_of(user), enrolled)
            if len(mqtt.brokers) > 1:
                yield from judge_probe(found, known.identity.probe, enrolled)
    except BrokerError as error:
        yield _unreadable(known, error, user)
    if enrolled is not None or _is_by_hand():
        yield _page(known, device.directory / CURRENT / PAGE, now)
    try:
        if mqtt.ca_file:
            note(f"reading {mqtt.ca_file}")
            yield from judge_authorities(x509_files.authorities(mqtt.ca_file), now)
    except BrokerError as error:
        yield _unreadable(known, error, user)


def _is_by_hand() -> bool:
    """Whether somebody has brought the page's certificate, as far as this user may look: the store is root's."""
    try:
        return _PAGE_BY_HAND.exists()
    except PermissionError:
        return False


def _page(known: Settings, enrolled: Path, now: datetime) -> Finding:
    path = _PAGE_BY_HAND if _is_by_hand() else enrolled
    try:
        found = x509_files.authorities(path)[0] if path.exists() else None
    except BrokerError:
        return warn(f"the certificate of the service page, {path}, can't be read", "run the doctor with sudo")
    return judge_page(found, f"{known.device.id}.local", now)


def keys_from_afar(taken: KeySet, instead_of: Path | None, note: Note) -> list[Finding]:  # noqa: ARG001
    """Report the keys that count in place of the file's."""
    what = f"{len(taken.keys)} keys, set from afar (revision {taken.revision}) in place of {instead_of or 'none'}"
    return [ok(f"{what}; `sudo edge-agent config-reset` takes them away")]


def keys(known: Settings, user: str, note: Note) -> list[Finding]:
    """Check the keys of those who may ack and command."""
    path = known.commands.keys
    if path is None:
        place = account.SETTINGS / "command-keys.json"
        make = f"{_bring(_PUBLIC_KEYS, place, user)}, and name that in [commands] keys"
        if known.buttons:
            return [fail("there is no key set: nobody can answer an alarm, and green never comes on", make)]
        return [warn("there is no key set: every command is refused", make)]
    note(f"reading {path}")
    try:
        found = read_key_set(path)
    except SettingsError as error:
        if isinstance(error.__cause__ and error.__cause__.__cause__, PermissionError):
            return [fail(*account.why_denied(path, user))]
        return [fail(str(error).rpartition("; ")[0], _bring(_PUBLIC_KEYS, path, user))]
    roles = sorted({key.role for key in found})
    if "operator" not in roles and "admin" not in roles:
        held = ", ".join(roles) or "nobody"
        return [
            fail(
                f"{path} has no key of an operator, only of {held}: nobody can answer",
                _bring(_PUBLIC_KEYS, path, user),
            )
        ]
    return [ok(f"{'one key' if len(found) == 1 else f'{len(found)} keys'} of {', '.join(roles)}")]


_PUBLIC_KEYS = "the office's keys.json"


def _bring(source: str, path: Path, user: str) -> str:
    """Say how a file comes to `path`: with the enrolment, or by hand from its `source`."""
    by_hand = f"`sudo install -m 640 -g {account.group_of(user)} FILE {path}`"
    return f"`sudo edge-agent enrol` brings it; or bring {source}: {by_hand}"


def _unreadable(known: Settings, error: BrokerError, user: str) -> Finding:
    cause = error.__cause__
    if isinstance(cause, PermissionError) and cause.filename is not None:
        return fail(*account.why_denied(Path(cause.filename), user))
    text, _, setting = str(error).removesuffix(")").rpartition(" ([mqtt] ")
    if getattr(known.mqtt, setting).is_relative_to(known.storage.directory / CURRENT):
        return fail(f"{text} ([mqtt] {setting})", "enrol this device again: `sudo edge-agent enrol`")
    return fail(f"{text} ([mqtt] {setting})", _bring("it from its authority", getattr(known.mqtt, setting), user))
