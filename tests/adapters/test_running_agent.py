import fcntl
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from agent.adapters.running_agent import RunningAgent, find_agent, keep_agents_out
from agent.core.errors import DirectoryInUseError, StorageError
from agent.outbox.state_directory import StateDirectory


def test_without_a_lock_no_agent_runs(tmp_path: Path) -> None:
    assert find_agent(tmp_path / "nothing") is None
    (tmp_path / "agent.lock").touch()
    assert find_agent(tmp_path) is None


def test_the_process_that_holds_the_lock_is_found_without_touching_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with (tmp_path / "agent.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        before = file.fileno(), os.fstat(file.fileno()).st_mtime_ns
        found = find_agent(tmp_path)
        assert before == (file.fileno(), os.fstat(file.fileno()).st_mtime_ns)
    assert found is not None
    assert (found.pid, found.simulated) == (os.getpid(), False)
    assert find_agent(tmp_path) is None


def test_an_agent_is_kept_out_as_long_as_its_lock_is_held_and_nothing_is_made(tmp_path: Path) -> None:
    with keep_agents_out(tmp_path), keep_agents_out(tmp_path / "nothing"):
        assert list(tmp_path.iterdir()) == []
    with StateDirectory(tmp_path).claim(), pytest.raises(DirectoryInUseError):
        keep_agents_out(tmp_path)
    with keep_agents_out(tmp_path), pytest.raises(DirectoryInUseError):
        StateDirectory(tmp_path).claim()
    StateDirectory(tmp_path).claim().close()


def proc_with(tmp_path: Path, environ: bytes | None) -> Path:
    """A /proc in which process 812 holds the lock and another waits for it."""
    about = (tmp_path / "agent.lock").stat()
    place = f"{os.major(about.st_dev):02x}:{os.minor(about.st_dev):02x}:{about.st_ino}"
    process = tmp_path / "proc" / "812"
    process.mkdir(parents=True)
    (process / "cmdline").write_bytes(b"edge-agent\0run\0--simulate\0")
    (process / "status").write_text(f"Name:\tedge-agent\nUid:\t{os.geteuid()}\t{os.geteuid()}\n")
    if environ is not None:
        (process / "environ").write_bytes(environ)
    locks = f"1: POSIX  ADVISORY  WRITE 99 {place} 0 EOF\n2: FLOCK  ADVISORY  WRITE 812 {place} 0 EOF\n"
    (tmp_path / "proc" / "locks").write_text(f"{locks}2: -> FLOCK  ADVISORY  WRITE 813 {place} 0 EOF\n")
    return tmp_path / "proc"


@pytest.mark.parametrize(
    ("environ", "runtime"),
    [
        (b"A=1\0RUNTIME_DIRECTORY=/run/edge-agent:/run/other\0", Path("/run/edge-agent")),
        (b"A=1\0", Path()),
        (None, None),
    ],
)
def test_where_it_tells_of_itself_is_read_from_its_environment(
    tmp_path: Path, environ: bytes | None, runtime: Path | None
) -> None:
    (tmp_path / "agent.lock").touch()
    found = find_agent(tmp_path, proc_with(tmp_path, environ))
    assert found == RunningAgent(812, simulated=True, runtime_directory=runtime)


def test_root_believes_no_process_of_another_user_about_where_it_writes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "agent.lock").touch()
    proc = proc_with(tmp_path, b"RUNTIME_DIRECTORY=/root\0")
    (proc / "812/status").write_text("Uid:\t1000\t1000\n")
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert find_agent(tmp_path, proc) == RunningAgent(812, simulated=True, runtime_directory=None)


@pytest.mark.parametrize("made_by", [os.symlink, os.link])
def test_a_lock_that_leads_to_another_programs_names_no_process_as_the_agent(
    tmp_path: Path, made_by: Callable[[Path, Path], None]
) -> None:
    (tmp_path / "state").mkdir()
    with (tmp_path / "other.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        made_by(tmp_path / "other.lock", tmp_path / "state/agent.lock")
        for look in (find_agent, keep_agents_out):
            with pytest.raises(StorageError, match=r"agent\.lock"):
                look(tmp_path / "state")


def test_a_fifo_in_the_place_of_the_lock_holds_nobody_up(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "agent.lock")
    for look in (find_agent, keep_agents_out):
        with pytest.raises(StorageError, match=r"agent\.lock"):
            look(tmp_path)


def test_a_directory_that_can_not_be_looked_into_is_told(tmp_path: Path) -> None:
    loop = tmp_path / "loop"
    loop.symlink_to(loop)
    with pytest.raises(StorageError, match="can't be read"):
        find_agent(loop)
    with pytest.raises(StorageError, match="can't be read"):
        keep_agents_out(loop)
