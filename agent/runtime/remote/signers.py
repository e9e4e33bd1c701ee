"""Who must sign for a change that was ordered from afar, and which key sets a device may take."""

import json
from collections.abc import Mapping
from typing import Any

from agent.contract.commands import SECOND_ROLES, Claims, CommandRejected, KeysSetArgs, read_claims
from agent.core.errors import ChangeRefused
from agent.trust.jose_keys import KeyRing, PublicKey, VerifiedClaims, parse_keys


def check_second(keys: KeyRing, token: str | None, claims: Claims, signer: VerifiedClaims, what: str) -> None:
    """Check that another person has signed the same order as `signer`, which has these `claims`.

    `what` says what takes two. Raises ChangeRefused."""
    if token is None:
        raise ChangeRefused("second-signer", what)
    try:
        second = keys.verify(token.encode())
        said = read_claims(second.claims)
    except CommandRejected as error:
        raise ChangeRefused("second-signer", f"{what}: {error}") from error
    owned = {keys.keys[kid].octets for kid in (second.kid, signer.kid) if kid in keys.keys}
    if second.issuer == signer.issuer or len(owned) < 2:  # one key may be in the set under two names
        raise ChangeRefused("second-signer", f"{what}, and both signatures are of {signer.issuer}")
    if said.iss != second.issuer or second.role not in SECOND_ROLES:
        raise ChangeRefused("second-signer", f"{what}, the second an admin or a supervisor")
    same = {name: value for name, value in claims.args.items() if name != "second"}
    if (said.name, said.aud, _exactly(said.args)) != (claims.name, claims.aud, _exactly(same)):
        raise ChangeRefused("second-signer", f"{what}, and the second has signed something else")


def _exactly(args: Mapping[str, Any]) -> str:
    """Return arguments as a text that differs where they do: to Python 20 and 20.0 are equal, and so are 1 and True."""
    return json.dumps(args, sort_keys=True)


def check_keys(ring: KeyRing, args: KeysSetArgs, claims: Claims, signer: VerifiedClaims) -> None:
    """Check that these keys can take the place of those in the ring, by order of `signer`. Raises ChangeRefused.

    Whoever brings in a key that may sign second could have made it for themselves, so another person signs too."""
    try:
        keys = parse_keys({"keys": args.keys})
    except ValueError as error:
        raise ChangeRefused("bad-keys", str(error)) from error
    if not any(key.role == "admin" for key in keys):
        raise ChangeRefused("bad-keys", "no key of an admin is left")
    if ring.keys.get(signer.kid) not in keys:
        raise ChangeRefused("bad-keys", f"the signer's own key {signer.kid} is missing or changed")
    new = [key for key in keys if key.role in SECOND_ROLES and not _is_known(ring.keys.get(key.kid), key)]
    if new:
        what = f"the new {new[0].role} key {new[0].kid} takes two signers"
        check_second(ring, args.second, claims, signer, what)


def _is_known(known: PublicKey | None, key: PublicKey) -> bool:
    """Whether the device has this key already, in this role or as an admin's, of this person."""
    if known is None or known.role not in {key.role, "admin"}:
        return False
    return (known.octets, known.issuer) == (key.octets, key.issuer)
