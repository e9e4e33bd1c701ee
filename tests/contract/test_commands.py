from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, get_args
from unicodedata import category

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.contract.commands import (
    CLOCK_SKEW_S,
    COMMANDS,
    MAX_LEAD_US,
    MAX_LIFE_S,
    AckArgs,
    Circumstances,
    CommandArgs,
    CommandRejected,
    Role,
    UsedCounters,
    check,
    check_desired,
    read_claims,
)
from agent.contract.vocabulary import AckAction, CloseReason, TimeQuality

NOW = 1_800_000_000
CLAIMS: dict[str, Any] = {
    "cmd_id": "c1",
    "name": "ping",
    "args": {},
    "aud": "/edge/gp/site/kiosk-1",
    "iss": "centre",
    "iat": NOW,
    "exp": NOW + 60,
    "ctr": 5,
}
HERE = Circumstances(
    source="/edge/gp/site/kiosk-1",
    topic_kind="command",
    topic_name="ping",
    window=UsedCounters(floor=4, seen=frozenset({7})),
    nonce_age_s=None,
    wall=datetime.fromtimestamp(NOW, UTC),
    quality=TimeQuality.SYNCED,
)
ROLES: tuple[Role, ...] = get_args(Role)


def outcome(claims: dict[str, Any], role: str = "admin", **circumstances: Any) -> str:
    """`ok`, or the code of the refusal, which must come with a text for people."""
    try:
        check(read_claims(CLAIMS | claims), role, replace(HERE, **circumstances))
    except CommandRejected as refusal:
        return refusal.code if str(refusal)[:1].islower() else "it says nothing to people"
    return "ok"


def ack(action: str, alarm_id: str = "a1") -> dict[str, Any]:
    return {"name": "ack", "args": {"alarm_id": alarm_id, "action": action}}


def order(name: str, role: str, **args: Any) -> str:
    return outcome({"name": name, "args": args}, role, topic_name=name)


def test_a_close_may_echo_that_the_alarm_of_a_self_test_has_no_press() -> None:
    closing = {"name": "ack", "args": {"alarm_id": "a1", "action": "closed", "press_count": 0}}
    assert outcome(closing, topic_kind="ack", topic_name="a1") == "ok"


def test_a_command_in_order_gives_its_arguments() -> None:
    claims = read_claims(CLAIMS | ack("closed"))
    here = replace(HERE, topic_kind="ack", topic_name="a1")

    args: CommandArgs = check(claims, "operator", here)
    assert args == AckArgs.model_validate({"alarm_id": "a1", "action": "closed"})


@pytest.mark.parametrize(
    ("claims", "code"),
    [
        ({}, "ok"),
        ({"aud": "/edge/gp/site/kiosk-2"}, "wrong-audience"),
        ({"aud": "/edge/gp/other-site/kiosk-1"}, "wrong-audience"),
        ({"aud": "/edge/kzn/site/kiosk-1"}, "wrong-audience"),
        ({"aud": "kiosk-1"}, "wrong-audience"),
        ({"aud": "/edge/gp/site/kiosk-1/"}, "wrong-audience"),
        ({"ctr": 4}, "replayed"),
        ({"ctr": 0}, "replayed"),
        ({"ctr": 7}, "replayed"),
        ({"ctr": 6}, "ok"),
        ({"ctr": NOW * 10**6 + MAX_LEAD_US}, "ok"),
        ({"ctr": NOW * 10**6 + MAX_LEAD_US + 1}, "counter-ahead"),
        ({"ctr": 2**63 - 1}, "counter-ahead"),
        ({"exp": NOW}, "expired"),
        ({"exp": NOW + 1}, "ok"),
        ({"iat": NOW - 300, "exp": NOW - 1}, "expired"),
        ({"iat": NOW + CLOCK_SKEW_S}, "ok"),
        ({"iat": NOW + CLOCK_SKEW_S + 1, "exp": NOW + 99}, "not-yet-valid"),
        ({"exp": NOW + MAX_LIFE_S}, "ok"),
        ({"exp": NOW + MAX_LIFE_S + 1}, "too-long-lived"),
        ({"boot_nonce": "of another start"}, "wrong-boot-nonce"),
        ({"name": "update"}, "unknown-command"),
        ({"name": "shell"}, "unknown-command"),
        ({"args": {"x": 1}}, "bad-arguments"),
        ({"name": "identify", "args": {"seconds": 61}}, "bad-arguments"),
        ({"name": "identify", "args": {"seconds": 0}}, "bad-arguments"),
        ({"name": "snapshot", "args": {"camera": "../x"}}, "bad-arguments"),
        ({"name": "identify"}, "wrong-topic"),
        ({"cmd_id": ""}, "malformed"),
        ({"cmd_id": "A"}, "malformed"),
        ({"cmd_id": "a/b"}, "malformed"),
        ({"cmd_id": "a\n"}, "malformed"),
        ({"cmd_id": None}, "malformed"),
        ({"name": "x" * 65}, "malformed"),
        ({"ctr": -1}, "malformed"),
        ({"ctr": 2**63}, "malformed"),
        ({"iat": 10**400, "exp": 10**400}, "malformed"),
        ({"exp": -(10**400)}, "malformed"),
        ({"args": []}, "malformed"),
        ({"ctr": "9"}, "malformed"),
        ({"ctr": 9.0}, "malformed"),
        ({"ctr": True}, "malformed"),
        ({"iat": str(NOW)}, "malformed"),
        ({"exp": float(NOW + 60)}, "malformed"),
        ({"cmd_id": 7}, "malformed"),
        ({"boot_nonce": 7}, "malformed"),
        ({"boot_nonce": "n" * 65}, "malformed"),
        ({"name": "identify", "args": {"seconds": "5"}}, "bad-arguments"),
        ({"name": "identify", "args": {"seconds": True}}, "bad-arguments"),
        ({"name": "identify", "args": {"seconds": float("nan")}}, "bad-arguments"),
        ({"aud": ["/edge/gp/site/kiosk-1"]}, "malformed"),
    ],
)
def test_every_rule_has_its_code(claims: dict[str, Any], code: str) -> None:
    assert outcome(claims) == code


@pytest.mark.parametrize(
    ("claims", "text"),
    [
        ({"aud": "k" * 299}, f"meant for {'k' * 200!r}, this is '/edge/gp/site/kiosk-1'"),
        ({"ctr": 4}, "counter 4 is not above 4"),
        ({"ctr": 7}, "counter 7 was used already"),
        ({"ctr": 2**62}, f"counter {2**62} is more than a day ahead: use microseconds"),
        ({"exp": NOW - 7}, "expired 7 s ago"),
        ({"iat": NOW + 90, "exp": NOW + 99}, "issued 90 s in the future"),
        ({"exp": NOW + MAX_LIFE_S + 1}, f"valid for more than {MAX_LIFE_S} s"),
        ({"boot_nonce": "old"}, "the device has restarted since: sign again with its newest nonce"),
        ({"name": "update"}, "this device has no command 'update'"),
        ({"args": {"x": 1}}, "ping: x is not known here"),
        ({"name": "identify", "args": {"seconds": 61}}, "identify: seconds must be less than or equal to 60"),
        ({"name": "identify"}, "signed for 'identify' but sent to 'ping'"),
        ({"ctr": -1}, "claim ctr must be greater than or equal to 0"),
        ({"ctr": None}, "claim ctr must be a valid integer"),
        ({"cmd_id": "A"}, "claim cmd_id must be 1 to 64 of a-z, 0-9 and -"),
        ({"args": []}, "claim args must be an object"),
        ({"name": "config-set", "args": {"changes": {}}}, "config-set: revision is missing"),
        ({"name": "replay", "args": {"first": 6, "last": 5}}, "replay: last is below first"),
        (
            {"name": "ack", "args": {"alarm_id": "a1", "action": "closed", "by": "a\nb"}},
            "ack: by must be one line, without control or format characters",
        ),
        (
            {"name": "ack", "args": {"alarm_id": "a1", "action": "sing"}},
            "ack: action must be 'registered', 'dispatched', 'take-over' or 'closed'",
        ),
    ],
)
def test_a_refusal_tells_a_person_what_is_wrong(claims: dict[str, Any], text: str) -> None:
    here = replace(HERE, topic_kind="ack") if claims.get("name") == "ack" else HERE
    with pytest.raises(CommandRejected) as refusal:
        check(read_claims(CLAIMS | claims), "admin", here)
    assert str(refusal.value) == text


def test_a_refusal_of_arguments_that_do_not_go_together_says_so_in_plain_words() -> None:
    args = {"alarm_id": "a", "action": "closed", "unit": "car 7"}
    with pytest.raises(CommandRejected) as refusal:
        check(read_claims(CLAIMS | {"name": "ack", "args": args}), "admin", replace(HERE, topic_kind="ack"))
    assert str(refusal.value) == "ack: unit goes with dispatched only"


@pytest.mark.parametrize(
    ("role", "circumstances", "text"),
    [
        ("nobody", {}, "the role nobody may not ping; allowed: admin, operator, supervisor, technician"),
        ("admin", {"topic_name": "p" * 99}, f"signed for 'ping' but sent to {'p' * 64!r}"),
        (
            "admin",
            {"quality": TimeQuality.UNSYNCED},
            "this device's clock is not set: sign again with its newest nonce",
        ),
        (
            "admin",
            {"window": UsedCounters(is_whole=False)},
            "the device can't read what it has accepted before: sign again with its newest nonce",
        ),
    ],
)
def test_a_refusal_tells_what_the_device_lacks_or_forbids(role: str, circumstances: dict[str, Any], text: str) -> None:
    with pytest.raises(CommandRejected) as refusal:
        check(read_claims(CLAIMS), role, replace(HERE, **circumstances))
    assert str(refusal.value) == text


@pytest.mark.parametrize("missing", ["cmd_id", "name", "aud", "iss", "iat", "exp", "ctr"])
def test_a_missing_claim_is_named(missing: str) -> None:
    claims = {name: value for name, value in CLAIMS.items() if name != missing}

    with pytest.raises(CommandRejected, match=missing) as refusal:
        read_claims(claims)
    assert refusal.value.code == "malformed"


_LONG_AGO = {"iat": 5, "exp": 65}


@pytest.mark.parametrize(
    ("quality", "age_s", "claims", "code"),
    [
        (TimeQuality.UNSYNCED, None, {}, "clock-unsynced"),
        (TimeQuality.UNSYNCED, None, {"boot_nonce": "of another start"}, "wrong-boot-nonce"),
        (TimeQuality.UNSYNCED, 0.0, {}, "ok"),
        (TimeQuality.UNSYNCED, 599.9, _LONG_AGO, "ok"),
        (TimeQuality.UNSYNCED, 600.0, {}, "nonce-expired"),
        (TimeQuality.UNSYNCED, 0.0, {"exp": NOW + 999}, "too-long-lived"),
        (TimeQuality.UNSYNCED, 0.0, {"ctr": 2**63 - 1}, "ok"),
        (TimeQuality.HOLDOVER, None, {}, "ok"),
        (TimeQuality.HOLDOVER, 0.0, _LONG_AGO, "expired"),
        (TimeQuality.SYNCED, 0.0, _LONG_AGO, "expired"),
        (TimeQuality.SYNCED, 86_400.0, {}, "ok"),
    ],
)
def test_a_clock_that_is_not_set_is_replaced_by_a_fresh_nonce_and_nothing_else_is(
    quality: TimeQuality, age_s: float | None, claims: dict[str, Any], code: str
) -> None:
    echoed = {} if age_s is None else {"boot_nonce": "n"}
    assert outcome(echoed | claims, quality=quality, nonce_age_s=age_s) == code


@pytest.mark.parametrize(
    ("age_s", "claims", "code"),
    [
        (None, {}, "counters-unknown"),
        (None, {"boot_nonce": "of another start"}, "wrong-boot-nonce"),
        (86_400.0, {"boot_nonce": "n"}, "ok"),
        (0.0, {"boot_nonce": "n"} | _LONG_AGO, "expired"),
    ],
)
def test_counters_that_can_not_be_read_are_replaced_by_any_nonce_of_this_start(
    age_s: float | None, claims: dict[str, Any], code: str
) -> None:
    assert outcome(claims, window=UsedCounters(is_whole=False), nonce_age_s=age_s) == code


_POISONED = UsedCounters(floor=2**63 - 1, crowded_out=3, seen=frozenset({7}))


@pytest.mark.parametrize(
    ("age_s", "ctr", "code"),
    [
        (None, 5, "counters-unknown"),
        (600.0, 5, "counters-unknown"),
        (599.0, 5, "ok"),
        (0.0, 4, "ok"),
        (0.0, 3, "replayed"),
        (0.0, 7, "replayed"),
    ],
)
def test_a_counter_that_was_driven_up_locks_nobody_out_who_echoes_a_fresh_nonce(
    age_s: float | None, ctr: int, code: str
) -> None:
    echoed = {} if age_s is None else {"boot_nonce": "n"}
    assert outcome(echoed | {"ctr": ctr}, window=_POISONED, nonce_age_s=age_s) == code


@pytest.mark.parametrize(("ahead", "code"), [(0, "replayed"), (1, "counters-unknown")])
def test_a_last_counter_of_more_than_a_day_ahead_can_not_be_true(ahead: int, code: str) -> None:
    assert outcome({}, window=UsedCounters(floor=NOW * 10**6 + MAX_LEAD_US + ahead)) == code


_ALLOWED: dict[str, set[str]] = {
    "ping": set(ROLES),
    "rebirth": set(ROLES),
    "identify": set(ROLES),
    "snapshot": {"operator", "supervisor", "admin"},
    "test-mode": {"supervisor", "technician", "admin"},
    "self-test": set(ROLES),
    "config-set": {"admin", "technician"},
    "keys-set": {"admin"},
    "reboot": {"technician", "admin"},
    "replay": {"operator", "supervisor", "admin"},
    "service-page": {"technician", "admin"},
    "clip": {"operator", "supervisor", "admin"},
    "clip-hold": {"supervisor", "admin"},
    "live-start": {"operator", "supervisor", "admin"},
    "live-stop": {"operator", "supervisor", "admin"},
    "upload-urls": {"supervisor", "admin"},
}
_NEEDED: dict[str, dict[str, Any]] = {
    "config-set": {"revision": 1, "changes": {}},
    "keys-set": {"revision": 1, "keys": [{}]},
    "replay": {"first": 1},
    "clip": {"reason": "a quarrel"},
    "clip-hold": {"clip": "01a21ac6-1e90-755d-98d2-2feefdb0a969", "hold": True, "reason": "case 17"},
    "live-start": {"reason": "who is it?"},
    "live-stop": {"live": "01a21ac6-1e90-755d-98d2-2feefdb0a969"},
    "upload-urls": {"urls": [{"url": "https://store.example/a"}], "expires": 1},
}
"""The arguments that a command can't do without."""


def test_every_command_has_a_row_in_the_table_below() -> None:
    assert set(COMMANDS) == set(_ALLOWED)


@pytest.mark.parametrize("role", [*ROLES, "nobody", ""])
@pytest.mark.parametrize("name", COMMANDS)
def test_a_role_may_exactly_what_the_table_says(name: str, role: str) -> None:
    assert order(name, role, **_NEEDED.get(name, {})) == ("ok" if role in _ALLOWED[name] else "not-permitted")


@pytest.mark.parametrize("role", [*ROLES, "nobody"])
def test_only_whoever_may_walk_a_device_may_have_its_siren_sounded(role: str) -> None:
    allowed = role in {"technician", "admin"}

    assert order("self-test", role, siren=True) == ("ok" if allowed else "not-permitted")
    assert order("self-test", role, siren=False) == ("ok" if role in ROLES else "not-permitted")


@pytest.mark.parametrize("role", [*ROLES, "nobody"])
@pytest.mark.parametrize("action", list(AckAction))
def test_a_technician_may_close_an_alarm_but_not_speak_for_the_centre(action: str, role: str) -> None:
    allowed = role in {"operator", "supervisor", "admin"} or (role == "technician" and action == "closed")

    assert outcome(ack(action), role, topic_kind="ack", topic_name="a1") == ("ok" if allowed else "not-permitted")


def test_an_ack_is_no_command_and_a_command_no_ack() -> None:
    assert outcome(ack("closed"), topic_name="ack") == "unknown-command"
    assert outcome({}, topic_kind="ack") == "unknown-command"


@pytest.mark.parametrize("topic", ["a2", "", "+", "a1/b"])
def test_an_ack_counts_only_on_the_topic_of_its_alarm(topic: str) -> None:
    assert outcome(ack("closed"), topic_kind="ack", topic_name=topic) == "wrong-topic"


@pytest.mark.parametrize("args", [{}, {"alarm_id": "a1"}, {"alarm_id": "A1", "action": "closed"}, {"action": "closed"}])
def test_an_ack_without_its_arguments_is_refused(args: dict[str, Any]) -> None:
    assert outcome({"name": "ack", "args": args}, topic_kind="ack", topic_name="a1") == "bad-arguments"


def say(action: str, **more: Any) -> str:
    claims = {"name": "ack", "args": {"alarm_id": "a1", "action": action, **more}}
    return outcome(claims, topic_kind="ack", topic_name="a1")


@pytest.mark.parametrize(
    ("action", "more"),
    [
        *[(action, {"by": "Zanele Łódź 東京"}) for action in AckAction],
        ("dispatched", {"unit": "u" * 64}),
        ("closed", {"note": ""}),
        ("closed", {"reason": "helped", "note": "😀" * 200}),
        *[("closed", {"reason": reason}) for reason in get_args(CloseReason)],
    ],
)
def test_an_ack_may_say_who_speaks_who_was_sent_and_why_it_ends(action: str, more: dict[str, Any]) -> None:
    assert say(action, **more) == "ok"


@pytest.mark.parametrize(
    ("action", "more"),
    [
        *[(action, {"unit": "car 7"}) for action in AckAction if action is not AckAction.DISPATCHED],
        *[(action, {"note": ""}) for action in AckAction if action is not AckAction.CLOSED],
        *[(action, {"reason": "helped"}) for action in AckAction if action is not AckAction.CLOSED],
        ("closed", {"reason": "bored"}),
        ("closed", {"note": "n" * 201}),
        ("registered", {"by": ""}),
        ("registered", {"by": "b" * 65}),
        ("registered", {"by": 7}),
        ("dispatched", {"unit": ""}),
        ("registered", {"holder": "Thandi"}),
    ],
)
def test_what_does_not_belong_to_the_action_or_is_too_long_is_refused(action: str, more: dict[str, Any]) -> None:
    assert say(action, **more) == "bad-arguments"


@pytest.mark.parametrize(("action", "field"), [("registered", "by"), ("dispatched", "unit"), ("closed", "note")])
@pytest.mark.parametrize(
    "mark",
    ["\n", "\r", "\0", "\t", "\x1b[2J", "\x7f", "\x9b2J", "\u2028", "\u2029", "\u202e", "\u2066", "\u200f", "\ud800"],
)
def test_text_that_could_break_a_line_or_a_terminal_is_refused(action: str, field: str, mark: str) -> None:
    assert say(action, **{field: f"a{mark}b"}) == "bad-arguments"


def test_a_refusal_that_names_an_argument_of_the_sender_is_one_short_line() -> None:
    with pytest.raises(CommandRejected) as caught:
        check(read_claims(CLAIMS | {"args": {"\x1b[2J\n\u202e" + "x" * 10_000: 1}}), "admin", HERE)

    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 200


@given(st.text(st.characters(exclude_categories=["Cn"]), max_size=64))
def test_no_name_that_is_taken_has_a_control_or_format_character(name: str) -> None:
    bad = {"Cc", "Cf", "Cs", "Zl", "Zp"} & {category(character) for character in name}
    assert say("registered", by=name) == ("bad-arguments" if bad or not name else "ok")


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@settings(deadline=None, database=None)
@given(changes=st.dictionaries(st.sampled_from([*CLAIMS, "boot_nonce"]), _JSON, max_size=4), role=st.text(max_size=5))
def test_whatever_somebody_signs_is_accepted_or_refused_and_nothing_else(changes: dict[str, Any], role: str) -> None:
    assert outcome(changes, role)


DESIRED = {"name": "config-set", "args": {"revision": 4, "changes": {}}}


def desired(claims: dict[str, Any], role: str = "admin", level: str = "config", **circumstances: Any) -> str:
    """`new`, `seen` or the code of the refusal of settings that a broker keeps, where revision 3 was seen."""
    try:
        here = replace(HERE, topic_kind=level, **circumstances)
        args = check_desired(read_claims(CLAIMS | DESIRED | claims), role, here, 3)
    except CommandRejected as refusal:
        return f"{refusal.code}: {refusal}" if refusal.code == "expired" else refusal.code
    return "seen" if args is None else "new"


@pytest.mark.parametrize(
    ("claims", "said"),
    [
        ({}, "new"),
        ({"ctr": 0, "iat": NOW - 10**6, "exp": NOW + 10**6}, "new"),
        ({"exp": NOW + 1}, "new"),
        ({"exp": NOW}, "expired: expired 0 s ago"),
        ({"args": {"revision": 3, "changes": {}}}, "seen"),
        ({"args": {"revision": 3, "changes": {}}, "exp": NOW - 9}, "seen"),
        ({"args": {"revision": 3}}, "bad-arguments"),
        ({"name": "keys-set"}, "unknown-command"),
        ({"aud": "/edge/gp/site/kiosk-2"}, "wrong-audience"),
    ],
)
def test_settings_that_a_broker_keeps_are_new_by_their_revision(claims: dict[str, Any], said: str) -> None:
    assert desired(claims) == said


def test_settings_that_a_broker_keeps_do_not_expire_while_the_clock_is_not_set() -> None:
    assert desired({"exp": NOW - 9}, quality=TimeQuality.UNSYNCED) == "new"


@pytest.mark.parametrize(
    ("claims", "said"),
    [
        ({"name": "keys-set", "args": {"revision": 4, "keys": [{}]}}, "new"),
        ({"name": "keys-set", "args": {"revision": 3, "keys": [{}]}, "exp": NOW - 9}, "seen"),
        ({"name": "keys-set", "args": {"revision": 4, "keys": []}}, "bad-arguments"),
        ({}, "unknown-command"),
    ],
)
def test_keys_that_a_broker_keeps_are_new_by_their_revision(claims: dict[str, Any], said: str) -> None:
    assert desired(claims, level="keys") == said


def test_only_an_admin_leaves_settings_at_a_broker() -> None:
    others = [role for role in ROLES if role != "admin"]
    assert [desired({}, role) for role in others] == ["not-permitted"] * len(others)
