"""The short form of `make evidence`: 200 alterations, and three power cuts where root runs it."""

import os
import sys

import pytest

from tests.support.agent_process import REPOSITORY
from tests.support.run import ran


@pytest.mark.campaign
@pytest.mark.timeout(700)
def test_alterations_are_found_and_power_cuts_leave_what_was_synced() -> None:
    cuts = 3 if os.geteuid() == 0 else 0
    command = [sys.executable, "-m", "tests.campaigns.evidence", "--alterations", "200", "--untouched", "10"]
    done = ran(*command, "--seed", "5", "--cuts", str(cuts), cwd=REPOSITORY, timeout=600)

    assert done.returncode == 0, done.stdout + done.stderr
    assert "200 of 200 alterations found, each with its place\n0 of 10 untouched clips refused" in done.stdout
    assert not cuts or "3 of 3 power cuts left every clip up to its last synced fragment" in done.stdout
