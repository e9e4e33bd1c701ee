"""docs/how-to/run-a-control-room.md, from nothing to a first answered alarm, word by word."""

import sys
from pathlib import Path

import pytest

from tests.control_room.guide import ROOT
from tests.support.root import as_root
from tests.support.run import ran

_NAMESPACES = ("unshare", "--fork", "--pid", "--kill-child", "--mount", "--net", "--mount-proc")


@pytest.mark.timeout(180)
def test_whoever_does_what_the_page_says_answers_a_first_alarm(built_page: Path, tmp_path: Path) -> None:
    program = (sys.executable, "-m", "tests.control_room.guide", tmp_path)
    done = ran(*as_root(*_NAMESPACES, *map(str, program)), cwd=ROOT, timeout=150)
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-4000:]
