"""A province as its TOML file says it: read, and judged with the line of each mistake."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, IPvAnyAddress, ValidationError

from agent.contract.commands import Role
from agent.contract.errors import SettingsError
from agent.contract.identity import LONGEST_COMMON_NAME, Identity
from agent.contract.layers import Location, hint, read_file
from agent.contract.stores import Host as Store
from agent.trust.jose_keys import ROLES

LEVEL = r"^[a-z0-9][a-z0-9-]{0,62}$"
Level = Annotated[str, Field(pattern=LEVEL)]
"""A level of a topic; also the name of a folder and part of a host's configuration."""
Text = Annotated[str, Field(min_length=1, pattern=r"^[^\x00-\x1f\"\\]*$")]
Host = Annotated[str, Field(pattern=r"^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$")]
Port = Annotated[int, Field(ge=1, le=65535)]
LONGEST_DEVICE = 20
"""Characters of a device's id that every site has room for, in the certificate's name."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Site(_Part):
    """A place with kiosks. `text` says where in words."""

    id: Level
    name: Text
    lat: Annotated[float, Field(ge=-90, le=90)]
    lon: Annotated[float, Field(ge=-180, le=180)]
    text: Annotated[str, Field(max_length=200, pattern=r"^[^\x00-\x1f\"\\]*$")] = ""


class Machine(_Part):
    """A host; `addresses` go into its certificate beside its name."""

    host: Host
    addresses: tuple[IPvAnyAddress, ...] = ()

    @property
    def names(self) -> list[str]:
        """What its certificate is for."""
        return [self.host, *map(str, self.addresses)]


class Broker(Machine):
    """A broker, and the page for operators on the same host."""

    name: Level
    device_port: Port = 8883
    centre_port: Port = 8884
    page_port: Port = 443
    web_port: Port = 9001

    @property
    def url(self) -> str:
        """Where devices find it."""
        return f"mqtts://{self.host}:{self.device_port}"


class Registrar(Machine):
    """Where devices enrol."""

    port: Port = 443

    @property
    def url(self) -> str:
        """Its address."""
        return f"https://{self.host}" + (f":{self.port}" if self.port != 443 else "")


class Centre(_Part):
    """A command centre, and the units that it can send."""

    id: Level
    name: Text
    units: tuple[Text, ...] = ()


class ControlRoom(_Part):
    """The page for operators."""

    title: Text
    language: Text = "en"
    outlines: tuple[Text, ...] = ()
    tiles: Text | None = None
    ring_after_s: Annotated[float, Field(gt=0)] = 15
    supervisor_after_s: Annotated[float, Field(gt=0)] = 60
    clips: bool = False
    """Whether it shows uploaded recordings: then each of its hosts runs `edge-centre evidence serve`."""


class Contact(_Part):
    """Who answers for the cameras, for the notices that POPIA asks for."""

    responsible: Text
    address: Text
    telephone: Text
    email: Text
    information_officer: Text
    purpose: Text
    kept_days: Annotated[int, Field(ge=1)]
    checked_by: str = ""
    """The lawyer who has checked the notices; until then they say that they are drafts."""


class Evidence(_Part):
    """Cameras record when somebody presses. Without this table they never do."""

    kept_days: Annotated[int, Field(ge=1, le=3650)]
    """After which a device deletes a recording that nobody has asked it to keep."""
    upload_hosts: tuple[Store, ...] = ()
    """The stores to which devices may upload recordings; without one they keep them."""


class Province(_Part):
    """The whole file."""

    code: Level
    name: Text
    languages: Annotated[tuple[Literal["en", "zu", "st", "af"], ...], Field(min_length=1)]
    sites: Annotated[tuple[Site, ...], Field(alias="site", min_length=1)]
    brokers: Annotated[tuple[Broker, ...], Field(alias="broker", min_length=1)]
    registrar: Registrar
    centres: Annotated[tuple[Centre, ...], Field(alias="centre", min_length=1)]
    control_room: ControlRoom
    people: dict[Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,64}$")], Role] = {}
    """Who holds a command key, and in which role."""
    contact: Contact
    evidence: Evidence | None = None


def load(path: Path, code: str) -> Province:
    """Read the file of the province `code`. Raises SettingsError with a line for each mistake: file, line, sentence."""
    given = read_file(path)
    try:
        province = Province.model_validate(given.plain)
        mistakes = [(at, text) for at, text in _conflicts(province, code)]
    except ValidationError as error:
        mistakes = [(each["loc"], _sentence(each)) for each in error.errors(include_url=False)]
    if mistakes:
        raise SettingsError("\n".join(f"{given.where(at)}: {text}" for at, text in mistakes))
    return province


def _sentence(mistake: Any) -> str:
    name = ".".join(str(part + 1) if isinstance(part, int) else str(part) for part in mistake["loc"] if part != "[key]")
    match mistake["type"]:
        case "missing":
            return f"{name} is missing"
        case "extra_forbidden":
            known = {str(field.alias or key) for each in _PARTS for key, field in each.model_fields.items()}
            return f"{name} is not a setting{hint(str(mistake['loc'][-1]), known)}"
        case "string_pattern_mismatch" if mistake["loc"][-1] in {"id", "name", "code"}:
            return f"{name}: use small letters, digits and hyphens only (given: {mistake['input']!r})"
        case "literal_error" if mistake["loc"][0] == "people":
            return f"{name}: a role is one of {', '.join(ROLES)} (given: {mistake['input']!r})"
    message = mistake["msg"]
    value = "" if isinstance(mistake["input"], dict | list) else f" (given: {mistake['input']!r})"
    return f"{name}: {message[0].lower()}{message[1:]}{value}"


_PARTS: tuple[type[BaseModel], ...] = (Province, Site, Broker, Registrar, Centre, ControlRoom, Contact, Evidence)


def _conflicts(province: Province, code: str) -> Iterator[tuple[Location, str]]:
    if province.code != code:
        yield ("code",), f"this file is that of {province.code}, not of {code}: name the file that is meant by --from"
    for number, site in enumerate(province.sites):
        room = LONGEST_COMMON_NAME - len(Identity(province.code, site.id, "").probe)
        if room < LONGEST_DEVICE:
            yield ("site", number, "id"), f"{site.id!r} is {LONGEST_DEVICE - room} characters too long for certificates"
    lists: dict[str, list[str]] = {
        "site.id": [each.id for each in province.sites],
        "broker.name": [each.name for each in province.brokers],
        "broker.host": [each.host for each in province.brokers],
        "centre.id": [each.id for each in province.centres],
    }
    for what, names in lists.items():
        table, key = what.split(".")
        for number, name in enumerate(names):
            if name in names[:number]:
                yield (table, number, key), f"{table} {key} {name!r} is there twice; give each its own"
    for name, count in Counter(province.languages).items():
        if count > 1:
            yield ("languages",), f"the language {name!r} is there twice"
