"""The key set is changed under a running agent."""

import json
import os
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from agent.contract.messages import SecurityData
from agent.runtime.commands.key_watch import KeyWatch
from agent.trust.jose_keys import KeyRing, PrivateKey
from tests.support.context import Collected, make_context
from tests.support.sim_clock import SimClock

KEYS = {role: PrivateKey.generate(role) for role in ("operator", "technician", "admin")}


class Kiosk:
    """A key set file and what watches it."""

    def __init__(self, path: Path, *roles: str) -> None:
        self.path = path
        self.write(*roles)
        self.begin()

    def begin(self, path: Path | None = None) -> None:
        self.clock = SimClock()
        self.told = Collected()
        self.context = make_context(self.told, self.clock)
        self.board = self.context.board
        self.ring = KeyRing(path or self.path)
        self.watch = KeyWatch(self.ring, self.context)

    def text(self, *roles: str) -> str:
        return json.dumps({"keys": [KEYS[role].public().as_jwk() for role in roles]})

    def write(self, *roles: str) -> None:
        """As an administrator should: a new file in the place of the old one."""
        new = self.path.with_suffix(".new")
        new.write_text(self.text(*roles))
        new.rename(self.path)

    def age(self) -> None:
        """The file is no longer so young that it is read again for that."""
        self.watch._stamp = self.ring.stamp()

    @property
    def obeys(self) -> set[str]:
        return {role for role, key in KEYS.items() if key.kid in self.ring.keys}

    @property
    def trouble(self) -> str:
        state = self.board.parts()["commands"]
        assert state.ok is not bool(state.detail)
        return state.detail

    def changes(self) -> list[dict[str, Any]]:
        assert all(isinstance(draft.data, SecurityData) and draft.data.kind == "keys-changed" for draft in self.told)
        return [draft.data.detail for draft in self.told if isinstance(draft.data, SecurityData)]


@pytest.fixture
def kiosk(tmp_path: Path) -> Kiosk:
    return Kiosk(tmp_path / "keys.json", "operator", "technician")


def test_a_key_that_is_taken_out_stops_working_at_the_next_look_and_one_that_is_put_in_works(kiosk: Kiosk) -> None:
    kiosk.watch.tick()
    assert kiosk.obeys == {"operator", "technician"}

    kiosk.write("operator", "admin")
    kiosk.watch.tick()
    assert kiosk.obeys == {"operator", "admin"}
    [change] = kiosk.changes()
    assert change == {"came": [KEYS["admin"].kid], "went": [KEYS["technician"].kid], "changed": []}


def test_another_key_under_a_known_id_is_told_as_changed(kiosk: Kiosk) -> None:
    other = {**KEYS["operator"].public().as_jwk(), "role": "admin"}
    kiosk.path.write_text(json.dumps({"keys": [other, KEYS["technician"].public().as_jwk()]}))
    kiosk.watch.tick()

    assert kiosk.changes() == [{"came": [], "went": [], "changed": [KEYS["operator"].kid]}]


def test_a_file_that_is_half_written_changes_nothing_and_is_taken_when_it_is_whole(kiosk: Kiosk) -> None:
    text = kiosk.text("admin")
    for end in (0, 10, len(text) - 1, len(text)):
        kiosk.path.write_text(text[:end])
        kiosk.watch.tick()
        assert kiosk.trouble == ""

    assert kiosk.obeys == {"admin"}


@pytest.mark.parametrize("broken", ["", "{}", '{"keys": [{"kid": "x"}]}', None])
def test_a_file_that_stays_broken_keeps_the_old_keys_and_is_told_until_it_is_mended(
    kiosk: Kiosk, broken: str | None, caplog: pytest.LogCaptureFixture
) -> None:
    kiosk.age()
    kiosk.path.unlink()
    if broken is not None:
        kiosk.path.write_text(broken)
    for _ in range(3):
        kiosk.watch.tick()
        kiosk.clock.advance(timedelta(seconds=1))

    assert kiosk.obeys == {"operator", "technician"}
    assert "the old keys stay in force" in kiosk.trouble
    assert str(kiosk.path) in kiosk.trouble
    assert len([message for message in caplog.messages if message.startswith("the key set")]) == 1
    kiosk.write("operator")
    kiosk.watch.tick()
    assert (kiosk.trouble, kiosk.obeys) == ("", {"operator"})


def test_a_key_set_that_was_broken_at_the_start_works_once_it_is_mended(kiosk: Kiosk) -> None:
    kiosk.path.write_text("{")
    kiosk.begin()
    assert "not valid JSON" in kiosk.trouble

    kiosk.write("operator")
    kiosk.watch.tick()
    assert (kiosk.trouble, kiosk.obeys) == ("", {"operator"})


def test_two_changes_within_one_tick_of_the_file_systems_clock_are_both_seen(kiosk: Kiosk) -> None:
    kiosk.watch.tick()
    stamp = kiosk.path.stat()
    kiosk.path.write_text(kiosk.text("operator", "technician").replace("technician", "tecknician"))
    os.utime(kiosk.path, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    unchanged = kiosk.ring.stamp()
    kiosk.ring.stamp = lambda: unchanged  # type: ignore[method-assign]
    kiosk.watch.tick()
    kiosk.write("operator")
    kiosk.watch.tick()

    assert kiosk.obeys == {"operator"}


def test_a_file_that_has_not_changed_is_not_read_again(kiosk: Kiosk) -> None:
    kiosk.age()
    kiosk.ring.reload = lambda: pytest.fail("it was read")  # type: ignore[method-assign]
    kiosk.watch.tick()


def test_a_device_without_a_key_set_says_so_and_looks_at_nothing(kiosk: Kiosk) -> None:
    kiosk.ring = KeyRing(None)
    watch = KeyWatch(kiosk.ring, kiosk.context)
    watch.tick()

    assert kiosk.trouble.startswith("no key set")


def test_what_the_broker_refuses_and_what_is_wrong_with_the_keys_are_told_apart(kiosk: Kiosk) -> None:
    kiosk.watch.broker_refuses("may not subscribe")
    kiosk.watch.tick()
    assert kiosk.trouble == "may not subscribe"

    kiosk.path.write_text("{")
    kiosk.begin()
    kiosk.watch.broker_refuses("may not subscribe")
    kiosk.watch.broker_refuses("")
    assert "not valid JSON" in kiosk.trouble
