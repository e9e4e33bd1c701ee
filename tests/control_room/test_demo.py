"""The page that `make run` serves beside its broker and its agent, and the story that it plays there by itself."""

import base64
import http.client
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from unittest.mock import Mock
from urllib.parse import urlsplit

import psutil
import pytest
from playwright.sync_api import expect

from agent.core.errors import EdgeAgentError
from agent.trust.jose_keys import PrivateKey, read_key_set
from deploy.lab import demo
from deploy.lab.demo_page import DemoPage
from deploy.lab.demo_stage import Stage
from edge_centre.adapters.browser import DemoBrowser
from tests.control_room.rig import Browser
from tests.support.run import ran
from tests.support.wait import wait_for

CONNECTED = """
url => new Promise(resolve => {
  const socket = new WebSocket(url, "mqtt");
  socket.onopen = () => resolve("open");
  socket.onerror = () => resolve("refused");
})
"""

PAGE_OPENED = ["the page is there", "the shift has begun: the page watches"]
AT_THE_PAGE = [
    "the page shows the alarm",
    "the page says who has it",
    "green, by the page",
    "the page has closed the alarm",
    "the lights are at rest again",
]

IN_THE_OFFICE = ["the recording is complete", "it opens, and is verified"]


def story(directory: Path, **variables: str) -> "subprocess.CompletedProcess[str]":
    """The demo without a terminal, whose files are all in this directory."""
    directory.mkdir()
    environment = {**os.environ, "TMPDIR": str(directory), **variables}
    command = [sys.executable, "-m", "deploy.lab", "demo"]
    return ran(*command, stdin=subprocess.DEVNULL, timeout=120, env=environment)


def steps(done: "subprocess.CompletedProcess[str]") -> list[str]:
    """The steps that were seen."""
    return [name.strip() for name in re.findall(r"^  ok  (.+) after \d+\.\d\d s$", done.stdout, re.MULTILINE)]


def stand_in(directory: Path, what: str) -> str:
    """A program of this shell code where the browser should be; returns its path."""
    directory.mkdir(exist_ok=True)
    program = directory / "chromium"
    program.write_text(f"#!/bin/sh\n{what}\n")
    program.chmod(0o755)
    return str(program)


def running(directory: Path) -> list[str]:
    """The commands of running processes that name this directory."""
    lines = [" ".join(each.info["cmdline"] or ()) for each in psutil.process_iter(["cmdline"])]
    return [line for line in lines if str(directory) in line]


def redirected(url: str) -> str:
    """Where this address leads."""
    address = urlsplit(url)
    connection = http.client.HTTPConnection("127.0.0.1", address.port or 0, timeout=30)
    connection.request("GET", address.path)
    location = connection.getresponse().headers["Location"]
    connection.close()
    return location


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with Stage(tmp_path / "no-video.avi") as running:
        yield running


def test_it_loads_speaks_to_the_broker_and_keeps_to_its_policy(
    stage: Stage, built_page: Path, browser: Browser
) -> None:
    with DemoPage(stage, built_page) as served:
        assert served.url is not None
        page = browser.open(served.url)
        assert page.evaluate("isSecureContext")
        expect(page.get_by_text("exercises ring here like calls, and nobody is sent out")).to_be_visible()
        assert page.evaluate(CONNECTED, f"ws://127.0.0.1:{stage.web_port}/mqtt") == "open"
        assert browser.complaints == []
        assert page.evaluate("fetch('https://example.com/').catch(() => 'refused')") == "refused"
        browser.forgive("violates the following Content Security Policy|example.com")


def test_its_short_address_leads_once_to_the_key_of_an_operator_whom_the_kiosk_obeys(
    stage: Stage, built_page: Path
) -> None:
    with DemoPage(stage, built_page) as served:
        assert served.url is not None
        assert len(served.url) < 40
        first, second = redirected(served.url), redirected(served.url)
    assert second == "/"
    fragment = urlsplit(first).fragment
    key = PrivateKey.from_jwk(json.loads(base64.urlsafe_b64decode(fragment.removeprefix("key=") + "==")))
    assert key.public() in read_key_set(stage.directory / "keys" / "keys.json")
    assert key.role == "operator"
    assert not list((stage.directory / "keys").glob(f"{key.kid}*"))


def test_it_is_on_loopback_alone_and_has_the_demos_settings(stage: Stage, built_page: Path) -> None:
    with DemoPage(stage, built_page) as served:
        address = urlsplit(served.url or "")
        assert address.hostname == "127.0.0.1"
        connection = http.client.HTTPConnection("127.0.0.1", address.port or 0, timeout=30)
        connection.request("GET", "/control-room.json")
        settings = json.loads(connection.getresponse().read())
        connection.close()
    assert settings["exercises_ring"] is True, "all alarms of the demo are exercises, and a newcomer wants to hear one"
    assert settings["brokers"] == [{"name": "demo", "url": f"ws://127.0.0.1:{stage.web_port}"}]
    for outline in settings["outlines"]:
        assert (built_page / outline).is_file()


def test_where_no_page_is_built_there_is_no_address_and_nothing_to_show(stage: Stage, tmp_path: Path) -> None:
    with DemoPage(stage, tmp_path / "none") as served:
        assert served.url is None
        served.show()


def test_it_is_opened_where_there_is_a_display_and_only_there(
    stage: Stage, built_page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = tmp_path / "opened"
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setattr("webbrowser._tryorder", None)
    monkeypatch.setenv("BROWSER", stand_in(tmp_path, f'echo "$1" >>{opened}'))
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    with DemoPage(stage, built_page) as served:
        served.show()
        assert not opened.exists()
        monkeypatch.setenv("WAYLAND_DISPLAY", "wayland-0")
        served.show()
        wait_for(opened.exists, what="a browser")
        wait_for(lambda: opened.read_text() == f"{served.url}\n", what="the address")


@pytest.mark.long
@pytest.mark.usefixtures("built_page")
def test_without_a_terminal_the_story_is_told_through_the_page_too_and_leaves_nothing_behind(tmp_path: Path) -> None:
    done = story(tmp_path / "demo")

    assert done.returncode == 0, done.stdout + done.stderr
    assert "NOT SEEN" not in done.stdout
    assert steps(done)[2:4] == PAGE_OPENED
    assert steps(done)[12:] == [*AT_THE_PAGE, *IN_THE_OFFICE]
    assert "EXERCISE, not a real alarm: medical RAISED" in done.stdout
    assert re.search(r"medical CLOSED.*closed by Naledi \(demo-operator\): test", done.stdout)
    assert list((tmp_path / "demo").iterdir()) == []
    assert running(tmp_path / "demo") == []


def test_a_browser_that_does_not_start_is_told_in_one_line_and_the_rest_of_the_story_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = stand_in(tmp_path / "bin", "echo 'no display, no shared memory, no luck'; exit 3")
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    told: list[str] = []
    story, screen = Mock(spec_set=["begin", "play", "play_in_office"]), Mock(say=told.append)

    assert demo._played(story, "http://127.0.0.1:1/", screen, tmp_path / "browser", 30.0)
    [line] = told
    assert line.startswith(f"Skipping the story at the page: {program} does not answer: ")
    assert line.endswith("no display, no shared memory, no luck")


def test_a_browser_that_says_nothing_is_waited_for_no_longer_than_told_and_ended(tmp_path: Path) -> None:
    silent = stand_in(tmp_path / "bin", 'tail -f "$0" & exec tail -f "$0"')

    with (
        pytest.raises(EdgeAgentError, match="does not answer: timed out"),
        DemoBrowser(silent, tmp_path / "browser", patience_s=0.2),
    ):
        pass

    wait_for(lambda: running(tmp_path) == [], what="the end of the browser")
