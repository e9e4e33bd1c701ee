"""Who asks for the people's part: a token signed with a command key, for one request, once, within a minute."""

import base64
import hashlib
import threading
import time
from collections.abc import Callable
from typing import Any

from agent.contract.commands import CommandRejected
from agent.contract.errors import SettingsError
from agent.trust.jose_keys import KeyRing, VerifiedClaims
from edge_centre.registrar.refusal import Refusal

LONGEST_S = 60
"""From `iat` to `exp`."""
_SKEW_S = 30
"""How far ahead a signer's clock may be."""
_ROLES = {"supervisor", "admin"}
_CORRECTED_S = 300
"""A clock that goes further back than this was wrong when the registrar began."""
_MOST_TOKENS = 100_000
_FORM = "the control room's page and the registrar are of different versions, or somebody has changed the request"


class Bearers:
    """Verifies tokens. Any thread.

    It remembers in memory which were used. Those signed before it began, and those that end before any that it has
    forgotten, are refused: so a restart or a clock that is set back brings none of them to life. Only a clock that is
    set back to minutes before the beginning takes the beginning with it: else a registrar that began with a clock in
    the future would refuse everybody for as long as that was ahead.
    """

    def __init__(self, keys: KeyRing, province: str, clock: Callable[[], float] = time.time) -> None:
        self._keys = keys
        self._stamp = keys.stamp()
        self._audience = f"registrar/{province}"
        self._clock = clock
        self._lock = threading.Lock()
        self._used: dict[str, int] = {}
        self._began = int(clock())
        self._forgotten = 0  # the latest end of a token that is not in `_used` any more

    def who(self, header: str, method: str, path: str, body: bytes) -> str:
        """Return who has signed for this very request, as `issuer (kid)`. Raises Refusal: 401, or 403 for a role."""
        scheme, _, token = header.partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise Refusal("Sign in first: a request needs a token of a supervisor's or an admin's key.", 401)
        with self._lock:
            verified = self._verified(token.strip())
            self._check(verified, f"{method} {path}", _digest(body))
            self._use(verified.claims)
        return f"{verified.issuer} ({verified.kid})"

    def public_keys(self) -> list[dict[str, str]]:
        """Return the key set as it is now, for devices."""
        with self._lock:
            self._reload()
            return [key.as_jwk() for key in self._keys.keys.values()]

    def _verified(self, token: str) -> VerifiedClaims:
        self._reload()
        try:
            return self._keys.verify(token.encode())
        except CommandRejected as error:
            raise Refusal(f"This token does not count: {error}.", 401) from error

    def _reload(self) -> None:
        stamp = self._keys.stamp()
        if stamp == self._stamp:
            return
        try:
            self._keys.reload()
        except SettingsError as error:
            raise Refusal("The registrar can't read its key set: ask the office to look after it.", 503) from error
        self._stamp = stamp

    def _check(self, verified: VerifiedClaims, do: str, body: str) -> None:
        claims, now = verified.claims, self._clock()
        if now < self._began - _CORRECTED_S:
            self._began = int(now)
        begin, end, jti = (claims.get(name) for name in ("iat", "exp", "jti"))
        if type(begin) is not int or type(end) is not int or not isinstance(jti, str) or not 8 <= len(jti) <= 64:
            raise Refusal(f"This token has not the right form: {_FORM}.", 401)
        if claims.get("aud") != self._audience or claims.get("iss") != verified.issuer:
            raise Refusal("This token is for another registrar, or names another signer than its key's.", 401)
        if claims.get("do") != do or claims.get("body") != body:
            raise Refusal(f"This token is for another request: {_FORM}.", 401)
        if not begin - _SKEW_S <= now < end or not 0 < end - begin <= LONGEST_S:
            raise Refusal("This token is not valid now: check this computer's clock, then try again.", 401)
        if begin < self._began or end <= self._forgotten or jti in self._used:
            raise Refusal("This token was used before, or may have been: try again.", 401)
        if verified.role not in _ROLES:
            raise Refusal(f"The role {verified.role} may not do that: ask a supervisor.")

    def _use(self, claims: dict[str, Any]) -> None:
        now = self._clock()
        for jti, end in list(self._used.items()):
            if end < now or len(self._used) >= _MOST_TOKENS:
                self._forgotten = max(self._forgotten, end)
                del self._used[jti]
        self._used[claims["jti"]] = claims["exp"]


def _digest(body: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(body).digest()).rstrip(b"=").decode()
