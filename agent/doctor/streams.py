"""Checks whether a stream could be pushed: the media server's name, port and certificate, and the file of the login."""

import ssl
from collections.abc import Collection, Iterator
from datetime import UTC, datetime
from urllib.parse import urlsplit

from agent.bootstrap.specs import is_recorded
from agent.core.diagnosis.certificate import judge_broker
from agent.core.diagnosis.finding import Finding, fail, ok, warn
from agent.doctor.check import Device, Note
from agent.doctor.network import leads_to
from agent.live.rtsp import PushError, RecordSession, read_login, trouble_of

_DO = "see `[live]` in the settings, and the server; a look by pictures needs none"


def media_server(device: Device, note: Note, *, failed: Collection[str] = ()) -> Iterator[Finding]:
    """Look at the files, connect, and hold the certificate against the name; nothing is pushed."""
    live = device.settings.live
    assert live.stream is not None
    url = urlsplit(live.stream)
    place = url.netloc
    if live.login_file is not None:
        try:
            read_login(live.login_file)
        except PushError as error:
            yield fail(str(error), _DO)
    if not any(is_recorded(device.settings, camera) for camera in device.settings.cameras):
        yield warn("no camera is recorded, and a stream is what a recorder has", "see [evidence] recipient")
    if not leads_to(url.hostname or "", url.port or 0, failed):
        return
    note(f"connecting to {place}")
    try:
        with RecordSession(live.stream, None if live.ca_file is None else str(live.ca_file), None) as session:
            certificate = session.socket.getpeercert() or {}
    except (PushError, OSError) as error:
        yield fail(f"{place}: {trouble_of(error)}", _DO)
        return
    yield ok(f"{place}: it proves its name; no stream was tried")
    ends = datetime.fromtimestamp(ssl.cert_time_to_seconds(str(certificate["notAfter"])), UTC)
    yield from judge_broker(ends, place, datetime.now(UTC))
