"""The user that the service runs as: who it is, and to have its rights while the doctor looks."""

import grp
import os
import pwd
import stat
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Account:
    """A user of this machine. `groups` holds every group, the first one too."""

    name: str
    uid: int
    gid: int
    home: str
    groups: frozenset[int]


def find(name: str, more_groups: frozenset[str] = frozenset()) -> Account | None:
    """The user of that name, with its groups and those of `more_groups` that exist; None when there is no such user."""
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
    """Those of these groups that this machine has, and the account is not in."""
    known = {each.gr_name: each.gr_gid for each in grp.getgrall()}
    return sorted(name for name in names if name in known and known[name] not in account.groups)


def own_name() -> str:
    """Who this process is."""
    return _user_name(os.geteuid())


def is_root() -> bool:
    """Whether this process may become anybody."""
    return os.geteuid() == 0


def become(account: Account) -> None:
    """Take the rights of `account`, for good. Raises OSError."""
    os.setgroups(sorted(account.groups))
    os.setresgid(account.gid, account.gid, account.gid)
    os.setresuid(account.uid, account.uid, account.uid)
    os.environ["HOME"] = account.home
    os.environ.pop("XDG_CACHE_HOME", None)


def why_denied(path: Path) -> tuple[str, str]:
    """What keeps this user out of a file, a directory or a device, and what to do."""
    user = own_name()
    for place in (*reversed(path.absolute().parents), path):
        try:
            about = place.stat()
        except OSError:
            continue
        if place != path and os.access(place, os.X_OK):
            continue
        group = _group_name(about.st_gid)
        owner = f"{_user_name(about.st_uid)}:{group}, {stat.filemode(about.st_mode)}"
        what = f"user {user} may not use {place}: it belongs to {owner}"
        if stat.S_ISCHR(about.st_mode) and about.st_mode & stat.S_IRGRP and about.st_gid != 0:
            return what, f"`sudo usermod -aG {group} {user}`, then `sudo systemctl restart edge-agent`"
        if stat.S_ISCHR(about.st_mode):
            return what, "give it a group by a udev rule, as the package does, and reboot"
        if place != path:
            return what, f"`sudo chgrp {_group_name(os.getegid())} {place}; sudo chmod g+x {place}`"
        return what, f"`sudo chown {user} {place}`, and let its owner use it (`chmod u+rwX`)"
    return f"user {user} may not use {path}", "see its owner and mode with `ls -l`"


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
