"""The page that `make run` serves beside its broker and its agent."""

import base64
import http.client
import json
import os
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from agent.adapters.jose_keys import PrivateKey, read_key_set
from agent.cli.demo_page import DemoPage
from agent.cli.demo_stage import Stage
from tests.control_room.rig import Browser
from tests.support.wait import wait_for

CONNECTED = """
url => new Promise(resolve => {
  const socket = new WebSocket(url, "mqtt");
  socket.onopen = () => resolve("open");
  socket.onerror = () => resolve("refused");
})
"""


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with Stage(tmp_path / "no-video.avi") as running:
        yield running


def test_it_loads_speaks_to_the_broker_and_keeps_to_its_policy(
    stage: Stage, built_page: Path, browser: Browser
) -> None:
    with DemoPage(stage, built_page) as demo:
        assert demo.url is not None
        page = browser.open(demo.url)
        assert page.evaluate("isSecureContext")
        assert page.evaluate(CONNECTED, f"ws://127.0.0.1:{stage.web_port}/mqtt") == "open"
        assert browser.complaints == []
        assert page.evaluate("fetch('https://example.com/').catch(() => 'refused')") == "refused"
        browser.forgive("violates the following Content Security Policy|example.com")


def test_its_address_has_the_key_of_an_operator_whom_the_kiosk_obeys(stage: Stage, built_page: Path) -> None:
    with DemoPage(stage, built_page) as demo:
        fragment = urlsplit(demo.url or "").fragment
    assert isinstance(fragment, str)
    key = PrivateKey.from_jwk(json.loads(base64.urlsafe_b64decode(fragment.removeprefix("key=") + "==")))
    assert key.public() in read_key_set(stage.directory / "keys" / "keys.json")
    assert key.role == "operator"
    assert not list((stage.directory / "keys").glob(f"{key.kid}*"))


def test_it_is_on_loopback_alone_and_has_the_demos_settings(stage: Stage, built_page: Path) -> None:
    with DemoPage(stage, built_page) as demo:
        address = urlsplit(demo.url or "")
        assert address.hostname == "127.0.0.1"
        connection = http.client.HTTPConnection("127.0.0.1", address.port or 0, timeout=30)
        connection.request("GET", "/control-room.json")
        settings = json.loads(connection.getresponse().read())
        connection.close()
    assert settings["brokers"] == [{"name": "demo", "url": f"ws://127.0.0.1:{stage.web_port}"}]
    for outline in settings["outlines"]:
        assert (built_page / outline).is_file()


def test_where_no_page_is_built_there_is_no_address_and_nothing_to_show(stage: Stage, tmp_path: Path) -> None:
    with DemoPage(stage, tmp_path / "none") as demo:
        assert demo.url is None
        demo.show()


def test_it_is_opened_where_there_is_a_display_and_only_there(
    stage: Stage, built_page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = tmp_path / "opened"
    stand_in = tmp_path / "browser"
    stand_in.write_text(f'#!/bin/sh\necho "$1" >>{opened}\n')
    stand_in.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setattr("webbrowser._tryorder", None)
    monkeypatch.setenv("BROWSER", str(stand_in))
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    with DemoPage(stage, built_page) as demo:
        demo.show()
        assert not opened.exists()
        monkeypatch.setenv("WAYLAND_DISPLAY", "wayland-0")
        demo.show()
        wait_for(opened.exists, what="a browser")
        wait_for(lambda: opened.read_text() == f"{demo.url}\n", what="the address")
