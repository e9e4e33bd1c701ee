"""What a device asks of the registrar: its first certificate, the next ones, and to be forgotten.

Each decision is one transaction of the store, and what it gives away is recorded there first. The same key that asks
again gets the certificate that it was given, so that a device which lost an answer to a power cut needs nobody's help.
"""

import hmac
from collections import Counter
from dataclasses import dataclass, replace
from ipaddress import ip_network

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from edge_centre.authority import Revoked
from edge_centre.registrar.csr import DeviceRequest, PageRequest
from edge_centre.registrar.records import DAY_S, DECOMMISSIONED, REPLACED, Records, is_harmless
from edge_centre.registrar.refusal import Pending, Refusal
from edge_centre.registrar.store import Issued, StoredRequest, Transaction, secret_digest
from edge_centre.registrar.wording import ANEW, board_text, lives_text, moment, spoken

MOST_REQUESTS, MOST_FROM_ONE = 200, 20
"""Requests that may wait, in all and from one address. When all places are taken, they are shared out by network, then
by address: see `_who_makes_room`."""
_REFUSED_S = 600
"""For so long a refused device is told so; then it may ask anew."""
_REPEAT_S = DAY_S
"""Who renews again within this time gets the same certificate for the same key."""
_MOST_A_DAY = 50
"""Certificates for one device in a day."""
_PAGE_ISSUED = "page issued"
_NOBODY = bytes(32)


class WrongSecret(Refusal):
    """There is no such claim, or the secret is not that of it: nobody learns which."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks, as far as that is known without a certificate: `claim` is a name and a claim's secret."""

    address: str
    claim: tuple[str, str] | None = None
    place: str | None = None


@dataclass(frozen=True, slots=True)
class _Grant:
    """A permission for one key to have one name."""

    until: int
    replaces: bool
    by: str


class Devices:
    """The rules for devices, for any thread. Raises Refusal, whose text is for a technician."""

    def __init__(self, records: Records) -> None:
        self._records = records

    def enrol(self, asked: DeviceRequest, caller: Caller) -> bytes | Pending:
        """Return the certificate (DER), or that somebody must approve first."""
        self._records.check_province(caller.claim[0] if caller.claim else asked.name)
        self._records.check_name(asked.name)
        with self._records.store.transaction() as tx:
            now = self._records.now()
            grant = (
                self._by_claim(tx, asked, caller, now) if caller.claim else self._by_approval(tx, asked, caller, now)
            )
            return self._give(tx, asked, grant, now) if isinstance(grant, _Grant) else grant

    def renew(self, asked: DeviceRequest, shown: x509.Certificate) -> bytes:
        """Return a new certificate (DER) for whoever shows the old one."""
        with self._records.store.transaction() as tx:
            now = self._records.now()
            old = self._valid(tx, shown, now)
            if asked.name != old.name or old.user not in {asked.user, asked.name}:
                raise Refusal(f"This certificate is for {old.user}, and this device asks for {asked.user}: {ANEW}")
            _check_board(asked, old)
            issued = tx.issued_to(old.name)
            for each in issued:
                if (each.user, each.key) == (asked.user, asked.key) and not each.revoked_at:
                    if each.serial != old.serial and each.issued_at > now - _REPEAT_S:
                        return each.der
                    break
            if sum(each.issued_at > now - DAY_S for each in issued) >= _MOST_A_DAY:
                raise Refusal(f"{old.name} has renewed too often today: try again tomorrow.", 429, retry_after_s=3600)
            return self._issue(tx, replace(asked, board=old.board or asked.board), now, "renewed")

    def page(self, asked: PageRequest, shown: x509.Certificate) -> bytes:
        """Return a certificate (DER) for the service page of whoever shows this one.

        It is written down in the journal alone: nothing that a page has counts here, or at a broker.
        """
        with self._records.store.transaction() as tx:
            now = self._records.now()
            old = self._valid(tx, shown, now)
            if old.user != old.name:
                raise Refusal("This is a probe's certificate: ask for the page's with that of the device.")
            own = f"{old.name.rpartition('/')[2]}.local"
            if asked.host != own:
                raise Refusal(f"The service page of {old.name} is {own}, and this asks for {asked.host}.")
            if own in self._records.config.hosts:
                raise Refusal(f"{own} is a host of the province's: {old.name} can have no certificate for its page.")
            if tx.known(asked.key, None):
                raise Refusal(f"This key is that of a device, {old.name} for one: a page must have a key of its own.")
            if tx.count(old.name, _PAGE_ISSUED, now - DAY_S) >= _MOST_A_DAY:
                raise Refusal(f"{old.name} has asked too often today: try again tomorrow.", 429, retry_after_s=3600)
            days = self._records.config.days.device
            certificate = self._records.pages.page(asked.public_key, own, days=days, now=moment(now))
            tx.write_down(now, old.name, _PAGE_ISSUED, own, asked.key, f"serial {certificate.serial_number:x}")
            return certificate.public_bytes(Encoding.DER)

    def device(self, shown: x509.Certificate) -> tuple[str, str | None]:
        """Return the name and the place of whoever shows this certificate, and remember that it was here."""
        with self._records.store.transaction() as tx:
            now = self._records.now()
            name = self._valid(tx, shown, now).name
            tx.saw(name, now)
            return name, tx.place(name)[0]

    def decommission(self, shown: x509.Certificate) -> str:
        """Revoke the device that shows this certificate; return what to tell it. Twice does no harm."""
        with self._records.store.transaction() as tx:
            now = self._records.now()
            old = _recorded(tx, shown)
            if old.user != old.name:
                raise Refusal("This is a probe's certificate: decommission with that of the device.")
            if old.revoked_at is None:
                self._records.revoke(tx, tx.issued_to(old.name), now, DECOMMISSIONED, old.name)
            return f"{old.name} is decommissioned: its certificate no longer counts."

    def revocation_list(self) -> bytes:
        """Return the list for the brokers, as PEM, and for whoever checks recordings: a key that somebody has stolen
        can sign any date, so its certificate stays on the list when it has expired."""
        with self._records.store.transaction() as tx:
            now = self._records.now()
            revoked = tx.revoked()
        # By time, so that a database that comes back from a copy makes no number twice, and an authority that lives on
        # begins a new list; and by their count, so that one is new whatever the clock did between.
        begins = int(self._records.issuing.certificate.not_valid_before_utc.timestamp())
        number = (max([begins, *(revoked_at for _, revoked_at, _, _ in revoked)]) << 20) + len(revoked)
        return self._records.issuing.revocation_list(
            # A day more than it counts: a broker's clock may be slow.
            [
                Revoked(int(serial, 16), moment(revoked_at), is_compromised=not is_harmless(reason))
                for serial, revoked_at, not_after, reason in revoked
                if now < not_after + DAY_S or not is_harmless(reason)
            ],
            number=number,
            now=moment(now),
        )

    def _by_claim(self, tx: Transaction, asked: DeviceRequest, caller: Caller, now: int) -> _Grant:
        assert caller.claim is not None
        user, secret = caller.claim
        claim = tx.claim(user)
        right = hmac.compare_digest(secret_digest(secret), claim.secret if claim else _NOBODY)
        if claim is None or not right:
            raise WrongSecret("This claim is not known here: ask the office for a new one.", 401)
        if asked.name != claim.name:
            raise Refusal(f"This claim is for {claim.name}, and this device asks for {asked.name}: {ANEW}")
        if claim.used_key not in {None, asked.key}:
            raise Refusal(
                f"This claim was used on {spoken(claim.used_at or 0)} by {board_text(claim.used_board)}: "
                "ask the office for a new one, and tell them if that was not you."
            )
        if claim.board not in {None, asked.board}:
            raise Refusal(
                f"This claim is for {board_text(claim.board)}, and this is {board_text(asked.board)}: "
                "check the label, or ask the office for a claim for this board."
            )
        if claim.used_key is None:
            if now >= claim.until:
                raise Refusal(f"This claim ended on {spoken(claim.until)}: ask the office for a new one.")
            tx.put_claim(replace(claim, used_key=asked.key, used_board=asked.board, used_at=now))
            tx.saw(claim.name, now, claim.place or caller.place)
        return _Grant(claim.until, bool(claim.replaces), f"claim of {claim.made_by}")

    def _by_approval(self, tx: Transaction, asked: DeviceRequest, caller: Caller, now: int) -> _Grant | Pending:
        tx.forget_requests(now - DAY_S)
        if self._given(tx, asked, now) is not None:
            return _Grant(now, replaces=False, by="itself")
        old = tx.request(asked.key)
        is_other = old is not None and (old.name, old.board) != (asked.name, asked.board)
        if old is not None and is_other and old.state == "waiting":
            # An operator who has seen that one may be about to approve it: they approve a key.
            raise Refusal(
                f"This key waits as {old.name} on {board_text(old.board)} already: have the command centre refuse "
                "that, then enrol again.",
                409,
            )
        if old is None or is_other or (old.state == "refused" and now > (old.decided_at or 0) + _REFUSED_S):
            return self._new_request(tx, asked, caller, now)
        if old.state == "refused":
            raise Refusal(
                f"The command centre has refused this device{f': {old.reason}' if old.reason else ''}. Call them."
            )
        if old.state == "waiting":
            return Pending(old.code)
        other = self._records.other(tx, old, now)
        if other is not None and other.key != old.over:
            # Not what the operator saw: somebody else has got the name since.
            tx.put_request(replace(old, state="waiting", asked_at=now, decided_at=None, decided_by=None))
            return Pending(old.code)
        tx.saw(old.name, now, old.place)
        return _Grant((old.decided_at or 0) + DAY_S, replaces=True, by=f"approval by {old.decided_by}")

    def _new_request(self, tx: Transaction, asked: DeviceRequest, caller: Caller, now: int) -> Pending:
        waiting = [each for each in tx.requests() if each.state == "waiting" and each.key != asked.key]
        makes_room = _who_makes_room(waiting, caller.address) if len(waiting) >= MOST_REQUESTS else None
        is_full = makes_room is None and len(waiting) >= MOST_REQUESTS
        if is_full or sum(each.address == caller.address for each in waiting) >= MOST_FROM_ONE:
            raise Refusal(
                "Too many devices wait for approval: call the command centre, then try again.", 429, retry_after_s=60
            )
        if any(each.code == asked.code for each in waiting):
            # Two keys with one code are no accident.
            raise Refusal("Another device with this code waits: call the office, then enrol again with a new key.", 409)
        if makes_room is not None:
            # If somebody waits at that device, it asks again within seconds.
            tx.forget_request(makes_room.key)
            tx.write_down(now, makes_room.address, "made room", makes_room.name, makes_room.key, None)
        tx.put_request(
            StoredRequest(
                asked.key,
                asked.name,
                asked.code,
                asked.board,
                caller.place,
                caller.address,
                now,
                "waiting",
                *[None] * 4,
            )
        )
        tx.write_down(
            now, caller.address, "asked", asked.name, asked.key, f"code {asked.code}, {board_text(asked.board)}"
        )
        return Pending(asked.code)

    def _given(self, tx: Transaction, asked: DeviceRequest, now: int) -> Issued | None:
        """The certificate that this key has for this user already."""
        for each in tx.issued_to(asked.name):
            if each.key == asked.key and each.revoked_at is None and now < each.not_after:
                _check_board(asked, each)
                if each.user == asked.user:
                    return each
        return None

    def _give(self, tx: Transaction, asked: DeviceRequest, grant: _Grant, now: int) -> bytes:
        given = self._given(tx, asked, now)
        if given is not None:
            return given.der
        if now >= grant.until:
            raise Refusal(f"This permission ended on {spoken(grant.until)}: ask the office for a new claim.")
        lives = self._records.living(tx, asked.name, now)
        if lives is not None and lives.key != asked.key and not grant.replaces:
            raise Refusal(
                f"{lives_text(lives)}: if this device takes its place, ask the office for a claim with --replace."
            )
        # Those that have expired too: whoever has one may ask for the end of its name.
        others = [each for each in tx.issued_to(asked.name) if each.key != asked.key]
        self._records.revoke(tx, others, now, f"{REPLACED} {board_text(asked.board)}", grant.by)
        return self._issue(tx, asked, now, grant.by)

    def _issue(self, tx: Transaction, asked: DeviceRequest, now: int, by: str) -> bytes:
        certificate = self._records.issuing.device(
            asked.public_key, asked.user, asked.board, days=self._records.config.days.device, now=moment(now)
        )
        serial, der = f"{certificate.serial_number:x}", certificate.public_bytes(Encoding.DER)
        end = int(certificate.not_valid_after_utc.timestamp())
        tx.add_issued(Issued(serial, asked.name, asked.user, asked.key, asked.board, der, now, end, None, None))
        tx.saw(asked.name, now)
        tx.write_down(now, by, "issued", asked.user, asked.key, f"serial {serial}, {board_text(asked.board)}")
        return der

    def _valid(self, tx: Transaction, shown: x509.Certificate, now: int) -> Issued:
        """The record of a certificate that counts, or may still be renewed."""
        old = _recorded(tx, shown)
        if old.revoked_at is not None:
            raise Refusal(
                f"The certificate of {old.user} was revoked on {spoken(old.revoked_at)} ({old.reason}): {ANEW}"
            )
        if now >= old.not_after + self._records.config.days.grace * DAY_S:
            grace = f"{self._records.config.days.grace:g} days"
            raise Refusal(f"The certificate of {old.user} expired on {spoken(old.not_after)}, over {grace} ago: {ANEW}")
        return old


def _recorded(tx: Transaction, shown: x509.Certificate) -> Issued:
    """The record of this very certificate: what the registrar has not written down, it has not issued."""
    issued = tx.certificate(f"{shown.serial_number:x}")
    if issued is None or issued.der != shown.public_bytes(Encoding.DER):
        raise Refusal("This certificate is not one of this registrar: ask the office for a claim for this device.")
    return issued


def _check_board(asked: DeviceRequest, issued: Issued) -> None:
    if asked.board and issued.board and asked.board != issued.board:
        raise Refusal(
            f"This key belongs to {issued.name} on {board_text(issued.board)}, and this is {board_text(asked.board)}: "
            "the card is a copy. Enrol again with a new key."
        )


def _who_makes_room(waiting: list[StoredRequest], address: str) -> StoredRequest | None:
    """Return the oldest request of an address with more than its fair share of places; None if this address has.

    A stranger with many addresses has them in few networks, so those are compared first.
    """
    place = (_network(address), address)
    for level in range(2):
        held = Counter((_network(each.address), each.address)[level] for each in waiting)
        most = max(held, key=held.__getitem__, default="")
        if held[most] > held[place[level]] + 1:
            break
        waiting = [each for each in waiting if _network(each.address) == place[0]]
    else:
        return None
    of_most = [each for each in waiting if (_network(each.address), each.address)[level] == most]
    by_address = Counter(each.address for each in of_most)
    return max(of_most, key=lambda each: by_address[each.address])  # of equals the first, and they come by age


def _network(address: str) -> str:
    """The network of an address: /24, or /48 in IPv6, of which everybody gets one. An address of IPv6 is a /64 here."""
    if ":" in address:
        return str(ip_network(address.partition("/")[0]).supernet(new_prefix=48))
    return address.rpartition(".")[0]
