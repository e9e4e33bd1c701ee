"""The short form of `make hostile-user`."""

import json
import sys

import pytest

from tests.support.agent_process import REPOSITORY
from tests.support.root import as_root
from tests.support.run import ran


@pytest.mark.timeout(400)
def test_the_services_user_gets_nothing_of_roots_by_exchanging_files_beside_roots_commands() -> None:
    done = ran(
        *as_root(sys.executable, "-m", "tests.campaigns.hostile_user", "--tries", "8"), cwd=REPOSITORY, timeout=380
    )
    seen = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    assert len(seen) == 9, done.stdout + done.stderr
    assert {each["command"]: each["harmed"] for each in seen if each["harmed"]} == {}
    # Each command does its work as well, where it is left alone for long enough.
    assert all(
        "code 0" in each["ends"] for each in seen if each["command"] in {"config-reset", "enrol", "decommission"}
    )
