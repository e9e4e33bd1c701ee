"""Orders signed by a second person, and settings and keys signed to be kept for a device by its brokers."""

import json
from base64 import urlsafe_b64decode
from collections.abc import Mapping
from typing import Any

from agent.contract.commands import SECOND_ROLES, TABLE, TWO_SIGNERS
from agent.trust.jose_keys import MAX_TOKEN_BYTES, PrivateKey
from agent.trust.orders import Signed, new_cmd_id, signed

CONFIG_SET = "config-set"
KEPT_S = 365 * 24 * 3600


def co_sign(source: str, name: str, args: Mapping[str, Any], key: PrivateKey) -> str:
    """Return the `second` of an order for the device `source`: the same command and arguments, by another person.

    It has expired when it is made, so it is good for nothing else. Raises ValueError for a command that takes no two
    signers, for wrong arguments, and for a key of another role than the device takes.
    """
    if name not in TWO_SIGNERS:
        raise ValueError(f"{name} takes one signer; {' and '.join(TWO_SIGNERS)} may take two")
    if key.role not in SECOND_ROLES:
        raise ValueError(f"the second signer must be {_either(SECOND_ROLES)}, and {key.kid} is of the role {key.role}")
    return signed(name, _shared(name, args), source, key, None, new_cmd_id(), life_s=0).token.decode()


def sign_config(
    source: str,
    revision: int,
    changes: Mapping[str, Any],
    key: PrivateKey,
    *,
    second: str | None = None,
) -> Signed:
    """Return settings for `Centre.retain_config`, which the device `source` may take for a year. Raises ValueError as
    `sign_kept` does."""
    return sign_kept(CONFIG_SET, source, {"revision": revision, "changes": changes}, key, second=second)


def sign_kept(name: str, source: str, args: Mapping[str, Any], key: PrivateKey, *, second: str | None = None) -> Signed:
    """Return a `config-set` or `keys-set` for brokers to keep, which the device `source` may take for a year.

    Raises ValueError for wrong arguments, for a key that is no admin's, for a `second` that is not of the same order,
    and for more than a device reads.
    """
    if key.role != "admin":
        raise ValueError(f"the signer must be an admin, and {key.kid} is of the role {key.role}")
    args = _shared(name, args)
    if second is not None:
        check_second(second, source, name, args, key)
        args["second"] = second
    this = signed(name, args, source, key, None, new_cmd_id(), life_s=KEPT_S)
    if len(this.token) > MAX_TOKEN_BYTES:
        raise ValueError(f"{len(this.token)} bytes, signed, are more than the {MAX_TOKEN_BYTES} that a device reads")
    return this


def check_second(second: str, source: str, name: str, args: Mapping[str, Any], key: PrivateKey) -> None:
    """Check that another person than the holder of `key` says to have signed this order; only the device can verify it.

    Raises ValueError that says what is wrong.
    """
    try:
        header, said = (json.loads(urlsafe_b64decode(part + "==")) for part in second.split(".")[:2])
        kid, issuer = header["kid"], said["iss"]
        whole = said["name"], said["aud"], said["args"]
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError("it is no signature that --co-sign has made") from error
    if key.kid == kid or key.issuer == issuer:
        raise ValueError(f"both signatures are of {key.issuer}: it takes two persons")
    wanted = name, source, _shared(name, args)
    what = ("another command", "another device", "other arguments")
    differs = [word for word, one, other in zip(what, wanted, whole, strict=True) if one != other]
    if differs:
        raise ValueError(f"{issuer} has signed something else: {', '.join(differs)}")


def _shared(name: str, args: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments that both sign. Raises ValueError for wrong ones."""
    TABLE[name].args.model_validate(args)
    return {field: value for field, value in args.items() if field != "second"}


def _either(roles: frozenset[str]) -> str:
    return " or ".join(f"an {role}" if role[0] in "ao" else f"a {role}" for role in sorted(roles))
