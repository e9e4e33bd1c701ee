"""registrar.toml: what a registrar is told about its province."""

import re
import tomllib
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from agent.contract.errors import EdgeAgentError
from agent.contract.identity import LEVEL
from agent.trust.claim import registrar_address

_HOST = re.compile(r"(?:[A-Za-z0-9.-]{1,253}|[0-9A-Fa-f:.]{2,45})\Z")


class ConfigError(EdgeAgentError):
    """The registrar's configuration, or a file that it names, can't be used."""


def _level(text: str) -> str:
    if not LEVEL.match(text):
        raise ValueError("a name has small letters, digits and hyphens")
    return text


def _broker(text: str) -> str:
    try:
        parts = urlsplit(text)
        right = text == f"mqtts://{parts.netloc}" and _HOST.match(parts.hostname or "") and parts.port != 0
    except ValueError:
        right = False
    if not right or "@" in text:
        raise ValueError(f"{text!r} is no broker: it is mqtts://HOST or mqtts://HOST:PORT, as devices find it")
    return text


Level = Annotated[str, AfterValidator(_level)]


class _Table(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Site(_Table):
    """One place of the province at which there are devices."""

    id: Level
    name: str
    lat: float = Field(ge=-90, le=90)
    lon: float = Field(ge=-180, le=180)
    text: str
    """What a person calls it; a device may have a more exact place of its own."""


class Days(_Table):
    """How long a device's certificate is valid."""

    device: float = Field(default=90, gt=0, le=825)
    grace: float = Field(default=30, ge=0)
    """How long after its end it may still be renewed."""


class Evidence(_Table):
    """What devices are told of recordings."""

    recipient: str
    """The province's public evidence key, `NAME:KEY`, to which they are sealed."""
    max_age_days: float = Field(ge=1)
    upload_hosts: tuple[str, ...] = ()
    """The stores to which they may upload them."""


class RegistrarConfig(_Table):
    """The whole file. `read_config` has made its paths absolute."""

    province: Level
    address: Annotated[str, AfterValidator(registrar_address)]
    """`https://HOST[:PORT]`: where devices and people reach it."""
    database: Path
    socket: Path
    """The Unix socket on which nginx reaches it."""
    socket_group: str | None = None
    """The group that may use the socket: nginx's."""
    issuing_certificate: Path
    issuing_key: Path
    device_root: Path
    server_root: Path
    page_certificate: Path
    """The authority that issues to devices' service pages."""
    page_key: Path
    page_root: Path
    command_keys: Path
    """JWK set: the people who may approve, and the keys that devices obey."""
    brokers: tuple[Annotated[str, AfterValidator(_broker)], ...] = Field(min_length=1)
    centres: tuple[Level, ...] = ()
    days: Days = Days()
    evidence: Evidence | None = None
    """Without it devices record nothing, unless their own settings say so."""
    site: tuple[Site, ...] = Field(min_length=1)

    @property
    def hosts(self) -> set[str]:
        """The names under which devices and people know brokers and registrar."""
        return {(urlsplit(each).hostname or "").lower() for each in (self.address, *self.brokers)}

    def site_of(self, name: str) -> Site | None:
        """Return the site of the device `province/site/id`."""
        return next((site for site in self.site if site.id == name.split("/")[1]), None)


def read_config(path: Path) -> RegistrarConfig:
    """Read the file; its paths count from its own directory. Raises ConfigError that names the mistake."""
    try:
        config = RegistrarConfig.model_validate(tomllib.loads(path.read_text("utf-8")))
    except OSError as error:
        raise ConfigError(f"{path}: can't be read: {error.strerror}") from error
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        raise ConfigError(f"{path}: {'.'.join(map(str, first['loc']))}: {first['msg']}") from error
    except ValueError as error:
        raise ConfigError(f"{path}: not TOML: {error}") from error
    files = {name: path.parent / value for name, value in config if isinstance(value, Path)}
    return config.model_copy(update=files)
