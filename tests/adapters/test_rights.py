"""What root may do in a directory of another user's. Most of it needs root, or a sudo without a password."""

import os
import sys
from pathlib import Path

import pytest

from agent.adapters import rights
from agent.core.errors import StorageError
from agent.trust.whole_file import read_file
from tests.support.agent_process import REPOSITORY
from tests.support.root import as_root
from tests.support.run import ran

UID = 47_123


def as_roots_program(tmp_path: Path, *lines: str) -> str:
    """Run a program as root that has the state directory of another user; return what it says."""
    program = (
        "import os, pathlib, tempfile, shutil, sys",
        "from agent.adapters.rights import *",
        "from agent.adapters.rights import _walked",
        "base = pathlib.Path(tempfile.mkdtemp())",
        "base.chmod(0o755)",
        "roots, state = base / 'roots', base / 'state'",
        "roots.mkdir(mode=0o700); state.mkdir(); (roots / 'shadow').write_text('x'); (state / 'in').mkdir()",
        f"[os.chown(each, {UID}, {UID}) for each in (state, state / 'in')]",
        "if pid := os.fork(): os.waitpid(pid, 0); shutil.rmtree(base); sys.exit()",
        *lines,
    )
    done = ran(*as_root(sys.executable, "-c", "\n".join(program)), cwd=REPOSITORY, env={**os.environ, "TMPDIR": "/tmp"})
    return done.stdout + done.stderr


def test_whoever_owns_the_first_place_on_the_way_rules_what_a_path_leads_to(tmp_path: Path) -> None:
    said = as_roots_program(
        tmp_path,
        "(state / 'link').symlink_to(roots)",
        "(base / 'roots-own').symlink_to(state / 'in')",
        "(base / 'loop').symlink_to(base / 'loop')",
        f"print([ruler(each) == {UID} for each in (state, state / 'in', state / 'link' / 'shadow', state / 'none',"
        " base / 'roots-own' / 'x', state / 'in' / '..' / '..' / 'roots')])",
        "print([ruler(each) for each in (roots, roots / 'none', base / 'none' / 'none')])",
        "for each in (base / 'loop', state / 'link'):",
        "    try: opened(each)",
        "    except OSError as error: print(error.strerror)",
        "print(len(os.listdir(opened(base / 'roots-own' / '..'))))",
    )
    assert said.splitlines() == [
        str([True] * 6),
        "[0, 0, 0]",
        "too many levels of symbolic links",
        "a link of another user, which root does not follow",
        "2",
    ]


def test_in_anothers_directory_root_does_nothing_that_its_owner_could_not_do(tmp_path: Path) -> None:
    said = as_roots_program(
        tmp_path,
        "from agent.core.errors import EdgeAgentError, UsageError",
        "def tried(do, **limits):",
        "    try: print(as_owner(state, do, **limits))",
        "    except EdgeAgentError as error: print(type(error).__name__, str(error).replace(str(base), 'BASE'))",
        "tried(lambda: [*os.getresuid(), *os.getresgid(), *os.getgroups()])",
        "tried(lambda: os.listdir(roots))",
        "def refuse(): raise UsageError('why')",
        "tried(refuse)",
        "os.mkfifo(state / 'fifo'); os.chmod(state / 'fifo', 0o666)",
        "tried(lambda: (state / 'fifo').read_text(), limit_s=0.2)",
        "tried(lambda: os.kill(os.getpid(), 9))",
        "tried(lambda: len(bytearray(1 << 33)))",
        "tried(lambda say: [say('one'), say('two')], note=lambda text: print(text, os.getuid()))",
        "print(os.getresuid(), as_owner(roots, lambda: os.getuid()))",
        "give_up_root(roots); give_up_root(state); print(os.getresuid())",
    )
    assert said.splitlines() == [
        f"[{UID}, {UID}, {UID}, 65534, 65534, 65534, 65534]",
        "EdgeAgentError PermissionError: [Errno 13] Permission denied: 'BASE/roots'".replace("BASE", "BASE"),
        "UsageError why",
        "StorageError BASE/state did not answer within 0.2 s: check what is in it",
        f"StorageError the part that runs as {UID} in BASE/state was ended by SIGKILL: run the command again",
        "StorageError a file is far larger than it should be: check what is there",
        "one 0",
        "two 0",
        "[None, None]",
        "(0, 0, 0) 0",
        f"({UID}, {UID}, {UID})",
    ]


def test_whoever_is_not_root_stays_who_they_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr(rights, "ruler", lambda _: pytest.fail("nobody asks whose it is"))
    rights.give_up_root(tmp_path)
    assert rights.as_owner(tmp_path, os.getpid) == os.getpid()


@pytest.mark.parametrize(("size", "most"), [(0, 0), (7, 7), (8, 7)])
def test_a_file_is_read_up_to_its_limit_and_nothing_else_is_waited_for(tmp_path: Path, size: int, most: int) -> None:
    (file := tmp_path / "file").write_bytes(b"x" * size)
    if size <= most:
        assert read_file(file, most) == b"x" * size
    else:
        with pytest.raises(OSError, match="has more than 7 bytes"):
            read_file(file, most)
    os.mkfifo(tmp_path / "fifo")
    for each in (tmp_path / "fifo", Path("/dev/zero")):
        with pytest.raises(OSError, match="is no file"):
            read_file(each)


def test_a_place_that_can_not_be_looked_at_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_: Path) -> int:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(rights, "ruler", broken)
    with pytest.raises(StorageError, match="input/output error"):
        rights.give_up_root(tmp_path)
