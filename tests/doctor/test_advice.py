"""Advice that somebody follows to the letter: it names the office's files by their names there, makes no key on a
device, and takes no right from the service."""

import errno
import json
import os
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path, PosixPath

import pytest

from agent.adapters import account, state_partition
from agent.adapters.binding import CURRENT
from agent.core.diagnosis.agent_report import _ADVICE
from agent.core.diagnosis.certificate import judge_device
from agent.core.diagnosis.disk import Disk, judge_disk
from agent.core.errors import ModelError, SettingsError
from agent.doctor import enrolment, machine, papers, plan
from agent.doctor.check import Device
from agent.doctor.plan import checks_of
from agent.models.store import ModelStore
from agent.provisioning import progress
from agent.runtime.remote.kept import Kept, KeySet
from agent.settings import Settings, load
from agent.settings.kept import Begun
from agent.trust.certificates import Certificate, DeviceCertificate
from tests.settings.test_file import GOOD

PROFILES = Path(__file__).parents[2] / "firmware_configs"
ME = account.own_name()


def quiet(_doing: str) -> None:
    """Nobody waits."""


@pytest.fixture
def known(tmp_path: Path) -> Settings:
    files = "".join(f'{name}_file = "{tmp_path / name}.pem"\n' for name in ("ca", "cert", "key"))
    path = tmp_path / "edge-agent.toml"
    path.write_text(GOOD.replace("[mqtt]\n", f'[commands]\nkeys = "{tmp_path / "keys.json"}"\n[mqtt]\n{files}'))
    return load(path, environ={})


def test_a_missing_certificate_comes_with_an_enrolment_or_by_hand(known: Settings, tmp_path: Path) -> None:
    own, authority = papers.certificate(Device(known, simulate=False, agent=None, user=ME), quiet)
    assert f"{tmp_path / 'cert.pem'} can't be read: no such file or directory ([mqtt] cert_file)" in own.what
    for each in (own, authority):
        assert each.do.startswith("`sudo edge-agent enrol` brings it; or bring it from its authority: `sudo install ")
    assert f"-g {account.group_of(ME)} FILE {tmp_path / 'ca.pem'}`" in authority.do


def test_a_store_that_only_root_may_look_into_ends_no_check(known: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """/etc/credstore is root's, and the doctor has the rights of the service."""
    device = Device(known, simulate=False, agent=None, user=ME)
    as_before = [*papers.certificate(device, quiet)]

    class Shut(PosixPath):
        def stat(self, *, follow_symlinks: bool = True) -> os.stat_result:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(self))

    monkeypatch.setattr(papers, "_PAGE_BY_HAND", Shut(papers._PAGE_BY_HAND))
    assert [*papers.certificate(device, quiet)] == as_before


@pytest.mark.parametrize("content", [None, "{", '{"keys": []}'])
def test_keys_that_are_missing_broken_or_nobodys_are_brought_and_never_made_on_the_device(
    known: Settings, tmp_path: Path, content: str | None
) -> None:
    if content is not None:
        (tmp_path / "keys.json").write_text(content)
    [finding] = papers.keys(known, ME, quiet)
    assert finding.do.startswith("`sudo edge-agent enrol` brings it; or bring the office's keys.json: `sudo install ")
    assert "keygen" not in finding.what + finding.do


def test_a_key_that_everybody_may_read_is_closed_to_them_and_stays_open_to_the_service() -> None:
    now = datetime(2026, 6, 1, tzinfo=UTC)
    own = Certificate("/e/device.pem", "gp/site/kiosk-0042", now - timedelta(days=9), now + timedelta(days=90))
    found = DeviceCertificate(
        own, "/e/device.key", key_matches=True, for_clients=True, chain_holds=None, key_is_open=True
    )
    finding = judge_device(found, "gp/site/kiosk-0042", now, "kiosks")[-1]
    assert finding.do == "`sudo chgrp kiosks /e/device.key && sudo chmod 640 /e/device.key`"


def test_nobody_who_makes_room_is_sent_to_delete_alarms() -> None:
    full = Disk("/data/edge-agent", "/data", "ext4", read_only=False, free_bytes=0, free_files=1, outbox_bytes=0)
    [finding] = judge_disk(full, 0)
    assert "delete nothing in /data/edge-agent, where the alarms are" in finding.do
    [finding] = judge_disk(replace(full, read_only=True, free_bytes=1 << 40), 0)
    assert finding.do.index("dmesg") < finding.do.index("reboot") < finding.do.index("remount,rw /data")


def test_on_a_read_only_root_the_doctor_says_how_a_change_lasts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = [finding.what for finding in machine.disk(tmp_path, 0, ME, quiet)]
    monkeypatch.setattr(machine, "LOWER_ROOT", Path("/proc"))
    [new] = [finding.what for finding in machine.disk(tmp_path, 0, ME, quiet) if "read-only" in finding.what]
    assert "`sudo overlayroot-chroot`" in new
    assert not any("read-only" in what for what in said)


def test_a_state_directory_that_its_own_user_may_not_write_is_chowned_to_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def denied(directory: Path) -> float:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(directory))

    monkeypatch.setattr(state_partition, "write_and_read", denied)
    *_, own = machine.disk(tmp_path, 0, ME, quiet)
    *_, of_another = machine.disk(tmp_path, 0, "nobody", quiet)

    assert own.what.startswith(f"user {ME} may not use {tmp_path}: it belongs to ")
    assert own.do == f"`sudo chown {ME}: {tmp_path}`, if it is the agent's alone"
    assert of_another.do == "run it with sudo: then it has the rights of nobody, the service's user"


def test_settings_that_may_not_be_read_are_told_with_sudo_and_nothing_else(tmp_path: Path) -> None:
    denied = PermissionError(13, "Permission denied", str(tmp_path))
    error = SettingsError("x")
    error.__cause__ = denied
    [finding] = papers.mistakes(tmp_path / "edge-agent.toml", error, "edge-agent", quiet)
    assert finding.do == "run it with sudo: then it has the rights of edge-agent, the service's user"


@pytest.mark.parametrize("path", sorted(PROFILES.glob("*/edge-agent.d/90-device.toml")), ids=lambda p: p.parts[-3])
def test_a_device_that_still_has_the_id_and_the_place_of_its_example_is_warned_of(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Device, "lacks", [])  # it was set up by hand
    settings = load(path.parents[1] / "edge-agent.toml", environ={})
    found = list(papers.settings(path, Device(settings, simulate=False, agent=None), quiet))
    assert [f.what.partition(",")[0].partition(" is ")[0] for f in found[:-1]] == ["[device] id", "[device] location"]
    assert [f.state.value for f in found] == ["warn", "warn", "ok"]


def test_a_device_with_an_id_and_a_place_of_its_own_is_not(known: Settings) -> None:
    [found] = papers.settings(Path("x"), Device(known, simulate=False, agent=None), quiet)
    assert found.state.value == "ok"


def test_a_misspelt_model_is_told_with_the_ones_that_there_are(tmp_path: Path) -> None:
    for name in ("street", "movenet-person-int8"):
        (tmp_path / f"{name}.json").write_text(json.dumps({}))
    with pytest.raises(ModelError, match=r"did you mean street\? there are movenet-person-int8, street$"):
        ModelStore([tmp_path]).load("stret")
    with pytest.raises(ModelError, match=r"did you mean movenet-person-int8\?"):
        ModelStore([]).load("movenet-persn-int8")


def test_a_technician_is_sent_to_no_finding_that_the_doctor_does_not_list(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Device, "lacks", [])  # before an enrolment these parts are not mentioned
    settings = load(PROFILES / "kiosk-camera-pi5/edge-agent.toml", environ={})
    more = {
        "upload": settings.upload.model_copy(update={"hosts": ("store.example",)}),
        "data": settings.data.model_copy(update={"interface": "wwan0"}),
        "live": settings.live.model_copy(update={"stream": "rtsps://media.example/live"}),
    }
    device = Device(settings.model_copy(update=more), simulate=False, agent=None)
    listed = {check.name for check in checks_of(device, tmp_path, with_lights=True)}
    texts = [text.format(which="front") for text in _ADVICE.values()]
    named = {name for text in texts for name in re.findall(r"findings? of ([a-z0-9-]+)", text)}
    assert {"broker-1", "camera-front"} < named <= listed
    bare = {check.name for check in checks_of(Device(settings, simulate=False, agent=None), tmp_path, with_lights=True)}
    assert listed - bare == {"stream", "uploads", "data"}


@pytest.mark.parametrize("revision", [7, None])
def test_keys_that_were_set_from_afar_are_what_is_checked_and_else_the_file(
    known: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, revision: int | None
) -> None:
    monkeypatch.setattr(Device, "lacks", [])
    kept = Kept() if revision is None else Kept(keys=KeySet(revision=revision, keys=[{}, {}]))
    device = Device(known, simulate=False, agent=None, begun=replace(Begun.of(known), kept=kept))
    [check] = [each for each in checks_of(device, tmp_path, with_lights=False) if each.name == "keys"]
    [found] = check.run(quiet)
    says = f"{tmp_path / 'keys.json'}: can't be read" if revision is None else "2 keys, set from afar (revision 7) in"
    assert found.what.startswith(says)


def test_an_identity_that_no_enrolment_has_made_is_said_to_be_by_hand(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Device, "lacks", [])
    settings = load(PROFILES / "kiosk-pi4/edge-agent.toml", environ={})
    storage = settings.storage.model_copy(update={"directory": tmp_path})
    device = Device(settings.model_copy(update={"storage": storage}), simulate=False, agent=None)

    [by_hand] = enrolment.enrolment(device, quiet)
    (device.directory / CURRENT).mkdir(parents=True)
    [enrolled] = enrolment.enrolment(device, quiet)

    name = settings.identity.user
    assert by_hand.what == f"this device has an identity, by hand: {name}"
    assert enrolled.what == f"this device has an identity: {name}"


def test_an_enrolment_that_was_cut_off_continues_with_the_same_claim(
    known: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress, "CARD", tmp_path / "card")
    storage = known.storage.model_copy(update={"directory": tmp_path})
    device = Device(known.model_copy(update={"storage": storage}), simulate=False, agent=None)

    [not_begun] = enrolment.enrolment(device, quiet)
    (tmp_path / CURRENT).mkdir(parents=True)
    [cut_off] = enrolment.enrolment(device, quiet)

    assert not_begun.what.endswith("this device has no certificate, and there is no claim on the card")
    assert cut_off.what == "the enrolment was cut off before it had written the settings"
    assert "again with the same claim" in cut_off.do


def test_the_service_user_needs_the_groups_of_the_pins_and_cameras_that_the_settings_name(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(plan, "ask_unit", lambda: None)
    monkeypatch.setattr(account, "missing_groups", lambda _, needed: sorted(needed))

    def missing(profile: str) -> list[str]:
        settings = load(PROFILES / profile / "edge-agent.toml", environ={})
        found = plan._account(ME, settings, quiet)
        return [name for name in ("gpio", "video") if any(name in each.what + each.do for each in found)]

    assert missing("kiosk-camera-pi5") == ["gpio", "video"]
    assert missing("kiosk-pi4") == ["gpio"]
