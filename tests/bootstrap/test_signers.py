"""What two persons must both have signed."""

from typing import Any

import pytest

from agent.adapters.jose_keys import KeyRing, PrivateKey
from agent.bootstrap.signers import check_second
from agent.centre.orders import signed
from agent.contract.commands import read_claims
from agent.settings.afar import ChangeRefused

SOURCE = "/edge/kzn/durban-station/kiosk-0001"


def agreed(first: dict[str, Any], second: dict[str, Any]) -> str:
    """What becomes of an order whose two signers have signed these arguments."""
    admin, supervisor = PrivateKey.generate("admin"), PrivateKey.generate("supervisor")
    ring = KeyRing()
    ring.take([key.public().as_jwk() for key in (admin, supervisor)], 1)
    ring.reload()
    order = ring.verify(signed("config-set", first, SOURCE, admin, None, "c1").token)
    token = signed("config-set", second, SOURCE, supervisor, None, "c2").token.decode()
    try:
        check_second(ring, token, read_claims(dict(order.claims)), order, "it takes two")
    except ChangeRefused as error:
        return str(error)
    return "agreed"


@pytest.mark.parametrize(
    ("one", "other"), [(20, 20.0), (1, True), (0, False), ([1], [1.0]), ({"a": 1}, {"a": True}), ("é", "e\u0301")]
)
def test_an_order_counts_only_if_both_persons_have_signed_the_very_same_values(one: Any, other: Any) -> None:
    for first, second in ((one, other), (other, one)):
        args = ({"revision": 7, "settings": {"alarm": value}} for value in (first, second))
        assert agreed(*args).endswith("the second has signed something else")
    assert agreed({"a": one, "b": 1}, {"b": 1, "a": one}) == "agreed", "in whatever order"
