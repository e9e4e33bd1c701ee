"""The short form of `make hostile-user`."""

import json
import sys

import pytest

from tests.support.agent_process import REPOSITORY
from tests.support.root import as_root
from tests.support.run import ran

LATE = """
import os
from pathlib import Path
from tempfile import TemporaryDirectory
from agent.__main__ import main
from tests.cli.test_enrol import SETTINGS

fsync = os.fsync

def exchanged_as_soon_as_it_is_written(number):
    fsync(number)
    for each in state.glob("from-afar.json.*"):
        each.unlink()
        each.symlink_to(shadow)

with TemporaryDirectory(dir="/tmp") as base:
    os.chmod(base, 0o755)
    config, state, shadow = (Path(base, name) for name in ("edge-agent.toml", "state", "shadow"))
    config.write_text(SETTINGS.format(state=state, keys=config.with_name("command-keys.json")))
    shadow.write_text("root's own")
    state.mkdir()
    os.chown(state, 47_123, 65_534)
    os.fsync = exchanged_as_soon_as_it_is_written
    if (pid := os.fork()) == 0:
        os._exit(main(["config-reset", "--config", str(config)]))
    print(os.waitpid(pid, 0)[1], (state / "from-afar.json").is_symlink(), shadow.stat().st_uid)
"""


def test_the_services_user_becomes_no_owner_of_roots_file_by_a_link_in_the_place_of_the_new_settings() -> None:
    """The campaign's attacker has the luck for this in one try of two."""
    done = ran(*as_root(sys.executable, "-c", LATE), cwd=REPOSITORY)
    assert done.stdout.splitlines()[-1] == "0 True 0", done.stdout + done.stderr


@pytest.mark.timeout(400)
def test_the_services_user_gets_nothing_of_roots_by_exchanging_files_beside_roots_commands() -> None:
    done = ran(
        *as_root(sys.executable, "-m", "tests.campaigns.hostile_user", "--tries", "8"), cwd=REPOSITORY, timeout=380
    )
    seen = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    assert len(seen) == 9, done.stdout + done.stderr
    assert {each["command"]: each["harmed"] for each in seen if each["harmed"]} == {}
    # Where nobody is beside them, they do their work.
    work = {"config-reset", "enrol", "decommission"}
    assert {each["command"]: each["alone"] for each in seen if each["command"] in work} == dict.fromkeys(work, "code 0")
