"""What people ask of the registrar: claims, approvals, and who is to be shut out."""

import secrets
from dataclasses import dataclass, replace
from pathlib import Path

from cryptography import x509

from agent.contract.leaves import base64url
from agent.trust.claim import Claim, board_serial, whole_name
from edge_centre.registrar.records import DAY_S, DECOMMISSIONED, Records, is_harmless
from edge_centre.registrar.refusal import Refusal
from edge_centre.registrar.store import Issued, StoredClaim, StoredRequest, Transaction, secret_digest
from edge_centre.registrar.wording import board_text, lives_text, place_text, spoken

_MOST_HOURS = 31 * 24


@dataclass(frozen=True, slots=True)
class Waiting:
    """A request, and what an operator should know before answering it."""

    request: StoredRequest
    other: Issued | None
    """Who lives under its name, and would be replaced."""
    remark: str | None
    """What this key or this board was before, if that may be wrong: revoked, or alive under another name."""

    @property
    def replaces(self) -> str | None:
        """The board whose place it would take."""
        return _replaced(self.other)


class Office:
    """The rules for people, for any thread. `who` names the person in the journal. Raises Refusal."""

    def __init__(self, records: Records) -> None:
        self._records = records

    def make_claim(
        self,
        name: str,
        root: bytes,
        *,
        who: str,
        board: str | None = None,
        place: str | None = None,
        replaces: bool = False,
        hours: float = 24,
    ) -> Claim:
        """Return a new claim, in place of an older one for this name. `root` is the root of servers, in DER form."""
        self._records.check_province(whole_name(name))
        self._records.check_name(name)
        board = board and board_serial(board)
        place = place and place_text(place)
        if not 0 < hours <= _MOST_HOURS:
            raise Refusal(f"A claim is good for at most {_MOST_HOURS} hours: say fewer, and make another one later.")
        with self._records.store.transaction() as tx:
            now = self._records.now()
            lives = self._records.living(tx, name, now)
            if lives and not replaces:
                raise Refusal(f"{lives_text(lives)}: say --replace if another device takes its place.")
            secret, until = secrets.token_urlsafe(16), now + int(hours * 3600)
            tx.put_claim(
                StoredClaim(name, secret_digest(secret), board, place, until, int(replaces), who, None, None, None)
            )
            tx.write_down(now, who, "claim", name, None, f"board {board or 'any'}, until {spoken(until)}")
        return Claim(
            registrar=self._records.config.address,
            root=base64url(root),
            name=name,
            secret=secret,
            until=until,
            board=board,
            # Written down nowhere here: the device keeps its hash, and whoever made the claim tells the technician.
            service_code=f"{secrets.randbelow(10**8):08}",
        )

    def requests(self) -> list[Waiting]:
        """Return the requests that wait, the oldest first."""
        with self._records.store.transaction() as tx:
            now = self._records.now()
            tx.forget_requests(now - DAY_S)
            waiting = [each for each in tx.requests() if each.state == "waiting"]
            return [Waiting(each, self._records.other(tx, each, now), _remark(tx, each, now)) for each in waiting]

    def decide(
        self, key: str, *, approve: bool, who: str, reason: str | None = None, seen: tuple[str | None] | None = None
    ) -> StoredRequest:
        """Approve or refuse the request of this key. `seen`: what `Waiting.replaces` was to whoever approves."""
        with self._records.store.transaction() as tx:
            now = self._records.now()
            tx.forget_requests(now - DAY_S)
            request = tx.request(key)
            if request is None:
                raise Refusal("No such request waits: it has ended after a day, or was never made.", 404)
            if request.state != "waiting":
                when = spoken(request.decided_at or 0)
                raise Refusal(f"This request was {request.state} by {request.decided_by} on {when}.", 409)
            other = self._records.other(tx, request, now)
            if approve and seen is not None and seen != (_replaced(other),):
                raise Refusal("Another board has its name now than when you looked: look at this request again.", 409)
            request = replace(
                request,
                state="approved" if approve else "refused",
                decided_at=now,
                decided_by=who,
                reason=reason,
                over=other.key if other else None,
            )
            tx.put_request(request)
            replaced = f"replaces board {other.board}" if other else None
            tx.write_down(now, who, request.state, request.name, key, reason or replaced)
            return request

    def revoke(self, name: str, *, who: str, reason: str) -> int:
        """Revoke all certificates of a device; return how many."""
        with self._records.store.transaction() as tx:
            revoked = self._records.revoke(tx, tx.issued_to(name), self._records.now(), reason, who)
        if not revoked:
            raise Refusal(f"{name} has no certificate that could be revoked: `list` shows who has one.", 404)
        return revoked

    def adopt(self, content: bytes, *, who: str) -> int:
        """Revoke what a list of the issuing authority (PEM) has, also what is not known here, as after the database
        came back from a copy; return how many that were."""
        issuing, count = self._records.issuing.certificate, 0
        try:
            found = x509.load_pem_x509_crl(content)
            ours = found.is_signature_valid(issuing.public_key())  # type: ignore[arg-type]
        except (ValueError, TypeError):
            ours = False
        if not ours:
            raise Refusal("This is no list of revoked devices that this registrar's issuing authority has signed.", 400)
        end = int(issuing.not_valid_after_utc.timestamp())
        with self._records.store.transaction() as tx:
            now = self._records.now()
            for each in found:
                serial, at = f"{each.serial_number:x}", int(each.revocation_date_utc.timestamp())
                # Without a reason a device had decommissioned itself, or was replaced.
                reason = "on a broker's list" if len(each.extensions) else DECOMMISSIONED
                known = tx.certificate(serial)
                if known is None:
                    known = Issued(serial, "", "unknown", "", None, b"", at, end, at, reason)
                    tx.add_issued(known)
                elif known.revoked_at is None or (is_harmless(known.reason or "") and not is_harmless(reason)):
                    tx.revoke(serial, at, reason)
                    tx.forget_permission(known.name, known.key)
                else:
                    continue
                tx.write_down(now, who, "revoked", known.user, known.key, f"serial {serial}: {reason}")
                count += 1
        return count

    def copy(self, path: Path) -> None:
        """Copy the database, also while the registrar serves."""
        self._records.store.copy(path)

    def devices(self) -> list[tuple[Issued, int | None]]:
        """Return the newest certificate of each device, and when the device was last here."""
        with self._records.store.transaction() as tx:
            newest: dict[str, Issued] = {}
            for each in tx.all_issued():
                if each.user == each.name:
                    newest.setdefault(each.name, each)
            return [(each, tx.place(each.name)[1]) for each in newest.values()]


def _replaced(other: Issued | None) -> str | None:
    return (other.board or "a board without a serial") if other else None


def _remark(tx: Transaction, request: StoredRequest, now: int) -> str | None:
    for each in tx.known(request.key, request.board):
        if each.revoked_at is not None:
            return f"{board_text(each.board)} was {each.name}, revoked on {spoken(each.revoked_at)} ({each.reason})"
        if each.name != request.name and now < each.not_after:
            return lives_text(each)
    return None
