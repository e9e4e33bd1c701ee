"""Judges the device's certificate: does it belong to this device, and for how long is it valid?"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from agent.contract.identity import common_name
from agent.core.binding import Binding, copied, renamed
from agent.core.diagnosis.finding import Finding, State, fail, ok, unknown, warn
from agent.core.diagnosis.time_source import EARLIEST
from agent.core.renewal import Enrolled, due_at, why_not_renewed
from agent.trust.certificates import Certificate, DeviceCertificate, KeyKind

SOON = timedelta(days=30)
_RENEW = "`sudo edge-agent enrol`, or copy a new one from its authority to {file}, and its key to {key}"
_RENEW_NOW = "`sudo edge-agent renew --now` tries again and says more"
_PAGE_AGAIN = (
    "`sudo edge-agent renew --now` asks the registrar for one, unless somebody has put it into /etc/credstore; until "
    "then take the cable"
)
_RENEW_EXPIRED = (
    "`sudo edge-agent renew --now`: for some weeks the registrar renews an expired one; after that "
    "`sudo edge-agent enrol` with a new claim"
)


def judge_binding(binding: Binding, serials: Sequence[str], user: str) -> Finding:
    """Judge whether the credentials are this board's, which has these serial numbers, and for the settings' name."""
    if (said := copied(binding, serials)) is not None:
        what, _, do = said.rpartition(": ")
        return fail(f"{what}: it connects to no broker and keeps what is pressed", do)
    if (said := renamed(binding, user)) is not None:
        what, _, do = said.rpartition(": ")
        return fail(what, do)
    if not serials or binding.board is None:
        return ok(f"the credentials are those of {binding.name}; no serial number says whether this is its board")
    return ok(f"the credentials are those of {binding.name}, and this is its board {binding.board}")


def judge_device(
    found: DeviceCertificate, user: str, now: datetime, group: str = "edge-agent", enrolled: Enrolled | None = None
) -> list[Finding]:
    """Judge the device's certificate and key.

    `user` is the device's name to brokers. `group` is the service's group, which must still be able to read the key.
    `now` is the wall clock, which may be wrong. `enrolled` is None for a device that does not renew by itself.
    """
    own = found.own
    if enrolled is None:
        renew = _RENEW.format(file=own.file, key=found.key_file)
        findings = judge_dates(own, "the device's certificate", renew, now)
    else:
        renew = "enrol this device again: `sudo edge-agent enrol`"
        findings = _judge_life(own, enrolled, now)
    wanted = common_name(user)
    if own.common_name != wanted and (enrolled is None or enrolled.name == user):  # else the binding has told it
        findings.append(
            fail(
                f"the certificate {own.file} is for {own.common_name!r} (CN), but this device is {wanted!r}",
                f"{renew}; or correct province, site and id in [device]",
            )
        )
    if found.key_trouble:
        findings.append(fail(*unusable(found.key_kind, found.key_file, found.key_trouble)))
    elif not found.key_matches:
        findings.append(
            fail(
                f"the key {found.key_file} does not belong to the certificate {own.file}",
                "copy the certificate and its key again, or `sudo edge-agent enrol`" if enrolled is None else renew,
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


_LOOK_FOR_TPM = (
    "look for the TPM (`ls -l /dev/tpmrm0`) and its provider (`dpkg -l tpm2-openssl`); a key from another board's TPM "
    "is of no use here: `sudo edge-agent enrol`"
)
_PLACES = {
    "file": ("in its file", ""),
    "tpm": ("in this board's TPM", _LOOK_FOR_TPM),
    "pkcs11": (
        "behind PKCS#11",
        "look for the token and its module: `p11-kit list-modules`, `dpkg -l pkcs11-provider`",
    ),
}
"""Where a key may be, and what to do when it can't be used there."""


_TPM_SAYS = {
    "ERROR:tcti:": "no TPM answers",
    "(0x00000921)": "it is locked for a while, as somebody has tried too many passwords",
    "(0x000001df)": "the key is another TPM's, or this TPM was cleared",
    " did not end within ": "it did not answer in time",
}
"""What is in the words of OpenSSL and of the TPM's library, and what it means."""


def unusable(kind: KeyKind, file: str, trouble: str) -> tuple[str, str]:
    """Return that a key can't be used where it is, and what to do. `trouble` is what OpenSSL or its provider says."""
    place, do = _PLACES[kind]
    why = next((words for sign, words in _TPM_SAYS.items() if sign in trouble), trouble)
    return f"the key {file} is {place}, which can't use it: {why}", do


def _judge_life(own: Certificate, enrolled: Enrolled, now: datetime) -> list[Finding]:
    """Judge the dates of a certificate that the device renews by itself."""
    name = "the device's certificate"
    [dates] = judge_dates(own, name, _RENEW_EXPIRED, now)
    if dates.state is State.UNKNOWN:
        return [dates]
    why = why_not_renewed(own.not_before, own.not_after, enrolled, now)
    if dates.state is State.FAIL:
        return [fail(f"{dates.what}; {why}", dates.do) if why else dates]
    due, left = due_at(own.not_before, own.not_after, enrolled.name), own.not_after - now
    life = f"{name} ends in {_days(left)}, on {own.not_after:%Y-%m-%d} (CN {own.common_name})"
    if why is not None:
        return [warn(f"{life}; {why}", _RENEW_NOW)]
    return [ok(f"{life}; it is renewed from {due:%Y-%m-%d} on")]


def trouble_with(own: Certificate, enrolled: Enrolled | None, now: datetime) -> str | None:
    """Return what a person must see to about the device's own certificate, in a sentence; None if nothing, or if the
    clock was never set."""
    if now < EARLIEST:
        return None
    ended = f"it has expired on {own.not_after:%Y-%m-%d}" if now >= own.not_after else None
    if enrolled is not None:
        why = why_not_renewed(own.not_before, own.not_after, enrolled, now)
        return f"{ended}; {why}" if ended and why else ended or why
    left = own.not_after - now
    return ended or (f"it ends in {_days(left)}, and this device does not renew it by itself" if left < SOON else None)


def judge_probe(found: DeviceCertificate, probe: str, enrolled: Enrolled | None = None) -> list[Finding]:
    """Judge whether the file also holds the probe's certificate, which only a device with several brokers needs."""
    if common_name(probe) in found.others:
        return []
    return [
        warn(
            f"{found.key_file} has no certificate for the self-test's probe, so it can't log in beside the agent: "
            "the nightly test can't check whether the other brokers accept an alarm",
            f"`sudo edge-agent enrol`, or append a certificate of its authority for {common_name(probe)} and that key"
            if enrolled is None
            else "`sudo edge-agent renew --now` asks the registrar for it again",
        )
    ]


def judge_page(found: Certificate | None, host: str, now: datetime) -> Finding:
    """Judge the certificate of the service page of `host`; None if there is none. A cable needs none."""
    if found is None:
        return warn(f"the service page has no certificate for {host}, so phones warn of it over a network", _PAGE_AGAIN)
    if found.not_after <= now:
        return warn(f"the certificate of the service page has ended on {found.not_after:%Y-%m-%d}", _PAGE_AGAIN)
    if found.common_name != host:
        named = f"the certificate of the service page is for {found.common_name!r}, and not for {host}"
        return warn(f"{named} ({found.file})", _PAGE_AGAIN)
    return ok(f"the service page has a certificate for {host} until {found.not_after:%Y-%m-%d}")


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
