"""The keys that a stream was signed with, and when each was used."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from agent.trust.evidence import tlv
from edge_centre.adapters.media_signature import MediaKey
from edge_centre.adapters.x509_at import common_name_of, revoked_at, why_not_valid
from edge_centre.evidence.media_signing.verdict import Place, Signer

_MOST = 64
"""Chains of certificates that are kept; a stream has one, or two."""


@dataclass(frozen=True, slots=True)
class Trust:
    """Who may vouch for a signer."""

    authorities: str | None = None
    """PEM: each certificate in it is trusted; None if none was named."""
    revoked: str = ""
    """PEM: lists of revoked certificates, as of today."""
    name: str | None = None
    """The common name that the signer's certificate must have; None for any."""


@dataclass(slots=True)
class _Life:
    key: MediaKey
    place: Place
    """Of its first signature."""
    begin: datetime | None = None
    """The earliest time that it has signed."""
    end: datetime | None = None


class Keys:
    """Knows the keys of one stream, and who may vouch for them."""

    def __init__(self, trust: Trust) -> None:
        self._trust = trust
        self._chains: tuple[bytes, ...] = ()
        self._lives: dict[bytes, _Life] = {}

    @property
    def are_checked(self) -> bool:
        """Whether somebody was named who may vouch for them."""
        return self._trust.authorities is not None

    def of(self, document: tlv.Document, algorithm: str | None, place: Place) -> MediaKey | None:
        """Return the key whose signature a SEI has; None if it has none that holds.

        Certificates count from the first SEI on that has them and whose signature holds with them.
        """
        if document.signature is None:
            return None
        chains = document.chains or self._chains
        for chain in chains:
            life = self._lives.get(chain)
            key = life.key if life else MediaKey.read(chain)
            known = algorithm or document.algorithm or "sha256"
            if key is None or not key.has_signed(document.content, document.signature, known):
                continue
            self._chains = chains
            if life is None:
                if len(self._lives) == _MOST:
                    return None
                self._lives[chain] = _Life(key, place)
            return key
        return None

    def used(self, key: MediaKey, general: tlv.General) -> None:
        """Note when a key has vouched for pictures."""
        moments = [tlv.time_of(general.start), tlv.time_of(general.end)]
        for life in self._lives.values():
            if life.key is key:
                given = [each for each in (life.begin, life.end, *moments) if each is not None]
                life.begin, life.end = min(given, default=None), max(given, default=None)

    def faults(self) -> Iterator[tuple[str, Place]]:
        """Yield why a key is not trusted, or was not valid when it signed, in a clause; and where it signed first."""
        for life in self._lives.values():
            why = self._why_not(life)
            if why is not None:
                yield why, life.place

    def signers(self) -> list[Signer]:
        """Return whose keys they are."""
        return [
            Signer(
                life.key.subject,
                life.key.issuer,
                life.key.fingerprint,
                self._why_not(life) is None if self.are_checked else None,
            )
            for life in self._lives.values()
        ]

    def recorded(self) -> tuple[datetime, datetime] | None:
        """Return from when to when the signers say that they recorded; None if they give no time."""
        moments = [each for life in self._lives.values() for each in (life.begin, life.end) if each is not None]
        return (min(moments), max(moments)) if moments else None

    def _why_not(self, life: _Life) -> str | None:
        trust, chain = self._trust, life.key.chain
        name = common_name_of(chain[0])
        if trust.name is not None and name != trust.name:
            return f"the certificate is of {name}, and not of {trust.name}"
        if trust.authorities is None:
            return None
        for moment in dict.fromkeys((life.begin, life.end)):
            why = why_not_valid(chain, trust.authorities, moment)
            if why is not None:
                return why
        revoked = revoked_at(chain, trust.authorities, trust.revoked)
        if revoked is not None:
            # A stolen key may have signed any date.
            return f"the certificate of {name} was revoked ({revoked:%Y-%m-%d %H:%M} UTC)"
        return None
