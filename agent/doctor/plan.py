"""All checks, ordered so that each makes the next worthwhile."""

from collections.abc import Collection, Iterator
from functools import partial
from pathlib import Path

from agent.adapters import account
from agent.adapters.running_agent import find_agent
from agent.adapters.system_clock import SystemClock
from agent.adapters.systemd_unit import ask_unit
from agent.bootstrap import specs
from agent.core.camera.camera_kinds import kind_of
from agent.core.diagnosis.account import judge_account
from agent.core.diagnosis.agent_report import judge_report, judge_settings, judge_unit
from agent.core.diagnosis.finding import Finding, ok, unknown
from agent.core.errors import SettingsError, StorageError
from agent.doctor import (
    brokers,
    data_use,
    enrolment,
    machine,
    network,
    papers,
    pins,
    recording,
    streams,
    uploads,
    vision,
)
from agent.doctor.check import ENROLMENT, NETWORK, Check, Device, Note
from agent.provisioning.progress import Told
from agent.settings import Settings
from agent.settings.kept import Begun
from agent.trust.broker_failures import endpoint_of

NEED_SETTINGS = ("agent", "disk", "wear", "certificate", "keys", "broker", "pins", "camera", "model", "recording")
"""What can't be checked without settings."""
_FOLLOWING = {NETWORK: {"uplink", "centre"}, ENROLMENT: {"uplink", "centre", "commands"}}
"""Parts of a running agent that can't work after such a failure."""


def checks_without(error: SettingsError, config: Path, user: str) -> list[Check]:
    """Return the checks that are possible although the settings can't be used."""

    def not_looked_at(note: Note) -> list[Finding]:
        note("doing nothing")
        return [unknown("it can't be checked until the settings are right")]

    return [
        Check(NETWORK, 30, partial(network.network, (), known=False)),
        Check("clock", 30, machine.clock),
        Check("settings", 10, partial(papers.mistakes, config, error, user)),
        Check("account", 30, partial(_account, user, None)),
        Check("power", 15, machine.power),
        Check("temperature", 10, machine.temperature),
        *(Check(name, 5, not_looked_at) for name in NEED_SETTINGS),
    ]


def checks_of(device: Device, config: Path, *, with_lights: bool) -> list[Check]:
    """Return the checks for a device with these settings."""
    settings, directory, user = device.settings, device.directory, device.user
    # Until it is enrolled, its brokers are the profile's.
    addresses = [] if device.lacks else specs.broker_addresses(settings)
    endpoints = [endpoint_of(address.url) for address in addresses]
    plan = [
        Check(NETWORK, 60, partial(network.network, endpoints, known=not device.lacks)),
        Check("clock", 30, machine.clock),
    ]
    if settings.mqtt.cert_file or settings.mqtt.ca_file:
        plan.append(Check(ENROLMENT, 10, partial(enrolment.enrolment, device)))
    plan.append(Check("agent", 30, partial(_agent, device), heeds=True))
    plan.append(Check("settings", 10, partial(papers.settings, config, device)))
    if not device.simulate:
        plan.append(Check("account", 30, partial(_account, user, settings)))
    plan += [
        Check("disk", 20, partial(machine.disk, directory, settings.storage.keep_free_bytes, user)),
        Check("wear", 10, partial(machine.wear, directory)),
        Check("power", 15, machine.power),
        Check("temperature", 10, machine.temperature),
    ]
    if not device.lacks:
        plan += _of_its_identity(device)
    if settings.has_pins:
        plan.append(Check("pins", 30, partial(pins.pins, device)))
    if with_lights and settings.lights.any():
        plan.append(Check("lights", 30, partial(pins.lights, device)))
    plan += _of_cameras(device)
    if settings.live.stream is not None:
        plan.append(Check("stream", 30, partial(streams.media_server, device), heeds=True))
    if settings.upload.hosts:
        plan.append(Check("uploads", uploads.limit_s(device), partial(uploads.uploads, device), heeds=True))
    if settings.data.interface:
        plan.append(Check("data", 10, partial(data_use.data_use, device)))
    return plan


def _of_its_identity(device: Device) -> Iterator[Check]:
    """Yield the checks of what an enrolment brings; before one they could only repeat that it is missing."""
    settings = device.settings
    if settings.mqtt.cert_file or settings.mqtt.ca_file:
        yield Check("certificate", 10, partial(papers.certificate, device))
    taken = None if device.begun is None else device.begun.kept.keys
    keys = partial(papers.keys, settings, device.user)
    if taken is not None:
        keys = partial(papers.keys_from_afar, taken, settings.commands.keys)
    yield Check("keys", 10, keys)
    patience_s = 2 * settings.mqtt.connect_timeout_s + 10
    for place, address in enumerate(specs.broker_addresses(settings), start=1):
        yield Check(f"broker-{place}", patience_s, partial(brokers.broker, device, address), heeds=True)


def _of_cameras(device: Device) -> Iterator[Check]:
    for camera in device.settings.cameras:
        yield Check(f"camera-{camera.name}", 30, partial(vision.camera, device, camera))
        yield Check(f"model-{camera.name}", 60, partial(vision.model, device, camera))
        yield Check(f"recording-{camera.name}", 30, partial(recording.recording, device, camera))


def device_of(begun: Begun, *, simulate: bool, user: str, told: Told | None = None) -> Device:
    """Return what the checks look at, and the agent that holds it, if any."""
    settings = begun.settings
    try:
        agent = find_agent(settings.storage.directory)
    except (StorageError, OSError):  # the check `agent` says why
        return Device(settings, simulate, None, user, begun, told, untold=True)
    # A service whose disk can't be written runs from memory, without its lock.
    unit = ask_unit() if agent is None and not simulate else None
    return Device(settings, simulate, agent, user, begun, told, untold=unit is not None and unit.runs)


def _agent(device: Device, note: Note, *, failed: Collection[str] = ()) -> list[Finding]:
    note("looking for a running agent")
    try:
        find_agent(device.directory)
    except (StorageError, OSError) as error:
        return [unknown(f"can't tell whether an agent is running: {error}", "run the doctor with sudo")]
    running = device.agent
    if running is None:
        unit = None if device.simulate else ask_unit()
        if unit is None:
            return [ok("no agent is running on this state directory: pins and cameras can be tried")]
        return judge_unit(unit.active, unit.sub, unit.restarts, enrolled=ENROLMENT not in failed)
    kind = ", simulated" if running.simulated else ""
    found = [ok(f"an agent is running (process {running.pid}{kind}): what it holds is left alone")]
    if running.runtime_directory == Path():
        return [*found, unknown("it was not started by systemd, and writes no report here")]
    begun = device.begun
    newer = [] if begun is None else judge_settings(device.status, begun.digest)
    following = frozenset().union(*(_FOLLOWING.get(each, ()) for each in failed))
    return [*newer, *found, *judge_report(device.status, SystemClock().boottime_ns(), following)]


def _account(user: str, settings: Settings | None, note: Note) -> list[Finding]:
    note("asking for users and groups")
    unit = ask_unit()
    found = account.find(user, unit.groups if unit else frozenset())
    needed = set()
    if settings is not None:
        needed |= {"gpio"} if settings.has_pins else set()
        needed |= {"video"} if any(kind_of(each.source).is_device for each in settings.cameras) else set()
    missing = account.missing_groups(found, needed) if found else []
    return judge_account(user, exists=found is not None, own=account.own_name(), missing_groups=missing)
