"""Cards that are full, read-only and slow while people press: no press is late, and the film goes on when it can."""

import os
import signal
import subprocess
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.support.agent_process import BUTTON
from tests.support.centre import Message
from tests.support.recorded_kiosk import Site
from tests.support.root import as_root
from tests.system.test_bad_disks import fill, small_disk

pytestmark = pytest.mark.recording

pytest.importorskip("av", reason="a recorder needs PyAV to encode: pip install av")

BUTTONS = [BUTTON, {**BUTTON, "name": "fire", "pin": 5}]


def raised_in_time(site: Site, name: str) -> Message:
    """Press a button: its alarm is at the centre within a second, and shown as it is."""
    site.kiosk.press(name)
    raised = site.centre.wait_for_alarm("raised", input=name)
    told = site.centre.wait_for_alarm("updated", input=name, stage="sent")
    assert told.data["latency_ms"]["sent"] < 1000
    site.kiosk.wait_for_outputs(yellow="on")
    return raised


def wait_for_card(site: Site, state: str, detail: str = "") -> None:
    """Wait until the health says this of what the front camera's recorder has to write on."""

    def says(message: Message) -> bool:
        said: dict[str, Any] = message.data["cameras"]["front"]["recording"]
        return said["state"] == state and detail in said.get("detail", "")

    after = len(site.centre.messages("health"))
    site.centre.wait_for("health", lambda m: m in site.centre.messages("health")[after:] and says(m), timeout_s=40)


def verdicts(site: Site, *raised: Message) -> list[str]:
    """Close these alarms; returns the office's words on the clip of each, when all are complete."""
    for alarm in raised:
        site.centre.acknowledge(alarm.data["alarm_id"], site.kiosk.key, "closed")
    clips = [site.wait_for("begun", alarm_id=alarm.data["alarm_id"]).data["clip"] for alarm in raised]
    for clip in clips:
        assert site.wait_for("ended", clip=clip, timeout_s=60).data["reason"] == "complete"
    site.office.file_heads(site.centre.messages("evidence"))
    said = [site.office.verify(site.kiosk.clips / f"{clip}.clip").stdout for clip in clips]
    print(*said, sep="\n")
    return [each.splitlines()[0].partition(": ")[2] for each in said]


def test_a_full_card_costs_no_press_and_is_recorded_on_again_when_there_is_room(
    opened: ExitStack, tmp_path: Path
) -> None:
    disk = opened.enter_context(small_disk(tmp_path / "kiosk" / "storage", "size=24m,mode=0700"))
    storage = {"directory": str(disk), "keep_free_bytes": 0}
    site = Site(opened, tmp_path, storage=storage, buttons=BUTTONS)
    site.wait_for_ring(2)
    before = raised_in_time(site, "police")
    first = site.wait_for("begun", alarm_id=before.data["alarm_id"]).data["clip"]

    filler = fill(disk, 1024)
    assert "no space left" in site.wait_for("failed", clip=first).data["reason"]
    during = raised_in_time(site, "fire")
    second = during.data["clips"][0]["clip"]
    assert "no space left" in site.wait_for("failed", clip=second).data["reason"]
    wait_for_card(site, "degraded", "the card is full")
    site.kiosk.press()
    site.centre.wait_for_alarm("updated", input="police", press_count=2)

    filler.unlink()
    begun = site.wait_for("begun", clip=second)
    assert begun.data["alarm_id"] == during.data["alarm_id"]
    wait_for_card(site, "ok")
    assert verdicts(site, before, during) == ["authentic with missing", "authentic"]


def test_a_card_that_turns_read_only_is_told_before_a_press_and_recorded_on_when_it_is_mended(
    opened: ExitStack, tmp_path: Path
) -> None:
    disk = opened.enter_context(small_disk(tmp_path / "kiosk" / "storage" / "evidence", "size=24m,mode=0700"))
    site = Site(opened, tmp_path)
    site.wait_for_ring(2)
    subprocess.run(as_root("mount", "-o", "remount,ro", disk), check=True)
    raised = raised_in_time(site, "police")
    clip = raised.data["clips"][0]["clip"]
    assert "read-only" in site.wait_for("failed", clip=clip).data["reason"]
    wait_for_card(site, "degraded", "the card is read-only")
    [recorder] = site.kiosk.recorders()
    os.kill(recorder, signal.SIGKILL)
    site.centre.wait_for("event/part-degraded", lambda m: m.data["part"] == "recorder-front")

    subprocess.run(as_root("mount", "-o", "remount,rw", disk), check=True)
    site.wait_for("begun", alarm_id=raised.data["alarm_id"])
    wait_for_card(site, "ok")
    assert verdicts(site, raised) == ["authentic"]


def test_a_card_that_takes_three_seconds_for_each_sync_costs_no_press_and_no_picture(
    opened: ExitStack, tmp_path: Path
) -> None:
    site = Site(opened, tmp_path, environ={"TEST_SYNC_S": "3"})
    site.wait_for_ring(2)
    raised = raised_in_time(site, "police")
    wait_for_card(site, "degraded", "the card")
    site.kiosk.press()
    site.centre.wait_for_alarm("updated", press_count=2)
    site.wait_for("begun", alarm_id=raised.data["alarm_id"], timeout_s=60)
    assert verdicts(site, raised) == ["authentic"]
