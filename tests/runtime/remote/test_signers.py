"""Who counts as the second person, where a change takes two, and which new keys take two."""

from typing import Any

import pytest

from agent.contract.commands import KeysSetArgs, read_claims
from agent.core.errors import ChangeRefused
from agent.runtime.remote.signers import check_keys, check_second
from agent.trust.jose_keys import KeyRing, PrivateKey, sign
from tests.support.drafts import IDENTITY

FIRST = PrivateKey.generate("admin", "thandi")
SECOND = PrivateKey.generate("supervisor", "sipho")
OPERATOR = PrivateKey.generate("operator", "lindiwe")
SPARE = PrivateKey.generate("admin", "thandi")
"""A second key of the first person."""
MINE = PrivateKey.generate("admin", "somebody-else")
"""A key that the first person has made for a person of their own invention."""


def claims(key: PrivateKey, **changes: Any) -> dict[str, Any]:
    said = {"cmd_id": "c1", "name": "config-set", "args": {"revision": 3, "changes": {}}, "aud": IDENTITY.source}
    return said | {"iss": key.issuer, "iat": 0, "exp": 60, "ctr": 1} | changes


def ring_of(*keys: PrivateKey) -> KeyRing:
    ring = KeyRing()
    ring.take([key.public().as_jwk() for key in keys], 1)
    ring.reload()
    return ring


def answer(second: bytes | None, *others: PrivateKey, **changes: Any) -> str:
    """What becomes of an order of FIRST with this second token."""
    ring = ring_of(FIRST, SECOND, *others)
    order = claims(FIRST, **changes)
    if second is not None:
        order["args"] = order["args"] | {"second": second.decode()}
    first = ring.verify(sign(order, FIRST))
    try:
        check_second(ring, order["args"].get("second"), read_claims(first.claims), first, "this takes two")
    except ChangeRefused as refusal:
        return f"{refusal.code}: {refusal}"
    return "ok"


def test_another_person_who_signs_the_same_is_the_second() -> None:
    assert answer(sign(claims(SECOND), SECOND)) == "ok"


def test_a_key_is_not_another_person_under_another_name() -> None:
    alias = PrivateKey("alias", "admin", "somebody-else", FIRST.key)
    assert "both signatures" in answer(sign(claims(alias), alias), alias)


@pytest.mark.parametrize(
    ("key", "changes"),
    [
        (FIRST, {}),
        (PrivateKey("another", "admin", "thandi", PrivateKey.generate("admin").key), {}),
        (PrivateKey.generate("operator", "zanele"), {}),
        (PrivateKey.generate("technician", "lerato"), {}),
        (SECOND, {"iss": "thandi"}),
        (SECOND, {"aud": "/edge/gp/site/kiosk-2"}),
        (SECOND, {"name": "keys-set"}),
        (SECOND, {"args": {"revision": 4, "changes": {}}}),
        (SECOND, {"args": {"revision": 3, "changes": {"health": {}}}}),
        (SECOND, {"args": {"revision": 3, "changes": {}, "second": "x"}}),
        (SECOND, {"cmd_id": 7}),
    ],
)
def test_nothing_else_is(key: PrivateKey, changes: dict[str, Any]) -> None:
    others = [] if key in (FIRST, SECOND) else [key]
    assert answer(sign(claims(key, **changes), key), *others).startswith("second-signer: ")


@pytest.mark.parametrize(
    ("one", "other"), [(20, 20.0), (1, True), (0, False), ([1], [1.0]), ({"a": 1}, {"a": True}), ("é", "e\u0301")]
)
def test_an_order_counts_only_if_both_persons_have_signed_the_very_same_values(one: Any, other: Any) -> None:
    for first, second in ((one, other), (other, one)):
        token = sign(claims(SECOND, args={"changes": second, "revision": 3}), SECOND)
        assert answer(token, args={"revision": 3, "changes": first}).endswith("the second has signed something else")
        assert answer(token, args={"revision": 3, "changes": second}) == "ok", "in whatever order"


def test_neither_is_a_stranger_or_nobody() -> None:
    stranger = PrivateKey.generate("admin", "sipho")
    assert answer(sign(claims(stranger), stranger)).startswith("second-signer: ")
    assert answer(None).startswith("second-signer: ")


def entry(key: PrivateKey, **changes: str) -> dict[str, str]:
    return key.public().as_jwk() | changes


def keys_answer(keys: list[dict[str, str]], *seconds: PrivateKey, signed: list[dict[str, str]] | None = None) -> str:
    """What becomes of a keys-set of FIRST, with a second token by `seconds` over the keys that were `signed`."""
    ring = ring_of(FIRST, SECOND, SPARE, OPERATOR)
    args: dict[str, Any] = {"revision": 2, "keys": keys}
    for key in seconds:
        theirs = {"revision": 2, "keys": keys if signed is None else signed}
        args["second"] = sign(claims(key, name="keys-set", args=theirs), key).decode()
    first = ring.verify(sign(claims(FIRST, name="keys-set", args=args), FIRST))
    try:
        check_keys(ring, KeysSetArgs.model_validate(args), read_claims(first.claims), first)
    except ChangeRefused as refusal:
        return f"{refusal.code}: {refusal}"
    return "ok"


NEEDS_TWO: dict[str, list[dict[str, str]]] = {
    "a new admin": [entry(FIRST), entry(SECOND), entry(MINE)],
    "a new supervisor": [entry(FIRST), entry(SECOND), entry(MINE, role="supervisor")],
    "a new admin in place of all others": [entry(FIRST), entry(MINE)],
    "another key under a known name": [entry(FIRST), entry(MINE, kid=SECOND.kid, iss="sipho", role="supervisor")],
    "a known key under another name": [entry(FIRST), entry(SPARE, kid="spare")],
    "one's own other key as another person's": [entry(FIRST), entry(SECOND), entry(SPARE, iss="somebody-else")],
    "an issuer left out": [entry(FIRST), {name: it for name, it in entry(SPARE).items() if name != "iss"}],
    "a supervisor made an admin": [entry(FIRST), entry(SECOND, role="admin")],
    "an operator made a supervisor": [entry(FIRST), entry(SECOND), entry(OPERATOR, role="supervisor")],
}


@pytest.mark.parametrize("keys", NEEDS_TWO.values(), ids=NEEDS_TWO)
def test_a_new_key_that_may_sign_second_is_taken_from_two_people_only(keys: list[dict[str, str]]) -> None:
    alone = keys_answer(keys)
    assert alone.startswith("second-signer: the new "), alone
    assert alone.endswith(" takes two signers")
    assert keys_answer(keys, SECOND) == "ok"


@pytest.mark.parametrize("key", [FIRST, SPARE, OPERATOR, MINE], ids=["oneself", "spare", "operator", "the new key"])
def test_the_second_of_a_new_key_is_another_person_whom_the_device_knows_already(key: PrivateKey) -> None:
    assert keys_answer(NEEDS_TWO["a new admin"], key).startswith("second-signer: ")


def test_the_second_has_signed_these_very_keys() -> None:
    assert keys_answer(NEEDS_TWO["a new admin"], SECOND, signed=[entry(FIRST)]).endswith("signed something else")


@pytest.mark.parametrize(
    "keys",
    [
        [entry(FIRST), entry(SECOND), entry(SPARE), entry(OPERATOR)],
        [entry(FIRST)],
        [entry(FIRST), entry(SECOND), entry(MINE, role="operator")],
        [entry(FIRST), entry(SECOND), entry(MINE, role="technician")],
        [entry(FIRST), entry(SPARE, role="supervisor")],
        [entry(FIRST), entry(SECOND, role="operator", iss="zanele")],
    ],
    ids=[
        "the same",
        "all others gone",
        "an operator",
        "a technician",
        "less for an admin",
        "less for another",
    ],
)
def test_any_other_set_takes_one_signature(keys: list[dict[str, str]]) -> None:
    assert keys_answer(keys) == "ok"


def test_what_is_no_set_for_this_signer_is_refused_as_before() -> None:
    for keys in ([entry(SECOND)], [entry(SPARE)], [entry(FIRST, iss="x")], [{"kid": "x"}]):
        assert keys_answer(keys, SECOND).startswith("bad-keys: ")
