"""Enrolment: from a claim, or an approval, to credentials on disk. A run that was cut off goes on where it was."""

import hashlib
from dataclasses import dataclass, field

from agent.contract.identity import Identity
from agent.core.errors import StorageError
from agent.provisioning.asking import (
    PATIENCE_S,
    Tools,
    add_page,
    add_probe,
    authorities,
    authorities_of_servers,
    issuers,
    right_certificate,
)
from agent.provisioning.credentials import AUTHORITIES, CERTIFICATE, Asked, Bound, Set, Store
from agent.provisioning.est import Login, Registrar, Shown
from agent.trust.claim import code
from agent.trust.openssl import ISSUERS, OpensslError, key_kind, new_key, public_key, request


@dataclass(frozen=True, slots=True)
class Order:
    """What a device asks for."""

    name: str
    """`province/site/id`"""
    registrar: str
    """`https://HOST[:PORT]`"""
    trust: str
    """The only authorities that the registrar's certificate may come from, in PEM form."""
    board: str | None = None
    login: Login | None = None
    """Without one somebody must approve."""
    key: str = "file"
    """See `key_kind`."""
    claim: str | None = None
    """The fingerprint of the claim."""
    place: str = ""
    """Where the device is, for whoever approves."""
    again: bool = False
    """Whether credentials that are in use already, and are what is asked for, do not count."""
    service_code: str | None = field(default=None, repr=False)
    """Of the claim."""

    @property
    def asked(self) -> Asked:
        """What is stored of it."""
        kind = key_kind(self.key)
        return Asked(name=self.name, board=self.board, registrar=self.registrar, key=kind, claim=self.claim)


def fingerprint(claim: str) -> str:
    """Return what is stored of a claim, to know it again: it tells nobody the secret."""
    return hashlib.sha256(claim.encode()).hexdigest()[:32]


def enrol(order: Order, store: Store, registrar: Registrar, tools: Tools, patience_s: float = PATIENCE_S) -> Set:
    """Get credentials and put them in use, unless they are already; the caller holds the store's lock.

    Raises RefusedError when asking again is no use, RegistrarError after `patience_s` without an answer, OpensslError,
    StorageError. Whatever it raises, what was in use still is, and the next run goes on with the same key.
    """
    asked = order.asked
    current = store.current()
    if current is not None and not order.again and _is_for(current, asked):
        tools.tell(f"This device is enrolled as {order.name} already.")
        return current
    begun = store.asking("next", asked)
    if begun is not None and not _is_whole(begun):
        tools.tell("The key that an earlier run has made is damaged.")
        begun = None
    if begun is None:
        tools.tell(f"Making a key (kept by {asked.key}); it never leaves this device.")
        begun = store.begin("next", asked, new_key(order.key))
    else:
        tools.tell("Going on with the key that an earlier run has made.")
    if order.login is None:
        tools.tell(f"Code: {code(public_key(begun.key))}   Read it to the office, which must see the same.")
    own_request = request(begun.key, order.name, order.board)
    tools.tell(f"Asking {order.registrar} for a certificate.")
    known = tools.until_answered(lambda: authorities(registrar), patience_s)
    answer = tools.until_answered(lambda: registrar.enrol(own_request, order.login, order.place), patience_s)
    certificate = right_certificate(answer, begun.key, order.name, known)
    begun.write(CERTIFICATE, certificate.pem.encode())
    begun.write(ISSUERS, issuers(known))
    begun.write(AUTHORITIES, authorities_of_servers(known, certificate, registrar, order.trust).encode())
    probe = Identity(*order.name.split("/")).probe
    probe_request = request(begun.key, probe, order.board)
    add_probe(lambda: registrar.enrol(probe_request, order.login, order.place), begun, probe, known, tools)
    add_page(registrar, Shown(begun.certificate, begun.key), begun, order.name, tools)
    store.put_in_use("next", begun, Bound(**asked.model_dump(), enrolled_at=tools.clock.wall()))
    tools.tell(f"The certificate of {order.name} is valid until {certificate.ends:%Y-%m-%d}.")
    return begun


def _is_for(current: Set, asked: Asked) -> bool:
    try:
        return Asked(**current.bound().model_dump(exclude={"enrolled_at"})) == asked
    except StorageError:  # nobody can say whose they are: enrolling is what mends it
        return False


def _is_whole(begun: Set) -> bool:
    try:
        public_key(begun.key)
    except OpensslError:
        return False
    return True
