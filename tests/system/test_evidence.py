"""From a press to what the office can show of it: real processes, a real broker, pictures of a street."""

import json
import os
import signal
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path

import pytest

from tests.support.recorded_kiosk import AFTER_S, BEFORE_S, Site
from tests.support.run import ran
from tests.support.wait import wait_for

pytest.importorskip("av", reason="a recorder needs PyAV to encode: pip install av")


@pytest.fixture
def opened() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


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


def time_of(text: str) -> datetime:
    return datetime.fromisoformat(text)


def length_of(film: Path) -> float:
    """How long a film is, in seconds; it must play without a warning."""
    shown = ran("ffprobe", "-v", "warning", "-show_format", "-print_format", "json", film)
    assert (shown.returncode, shown.stderr) == (0, ""), film
    return float(json.loads(shown.stdout)["format"]["duration"])
