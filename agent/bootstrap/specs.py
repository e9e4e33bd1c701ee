"""Translates the settings into the plain values that each part takes."""

import hashlib
import logging
import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from itertools import zip_longest
from pathlib import Path

from agent.adapters.mask_file import all_masks
from agent.adapters.state_partition import look_at
from agent.contract.commands import COMMANDS
from agent.contract.device import CameraMeta, MetaData
from agent.contract.kinds import TYPES
from agent.contract.stages import Stage, Waits
from agent.contract.vocabulary import Location
from agent.core.alarms.alarm_book import AlarmBook, InputKind
from agent.core.alarms.service import Service
from agent.core.alarms.siren import SirenRules
from agent.core.camera.battery import Battery, BatteryRules
from agent.core.camera.masks import Outline
from agent.core.delivery.centres import Centres
from agent.core.errors import MaskError, StorageError
from agent.core.inputs.panel import Panel
from agent.core.wiring import ButtonRules, ConditionRules, InputLine, LightPins, SirenPin
from agent.outbox.outbox import Outbox
from agent.ports import BrokerAddress, Clock
from agent.runtime.alarms.persistence import keep_restored, read_kept
from agent.runtime.supervision.context import Context
from agent.settings import CameraSettings, Settings, SirenSettings, mask_url

log = logging.getLogger(__name__)


STATUS_FILE = "status.json"
_DELAY_S = {"tamper": 0.0, "mains": 60.0, "battery": 5.0, "service": 3.0}
"""Default delay in seconds by kind. A door counts at once; the mains fails so often (load-shedding) that a minute
without it is no news."""


def input_lines(settings: Settings) -> list[InputLine]:
    """Return the wiring of the inputs: each contact of each button and condition."""
    lines: list[InputLine] = []
    for button in settings.buttons:
        line = InputLine(button.name, button.pin, button.pull_up, glitch_filter_ms=button.glitch_filter_ms)
        lines.append(line)
        if button.pin_nc is not None:
            lines.append(replace(line, pin=button.pin_nc, normally_closed=True))
    for each in settings.inputs:
        opens = each.active_when == "open"
        lines.append(InputLine(each.name, each.pin, each.pull_up, opens, each.glitch_filter_ms))
    return lines


def panel(settings: Settings) -> Panel:
    """Return the panel that judges the inputs."""
    buttons = [
        ButtonRules(
            name=button.name,
            debounce_ms=button.debounce_ms,
            supervised=button.pin_nc is not None,
            settle_ms=button.settle_ms,
            hold_s=button.hold_s,
            stuck_after_s=button.stuck_after_s,
            chatter_presses=button.chatter_presses,
            chatter_window_s=button.chatter_window_s,
        )
        for button in settings.buttons
    ]
    return Panel(buttons, conditions(settings))


def conditions(settings: Settings) -> list[ConditionRules]:
    """Return how the inputs that watch the kiosk itself are judged."""
    return [
        ConditionRules(
            name=each.name,
            kind=each.kind,
            delay_s=_DELAY_S[each.kind] if each.delay_s is None else each.delay_s,
            restore_s=each.restore_s,
        )
        for each in settings.inputs
    ]


def broker_addresses(settings: Settings) -> list[BrokerAddress]:
    """Return the paths to the centre, in order; a broker without an interface of its own uses any."""
    interfaces = settings.mqtt.interfaces
    return [
        BrokerAddress(url, interface or None)
        for url, interface in zip_longest(settings.mqtt.brokers, interfaces, fillvalue="")
    ]


def light_pins(settings: Settings) -> LightPins:
    """Return the wiring of the outputs."""
    return LightPins(**settings.lights.model_dump(), press_tones=settings.alarm.press_tones)


def siren_pin(siren: SirenSettings) -> SirenPin:
    """Return the wiring of the siren."""
    return SirenPin(siren.pin, siren.active_high)


def siren_rules(siren: SirenSettings) -> SirenRules:
    """Return when the siren begins, and how long it may sound."""
    return SirenRules(
        stage=Stage.DELAYED if siren.when == "delayed" else Stage.UNCONFIRMED,
        after_ns=_ns(siren.after_s),
        limit_ns=_ns(siren.limit_s),
        total_ns=_ns(siren.total_s),
    )


def meta(settings: Settings) -> MetaData:
    """Return the description of this device that `up/meta` carries."""
    return MetaData(
        inputs=(
            *(
                {"name": b.name, "kind": b.kind, "silent": b.silent, "supervised": b.pin_nc is not None}
                for b in settings.buttons
            ),
            *({"name": each.name, "kind": each.kind} for each in settings.inputs if each.kind != "service"),
        ),
        outputs=(*light_pins(settings).wired(), *(["siren"] if settings.siren else [])),
        cameras=tuple(_camera(camera, recorded=is_recorded(settings, camera)) for camera in settings.cameras),
        location=location(settings),
        capabilities=COMMANDS,
        schemas=TYPES,
    )


def _camera(camera: CameraSettings, *, recorded: bool) -> CameraMeta:
    """Describe one camera. Leaves out the number of masks if they can't be read; then the camera is off, and its part
    of the health says why."""
    source = mask_url(camera.source)
    about: CameraMeta = {"name": camera.name, "source": source, "model": camera.model, "recorded": recorded}
    with suppress(MaskError):
        about["masks"] = len(masks(camera))
    return about


def masks(camera: CameraSettings) -> tuple[Outline, ...]:
    """Return the privacy masks of a camera. Raises MaskError."""
    return all_masks(camera.masks, camera.mask_file)


def black_box(directory: Path) -> Path:
    """Return the path of the black box for the outbox of `directory`: in memory, in systemd's runtime directory if it
    gives us one."""
    runtime = os.environ.get("RUNTIME_DIRECTORY", "").partition(":")[0]
    if runtime:
        return Path(runtime) / "black-box"
    name = hashlib.sha256(str(directory.absolute()).encode()).hexdigest()[:16]
    return Path("/dev/shm") / f"edge-agent-{os.geteuid()}-{name}"  # noqa: S108 - claimed safely, and ours alone


def status_file() -> Path | None:
    """Return the path of the status file for `edge-agent doctor`; None if no service manager gives us a directory."""
    runtime = os.environ.get("RUNTIME_DIRECTORY", "").partition(":")[0]
    return Path(runtime) / STATUS_FILE if runtime else None


def revision(settings: Settings) -> str:
    """Return a short name for exactly these settings, secrets left out."""
    masked = repr(settings.masked()).encode()
    return hashlib.sha256(masked).hexdigest()[:12]


def outbox(settings: Settings, clock: Clock, serials: Callable[[], Sequence[str]]) -> Outbox:
    """Return the outbox, not opened yet. `serials` reads the serial numbers of the board."""
    storage = settings.storage
    return Outbox(
        storage.directory,
        clock,
        settings.identity,
        storage.telemetry_max_bytes,
        black_box(storage.directory),
        storage.keep_free_bytes,
        serials=serials,
    )


def alarm_book(settings: Settings, context: Context, outbox: Outbox, *, simulated: bool) -> AlarmBook:
    """Return the alarm book for the configured inputs, with the alarms that were open when the agent last ran."""
    book = AlarmBook(
        [InputKind(button.name, button.kind, button.silent) for button in settings.buttons],
        context.clock.boot_id,
        location(settings),
        read_kept(outbox, context),
        now_ns=context.clock.boottime_ns(),
        waits=waits(settings),
        simulated=simulated,
    )
    keep_restored(book, outbox, context.security)()
    return book


def waits(settings: Settings) -> Waits:
    """Return how long an alarm stays in a stage before it changes by itself."""
    alarm = settings.alarm
    return Waits(
        delayed_after_ns=_ns(alarm.delayed_after_s),
        unconfirmed_after_ns=_ns(alarm.unconfirmed_after_s),
        repeat_after_ns=_ns(alarm.repeat_after_s),
        raise_again_after_ns=_ns(alarm.raise_again_after_s),
        raise_dispatched_after_ns=_ns(alarm.raise_dispatched_after_s),
    )


def centres(settings: Settings) -> Centres:
    """Return the command centres that are expected to watch."""
    centre = settings.centre
    return Centres(required=centre.required, names=centre.names, heard_within_s=centre.heard_within_s)


def service(settings: Settings, clock: Clock) -> Service:
    """Return the judge of whether the kiosk is in service, which counts from now."""
    return Service(_ns(settings.service.out_of_service_after_s), clock.boottime_ns())


def is_recorded(settings: Settings, camera: CameraSettings) -> bool:
    """Return whether the settings have all that a recording of this camera needs."""
    mqtt = settings.mqtt
    has_key = mqtt.key_file is not None and mqtt.cert_file is not None
    return camera.evidence and settings.evidence.recipient is not None and has_key


def spool(settings: Settings, runtime: Path | None = None) -> Path:
    """Return the directory in memory in which segments wait for their upload; `runtime` is the agent's runtime
    directory, and this process's when left out.

    Raises StorageError if there is none: they are not sealed, so no disk may have them."""
    runtime = runtime or Path(os.environ.get("RUNTIME_DIRECTORY", "").partition(":")[0])
    directory = settings.upload.directory or (None if runtime == Path() else runtime / "upload")
    do = "[upload] directory must name one in memory (tmpfs)"
    if directory is None:
        raise StorageError(f"nothing is uploaded: there is no runtime directory, so {do}")
    try:
        kind = look_at(directory).file_system
    except OSError as error:
        why = (error.strerror or str(error)).lower()
        raise StorageError(f"nothing is uploaded: nobody can tell whether {directory} is in memory: {why}") from error
    if kind not in {"tmpfs", "ramfs"}:
        why = f"{directory} is on a disk ({kind}), where recordings would lie unsealed"
        raise StorageError(f"nothing is uploaded: {why}; {do}")
    return directory


def _ns(seconds: float) -> int:
    return int(seconds * 1e9)


def location(settings: Settings) -> Location | None:
    """Return the device's location as alarms carry it, or None when the settings have none."""
    place = settings.device.location
    return None if place is None else {"lat": place.lat, "lon": place.lon, "text": place.text}


def tap_socket(directory: Path, runtime: Path | None = None) -> Path:
    """Return the path of the socket on which the agent of the state `directory` gives its tap: in `runtime`, which
    defaults to what the service manager has given this process, or in `directory` if that is empty."""
    if runtime is None:
        runtime = Path(os.environ.get("RUNTIME_DIRECTORY", "").partition(":")[0])
    return (directory if runtime == Path() else runtime) / "tap.sock"


def sim_socket(directory: Path) -> Path:
    """Return the path of the socket on which a simulated agent listens for `edge-agent sim`."""
    return directory / "sim.sock"


def battery(settings: Settings) -> Battery | None:
    """Return what says how much cameras do; None if they always do all."""
    chosen = settings.battery
    if chosen is None:
        return None
    has_mains = any(each.kind == "mains" for each in settings.inputs)
    rules = BatteryRules(chosen.slow_after_s, chosen.stop_after_s, chosen.frames_per_second, has_mains)
    return Battery(rules)
