"""What the doctor says of uploads: the store, the directory in memory, the month, and who may give URLs."""

import json
from pathlib import Path
from typing import Any

import pytest

from agent.adapters.running_agent import RunningAgent
from agent.bootstrap.specs import STATUS_FILE
from agent.core.diagnosis.finding import Finding, State
from agent.doctor.check import Device
from agent.doctor.plan import checks_of
from agent.doctor.uploads import uploads
from agent.settings import Settings
from edge_centre.key_files import make_key
from tests.support.certificates import Authority
from tests.support.store import Store

FIGURES = {"waiting": 2, "urls": 1, "month_bytes": 50 << 20, "detail": ""}


def settings_of(state: Path, *hosts: str, **upload: Any) -> Settings:
    return Settings.model_validate(
        {
            "device": {"province": "gp", "site": "site", "id": "kiosk-1"},
            "storage": {"directory": str(state)},
            "mqtt": {"brokers": ["mqtt://127.0.0.1:1"]},
            "commands": {"keys": str(state / "keys" / "keys.json")},
            "upload": {"hosts": hosts, "directory": "/dev/shm/x", **upload},
        }
    )


def examine(settings: Settings, figures: dict[str, Any] | None = None) -> list[Finding]:
    agent = None
    if figures is not None:
        directory = settings.storage.directory
        (directory / STATUS_FILE).write_text(json.dumps({"uploads": figures}))
        agent = RunningAgent(1, simulated=False, runtime_directory=directory)
    return list(uploads(Device(settings, simulate=False, agent=agent), lambda _: None))


def test_a_device_that_can_upload_is_all_green(tmp_path: Path) -> None:
    make_key("supervisor", tmp_path / "keys")
    authority = Authority(tmp_path / "ca")
    with Store(authority.server()) as store:
        found = examine(settings_of(tmp_path, store.host, ca_file=str(authority.ca), month_bytes=100 << 20), FIGURES)
    assert {each.state for each in found} == {State.OK}, found
    assert "in memory, in /dev/shm/x" in found[0].what
    assert "2 segments wait, 1 URLs are there, 50 of 100 MiB" in found[-1].what


def test_a_store_that_is_away_or_is_another_is_said_and_where_recordings_are(tmp_path: Path) -> None:
    make_key("supervisor", tmp_path / "keys")
    authority = Authority(tmp_path / "ca")
    with Store(authority.server()) as store:
        other = examine(settings_of(tmp_path, store.host))[-1]
    gone = examine(settings_of(tmp_path, store.host))[-1]
    assert other.state is gone.state is State.FAIL
    assert "certificate does not hold" in other.what
    assert "connection refused" in gone.what
    assert "on the card" in gone.do


@pytest.mark.parametrize(
    ("figures", "says"),
    [
        ({"month_bytes": 100 << 20}, "nothing more is sent"),
        ({"month_bytes": 95 << 20}, "nearly all"),
        ({"detail": "segments wait for a URL"}, "segments wait for a URL"),
    ],
)
def test_what_keeps_uploads_is_said(tmp_path: Path, figures: dict[str, Any], says: str) -> None:
    make_key("supervisor", tmp_path / "keys")
    found = examine(settings_of(tmp_path, month_bytes=100 << 20), {**FIGURES, **figures})
    assert (found[-1].state, says in found[-1].what) == (State.WARN, True)


def test_a_key_set_in_which_nobody_may_give_urls_is_said(tmp_path: Path) -> None:
    make_key("operator", tmp_path / "keys")
    [said] = [each for each in examine(settings_of(tmp_path)) if each.state is State.WARN]
    assert "admin or supervisor" in said.what


def test_a_directory_on_a_disk_is_said_and_without_a_store_nothing_is(tmp_path: Path) -> None:
    found = examine(settings_of(tmp_path, directory="/proc/x"))
    assert (found[0].state, "is on a disk (proc)" in found[0].what) == (State.FAIL, True)
    device = Device(settings_of(tmp_path), simulate=True, agent=None)
    assert "uploads" not in [each.name for each in checks_of(device, tmp_path, with_lights=False)]
