"""A report of a commissioning as one page of HTML: no script, nothing from elsewhere, made for paper."""

import base64
import html
from collections.abc import Iterable, Sequence
from datetime import datetime
from importlib.resources import files

from agent.contract.commissioning import Attachment, Figure, Report, Verdict, WalkStep
from agent.contract.vocabulary import TimeQuality
from agent.trust.commissioning_report import Finding, ReportFile

_STYLE = files(__package__).joinpath("report.css").read_text(encoding="utf-8")
_NO_SCRIPT = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
_UNCHECKED = "The signatures were not checked when this page was made; edge-centre report verify does."
_WORDS: dict[Verdict, str] = {"passed": "\u2713 passed", "failed": "\u2717 failed", "left-out": "\u2013 left out"}
_CLOCK: dict[TimeQuality, str] = {
    TimeQuality.SYNCED: "set by a time service",
    TimeQuality.HOLDOVER: "was set, and runs on by itself",
    TimeQuality.UNSYNCED: "was not set: no time in here can be trusted",
}


def page(file: ReportFile, findings: Sequence[Finding], checked: str | None) -> str:
    """Return the HTML of a report. `findings` are those of the check; `checked` says when that was and against what,
    None that nobody has checked the signatures, which the page then says on top."""
    report = file.data.report
    broken = any(not finding.holds for finding in findings)
    title = f"Commissioning of {report.device.name}, {report.ended[:10]}"
    parts = [
        _header(report, broken),
        _alert(findings) if broken else "",
        _box("left-out", "Nobody has checked who signed this", f"<p>{_UNCHECKED}</p>") if checked is None else "",
        _sums(report),
        _apart(report, "failed", "What failed"),
        _apart(report, "left-out", "What was left out, and why"),
        _in_earnest(report),
        _box("plain", "The technician's note", f"<p>{_text(report.note)}</p>") if report.note else "",
        _section("Who, where, when", _facts(report), whole=True),
        _section("Who has signed", _signatures(findings, checked or _UNCHECKED), whole=True),
        _section(f"What was tried: {len(report.steps)} steps", _steps(report.steps)),
        _section("What the cameras see", _views(file, drawn=False)),
        _section("How it is wired", _views(file, drawn=True) + _wiring(report)),
        _footer(report),
    ]
    head = (
        '<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<meta http-equiv="Content-Security-Policy" content="{_NO_SCRIPT}"><title>{_text(title)}</title>'
    )
    style = _STYLE.replace("content: string;", f'content: "{_css(title)}";')
    body = "\n".join(filter(None, parts))
    return (
        f'<!doctype html>\n<html lang="en"><head>{head}<style>{style}</style></head>\n<body>\n{body}\n</body></html>\n'
    )


def _footer(report: Report) -> str:
    ids = f"Report {_code(report.id)} of the walk {_code(report.walk)}."
    return f"<footer>{ids} The signed file is what counts; this page only shows it.</footer>"


def _header(report: Report, broken: bool) -> str:
    verdict = "failed" if broken else report.verdict
    word = "Does not hold" if broken else report.verdict.capitalize()
    left = report.count("left-out")
    small = "see below" if broken else f"{left} left out" if left else "nothing left out"
    where = _text(report.place.text or report.device.name)
    return (
        f"<header><div><p class='kind'>Commissioning report</p><h1>{where}</h1>{_code(report.device.name)}</div>"
        f"<div class='stamp {verdict}'>{word}<small>{small}</small></div></header>"
    )


def _alert(findings: Iterable[Finding]) -> str:
    lines = "".join(f"<li>{_text(finding.text)}</li>" for finding in findings if not finding.holds)
    return _box("failed", "This report can't be relied on", f"<ul>{lines}</ul>")


def _sums(report: Report) -> str:
    words: dict[Verdict, str] = {"passed": "steps passed", "failed": "failed", "left-out": "left out"}
    cells = [
        *(
            (verdict if report.count(verdict) else "", str(report.count(verdict)), word)
            for verdict, word in words.items()
        ),
        ("", report.ended[:10], f"{_clock(report.began)} to {_clock(report.ended)} UTC"),
        ("", report.by.name or report.by.issuer, "technician"),
    ]
    items = (f"<li class='{kind}'><b>{_text(value)}</b>{_text(word)}</li>" for kind, value, word in cells)
    return f"<ul class='sums'>{''.join(items)}</ul>"


def _apart(report: Report, verdict: Verdict, title: str) -> str:
    found = [step for step in report.steps if step.verdict == verdict]
    items = "".join(f"<li><strong>{_text(step.title)}</strong>: {_text(step.said)}</li>" for step in found)
    return _box(verdict, title, f"<ul>{items}</ul>") if found else ""


def _in_earnest(report: Report) -> str:
    said = (
        (f"{each.input}, {_moment(each.raised_at)}, during {each.step}", each.alarm_id) for each in report.in_earnest
    )
    items = (f"<li>{_text(text)}: {_code(alarm_id)}</li>" for text, alarm_id in said)
    return _box("failed", "Alarms in earnest meanwhile", f"<ul>{''.join(items)}</ul>") if report.in_earnest else ""


def _facts(report: Report) -> str:
    device, place, by = report.device, report.place, report.by
    where = f"{place.lat}, {place.lon}" if place.lat and place.lon else "not in the settings"
    facts = [
        ("Place", _text(place.text or "not in the settings")),
        ("Position", _text(where)),
        ("Device", _code(device.name)),
        ("Technician", _text(f"{by.name} ({by.issuer})" if by.name else by.issuer)),
        ("Board", _text(device.model or "not told")),
        ("Began", _text(_moment(report.began))),
        ("Serial number", _code(device.board) if device.board else "not told"),
        ("Ended", _text(_moment(report.ended))),
        ("Profile", _text(device.profile or "not told")),
        ("Clock", _text(_CLOCK[report.timeq])),
        ("Program", _text(f"edge-agent {device.agent_version}")),
        ("Certificate ends", _text(device.certificate_ends[:10])),
        ("System", _text(device.system or "not told")),
        ("Follows", f"report {_code(report.follows)}" if report.follows else "nothing: the first of this device"),
        ("Settings", _code(device.config_revision)),
    ]
    return "<dl>" + "".join(f"<dt>{name}</dt><dd>{value}</dd>" for name, value in facts) + "</dl>"


def _steps(steps: Iterable[WalkStep]) -> str:
    lines = (
        f"<tr><td class='n'>{number}</td><td>{_text(step.title)}</td><td>{_text(step.said)}{_tries(step)}</td>"
        f"<td class='f'>{''.join(f'<span>{_figure(each)}</span>' for each in step.figures)}</td>"
        f"<td class='t'>{_clock(step.ended)}</td><td class='v {step.verdict}'>{_WORDS[step.verdict]}</td></tr>"
        for number, step in enumerate(steps, 1)
    )
    head = "<th></th><th>Step</th><th>What came of it</th><th>Figures</th><th class='t'>UTC</th><th>Verdict</th>"
    return f"<table class='steps'><thead><tr>{head}</tr></thead><tbody>{''.join(lines)}</tbody></table>"


def _tries(step: WalkStep) -> str:
    return f" <span class='soft'>{step.tries} tries</span>" if step.tries > 1 else ""


def _figure(figure: Figure) -> str:
    unit = f"\u00a0{_text(figure.unit)}" if figure.unit else ""
    limit = "" if figure.limit is None else f" <small class='soft'>(limit {figure.limit}{unit})</small>"
    return f"{_text(figure.name)} <strong>{figure.value}{unit}</strong>{limit}"


def _views(file: ReportFile, *, drawn: bool) -> str:
    views = [each for each in file.data.report.pictures if (each.media == "image/svg+xml") == drawn]
    return "".join(_view(each, file.pictures.get(each.sha256)) for each in views)


def _view(view: Attachment, picture: bytes | None) -> str:
    taken = f", {_moment(view.taken)}" if view.taken else ""
    if picture is None:
        shown = f"<p class='soft'>The picture is not in this file; its SHA-256 is {_code(view.sha256)}.</p>"
    else:
        coded = base64.b64encode(picture).decode()
        shown = f"<img src='data:{view.media};base64,{coded}' alt='{html.escape(view.what)}'>"
    return (
        f"<figure>{shown}<figcaption><b>{_text(view.name)}</b>: {_text(view.what)}{_text(taken)}</figcaption></figure>"
    )


def _wiring(report: Report) -> str:
    if not report.wiring:
        return ""
    lines = (
        f"<tr><td>{_code(wire.name)}</td><td>{_text(wire.what)}</td><td>{_text(wire.pins)}</td></tr>"
        for wire in report.wiring
    )
    head = "<th>Name</th><th>What it is</th><th>Where it is wired</th>"
    return f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(lines)}</tbody></table>"


def _signatures(findings: Iterable[Finding], checked: str) -> str:
    items = "".join(f"<li{'' if finding.holds else ' class=not'}>{_text(finding.text)}</li>" for finding in findings)
    return f"<ul class='checks'>{items}</ul><p class='soft'>{_text(checked)}</p>"


def _section(title: str, content: str, *, whole: bool = False) -> str:
    """Return a section; nothing for one without content. One that is `whole` stays on one sheet."""
    return f"<section{' class=whole' if whole else ''}><h2>{_text(title)}</h2>{content}</section>" if content else ""


def _box(kind: str, title: str, content: str) -> str:
    return f"<div class='note {kind}'><b>{_text(title)}</b>{content}</div>"


def _moment(time: str) -> str:
    return f"{time[:10]} {_clock(time)} UTC"


def _clock(time: str) -> str:
    try:
        return f"{datetime.fromisoformat(time):%H:%M}"
    except ValueError:
        return "?"


def _code(text: str) -> str:
    return f"<code>{_text(text)}</code>"


def _text(text: str) -> str:
    return html.escape(text)


def _css(text: str) -> str:
    return "".join(each if each.isalnum() or each in " ,-./" else " " for each in text)
