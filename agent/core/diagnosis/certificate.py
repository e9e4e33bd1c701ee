"""Judges the device's certificate: does it belong to this device, and for how long is it valid?"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from agent.contract.identity import common_name
from agent.core.binding import Binding, copied
from agent.core.diagnosis.finding import Finding, fail, ok, unknown, warn
from agent.core.diagnosis.time_source import EARLIEST

SOON = timedelta(days=30)
_RENEW = "renew it: `deploy/mosquitto/certificates.sh device {levels}`, and copy it to {file} and its key to {key}"


@dataclass(frozen=True, slots=True)
class Certificate:
    """The content of one certificate."""

    file: str
    common_name: str
    not_before: datetime
    not_after: datetime
    is_authority: bool = False


@dataclass(frozen=True, slots=True)
class DeviceCertificate:
    """The device's own certificate, and the results of checking it."""

    own: Certificate
    key_file: str
    key_matches: bool
    for_clients: bool
    """Whether a TLS client may use it."""
    chain_holds: bool | None
    """Whether the next certificate in its file, or that of the same name in `ca_file`, signed it; None without one."""
    key_is_open: bool
    """Whether users other than its owner and group may read the key."""
    others: tuple[str, ...] = ()
    """The common names of the certificates that follow the key in the key's file."""


def judge_binding(binding: Binding, serial: str | None) -> Finding:
    """Judge whether the credentials are this board's; `serial` is its serial number, None where it has none."""
    if (said := copied(binding, serial)) is not None:
        what, _, do = said.rpartition(": ")
        return fail(f"{what}: it connects to no broker and keeps what is pressed", do)
    if serial is None or binding.board is None:
        return ok(f"the credentials are those of {binding.name}; no serial number says whether this is its board")
    return ok(f"the credentials are those of {binding.name}, and this is its board {serial}")


def judge_device(found: DeviceCertificate, user: str, now: datetime, group: str = "edge-agent") -> list[Finding]:
    """Judge the device's certificate and key.

    `user` is the device's name to brokers. `group` is the service's group, which must still be able to read the key.
    `now` is the wall clock, which may be wrong.
    """
    own = found.own
    renew = _RENEW.format(levels=user.replace("/", " "), file=own.file, key=found.key_file)
    wanted = common_name(user)
    findings = judge_dates(own, "the device's certificate", renew, now)
    if own.common_name != wanted:
        findings.append(
            fail(
                f"the certificate {own.file} is for {own.common_name!r} (CN), but this device is {wanted!r}",
                f"{renew}; or correct province, site and id in [device]",
            )
        )
    if not found.key_matches:
        findings.append(
            fail(
                f"the key {found.key_file} does not belong to the certificate {own.file}",
                "copy both from the same `certificates.sh device` run",
            )
        )
    if not found.for_clients:
        findings.append(fail(f"the certificate {own.file} is not for clients (extended key usage)", renew))
    if found.chain_holds is False:
        findings.append(
            fail(f"the certificate {own.file} is not signed by the authority that it names", "copy the file again")
        )
    if found.key_is_open:
        findings.append(
            warn(
                f"everybody on this machine can read the key {found.key_file}",
                f"`sudo chgrp {group} {found.key_file} && sudo chmod 640 {found.key_file}`",
            )
        )
    return findings


def judge_probe(found: DeviceCertificate, user: str, probe: str) -> list[Finding]:
    """Judge whether the file also holds the probe's certificate, which only a device with several brokers needs."""
    if common_name(probe) in found.others:
        return []
    return [
        warn(
            f"{found.key_file} has no certificate for the self-test's probe, so it can't log in beside the agent: "
            "the nightly test can't check whether the other brokers accept an alarm",
            _RENEW.format(levels=user.replace("/", " "), file=found.own.file, key=found.key_file),
        )
    ]


def judge_authorities(authorities: Sequence[Certificate], now: datetime) -> list[Finding]:
    """Judge the certificates that `ca_file` trusts; there is at least one."""
    last = max(authorities, key=lambda each: (each.is_authority, each.not_after))
    if not last.is_authority:
        return [
            fail(
                f"{last.file} has no authority, only the certificate of {last.common_name!r}",
                "[mqtt] ca_file needs the certificate of the authority that signed the broker's",
            )
        ]
    return judge_dates(last, f"the authority {last.common_name!r}", f"install the new authority as {last.file}", now)


def judge_broker(not_after: datetime, broker: str, now: datetime) -> list[Finding]:
    """Judge a broker's certificate that is valid now: there is only something to say if it ends soon."""
    left = not_after - now
    if left >= SOON:
        return []
    return [warn(f"the certificate of {broker} ends in {_days(left)}", "ask the broker's operator to renew it")]


def judge_dates(certificate: Certificate, name: str, renew: str, now: datetime) -> list[Finding]:
    """Judge whether a certificate is valid now, and for how long."""
    if now < EARLIEST:
        return [unknown(f"can't tell whether {name} is valid: the clock is wrong", "set the clock first")]
    left = certificate.not_after - now
    day = f"{certificate.not_after:%Y-%m-%d}"
    if left <= timedelta():
        return [fail(f"{name} ({certificate.file}) has expired on {day}", renew)]
    if now < certificate.not_before:
        start = f"{certificate.not_before:%Y-%m-%d %H:%M}"
        return [fail(f"{name} ({certificate.file}) is not valid before {start} UTC", "check the clock, or wait")]
    if left < SOON:
        return [warn(f"{name} ({certificate.file}) ends in {_days(left)}, on {day}", renew)]
    return [ok(f"{name} is valid until {day} (CN {certificate.common_name})")]


def _days(left: timedelta) -> str:
    return f"{left.days} day{'' if left.days == 1 else 's'}" if left.days else f"{left.seconds // 3600} hours"
