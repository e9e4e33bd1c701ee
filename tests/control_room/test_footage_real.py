"""A kiosk's recording from the press to an operator's eyes: recorder, uploader, the office's two programs, the page.

The store alone is ours.
"""

import json
import os
import re
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

from playwright.sync_api import expect

from agent.trust.evidence_keys import EvidenceKey
from edge_centre.key_files import private_path
from tests.control_room.person import Person
from tests.control_room.rig import OPERATOR, Browser, Rig
from tests.support.agent_process import REPOSITORY, USER
from tests.support.certificates import BrokerAuthorities
from tests.support.mosquitto import CENTRE, free_port
from tests.support.recorded_kiosk import AFTER_S, BEFORE_S, TRUSTED
from tests.support.store import Store
from tests.support.vision_media import demo_video
from tests.support.wait import PATIENCE_S, wait_for

PATIENCE_MS = PATIENCE_S * 1000
STORE_KEY = {"AWS_ACCESS_KEY_ID": "AKID", "AWS_SECRET_ACCESS_KEY": "secret"}


def run_office(stack: ExitStack, action: str, *options: object) -> None:
    """Run `edge-centre evidence ACTION` until the stack ends, as one of the office's services."""
    command = [sys.executable, "-m", "edge_centre", "evidence", action, *map(str, options)]
    process = subprocess.Popen(command, cwd=REPOSITORY, env={**os.environ, **STORE_KEY})
    stack.callback(process.wait)
    stack.callback(process.terminate)


def test_an_operator_sees_what_a_kiosk_has_recorded_and_sent_and_that_it_is_proven(
    tmp_path: Path, authorities: BrokerAuthorities, built_page: Path, browser: Browser
) -> None:
    with ExitStack() as stack:
        store, clips_port = stack.enter_context(Store()), free_port()
        spool = stack.enter_context(TemporaryDirectory(dir="/dev/shm"))
        recorded = {
            "recipient": str(EvidenceKey.generate("evidence-1").public()),
            "before_s": BEFORE_S,
            "after_s": AFTER_S,
            "keep_free_bytes": 0,
        }
        kiosk = {
            "cameras": [{"name": "front", "source": f"file:{demo_video()}?loop=1"}],
            "evidence": recorded,
            "upload": {"hosts": [store.host], "directory": str(Path(spool) / "spool")},
        }
        directory = tmp_path / "rig"
        rig = Rig(directory, authorities, built_page, kiosk=kiosk, environ=TRUSTED, clips_port=clips_port, clips=True)
        key = rig.further_key("supervisor", "uploads")
        stack.enter_context(rig)
        centre = stack.enter_context(rig.other_centre())
        files, place = authorities.centre(CENTRE), store.url("evidence")
        login = ("--ca", files.ca, "--cert", files.cert, "--cert-key", files.key)
        broker = f"mqtts://localhost:{rig.brokers[0].centre_port}"
        signer = private_path(directory / "kiosk" / "keys", key)
        run_office(stack, "grant", "--device", USER, "--broker", broker, *login, "--key", signer, "--store", place)
        journal = directory / "who-looked.jsonl"
        trust = ("--ca", authorities.devices.ca, "--journal", journal)
        run_office(stack, "serve", "--store", place, *trust, "--port", clips_port)

        thandi = Person(browser, rig.url, OPERATOR, rig.key)
        thandi.begin()
        centre.wait_for(
            "health",
            lambda m: m.data["cameras"].get("front", {}).get("recording", {}).get("before_s", 0) >= BEFORE_S,
            timeout_s=90,
        )
        rig.agent.press()
        alarm_id = str(centre.wait_for_alarm("raised").data["alarm_id"])
        wait_for(lambda: alarm_id in thandi.rows, what="the alarm on the page")
        thandi.open(alarm_id)
        card = thandi.page.get_by_role("region", name="What is recorded")
        card.get_by_role("button", name="Show it").click(timeout=PATIENCE_MS)
        thandi.await_true("document.querySelector('video')?.currentTime > 0.2", "a film that plays")
        expect(card).to_contain_text("Authentic so far", timeout=PATIENCE_MS)

        thandi.reload()
        thandi.open(alarm_id)
        expect(card).to_contain_text("What the kiosk said of it before", timeout=PATIENCE_MS)
        card.get_by_role("button", name="Ask the kiosk again").click()
        expect(card).to_contain_text("since its last start", timeout=PATIENCE_MS)
        card.get_by_role("button", name="Show it").click(timeout=PATIENCE_MS)
        expect(card).to_contain_text(re.compile("Here: from .* before the press"), timeout=PATIENCE_MS)
        centre.acknowledge(alarm_id, rig.key, "closed")  # until then a recording goes on
        expect(card).to_contain_text("That is its end.", timeout=PATIENCE_MS)
        expect(card).to_contain_text("as this kiosk signed them, with nothing missing in between", timeout=PATIENCE_MS)
        whole_s = BEFORE_S + AFTER_S
        thandi.await_true(f"document.querySelector('video').duration > {whole_s - 2}", "all of it")
        looks = [json.loads(line) for line in journal.read_text().splitlines()]
        seen = {f"/evidence/{USER}/{name}" for look in looks for name in look["objects"]}
        assert seen == {path for path in store.objects if not path.endswith("_end")}
        assert {look["who"] for look in looks} == {OPERATOR}
        assert [violation for site in rig.sites for violation in site.violations()] == []
