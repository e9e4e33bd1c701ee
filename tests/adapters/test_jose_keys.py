import base64
import json
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed448 import Ed448PrivateKey

from agent.contract.commands import CommandRejected
from agent.core.errors import SettingsError
from agent.trust.jose_keys import MAX_TOKEN_BYTES, KeyRing, PrivateKey, read_key_set, sign

CLAIMS = {"cmd_id": "c-1", "name": "ping", "args": {}, "ctr": 3}


def b64(data: bytes) -> bytes:
    return base64.urlsafe_b64encode(data).rstrip(b"=")


@pytest.fixture
def operator() -> PrivateKey:
    return PrivateKey.generate("operator", "control-room")


@pytest.fixture
def path(tmp_path: Path, operator: PrivateKey) -> Path:
    path = tmp_path / "keys.json"
    path.write_text(json.dumps({"keys": [operator.public().as_jwk()]}))
    return path


@pytest.fixture
def ring(path: Path) -> KeyRing:
    return KeyRing.load(path)


def code(ring: KeyRing, token: bytes) -> str:
    with pytest.raises(CommandRejected) as caught:
        ring.verify(token)
    assert "\n" not in str(caught.value)
    return caught.value.code


def with_header(operator: PrivateKey, header: dict[str, Any], payload: bytes = b"{}") -> bytes:
    """A token with any header, rightly signed."""
    signed = b64(json.dumps(header).encode()) + b"." + b64(payload)
    return signed + b"." + b64(operator.key.sign(signed))


def test_a_signed_token_gives_its_claims_and_its_owner(ring: KeyRing, operator: PrivateKey) -> None:
    verified = ring.verify(sign(CLAIMS, operator))

    assert (verified.kid, verified.role, verified.issuer) == (operator.kid, "operator", "control-room")
    assert verified.claims == CLAIMS


def test_the_helper_of_these_tests_makes_valid_tokens(ring: KeyRing, operator: PrivateKey) -> None:
    assert ring.verify(with_header(operator, {"alg": "EdDSA", "kid": operator.kid})).claims == {}


def test_a_key_that_is_not_in_the_set_is_unknown(ring: KeyRing) -> None:
    assert code(ring, sign(CLAIMS, PrivateKey.generate("operator"))) == "unknown-key"


def test_another_key_under_a_known_id_is_a_bad_signature(ring: KeyRing, operator: PrivateKey) -> None:
    forger = PrivateKey(operator.kid, "admin", "control-room", PrivateKey.generate("admin").key)

    assert code(ring, sign(CLAIMS, forger)) == "bad-signature"


@pytest.mark.parametrize("part", [0, 1, 2])
def test_a_token_with_one_part_of_another_is_refused(ring: KeyRing, operator: PrivateKey, part: int) -> None:
    good = sign(CLAIMS, operator).split(b".")
    other = sign(CLAIMS | {"ctr": 4}, PrivateKey.generate("operator")).split(b".")
    good[part] = other[part]

    assert code(ring, b".".join(good)) in {"bad-signature", "unknown-key"}


@pytest.mark.parametrize(
    "header",
    [
        {"alg": "none"},
        {"alg": "HS256"},
        {"alg": "ES256"},
        {"alg": ["EdDSA"]},
        {},
        {"alg": "EdDSA", "crit": ["exp"], "exp": 1},
        {"alg": "EdDSA", "crit": []},
        {"alg": "EdDSA", "b64": False},
    ],
)
def test_a_header_that_asks_for_anything_else_is_malformed(
    ring: KeyRing, operator: PrivateKey, header: dict[str, Any]
) -> None:
    assert code(ring, with_header(operator, header | {"kid": operator.kid})) == "malformed"


@pytest.mark.parametrize("kid", [None, 5, "", "../keys", "a" * 65, "x\ny"])
def test_a_header_without_a_usable_key_id_is_malformed(ring: KeyRing, operator: PrivateKey, kid: object) -> None:
    assert code(ring, with_header(operator, {"alg": "EdDSA", "kid": kid})) == "malformed"


def test_a_public_key_used_as_a_shared_secret_signs_nothing(ring: KeyRing, operator: PrivateKey) -> None:
    secret = operator.public().octets
    token = jwt.encode(CLAIMS, secret, algorithm="HS256", headers={"kid": operator.kid})

    assert code(ring, token.encode()) == "malformed"


def test_an_unsigned_token_is_refused(ring: KeyRing, operator: PrivateKey) -> None:
    token = b64(json.dumps({"alg": "EdDSA", "kid": operator.kid}).encode()) + b"." + b64(b"{}") + b"."

    assert code(ring, token) == "bad-signature"


@pytest.mark.parametrize(
    "token", [b"", b".", b"..", b"a.b", b"\xff\xfe.\x00.x", b"{}", b"a" * 100, b"....", b"e30.e30.e30"]
)
def test_what_is_no_token_is_malformed(ring: KeyRing, token: bytes) -> None:
    assert code(ring, token) == "malformed"


@pytest.mark.parametrize("payload", [b"[]", b"null", b"nonsense", b"\xff", b"[" * 5000])
def test_a_signed_payload_that_is_no_object_is_malformed(ring: KeyRing, operator: PrivateKey, payload: bytes) -> None:
    token = with_header(operator, {"alg": "EdDSA", "kid": operator.kid}, payload)

    assert code(ring, token) == "malformed"


@pytest.mark.parametrize("payload", [b'{"a": "\\ud800"}', b'{"\\udfff": 1}', b'{"a": NaN}', b'{"a": -Infinity}'])
def test_what_could_not_be_sent_back_in_a_result_is_malformed(
    ring: KeyRing, operator: PrivateKey, payload: bytes
) -> None:
    assert code(ring, with_header(operator, {"alg": "EdDSA", "kid": operator.kid}, payload)) == "malformed"


def test_a_token_above_16_kib_is_malformed_and_the_largest_one_is_read(ring: KeyRing, operator: PrivateKey) -> None:
    overhead = len(sign({"x": ""}, operator))
    fits = sign({"x": "a" * ((MAX_TOKEN_BYTES - overhead) * 3 // 4 - 4)}, operator)
    assert MAX_TOKEN_BYTES - 16 < len(fits) <= MAX_TOKEN_BYTES
    ring.verify(fits)

    assert code(ring, sign({"x": "a" * MAX_TOKEN_BYTES}, operator)) == "malformed"


def test_without_a_key_file_every_token_is_refused(operator: PrivateKey) -> None:
    assert code(KeyRing.load(None), sign(CLAIMS, operator)) == "unknown-key"


def test_a_reload_takes_the_keys_of_the_new_file(ring: KeyRing, path: Path, operator: PrivateKey) -> None:
    technician = PrivateKey.generate("technician")
    path.write_text(json.dumps({"keys": [technician.public().as_jwk()]}))

    ring.reload()

    assert ring.verify(sign(CLAIMS, technician)).role == "technician"
    assert code(ring, sign(CLAIMS, operator)) == "unknown-key"


def test_a_reload_that_fails_leaves_the_keys(ring: KeyRing, path: Path, operator: PrivateKey) -> None:
    path.write_text("{")

    with pytest.raises(SettingsError):
        ring.reload()

    ring.verify(sign(CLAIMS, operator))


def test_a_key_set_with_a_private_part_is_refused_and_the_part_not_shown(path: Path, operator: PrivateKey) -> None:
    private = operator.as_jwk()
    path.write_text(json.dumps({"keys": [private]}))

    with pytest.raises(SettingsError, match="private part") as caught:
        KeyRing.load(path)

    assert private["d"] not in str(caught.value)


@pytest.mark.parametrize(
    ("change", "trouble"),
    [
        ({"kid": None}, "kid"),
        ({"kid": "a/b"}, "kid"),
        ({"role": "root"}, "operator, supervisor, technician, admin"),
        ({"kty": "EC"}, "Ed25519"),
        ({"crv": "Ed448"}, "Ed25519"),
        ({"use": "enc"}, "signatures"),
        ({"iss": 5}, "iss"),
        ({"x": "AAAA"}, "usable x"),
        ({"x": "!" * 43}, "usable x"),
        ({"x": None}, "usable x"),
    ],
)
def test_a_bad_entry_is_an_error_that_names_the_file_and_the_trouble(
    path: Path, operator: PrivateKey, change: dict[str, Any], trouble: str
) -> None:
    path.write_text(json.dumps({"keys": [operator.public().as_jwk() | change]}))

    with pytest.raises(SettingsError, match=trouble) as caught:
        KeyRing.load(path)

    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("text", ["", "[]", '{"keys": 5}', '{"keys": [5]}', "[" * 5000])
def test_a_file_that_is_no_key_set_is_an_error(path: Path, text: str) -> None:
    path.write_text(text)

    with pytest.raises(SettingsError, match="keygen"):
        KeyRing.load(path)


def test_a_missing_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="no such file"):
        KeyRing.load(tmp_path / "none.json")


def test_two_keys_of_one_name_are_an_error(path: Path, operator: PrivateKey) -> None:
    path.write_text(json.dumps({"keys": [operator.public().as_jwk()] * 2}))

    with pytest.raises(SettingsError, match="two keys are named"):
        read_key_set(path)


def test_a_private_key_survives_its_file_and_does_not_show_itself(
    tmp_path: Path, operator: PrivateKey, ring: KeyRing
) -> None:
    file = tmp_path / "private.json"
    file.write_text(json.dumps(operator.as_jwk()))

    loaded = PrivateKey.load(file)

    ring.verify(sign(CLAIMS, loaded))
    assert operator.as_jwk()["d"] not in repr(loaded)


def test_a_public_file_is_no_private_key(path: Path) -> None:
    with pytest.raises(SettingsError, match="no private key"):
        PrivateKey.load(path)


def test_keys_of_another_curve_are_not_mistaken(ring: KeyRing, operator: PrivateKey) -> None:
    token = jwt.PyJWS().encode(b"{}", Ed448PrivateKey.generate(), algorithm="EdDSA", headers={"kid": operator.kid})

    assert code(ring, token.encode()) == "bad-signature"
