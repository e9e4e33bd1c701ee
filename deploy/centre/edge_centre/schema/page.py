"""The contract as one page of HTML: no script, nothing from elsewhere, for a screen or for paper."""

import html
import json
import re
from collections.abc import Iterable
from typing import Any

from agent.contract.commands import MAX_LIFE_S
from agent.contract.messages import Envelope
from edge_centre.schema import docstrings
from edge_centre.schema.catalogue import Entry, entries, key_set
from edge_centre.schema.examples import EXAMPLES
from edge_centre.schema.models import Definitions, Schema
from edge_centre.schema.results import REJECTIONS, RESULTS
from edge_centre.schema.rows import rows

_STYLE = """
:root {
  color-scheme: light dark;
  --ink: #1c2024; --soft: #5b6570; --line: #d5dae0; --page: #fff; --box: #f4f6f8; --mark: #0b5cad;
}
@media (prefers-color-scheme: dark) {
  :root { --ink: #e4e7ea; --soft: #9aa5b1; --line: #39424c; --page: #15191d; --box: #1e242a; --mark: #7db7f5; }
}
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 2rem 1.25rem 4rem; max-width: 68rem; background: var(--page); color: var(--ink);
  font: 16px/1.5 system-ui, "Segoe UI", "DejaVu Sans", sans-serif; }
h1 { font-size: 1.7rem; line-height: 1.25; }
h2 { margin-top: 3rem; padding-bottom: .3rem; border-bottom: 2px solid var(--line); }
h3 { margin: 2.2rem 0 .2rem; font-size: 1.15rem; } h3 code { font-size: 1em; font-weight: 700; }
p { max-width: 46rem; margin: .5rem 0; } a { color: var(--mark); }
code { font: .9em/1.4 ui-monospace, "DejaVu Sans Mono", monospace; overflow-wrap: anywhere; }
.meta { color: var(--soft); font-size: .9rem; }
nav h2 { margin: 1rem 0 0; padding: 0; border: 0; font-size: 1rem; }
nav ul { margin: .3rem 0; columns: 16rem; padding-left: 1.1rem; } nav li { break-inside: avoid; }
.wide { overflow-x: auto; } table { width: 100%; border-collapse: collapse; font-size: .9rem; margin: .6rem 0; }
th, td { padding: .3rem .7rem .3rem 0; border-bottom: 1px solid var(--line); text-align: left; vertical-align: top; }
th { color: var(--soft); font-weight: 600; } td:first-child { min-width: 12rem; } td.type { max-width: 17rem; }
.optional { color: var(--soft); } details { margin: .6rem 0; } summary { color: var(--mark); cursor: pointer; }
pre { margin: .4rem 0; padding: .8rem 1rem; background: var(--box); border-radius: 6px; overflow-x: auto; }
pre code { overflow-wrap: normal; }
@media screen and (max-width: 44rem) {
  thead { display: none; } tr { display: block; padding: .45rem 0; border-bottom: 1px solid var(--line); }
  td { display: inline-block; padding: 0 .7rem 0 0; border: 0; } td:empty { display: none; }
  td:first-child { min-width: 0; } td:first-child code { font-weight: 700; } td:last-child { display: block; }
}
@media print {
  body { max-width: none; padding: 0; font-size: 10pt; } nav { display: none; } h3, tr { break-inside: avoid; }
  details::details-content { display: block; content-visibility: visible; } summary { list-style: none; }
  h2, h3 { break-after: avoid; } pre { white-space: pre-wrap; } a { color: inherit; }
}
"""
_INTRO = """
A device speaks JSON over MQTT. This page lists every message, command and document with its fields; it is made from the
program's own models. The rules for a subscriber, and what to do when something is lost, late or twice, are in
`docs/contract.md`. `D` stands for `edge/v1/{province}/{site}/{device}`.

New fields and new types may come at any time: ignore what you don't know. Lists of values that end with `...` may grow;
the others don't without a new version of the type. A field that is `optional` is left out when it has no value; it may
be null only where `null` is named as its type.
"""


def page() -> str:
    """Return the text of `index.html`."""
    definitions = Definitions("#/")
    found = entries(definitions)
    known = definitions.found
    alone = key_set(definitions)
    speaks = [entry for entry in found if entry.is_sent and not entry.name.startswith("security.")]
    security = [entry for entry in found if entry.name.startswith("security.")]
    hears = [entry for entry in found if not entry.is_sent]
    envelope = speaks[0].payload
    general = {name: given for name, given in envelope["properties"].items() if name != "data"}
    for name in ("type", "subject", "dataschema"):  # each message has its own
        general[name] = {"type": "string", "description": docstrings.of_fields(Envelope)[name]}
    parts = [
        "<h1>The contract: what a device says and hears on MQTT</h1>",
        *(_paragraph(text) for text in _INTRO.strip().split("\n\n")),
        "<nav>",
        _list(
            "Common to all", {"envelope": "the envelope", "results": "results", "key-set": "the key set of a device"}
        ),
        _list("What the device says", {entry.name: entry.name for entry in speaks}),
        _list("Security events", {entry.name: entry.name for entry in security}),
        _list("What the device hears", {entry.name: entry.name for entry in hears}),
        "</nav>",
        "<h2 id='envelope'>The envelope of every message</h2>",
        _fields({**envelope, "properties": general}, known),
        "<h2 id='speaks'>What the device says</h2>",
        *(_section(entry, known) for entry in speaks),
        "<h2 id='security'>Security events</h2>",
        *(_section(entry, known) for entry in security),
        "<h2 id='hears'>What the device hears</h2>",
        _paragraph(
            f"Acks and commands are compact JWS, signed with Ed25519, that live {MAX_LIFE_S} s at most. The tables show"
            " what a token says."
        ),
        *(_section(entry, known) for entry in hears),
        "<h2 id='results'>Results</h2>",
        _table(
            ("status", "code", "meaning"), [[_code(row.status), _code(row.code), _text(row.meaning)] for row in RESULTS]
        ),
        _table(("code of a rejection", "meaning"), [[_code(code), _text(text)] for code, text in REJECTIONS.items()]),
        "<h2 id='key-set'>The key set of a device</h2>",
        _paragraph("The file that `[commands] keys` names, a JWK set."),
        _fields(known[alone["$ref"].rpartition("/")[2]], known),
    ]
    head = '<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'
    title = "<title>The contract of edge-agent</title>"
    return f"<!doctype html>\n<html lang='en'><head>{head}{title}<style>{_STYLE}</style></head>\n<body>\n" + (
        "\n".join(parts) + "\n</body></html>\n"
    )


def _section(entry: Entry, known: dict[str, Schema]) -> str:
    data = entry.claims or (entry.payload["properties"]["data"] if entry.type else entry.payload)
    schema = known.get(str(data.get("$ref", "")).rpartition("/")[2], data)
    expiry = f"expires after {entry.expiry_s} s" if entry.expiry_s else "never expires"
    topic = entry.address.replace("edge/v1/{province}/{site}/{device}", "D")
    facts = [_code(topic), f"QoS {entry.qos}", "retained" if entry.retain else "not retained"]
    facts += [expiry] if entry.is_sent else []
    facts += [f"subject {_code(entry.subject)}"] if entry.type else []
    return "\n".join(
        [
            f"<h3 id='{entry.name}'>{_code(entry.type or entry.name)}</h3>",
            f"<p class='meta'>{' · '.join(facts)}</p>",
            _paragraph(_sentence(entry.when)),
            _fields(schema, known),
            _example(entry.name),
        ]
    )


def _fields(schema: Schema, known: dict[str, Schema]) -> str:
    cells = [
        [
            _code(row.field),
            f"<span class='type'>{_text(row.type)}</span>",
            f"<span class='{row.presence.partition(';')[0]}'>{_text(row.presence)}</span>",
            _text(row.unit),
            _text(row.meaning),
        ]
        for row in rows(schema, known)
    ]
    return _table(("field", "type", "presence", "unit", "meaning"), cells) if cells else ""


def _table(head: Iterable[str], body: Iterable[Iterable[str]]) -> str:
    top = "".join(f"<th>{_text(each)}</th>" for each in head)
    lines = "\n".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in body)
    return f"<div class='wide'><table><thead><tr>{top}</tr></thead>\n<tbody>\n{lines}\n</tbody></table></div>"


def _example(name: str) -> str:
    if name not in EXAMPLES:
        return ""
    text: Any = EXAMPLES[name]
    shown = text if isinstance(text, str) else json.dumps(text, indent=2, ensure_ascii=False)
    return f"<details><summary>An example</summary><pre><code>{html.escape(shown)}</code></pre></details>"


def _list(title: str, links: dict[str, str]) -> str:
    items = (f"<li><a href='#{to}'>{html.escape(text)}</a></li>" for to, text in links.items())
    return f"<h2>{title}</h2><ul>{''.join(items)}</ul>"


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}."


def _paragraph(text: str) -> str:
    return f"<p>{_text(text)}</p>"


def _code(text: str) -> str:
    return f"<code>{html.escape(text)}</code>"


def _text(text: str) -> str:
    """Return text with its `code` marked."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", html.escape(text, quote=False))
