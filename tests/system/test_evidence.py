"""From a press to what the office can show of it: real processes, a real broker, pictures of a street."""

import json
import os
import signal
import time
from contextlib import ExitStack, suppress
from datetime import datetime
from hashlib import sha256
from pathlib import Path

import psutil
import pytest

from agent.models.store import ModelStore, default_directories
from edge_centre.key_files import make_key
from tests.support.agent_process import BUTTON, USER, run_cli
from tests.support.centre import Message
from tests.support.recorded_kiosk import AFTER_S, BEFORE_S, TRUSTED, Site
from tests.support.run import ran
from tests.support.wait import wait_for

pytestmark = pytest.mark.recording

pytest.importorskip("av", reason="a recorder needs PyAV to encode: pip install av")


def test_a_press_ends_as_a_film_in_a_case_folder_that_begins_before_it(opened: ExitStack, tmp_path: Path) -> None:
    site = Site(opened, tmp_path)
    centre, kiosk, office = site.centre, site.kiosk, site.office
    site.wait_for_ring()
    meta = centre.wait_for("meta")
    assert meta.data["cameras"][0]["recorded"] is True

    kiosk.press()
    raised = centre.wait_for_alarm("raised")
    [clip] = raised.data["clips"]
    assert clip["camera"] == "front"
    begun = site.wait_for("begun", clip=clip["clip"], alarm_id=raised.data["alarm_id"])
    assert begun.data["before_s"] >= BEFORE_S
    assert time_of(begun.data["begins"]) < time_of(raised.data["raised_at"])
    kiosk.press()
    assert centre.wait_for_alarm("updated", press_count=2).data["clips"] == raised.data["clips"]

    centre.acknowledge(raised.data["alarm_id"], kiosk.key, "closed")
    ended = site.wait_for("ended", clip=clip["clip"])
    assert ended.data["reason"] == "complete"
    assert (time_of(ended.data["ends"]) - time_of(ended.data["begins"])).total_seconds() > BEFORE_S + AFTER_S - 2
    assert ended.data["chain"]["seq"] == begun.data["chain"]["seq"] + 1
    assert len(site.evidence("begun")) == 1, "a further press goes on with the same clip"

    file = kiosk.clips / f"{clip['clip']}.clip"
    office.file_heads(centre.messages("evidence"))
    verdict = office.verify(file)
    assert (verdict.returncode, verdict.stderr) == (0, ""), verdict.stdout
    case = tmp_path / "case-17"
    exported = office.run("export", file, "--key", office.key_file, "--out", case, "--by", "Thandi", "--why", "17")
    assert exported.returncode == 0, exported.stderr
    assert office.run("verify", case).returncode == 0
    for film in case.glob("*.mp4"):
        seconds = length_of(film)
        assert seconds > BEFORE_S + AFTER_S - 2, film
    manifest = (kiosk.clips / f"{clip['clip']}.manifest").read_text()
    assert raised.data["alarm_id"] in manifest
    [facts] = [line for each in manifest.splitlines() if (line := json.loads(each)).get("manifest")]
    stored = ModelStore(default_directories()).load(meta.data["cameras"][0]["model"])
    assert facts["model"] == {"name": stored.manifest.name, "sha256": sha256(stored.content).hexdigest()}


def test_a_test_a_stopped_recorder_and_a_killed_camera_are_told_as_they_are(opened: ExitStack, tmp_path: Path) -> None:
    site = Site(opened, tmp_path, evidence={"longest_s": 60.0})
    centre, kiosk, office = site.centre, site.kiosk, site.office
    site.wait_for_ring(2)

    site.order("test-mode", seconds=60)
    kiosk.wait_for_outputs(yellow="slow-pulse")
    kiosk.press()
    tested = centre.wait_for_alarm("raised", status="test")
    assert "clips" not in tested.data
    centre.acknowledge(tested.data["alarm_id"], kiosk.key, "closed")
    centre.wait_for_alarm("closed")
    centre.result(site.order("test-mode", seconds=0))
    assert site.evidence("begun") == []

    # A killed camera process costs no clip.
    kiosk.press()
    first = site.wait_for("begun")
    alarm_id = first.data["alarm_id"]
    [camera] = kiosk.cameras()
    os.kill(camera, signal.SIGKILL)
    wait_for(lambda: kiosk.cameras() not in ([], [camera]), what="another camera process")

    # A killed recorder costs the seconds until the next one runs; then the alarm gets another clip.
    [recorder] = kiosk.recorders()
    os.kill(recorder, signal.SIGKILL)
    cut = site.wait_for("cut")
    assert cut.data["clip"] == first.data["clip"]
    second = centre.wait_for(
        "evidence",
        lambda m: m.type.endswith(".begun.v1") and m.data["clip"] != first.data["clip"],
        timeout_s=60,
    )
    assert second.data["alarm_id"] == alarm_id
    centre.acknowledge(alarm_id, kiosk.key, "closed")
    site.wait_for("ended", clip=second.data["clip"], timeout_s=60)
    office.file_heads(centre.messages("evidence"))
    for begun in (first, second):
        verdict = office.verify(kiosk.clips / f"{begun.data['clip']}.clip")
        assert verdict.returncode == 0, verdict.stdout + verdict.stderr


def test_who_may_asks_for_a_clip_and_keeps_it(opened: ExitStack, tmp_path: Path) -> None:
    site = Site(opened, tmp_path)
    centre, kiosk = site.centre, site.kiosk
    site.wait_for_ring(2)

    asked = centre.result(site.order("clip", seconds=2, reason="a quarrel"))
    assert (asked["status"], asked["code"]) == ("succeeded", "ok")
    clip = asked["output"]["clip"]
    site.wait_for("ended", clip=clip)
    assert '"command"' in (kiosk.clips / f"{clip}.manifest").read_text()

    held = centre.result(site.order("clip-hold", clip=clip, hold=True, reason="case 17"))
    assert (held["code"], held["output"]) == ("ok", {"clip": clip, "hold": True, "camera": "front"})
    assert site.wait_for("held").data["reason"] == "case 17"
    centre.wait_for("health", lambda m: m.data["cameras"]["front"]["recording"].get("held") == 1)
    other = clip.replace(clip[:8], "00000000")
    assert centre.result(site.order("clip-hold", clip=other, hold=True, reason="17"))["code"] == "unknown-clip"
    assert centre.result(site.order("clip", camera="yard", reason="17"))["code"] == "not-recorded"
    told = [m.data["detail"]["issuer"] for m in centre.messages("security/clip-")]
    assert told == [kiosk.key.issuer] * 3

    going_on = centre.result(site.order("clip", seconds=300, reason="a crash"))["output"]["clip"]
    kiosk.kill()
    kiosk.start()
    assert site.wait_for("ended", clip=going_on).data["reason"] == "the agent ended"


def test_what_is_killed_2_s_after_a_press_has_kept_what_was_before_it(opened: ExitStack, tmp_path: Path) -> None:
    site = Site(opened, tmp_path)
    centre, kiosk, office = site.centre, site.kiosk, site.office
    site.wait_for_ring(BEFORE_S)
    kiosk.press()
    pressed = time.monotonic()
    raised = centre.wait_for_alarm("raised")
    wait_for(lambda: time.monotonic() - pressed >= 2, what="two seconds")
    everything = kiosk.children()
    os.kill(kiosk.pid, signal.SIGSTOP)  # nobody may see another end, and say so
    for process in everything:
        with suppress(psutil.Error):
            process.kill()
    kiosk.kill()

    kiosk.start()
    clip = raised.data["clips"][0]["clip"]
    cut = site.wait_for("cut", clip=clip, timeout_s=60)
    assert cut.data["chain"]["seq"] >= 2
    office.file_heads(centre.messages("evidence"))
    verdict = office.verify(kiosk.clips / f"{clip}.clip")
    assert verdict.returncode == 0, verdict.stdout + verdict.stderr
    case = tmp_path / "case"
    exported = office.run("export", kiosk.clips / f"{clip}.clip", "--key", office.key_file, "--out", case, "--by", "T")
    assert exported.returncode == 0, exported.stderr
    [film, *_] = case.glob("*.mp4")
    assert length_of(film) >= BEFORE_S + 1, "all of the time before the press, and of what followed but the last second"


def test_20_alarms_at_once_are_all_recorded_in_few_files(opened: ExitStack, tmp_path: Path) -> None:
    buttons = [{**BUTTON, "name": f"b{pin}", "pin": pin} for pin in range(4, 24)]
    site = Site(opened, tmp_path, buttons=buttons, lights={"yellow": 27})
    centre, kiosk, office = site.centre, site.kiosk, site.office
    site.wait_for_ring(2)
    for button in buttons:
        kiosk.press(str(button["name"]))
    wait_for(lambda: len(raised_alarms(site)) == 20, what="20 alarms")
    named = {alarm.data["clips"][0]["clip"] for alarm in raised_alarms(site)}
    assert len(named) == 20
    wait_for(lambda: {m.data["clip"] for m in site.evidence("begun")} >= named, what="20 clips")
    for alarm in raised_alarms(site):
        centre.acknowledge(alarm.data["alarm_id"], kiosk.key, "closed")
    files = {m.data.get("into", m.data["clip"]) for m in site.evidence("begun")}
    assert len(files) <= 4
    wait_for(lambda: {m.data["clip"] for m in site.evidence("ended")} >= files, timeout_s=60, what="the end of all")
    office.file_heads(centre.messages("evidence"))
    for clip in files:
        verdict = office.verify(kiosk.clips / f"{clip}.clip")
        assert verdict.returncode == 0, verdict.stdout + verdict.stderr
    told = "".join(file.read_text() for file in kiosk.clips.glob("*.manifest"))
    assert all(alarm.data["alarm_id"] in told for alarm in raised_alarms(site))


@pytest.mark.parametrize("trouble", ["no PyAV", "a card that takes nothing"])
def test_what_can_not_be_recorded_is_told_and_costs_no_press(opened: ExitStack, tmp_path: Path, trouble: str) -> None:
    environ: dict[str, str] = {}
    if trouble == "no PyAV":
        (tmp_path / "none" / "av").mkdir(parents=True)
        (tmp_path / "none" / "av" / "__init__.py").write_text("raise ImportError('there is none')")
        environ = {"PYTHONPATH": f"{tmp_path / 'none'}:{TRUSTED['PYTHONPATH']}"}
    else:
        (tmp_path / "kiosk" / "storage").mkdir(parents=True)
        (tmp_path / "kiosk" / "storage" / "evidence").write_text("not a directory")
    site = Site(opened, tmp_path, environ=environ)
    told = site.centre.wait_for("event/part-degraded", lambda m: m.data["part"] == "recorder-front", timeout_s=60)
    expected = "python3-av" if trouble == "no PyAV" else "evidence/front"
    assert expected in told.data["detail"]

    site.kiosk.press()
    raised = site.centre.wait_for_alarm("raised")
    assert "clips" not in raised.data
    assert site.centre.wait_for_alarm("updated", stage="sent").data["latency_ms"]["sent"] < 1000


def raised_alarms(site: Site) -> list[Message]:
    return [m for m in site.centre.messages("alarm/") if m.type == "edge.alarm.raised.v1"]


def test_a_device_that_was_enrolled_before_its_province_recorded_is_given_the_key_by_two_persons(
    opened: ExitStack, tmp_path: Path
) -> None:
    site = Site(opened, tmp_path, evidence={"recipient": None})
    keys, second = site.kiosk.directory / "keys", tmp_path / "second.jwt"
    admin, supervisor = (keys / f"{make_key(role, keys).kid}.key.json" for role in ("admin", "supervisor"))
    assert site.centre.wait_for("meta").data["cameras"][0]["recorded"] is False

    def order(revision: int, *more: str | Path) -> str:
        changes = f'changes={{"evidence": {{"recipient": "{site.office.key.public()}"}}}}'
        words = ("--device", USER, "--broker", site.broker.url, "config-set", f"revision={revision}", changes)
        return run_cli("command", *words, *more).stdout

    assert "failed (second-signer)" in order(1, "--key", admin)
    order(2, "--key", supervisor, "--co-sign", second)
    assert "succeeded (ok)" in order(2, "--key", admin, "--second", second)
    site.wait_for_ring(1)
    site.order("clip", seconds=1, reason="the first recording")
    clip = site.wait_for("ended", reason="complete").data["clip"]
    verdict = site.office.verify(site.kiosk.clips / f"{clip}.clip")
    assert verdict.returncode == 0, verdict.stdout


def time_of(text: str) -> datetime:
    return datetime.fromisoformat(text)


def length_of(film: Path) -> float:
    """How long a film is, in seconds; it must play without a warning."""
    shown = ran("ffprobe", "-v", "warning", "-show_format", "-print_format", "json", film)
    assert (shown.returncode, shown.stderr) == (0, ""), film
    return float(json.loads(shown.stdout)["format"]["duration"])
