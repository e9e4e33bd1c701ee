"""Clips in the browser of a control room."""

from collections.abc import Callable, Sequence
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from playwright.sync_api import sync_playwright

from edge_centre.evidence.remux import indexed, plain_mp4
from tests.control_room.rig import AS_ROOT, CHROMIUM
from tests.evidence.test_mp4_write import as_plain_file
from tests.support.recording import as_file, encoded, pieces_of

pytestmark = pytest.mark.recording

_PLAY = """async (video) => {
    const ended = new Promise((done, failed) => {
        video.onended = done;
        video.onerror = () => failed(new Error(video.error.message));
    });
    video.playbackRate = 8;
    await video.play();
    await ended;
    const quality = video.getVideoPlaybackQuality();
    return [video.videoWidth, video.videoHeight, video.currentTime, video.duration, quality.corruptedVideoFrames];
}"""
_JUMP = """async (video, to) => {
    if (video.readyState < 1) await new Promise((done) => (video.onloadedmetadata = done));
    const length = video.duration;
    if (to !== null) {
        const jumped = new Promise((done) => (video.onseeked = done));
        video.currentTime = to;
        await jumped;
    }
    return [length, video.currentTime];
}"""


def play(path: Path, content: bytes) -> Sequence[float]:
    """Have Chromium play it to its end: width, height, where that was, the length it states, and broken pictures."""
    path.with_suffix(".mp4").write_bytes(content)
    path.write_text(f'<video muted src="{path.with_suffix(".mp4").name}"></video>')
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=AS_ROOT)
        page = browser.new_page()
        page.goto(path.as_uri())
        shown: Sequence[float] = page.locator("video").evaluate(_PLAY)
        browser.close()
    return shown


@pytest.mark.parametrize("reordered", [0, 2])
@pytest.mark.parametrize("group", [5, 20])
def test_a_clip_plays_in_chromium_to_its_end(tmp_path: Path, reordered: int, group: int) -> None:
    content = as_file(pieces_of(encoded(40, (320, 240), group, reordered)))

    width, height, ended_s, length_s, broken = play(tmp_path / "clip.html", content)

    assert (width, height, broken) == (320, 240, 0)
    assert ended_s == pytest.approx(8, abs=0.3)
    assert length_s == pytest.approx(8, abs=0.3)


def length_and_jump(address: str, jump_to: float | None) -> Sequence[float]:
    """The length that Chromium states of a film before it plays, and where it is after a jump."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=AS_ROOT)
        page = browser.new_page()
        page.goto(address)
        shown: Sequence[float] = page.locator("video").evaluate(_JUMP, jump_to)
        browser.close()
    return shown


@pytest.mark.parametrize("made", [indexed, plain_mp4])
def test_a_court_sees_the_whole_length_of_an_exported_film_and_can_jump_to_its_end(
    tmp_path: Path, made: Callable[[bytes], bytes]
) -> None:
    (tmp_path / "clip.mp4").write_bytes(made(as_file(pieces_of(encoded(955)))))
    (tmp_path / "clip.html").write_text('<video muted src="clip.mp4"></video>')

    assert list(length_and_jump((tmp_path / "clip.html").as_uri(), 190)) == pytest.approx([191, 190])
    # This server knows no ranges, as many small ones: a browser that can't look at a film's end believes its beginning.
    handler = partial(SimpleHTTPRequestHandler, directory=tmp_path)
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        shown = length_and_jump(f"http://127.0.0.1:{server.server_port}/clip.html", None)
        server.shutdown()
        thread.join()
    assert shown[0] == pytest.approx(191)


def test_an_exported_file_plays_in_chromium_to_its_end(tmp_path: Path) -> None:
    content = as_plain_file(pieces_of(encoded(40, (320, 240), reordered=2)))

    assert play(tmp_path / "clip.html", content) == [320, 240, pytest.approx(8), pytest.approx(8), 0]
