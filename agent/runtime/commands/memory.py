"""Remembers recent commands and their results, so that none runs twice, whatever restarts or fails."""

import json
import logging
import threading
from bisect import insort
from collections import Counter, OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from agent.contract.commands import MAX_LEAD_US, MAX_LIFE_S, NONCE_LIFE_S, Claims, UsedCounters
from agent.contract.messages import ResultData
from agent.contract.vocabulary import TimeQuality
from agent.outbox.outbox import Outbox
from agent.outbox.state import CTR_KEY, Changes
from agent.ports import Clock

COMMAND_KEY = "command/"
"""Prefix under which commands are remembered; the key's id and the command's id follow."""
_MOST = 256
_MOST_REPETITIONS = 32
"""Of one command, that are remembered by their counters. A sender repeats a command for a minute or two."""
_YOUNG_NS = NONCE_LIFE_S * 10**9
"""No command is valid for longer than this after its acceptance, if the clock is right: see `check`."""

log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Accepted:
    kid: str
    cmd_id: str
    name: str
    ctr: int
    """The highest counter under which the command came."""
    since_ns: int
    others: list[int] = field(default_factory=list)
    """The other counters under which it came, in order: they are used up too. `_MOST_REPETITIONS` at most."""
    result: ResultData | None = None
    is_far_ahead: bool = False
    """Whether a later command has shown that `ctr` does not come from a real time: it is used, but is no floor."""

    @property
    def key(self) -> str:
        return f"{COMMAND_KEY}{self.kid}/{self.cmd_id}"

    def text(self) -> str:
        result = None if self.result is None else self.result.model_dump(mode="json")
        kept: dict[str, Any] = {"name": self.name, "ctr": self.ctr, "result": result}
        if self.others:
            kept["others"] = self.others
        if self.is_far_ahead:
            kept["is_far_ahead"] = True
        return json.dumps(kept, separators=(",", ":"))


class CommandMemory:
    """A window of counters for each key, and the newest results, in memory and on disk.

    `restore` and `finished` from any thread, the rest on the thread `commands`.
    """

    def __init__(self, outbox: Outbox, clock: Clock) -> None:
        self._outbox = outbox
        self._clock = clock
        self._lock = threading.Lock()
        self._accepted: OrderedDict[str, _Accepted] = OrderedDict()
        """The one that came longest ago is first."""
        self._floors: dict[str, int] = {}
        self._crowded_out: dict[str, int] = {}
        self._is_whole = False
        self.restore()

    def restore(self) -> None:
        """Restore what earlier runs have left, as far as it has been read from disk by now."""
        with self._lock:
            self._is_whole = self._outbox.knows_all
            for key, text in self._outbox.kept(CTR_KEY).items():
                if text.isdecimal():
                    self._raise_floor(key.removeprefix(CTR_KEY), int(text))
                else:
                    log.error("the stored counter of %s can't be read", key.removeprefix(CTR_KEY))
                    self._is_whole = False
            for key, text in self._outbox.kept(COMMAND_KEY).items():
                if key in self._accepted:
                    continue
                try:
                    accepted = self._read(key, text)
                except (ValueError, KeyError, TypeError):
                    log.error("the stored command %s can't be read", key)  # noqa: TRY400 - one line is enough
                    self._is_whole = False
                    continue
                if accepted is None:
                    self._outbox.keep(key, None)
                else:
                    self._accepted[key] = accepted

    def window(self, kid: str) -> UsedCounters:
        """Return which counters of this key can be accepted now."""
        with self._lock:
            self._age()
            own = [each for each in self._accepted.values() if each.kid == kid]
            seen = frozenset(ctr for each in own for ctr in (each.ctr, *each.others))
            crowded_out = self._crowded_out.get(kid, -1)
            if self._is_far_ahead(crowded_out):  # it came before the clock was set, and would lock the key out
                crowded_out = -1
            return UsedCounters(self._floors.get(kid, -1), crowded_out, seen, self._is_whole)

    def repeated(self, kid: str, claims: Claims) -> ResultData | None:
        """Return the newest result of a command that comes again, newly signed or not; None for a new one."""
        with self._lock:
            accepted = self._accepted.get(f"{COMMAND_KEY}{kid}/{claims.cmd_id}")
            if accepted is None:
                return None
            # Once the result is forgotten, it must not run under this counter either. It has not been checked, so
            # one that is far ahead is used up, and does not become the command's.
            if claims.ctr not in {accepted.ctr, *accepted.others}:
                usual = accepted.ctr + MAX_LEAD_US
                if accepted.ctr < claims.ctr <= usual:
                    insort(accepted.others, accepted.ctr)
                    accepted.ctr, accepted.since_ns = claims.ctr, self._clock.boottime_ns()
                    self._accepted.move_to_end(accepted.key)
                else:
                    insort(accepted.others, claims.ctr)
                if len(accepted.others) > _MOST_REPETITIONS and (lost := accepted.others.pop(0)) <= usual:
                    self._raise_floor(kid, lost)
                    self._crowded_out[kid] = max(lost, self._crowded_out.get(kid, -1))
                    self._outbox.keep(CTR_KEY + kid, str(self._floors[kid]))
                self._outbox.keep(accepted.key, accepted.text())
            return accepted.result

    def begin(self, kid: str, claims: Claims) -> threading.Event:
        """Remember an accepted command. When the event is set, no restart and no power cut can make it run again."""
        with self._lock:
            changes: Changes = {}
            if self._is_far_ahead(self._floors.get(kid, -1)):
                # Only a fresh nonce lets a command pass below such a floor, and its `iat` agrees with our clock. The
                # new floor is not simply its counter: a low one would let all forgotten commands pass again.
                self._outbox.keep(CTR_KEY + kid, None)
                self._floors[kid] = max(claims.ctr, self._now_us() - MAX_LIFE_S * 10**6)
                for each in self._accepted.values():
                    if each.kid == kid and self._is_far_ahead(each.ctr):
                        each.is_far_ahead = True  # otherwise it would become the floor again
                        changes[each.key] = each.text()
            accepted = _Accepted(kid, claims.cmd_id, claims.name, claims.ctr, self._clock.boottime_ns())
            self._accepted[accepted.key] = accepted
            changes[accepted.key] = accepted.text()
            for forgotten in self._crowd():
                changes[forgotten.key] = None
                changes.update(self._kept_floor(forgotten.kid))
            changes.update(self._kept_floor(kid))
            return self._outbox.writer.keep(changes)

    def finished(self, kid: str, result: ResultData) -> Changes:
        """Store the result of a command; returns the state to keep together with the message that carries it."""
        with self._lock:
            accepted = self._accepted.get(f"{COMMAND_KEY}{kid}/{result.command_id}")
            if accepted is None:
                return {}
            accepted.result = result
            return {accepted.key: accepted.text()}

    def _age(self) -> None:
        now_ns = self._clock.boottime_ns()
        for each in self._accepted.values():
            if now_ns - each.since_ns >= _YOUNG_NS and not each.is_far_ahead:
                self._raise_floor(each.kid, each.ctr)

    def _crowd(self) -> Iterator[_Accepted]:
        """Forget and yield the commands that there is no room for: old ones first, then the lowest counter of the key
        that has the most, so that an absurdly high counter never becomes the floor for the others."""
        while len(self._accepted) > _MOST:
            lost = next(iter(self._accepted.values()))
            if self._clock.boottime_ns() - lost.since_ns < _YOUNG_NS:
                [(kid, _)] = Counter(each.kid for each in self._accepted.values()).most_common(1)
                lost = min((each for each in self._accepted.values() if each.kid == kid), key=lambda each: each.ctr)
                self._crowded_out[kid] = max(lost.ctr, self._crowded_out.get(kid, -1))
            usual = [ctr for ctr in lost.others if ctr <= self._now_us() + MAX_LEAD_US]
            self._raise_floor(lost.kid, max(usual, default=-1) if lost.is_far_ahead else lost.ctr)
            del self._accepted[lost.key]
            yield lost

    def _now_us(self) -> int:
        return int(self._clock.wall().timestamp() * 10**6)

    def _is_far_ahead(self, ctr: int) -> bool:
        return self._clock.quality() is not TimeQuality.UNSYNCED and ctr > self._now_us() + MAX_LEAD_US

    def _raise_floor(self, kid: str, ctr: int) -> None:
        self._floors[kid] = max(ctr, self._floors.get(kid, -1))

    def _kept_floor(self, kid: str) -> Changes:
        return {CTR_KEY + kid: str(self._floors[kid])} if kid in self._floors else {}

    def _read(self, key: str, text: str) -> _Accepted | None:
        """Return a kept command, or None for one to forget. Raises ValueError, KeyError or TypeError for text that this
        version did not write."""
        kid, _, cmd_id = key.removeprefix(COMMAND_KEY).partition("/")
        kept = json.loads(text)
        name, ctr, said = str(kept["name"]), int(kept["ctr"]), kept["result"]
        if said is None and name == "ack":
            return None  # its effect may not be on disk, and green depends on it: if it comes again, it runs again
        if said is None or said["status"] == "in-progress":
            said = {"command_id": cmd_id, "name": name, "status": "failed", "code": "unknown-outcome"} | {
                "text": "the agent ended before this was done: check whether it was; if not, send the command again"
            }
        result, is_far_ahead = ResultData.model_validate(said), bool(kept.get("is_far_ahead"))
        others = sorted(int(each) for each in kept.get("others", ()))
        return _Accepted(kid, cmd_id, name, ctr, self._clock.boottime_ns(), others, result, is_far_ahead)
