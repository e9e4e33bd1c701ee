"""An operator watches what a kiosk has uploaded: real page, broker, nginx, server, verifier; the store is made up."""

import base64
import json
import threading
import zipfile
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pytest
from playwright.sync_api import Locator, expect

from agent.contract.evidence import EvidenceData
from edge_centre.conform.voice import new_id
from edge_centre.viewing.clip import Authorities
from edge_centre.viewing.presign import StoreKey
from edge_centre.viewing.refusal import RefusalError
from edge_centre.viewing.store import Store
from edge_centre.viewing.web import Server, Viewing
from tests.control_room.fleet import Fleet
from tests.control_room.person import Person
from tests.control_room.rig import OPERATOR, Browser, Rig
from tests.control_room.scripted import violations
from tests.control_room.test_serving import asked
from tests.support.certificates import BrokerAuthorities
from tests.support.store import Store as FakeStore
from tests.support.uploaded_clip import CAMERA, CLIP, UploadedPart, uploaded_clip
from tests.support.wait import PATIENCE_S, wait_for

PRESSED_AFTER_S = 8
PATIENCE_MS = PATIENCE_S * 1000


class Watching:
    """A site with one kiosk, whose clip lies at a store."""

    def __init__(
        self, directory: Path, authorities: BrokerAuthorities, rig: Rig, fleet: Fleet, store: FakeStore
    ) -> None:
        self.rig, self.fleet, self.store, self.kiosk = rig, fleet, store, fleet.kiosks[0]
        self.alarm_id = new_id()
        device = str(self.kiosk.voice.identity.source).removeprefix("/edge/")
        self.parts = uploaded_clip(directory, authorities.devices, device)
        for each in self.parts:
            store.objects[f"/evidence/{device}/{each.name}"] = [each.content]

    def tell(self, change: str, data: dict[str, object]) -> None:
        voice = self.kiosk.voice
        told = EvidenceData.model_validate({"camera": CAMERA, "clip": CLIP, "reason": "", **data})
        self.fleet.say(voice.make(voice.factory.evidence(change, told)))  # type: ignore[arg-type]

    def upload(self, *parts: UploadedPart) -> None:
        for each in parts:
            self.tell("uploaded", each.data(self.alarm_id))

    def press(self) -> None:
        """Somebody presses, and the clip begins."""
        pressed_at = self.parts[0].ends
        clips = [{"clip": CLIP, "camera": CAMERA}]
        self.fleet.say(
            *self.kiosk.born(),
            self.kiosk.pressed(alarm_id=self.alarm_id, raised_at=pressed_at, clips=clips, status="exercise"),
        )
        begins = min(each.begins for each in self.parts)
        self.tell("begun", {"alarm_id": self.alarm_id, "begins": begins, "before_s": float(PRESSED_AFTER_S)})

    def looks(self) -> list[dict[str, object]]:
        journal = self.rig.directory / "who-looked.jsonl"
        return [json.loads(line) for line in journal.read_text().splitlines()] if journal.exists() else []


@pytest.fixture
def watching(tmp_path: Path, authorities: BrokerAuthorities, built_page: Path) -> Iterator[Watching]:
    with FakeStore() as store:
        directory = tmp_path / "rig"
        reader = Store(store.url("evidence"), StoreKey("AKID", "secret"))
        journal = directory / "who-looked.jsonl"
        server = Server(0, Viewing(reader, Authorities(authorities.devices.ca), journal))
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            port = server.server_address[1]
            with (
                Rig(directory, authorities, built_page, clips_port=port, clips=True) as rig,
                Fleet(rig, 1) as fleet,
            ):
                yield Watching(tmp_path, authorities, rig, fleet, store)
                assert [violation for site in rig.sites for violation in site.violations()] == []
        finally:
            server.shutdown()
            thread.join()
            server.server_close()


def watch(browser: Browser, watching: Watching) -> tuple[Person, Locator]:
    """An operator who has the alarm open, and its card of recordings."""
    thandi = Person(browser, watching.rig.url, OPERATOR, watching.rig.key)
    thandi.begin()
    watching.press()
    wait_for(lambda: watching.alarm_id in thandi.rows, what="the alarm on the page")
    thandi.open(watching.alarm_id)
    return thandi, thandi.page.get_by_role("region", name="What is recorded")


def test_an_operator_sees_the_clip_as_it_arrives_with_what_it_proves_and_takes_it_along(
    watching: Watching, browser: Browser, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    thandi, card = watch(browser, watching)
    expect(card).to_contain_text("Nothing of it has reached the office yet.", timeout=PATIENCE_MS)
    first, *others = watching.parts
    watching.upload(first)
    card.get_by_role("button", name="Show it").press("Enter")
    expect(card).to_contain_text("at the press", timeout=PATIENCE_MS)
    thandi.await_true("document.querySelector('video')?.currentTime > 0.2", "a film that plays")
    expect(card).to_contain_text("Authentic", timeout=PATIENCE_MS)

    def refuse(*_: object) -> None:
        raise RefusalError(503, "other recordings are being checked: try again in a minute")

    with monkeypatch.context() as patch:
        patch.setattr(Viewing, "verdict", refuse)
        with thandi.page.expect_response(lambda answer: answer.status == 503, timeout=PATIENCE_MS):
            watching.upload(*others)
        expect(card).to_contain_text("newer parts are not checked yet.")
        expect(card).to_contain_text("Authentic so far")
    watching.tell("uploaded", {"object": f"{CAMERA}/2026-11-27/22/59-58.123Z.99_end", "bytes": 0})
    expect(card).to_contain_text("That is its end.", timeout=PATIENCE_MS)
    expect(card).to_contain_text(
        "Authentic, alone: its first 15 s are as this kiosk signed them, with nothing missing in between.",
        timeout=PATIENCE_MS,
    )
    expect(card).to_contain_text(f"{len(watching.parts)} parts.", timeout=PATIENCE_MS)
    thandi.await_true("document.querySelector('video').duration > 15", "all of it")
    assert violations(thandi.page) == []
    seen = {name for look in watching.looks() for name in look["objects"]}  # type: ignore[attr-defined]
    assert seen == {each.name for each in watching.parts}
    assert {look["who"] for look in watching.looks()} == {OPERATOR}

    with thandi.page.expect_download() as download:
        card.get_by_role("button", name="Export it").click()
    download.value.save_as(tmp_path / "case.zip")
    with zipfile.ZipFile(tmp_path / "case.zip") as archive:
        assert {each.name for each in watching.parts} <= set(archive.namelist())
    assert watching.looks()[-1]["what"] == "export"
    browser.forgive("503")


def test_what_is_not_what_the_kiosk_sent_is_not_shown(
    watching: Watching, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    victim = watching.parts[1]
    [place] = [each for each in watching.store.objects if each.endswith(victim.name)]
    watching.store.objects[place] = [victim.content[:-100] + bytes(100)]
    thandi, card = watch(browser, watching)
    *others, last = watching.parts
    watching.upload(*others)
    card.get_by_role("button", name="Show it").click()
    expect(card.get_by_role("alert")).to_contain_text("This is not what the kiosk sent.", timeout=PATIENCE_MS)
    expect(card).to_contain_text("Not authentic", timeout=PATIENCE_MS)
    thandi.await_true("document.querySelector('video').currentTime > 0.2", "the others, which play")
    card.get_by_role("button", name="Export it").click()
    expect(card).to_contain_text("Not saved: what the office's server has put into the file", timeout=PATIENCE_MS)

    def lie(contents: dict[str, bytes], *_: object) -> dict[str, object]:
        said = {name: sha256(content).hexdigest() for name, content in contents.items()}
        return {"verdict": "authentic, alone", "says": ["AUTHENTIC, ALONE"], "proven_s": None, "objects": said}

    monkeypatch.setattr("edge_centre.viewing.web.judged", lie)
    watching.upload(last)
    watching.tell("uploaded", {"object": f"{CAMERA}/2026-11-27/22/59-58.123Z.99_end", "bytes": 0})
    expect(card).to_contain_text("checked is not what the kiosk sent", timeout=PATIENCE_MS)
    expect(card).not_to_contain_text("Authentic, alone")


def test_why_the_store_gives_nothing_is_said_once_and_it_is_asked_again(watching: Watching, browser: Browser) -> None:
    thandi, card = watch(browser, watching)
    watching.upload(*watching.parts)
    watching.store.script.append("403")
    card.get_by_role("button", name="Show it").click()
    expect(card.get_by_role("alert")).to_contain_text(
        "The office's server says: the store refuses the office's key", timeout=PATIENCE_MS
    )
    assert watching.looks() == []
    card.get_by_role("button", name="Try again").press("Enter")
    thandi.await_true("document.querySelector('video').currentTime > 0.2", "a film that plays")
    expect(card.get_by_role("alert")).to_have_count(0, timeout=PATIENCE_MS)
    browser.forgive("502")


def test_a_browser_that_has_no_room_gives_up_what_was_played_a_minute_ago_or_says_so(
    watching: Watching, browser: Browser
) -> None:
    thandi, card = watch(browser, watching)
    first, second, *others = watching.parts
    watching.upload(first)
    card.get_by_role("button", name="Show it").click()
    thandi.await_true("document.querySelector('video').currentTime > 0.2", "a film that plays")
    thandi.page.evaluate("""() => {
      const append = SourceBuffer.prototype.appendBuffer;
      window.isFull = true;
      SourceBuffer.prototype.appendBuffer = function (content) {
        if (window.isFull) throw new DOMException("no room", "QuotaExceededError");
        append.call(this, content);
      };
      const remove = SourceBuffer.prototype.remove;
      SourceBuffer.prototype.remove = function (begin, end) {
        [window.isFull, window.removed] = [false, [begin, end]];
        remove.call(this, begin, 0.001);
      };
    }""")
    watching.upload(second)
    expect(card.get_by_role("alert")).to_contain_text("no room for more of it", timeout=PATIENCE_MS)
    thandi.page.evaluate(
        "Object.defineProperty(document.querySelector('video'), 'currentTime', { value: 75, writable: true })"
    )
    watching.upload(*others)
    card.get_by_role("button", name="Try again").click()
    thandi.await_true("document.querySelector('video').duration > 15", "all of it")
    assert thandi.page.evaluate("window.removed") == [0, 15]


def test_without_the_password_nobody_sees_anything_and_the_name_is_nginxs_own(watching: Watching) -> None:
    part = watching.parts[0].name.partition("/")[2].removesuffix(".mp4")
    device = str(watching.kiosk.voice.identity.source).removeprefix("/edge/")
    path = f"/clips/{device}/{CAMERA}/part?parts={part}"
    for login in ("thandi:wrong", "nobody:correct horse battery", ""):
        header = {"Authorization": f"Basic {base64.b64encode(login.encode()).decode()}"} if login else {}
        with asked(watching.rig, path, **header, **{"X-Remote-User": "thandi"}) as answer:
            assert answer.status == 401
    right = base64.b64encode(b"sipho:correct horse battery").decode()
    with asked(watching.rig, path, **{"Authorization": f"Basic {right}", "X-Remote-User": "thandi"}) as answer:
        assert (answer.status, answer.read()) == (200, watching.parts[0].content)
        assert "no-store" in str(answer.getheader("Cache-Control"))
    with asked(watching.rig, path, "POST", Authorization=f"Basic {right}") as answer:
        assert answer.status == 403
    assert [look["who"] for look in watching.looks()] == ["sipho"]
