"""The tables of docs/contract.md, each between two comments that name it."""

import re
from collections.abc import Callable, Iterable, Mapping

from agent.contract.camera_events import EVENTS
from agent.contract.commands import TABLE, Claims
from agent.contract.commissioning import CommissioningData
from agent.contract.device import HealthData, MetaData
from agent.contract.events import (
    CameraTamperData,
    ConditionData,
    HardlyAbleToSeeData,
    InputFaultData,
    LineCountData,
    PartData,
    SelfTestData,
    ServiceData,
    SirenData,
    TimeCorrectionData,
)
from agent.contract.evidence import EvidenceData
from agent.contract.messages import AlarmData, Envelope, ResultData, StateData
from agent.contract.security import SECURITY
from edge_centre.schema.catalogue import DEVICE, Entry, entries, roles
from edge_centre.schema.models import Definitions
from edge_centre.schema.results import REJECTIONS, RESULTS
from edge_centre.schema.rows import Row, rows

_MARKED = re.compile(r"(<!-- made: ([a-z-]+) -->\n)(.*?)(<!-- end -->)", re.DOTALL)
_MODELS: Mapping[str, type] = {
    "state": StateData,
    "meta": MetaData,
    "alarm": AlarmData,
    "part": PartData,
    "input-fault": InputFaultData,
    "condition": ConditionData,
    "camera-tamper": CameraTamperData,
    "line-count": LineCountData,
    "hardly-able-to-see": HardlyAbleToSeeData,
    "time-correction": TimeCorrectionData,
    "service": ServiceData,
    "siren": SirenData,
    "self-test": SelfTestData,
    "commissioning": CommissioningData,
    "evidence": EvidenceData,
    "health": HealthData,
    "result": ResultData,
}


def renewed(page: str) -> str:
    """Return the page with every table as the models say. Raises KeyError for a name that there is no table of."""
    return _MARKED.sub(lambda found: f"{found[1]}\n{TABLES[found[2]]()}\n\n{found[4]}", page)


def _topics() -> str:
    found = [entry for entry in entries(Definitions("#/")) if entry.is_sent and not entry.name.startswith("security.")]
    by_topic: dict[str, list[Entry]] = {}
    for entry in found:
        by_topic.setdefault(entry.address, []).append(entry)
    cells = [_topic(address, each) for address, each in by_topic.items()]
    cells.append(["`D/up/security/{kind}`", "`edge.security.{kind}.v1`", "1", "no", "none", 'see "Security events"'])
    return _table(("topic", "type", "QoS", "retained", "expiry", "when"), cells)


def _topic(address: str, found: list[Entry]) -> list[str]:
    first = found[0]
    types = ", ".join(f"`{entry.type}`" if entry.type else "none: a picture, `image/jpeg`" for entry in found)
    retained = "yes" if first.retain else "no"
    when = "; ".join(entry.when for entry in found)
    return [f"`{address.replace(DEVICE, 'D')}`", types, str(first.qos), retained, _time(first.expiry_s), when]


def _time(seconds: int | None) -> str:
    if seconds is None:
        return "none"
    return f"{seconds // 3600} h" if seconds % 3600 == 0 else f"{seconds} s"


def _fields(model: type, *, sent: bool = False, of_all: bool = False) -> str:
    definitions = Definitions("#/")
    definitions.add(model, sent=sent)
    found = rows(definitions.found[model.__name__], definitions.found)
    general = {"historical", "data"} if of_all else {"historical"}
    return _table(("field", "type", "presence", "meaning"), (_cells(row) for row in found if row.field not in general))


def _cells(row: Row) -> list[str]:
    kind = f"{row.type}, {row.unit}" if row.unit else row.type
    return [f"`{row.field}`", kind, row.presence, row.meaning]


def _camera_events() -> str:
    """Return one table for all events of cameras: each field with the events that have it."""
    definitions = Definitions("#/")
    has: dict[str, dict[str, Row]] = {}
    for name, event in EVENTS.items():
        definitions.add(event.data)
        for row in rows(definitions.found[event.data.__name__], definitions.found):
            has.setdefault(row.field, {})[name] = row
    cells = []
    for field, found in has.items():
        if field != "historical":
            first = next(iter(found.values()))
            cells.append([*_cells(first)[:3], _which([*found]), first.meaning])
    return _table(("field", "type", "presence", "in", "meaning"), cells)


def _which(names: list[str]) -> str:
    missing = [name for name in EVENTS if name not in names]
    if not missing:
        return "all"
    listed = missing if len(missing) < len(names) else names
    return ("all but " if listed is missing else "") + ", ".join(f"`{name}`" for name in listed)


def _commands() -> str:
    definitions = Definitions("#/")
    cells = []
    for name, command in TABLE.items():
        definitions.add(command.args, sent=True)
        schema = definitions.found[command.args.__name__]
        found = [row for row in rows(schema, definitions.found) if "." not in row.field]
        topic = "`D/down/ack/{alarm-id}`" if name == "ack" else f"`D/down/command/{name}`"
        args = "; ".join(_argument(row) for row in found) or "none"
        cells.append([f"`{name}`", topic, args, roles(name)])
    return _table(("name", "topic", "arguments", "roles"), cells)


def _argument(row: Row) -> str:
    optional = " (optional)" if row.presence == "optional" else ""
    values = f": {row.type}" if row.type.startswith("`") else ""
    return f"`{row.field}`{optional}{values}{_said(row).replace(':', ',', 1) if values else _said(row)}"


def _security() -> str:
    definitions = Definitions("#/")
    cells = []
    for kind, row in SECURITY.items():
        definitions.add(row.detail)
        found = rows(definitions.found[row.detail.__name__], definitions.found)
        detail = "; ".join(f"`{each.field}`{_said(each)}" for each in found)
        cells.append([f"`{kind}`", row.severity, row.when, detail or "nothing"])
    return _table(("kind", "severity", "when", "`detail`"), cells)


def _said(row: Row) -> str:
    return f": {row.meaning[:1].lower()}{row.meaning[1:].rstrip('.')}" if row.meaning else ""


def _table(head: Iterable[str], body: Iterable[Iterable[str]]) -> str:
    names = [*head]
    lines = [names, ["---"] * len(names), *([cell.replace("|", "\\|") for cell in row] for row in body)]
    return "\n".join(f"| {' | '.join(line)} |".replace("|  |", "| |") for line in lines)


TABLES: Mapping[str, Callable[[], str]] = {
    "topics": _topics,
    "envelope": lambda: _fields(Envelope, of_all=True),
    **{name: lambda model=model: _fields(model) for name, model in _MODELS.items()},  # type: ignore[misc]
    "camera-events": _camera_events,
    "claims": lambda: _fields(Claims, sent=True),
    "commands": _commands,
    "results": lambda: _table(
        ("status", "code", "meaning"), ([f"`{status}`", f"`{code}`", meaning] for status, code, meaning in RESULTS)
    ),
    "rejections": lambda: _table(
        ("code of a rejection", "meaning"), ([f"`{code}`", meaning] for code, meaning in REJECTIONS.items())
    ),
    "security": _security,
}
"""By the name in the comment."""
