"""Who must sign for a change that was ordered from afar, and which key sets a device may take."""

from collections.abc import Mapping, Sequence
from typing import Any

from agent.adapters.jose_keys import KeyRing, PublicKey, parse_keys
from agent.contract.commands import SECOND_ROLES, Claims, CommandRejected, ConfigSetArgs, read_claims
from agent.runtime.commands.handler import Verified
from agent.settings.afar import ChangeRefused


def check_second(keys: KeyRing, args: ConfigSetArgs, claims: Claims, signer: Verified, cameras: Sequence[str]) -> None:
    """Check that another person has signed the same order, which these `cameras` need. Raises ChangeRefused."""
    what = f"what {', '.join(cameras)} may show then takes two signers"
    if args.second is None:
        raise ChangeRefused("second-signer", what)
    try:
        second = keys.verify(args.second.encode())
        said = read_claims(second.claims)
    except CommandRejected as error:
        raise ChangeRefused("second-signer", f"{what}: {error}") from error
    owned = {keys.keys[kid].octets for kid in (second.kid, signer.kid) if kid in keys.keys}
    if second.issuer == signer.issuer or len(owned) < 2:  # one key may be in the set under two names
        raise ChangeRefused("second-signer", f"{what}, and both signatures are of {signer.issuer}")
    if said.iss != second.issuer or second.role not in SECOND_ROLES:
        raise ChangeRefused("second-signer", f"{what}, the second an admin or a supervisor")
    same = {"revision": args.revision, "changes": args.changes}
    if (said.name, said.aud, said.args) != (claims.name, claims.aud, same):
        raise ChangeRefused("second-signer", f"{what}, and the second has signed something else")


def check_keys(entries: list[dict[str, Any]], signer: Verified, known: Mapping[str, PublicKey]) -> None:
    """Check that these keys can take the place of the `known` ones, by order of `signer`. Raises ChangeRefused."""
    try:
        keys = {key.kid: key for key in parse_keys({"keys": entries})}
    except ValueError as error:
        raise ChangeRefused("bad-keys", str(error)) from error
    if not any(key.role == "admin" for key in keys.values()):
        raise ChangeRefused("bad-keys", "no key of an admin is left")
    if keys.get(signer.kid) != known.get(signer.kid):
        raise ChangeRefused("bad-keys", f"the signer's own key {signer.kid} is missing or changed")
