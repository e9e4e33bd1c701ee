"""The worker in Debian's Chromium, on a blank page: MQTT over a WebSocket, and the key in the browser's store."""

import functools
import http.server
import json
import re
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page

from agent.trust.jose_keys import KeyRing, PrivateKey
from edge_centre.key_files import make_key
from tests.control_room.fleet import Kiosk
from tests.control_room.rig import PASSWORD, SETTINGS, Browser
from tests.support.control_room import worker
from tests.support.mosquitto import Mosquitto, free_port
from tests.support.run import ran
from tests.support.subscriber import Subscriber
from tests.system.test_deaf import payloads

START = """() => {
  window.tells = [];
  window.worker = new Worker("worker.js", { type: "module" });
  window.worker.onmessage = ({ data }) => window.tells.push(data);
  window.worker.onerror = event => window.tells.push({ tell: "error", failure: "other", detail: event.message });
}"""
NEWEST = "name => window.tells.findLast(({ tell }) => tell === name)"


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


class Desk:
    """A page with nothing but a worker."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.start()

    def start(self) -> None:
        self.page.evaluate(START)

    def ask(self, what: str, **more: Any) -> None:
        self.page.evaluate("ask => window.worker.postMessage(ask)", {"ask": what, **more})

    def await_told(self, condition: str) -> None:
        """Wait until a tell is so; `condition` is of `said`."""
        self.page.wait_for_function(f"() => window.tells.some(said => {condition})", timeout=10_000)

    def newest(self, tell: str) -> Any:
        return self.page.evaluate(NEWEST, tell)


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[tuple[Mosquitto, int]]:
    """A broker, and the port at which it takes WebSockets."""
    port = free_port()
    with Mosquitto(tmp_path / "broker", extra=[f"listener {port} 127.0.0.1", "protocol websockets"]) as running:
        yield running, port


@pytest.fixture
def desk(tmp_path: Path, browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    site = tmp_path / "site"
    site.mkdir()
    (site / "index.html").write_text('<!doctype html><link rel="icon" href="data:,"><title>Desk</title>')
    (site / "worker.js").write_bytes(worker(tmp_path_factory).read_bytes())
    handler = functools.partial(_Quiet, directory=str(site))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield Desk(browser.open(f"http://127.0.0.1:{server.server_port}/"))
        finally:
            server.shutdown()
            thread.join()


def signed(ring: Path, token: str) -> dict[str, Any]:
    return KeyRing.load(ring).verify(token.encode()).claims


def test_a_key_that_the_browser_made_outlives_its_worker_and_signs_what_devices_take(
    desk: Desk, tmp_path: Path
) -> None:
    desk.await_told("said.tell === 'key' && said.key === null")
    desk.ask("make-key", role="operator", issuer="thandi")
    desk.await_told("said.tell === 'key' && said.key !== null")
    key = desk.newest("key")["key"]

    desk.page.reload()
    desk.start()
    desk.ask("make-key", role="supervisor", issuer="sipho")  # by a page that has not heard yet that there is one
    desk.page.wait_for_function("() => window.tells.filter(said => said.tell === 'key').length === 2")
    assert desk.newest("key")["key"] == key
    desk.ask("sign", ticket=1, payload={"name": "hand-over"})
    desk.await_told("said.tell === 'signed'")
    (tmp_path / "keys.json").write_text(json.dumps({"keys": [key["public"]]}))
    assert signed(tmp_path / "keys.json", desk.newest("signed")["token"]) == {"name": "hand-over"}

    kept = desk.page.evaluate("""() => new Promise(resolve => {
      indexedDB.open("control-room").onsuccess = ({ target }) =>
        target.result.transaction("keys").objectStore("keys").get("operator").onsuccess = async ({ target }) =>
          resolve(await crypto.subtle.exportKey("jwk", target.result.key).catch(error => error.name));
    })""")
    assert kept == "InvalidAccessError"

    desk.ask("forget-key")
    desk.await_told("said.tell === 'key' && said.key === null")
    desk.page.reload()
    desk.start()
    desk.await_told("said.tell === 'key' && said.key === null")


def test_no_link_and_no_other_tab_replaces_the_key_that_a_browser_has(desk: Desk, tmp_path: Path) -> None:
    mine, other = (make_key("operator", tmp_path / name, name) for name in ("thandi", "mallory"))
    desk.ask("import-key", jwk=mine.as_jwk(), isSure=True)
    desk.await_told(f"said.tell === 'key' && said.key?.kid === '{mine.kid}'")
    for is_taken in (False, True):
        desk.ask("import-key", jwk=other.as_jwk(), isSure=True)
        desk.await_told(f"said.tell === 'offered' && said.key?.kid === '{other.kid}'")
        assert desk.newest("key")["key"]["kid"] == mine.kid
        if not is_taken:
            desk.ask("answer-key", isTaken=False)
            desk.await_told("said.tell === 'offered' && said.key === null")
            desk.page.reload()
            desk.start()
            desk.await_told(f"said.tell === 'key' && said.key?.kid === '{mine.kid}'")
    # Another tab has put its own there in the meantime: what the person has compared is not there any more.
    desk.page.evaluate(
        """kid => new Promise(resolve => {
      indexedDB.open("control-room").onsuccess = ({ target }) => {
        const store = target.result.transaction("keys", "readwrite").objectStore("keys");
        store.get("operator").onsuccess = ({ target }) => {
          const { view, key } = target.result;
          const there = { key, view: { ...view, kid, public: { ...view.public, kid, x: "A".repeat(43) } } };
          store.put(there, "operator").onsuccess = resolve;
        };
      };
    })""",
        "tab-2",
    )
    desk.ask("answer-key", isTaken=True)
    desk.await_told("said.tell === 'error' && said.failure === 'key-changed'")
    desk.await_told("said.tell === 'key' && said.key?.kid === 'tab-2'")


def test_it_connects_watches_and_says_so_until_the_shift_ends(
    desk: Desk, browser: Browser, broker: tuple[Mosquitto, int], tmp_path: Path
) -> None:
    running, port = broker
    key: PrivateKey = make_key("operator", tmp_path / "keys", "thandi")
    settings = {**SETTINGS, "brokers": [{"name": "a", "url": f"ws://127.0.0.1:{port}/"}]}
    with Subscriber(running.port, ["edge/v1/host/+/state"]) as kiosk:
        desk.ask("import-key", jwk=key.as_jwk(), isSure=True)
        desk.ask("open", settings=settings, login={"name": "", "password": ""}, seat="thandi")
        desk.await_told("said.tell === 'links' && said.links[0]?.state === 'open' && said.links[0]?.echoMs !== null")
        desk.ask("begin", by="Thandi")
        kiosk.wait_for(lambda heard: json.loads(heard.payload)["online"] is True)
        desk.await_told("said.tell === 'links' && said.isWatching")

        running.kill()
        desk.await_told("said.tell === 'links' && said.links[0]?.state === 'down' && !said.isWatching")
        desk.page.evaluate("() => { window.tells = [] }")
        running.restart()
        desk.await_told("said.tell === 'links' && said.links[0]?.state === 'open' && said.isWatching")
    with Subscriber(running.port, ["edge/v1/host/+/state"]) as kiosk:
        desk.ask("end")
        kiosk.wait_for(lambda heard: json.loads(heard.payload)["online"] is False)
    browser.forgive("WebSocket connection to 'ws://127.0.0.1:[0-9]+/' failed")


def test_a_stolen_kiosk_does_not_make_a_page_deaf(desk: Desk, broker: tuple[Mosquitto, int]) -> None:
    running, port = broker
    settings = {**SETTINGS, "brokers": [{"name": "a", "url": f"ws://127.0.0.1:{port}/"}]}
    desk.ask("open", settings=settings, login={"name": "", "password": ""}, seat="thandi")
    desk.await_told("said.tell === 'links' && said.links[0]?.state === 'open' && said.links[0]?.echoMs !== null")
    topic, pressed = "edge/v1/gp/park-station/kiosk-9/up/alarm/x", Kiosk(1).pressed()
    with Subscriber(running.port) as thief:
        for payload in payloads(topic, 1, is_5=True) * 5:
            thief.publish(topic, payload, qos=1)
        thief.publish(pressed.topic, pressed.payload)
        desk.await_told("said.tell === 'changed' && said.alarms.length > 0")
    assert "Dropping too large" not in running.log()


def test_what_a_stolen_kiosk_has_retained_comes_to_no_page(desk: Desk, broker: tuple[Mosquitto, int]) -> None:
    running, port = broker
    with Subscriber(running.port) as thief:
        for level in ("event/x", "alarm/x", "result/x", "health", "state", "alarms"):
            thief.publish(f"edge/v1/gp/park-station/kiosk-9/up/{level}", bytes(1000), retain=True)
    settings = {**SETTINGS, "brokers": [{"name": "a", "url": f"ws://127.0.0.1:{port}/"}]}
    desk.ask("open", settings=settings, login={"name": "", "password": ""}, seat="thandi")
    desk.await_told("said.tell === 'links' && said.links[0]?.state === 'open' && said.links[0]?.echoMs !== null")
    assert re.findall("Sending PUBLISH .*kiosk-9/up/([^']+)", running.log()) == ["alarms", "state"]


def test_a_login_that_the_broker_does_not_take_is_called_refused(desk: Desk, tmp_path: Path) -> None:
    port = free_port()
    words = [f"listener {port} 127.0.0.1", "protocol websockets", f"password_file {tmp_path / 'nobody'}"]
    (tmp_path / "nobody").touch(mode=0o600)
    with Mosquitto(tmp_path / "broker", extra=words):
        settings = {**SETTINGS, "brokers": [{"name": "a", "url": f"ws://127.0.0.1:{port}/"}]}
        desk.ask("open", settings=settings, login={"name": "thandi", "password": "wrong"}, seat="thandi")
        desk.await_told(
            "said.tell === 'links' && said.links[0]?.state === 'refused' && said.links[0].why === 'refused'"
        )


def test_a_second_page_comes_in_at_a_broker_that_knows_the_login_and_none_of_its_further_names(
    desk: Desk, tmp_path: Path
) -> None:
    """As RabbitMQ does, where client ids are free."""
    port, logins = free_port(), tmp_path / "logins"
    logins.touch(mode=0o600)
    assert ran("mosquitto_passwd", "-b", logins, "thandi", PASSWORD).returncode == 0
    words = [f"listener {port} 127.0.0.1", "protocol websockets", f"password_file {logins}"]
    with Mosquitto(tmp_path / "broker", extra=words):
        settings = {**SETTINGS, "brokers": [{"name": "a", "url": f"ws://127.0.0.1:{port}/"}]}
        desk.ask("open", settings=settings, login={"name": "thandi", "password": PASSWORD}, seat="thandi-2")
        desk.await_told("said.tell === 'links' && said.links[0]?.state === 'open'")
