"""What becomes of orders from afar when the disk, an alarm or a restart comes in between."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from agent.bootstrap import settings_in_use
from agent.core.errors import StorageError
from agent.outbox.outbox import Outbox
from agent.runtime.remote.kept import Kept
from agent.runtime.remote.trial import TRIAL_S
from agent.settings.kept import load_kept, store_kept
from agent.trust.jose_keys import PrivateKey, sign
from edge_centre.library import co_sign
from tests.runtime.remote.test_fuzz import Target
from tests.support.drafts import IDENTITY, body, taken, write
from tests.support.outbox_fixtures import clock, message_store, outbox, store
from tests.support.sim_clock import SimClock

__all__ = ["clock", "message_store", "outbox", "store"]
FASTER = {"health": {"interval_s": 20}}
ELSEWHERE = {"mqtt": {"brokers": ["mqtts://c.example"]}}
LESS_OFTEN = {"cameras": [{"name": "front", "score_threshold": 0.9}]}


class Office:
    """The target, and an admin who orders things of it."""

    def __init__(self, directory: Path, outbox: Outbox, clock: SimClock, *others: PrivateKey) -> None:
        self.admin = PrivateKey.generate("admin")
        self.supervisor = PrivateKey.generate("supervisor")
        self.target = Target(directory, outbox, clock, [self.admin, self.supervisor, *others])
        self.state = directory / "state"
        self._count = 0

    def order(self, name: str, args: dict[str, Any], topic: str = "", key: PrivateKey | None = None) -> str:
        """Send a command, as the admin unless another key is given; returns its `cmd_id`."""
        key = key or self.admin
        self._count += 1
        now = int(self.target.clock.wall().timestamp())
        nonce = self.target.outbox.nonces.newest(self.target.clock.boottime_ns())
        said: dict[str, Any] = {"cmd_id": f"c{self._count}", "name": name, "args": args, "aud": IDENTITY.source}
        said |= {"iss": key.issuer, "iat": now, "exp": now + 60, "ctr": self._count, "boot_nonce": nonce}
        self._last = topic or f"command/{name}", sign(said, key)
        self.target.hit(*self._last, retain=bool(topic))
        return str(said["cmd_id"])

    def connects(self) -> None:
        """The broker has kept the last message, and sends it again."""
        self.target.hit(*self._last, retain=True)

    def messages(self) -> list[Any]:
        """What the device has said since the last call."""
        write(self.target.outbox)
        return [body(message) for message in taken(self.target.outbox)]

    def results(self) -> list[tuple[str, str]]:
        """The commands and codes of the results since the last call."""
        said = [b["data"] for b in self.messages() if b["type"] == "edge.result.v1"]
        return [(data["command_id"], data["code"]) for data in said]

    def passes(self, seconds: float) -> None:
        """Let time pass, and everybody look at it."""
        for _ in range(int(seconds)):
            self.target.clock.advance(timedelta(seconds=1))
            self.target.come_to_rest()

    @property
    def kept(self) -> Kept:
        return load_kept(self.state)


@pytest.fixture
def office(tmp_path: Path, outbox: Outbox, clock: SimClock) -> Office:
    return Office(tmp_path, outbox, clock)


@pytest.fixture
def technician() -> PrivateKey:
    return PrivateKey.generate("technician")


@pytest.fixture
def street(tmp_path: Path, outbox: Outbox, clock: SimClock, technician: PrivateKey) -> Office:
    """An office whose device has an uplink, and a technician in front of it."""
    office = Office(tmp_path, outbox, clock, technician)
    office.target.uplink = True
    office.target.start()
    return office


@pytest.fixture
def full_disk(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Call it, and from then on the disk takes nothing."""

    def refuse(*_: Any) -> None:
        raise StorageError("the disk is full")

    return lambda: monkeypatch.setattr(settings_in_use, "store_kept", refuse)


def test_settings_are_told_to_be_in_force_after_the_restart_and_once(office: Office) -> None:
    office.target.uplink = True
    command = office.order("config-set", {"revision": 1, "changes": FASTER})
    assert office.target.done == ["leave 75", "started"]
    office.passes(5)
    assert office.results() == [(command, "trying"), (command, "ok")]
    assert (office.kept.in_force.revision, office.kept.is_told) == (1, True)
    office.target.begin()
    office.target.start()
    office.passes(5)
    assert office.results() == []


def test_settings_that_change_nothing_need_no_restart(office: Office) -> None:
    command = office.order("config-set", {"revision": 1, "changes": {}})
    assert office.results() == [(command, "trying"), (command, "ok")]
    assert (office.target.done, office.kept.in_force.revision) == ([], 1)


def test_a_disk_that_takes_nothing_leaves_everything_as_it_was(office: Office, full_disk: Callable[[], None]) -> None:
    full_disk()
    command = office.order("config-set", {"revision": 1, "changes": FASTER})
    keys = office.order("keys-set", {"revision": 1, "keys": [office.admin.public().as_jwk()]})
    assert office.results() == [(command, "trying"), (command, "not-kept"), (keys, "asked"), (keys, "not-kept")]
    assert (office.target.done, office.kept) == ([], Kept())
    assert office.target.ring.stamp() == (0, ("taken", 0)), "the keys are the ones of before"


def test_a_disk_that_takes_no_confirmation_takes_the_settings_back(
    office: Office, full_disk: Callable[[], None]
) -> None:
    office.target.uplink = True
    command = office.order("config-set", {"revision": 1, "changes": FASTER})
    full_disk()
    office.passes(5)
    assert office.target.begun.settings.health.interval_s == 75
    assert office.results() == [(command, "trying"), (command, "rolled-back")]


def test_an_alarm_that_begins_after_the_check_is_not_restarted_over(office: Office) -> None:
    answers = iter([frozenset[str](), frozenset({"a1"})])
    office.target.whose_alarms = lambda: next(answers, frozenset({"a1"}))
    command = office.order("config-set", {"revision": 1, "changes": FASTER})
    assert office.results() == [(command, "trying"), (command, "alarm-open")]
    assert office.target.done == []
    office.target.whose_alarms = frozenset
    again = office.order("config-set", {"revision": 1, "changes": FASTER})
    assert office.results() == [(again, "trying")], "the revision was not used up"


def test_settings_at_the_broker_wait_for_a_calm_moment(office: Office) -> None:
    office.target.uplink = True
    office.target.whose_alarms = lambda: frozenset({"a1"})
    office.order("config-set", {"revision": 1, "changes": FASTER}, topic="config")
    office.passes(3)
    assert (office.results(), office.target.done) == ([], [])
    office.target.whose_alarms = frozenset
    office.passes(8)
    assert office.results() == [("c1", "trying"), ("c1", "ok")]


def test_nothing_else_is_begun_while_settings_are_on_trial(office: Office) -> None:
    office.order("config-set", {"revision": 1, "changes": FASTER})
    office.results()
    others = [
        office.order("config-set", {"revision": 2, "changes": {}}),
        office.order("keys-set", {"revision": 1, "keys": [office.admin.public().as_jwk()]}),
        office.order("reboot", {}),
    ]
    assert office.results() == [(command, "busy") for command in others]


@pytest.mark.parametrize("changes", [FASTER, LESS_OFTEN])
@pytest.mark.parametrize("ends_well", [True, False])
def test_a_stolen_key_is_obeyed_no_longer_though_the_kiosk_finds_settings_to_try_beside_the_new_keys(
    tmp_path: Path, outbox: Outbox, clock: SimClock, changes: dict[str, Any], ends_well: bool
) -> None:
    stolen = PrivateKey.generate("operator")
    office = Office(tmp_path, outbox, clock, stolen)
    office.target.uplink = ends_well
    office.target.start()
    settings = office.order("config-set", {"revision": 1, "changes": changes}, topic="config")
    keys = office.order("keys-set", {"revision": 1, "keys": [office.admin.public().as_jwk()]}, topic="keys")
    assert office.results() == [(settings, "trying"), (keys, "asked"), (keys, "ok")]
    assert office.kept.trial is not None
    office.order("ping", {}, key=stolen)
    assert [code for _, code in office.results()] == ["unknown-key"]
    busy = office.order("config-set", {"revision": 2, "changes": {}}), office.order("reboot", {})
    assert office.results() == [(command, "busy") for command in busy]
    office.passes(TRIAL_S + 8)
    assert office.results() == [(settings, "ok" if ends_well else "rolled-back")]
    office.target.begin()
    office.target.start()
    assert [*office.target.ring.keys] == [office.admin.kid]
    assert office.kept.in_force.revision == ends_well


@pytest.mark.parametrize(("boot", "code"), [("another", "ok"), (None, "not-rebooted")])
def test_a_reboot_is_told_by_what_has_started_again(
    office: Office, clock: SimClock, monkeypatch: pytest.MonkeyPatch, boot: str | None, code: str
) -> None:
    office.target.simulated = False
    if boot is not None:
        office.target.at_start = lambda: monkeypatch.setattr(clock, "_boot_id", boot)
    command = office.order("reboot", {})
    assert office.target.done == ["leave 76", "started"]
    assert office.results() == [(command, "rebooting"), (command, code)]
    assert office.kept.reboot is None, "it is told once"


@pytest.mark.parametrize("quiet", [1, 2], ids=["before it is written", "while it is written"])
def test_an_alarm_that_begins_after_the_check_is_not_rebooted_over(office: Office, quiet: int) -> None:
    answers = iter([frozenset[str]()] * quiet)
    office.target.whose_alarms = lambda: next(answers, frozenset({"a1"}))
    command = office.order("reboot", {})
    assert office.results() == [(command, "rebooting"), (command, "alarm-open")]
    assert (office.target.done, office.kept.reboot) == ([], None)
    office.target.whose_alarms = frozenset
    again = office.order("reboot", {})
    assert office.results() == [(again, "rebooting"), (again, "ok")]


def test_an_older_key_set_that_comes_before_a_newer_one_is_written_is_not_taken(office: Office) -> None:
    def of(revision: int) -> dict[str, Any]:
        return {"revision": revision, "keys": [office.admin.public().as_jwk()]}

    with office.target.paused():
        newer, older = office.order("keys-set", of(2)), office.order("keys-set", of(1))
    office.passes(1)
    assert office.results() == [(newer, "asked"), (older, "busy"), (newer, "ok")]
    assert office.kept.keys is not None
    assert office.kept.keys.revision == 2


def test_a_new_admin_is_taken_when_two_people_have_signed_and_their_word_counts_once(office: Office) -> None:
    new = PrivateKey.generate("admin", "somebody-else")
    keys = [key.public().as_jwk() for key in (office.admin, office.supervisor, new)]
    args = {"revision": 1, "keys": keys}
    known = dict(office.target.ring.keys)
    alone = office.order("keys-set", args)
    assert office.results() == [(alone, "second-signer")]
    assert (office.target.ring.keys, office.kept) == (known, Kept())

    both = args | {"second": co_sign(IDENTITY.source, "keys-set", args, office.supervisor)}
    taken = office.order("keys-set", both)
    assert office.results() == [(taken, "asked"), (taken, "ok")]
    assert office.target.ring.keys == known | {new.kid: new.public()}

    fewer = office.order("keys-set", {"revision": 2, "keys": keys[:2]})
    again = office.order("keys-set", both)
    assert office.results() == [(fewer, "asked"), (fewer, "ok"), (again, "old-revision")]
    assert office.target.ring.keys == known


def test_a_key_set_that_a_technician_has_taken_away_does_not_come_again(office: Office) -> None:
    store_kept(office.state, Kept(keys_seen=3))
    office.target.begin()
    office.target.start()
    keys = [office.admin.public().as_jwk()]
    old, new = (office.order("keys-set", {"revision": revision, "keys": keys}) for revision in (3, 4))
    assert office.results() == [(old, "old-revision"), (new, "asked"), (new, "ok")]


def test_settings_at_the_broker_that_were_taken_are_passed_over_when_they_have_expired(
    office: Office, clock: SimClock
) -> None:
    office.order("config-set", {"revision": 1, "changes": {}}, topic="config")
    assert office.results() == [("c1", "trying"), ("c1", "ok")]
    clock.advance(timedelta(seconds=61))
    office.connects()
    assert office.messages() == []


def test_new_settings_at_the_broker_that_have_expired_are_refused(office: Office, clock: SimClock) -> None:
    office.target.whose_alarms = lambda: frozenset({"a1"})
    office.order("config-set", {"revision": 1, "changes": {}}, topic="config")
    clock.advance(timedelta(seconds=61))
    office.target.whose_alarms = frozenset
    office.passes(2)
    [result, event] = office.messages()
    assert (event["type"], event["data"]["detail"]["code"]) == ("edge.security.command-rejected.v1", "expired")
    assert (result["type"], result["data"]["code"]) == ("edge.result.v1", "expired")


def test_a_disk_that_takes_no_end_of_a_trial_of_cameras_has_them_not_tried_again(
    office: Office, full_disk: Callable[[], None]
) -> None:
    command = office.order("config-set", {"revision": 1, "changes": LESS_OFTEN})
    full_disk()
    office.passes(60)
    assert office.results() == [(command, "trying"), (command, "rolled-back")]
    office.target.begin()
    assert office.target.begun.settings.cameras[0].score_threshold == 0.5


def test_settings_at_the_broker_wait_for_an_alarm_that_begins_after_the_check(office: Office) -> None:
    office.target.uplink = True
    answers = iter([frozenset[str](), frozenset({"a1"})])
    office.target.whose_alarms = lambda: next(answers, frozenset({"a1"}))
    with office.target.a_writer_that_is_faster():
        office.order("config-set", {"revision": 1, "changes": FASTER}, topic="config")
    assert office.results() == [("c1", "trying"), ("c1", "alarm-open")]
    office.target.whose_alarms = frozenset
    office.passes(8)
    assert office.results() == [("c1", "trying"), ("c1", "ok")]


def test_settings_that_were_refused_are_not_told_to_be_in_force_by_the_next_start(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse_the_note(directory: Path, kept: Kept) -> None:
        if kept.is_told:
            raise StorageError("the disk is full")
        store_kept(directory, kept)

    monkeypatch.setattr(settings_in_use, "store_kept", refuse_the_note)
    command = office.order("config-set", {"revision": 1, "changes": {}})
    monkeypatch.setattr(settings_in_use, "store_kept", store_kept)
    refused = office.order("config-set", {"revision": 2, "changes": {"siren": {"pin": 9}}})
    assert office.results() == [(command, "trying"), (command, "ok"), (refused, "forbidden-setting")]
    office.target.begin()
    office.target.start()
    office.passes(5)
    assert office.results() == []
    assert office.kept.state == "refused"


@pytest.mark.parametrize(("changes", "must_be_watched"), [(ELSEWHERE, True), (FASTER, False)])
def test_a_centre_must_be_heard_at_other_brokers_and_need_not_be_at_those_of_before(
    office: Office, changes: dict[str, Any], must_be_watched: bool
) -> None:
    office.target.from_afar._board.report("centre", ok=True)
    command = office.order("config-set", {"revision": 1, "changes": changes})
    trial = office.kept.trial
    assert trial is not None
    assert trial.is_watched is must_be_watched
    office.target.uplink = True
    office.target.start()  # with an uplink, and no word of a centre
    office.passes(50)
    assert office.results()[-1] == (command, "rolled-back" if must_be_watched else "ok")


def test_a_technician_draws_over_what_the_office_has_set_and_leaves_no_order_at_a_broker(
    street: Office, technician: PrivateKey
) -> None:
    street.order("config-set", {"revision": 1, "changes": LESS_OFTEN})
    street.passes(60)
    assert street.results()[-1] == ("c1", "ok")
    zone = {"name": "gate", "polygon": [[0.1, 0.1], [0.9, 0.1], [0.5, 0.9]]}
    drawn = {"cameras": [{"name": "front", "zones": [zone]}]}

    no_place = {"device": {"location": {"text": {"a": 1}}}}
    refused = ((FASTER, "second-signer"), ({"siren": {"pin": 4}}, "forbidden-setting"), (no_place, "bad-settings"))
    for changes, code in (*refused, (drawn, "ok")):
        revision = street.target.from_afar.wanted + 1
        cmd_id = street.order("config-set", {"revision": revision, "changes": changes}, key=technician)
        street.passes(60)
        assert (cmd_id, code) in street.results()
    assert street.target.in_use.drawn(0)["cameras"][0]["zones"] == [zone]
    [camera] = street.kept.in_force.changes["cameras"]
    assert camera["score_threshold"] == 0.9

    retained = {"revision": street.target.from_afar.wanted + 1, "changes": drawn}
    street.order("config-set", retained, topic="config", key=technician)
    assert street.results()[-1][1] == "not-permitted"


def test_a_technician_who_takes_a_mask_away_needs_another_person(street: Office, technician: PrivateKey) -> None:
    mask = [[0.1, 0.1], [0.4, 0.1], [0.4, 0.4]]
    covered, bare = ({"cameras": [{"name": "front", "masks": masks}]} for masks in ([mask], []))
    street.order("config-set", {"revision": 1, "changes": covered}, key=technician)
    street.passes(60)
    assert street.target.mistakes(covered) == {"mistakes": [], "two": None}
    assert street.target.mistakes(bare)["two"] == "Two must sign for what front may show then."

    refused = street.order("config-set", {"revision": 2, "changes": bare}, key=technician)
    assert (refused, "second-signer") in street.results()
    order = {"revision": 3, "changes": bare}
    second = co_sign(IDENTITY.source, "config-set", order, street.supervisor)
    taken_away = street.order("config-set", {**order, "second": second}, key=technician)
    street.passes(60)
    assert (taken_away, "ok") in street.results()


def test_a_technician_with_another_person_sets_other_brokers_and_is_taken_back_where_nobody_answers(
    street: Office, technician: PrivateKey
) -> None:
    both = {**ELSEWHERE, "health": {"interval_s": 20}}
    two = "Two must sign for health.interval_s, mqtt.brokers."
    assert street.target.mistakes(both) == {"mistakes": [], "two": two}
    order = {"revision": 1, "changes": both}
    second = co_sign(IDENTITY.source, "config-set", order, street.supervisor)
    street.target.at_start = lambda: setattr(street.target, "uplink", False)
    cmd_id = street.order("config-set", {**order, "second": second}, key=technician)
    assert street.target.begun.settings.mqtt.brokers == ("mqtts://c.example",)
    street.passes(60)
    assert street.results() == [(cmd_id, "trying"), (cmd_id, "rolled-back")]
    assert street.target.begun.settings.mqtt.brokers != ("mqtts://c.example",)
    assert street.target.begun.settings.health.interval_s == 75
