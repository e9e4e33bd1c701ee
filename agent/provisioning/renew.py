"""Renewal of the device's certificate. The old one stays in use until the new one has let the device in somewhere."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from agent.contract.identity import Identity
from agent.core.binding import Binding, copied
from agent.core.errors import CopiedCard, EdgeAgentError
from agent.core.renewal import Renewal, due_at, parse_renewal
from agent.provisioning.asking import (
    Tools,
    add_page,
    add_probe,
    authorities,
    authorities_of_servers,
    issuers,
    right_certificate,
)
from agent.provisioning.credentials import AUTHORITIES, CERTIFICATE, Asked, Bound, Set, Store
from agent.provisioning.est import Registrar, Shown
from agent.trust.openssl import ISSUERS, Certificate, describe, key_alone, new_key, public_key, request
from agent.trust.whole_file import read_file

RESULT = "renewal.json"
"""Beside the sets: what has become of the last try."""
PATIENCE_S = 60.0
"""A later run tries again."""


def last_result(store: Store) -> Renewal | None:
    """Return what has become of the last try; None when there was none, or nobody can say."""
    try:
        return parse_renewal(read_file(store.directory / RESULT))
    except (OSError, ValueError):
        return None


def renew(
    store: Store,
    current: Set,
    registrar: Callable[[str, str], Registrar],
    let_in: Callable[[Set], None],
    tools: Tools,
    *,
    serials: Sequence[str],
    now: bool = False,
) -> Set | None:
    """Renew if it is due, or `now`; return the new credentials, which are in use then, or None if it is not due.

    `registrar` makes a client from an address and its authorities. `let_in` tries credentials at a broker, and raises
    EdgeAgentError. The caller holds the store's lock. Raises CopiedCard, RegistrarError, RefusedError, OpensslError,
    StorageError, and what `let_in` raises; then the old ones stay in use, and `renewal.json` says why.
    """
    bound = current.bound()
    own = _own(current)
    today = tools.clock.wall()
    due = due_at(own.begins, own.ends, bound.name)
    if not now and today < due:
        tools.tell(
            f"The certificate of {bound.name} is valid until {own.ends:%Y-%m-%d}; renewal begins {due:%Y-%m-%d}."
        )
        return None
    try:
        if (said := copied(Binding(bound.name, bound.board), serials)) is not None:
            raise CopiedCard(said)
        new = _renewed(store, current, bound, registrar(bound.registrar, _text(current.authorities)), tools)
        _try(new, own, let_in, tools)
        store.put_in_use("renewing", new, Bound(**bound.model_dump(exclude={"enrolled_at"}), enrolled_at=today))
    except EdgeAgentError as error:
        before = last_result(store)
        since = before.failing_since if before is not None and before.error is not None else None
        failures = 1 + (before.failures if before else 0)
        _note(store, Renewal(today, str(error), failures, since or today))
        raise
    _note(store, Renewal(tried_at=today))
    tools.tell(f"Renewed: the certificate of {bound.name} is valid until {_own(new).ends:%Y-%m-%d}.")
    return new


def _renewed(store: Store, current: Set, bound: Bound, registrar: Registrar, tools: Tools) -> Set:
    """Return a whole set that is not in use yet: the one that an earlier run has left, or a new one."""
    asked = Asked(**bound.model_dump(exclude={"enrolled_at"}))
    begun = store.asking("renewing", asked)
    try:
        got = None if begun is None else _got(begun)
    except EdgeAgentError as error:
        tools.tell(f"What an earlier run has left is damaged ({error}). Beginning anew.")
        begun = got = None
    if begun is not None and got is not None:
        if tools.clock.wall() < due_at(got.begins, got.ends, bound.name):
            tools.tell("Going on with the certificate that an earlier run has got.")
            return begun
        begun = None
    if begun is None:
        # A key in a file is made anew; one that can't be copied stays.
        key = new_key("file") if bound.key == "file" else key_alone(current.read_key())
        begun = store.begin("renewing", asked, key)
    shown = Shown(current.certificate, current.key)
    identity = Identity(*bound.name.split("/"))
    own_request, probe_request = (request(begun.key, user, bound.board) for user in (identity.user, identity.probe))
    known = tools.until_answered(lambda: authorities(registrar), PATIENCE_S)
    answer = tools.until_answered(lambda: registrar.renew(own_request, shown), PATIENCE_S, PATIENCE_S)
    certificate = right_certificate(answer, begun.key, bound.name, known)
    begun.write(CERTIFICATE, certificate.pem.encode())
    begun.write(ISSUERS, issuers(known))
    add_probe(lambda: registrar.renew(probe_request, shown), begun, identity.probe, known, tools)
    add_page(registrar, shown, begun, bound.name, tools, before=current.page)
    trusted = authorities_of_servers(known, certificate, registrar, _text(current.authorities))
    begun.write(AUTHORITIES, trusted.encode())  # the last file: with it the set is whole
    return begun


def _got(begun: Set) -> Certificate | None:
    """Return the certificate that an earlier run has got; None if it has come no further than the key. Raises
    EdgeAgentError when a file is damaged, which would else be tried again for ever."""
    key = public_key(begun.key)
    if not begun.authorities.exists():
        return None
    describe(_text(begun.authorities))
    own = _own(begun)
    if own.public_key != key:
        raise EdgeAgentError(f"{begun.certificate} is not of its key")
    return own


def _try(new: Set, own: Certificate, let_in: Callable[[Set], None], tools: Tools) -> None:
    """Have a broker let the new certificate in. When the old one has ended, the new one can't be worse."""
    try:
        let_in(new)
    except EdgeAgentError as error:
        if tools.clock.wall() < own.ends:
            raise EdgeAgentError(
                f"no broker has let the new certificate in, so the old one stays in use: {error}"
            ) from error
        tools.tell(f"No broker has let the new certificate in ({error}), but the old one has expired: taking it.")


def _own(chosen: Set) -> Certificate:
    return describe(_text(chosen.certificate))


def _text(path: Path) -> str:
    try:
        return read_file(path).decode("ascii")
    except (OSError, UnicodeDecodeError) as error:
        raise EdgeAgentError(f"{path} can't be read ({error}): enrol this device again") from error


def _note(store: Store, result: Renewal) -> None:
    """Write the result. A disk that takes nothing more must not hide why a renewal failed."""
    with suppress(EdgeAgentError):
        store.write(store.directory / RESULT, result.text().encode())
