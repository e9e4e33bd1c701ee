"""The settings: one frozen tree, read from TOML, overridden by `EDGE_AGENT_` environment variables.

Only the composition roots and the command line import this module; every other part gets plain values.
"""

import re
from datetime import time, timedelta, timezone
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from agent.core import self_test
from agent.core.identity import Identity

ENVIRONMENT_PREFIX = "EDGE_AGENT_"
DEFAULT_MODEL = "ssdlite-person-int8"
TopicLevel = Annotated[str, Field(pattern=r"^[a-z0-9-]{1,64}$")]
Pin = Annotated[int, Field(ge=2, le=27, description="BCM number; 0 and 1 belong to the HAT EEPROM")]


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)  # the tree holds the build of each


class Location(_Section):
    """Where the device stands, as the dispatcher reads it."""

    lat: float = Field(ge=-90, le=90)
    lon: float = Field(ge=-180, le=180)
    text: str = ""


class Device(_Section):
    """Which device this is: its place in the topic tree."""

    province: TopicLevel
    site: TopicLevel
    id: TopicLevel
    location: Location | None = None


class Storage(_Section):
    """Where the outbox, the pictures and the models live."""

    directory: Path
    telemetry_max_bytes: int = Field(default=64 * 1024 * 1024, ge=1024 * 1024)
    """Budget of every class but alarms and security; the oldest of the least important goes first."""
    keep_free_bytes: int = Field(default=200 * 1024 * 1024, ge=0)
    """When the disk has less room than this, pictures are not stored any more, and most of the events are given up."""


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


class Mqtt(_Section):
    """How to reach the command centre."""

    brokers: tuple[Annotated[str, AfterValidator(_broker_url)], ...] = Field(min_length=1)
    interfaces: tuple[Annotated[str, Field(pattern=r"^[^/\s]{0,15}$")], ...] = ()
    """The network interface by which each broker is reached, in their order; "" or none is any."""
    root: str = Field(default="edge/v1", pattern=r"^[a-z0-9-]+(/[a-z0-9-]+)?$")
    ca_file: Path | None = None
    cert_file: Path | None = None
    key_file: Path | None = None
    password: SecretStr | None = None
    keepalive_s: int = Field(default=30, ge=5, le=600)
    connect_timeout_s: float = Field(default=20.0, gt=0, le=120)
    alarm_timeout_s: float = Field(default=10.0, gt=0, le=60)
    """An alarm that the broker does not acknowledge for so long is sent by the next broker."""
    return_after_s: float = Field(default=300.0, ge=1, le=86400)
    """On another broker than the first: how long until the first one is tried again, while no alarm is open."""


class Centre(_Section):
    """Whether somebody watches, as the command centres say themselves."""

    required: bool = False
    """A centre that was never heard of counts as one that does not watch."""
    names: tuple[TopicLevel, ...] = ()
    """The centres that count; every centre when there is none."""


class Commands(_Section):
    """Who may speak to this device."""

    keys: Path | None = None
    """JWK set of the public keys; without it every ack and command is refused."""


def _not_the_self_test(name: str) -> str:
    if name == self_test.INPUT:
        raise ValueError("this is the input of the self-test's own alarm; take another name")
    return name


class _Line(_Section):
    """One contact between its pin and ground (or 3.3 V when `pull_up` is false)."""

    name: Annotated[TopicLevel, AfterValidator(_not_the_self_test)]
    pin: Pin
    pull_up: bool = True
    glitch_filter_ms: float = Field(default=0.0, ge=0, le=20)
    """The pins ignore what is shorter. It delays every press by as much."""


class Button(_Line):
    """One panic input. With `pin_nc` it is supervised: a second contact there opens when the button is pressed."""

    kind: Literal["panic", "duress", "medical", "fire"] = "panic"
    silent: bool = False
    pin_nc: Pin | None = None
    settle_ms: int = Field(default=50, ge=1, le=1000)
    """How long the two contacts of a supervised button may disagree."""
    debounce_ms: int = Field(default=30, ge=0, le=1000)
    hold_s: float = Field(default=0.0, ge=0, le=10)
    """A press counts when it is held for so long; 0: at its first edge."""
    stuck_after_s: float = Field(default=30.0, gt=0, le=3600)
    chatter_presses: int = Field(default=20, ge=0, le=1000)
    """More presses than this within the window are told once a second, as a sum; 0: never."""
    chatter_window_s: float = Field(default=10.0, gt=0, le=600)

    @model_validator(mode="after")
    def _times_fit(self) -> Self:
        if max(self.hold_s, self.settle_ms / 1000) >= self.stuck_after_s:
            raise ValueError("hold_s and settle_ms must be shorter than stuck_after_s")
        return self


class Condition(_Line):
    """A contact that tells of the kiosk itself. It opens when something is wrong, so that a cut cable tells too."""

    kind: Literal["tamper", "mains", "battery"]
    active_when: Literal["open", "closed"] = "open"
    delay_s: float | None = Field(default=None, ge=0, le=3600)
    """How long it must last before it is told: 60 for mains, 5 for battery, 0 for tamper unless it is given."""
    restore_s: float = Field(default=10.0, ge=0, le=3600)
    """How long it must be over before that is told."""


class Lights(_Section):
    """Output pins; one that is not given is not driven."""

    yellow: Pin | None = None
    green: Pin | None = None
    beacon: Pin | None = None
    tone: Pin | None = None

    def any(self) -> bool:
        """Whether there is a light at all."""
        return any(pin is not None for pin in (self.yellow, self.green, self.beacon, self.tone))


class Camera(_Section):
    """One camera and how it is watched."""

    name: TopicLevel
    source: str = Field(pattern=r"^(picamera2:\d+|v4l2:/dev/\S+|rtsps?://\S+|file:.+)$")
    model: str = DEFAULT_MODEL
    width: int | None = Field(default=None, ge=64, le=7680)
    height: int | None = Field(default=None, ge=64, le=4320)
    frames_per_second: float = Field(default=10.0, ge=0.2, le=120)
    threads: int = Field(default=2, ge=1, le=16)
    score_threshold: float = Field(default=0.5, gt=0, lt=1)
    enter_after_s: float = Field(default=0.5, ge=0, le=60)
    leave_after_s: float = Field(default=3.0, gt=0, le=3600)
    event_snapshots: bool = False
    """Routine events carry no picture unless the site says so (POPIA)."""


class Alarm(_Section):
    """How long an alarm waits before it changes by itself."""

    delayed_after_s: float = Field(default=10.0, gt=0, le=60)
    unconfirmed_after_s: float = Field(default=30.0, gt=0, le=300)
    repeat_after_s: float = Field(default=60.0, ge=1, le=3600)
    raise_again_after_s: float = Field(default=180.0, ge=1, le=86400)

    @model_validator(mode="after")
    def _in_order(self) -> "Alarm":
        if self.unconfirmed_after_s <= self.delayed_after_s:
            raise ValueError("unconfirmed_after_s must be above delayed_after_s: both count from the press")
        return self


class Service(_Section):
    """When the kiosk says that it is out of service."""

    out_of_service_after_s: float = Field(default=300.0, ge=1, le=86400)
    """Without an uplink, or without anybody watching at the centre."""


class SelfTest(_Section):
    """The daily self-test."""

    enabled: bool = True
    """Once a day. A signed command begins one in any case."""
    at: time = time(3, tzinfo=timezone(timedelta(hours=2)))
    """The time of day, with its offset from UTC; without one it is UTC."""
    spread_s: float = Field(default=3600.0, ge=0, le=86400)
    """Each device has its own place in so much time after that, so that not all test at once."""
    after_start_s: float = Field(default=300.0, ge=1, le=86400)
    """No test begins by itself before the agent has run for so long."""
    retry_after_s: float = Field(default=900.0, ge=60, le=86400)
    """A test by which nobody would hear of a press is repeated after so long."""
    centre_ack: bool = False
    """A command centre must answer the test alarm: the test fails without a verified ack."""
    ack_within_s: float = Field(default=30.0, ge=1, le=300)
    path_within_s: float = Field(default=20.0, ge=1, le=120)
    storage_within_s: float = Field(default=5.0, gt=0, le=60)
    chirp: bool = False
    """Try the tone too, for a third of a second."""


class Health(_Section):
    """The regular report."""

    interval_s: float = Field(default=60.0, ge=1, le=3600)


class Log(_Section):
    """What goes to standard error."""

    level: Literal["debug", "info", "warning", "error"] = "info"


class Settings(BaseSettings):
    """Everything that a person can set."""

    model_config = SettingsConfigDict(
        frozen=True, extra="forbid", env_prefix=ENVIRONMENT_PREFIX, env_nested_delimiter="__"
    )

    device: Device
    storage: Storage
    mqtt: Mqtt
    commands: Commands = Commands()
    buttons: tuple[Button, ...] = ()
    centre: Centre = Centre()
    inputs: tuple[Condition, ...] = ()
    lights: Lights = Lights()
    cameras: tuple[Camera, ...] = ()
    alarm: Alarm = Alarm()
    service: Service = Service()
    self_test: SelfTest = SelfTest()
    health: Health = Health()
    log: Log = Log()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003 - the signature is pydantic-settings'
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The environment wins over the file, which arrives as keyword arguments."""
        return env_settings, init_settings

    @property
    def identity(self) -> Identity:
        """The device's place in the topic tree."""
        return Identity(self.device.province, self.device.site, self.device.id, self.mqtt.root)

    def masked(self) -> dict[str, Any]:
        """The effective settings with every secret replaced, for a person to read."""
        tree: dict[str, Any] = self.model_dump(mode="json")
        for camera in tree["cameras"]:
            camera["source"] = mask_url(camera["source"])
        return tree


_LOGIN = re.compile(r"(?<=://).*@")
"""Up to the last @: a password may hold any character, and hiding too much does no harm."""
_SECRET_FIELD = re.compile(
    r"\b(user(?:name)?|usr|login|pass(?:word|wd)?|pwd|token|secret|key|auth)=[^&/?\s]*", re.IGNORECASE
)
"""Many cameras take the login in the path or the query."""


def mask_url(url: str) -> str:
    """The address with any user name and password replaced by `***`."""
    return _SECRET_FIELD.sub(r"\1=***", _LOGIN.sub("***@", url))
