"""What health tells of the certificate's end after a renewal, with a bad file, and on a disk that hangs."""

import json
import logging
import os
import shutil
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from agent.bootstrap.remote import make_certificate_watch
from agent.contract.envelope import rfc3339
from agent.settings import load
from agent.trust.x509_files import own_and_first_end
from tests.settings.test_file import GOOD
from tests.support.certificates import Authority, CertificateFiles
from tests.support.context import make_context
from tests.support.sim_clock import SimClock
from tests.support.wait import wait_for

USER = "gp/park-station/kiosk-1"
PROBE = f"{USER}/up/alarm"
SOON_ENDS = "it ends in 8 days, and this device does not renew it by itself"
SOON, HOUR = timedelta(seconds=10), timedelta(hours=1)


class Device:
    """A device that has just started, with these files."""

    def __init__(self, directory: Path, files: CertificateFiles | None, state: Path | None = None) -> None:
        config = directory / "edge-agent.toml"
        named = "" if files is None else f'cert_file = "{files.cert}"\nkey_file = "{files.key}"\n'
        where = 'directory = "/var/lib/edge-agent"'
        assert where in GOOD
        good = GOOD.replace(where, f'directory = "{state or directory}"')
        config.write_text(good.replace("[mqtt]\n", f"[mqtt]\n{named}"))
        self._clock = SimClock(wall=datetime.now(UTC))
        context = make_context(clock=self._clock)
        self._board = context.board
        self._watch = make_certificate_watch(load(config, {}), context)
        self.passes(timedelta())

    @property
    def told(self) -> Any:
        return self._board.figures()["certificate_ends"]

    @property
    def trouble(self) -> Any:
        return self._board.figures()["certificate_trouble"]

    def passes(self, time: timedelta) -> Any:
        """Let time pass; returns what health tells then."""
        self._clock.advance(time)
        self._watch.tick()
        return self.told


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path / "ca", "Devices")


@pytest.fixture
def files(authority: Authority) -> CertificateFiles:
    return authority.client(USER, PROBE, days=(9, 5))


def end_of(files: CertificateFiles) -> str:
    return rfc3339(own_and_first_end(files.cert, files.key, PROBE)[1])


def test_the_earlier_end_is_told_but_not_before_the_kiosk_is_ready(tmp_path: Path, files: CertificateFiles) -> None:
    device = Device(tmp_path, files)
    assert device.passes(SOON / 2) is None
    assert device.passes(SOON / 2) == end_of(files)


def test_a_device_without_a_certificate_tells_no_end(tmp_path: Path) -> None:
    assert Device(tmp_path, None).passes(SOON) is None


def test_a_certificate_that_was_renewed_shows_within_the_hour(
    tmp_path: Path, authority: Authority, files: CertificateFiles
) -> None:
    device = Device(tmp_path, files)
    before = device.passes(SOON)
    renewed = authority.client(USER, PROBE, days=(400, 400))
    shutil.copy(renewed.cert, files.cert)
    shutil.copy(renewed.key, files.key)
    assert device.passes(HOUR) == end_of(renewed) != before


@pytest.mark.parametrize("content", [None, b"", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"])
@pytest.mark.parametrize("which", ["cert", "key"])
def test_a_file_that_can_not_be_read_leaves_the_end_out_until_it_can(
    tmp_path: Path, files: CertificateFiles, which: str, content: bytes | None
) -> None:
    path: Path = getattr(files, which)
    device, right, end = Device(tmp_path, files), path.read_bytes(), end_of(files)
    assert device.passes(SOON) == end
    path.unlink() if content is None else path.write_bytes(content)
    # A key's file without any certificate is whole: the device then has no probe.
    own_alone = (
        rfc3339(own_and_first_end(files.cert, files.key, PROBE)[1]) if which == "key" and content == b"" else None
    )
    assert device.passes(HOUR) == own_alone != end
    assert device.trouble == SOON_ENDS if own_alone else str(path) in device.trouble
    path.write_bytes(right)
    assert device.passes(HOUR) == end


def test_a_fault_of_the_library_leaves_the_end_out_and_is_logged(
    tmp_path: Path, files: CertificateFiles, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object) -> None:
        raise ImportError("the library is damaged")

    device = Device(tmp_path, files)
    monkeypatch.setattr("agent.trust.x509_files.own_and_first_end", fail)
    with caplog.at_level(logging.ERROR):
        assert device.passes(SOON) is None
    assert "the library is damaged" in caplog.text


def test_a_disk_that_hangs_holds_one_thread_and_the_end_that_was_read_stays(
    tmp_path: Path, files: CertificateFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agent.adapters.in_time.PATIENCE_S", 0.05)
    monkeypatch.setattr("agent.trust.x509_files.read_file", Path.read_bytes)  # a FIFO stands for a disk that hangs
    device, right = Device(tmp_path, files), files.cert.read_bytes()
    end = device.passes(SOON)
    files.cert.unlink()
    os.mkfifo(files.cert)
    others = set(threading.enumerate())
    for _ in range(3):
        assert device.passes(HOUR) == end
    [reader] = set(threading.enumerate()) - others
    files.cert.write_bytes(right)  # the disk answers
    reader.join(10)
    files.cert.unlink()
    files.cert.write_bytes(b"")
    assert device.passes(HOUR) is None, "the files are read again"


def test_a_disk_that_answers_late_is_heard(
    tmp_path: Path, files: CertificateFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agent.adapters.in_time.PATIENCE_S", 0.05)
    monkeypatch.setattr("agent.trust.x509_files.read_file", Path.read_bytes)  # a FIFO stands for a disk that hangs
    right, end = files.cert.read_bytes(), end_of(files)
    device = Device(tmp_path, files)
    files.cert.unlink()
    os.mkfifo(files.cert)
    assert device.passes(SOON) is None
    files.cert.write_bytes(right)
    assert wait_for(lambda: device.told, what="the end") == end


def test_a_renewal_that_fails_is_told_with_why_and_since_when_until_it_succeeds(
    tmp_path: Path, authority: Authority
) -> None:
    state = tmp_path / "state"
    (state / "credentials/first").mkdir(parents=True)
    current = state / "credentials/current"
    current.symlink_to("first")
    made = authority.client(USER, PROBE, days=(9, 9))
    files = CertificateFiles(made.ca, current / "device.pem", current / "device.key")
    shutil.copy(made.cert, files.cert)
    shutil.copy(made.key, files.key)
    (current / "binding.json").write_text(json.dumps({"name": USER, "board": None}))
    device = Device(tmp_path, files, state)
    assert device.passes(SOON) is not None
    assert device.trouble is None, "it ends soon, and the device renews it"

    result = state / "credentials/renewal.json"
    tried = {"tried_at": "2026-06-02T10:00:00Z", "failing_since": "2026-06-01T10:00:00Z", "failures": 24}
    result.write_text(json.dumps({**tried, "error": "the registrar refuses"}))
    device.passes(HOUR)
    assert device.trouble == "its renewal has failed 24 times since 2026-06-01 10:00 UTC: the registrar refuses"
    result.write_text(json.dumps({**tried, "error": None}))
    device.passes(HOUR)
    assert device.trouble is None
    result.write_text("not what was written")
    device.passes(HOUR)
    assert device.trouble is None
