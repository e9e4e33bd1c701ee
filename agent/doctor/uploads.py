"""Checks whether recordings can be uploaded: the directory in memory, the stores, the URLs, who may give them."""

from collections.abc import Collection, Iterator
from urllib.parse import urlsplit

from agent.bootstrap import specs
from agent.contract.commands import TABLE
from agent.core.diagnosis.agent_report import upload_figures
from agent.core.diagnosis.finding import Finding, fail, failure, ok, unknown
from agent.core.diagnosis.uploads import judge_signers, judge_uploads
from agent.core.errors import SettingsError, StorageError
from agent.doctor.check import ENROLMENT, Device, Note
from agent.doctor.network import leads_to
from agent.trust.jose_keys import PublicKey, parse_keys, read_key_set
from agent.upload.put import CONNECT_S, why_unreachable


def limit_s(device: Device) -> float:
    """Return how long the check may take: a host's name, its addresses, and the handshake take their time."""
    return 10 + 4 * CONNECT_S * len(device.settings.upload.hosts)


def uploads(device: Device, note: Note, *, failed: Collection[str] = ()) -> Iterator[Finding]:
    """Look at everything that an upload needs."""
    upload = device.settings.upload
    yield _spool(device)
    if ENROLMENT not in failed:  # which brings the keys
        yield from judge_signers({each.role for each in _keys(device)}, TABLE["upload-urls"].roles)
    reached = [host for host in upload.hosts if _leads_to(host, failed)]
    for host in reached:
        note(f"connecting to {host}")
        scheme = "http" if device.simulate else "https"
        why = why_unreachable(f"{scheme}://{host}/", None if upload.ca_file is None else str(upload.ca_file))
        do = "see docs/how-to/upload-recordings.md; recordings are on the card until then"
        yield fail(f"{host}: {why}", do) if why else ok(f"{host} is there, and its certificate holds")
    if device.agent is None or (upload.hosts and not reached):
        return
    figures = upload_figures(device.status)
    if figures is None:
        yield unknown("the running agent does not report here what is uploaded", "run the doctor with sudo")
    else:
        yield from judge_uploads(figures, upload.month_bytes)


def _leads_to(host: str, failed: Collection[str]) -> bool:
    address = urlsplit(f"//{host}")
    return leads_to(address.hostname or "", address.port or 443, failed)


def _spool(device: Device) -> Finding:
    runtime = None if device.agent is None else device.agent.runtime_directory
    if runtime is None and device.settings.upload.directory is None:
        what = "where segments wait is not known: in the runtime directory of the agent"
        return unknown(what, "start the agent, and run the doctor with sudo")
    try:
        return ok(f"segments wait in memory, in {specs.spool(device.settings, runtime)}")
    except StorageError as error:
        return failure(str(error))


def _keys(device: Device) -> list[PublicKey]:
    taken = None if device.begun is None else device.begun.kept.keys
    try:
        if taken is not None:
            return parse_keys({"keys": taken.keys})
        path = device.settings.commands.keys
        return [] if path is None else read_key_set(path)
    except (SettingsError, ValueError):  # the check `keys` says why
        return []
