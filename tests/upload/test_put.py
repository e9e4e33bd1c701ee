"""One PUT against a store of any kind, and the process that does it."""

import socket
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest

from agent.adapters import paced_socket
from agent.adapters.paced_socket import PIECE
from agent.core.delivery.upload_link import Done, Gate, Moves, Put, decode
from agent.core.link_lines import LinkError, encode
from agent.upload import put as module
from agent.upload.put import put
from edge_centre.cli.evidence_grant import commands
from edge_centre.viewing.presign import StoreKey
from tests.support.certificates import Authority
from tests.support.store import Store
from tests.support.wait import wait_for

ROOT = Path(__file__).parents[2]
MEDIA = bytes(range(256)) * 1000


class Freely:
    """Lets everything leave at once."""

    def __init__(self) -> None:
        self.pauses: list[float] = []
        self.sent = 0

    def pause(self, seconds: float) -> None:
        self.pauses.append(seconds)

    def moves(self, number: int, sent: int) -> None:
        self.sent = sent


@pytest.fixture
def media(tmp_path: Path) -> Path:
    path = tmp_path / "a.mp4"
    path.write_bytes(MEDIA)
    return path


@pytest.fixture
def store() -> Iterator[Store]:
    with Store() as made:
        yield made


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "STALL_S", 0.3)
    monkeypatch.setattr(paced_socket, "STALL_S", 0.3)


def once(store: Store, media: Path, how: str = "take", **more: Any) -> Done:
    store.script.append(how)
    return put(Put(7, str(media), store.url("p/a.mp4?X-Amz-Signature=secret"), **more), Freely())


def test_a_segment_is_put_whole_and_says_what_it_is(store: Store, media: Path) -> None:
    done = once(store, media)
    assert done == Done(7, 200, len(MEDIA), "HTTP 200")
    assert store.objects == {"/p/a.mp4": [MEDIA]}
    [request] = store.puts
    assert request.path == "/p/a.mp4?X-Amz-Signature=secret"
    assert request.headers["content-length"] == str(len(MEDIA))
    assert request.headers["content-type"] == "video/mp4"
    assert request.headers["host"] == store.host
    assert "accept-encoding" not in request.headers


def test_an_empty_object_is_put_too(store: Store, tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    assert once(store, tmp_path / "empty").status == 200
    assert store.objects == {"/p/a.mp4": [b""]}


def test_tls_checks_the_name_and_the_authority_of_a_store(tmp_path: Path, media: Path) -> None:
    authority, other = Authority(tmp_path / "a"), Authority(tmp_path / "b")
    with Store(authority.server()) as store:
        assert once(store, media, ca_file=str(authority.ca)).status == 200
        wrong = once(store, media, ca_file=str(other.ca))
        assert wrong.status == 0
        assert "certificate does not hold" in wrong.detail
    with Store(authority.server(["store.example"])) as store:
        assert "certificate does not hold" in once(store, media, ca_file=str(authority.ca)).detail


def test_a_thief_with_a_kiosks_key_changes_nothing_that_is_at_the_store(tmp_path: Path) -> None:
    """What the office grants is good once, for what the device has said, and for what is not there yet."""
    key, device = StoreKey("AKID", "secret", region="af-south-1"), "gp/jhb-park-station/kiosk-0042"
    names = [f"front/2026-11-27/22/59-58.123Z.{number}.mp4" for number in range(100)]
    now = datetime.now(UTC)
    with Store(key=(key.secret, key.region)) as store:

        def granted(size: int) -> dict[str, str]:
            sizes = dict.fromkeys(names, size)
            given = commands(store.url("evidence"), device, sizes, key, 900, now)
            return {each["name"]: each["url"] for urls in given for each in urls}

        def sent(url: str, content: bytes, **headers: str) -> int:
            file = tmp_path / "file"
            file.write_bytes(content)
            if not headers:
                return put(Put(1, str(file), url), Freely()).status
            connection = HTTPConnection(store.host)
            connection.request("PUT", url.partition(store.host)[2], content, headers)
            status = connection.getresponse().status
            connection.close()
            return status

        honest = granted(len(MEDIA))
        assert [sent(honest[name], MEDIA) for name in names] == [200] * 100
        again, stolen = put(Put(1, str(tmp_path / "file"), honest[names[0]]), Freely()), granted(7)
        assert (again.is_there, again.detail) == (True, "HTTP 412 PreconditionFailed"), "an answer that was lost"
        for name in names:
            assert sent(honest[name], bytes(len(MEDIA))) == 412, "a URL that has worked once"
            assert sent(stolen[name], b"another") == 412, "a URL for what is there"
            assert sent(stolen[name], b"another", **{"Content-Type": "video/mp4"}) == 403, "without what was signed"
            assert sent(honest[name], b"another", **{"If-None-Match": "*"}) == 403, "of another length"
        assert all(store.objects[f"/evidence/{device}/{name}"] == [MEDIA] for name in names)


@pytest.mark.parametrize("url", ["p/a?X-Amz-SignedHeaders=host", "p/a"])
def test_a_url_of_an_older_office_is_used_as_ever(store: Store, media: Path, url: str) -> None:
    assert put(Put(1, str(media), store.url(url)), Freely()).status == 200
    assert "if-none-match" not in store.puts[0].headers


@pytest.mark.parametrize("status", ["301", "302", "307", "308"])
def test_a_redirect_is_told_and_not_followed(store: Store, media: Path, status: str) -> None:
    done = once(store, media, status)
    assert done.status == int(status)
    assert "redirect" in done.detail
    assert len(store.puts) == 1


def test_what_a_store_says_of_a_refusal_is_told_without_the_secret(store: Store, media: Path) -> None:
    done = once(store, media, "403")
    assert (done.status, done.detail) == (403, "HTTP 403 AccessDenied")
    assert once(store, media, "429 17").retry_after_s == 17
    assert once(store, media, "503 999999").retry_after_s == 300
    assert once(store, media, "503").retry_after_s is None


def test_an_answer_that_comes_before_the_end_is_heard(store: Store, tmp_path: Path) -> None:
    large = tmp_path / "large"
    large.write_bytes(MEDIA * 40)
    assert once(store, large, "early 403").status in {403, 0}  # a reset may overtake the answer


def test_a_yes_that_comes_before_the_end_is_none(store: Store, tmp_path: Path) -> None:
    large = tmp_path / "large"
    large.write_bytes(MEDIA * 40)
    assert once(store, large, "early 200").status == 0
    assert not store.objects


def test_little_is_under_way_however_slow_the_store_takes_it(store: Store, media: Path) -> None:
    """What is under way can't be called back, and an alarm would stand behind it."""
    store.bytes_s = 400_000
    taken: list[int] = []
    pace = Freely()
    pace.moves = lambda number, sent: taken.append(sent - store.read)  # type: ignore[method-assign]
    assert put(Put(1, str(media), store.url("a")), pace).status == 200
    assert max(taken) < 160 * 1024  # of which the store's own socket holds 64


def test_a_checksum_of_something_else_is_noticed(store: Store, media: Path) -> None:
    assert once(store, media, "take").is_ours
    assert not once(store, media, "lie").is_ours


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("how", ["stall", "silent", "cut 1000", "garbage", "lost"])
def test_a_store_that_stalls_cuts_or_says_nothing_ends_the_put_soon(store: Store, tmp_path: Path, how: str) -> None:
    large = tmp_path / "large"
    large.write_bytes(MEDIA * 20)
    done = once(store, large, how)
    assert (done.status, bool(done.detail)) == (0, True)
    assert "secret" not in done.detail


def test_nobody_there_and_no_file_are_told(store: Store, media: Path, tmp_path: Path) -> None:
    url = "http://127.0.0.1:1/a"
    assert put(Put(1, str(media), url), Freely()) == Done(1, 0, 0, "connection refused")
    assert put(Put(1, str(tmp_path / "gone"), store.url("a")), Freely()).detail == "no such file or directory"
    assert not store.puts


def test_a_rate_is_kept_by_pauses_between_small_pieces(store: Store, media: Path) -> None:
    pace = Freely()
    done = put(Put(1, str(media), store.url("a"), bytes_s=PIECE), pace)
    pieces = -(-len(MEDIA) // PIECE)
    assert len(pace.pauses) == pieces + 1
    assert pace.pauses[-1] == pytest.approx(pieces - 1, abs=1)  # nothing has slept here, so it is behind by all of it
    assert pace.sent <= done.sent == len(MEDIA)


def test_bad_lines_on_the_link_are_refused() -> None:
    for line in (b"", b"[]", b"{}", b'{"t":"put"}', b'{"t":"x"}', b'{"t":"gate","hold":true,"more":1}', b"\xff"):
        with pytest.raises(LinkError):
            decode(line)
    assert decode(encode(Gate(hold=True))) == Gate(hold=True)


class Process:
    """`python -m agent.upload`, and the core's end of its link."""

    def __init__(self) -> None:
        self.link, theirs = socket.socketpair()
        self.link.settimeout(20)
        with theirs:
            command = [sys.executable, "-m", "agent.upload", "--fd", str(theirs.fileno())]
            self.process = subprocess.Popen(command, pass_fds=[theirs.fileno()], cwd=ROOT)
        self.lines = self.link.makefile("rb")

    def say(self, *lines: Put | Gate) -> None:
        self.link.sendall(b"".join(map(encode, lines)))

    def done(self) -> Done:
        for line in self.lines:
            if isinstance(said := decode(line), Done):
                return said
            assert isinstance(said, Moves)
        raise AssertionError("the uploader has ended")

    def close(self) -> int:
        self.lines.close()
        self.link.close()
        return self.process.wait(10)


def test_the_process_puts_holds_and_ends_with_the_core(store: Store, media: Path) -> None:
    uploader = Process()
    uploader.say(Gate(hold=True), Put(1, str(media), store.url("a")))
    uploader.say(Gate(hold=False))
    assert uploader.done().status == 200
    store.bytes_s = 100_000
    uploader.say(Put(2, str(media), store.url("b")))
    wait_for(lambda: len(store.puts) == 2)
    uploader.say(Gate(hold=True))
    uploader.link.settimeout(1)
    with pytest.raises(TimeoutError):
        uploader.done()
    assert "/b" not in store.objects
    assert uploader.close() == 0
