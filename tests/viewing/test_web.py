"""Uploaded recordings through the office's server: what is shown, to whom, what is written down, what is refused."""

import http.client
import io
import json
import socket
import subprocess
import threading
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from edge_centre.__main__ import main
from edge_centre.evidence.media_signing import apart
from edge_centre.evidence.segments import pieces
from edge_centre.viewing import web
from edge_centre.viewing.clip import Authorities
from edge_centre.viewing.presign import StoreKey
from edge_centre.viewing.store import Store
from edge_centre.viewing.web import Server, Viewing
from tests.support.certificates import Authority
from tests.support.hostile_media import hostile
from tests.support.store import Store as FakeStore
from tests.support.uploaded_clip import CAMERA, CLIP, UploadedPart, uploaded_clip
from tests.support.wait import wait_for

DEVICE = "gp/jhb-park-station/kiosk-0042"
THANDI = {"X-Remote-User": "thandi"}


class Answer(NamedTuple):
    status: int
    content: bytes
    kind: str

    @property
    def why(self) -> str:
        return str(json.loads(self.content)["why"])


class Shown:
    """The server, a store with a clip, and the journal."""

    def __init__(self, directory: Path, store: FakeStore) -> None:
        self.store, self.journal, self.authority = store, directory / "who-looked.jsonl", Authority(directory / "ca")
        self.parts = uploaded_clip(directory, self.authority, DEVICE)
        for each in self.parts:
            self.put(each, each.content)
        key = StoreKey("AKID", "secret", region="af-south-1")
        reader = Store(store.url("evidence/2026"), key, patience_s=4.0)
        self.viewing = Viewing(reader, Authorities(self.authority.ca), self.journal)
        self.server = Server(0, self.viewing)

    def get(self, path: str, headers: dict[str, str] | None = None, method: str = "GET") -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self.server.server_address[1], timeout=30)
        try:
            connection.request(method, path, headers=THANDI if headers is None else headers)
            with connection.getresponse() as answer:
                return Answer(answer.status, answer.read(), str(answer.getheader("Content-Type")))
        finally:
            connection.close()

    def ask(self, what: str, *parts: UploadedPart) -> Answer:
        return self.get(address(what, *(parts or self.parts)))

    def put(self, part: UploadedPart, content: bytes) -> None:
        self.store.objects[f"/evidence/2026/{DEVICE}/{part.name}"] = [content]

    def looks(self) -> list[dict[str, object]]:
        lines = self.journal.read_text().splitlines() if self.journal.exists() else []
        return [json.loads(line) for line in lines]


def address(what: str, *parts: UploadedPart) -> str:
    names = ",".join(each.name.removeprefix(f"{CAMERA}/").removesuffix(".mp4") for each in parts)
    return f"/clips/{DEVICE}/{CAMERA}/{what}?parts={names}&clip={CLIP}&alarm="


@pytest.fixture
def shown(tmp_path: Path) -> Iterator[Shown]:
    with FakeStore() as store:
        made = Shown(tmp_path, store)
        thread = threading.Thread(target=made.server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield made
        made.server.shutdown()
        thread.join()
        made.server.server_close()


def test_a_part_is_given_as_it_was_sent_and_who_saw_it_is_written_down(shown: Shown) -> None:
    first = shown.parts[0]
    answer = shown.ask("part", first)
    assert (answer.status, answer.content, answer.kind) == (200, first.content, "video/mp4")
    [look] = shown.looks()
    assert look.pop("at")
    assert look == {
        "who": "thandi", "what": "part", "device": DEVICE, "camera": CAMERA, "clip": CLIP, "alarm": "",
        "objects": {first.name: first.sha256},
    }  # fmt: skip


def test_the_verdict_is_that_of_the_verifier_on_all_parts(shown: Shown) -> None:
    said = json.loads(shown.ask("verdict").content)
    assert (said["verdict"], said["parts"], said["absent"]) == ("authentic, alone", len(shown.parts), [])
    assert "vouched for by the province's device authority" in " ".join(said["says"])
    assert said["recorded"]
    assert said["proven_s"] == 15.0, "the signature of the last second would come after it"
    assert said["objects"] == {each.name: each.sha256 for each in shown.parts}
    assert shown.looks() == [], "nobody has seen anything"

    last = shown.parts[-1]
    del shown.store.objects[f"/evidence/2026/{DEVICE}/{last.name}"]
    said = json.loads(shown.ask("verdict").content)
    assert (said["verdict"], said["absent"]) == ("authentic with missing", [last.name])


def test_a_part_alone_is_proven_from_its_own_first_picture(shown: Shown) -> None:
    at_press = shown.parts[0]
    assert at_press.first > 1
    said = json.loads(shown.ask("verdict", at_press).content)
    assert said["verdict"] == "authentic, alone"
    assert said["proven_s"] == at_press.last - at_press.first, "each of its fragments is a second, and the last waits"


def test_a_part_whose_signature_comes_later_is_not_proven_yet_and_not_called_altered(shown: Shown) -> None:
    last = shown.parts[-1]
    init, only, *_ = pieces(last.content)
    shown.put(last, init + only)
    said = json.loads(shown.ask("verdict", last).content)
    assert (said["verdict"], said["is_pending"], said["says"][0]) == (None, True, "NOT PROVEN YET")


def test_parts_whose_names_go_back_as_the_clock_was_set_back_are_one_recording(shown: Shown) -> None:
    names = sorted((each.name for each in shown.parts), reverse=True)
    turned = [
        replace(each, name=name) for name, each in zip(names, sorted(shown.parts, key=lambda p: p.first), strict=True)
    ]
    for each in turned:
        shown.put(each, each.content)
    assert json.loads(shown.ask("verdict", *turned).content)["verdict"] == "authentic, alone"


def test_whoever_comes_while_three_are_being_checked_or_wait_hears_so_at_once(shown: Shown) -> None:
    shown.store.script.append("silent")
    with ThreadPoolExecutor(4) as pool:
        answers = [*pool.map(lambda _: shown.ask("verdict"), range(4))]
    assert sorted(each.status for each in answers) == [200, 200, 503, 504]


def test_an_operator_waits_for_no_film_that_keeps_its_judge_busy_and_it_is_judged_once(
    shown: Shown, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(apart, "_CPU_S", 2.0)
    monkeypatch.setattr(apart, "_CPU_S_EACH_MB", 0.0)
    judged: list[object] = []
    run = subprocess.run

    def counted(*args: Any, **more: Any) -> Any:
        judged.append(args)
        return run(*args, **more)

    monkeypatch.setattr(subprocess, "run", counted)
    bad, good, *_ = shown.parts
    shown.put(bad, hostile("signatures behind pictures", 8_000_000))
    with ThreadPoolExecutor(1) as pool:
        busy = pool.submit(shown.ask, "verdict", bad)
        wait_for(lambda: judged, what="the check")
        assert json.loads(shown.ask("verdict", good).content)["verdict"] == "authentic, alone"
        assert not busy.done()
        said = json.loads(busy.result().content)
    assert said["verdict"] is None
    assert "It could not be checked: refused: checking it takes" in said["says"][0]
    assert json.loads(shown.ask("verdict", bad).content) == said
    assert len(judged) == 2


def test_recordings_that_would_fill_the_memory_together_are_not_checked_at_the_same_time(
    shown: Shown, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other, *_ = shown.parts
    begun, go_on, run = threading.Event(), threading.Event(), subprocess.run

    def held_up_once(*args: Any, **more: Any) -> Any:
        if not begun.is_set():
            begun.set()
            assert go_on.wait(30)
        return run(*args, **more)

    monkeypatch.setattr(web, "_MOST_BYTES", len(one.content) + len(other.content) - 1)
    monkeypatch.setattr(subprocess, "run", held_up_once)
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(shown.ask, "verdict", one)
        assert begun.wait(30)
        assert shown.ask("verdict", other).status == 503
        go_on.set()
        assert [first.result().status, shown.ask("verdict", other).status] == [200, 200]


def test_an_altered_part_and_a_signer_of_another_province_are_found(shown: Shown, tmp_path: Path) -> None:
    place, content = f"/evidence/2026/{DEVICE}/{shown.parts[0].name}", bytearray(shown.parts[0].content)
    content[-100] ^= 1
    shown.store.objects[place] = [bytes(content)]
    assert json.loads(shown.ask("verdict").content)["verdict"] == "not authentic"
    shown.store.objects[place] = [shown.parts[0].content]
    shown.authority.ca.write_bytes(Authority(tmp_path / "other").ca.read_bytes())
    assert json.loads(shown.ask("verdict").content)["verdict"] == "not authentic"


def test_without_an_authority_it_says_that_nothing_was_checked(shown: Shown) -> None:
    shown.authority.ca.unlink()
    said = json.loads(shown.ask("verdict").content)
    assert said["verdict"] is None
    assert "could not be checked" in said["says"][0]
    assert "no such file" in said["says"][0]


def test_an_export_verifies_anywhere_and_names_who_took_it(
    shown: Shown, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    answer = shown.ask("export")
    assert answer.kind == "application/zip"
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        archive.extractall(tmp_path / "case")
    custody = json.loads((tmp_path / "case" / "custody.json").read_bytes())
    assert (custody["exported_by"], custody["verdict"], custody["device"]) == (
        {"login": "thandi"},
        "authentic, alone",
        DEVICE,
    )
    for name, digest in custody["files"].items():
        assert sha256((tmp_path / "case" / name).read_bytes()).hexdigest() == digest
    options = ["--ca", str(shown.authority.ca), "--device", DEVICE]
    assert main(["evidence", "verify", str(tmp_path / "case"), *options]) == 4, capsys.readouterr().out
    [look] = shown.looks()
    assert look["what"] == "export"
    assert look["objects"] == {each.name: each.sha256 for each in shown.parts}


def test_nothing_is_shown_that_can_not_be_written_down(shown: Shown) -> None:
    shown.journal.mkdir()
    for what in ("part", "export"):
        answer = shown.ask(what, shown.parts[0])
        assert answer.status == 503
        assert "the record of who looks can't be written (is a directory)" in answer.why


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/clips/",
        f"/clips/{DEVICE}/front/../../../../etc/passwd",
        f"/clips/{DEVICE}/front/part?parts=../../other/2026-11-27/22/59-58.123Z.1",
        f"/clips/{DEVICE}/front/part?parts=2026-11-27/22/59-58.123Z.1%0a",
        f"/clips/{DEVICE}/front/part?parts=2%D9%A026-11-27/22/59-58.123Z.1",
        f"/clips/{DEVICE}/front/part?parts=http://127.0.0.1/2026-11-27/22/59-58.123Z.1",
        f"/clips/{DEVICE}/front/part?parts=2026-11-27/22/59-58.123Z.1,2026-11-27/22/59-58.123Z.2",
        f"/clips/{DEVICE}/front/verdict?parts=&clip=x",
        f"/clips/{DEVICE}/front/export",
        f"/clips/{DEVICE}/front/part?parts=2026-11-27/22/59-58.123Z.1&clip=%22",
        "/clips/GP/x/y/front/part?parts=2026-11-27/22/59-58.123Z.1",
    ],
)
def test_nothing_else_can_be_reached(shown: Shown, path: str) -> None:
    assert shown.get(path).status in {400, 404}
    assert shown.store.gets == []


def test_only_nginx_says_who_asks_and_nothing_can_be_changed(shown: Shown) -> None:
    path = address("part", shown.parts[0])
    assert shown.get(path, {}).status == 403
    assert shown.get(path, {"X-Remote-User": "thandi\tx"}).status == 403
    assert shown.get(path, method="DELETE").status == 501
    assert shown.store.gets == []


@pytest.mark.parametrize(
    ("how", "status", "why"),
    [
        ("404", 404, "it is not at the store (HTTP 404 NoSuchKey)"),
        ("403", 502, "the store refuses the office's key (HTTP 403 AccessDenied)"),
        ("302", 502, "a redirect, which is never followed"),
        ("500", 502, "does not give it (HTTP 500"),
        ("garbage", 502, "its answer is none"),
        ("short", 502, "can't be read"),
        ("silent", 504, "the store does not answer in time"),
        ("drip", 504, "the store does not answer in time"),
    ],
)
def test_a_store_that_does_not_give_it_is_told_in_words(shown: Shown, how: str, status: int, why: str) -> None:
    shown.store.script.append(how)
    answer = shown.ask("part", shown.parts[0])
    assert (answer.status, why in answer.why) == (status, True), answer.why
    assert shown.looks() == []


def test_what_hangs_at_the_store_ends_a_check_too_and_the_next_one_goes_on(shown: Shown) -> None:
    shown.store.script += ["take", "silent"]
    assert shown.ask("verdict").status == 504
    assert shown.ask("verdict").status == 200


def test_a_store_that_is_gone_is_told(shown: Shown) -> None:
    shown.store.__exit__(None, None, None)
    answer = shown.ask("part", shown.parts[0])
    assert (answer.status, answer.why) == (502, "the store can't be read: connection refused")


def test_the_command_says_what_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    ca = Authority(tmp_path / "ca").ca
    journal = tmp_path / "who-looked.jsonl"
    command = ["evidence", "serve", "--store", "https://store.example/evidence", "--port", "0"]
    for variable in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(variable, raising=False)
    assert main([*command, "--ca", str(ca), "--journal", str(journal)]) == 2
    assert "the key of the store is missing" in capsys.readouterr().err
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKID")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    assert main([*command, "--ca", str(tmp_path / "none.pem"), "--journal", str(journal)]) == 2
    assert "none.pem: no such file" in capsys.readouterr().err
    assert main([*command, "--ca", str(ca), "--journal", str(tmp_path)]) == 2
    assert "is a directory" in capsys.readouterr().err
    journal.write_bytes(b'{"at":"2026')
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        assert main([*command, "--ca", str(ca), "--journal", str(journal), "--port", port]) == 2
    assert journal.read_bytes() == b'{"at":"2026\n', "the next look is a line of its own after a power cut"
