import hashlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from agent.core.errors import ModelError
from agent.models.fetch import fetch, without_secrets
from agent.models.store import ModelStore
from tests.models.test_store import manifest
from tests.support.full_disk import FullDisk
from tests.support.mosquitto import free_port

CONTENT = bytes(range(256)) * 4000
SHA256 = hashlib.sha256(CONTENT).hexdigest()


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        if self.path.startswith("/absent"):
            self.send_error(404)
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(CONTENT)))
        self.end_headers()
        self.wfile.write(CONTENT[:1000] if self.path.startswith("/short") else CONTENT)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), _Handler) as running:
        thread = threading.Thread(target=running.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{running.server_port}"
        running.shutdown()
        thread.join()


def no_progress(done: int, total: int | None) -> None:
    pass


def leftovers(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


def test_a_model_is_fetched_and_loads(server: str, tmp_path: Path) -> None:
    steps: list[tuple[int, int | None]] = []
    path = fetch(f"{server}/m", SHA256, manifest("street"), tmp_path, lambda *step: steps.append(step))
    described, found, _ = ModelStore([tmp_path]).load("street")
    assert found == path
    assert path.read_bytes() == CONTENT
    assert (described.sha256, described.size_bytes) == (SHA256, len(CONTENT))
    assert steps[-1] == (len(CONTENT), len(CONTENT))
    assert leftovers(tmp_path) == ["street.json", "street.tflite"]


def test_something_else_than_was_asked_for_is_refused_and_not_kept(server: str, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=SHA256):
        fetch(f"{server}/m", "0" * 64, manifest("street"), tmp_path, no_progress)
    assert leftovers(tmp_path) == []


def test_a_refused_download_leaves_the_model_that_was_there(server: str, tmp_path: Path) -> None:
    fetch(f"{server}/m", SHA256, manifest("street"), tmp_path, no_progress)
    with pytest.raises(ModelError):
        fetch(f"{server}/m", "0" * 64, manifest("street"), tmp_path, no_progress)
    assert ModelStore([tmp_path]).load("street").content == CONTENT


@pytest.mark.parametrize(("page", "text"), [("absent", "answers 404"), ("short", "1000 of 1024000 bytes: try again")])
def test_a_download_that_fails_says_how(server: str, tmp_path: Path, page: str, text: str) -> None:
    with pytest.raises(ModelError, match=text):
        fetch(f"{server}/{page}", SHA256, manifest("street"), tmp_path, no_progress)
    assert leftovers(tmp_path) == []


def test_a_disk_without_room_for_the_manifest_is_named(
    server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with FullDisk(monkeypatch, after=2), pytest.raises(ModelError, match=f"can't be kept in {tmp_path}: No space left"):
        fetch(f"{server}/m", SHA256, manifest("street"), tmp_path, no_progress)


def test_a_server_that_is_not_there_is_named(tmp_path: Path) -> None:
    url = f"http://127.0.0.1:{free_port()}/m"
    with pytest.raises(ModelError, match=f"{url} can't be reached"):
        fetch(url, SHA256, manifest("street"), tmp_path, no_progress)


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://h/m", "street.tflite"])
def test_only_the_web_is_fetched_from(tmp_path: Path, url: str) -> None:
    with pytest.raises(ModelError, match="https://"):
        fetch(url, SHA256, manifest("street"), tmp_path, no_progress)


def test_secrets_of_an_address_are_shown_to_nobody() -> None:
    assert without_secrets("https://me:word@h:8/a/m.tflite?token=x#y") == "https://h:8/a/m.tflite"
