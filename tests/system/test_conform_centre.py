"""`edge-centre conform centre` against a subscriber that is right, and one that is not."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from agent.trust.jose_keys import KeyRing, PrivateKey
from agent.trust.tls_context import TlsFiles
from edge_centre.__main__ import main
from edge_centre.conform import answering, centre, fleet, oversize
from edge_centre.conform.verdict import Finding, name_of
from edge_centre.key_files import make_key, private_path
from tests.support.mosquitto import Mosquitto
from tests.support.naive_subscriber import NAME, HastySubscriber, NaiveSubscriber
from tests.support.subscriber import Subscriber

pytestmark = pytest.mark.grading

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "conformance.md"
SOON = "import edge_centre.adapters.paho_centre as paho_centre\npaho_centre.REPEAT_S = 3.0\n"
"""The example repeats its own state sooner than once a minute, and says so every other thing as it stands."""
WRONG_OF_THE_NAIVE = {
    "duplicates": {"counts a duplicate as another alarm", "counts an event that came twice as two"},
    "disorder": {"takes what came last for the newest: the alarm is registered"},
    "historical": {"does not call people once for an open alarm that is late"},
    "exercise": {"would send somebody out to an exercise or a test"},
    "reraised": {
        "counts an alarm that raises itself again as another one",
        "does not ring again when an alarm raises itself again",
        "shows a holder after the alarm has raised itself again",
        "shows an alarm that raises itself again as answered",
    },
    "holder": {"gives an alarm back to whoever had it before"},
    "lost-will": {"takes an old will for the loss of the device"},
    "two-brokers": {
        "counts an alarm that came by two brokers twice",
        "counts an event that came by two brokers twice",
    },
    "node-lost": {
        "counts an event that is repeated late",
        "opens a closed alarm for a message that is repeated",
    },
    "clock-of-1970": {"does not show an alarm of a device whose clock is not set", "orders by a clock that is not set"},
    "new-epoch": {
        "drops an alarm of an earlier epoch",
        "does not say that the device has lost it",
        "takes a will of an earlier epoch for the loss of the device",
    },
    "garbage": {"does not report what is none of the contract", "shows an alarm with a field of the wrong type"},
    "picture": {"does not report a picture in place of a message"},
    "wrong-source": {
        "believes a device about another one",
        "takes a device for lost because another one says so",
    },
    "vanished": {"lets an alarm disappear that nobody has closed", "does not say that the device has lost it"},
    "only-listed": {"does not show an alarm that it knows from the list only"},
    "host-state": {f"does not say at every broker, on edge/v1/host/{NAME}/state, that it watches"},
    "self-test": {"does not answer the alarm of a self-test"},
    "open-again": {"does not show an alarm that speaks after its close"},
    "pressed-since": {"does not show a press after the close", "does not ring for a press after the close"},
    "hole": {"does not notice that a message was lost"},
    "lost-for-good": {"does not notice that the last message was lost"},
}


@pytest.fixture
def key(tmp_path: Path) -> PrivateKey:
    return make_key("operator", tmp_path / "keys")


@pytest.fixture
def example(tmp_path: Path, key: PrivateKey, first: Mosquitto, second: Mosquitto) -> Iterator[None]:
    """The page's program, running at both brokers."""
    found = re.search(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert found is not None, "the page has no program"
    assert len(found[1].split("\n")) < 90
    program = tmp_path / "example.py"
    program.write_text(SOON + found[1], encoding="utf-8")
    words = (sys.executable, "-W", "error", program, private_path(tmp_path / "keys", key), first.url, second.url)
    process = subprocess.Popen(words, stdin=subprocess.PIPE, cwd=ROOT, env={"PYTHONPATH": str(ROOT)})
    try:
        yield
    finally:
        process.communicate()
        assert process.returncode == 0


def graded(directory: Path, key: PrivateKey, *brokers: Mosquitto, more: Sequence[str] = ()) -> tuple[int, Any]:
    """The exit code of `conform centre`, and the report that it has written."""
    out = directory / "report.json"
    where = [word for broker in brokers for word in ("--broker", broker.url)]
    signed = ["--key", str(private_path(directory / "keys", key)), "--report", str(out)]
    code = main(["conform", "centre", *where, *signed, *more])
    return code, json.loads(out.read_text()) if out.exists() else None


def verify(directory: Path) -> int:
    return main(["conform", "verify", str(directory / "report.json"), "--keys", str(directory / "keys" / "keys.json")])


def test_the_example_passes_every_scenario(
    tmp_path: Path,
    key: PrivateKey,
    example: None,
    first: Mosquitto,
    second: Mosquitto,
    capfd: pytest.CaptureFixture[str],
) -> None:
    code, written = graded(tmp_path, key, first, second)
    findings = written["report"]["findings"]
    assert {each["name"]: each["faults"] for each in findings if each["verdict"] != "passed"} == {}
    assert len(findings) == 1 + len(centre.SCENARIOS)
    assert code == 0
    assert (written["report"]["subject"], written["report"]["passed"]) == ("example-centre", True)
    said = capfd.readouterr().out
    assert "\x1b" not in said, "there is no terminal"
    assert f"{len(findings)} of {len(findings)} passed" in said
    assert verify(tmp_path) == 0


def test_a_naive_subscriber_is_told_what_it_does_wrong_scenario_by_scenario(
    tmp_path: Path, key: PrivateKey, first: Mosquitto, second: Mosquitto, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fleet, "PATIENCE_S", 4.0)
    with NaiveSubscriber(first.port, second.port):
        code, written = graded(tmp_path, key, first, second)
    faults = {each["name"]: set(each["faults"]) for each in written["report"]["findings"] if each["faults"]}
    assert code == 1
    assert faults == WRONG_OF_THE_NAIVE
    assert written["report"]["subject"] == NAME
    assert verify(tmp_path) == 1


def test_a_hasty_subscriber_is_told_what_it_does_wrong_where_the_naive_one_is_right(
    tmp_path: Path, key: PrivateKey, first: Mosquitto, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fleet, "PATIENCE_S", 4.0)
    monkeypatch.setattr(answering, "_AGAIN_S", 4.0)
    wrong = {
        "listens": {"calls missing what was said before it began to listen"},
        "unknown-fields": {"refuses a message with fields that it does not know"},
        "unknown-types": {"calls a message of an unknown type missing"},
        "no-answer-by-itself": {"answers an alarm that no person has seen"},
        "late": {"calls a number missing at once: it may come within 4 s"},
        "skipped": {"calls numbers missing that were never given"},
        "self-test": {"does not repeat an ack until its result"},
        "too-large": {oversize.FAULT},
    }
    untold = {name_of(each) for each in centre.SCENARIOS} - WRONG_OF_THE_NAIVE.keys()
    assert wrong.keys() > untold, "each scenario finds something wrong with one or the other"
    with HastySubscriber(key, first.port):
        code, written = graded(tmp_path, key, first, more=[word for name in wrong for word in ("--only", name)])
    assert code == 1
    assert {each["name"]: set(each["faults"]) for each in written["report"]["findings"] if each["faults"]} == wrong


def test_an_ack_that_no_device_would_take_is_named_with_the_reason(
    tmp_path: Path,
    example: None,
    first: Mosquitto,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(fleet, "PATIENCE_S", 2.0)
    stranger = make_key("operator", tmp_path / "keys")
    with Subscriber(first.port) as other:
        other.publish("edge/v1/conform/of-an-earlier-run/view", json.dumps({"device": "d"}), retain=True)
    code, written = graded(tmp_path, stranger, first, more=["--only", "self-test", "--only", "two-brokers"])
    found = {each["name"]: each for each in written["report"]["findings"]}
    assert found["self-test"]["faults"][0] == "does not answer the alarm of a self-test"
    assert "its ack is refused: unknown-key" in found["self-test"]["faults"][1]
    assert found["two-brokers"]["verdict"] == "not-tried"
    assert found["result-topic"]["verdict"] == "passed"
    assert code == 1
    said = capsys.readouterr().err
    assert "self-test: failed\n" in said, "somebody waits for it, at a terminal or not"
    assert verify(tmp_path) == 1
    assert "\nnot tried: two-brokers, listens, duplicates, " in capsys.readouterr().out


def test_without_a_subscriber_or_with_a_view_of_another_form_it_says_what_to_do(
    tmp_path: Path,
    key: PrivateKey,
    first: Mosquitto,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(centre, "FIRST_WORD_S", 0.5)
    assert graded(tmp_path, key, first) == (1, None)
    assert "nobody says anything on edge/v1/conform/CENTRE/view: start your subscriber first" in capsys.readouterr().err
    with Subscriber(first.port) as other:
        other.publish("edge/v1/conform/x/view", json.dumps({"device": "d"}), retain=True)
    assert graded(tmp_path, key, first) == (1, None)
    assert "that can be read (online is missing)" in capsys.readouterr().err


def test_whoever_has_had_enough_waits_for_no_scenario_and_leaves_nothing_at_the_broker(
    first: Mosquitto, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fleet, "PATIENCE_S", 600.0)  # longer than a test may take

    def enough(_: Finding) -> None:
        raise KeyboardInterrupt

    with NaiveSubscriber(first.port), pytest.raises(KeyboardInterrupt):
        centre.grade([first.url], TlsFiles(), "edge/v1", KeyRing(), on_finding=enough)
    with Subscriber(first.port, ["edge/v1/#"]) as later:
        later.sync()
        assert [heard.topic for heard in later.heard if heard.retain and heard.payload] == []


def test_a_scenario_that_does_not_exist_is_bad_usage(tmp_path: Path, key: PrivateKey, first: Mosquitto) -> None:
    assert graded(tmp_path, key, first, more=["--only", "duplicate"]) == (2, None)
