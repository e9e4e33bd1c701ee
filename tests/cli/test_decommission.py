"""`edge-agent decommission`, as a technician runs it: open alarms, a registrar that is away, cuts at every step."""

import json
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from agent.adapters.binding import BINDING, CURRENT
from agent.adapters.board import Board
from agent.adapters.systemd_unit import ask_unit
from agent.cli import decommission as command
from agent.contract.messages import Draft
from agent.core.errors import StorageError
from agent.outbox.outbox import Outbox
from agent.provisioning import decommission, settings_files
from agent.provisioning.decommission import MARK
from agent.runtime.remote.kept import Kept, KeySet
from agent.settings.kept import store_kept
from agent.trust.claim import read
from agent.trust.evidence_keys import EvidenceKey
from agent.trust.jose_keys import PrivateKey
from tests.cli.test_enrol import Device, _right_clock, claim_of, device, registrar
from tests.support.certificates import Authority
from tests.support.drafts import alarm, open_outbox, security, write
from tests.support.fake_registrar import NAME, FakeRegistrar, Handler
from tests.support.made_up_clips import Recording
from tests.support.registrar import ServedRegistrar
from tests.support.sim_clock import SimClock

__all__ = ["_right_clock", "device", "registrar"]


class Revoking:
    """A registrar's answers to `decommission`."""

    def __init__(self, registrar: FakeRegistrar, status: int = 200) -> None:
        self.asked = 0
        self.status = status
        registrar.hook = self._hook

    def _hook(self, exchange: Handler) -> bool:
        if exchange.path != "/registrar/decommission":
            return False
        assert exchange.connection.getpeercert(), "it shows its certificate"
        self.asked += 1
        exchange.answer(self.status, f"{NAME} is decommissioned: its certificate no longer counts.\n".encode())
        return True


@pytest.fixture
def enrolled(device: Device, registrar: FakeRegistrar, monkeypatch: pytest.MonkeyPatch) -> Device:
    """An enrolled device that has sent and stored things."""
    monkeypatch.setattr(command, "_CLAIM", device.directory / "boot.claim")
    registrar.settings["settings"] = 'mqtt.brokers = ["mqtts://localhost:8883"]\n'
    assert device.enrol(claim_of(registrar)) == 0
    (device.directory / "boot.claim").write_text("edge-claim1.secret")
    with_messages(device)
    store_kept(device.state, Kept(keys=KeySet(revision=3, keys=[])))
    picture = device.state / "snapshots/front/1.jpg"
    picture.parent.mkdir(parents=True)
    picture.write_bytes(b"\xff\xd8 a face")
    return device


def outbox_of(device: Device) -> Outbox:
    return open_outbox(device.state, SimClock())


def with_messages(device: Device, *drafts: Draft, kept: dict[str, str] | None = None) -> None:
    outbox = outbox_of(device)
    outbox.put(security())
    for draft in drafts:
        outbox.put(draft)
    for key, value in (kept or {}).items():
        outbox.keep(key, value)
    write(outbox)
    outbox.close()


def left(device: Device) -> set[str]:
    """What is still there of its state and of what enrolment wrote."""
    found = {str(each.relative_to(device.state)) for each in device.state.rglob("*")}
    found = {each for each in found if not each.endswith(("-shm", "-wal"))}  # SQLite's, by whoever reads
    named = [device.directory / "command-keys.json", device.directory / "edge-agent.d" / settings_files.LAYER]
    named.append(device.directory / MARK)
    return found | {each.name for each in [*named, device.directory / "boot.claim"] if each.exists()}


def test_it_has_the_certificate_revoked_and_keeps_nothing_of_its_province(
    enrolled: Device, registrar: FakeRegistrar, capsys: pytest.CaptureFixture[str]
) -> None:
    revoking = Revoking(registrar)
    assert enrolled.run("decommission", "--yes") == 0
    assert revoking.asked == 1
    assert left(enrolled) == {"agent.lock"}
    said = capsys.readouterr().out
    assert f"{NAME} is decommissioned: its certificate no longer counts.\n" in said
    assert f"Done: this device is no longer {NAME}." in said
    assert "a card keeps deleted data until it is overwritten" in said
    # Its wiring is still there, and it can be enrolled anew.
    assert enrolled.enrol(claim_of(registrar, name="gp/park-station/kiosk-0009")) == 0
    assert json.loads((enrolled.state / CURRENT / BINDING).read_text())["name"] == "gp/park-station/kiosk-0009"


def test_while_a_recording_is_held_it_is_refused_and_released_ones_go_with_the_rest(
    enrolled: Device, registrar: FakeRegistrar, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Revoking(registrar)
    key = EvidenceKey.generate("evidence-1")
    recording = Recording(enrolled.state / "evidence" / "front", Authority(tmp_path / "ca"), key)
    clip = recording.record()
    recording.clips.hold(clip, {"by": "thandi", "ref": "17"}, held=True)
    assert enrolled.run("decommission", "--yes") == 1
    assert "refused, and nothing is changed: 1 recording is held: let the office fetch" in capsys.readouterr().err
    recording.clips.hold(clip, {"by": "thandi", "ref": "17"}, held=False)
    assert enrolled.run("decommission", "--yes") == 0
    assert not (enrolled.state / "evidence").exists()


@pytest.mark.parametrize(
    ("drafts", "kept", "why"),
    [
        ([], {"alarm/a1": "{}"}, "1 alarm is open: have the centre close it first"),
        ([], {"alarm/a1": "{}", "alarm/a2": "{}"}, "2 alarms are open"),
        (
            [replace(alarm(), topic=f"edge/v1/{NAME}/up/alarm/police")],
            {},
            "1 message of an alarm waits for a broker: let the device connect first",
        ),
    ],
)
def test_while_an_alarm_is_open_or_waits_it_is_refused_and_nothing_is_changed(
    enrolled: Device,
    registrar: FakeRegistrar,
    capsys: pytest.CaptureFixture[str],
    drafts: list[Draft],
    kept: dict[str, str],
    why: str,
) -> None:
    revoking = Revoking(registrar)
    with_messages(enrolled, *drafts, kept=kept)
    before = left(enrolled)
    assert enrolled.run("decommission", "--yes") == 1
    assert f"refused, and nothing is changed: {why}" in capsys.readouterr().err
    assert (revoking.asked, left(enrolled)) == (0, before)


def test_a_message_under_a_name_that_it_had_before_holds_nothing_up(enrolled: Device, registrar: FakeRegistrar) -> None:
    Revoking(registrar)
    with_messages(enrolled, replace(alarm(), topic="edge/v1/gp/park-station/kiosk-1/up/alarm/police"))
    assert enrolled.run("decommission", "--yes") == 0
    assert left(enrolled) == {"agent.lock"}


def test_a_running_agent_must_be_stopped_first(enrolled: Device, capsys: pytest.CaptureFixture[str]) -> None:
    running = outbox_of(enrolled)
    try:
        assert enrolled.run("decommission", "--yes", "--without-registrar") == 1
        assert "an agent is still running" in capsys.readouterr().err
    finally:
        running.close()
    assert "credentials/current" in left(enrolled)


@pytest.fixture
def systemd(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Callable[[], list[str]]]:
    """A `systemctl` that knows the unit, which runs; gives what it was asked to do."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "asked").touch()
    program = tmp_path / "bin/systemctl"
    program.write_text(
        f'#!/bin/sh\n[ "$1" != show ] || exec printf "LoadState=loaded\\nActiveState=active\\n"\n'
        f'echo "$*" >>{tmp_path}/asked\n[ ! -e {tmp_path}/broken ]\n'
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    monkeypatch.setattr(command, "_RUNTIME", tmp_path / "run")
    ask_unit.cache_clear()
    yield lambda: (tmp_path / "asked").read_text().splitlines()
    ask_unit.cache_clear()


def test_the_service_is_stopped_for_good_and_comes_back_when_nothing_could_be_erased(
    enrolled: Device, registrar: FakeRegistrar, systemd: Callable[[], list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "_PATIENCE_S", 0.0)
    off, on = (f"{word} --now edge-agent.service" for word in ("disable", "enable"))
    revoking = Revoking(registrar, 503)
    assert enrolled.run("decommission", "--yes") == 1
    assert systemd() == [off, on]
    revoking.status = 200
    assert enrolled.run("decommission", "--yes") == 0
    assert systemd() == [off, on, off]
    assert left(enrolled) == {"agent.lock"}


def test_a_service_that_can_not_be_stopped_is_told_and_nothing_is_erased(
    enrolled: Device,
    registrar: FakeRegistrar,
    systemd: Callable[[], list[str]],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    revoking = Revoking(registrar)
    (tmp_path / "broken").touch()
    before = left(enrolled)
    assert enrolled.run("decommission", "--yes") == 1
    assert "`systemctl disable --now edge-agent.service` failed" in capsys.readouterr().err
    assert (revoking.asked, left(enrolled)) == (0, before)


@pytest.mark.parametrize("status", [403, 503])
def test_without_an_answer_or_with_a_no_nothing_is_erased_and_the_office_can_do_it(
    enrolled: Device,
    registrar: FakeRegistrar,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    status: int,
) -> None:
    monkeypatch.setattr(command, "_PATIENCE_S", 0.0)
    Revoking(registrar, status)
    before = left(enrolled)
    assert enrolled.run("decommission", "--yes") == 1
    said = capsys.readouterr().err
    assert "not revoked, and nothing is erased: " in said
    assert f"tell the office to revoke the certificate of {NAME}, and give --without-registrar" in said
    assert left(enrolled) == before

    registrar.stop()
    assert enrolled.run("decommission", "--yes", "--without-registrar") == 0
    assert f"Not revoked: tell the office to revoke the certificate of {NAME}." in capsys.readouterr().out
    assert left(enrolled) == {"agent.lock"}


def test_a_copied_card_does_not_revoke_the_original(
    enrolled: Device, registrar: FakeRegistrar, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (enrolled.state / CURRENT / BINDING).write_text(json.dumps({"name": NAME, "board": "10ab"}))
    monkeypatch.setattr(Board, "serials", lambda _: ("10cd",))
    revoking = Revoking(registrar)
    assert enrolled.run("decommission", "--yes", "--without-registrar") == 0
    assert revoking.asked == 0
    assert "is the original's, and is not revoked" in capsys.readouterr().out
    assert left(enrolled) == {"agent.lock"}


def test_a_device_that_was_set_up_by_hand_loses_the_files_that_its_settings_name(
    device: Device, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "_CLAIM", device.directory / "boot.claim")
    files = {name: device.directory / f"{name}.pem" for name in ("ca", "cert", "key")}
    text = device.config.read_text().replace("/etc/edge-agent/server-ca.pem", str(files["ca"]))
    own = f'cert_file = "{files["cert"]}"\nkey_file = "{files["key"]}"\n'
    device.config.write_text(text.replace("[mqtt]\n", f"[mqtt]\n{own}"))
    for each in files.values():
        each.write_text("of this province")
    assert device.run("decommission", "--yes") == 1
    assert "set up by hand, so no registrar knows it" in capsys.readouterr().err
    assert device.run("decommission", "--yes", "--without-registrar") == 0
    assert not any(each.exists() for each in files.values())
    assert f"What still says who it was: {device.config}" in capsys.readouterr().out


def test_nobody_is_asked_without_a_terminal_and_a_wrong_id_changes_nothing(
    enrolled: Device, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = left(enrolled)
    assert enrolled.run("decommission") == 2
    assert "nobody is there to ask: give --yes" in capsys.readouterr().err
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("builtins.input", lambda _: "kiosk-0002")
    assert enrolled.run("decommission", "--without-registrar") == 2
    assert "that is not its id" in capsys.readouterr().err
    assert left(enrolled) == before
    monkeypatch.setattr("builtins.input", lambda _: "kiosk-0001")
    assert enrolled.run("decommission", "--without-registrar") == 0


class CutError(BaseException):
    """The power goes."""


def test_after_a_power_cut_at_any_step_the_same_command_finishes(
    enrolled: Device, registrar: FakeRegistrar, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    revoking = Revoking(registrar)
    steps = 0
    while True:
        made = len(left(enrolled))
        with monkeypatch.context() as cut:
            cut_after(cut, 1)
            try:
                assert enrolled.run("decommission", "--yes") == 0
                break
            except CutError:
                steps += 1
        found = left(enrolled)
        assert MARK in found or len(found) == made, "either nothing is erased, or the mark says that it has begun"
    assert steps > 5
    assert revoking.asked == 1
    assert left(enrolled) == {"agent.lock"}


def cut_after(patch: pytest.MonkeyPatch, steps: int) -> None:
    """Cut the power once so many things are erased, if there are more."""
    erased = 0

    def counted(what: object) -> object:
        def erase(*arguments: object, **options: object) -> object:
            nonlocal erased
            if erased >= steps:
                raise CutError
            before = {str(each) for each in arguments if isinstance(each, Path) and each.exists()}
            done = what(*arguments, **options)  # type: ignore[operator]
            erased += bool(before)
            return done

        return erase

    patch.setattr(shutil, "rmtree", counted(shutil.rmtree))
    patch.setattr(decommission, "_delete", counted(decommission._delete))
    patch.setattr(settings_files, "remove", counted(settings_files.remove))


def test_a_disk_that_lets_nothing_be_erased_is_told_and_the_same_command_goes_on(
    enrolled: Device, registrar: FakeRegistrar, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    Revoking(registrar)

    def fail(path: Path) -> None:
        raise OSError(30, "Read-only file system", str(path))

    with monkeypatch.context() as broken:
        broken.setattr(decommission, "_delete", fail)
        assert enrolled.run("decommission", "--yes") == 1
        assert "can't be erased (read-only file system): run the same command again" in capsys.readouterr().err
    assert enrolled.run("decommission", "--yes") == 0
    assert f"Going on with what an earlier run has begun: erasing {NAME}." in capsys.readouterr().out
    assert left(enrolled) == {"agent.lock"}


def test_a_mark_that_can_not_be_read_is_told(enrolled: Device) -> None:
    for content in ("", "[]", "{}"):
        (enrolled.directory / MARK).write_text(content)
        with pytest.raises(StorageError, match=MARK):
            decommission.begun(enrolled.directory)


def test_deploys_own_registrar_revokes_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "_CLAIM", tmp_path / "boot.claim")
    with ServedRegistrar(tmp_path / "served", PrivateKey.generate("supervisor")) as served:
        claim = served.run("claim", "durban-station", "kiosk-0007")
        assert claim.returncode == 0, claim.stderr
        device = Device(tmp_path / "device", None)  # type: ignore[arg-type]
        assert device.enrol(read(claim.stdout).text()) == 0
        copy = tmp_path / "stolen"
        shutil.copytree(device.state / CURRENT, copy)
        assert device.run("decommission", "--yes") == 0
        assert "is decommissioned: its certificate no longer counts." in capsys.readouterr().out
        assert left(device) == set()
        listed = served.run("list").stdout
        assert "REVOKED" in next(line for line in listed.splitlines() if "kiosk-0007" in line)
        answer = served.ask("GET", "/registrar/settings", shown=(copy / "device.pem", copy / "device.key"))
        assert answer.status == 403


def test_a_mark_in_the_agents_own_directory_erases_nothing_and_keeps_nobody_from_being_revoked(
    enrolled: Device, registrar: FakeRegistrar, tmp_path: Path
) -> None:
    (precious := tmp_path / "shadow").write_text("root's own")
    (enrolled.state / MARK).write_text(json.dumps({"name": "a/b/c", "files": [str(precious)]}))
    revoking = Revoking(registrar)
    assert enrolled.run("decommission", "--yes") == 0
    assert revoking.asked == 1
    assert precious.exists()
    assert left(enrolled) == {"agent.lock"}
