"""Judges whether what is recorded can be uploaded."""

from collections.abc import Collection, Mapping
from typing import Any

from agent.core.diagnosis.finding import Finding, ok, warn

_MIB = 1024 * 1024
_NEARLY = 0.9


def judge_signers(roles: Collection[str], needed: Collection[str]) -> list[Finding]:
    """Judge whether somebody in the key set may send `upload-urls`; `needed` are the roles that may."""
    if {*roles} & {*needed}:
        return []
    do = "`edge-centre keygen --role supervisor` for the machine that answers, and its public half into the key set"
    return [warn(f"no key in the key set may say where segments go ({' or '.join(sorted(needed))})", do)]


def judge_uploads(figures: Mapping[str, Any], limit: int) -> list[Finding]:
    """Judge what the running agent says of uploads (`uploads` in the health); `limit` is `month_bytes`, 0 for none."""
    used, waiting, urls = (int(figures.get(each) or 0) for each in ("month_bytes", "waiting", "urls"))
    of = f" of {limit / _MIB:.0f}" if limit else ""
    said = f"{waiting} segments wait, {urls} URLs are there, {used / _MIB:.0f}{of} MiB were sent in this month"
    detail = str(figures.get("detail") or "")
    if limit and used >= limit:
        return [warn(f"{said}: nothing more is sent", "raise [upload] month_bytes, or wait for the next month")]
    if waiting and detail:
        do = "see docs/how-to/upload-recordings.md; is `edge-centre evidence grant` running at the office?"
        return [warn(f"{said}: {detail}", do)]
    if limit and used >= _NEARLY * limit:
        return [warn(f"{said}: nearly all", "raise [upload] month_bytes, or upload less")]
    return [ok(said)]
