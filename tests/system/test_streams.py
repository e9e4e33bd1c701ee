"""Somebody looks at a kiosk's stream: real processes, a real broker, and GStreamer's own server at the office."""

import signal
import subprocess
import time
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import psutil
import pytest

from edge_centre.key_files import make_key
from tests.support.agent_process import USER
from tests.support.certificates import Authority
from tests.support.looking import Looking
from tests.support.media_server import MediaServer
from tests.support.recorded_kiosk import Site
from tests.support.wait import wait_for

pytestmark = pytest.mark.recording

pytest.importorskip("av", reason="a recorder needs PyAV to encode: pip install av")

LOGIN = "kiosk:a secret of this kiosk"


def streaming(opened: ExitStack, directory: Path, login: str = "", **live: str) -> tuple[Site, Looking, MediaServer]:
    """A recorded kiosk that may push to a media server, when it has some seconds in memory."""
    server = opened.enter_context(MediaServer(directory / "media", login))
    site = Site(opened, directory, live=server.settings(**live))
    site.wait_for_ring(2)
    return site, Looking(site.centre, site.kiosk.key), server


def pushers(site: Site) -> list[psutil.Process]:
    found = []
    for each in site.kiosk.children():
        with suppress(psutil.Error):
            if "agent.live" in each.cmdline():
                found.append(each)
    return found


def test_what_arrives_is_what_is_recorded_signed_and_without_sound_beside_a_press(
    opened: ExitStack, tmp_path: Path
) -> None:
    login = tmp_path / "login"
    login.write_text(LOGIN)
    login.chmod(0o600)
    site, thandi, server = streaming(opened, tmp_path, LOGIN, login_file=str(login))
    boss = Looking(site.centre, make_key("admin", site.kiosk.directory / "keys"))
    begun_s = time.monotonic()
    live = thandi.look(rung="stream", lease_s=60, by="Thandi")
    file = server.wait_for_stream()
    print(f"first picture after {time.monotonic() - begun_s:.2f} s")
    assert boss.ask("live-start", rung="stream")["output"]["place"] == server.place
    pressed_ns = site.kiosk.press()
    took_ms = (site.centre.wait_for_alarm("raised").arrived_ns - pressed_ns) / 1e6
    print(f"a press beside it: {took_ms:.1f} ms")
    size, counted_s = file.stat().st_size, time.monotonic() + 3.0  # an answer counts what was sent up to 1 s ago
    wait_for(
        lambda: file.stat().st_size > size + 300_000 and time.monotonic() > counted_s,
        what="more pictures after the press",
    )
    assert thandi.told("live-stopped") == [], "an alarm ends no look"
    for each, looks in ((thandi, live), (boss, boss.told("live-started")[1]["live"])):
        assert each.ask("live-stop", live=looks)["output"]["pictures"] > 0
    assert (len(server.files), pushers(site)) == (1, []), "both have shared one stream"
    assert site.kiosk.log().count("a secret") == 0

    video = tmp_path / "recorded.mp4"
    subprocess.run(["ffmpeg", "-loglevel", "error", "-i", file, "-c", "copy", video], check=True)
    streams = ["ffprobe", "-v", "error", "-show_entries", "stream=codec_name", "-of", "csv=p=0", str(video)]
    assert subprocess.run(streams, check=True, capture_output=True, text=True).stdout.split() == ["h264"]
    decoded = subprocess.run(["ffmpeg", "-v", "error", "-i", video, "-f", "null", "-"], check=True, capture_output=True)
    assert decoded.stderr == b""
    verdict = site.office.run("verify", video)
    assert verdict.stdout.splitlines()[1].startswith("AUTHENTIC"), verdict.stdout
    assert f"CN={USER} " in verdict.stdout


def test_the_lease_ends_the_stream_and_each_kill_is_in_the_record(opened: ExitStack, tmp_path: Path) -> None:
    site, operator, server = streaming(opened, tmp_path)
    live = operator.look(rung="stream", lease_s=5)
    file = server.wait_for_stream()
    ended = operator.wait_for_end(live)
    wait_for(lambda: server.closed == 1, 1.0, "the end of the stream within 1 s of the lease's")
    assert ended.data["detail"]["why"] == "lease"
    assert ended.data["detail"]["pictures"] > 5
    whole = file.stat().st_size

    live = operator.look(rung="stream", lease_s=60)
    server.wait_for_stream(2)
    [pusher] = pushers(site)
    pusher.kill()
    ended = operator.wait_for_end(live)
    assert ended.data["detail"]["failure"] == "its process was killed by signal 9"
    assert operator.ask("live-start", live=live)["code"] == "stream-failed"

    live = operator.look(rung="stream", lease_s=60)
    server.wait_for_stream(3)
    [recorder] = site.kiosk.recorders()
    psutil.Process(recorder).kill()
    assert operator.wait_for_end(live).data["detail"]["failure"].startswith("the recorder has ended")
    assert pushers(site) == []
    wait_for(lambda: operator.ask("live-start", rung="stream", lease_s=60)["code"] == "ok", 60, "the next recorder")

    server.wait_for_stream(4)
    closed = server.closed
    [pusher] = pushers(site)
    pusher.send_signal(signal.SIGSTOP)
    site.kiosk.kill()
    wait_for(lambda: not pusher.is_running() or pusher.status() == psutil.STATUS_ZOMBIE, 5, "the end of a stopped one")
    wait_for(lambda: server.closed > closed, what="the end of the connection")
    site.kiosk.start()
    wait_for(lambda: len(operator.told("live-stopped")) == 4, what="the end of each look")
    assert [each["why"] for each in operator.told("live-stopped")] == ["lease", "stream", "stream", "restart"]
    assert {each["place"] for each in operator.told("live-started")} == {server.place}
    assert file.stat().st_size == whole


@pytest.mark.parametrize(
    ("hosts", "login", "failure"),
    [
        (("127.0.0.1",), "", "the media server's certificate does not hold: unable to get local issuer certificate"),
        (("media.example",), "", "the media server's certificate does not hold: IP address mismatch"),
        (("127.0.0.1",), "another", "the media server takes no stream: it wants another login (401)"),
    ],
)
def test_a_server_that_is_not_the_one_or_wants_another_login_gets_nothing_and_pictures_remain(
    opened: ExitStack, tmp_path: Path, hosts: tuple[str, ...], login: str, failure: str
) -> None:
    server = opened.enter_context(MediaServer(tmp_path / "media", LOGIN if login else "", hosts))
    settings: dict[str, Any] = server.settings()
    if "issuer" in failure:
        settings["ca_file"] = str(Authority(tmp_path / "another").ca)
    site = Site(opened, tmp_path, live=settings)
    site.wait_for_ring(2)
    operator = Looking(site.centre, site.kiosk.key)
    live = operator.look(rung="stream", lease_s=60)
    ended = operator.wait_for_end(live).data["detail"]
    assert ended["failure"].startswith(failure)
    assert (ended["why"], ended["pictures"]) == ("stream", 0)
    assert server.files == []
    operator.look()
    operator.wait_for_picture()
