import json

import pytest

from tests.campaigns.emulation import doctor


def said(code: int, state: str, what: str = "nothing listens", do: str = "check the port") -> doctor.Doctor:
    finding = {"state": state, "what": what, "do": do}
    checks = [{"name": "broker-1", "findings": [finding]}]
    return doctor.read(code, json.dumps({"user": "agent", "summary": "", "checks": checks}))


def test_a_fault_that_it_says_is_found() -> None:
    assert str(said(1, "fail").fault("broker-1", "listens")) == "nothing listens -> check the port"


@pytest.mark.parametrize(
    ("found", "fault"),
    [
        (said(0, "fail"), "exit code 0"),
        (said(1, "warn"), "does not say 'listens'"),
        (said(1, "fail", what="refused"), "does not say 'listens'"),
        (said(1, "fail", do=""), "does not say what to do"),
    ],
)
def test_one_that_it_does_not_say_or_without_advice_is_not(found: doctor.Doctor, fault: str) -> None:
    with pytest.raises(AssertionError, match=fault):
        found.fault("broker-1", "listens")


@pytest.mark.parametrize("found", [said(1, "fail"), said(0, "fail"), said(1, "ok")])
def test_well_is_what_has_neither_a_failure_nor_an_exit_code(found: doctor.Doctor) -> None:
    with pytest.raises(AssertionError, match="exit code"):
        found.check_well()
    said(0, "warn").check_well()
