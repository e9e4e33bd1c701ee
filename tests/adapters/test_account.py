import grp
import os
import pwd
import stat
import sys
from pathlib import Path

import pytest

from agent.adapters import account
from tests.support.doctor import plain_user
from tests.support.run import ran


def test_a_user_is_found_with_its_groups() -> None:
    me = pwd.getpwuid(os.geteuid())
    found = account.find(me.pw_name)
    assert found is not None
    assert (found.uid, found.gid, found.home) == (me.pw_uid, me.pw_gid, me.pw_dir)
    assert me.pw_gid in found.groups
    assert account.own_name() == me.pw_name


def test_a_user_that_is_not_there_is_none() -> None:
    assert account.find("edge-nobody") is None


def test_the_groups_of_the_unit_count_and_those_that_the_machine_has_not_are_passed_over() -> None:
    found = account.find(plain_user(), frozenset({"tty", "no-such-group"}))
    assert found is not None
    assert account.missing_groups(found, ["tty", "no-such-group"]) == []
    alone = account.find(plain_user())
    assert alone is not None
    assert account.missing_groups(alone, ["tty", "no-such-group"]) == ["tty"]


def test_the_rights_of_a_user_are_taken_with_its_home_and_nothing_is_left_of_the_old_ones() -> None:
    """In a process of its own. Whoever is not root takes their own."""
    program = (
        "import os; from agent.adapters import account\n"
        f"found = account.find({plain_user()!r})\n"
        "os.setgroups = os.setgroups if account.is_root() else (lambda groups: None)\n"
        "account.become(found)\n"
        "print(os.getresuid() == (found.uid,) * 3, os.getresgid() == (found.gid,) * 3,"
        " os.environ['HOME'] == found.home, 'XDG_CACHE_HOME' in os.environ, 0 in os.getgroups())"
    )
    changes = {"XDG_CACHE_HOME": "/somebody/elses", "PYTHONPATH": str(Path(__file__).parents[2])}
    done = ran(sys.executable, "-c", program, env={**os.environ, **changes})
    assert done.stdout.split() == ["True", "True", "True", "False", "False"], done.stderr


@pytest.mark.parametrize(
    ("group", "mode", "do"),
    [
        ("tty", 0o660, "`sudo usermod -aG tty "),
        ("tty", 0o600, "give it a group by a udev rule"),
        ("root", 0o660, "give it a group by a udev rule"),
    ],
)
def test_for_a_device_its_group_is_the_way_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, group: str, mode: int, do: str
) -> None:
    """A node that only root could make; what the kernel tells of one is told here."""
    node = tmp_path / "gpiochip0"
    real = Path.stat

    def told(path: Path, *, follow_symlinks: bool = True) -> os.stat_result:
        if path == node:
            return os.stat_result((stat.S_IFCHR | mode, 1, 1, 1, 0, grp.getgrnam(group).gr_gid, 0, 0, 0, 0))
        return real(path, follow_symlinks=follow_symlinks)

    monkeypatch.setattr(Path, "stat", told)
    what, todo = account.why_denied(node, account.own_name())
    assert f"may not use {node}: it belongs to root:{group}, c" in what
    assert todo.startswith(do)


def test_whoever_is_not_the_service_is_told_to_use_sudo_and_nothing_that_would_change_a_right(tmp_path: Path) -> None:
    file = tmp_path / "keys.json"
    file.touch(mode=0o600)
    what, todo = account.why_denied(file, "edge-agent")
    assert f"{account.own_name()} may not use {file}: it belongs to {account.own_name()}:" in what
    assert what.endswith("-rw-------")
    assert todo == "run it with sudo: then it has the rights of edge-agent, the service's user"
    what, todo = account.why_denied(tmp_path / "gone", "edge-agent")
    assert (what.endswith("gone"), "sudo" in todo) == (True, True)


def test_a_file_that_the_service_may_not_read_is_copied_to_its_settings_and_stays_as_it_is(tmp_path: Path) -> None:
    file = tmp_path / "keys.json"
    file.touch(mode=0o600)
    _, todo = account.why_denied(file, account.own_name())
    group = account.group_of(account.own_name())
    assert todo.startswith(
        f"`sudo install -m 640 -g {group} {file} /etc/edge-agent/`, and name /etc/edge-agent/keys.json"
    )


def test_in_the_settings_directory_the_group_of_the_service_gets_in_and_nobody_loses_a_right(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(account, "SETTINGS", tmp_path)
    file = tmp_path / "device.key"
    file.touch(mode=0o600)
    _, todo = account.why_denied(file, account.own_name())
    group = account.group_of(account.own_name())
    assert todo == f"`sudo chgrp {group} {file} && sudo chmod g+rX {file}`"
