"""From a press to a store that has its first seconds: real processes, a real broker, pictures of a street."""

import shutil
import time
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.support.agent_process import USER
from tests.support.recorded_kiosk import BEFORE_S
from tests.support.store import Store
from tests.support.uploading_kiosk import BUCKET, UploadingSite
from tests.support.wait import wait_for

pytestmark = pytest.mark.recording

pytest.importorskip("av", reason="a recorder needs PyAV to encode: pip install av")


def test_a_press_is_at_the_store_with_the_seconds_before_it_and_proves_itself_there(
    opened: ExitStack, tmp_path: Path
) -> None:
    store = opened.enter_context(Store())
    site = UploadingSite(opened, tmp_path, store)
    site.grant(opened)
    site.wait_for_ring()
    pressed_s = time.monotonic()
    site.kiosk.press()
    raised = site.centre.wait_for_alarm("raised")
    [clip] = [each["clip"] for each in raised.data["clips"]]
    first = site.wait_for("uploaded", clip=clip).data
    print(f"first segment told after {time.monotonic() - pressed_s:.2f} s")
    assert first["alarm_id"] == raised.data["alarm_id"]
    assert first["place"] == f"{store.host}/{BUCKET}/{USER}/{first['object']}"
    wait_for(lambda: len(site.uploaded()) >= 3)
    site.centre.acknowledge(raised.data["alarm_id"], site.kiosk.key, "closed")
    site.wait_for("ended", clip=clip, timeout_s=60)
    site.wait_for_end()
    site.check()
    begun = site.evidence("begun")[0].data
    assert begun["before_s"] >= BEFORE_S
    assert {m.data["object"] for m in site.evidence("upload-failed")} == set()
    assert {m.data["kind"] for m in site.centre.messages("security/uploads-allowed")} == {"uploads-allowed"}

    case = tmp_path / "case"
    case.mkdir()
    for name, content in site.at_the_store().items():
        (case / name.replace("/", "_")).write_bytes(content)
    said = site.office.run("verify", case)
    assert said.returncode == 4, said.stdout  # authentic, alone: what came before and after is not here
    for each in (site.kiosk.clips / f"{clip}.manifest", site.kiosk.clips / "chain.jsonl"):
        shutil.copy(each, case)
    site.office.file_heads(site.centre.messages("evidence"))
    said = site.office.run("verify", case)
    assert said.returncode == 0, said.stdout


def test_cuts_kills_and_a_late_network_lose_nothing(opened: ExitStack, tmp_path: Path) -> None:
    store = opened.enter_context(Store())
    site = UploadingSite(opened, tmp_path, store)
    site.wait_for_ring(4)
    store.script.extend(["cut 100000", "503", "lost", "garbage"])
    site.allow_all()
    site.kiosk.press()
    raised = site.centre.wait_for_alarm("raised")
    wait_for(lambda: len(store.puts) >= 2)
    for child in site.kiosk.children():
        if "agent.upload" in child.cmdline():
            child.kill()
    wait_for(lambda: len(site.uploaded()) >= 2, 60)
    store.script.extend(["stall"])
    wait_for(lambda: not store.script, 60)
    site.kiosk.kill()
    site.kiosk.start()
    alarm = raised.data["alarm_id"]
    site.centre.wait_for_alarm("updated", timeout_s=60)
    site.centre.acknowledge(alarm, site.kiosk.key, "closed")
    wait_for(lambda: not list((site.spool / "front").iterdir()), 90, "an empty spool")
    site.check()
    assert site.evidence("upload-failed") == []


def test_a_press_goes_first_and_nothing_leaves_without_a_url(opened: ExitStack, tmp_path: Path) -> None:
    store = opened.enter_context(Store())
    site = UploadingSite(opened, tmp_path, store)
    site.wait_for_ring(2)
    site.kiosk.press()
    site.centre.wait_for_alarm("raised")
    asked = site.wait_for("wanted")
    assert asked.data["objects"][0].startswith("front/")
    refused = site.order("upload-urls", urls=[{"url": "https://evil.example/{name}"}], expires=int(time.time() + 60))
    assert site.centre.result(refused)["code"] == "bad-url"
    assert store.puts == []
    assert not [each for each in site.kiosk.children() if "agent.upload" in each.cmdline()]
    log = site.kiosk.log()
    assert "secret" not in log
