"""docs/how-to/run-a-control-room.md, from nothing to a first answered alarm, word by word."""

import sys
from pathlib import Path

import pytest

from tests.control_room.conftest import built_page
from tests.docs.control_room_guide import ROOT
from tests.support.root import as_root
from tests.support.run import ran

pytestmark = pytest.mark.enrolment

__all__ = ["built_page"]
_NAMESPACES = ("unshare", "--fork", "--pid", "--kill-child", "--mount", "--net", "--mount-proc")


@pytest.mark.timeout(180)
def test_whoever_does_what_the_page_says_answers_a_first_alarm(built_page: Path, tmp_path: Path) -> None:
    program = (sys.executable, "-m", "tests.docs.control_room_guide", tmp_path)
    done = ran(*as_root(*_NAMESPACES, *map(str, program)), cwd=ROOT, timeout=150)
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-4000:]
