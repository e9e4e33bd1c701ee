"""What both parts of the registrar rest on: the clock, the names of the province, and who lives under them."""

import re
import time
from collections.abc import Callable, Iterable

from agent.contract.identity import LONGEST_COMMON_NAME, Identity
from edge_centre.authority import Authority
from edge_centre.registrar.config import RegistrarConfig
from edge_centre.registrar.refusal import Refusal
from edge_centre.registrar.store import Issued, Store, StoredRequest, Transaction
from edge_centre.registrar.wording import moment

DAY_S = 86_400
DECOMMISSIONED, REPLACED = "decommissioned", "replaced by"
"""Reasons of the registrar's own for a revocation."""
_HARMLESS = re.compile(rf"{DECOMMISSIONED}|{REPLACED} (board [\w.-]+|a board without a serial)")


def is_harmless(reason: str) -> bool:
    """Whether a certificate was revoked for a reason of the registrar's own. For any other a person wants the device
    shut out."""
    return _HARMLESS.fullmatch(reason) is not None


class Records:
    """The configuration, the issuing authorities and the store, and the questions that both parts ask of them."""

    def __init__(
        self,
        config: RegistrarConfig,
        issuing: Authority,
        pages: Authority,
        store: Store,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.config = config
        self.issuing = issuing
        self.pages = pages
        """Issues to service pages."""
        self.store = store
        self._clock = clock

    def now(self) -> int:
        """Return the time, in seconds since 1970. Raises Refusal when it can't be right."""
        now = self._clock()
        own = self.issuing.certificate
        if now < own.not_valid_before_utc.timestamp():
            raise Refusal(
                f"The registrar's clock is wrong ({moment(now):%Y-%m-%d}): ask the office to set it, then try again.",
                503,
                retry_after_s=60,
            )
        if now >= own.not_valid_after_utc.timestamp():
            raise Refusal("The registrar's issuing authority has expired: ask the office to make a new one.", 503)
        return int(now)

    def living(self, tx: Transaction, name: str, now: int) -> Issued | None:
        """The newest certificate of a name that could still be used or renewed."""
        end = now - self.config.days.grace * DAY_S
        return next((each for each in tx.issued_to(name) if each.revoked_at is None and each.not_after > end), None)

    def other(self, tx: Transaction, request: StoredRequest, now: int) -> Issued | None:
        """Whom a request would replace."""
        lives = self.living(tx, request.name, now)
        return lives if lives is not None and lives.key != request.key else None

    def refused(self, refusal: Refusal, who: str, name: str | None, key: str | None) -> None:
        """Write a refusal down."""
        with self.store.transaction() as tx:
            tx.write_down(int(self._clock()), who, "refused", name, key, str(refusal))

    def check_province(self, name: str) -> None:
        """Raise Refusal for a name of another province."""
        province = name.partition("/")[0]
        if province != self.config.province:
            raise Refusal(
                f"{name} is of another province, and this registrar serves {self.config.province}: ask that province's "
                "office."
            )

    def check_name(self, name: str) -> None:
        """Raise Refusal for a name of another province, at no site of ours, or too long for the brokers."""
        self.check_province(name)
        too_long = len(Identity(*name.split("/")).probe) - LONGEST_COMMON_NAME
        if too_long > 0:
            raise Refusal(f"{name} is {too_long} letters too long for a certificate: give the device a shorter id.")
        if self.config.site_of(name) is None:
            raise Refusal(f"There is no site {name.split('/')[1]} here: check its name, or ask the office to add it.")

    def revoke(self, tx: Transaction, issued: Iterable[Issued], now: int, reason: str, who: str) -> int:
        """Revoke these, and end what their keys were permitted by; return how many.

        Whom a person shuts out may have been revoked before: a thief has a device decommission itself, too.
        """
        count = 0
        for each in issued:
            if each.revoked_at is None or (is_harmless(each.reason or "") and not is_harmless(reason)):
                tx.revoke(each.serial, max(now, (each.revoked_at or 0) + 1), reason)  # later: the list is a newer one
                tx.forget_permission(each.name, each.key)
                tx.write_down(now, who, "revoked", each.user, each.key, f"serial {each.serial}: {reason}")
                count += 1
        return count
