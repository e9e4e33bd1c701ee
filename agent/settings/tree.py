"""The settings: one frozen tree, read from TOML and overridden by `EDGE_AGENT_` environment variables.

Only the composition roots and the command line import this module; all other parts are given plain values.
"""

import re
from datetime import time, timedelta, timezone
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from agent.contract.identity import Identity
from agent.contract.spelling import nearest
from agent.core.camera.settings import CameraSettings
from agent.core.section import Section, TopicLevel
from agent.settings.video import EvidenceSettings, LiveSettings, UploadSettings
from agent.settings.wiring import ButtonSettings, ConditionSettings, LightsSettings, SirenSettings

ENVIRONMENT_PREFIX = "EDGE_AGENT_"


def _time_zone(name: str) -> str:
    from zoneinfo import ZoneInfo, available_timezones  # noqa: PLC0415 - most settings leave it at its default

    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        by_place = {known.rpartition("/")[2].lower(): known for known in available_timezones()}
        close = nearest(name.rpartition("/")[2].lower(), by_place)
        hint = f"did you mean {by_place[close]}?" if close else "it is a name such as Africa/Johannesburg"
        raise ValueError(f"there is no such time zone; {hint}") from error
    return name


TimeZone = Annotated[str, AfterValidator(_time_zone)]


class LocationSettings(Section):
    """Where the device stands, as the dispatcher reads it."""

    lat: float = Field(ge=-90, le=90)
    lon: float = Field(ge=-180, le=180)
    text: str = ""


class DeviceSettings(Section):
    """Which device this is: its place in the topic tree."""

    province: TopicLevel
    site: TopicLevel
    id: TopicLevel
    location: LocationSettings | None = None
    time_zone: TimeZone = "Africa/Johannesburg"
    """The time zone of the hours in `[[cameras.zones]]`."""


class StorageSettings(Section):
    """Where the outbox and the pictures live."""

    directory: Path
    telemetry_max_bytes: int = Field(default=64 * 1024 * 1024, ge=1024 * 1024)
    """The budget of all classes except alarms and security; the oldest of the least important class goes first."""
    keep_free_bytes: int = Field(default=200 * 1024 * 1024, ge=0)
    """If the disk has less room than this, pictures are no longer stored, and most of the events are given up."""


def _broker_url(url: str) -> str:
    if "@" in url:
        raise ValueError("put the password in [mqtt] password, not in the address")
    form = "a broker is mqtt://HOST[:PORT] or mqtts://HOST[:PORT]"
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise ValueError(form) from error
    if parts.scheme not in {"mqtt", "mqtts"} or not parts.hostname or port == 0 or parts.path.strip("/"):
        raise ValueError(form)
    return url


class MqttSettings(Section):
    """How to reach the command centre."""

    brokers: tuple[Annotated[str, AfterValidator(_broker_url)], ...] = Field(min_length=1)
    interfaces: tuple[Annotated[str, Field(pattern=r"^[^/\s]{0,15}$")], ...] = ()
    """The network interface to reach each broker by, in the order of the brokers; "" or none means any."""
    root: str = Field(default="edge/v1", pattern=r"^[a-z0-9-]+(/[a-z0-9-]+)?$")
    ca_file: Path | None = None
    cert_file: Path | None = None
    key_file: Path | None = None
    password: SecretStr | None = None
    keepalive_s: int = Field(default=32, ge=5, le=600)
    """A little more than half of the 60 s after which a centre speaks again, so that this saves every second ping."""
    connect_timeout_s: float = Field(default=20.0, gt=0, le=120)
    alarm_timeout_s: float = Field(default=10.0, gt=0, le=60)
    """An alarm that the broker does not acknowledge within this time is sent to the next broker."""
    return_after_s: float = Field(default=300.0, ge=1, le=86400)
    """How long after a move to another broker the first one is tried again, while no alarm is open."""
    reconnect_spread_s: float = Field(default=30.0, ge=0, le=120)
    """After a connection is lost, the next one starts at a random moment within this time, so that not every device
    reaches a restarting broker at once; if it fails, after half to one and a half of this time, again and again. While
    an alarm is open, it starts immediately."""


class CentreSettings(Section):
    """Whether somebody watches, as the command centres say themselves."""

    required: bool = False
    """Whether a centre that was never heard of counts as one that does not watch."""
    names: tuple[TopicLevel, ...] = ()
    """The centres that count, each subscribed to by its name; if empty, every centre counts."""
    heard_within_s: float = Field(default=90.0, ge=1, le=3600)
    """A centre that is not heard of for this long after a new connection is absent. Centres repeat their state every
    minute, and not every broker keeps the last one."""


class CommandsSettings(Section):
    """Who may speak to this device."""

    keys: Path | None = None
    """JWK set of the public keys; without it every ack and command is refused."""


class AlarmSettings(Section):
    """How long an alarm waits before it changes by itself."""

    delayed_after_s: float = Field(default=10.0, gt=0, le=60)
    unconfirmed_after_s: float = Field(default=30.0, gt=0, le=300)
    repeat_after_s: float = Field(default=60.0, ge=1, le=3600)
    raise_again_after_s: float = Field(default=180.0, ge=1, le=86400)
    """Of a registered alarm, from the last ack."""
    raise_dispatched_after_s: float = Field(default=900.0, ge=1, le=86400)
    """Of an alarm to which somebody was sent, from the last ack: longer than they need to get there."""
    press_tones: bool = False
    """For people who can't see a lamp: the sounder gives a short tone at a press, and two when a person has registered
    it. Never for a silent button."""

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.unconfirmed_after_s <= self.delayed_after_s:
            raise ValueError("unconfirmed_after_s must be above delayed_after_s: both count from the press")
        return self


class ServiceSettings(Section):
    """When the kiosk says that it is out of service."""

    out_of_service_after_s: float = Field(default=300.0, ge=1, le=86400)
    """How long there must be no uplink, or nobody watching at the centre."""


class SelfTestSettings(Section):
    """The daily self-test."""

    enabled: bool = True
    """Whether a test runs every day. A signed command starts one in any case."""
    at: time = time(3, tzinfo=timezone(timedelta(hours=2)))
    """The time of day, with its offset from UTC; without an offset it is UTC."""
    spread_s: float = Field(default=3600.0, ge=0, le=86400)
    """Each device has its own place in this much time after `at`, so that they don't all test at once."""
    after_start_s: float = Field(default=300.0, ge=1, le=86400)
    """No test starts by itself before the agent has run this long."""
    retry_after_s: float = Field(default=900.0, ge=60, le=86400)
    """A test that shows that nobody would hear of a press is repeated after this long."""
    centre_ack: bool = False
    """Whether a command centre must answer the test alarm: if so, the test fails without a verified ack."""
    ack_within_s: float = Field(default=30.0, ge=1, le=300)
    path_within_s: float = Field(default=20.0, ge=1, le=120)
    storage_within_s: float = Field(default=5.0, gt=0, le=60)
    chirp: bool = False
    """Whether to try the tone too, for a third of a second."""
    siren_chirp: bool = False
    """Whether to try the siren too, for a third of a second. If not, the siren's pin is only read back."""


class ServicePageSettings(Section):
    """Where the service page is served, while a technician has asked for it."""

    https_port: int = Field(default=8443, ge=1024, le=65535)
    """On a network."""
    http_port: int = Field(default=8080, ge=1024, le=65535)
    """On a USB cable."""


class HealthSettings(Section):
    """The regular report."""

    interval_s: float = Field(default=75.0, ge=1, le=3600)


class DataSettings(Section):
    """How much may be sent and received in a month where a SIM card is paid by the megabyte. Alarms are sent anyway."""

    interface: str = Field(default="", pattern=r"^[^/\s]{0,15}$")
    """The network interface of the SIM card, such as `wwan0`; without it nothing is counted."""
    month_bytes: int = Field(default=0, ge=0)
    """How much goes over it in a month (of UTC), both ways, until recordings, live view and the pictures of events
    stop; 0: no limit."""

    @model_validator(mode="after")
    def _a_limit_is_of_something(self) -> Self:
        if self.month_bytes and not self.interface:
            raise ValueError("month_bytes needs interface: the network interface of the SIM card")
        return self


class BatterySettings(Section):
    """What cameras do while the kiosk runs on its battery; without this table all that they always do."""

    slow_after_s: float = Field(default=0.0, ge=0, le=86400)
    """How long the mains must be away until cameras look less often; an input of the kind `mains` tells, after its own
    delay."""
    frames_per_second: float = Field(default=2.0, ge=1, le=30)
    """How often they look then, at most."""
    stop_after_s: float = Field(default=1800.0, ge=60, le=86400)
    """How long the mains must be away until cameras stop. They stop at once when an input of the kind `battery` tells
    that it is low."""

    @model_validator(mode="after")
    def _slow_comes_first(self) -> Self:
        if self.stop_after_s < self.slow_after_s:
            raise ValueError("stop_after_s must not be below slow_after_s: cameras slow down before they stop")
        return self


class LogSettings(Section):
    """What goes to standard error."""

    level: Literal["debug", "info", "warning", "error"] = "info"


class Settings(BaseSettings):
    """Everything that a person can set."""

    model_config = SettingsConfigDict(
        frozen=True, extra="forbid", env_prefix=ENVIRONMENT_PREFIX, env_nested_delimiter="__"
    )

    device: DeviceSettings
    storage: StorageSettings
    mqtt: MqttSettings
    commands: CommandsSettings = CommandsSettings()
    buttons: tuple[ButtonSettings, ...] = ()
    centre: CentreSettings = CentreSettings()
    inputs: tuple[ConditionSettings, ...] = ()
    lights: LightsSettings = LightsSettings()
    siren: SirenSettings | None = None
    cameras: tuple[CameraSettings, ...] = ()
    evidence: EvidenceSettings = EvidenceSettings()
    upload: UploadSettings = UploadSettings()
    alarm: AlarmSettings = AlarmSettings()
    service: ServiceSettings = ServiceSettings()
    self_test: SelfTestSettings = SelfTestSettings()
    service_page: ServicePageSettings = ServicePageSettings()
    live: LiveSettings = LiveSettings()
    health: HealthSettings = HealthSettings()
    data: DataSettings = DataSettings()
    battery: BatterySettings | None = None
    log: LogSettings = LogSettings()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003 - the signature is pydantic-settings'
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Let the environment win over the file, which arrives as keyword arguments."""
        return env_settings, init_settings

    @property
    def has_pins(self) -> bool:
        """Whether anything is wired to a pin."""
        return bool(self.buttons or self.inputs or self.lights.any() or self.siren)

    @property
    def identity(self) -> Identity:
        """The device's place in the topic tree."""
        return Identity(self.device.province, self.device.site, self.device.id, self.mqtt.root)

    def masked(self) -> dict[str, Any]:
        """Return the effective settings for a person to read, with every secret masked."""
        tree: dict[str, Any] = self.model_dump(mode="json", by_alias=True)
        for camera in tree["cameras"]:
            camera["source"] = mask_url(camera["source"])
            if camera["stream"] is not None:
                camera["stream"] = mask_url(camera["stream"])
        return tree


_LOGIN = re.compile(r"(?<=://).*@")
"""Matches up to the last @: a password may hold any character, and hiding too much does no harm."""
_SECRET_FIELD = re.compile(
    r"\b(user(?:name)?|usr|login|pass(?:word|wd)?|pwd|token|secret|key|auth)=[^&/?\s]*", re.IGNORECASE
)
"""Many cameras take the login in the path or the query."""


def mask_url(url: str) -> str:
    """Return the address with any user name and password replaced by `***`."""
    return _SECRET_FIELD.sub(r"\1=***", _LOGIN.sub("***@", url))
