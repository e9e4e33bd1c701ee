"""The user that the service runs as: who it is, and how the doctor takes its rights."""

import grp
import os
import pwd
import stat
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

SERVICE_USER = "edge-agent"
SETTINGS = Path("/etc/edge-agent")


@dataclass(frozen=True, slots=True)
class Account:
    """A user of this machine. `groups` holds every group, the primary one too."""

    name: str
    uid: int
    gid: int
    home: str
    groups: frozenset[int]


def find(name: str, more_groups: frozenset[str] = frozenset()) -> Account | None:
    """Return the user, with its groups and those of `more_groups` that exist; None when there is no such user."""
    try:
        entry = pwd.getpwnam(name)
    except KeyError:
        return None
    groups = frozenset(os.getgrouplist(name, entry.pw_gid))
    known = {each.gr_name: each.gr_gid for each in grp.getgrall()}
    return Account(
        name, entry.pw_uid, entry.pw_gid, entry.pw_dir, groups | {known[n] for n in more_groups & known.keys()}
    )


def missing_groups(account: Account, names: Iterable[str]) -> list[str]:
    """Return those of `names` that are groups of this machine and that the account is not in."""
    known = {each.gr_name: each.gr_gid for each in grp.getgrall()}
    return sorted(name for name in names if name in known and known[name] not in account.groups)


def own_name() -> str:
    """Return the name of the user that this process runs as."""
    return _user_name(os.geteuid())


def is_root() -> bool:
    """Whether this process may become any user."""
    return os.geteuid() == 0


def become(account: Account) -> None:
    """Switch to the rights of `account`, for good. Raises OSError."""
    os.setgroups(sorted(account.groups))
    os.setresgid(account.gid, account.gid, account.gid)
    os.setresuid(account.uid, account.uid, account.uid)
    os.environ["HOME"] = account.home
    os.environ.pop("XDG_CACHE_HOME", None)


def group_of(user: str) -> str:
    """Return the primary group of a user; the user's own name if there is no such user."""
    found = find(user)
    return user if found is None else _group_name(found.gid)


def why_denied(path: Path, service: str) -> tuple[str, str]:
    """Return what keeps this user out of a file, a directory or a device, and what to do about it.

    `service` is the user that the service runs as. It may be right that another user is kept out: only what keeps the
    service out needs mending, and only in a way that takes no right from anybody.
    """
    user = own_name()
    for place in (*reversed(path.absolute().parents), path):
        try:
            about = place.stat()
        except OSError:
            continue
        if place == path or not os.access(place, os.X_OK):
            owner = f"{_user_name(about.st_uid)}:{_group_name(about.st_gid)}, {stat.filemode(about.st_mode)}"
            what = f"user {user} may not use {place}: it belongs to {owner}"
            return what, _let_in(service, path, place, about) if user == service else _SUDO.format(service=service)
    return f"user {user} may not use {path}", "check with `ls -l`" if user == service else _SUDO.format(service=service)


_SUDO = "run it with sudo: then it has the rights of {service}, the service's user"


def _let_in(user: str, path: Path, place: Path, about: os.stat_result) -> str:
    """Return how to let `user` in; `place` is `path`, or a directory above it that bars the way."""
    group = group_of(user)
    if stat.S_ISCHR(about.st_mode):
        if not about.st_mode & stat.S_IRGRP or about.st_gid == 0:
            return "give it a group by a udev rule, as the package does, and reboot"
        its = _group_name(about.st_gid)
        return f"`sudo usermod -aG {its} {user}`, then `sudo systemctl try-restart edge-agent`"
    if place.is_relative_to(SETTINGS):
        return f"`sudo chgrp {group} {place} && sudo chmod g+rX {place}`"
    if stat.S_ISDIR(about.st_mode):
        return f"put {path.name} where user {user} may read it, and give that path in the settings"
    copy = f"`sudo install -m 640 -g {group} {path} {SETTINGS}/`"
    return f"{copy}, and name {SETTINGS / path.name} in the settings"


def _user_name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def _group_name(gid: int) -> str:
    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return str(gid)
