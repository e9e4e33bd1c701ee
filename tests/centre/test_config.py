"""Settings from afar are signed so that the device takes them, and what it would refuse is told before."""

from pathlib import Path
from typing import Any

import pytest

from agent.contract.commands import read_claims
from agent.contract.messages import ResultData
from agent.runtime.remote.signers import check_second as device_checks
from agent.trust.jose_keys import KeyRing, PrivateKey
from edge_centre.key_files import make_key
from edge_centre.library import co_sign, sign_config
from edge_centre.library.config import KEPT_S, check_second
from tests.support.made_up import SOURCE

CHANGES: dict[str, Any] = {"cameras": [{"name": "front", "masks": [[[0.1, 0.1], [0.4, 0.1], [0.4, 0.4]]]}]}
ORDER: dict[str, Any] = {"revision": 7, "changes": CHANGES}


@pytest.fixture
def admin(tmp_path: Path) -> PrivateKey:
    return make_key("admin", tmp_path)


@pytest.fixture
def supervisor(tmp_path: Path, admin: PrivateKey) -> PrivateKey:
    return make_key("supervisor", tmp_path)


def test_a_device_takes_the_two_signatures(tmp_path: Path, admin: PrivateKey, supervisor: PrivateKey) -> None:
    second = co_sign(SOURCE, "config-set", ORDER, supervisor)
    signed = sign_config(SOURCE, 7, CHANGES, admin, second=second)
    keys = KeyRing.load(tmp_path / "keys.json")
    first = keys.verify(signed.token)
    claims = read_claims(dict(first.claims))
    assert (claims.cmd_id, claims.exp - claims.iat, signed.expiry_s) == (signed.cmd_id, KEPT_S, KEPT_S)
    device_checks(keys, claims.args["second"], claims, first, "this takes two")


def test_the_second_signature_alone_is_no_command(tmp_path: Path, admin: PrivateKey) -> None:
    said = KeyRing.load(tmp_path / "keys.json").verify(co_sign(SOURCE, "config-set", ORDER, admin).encode()).claims
    assert said["exp"] <= said["iat"], "it has expired when it is made"


@pytest.mark.parametrize(
    ("source", "name", "args", "says"),
    [
        ("/edge/gp/park-station/kiosk-2", "config-set", ORDER, ": another device$"),
        (SOURCE, "config-set", {**ORDER, "revision": 8}, ": other arguments$"),
        (SOURCE, "config-set", {**ORDER, "changes": {}}, ": other arguments$"),
        (SOURCE, "keys-set", {"revision": 7, "keys": [{}]}, ": another command, other arguments$"),
    ],
)
def test_a_second_signature_of_something_else_is_told_before_it_is_sent(
    admin: PrivateKey, supervisor: PrivateKey, source: str, name: str, args: dict[str, Any], says: str
) -> None:
    second = co_sign(source, name, args, supervisor)
    with pytest.raises(ValueError, match=says):
        sign_config(SOURCE, 7, CHANGES, admin, second=second)


@pytest.mark.parametrize("word", ["", "garbage", "a.b.c", "e30.e30.x", "W10.W10.x", "ñ.ñ.ñ"])
def test_what_is_no_signature_is_told_before_it_is_sent(admin: PrivateKey, word: str) -> None:
    with pytest.raises(ValueError, match="it is no signature"):
        check_second(word, SOURCE, "config-set", ORDER, admin)


def test_one_person_can_not_sign_twice(admin: PrivateKey) -> None:
    other_key = PrivateKey.generate("admin", admin.issuer)
    for key in (admin, other_key):
        with pytest.raises(ValueError, match="it takes two persons"):
            sign_config(SOURCE, 7, CHANGES, admin, second=co_sign(SOURCE, "config-set", ORDER, key))


def test_who_may_not_sign_is_told_at_once(tmp_path: Path, supervisor: PrivateKey) -> None:
    with pytest.raises(ValueError, match="the signer must be an admin, and supervisor-"):
        sign_config(SOURCE, 7, CHANGES, supervisor)
    with pytest.raises(ValueError, match="the second signer must be an admin or a supervisor, and operator-"):
        co_sign(SOURCE, "config-set", ORDER, make_key("operator", tmp_path))
    with pytest.raises(ValueError, match="ping takes one signer; config-set and keys-set may take two"):
        co_sign(SOURCE, "ping", {}, supervisor)


def test_what_no_device_would_read_is_not_signed(admin: PrivateKey) -> None:
    with pytest.raises(ValueError, match="revision"):
        sign_config(SOURCE, 0, CHANGES, admin)
    with pytest.raises(ValueError, match="bytes, signed, are more than the 16384"):
        sign_config(SOURCE, 7, {"device": {"location": {"text": "x" * 16384}}}, admin)


def test_its_result_is_known_by_its_id_or_by_its_digest(admin: PrivateKey) -> None:
    this, other = (sign_config(SOURCE, revision, CHANGES, admin) for revision in (7, 8))
    said = {"name": "config-set", "status": "succeeded", "code": "ok", "text": ""}
    assert this.is_answered_by(ResultData.model_validate({**said, "command_id": this.cmd_id}))
    assert not this.is_answered_by(ResultData.model_validate({**said, "command_id": other.cmd_id}))
