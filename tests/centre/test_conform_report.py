"""The report of a grading: signed, and worth nothing once it was changed."""

import json
from pathlib import Path

import pytest

from agent.contract.errors import EdgeAgentError
from agent.trust.jose_keys import KeyRing, PrivateKey, sign
from edge_centre.conform.report import Report, untried, verified
from edge_centre.conform.verdict import Finding

KEY = PrivateKey.generate("operator", "office")
PASSED = Finding("disorder", "a late message", "passed", took_ms=12)
FAILED = Finding("duplicates", "twice", "failed", ["counts a duplicate as another alarm, ä"])
UNTRIED = Finding("two-brokers", "by both", "not-tried", ["takes two brokers"])


def report(*findings: Finding) -> Report:
    return Report("centre", "jhb-centre", ["mqtt://127.0.0.1:1883"], findings)


def ring(*keys: PrivateKey) -> KeyRing:
    found = KeyRing()
    found.take([key.public().as_jwk() for key in keys], 1)
    found.reload()
    return found


@pytest.mark.parametrize(
    ("findings", "passed"),
    [((PASSED,), True), ((PASSED, UNTRIED), True), ((PASSED, FAILED), False), ((UNTRIED,), False), ((), False)],
)
def test_a_report_has_passed_when_something_was_tried_and_nothing_failed(
    findings: tuple[Finding, ...], passed: bool
) -> None:
    assert report(*findings).passed is passed


def test_the_summary_names_what_failed_and_what_was_not_tried() -> None:
    assert report(PASSED, FAILED, UNTRIED).summary == "1 of 3 passed; failed: duplicates; not tried: two-brokers"


def test_what_was_left_out_is_counted_by_the_summary_and_named_by_the_file(tmp_path: Path) -> None:
    partial = Report("centre", "jhb-centre", [], [PASSED, UNTRIED], left_out=["listens", "late"])
    assert partial.summary == "1 of 2 passed; not tried: two-brokers; 2 left out"
    partial.write(tmp_path / "out.json", KEY)
    assert untried(verified(tmp_path / "out.json", ring(KEY))[0]) == ["two-brokers", "listens", "late"]


def test_a_report_says_who_has_signed_it(tmp_path: Path) -> None:
    report(PASSED, FAILED).write(tmp_path / "out.json", KEY)
    content, signer = verified(tmp_path / "out.json", ring(PrivateKey.generate("admin"), KEY))
    assert signer == f"{KEY.kid} of office"
    assert content["passed"] is False
    assert content["findings"][1]["faults"] == FAILED.faults


def spoilt(text: str, tmp_path: Path) -> str:
    (tmp_path / "out.json").write_text(text, encoding="utf-8")
    with pytest.raises(EdgeAgentError) as told:
        verified(tmp_path / "out.json", ring(KEY))
    assert str(told.value).startswith(f"{tmp_path}/out.json: ")
    return str(told.value)


def test_a_report_that_was_changed_is_refused(tmp_path: Path) -> None:
    report(PASSED, FAILED).write(tmp_path / "out.json", KEY)
    text = (tmp_path / "out.json").read_text(encoding="utf-8")
    assert "changed" in spoilt(text.replace('"failed"', '"passed"'), tmp_path)
    assert "changed" in spoilt(text.replace("jhb-centre", "cpt-centre"), tmp_path)
    signature = json.loads(text)["signature"]
    spoiled = f"{signature[:-20]}{'B' if signature[-20] == 'A' else 'A'}{signature[-19:]}"
    assert "signature is not that of key" in spoilt(text.replace(signature, spoiled), tmp_path)


def test_a_report_of_a_stranger_is_refused(tmp_path: Path) -> None:
    report(PASSED).write(tmp_path / "out.json", PrivateKey.generate("operator"))
    assert "is not known" in spoilt((tmp_path / "out.json").read_text(encoding="utf-8"), tmp_path)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"report": 1, "signature": 2}', '{"report": {}, "signature": "é"}'])
def test_what_is_no_report_is_called_so(text: str, tmp_path: Path) -> None:
    assert "this is no report of edge-centre conform" in spoilt(text, tmp_path)


def test_a_signed_command_is_no_signature_of_a_report(tmp_path: Path) -> None:

    report(PASSED).write(tmp_path / "out.json", KEY)
    content = json.loads((tmp_path / "out.json").read_text(encoding="utf-8"))
    content["signature"] = sign({"cmd_id": "c", "name": "ping"}, KEY).decode()
    assert "changed" in spoilt(json.dumps(content), tmp_path)
