"""Who counts as the second person, where a change takes two."""

from typing import Any

import pytest

from agent.adapters.jose_keys import KeyRing, PrivateKey, sign
from agent.bootstrap.signers import check_second
from agent.contract.commands import Claims, ConfigSetArgs, read_claims
from agent.settings.afar import ChangeRefused
from tests.support.drafts import IDENTITY

FIRST = PrivateKey.generate("admin", "thandi")
SECOND = PrivateKey.generate("supervisor", "sipho")


def claims(key: PrivateKey, **changes: Any) -> dict[str, Any]:
    said = {"cmd_id": "c1", "name": "config-set", "args": {"revision": 3, "changes": {}}, "aud": IDENTITY.source}
    return said | {"iss": key.issuer, "iat": 0, "exp": 60, "ctr": 1} | changes


def answer(second: bytes | None, *others: PrivateKey) -> str:
    """What becomes of an order of FIRST with this second token."""
    ring = KeyRing()
    ring.take([key.public().as_jwk() for key in (FIRST, SECOND, *others)], 1)
    ring.reload()
    args = ConfigSetArgs(revision=3, changes={}, second=None if second is None else second.decode())
    first: Claims = read_claims(claims(FIRST))
    try:
        check_second(ring, args, first, ring.verify(sign(claims(FIRST), FIRST)), ["front"])
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
        (SECOND, {"iss": "thandi"}),
        (SECOND, {"aud": "/edge/gp/site/kiosk-2"}),
        (SECOND, {"name": "keys-set"}),
        (SECOND, {"args": {"revision": 4, "changes": {}}}),
        (SECOND, {"args": {"revision": 3, "changes": {"health": {}}}}),
        (SECOND, {"cmd_id": 7}),
    ],
)
def test_nothing_else_is(key: PrivateKey, changes: dict[str, Any]) -> None:
    others = [] if key in (FIRST, SECOND) else [key]
    assert answer(sign(claims(key, **changes), key), *others).startswith("second-signer: ")


def test_neither_is_a_stranger_or_nobody() -> None:
    stranger = PrivateKey.generate("admin", "sipho")
    assert answer(sign(claims(stranger), stranger)).startswith("second-signer: ")
    assert answer(None).startswith("second-signer: ")
