"""The short form of `make enrolment-cuts`: five cuts."""

import json
import sys
from pathlib import Path

import pytest

from tests.support.agent_process import REPOSITORY
from tests.support.run import ran


@pytest.mark.campaign
@pytest.mark.system
@pytest.mark.timeout(700)
def test_a_kiosk_that_is_cut_off_while_it_enrols_or_renews_comes_back_and_loses_no_press(tmp_path: Path) -> None:
    record = tmp_path / "cuts.json"
    command = [sys.executable, "-m", "tests.campaigns.enrolment", "--cuts", "5", "--seed", "5", "--json", record]
    done = ran(*command, cwd=REPOSITORY, timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr
    cuts = json.loads(record.read_text())["cuts"]
    assert {each["what"] for each in cuts} == {"enrol", "renew"}
    assert [each["fault"] for each in cuts] == [""] * 5
    assert all(each["certain"] >= 6 for each in cuts)
