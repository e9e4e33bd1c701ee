"""What the office reads of a device's settings: who it is, and how it reaches its brokers. It judges nothing else."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from agent.contract import layers
from agent.contract.errors import SettingsError
from agent.contract.identity import ROOT, Identity

_Level = Annotated[str, Field(pattern=r"^[a-z0-9-]{1,64}$")]
_OVERRIDES = "EDGE_AGENT_"


class DeviceSettings(NamedTuple):
    """A device's name and its way to the brokers."""

    identity: Identity
    brokers: tuple[str, ...]
    ca_file: Path | None
    has_certificate: bool


class _Device(BaseModel):
    id: _Level
    site: _Level
    province: _Level


class _Mqtt(BaseModel):
    brokers: tuple[str, ...] = Field(min_length=1)
    root: Annotated[str, Field(pattern=r"^[a-z0-9-]+(/[a-z0-9-]+)?$")] = ROOT
    ca_file: Path | None = None
    cert_file: Path | None = None


class _Read(BaseModel):
    model_config = ConfigDict(frozen=True)

    device: _Device
    mqtt: _Mqtt


def load(path: Path, environ: Mapping[str, str] = os.environ) -> DeviceSettings:
    """Read a device's settings file and its layers. Raises SettingsError, with a line for each mistake."""
    given, mistakes = layers.read(path)
    if mistakes:
        raise SettingsError("\n".join(mistakes))
    if overrides := sorted(name for name in environ if name.startswith((f"{_OVERRIDES}DEVICE", f"{_OVERRIDES}MQTT"))):
        raise SettingsError(f"environment: {', '.join(overrides)}: give --device and --broker instead")
    try:
        read = _Read.model_validate(given.plain)
    except ValidationError as error:
        raise SettingsError("\n".join(_say(given, item) for item in error.errors())) from error
    device, mqtt = read.device, read.mqtt
    identity = Identity(device.province, device.site, device.id, mqtt.root)
    return DeviceSettings(identity, mqtt.brokers, mqtt.ca_file, mqtt.cert_file is not None)


def _say(given: layers.Node, item: Any) -> str:
    return f"{given.where(item['loc'])}: {'.'.join(map(str, item['loc']))}: {item['msg']}"
