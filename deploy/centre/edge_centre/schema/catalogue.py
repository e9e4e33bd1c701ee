"""Everything that goes over the wire, one entry each, with its place, its delivery and its schema."""

from dataclasses import dataclass
from typing import Any, get_args

from agent.contract.commands import DESIRED, MAX_LIFE_S, TABLE, Claims, KeysSetArgs, Role
from agent.contract.envelope import CONTENT_TYPE
from agent.contract.kinds import EVENT_EXPIRY_S, KINDS, MessageKind
from agent.contract.live import MAX_BYTES as LIVE_MAX_BYTES
from agent.contract.messages import Envelope, ResultData, SecurityData
from agent.contract.security import SECURITY
from edge_centre.schema.documents import CentreState, JwkSet, PublicJwk
from edge_centre.schema.models import Definitions, Schema
from edge_centre.schema.results import OUTPUTS, REJECTIONS, RESULTS

DEVICE = "edge/v1/{province}/{site}/{device}"
"""The topics of one device, with the root that settings have unless they say otherwise."""
LEVEL = "[a-z0-9-]{1,64}"
_JWS = {
    "type": "string",
    "pattern": r"^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$",
    "maxLength": 16 * 1024,
    "contentMediaType": "application/jose",
}


@dataclass(frozen=True, slots=True)
class Entry:
    """One message, command or document."""

    name: str
    """Unique, and short: the type without `edge.` and the version, or the last levels of the topic."""
    address: str
    """Its topic, with parameters in braces."""
    when: str
    is_sent: bool
    """Whether the device sends it; it hears all others."""
    payload: Schema
    type: str = ""
    """CloudEvents type; empty for what has no envelope."""
    subject: str = ""
    """CloudEvents subject, with fields of the data in braces."""
    content_type: str = CONTENT_TYPE
    claims: Schema | None = None
    """What a signed payload says."""
    qos: int = 1
    retain: bool = False
    expiry_s: int | None = None


def entries(definitions: Definitions) -> list[Entry]:
    """Return everything, in the order of the contract's page; what it is made of goes to `definitions`."""
    envelope(definitions)
    base = definitions.found.pop(Envelope.__name__)
    found = [_message(kind, base, definitions) for kind in KINDS.values()]
    found += [_security(kind, base, definitions) for kind in SECURITY]
    found += [_picture(), _live_picture()]
    found += [_command(name, definitions) for name in TABLE]
    found += [_desired("config", "settings", definitions), _desired("keys", "keys", definitions)]
    found.append(
        Entry(
            "host-state",
            "edge/v1/host/{centre}/state",
            "a command centre says whether it watches: after each connect and every 60 s, and as its will",
            is_sent=False,
            payload=definitions.add(CentreState, sent=True),
            content_type="application/json",
            retain=True,
        )
    )
    return found


def envelope(definitions: Definitions) -> Schema:
    """Return a reference to the schema that those of all messages begin with."""
    reference = definitions.add(Envelope)
    definitions.found[Envelope.__name__]["properties"]["source"]["pattern"] = f"^/edge/{LEVEL}/{LEVEL}/{LEVEL}$"
    return reference


def roles(name: str) -> str:
    """Return who may send a command, in words."""
    allowed = ", ".join(role for role in get_args(Role) if role in TABLE[name].roles)
    return f"{allowed}; a technician may only close" if name == "ack" else allowed


def key_set(definitions: Definitions) -> Schema:
    """Return the schema of the key set's file, which is on no topic."""
    return definitions.add(JwkSet, sent=True)


def _message(kind: MessageKind, base: Schema, definitions: Definitions) -> Entry:
    data = definitions.add(kind.data)
    if kind.data is ResultData:
        _describe_output(definitions)
    about = f"/{{{kind.about.replace('_', '-')}}}" if kind.about else ""
    return Entry(
        kind.type.removeprefix("edge.").rpartition(".")[0],
        f"{DEVICE}/up/{kind.level}{about}",
        kind.when,
        is_sent=True,
        payload=_enveloped(base, kind.type, kind.subject, data),
        type=kind.type,
        subject=kind.subject,
        qos=kind.qos,
        retain=kind.retain,
        expiry_s=kind.expiry_s,
    )


def _security(kind: Any, base: Schema, definitions: Definitions) -> Entry:
    row = SECURITY[kind]
    general = definitions.add(SecurityData)["$ref"]
    schema = definitions.found[general.rpartition("/")[2]]
    detail = definitions.add(row.detail)
    own = {"kind": {"const": kind}, "severity": {"const": row.severity}, "detail": detail}
    name = f"{''.join(part.capitalize() for part in kind.split('-'))}Security"
    properties = {field: {**given, **own.get(field, {})} for field, given in schema["properties"].items()}
    properties["detail"] = detail
    properties["severity"] = {"const": row.severity, "type": "string"}
    definitions.found[name] = {**schema, "description": f"`up/security/{kind}`: {row.when}.", "properties": properties}
    type_ = f"edge.security.{kind}.v1"
    return Entry(
        f"security.{kind}",
        f"{DEVICE}/up/security/{kind}",
        row.when,
        is_sent=True,
        payload=_enveloped(base, type_, f"security/{kind}", {"$ref": general.rpartition("/")[0] + "/" + name}),
        type=type_,
        subject=f"security/{kind}",
    )


def _picture() -> Entry:
    return Entry(
        "snapshot",
        f"{DEVICE}/up/snapshot/{{id}}",
        "the picture for the alarm, event or snapshot command with that id: a JPEG of at most 100 KiB",
        is_sent=True,
        payload={"type": "string", "contentMediaType": "image/jpeg", "maxLength": 100 * 1024},
        content_type="image/jpeg",
        expiry_s=EVENT_EXPIRY_S,
    )


def _live_picture() -> Entry:
    return Entry(
        "live",
        f"{DEVICE}/up/live/{{camera}}",
        "while somebody looks (`live-start`), a picture of that camera: a JPEG of at most 60 KiB",
        is_sent=True,
        payload={"type": "string", "contentMediaType": "image/jpeg", "maxLength": LIVE_MAX_BYTES},
        content_type="image/jpeg",
        qos=0,
    )


def _command(name: str, definitions: Definitions) -> Entry:
    is_ack = name == "ack"
    return Entry(
        name if is_ack else f"command.{name}",
        f"{DEVICE}/down/ack/{{alarm-id}}" if is_ack else f"{DEVICE}/down/command/{name}",
        f"roles: {roles(name)}",
        is_sent=False,
        payload=_JWS,
        content_type="application/jose",
        claims=_claims(name, definitions),
    )


def _desired(level: str, what: str, definitions: Definitions) -> Entry:
    name = DESIRED[level]
    return Entry(
        level,
        f"{DEVICE}/down/{level}",
        f"{what} for whenever the device can take them: a `{name}`, retained; roles: admin",
        is_sent=False,
        payload=_JWS,
        content_type="application/jose",
        claims=_claims(name, definitions),
        retain=True,
    )


def _claims(name: str, definitions: Definitions) -> Schema:
    general = definitions.add(Claims, sent=True)["$ref"]
    schema = definitions.found[general.rpartition("/")[2]]
    args = definitions.add(TABLE[name].args, sent=True)
    if TABLE[name].args is KeysSetArgs:  # whose keys the device reads by code of its own
        own = definitions.found[KeysSetArgs.__name__]["properties"]["keys"]
        own["items"] = definitions.add(PublicJwk, sent=True)
    needs = definitions.found[args["$ref"].rpartition("/")[2]].get("required")
    properties = {**schema["properties"], "name": {"const": name, "type": "string"}, "args": args}
    required = [*schema["required"], *(["args"] if needs else [])]
    mine = f"{''.join(part.capitalize() for part in name.split('-'))}Claims"
    said = f"What the token of `{name}` says. It lives {MAX_LIFE_S} s at most, unless it is retained."
    definitions.found[mine] = {**schema, "description": said, "properties": properties, "required": required}
    return {"$ref": general.rpartition("/")[0] + "/" + mine}


def _enveloped(base: Schema, type_: str, subject: str, data: Schema) -> Schema:
    """Return the schema of a message: the envelope, for one type."""
    pattern = "^" + "".join(
        LEVEL if part.startswith("{") else part for part in subject.replace("{", "\0{").replace("}", "}\0").split("\0")
    )
    about = base["properties"]["subject"]["description"]
    own = {
        "type": {"const": type_, "type": "string"},
        "subject": {"type": "string", "pattern": pattern + "$", "description": about},
        "dataschema": {"const": f"urn:edge-agent:schema:{type_}", "type": "string"},
        "data": data,
    }
    return {**base, "properties": {**base["properties"], **own}}


def _describe_output(definitions: Definitions) -> None:
    """Say of a result which codes there are, and what its output has by name and code."""
    schema = definitions.found[ResultData.__name__]
    codes = dict.fromkeys([*(row.code for row in RESULTS), *REJECTIONS])
    schema["properties"]["code"]["x-extensible-enum"] = [*codes]
    schema["properties"]["name"]["x-extensible-enum"] = [*TABLE, "unknown"]
    outputs = {name: definitions.add(output.data) for name, output in OUTPUTS.items()}
    schema["properties"]["output"] = {
        "type": "object",
        "description": schema["properties"]["output"]["description"],
        "anyOf": [*outputs.values(), {"type": "object"}],
    }
    schema["allOf"] = [
        {"if": {"properties": _has_output(name)}, "then": {"properties": {"output": output}}}
        for name, output in outputs.items()
    ]


def _has_output(name: str) -> Schema:
    codes = OUTPUTS[name].codes
    if not codes:  # of what can't be read; somebody might call a command so
        return {"name": {"const": name}, "command_id": {"const": name}}
    return {"name": {"const": name}, "code": {"enum": [*codes]}}
