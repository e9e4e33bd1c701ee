"""The URLs that segments may be put to: which may be used, which is for which segment, and what is kept. Pure."""

import json
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, replace
from typing import NamedTuple
from urllib.parse import urlsplit

PREFIX = "upload/url/"
"""Of the keys under which they are kept: a URL is a secret, and every change is kept before it counts."""
_MOST = 128
_LONGEST_LIFE_S = 7 * 24 * 3600
_ANY = "{name}"
_LOOPBACK = ("127.0.0.1", "localhost", "[::1]")


@dataclass(frozen=True, slots=True)
class Url:
    """One presigned URL."""

    url: str
    expires: int
    """Seconds since 1970."""
    name: str | None = None
    """The segment that it is for: as its giver said, or because it was used for that one."""

    @property
    def is_for_any(self) -> bool:
        """Whether each segment's name is put into it."""
        return _ANY in self.url


class Target(NamedTuple):
    """Where a segment goes."""

    key: str
    url: str
    expires: int


def host_of(url: str) -> str:
    """Return the host of a URL, with the port where it is not 443; empty if it can't be read."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError:
        return ""
    return _with_port(f"[{host}]" if ":" in host else host, port)


def place_of(url: str) -> str:
    """Return host and path of a URL: without what makes it a secret."""
    return host_of(url) + urlsplit(url).path


def fault_of(url: str, hosts: Collection[str], *, is_simulated: bool) -> str | None:
    """Return why no segment may go there; None if one may. The text holds nothing of the URL but its host."""
    host = host_of(url)
    try:
        parts = urlsplit(url)
    except ValueError:
        return "a URL can't be read"
    if "@" in parts.netloc or parts.fragment or not host:
        return "a URL has a user, a fragment, or no host"
    if host not in hosts:
        return f"{host[:64]} is not in [upload] hosts"
    is_loopback = host.rpartition(":")[0] in _LOOPBACK or host in _LOOPBACK
    if parts.scheme != "https" and not (is_simulated and is_loopback):
        return f"{host[:64]}: only https:// is taken"
    return None


class UploadUrls:
    """Every URL that may still be used. One thread."""

    def __init__(self, kept: Mapping[str, str], now_s: float) -> None:
        """`kept` is what earlier runs have kept under keys that begin with `PREFIX`."""
        self._urls: dict[str, Url] = {}
        for key, value in sorted(kept.items()):
            self._urls[key] = Url(**json.loads(value))
        self._number = 0
        self._forget_expired(now_s)

    def __len__(self) -> int:
        return len(self._urls)

    def add(self, urls: Collection[Url], now_s: float) -> dict[str, str | None]:
        """Take URLs; return what to keep. Where there are too many, the oldest go."""
        changes: dict[str, str | None] = dict(self._forget_expired(now_s))
        for each in urls:
            # Above those of earlier runs, also where a disk that was late has not told them.
            self._number = max(self._number + 1, int(now_s * 1e6))
            key = f"{PREFIX}{self._number:020}"
            self._urls[key] = replace(each, expires=min(each.expires, int(now_s) + _LONGEST_LIFE_S))
            changes[key] = json.dumps(asdict(self._urls[key]))
        for key in list(self._urls)[:-_MOST]:
            del self._urls[key]
            changes[key] = None
        return changes

    def find(self, name: str, now_s: float, *, may_bind: bool, but_not: Collection[str] = frozenset()) -> Target | None:
        """Return where a segment goes: to a URL of its own, else to one for any, else, if it `may_bind` one, to the
        oldest that is not for another. `but_not` are hosts to which it shall not."""
        found = None
        for key, each in self._urls.items():
            if each.expires <= now_s or each.name not in {None, name} or (but_not and host_of(each.url) in but_not):
                continue
            rank = 0 if each.name else 1 if each.is_for_any else 2 if may_bind else 9
            if rank < 9 and (found is None or rank < found[0]):
                found = rank, key, each
        if found is None:
            return None
        _, key, each = found
        return Target(key, each.url.replace(_ANY, name), each.expires)

    def bind(self, key: str, name: str) -> dict[str, str | None]:
        """Note that a URL is used for this segment, and for no other ever; return what to keep first."""
        each = self._urls[key]
        if each.name or each.is_for_any:
            return {}
        self._urls[key] = replace(each, name=name)
        return {key: json.dumps(asdict(self._urls[key]))}

    def drop(self, key: str) -> dict[str, str | None]:
        """Forget a URL; return what to keep."""
        return {key: None} if self._urls.pop(key, None) else {}

    def used(self, key: str) -> dict[str, str | None]:
        """Forget a URL that was for one segment, which is there; return what to keep."""
        each = self._urls.get(key)
        return {} if each is None or each.is_for_any else self.drop(key)

    def _forget_expired(self, now_s: float) -> dict[str, None]:
        gone = [key for key, each in self._urls.items() if each.expires <= now_s]
        for key in gone:
            del self._urls[key]
        return dict.fromkeys(gone)


def with_port(host: str) -> str:
    """Return a host of the settings as `host_of` has it."""
    name, colon, port = host.rpartition(":")
    return _with_port(name, int(port)) if colon and port.isdecimal() else host


def _with_port(host: str, port: int) -> str:
    return host if port == 443 else f"{host}:{port}"
