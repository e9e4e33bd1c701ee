"""Verifies a stream that was signed by ONVIF Media Signing: what is as it was signed, and where it is not.

Each signed SEI lists the hashes of the NAL units of a GOP, or of a part of one, and names the first hash of the SEI
before. A SEI may come some pictures after the GOP that it covers. What comes before the end of what a SEI covers, and
is in no list, was altered, inserted or moved; what a list has and the file has not is missing.
"""

import hashlib
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice

from agent.adapters.media_signature import MediaKey
from agent.evidence.h264 import Kind, Unit
from agent.evidence.media_signing import tlv
from agent.evidence.media_signing.align import matches
from agent.evidence.media_signing.findings import Findings, Item, between, counted, place_of
from agent.evidence.media_signing.keys import Keys, Trust
from agent.evidence.media_signing.verdict import MOST_FINDINGS, Fault, Place, Result, Verdict

_PATIENCE = 16
"""How many signed SEIs a NAL unit waits for the one that covers it."""
_MOST_STARTS = 4
"""At how many places of what waits a SEI without a list is tried."""
_MOST_WAITING = 70_000
"""NAL units; a SEI covers 65,535 at most."""
_AT_ONCE = 1000
_LONGEST_S = 5.0
"""A longer GOP is signed in parts."""
_MOST_UNSIGNED = 300
_OTHERS = {Kind.SEI: "other SEIs", Kind.PARAMETERS: "parameter sets", Kind.DELIMITER: "delimiters"}
_SIZES = {"sha256": 32, "sha384": 48, "sha512": 64}


@dataclass(frozen=True, slots=True)
class _Claim:
    """A SEI that was read."""

    document: tlv.Document
    general: tlv.General
    place: Place
    position: int
    """How many items come before it."""


def verify(units: Iterable[Unit], trust: Trust) -> Verdict:
    """Verify the NAL units of a video, in the order of decoding. Raises what `units` raises."""
    verifier = Verifier(trust)
    for unit in units:
        verifier.add(unit)
    return verifier.finish()


class Verifier:
    """Verifies a stream while it is read. Holds hashes, no pictures. Not for more than one thread."""

    def __init__(self, trust: Trust) -> None:
        self._keys = Keys(trust)
        self._findings = Findings()
        self._waiting: deque[Item] = deque()
        self._unsigned: list[_Claim] = []
        self._algorithm: str | None = None  # until the first signature that holds
        self._before: tuple[tlv.General, bytes, bytes] | None = None  # the claim before, its first hash, its key
        self._anchor = b""
        self._last: _Claim | None = None
        self._seen: bytes | None = None
        self._passed: Place | None = None  # the newest NAL unit that a SEI has covered
        self._gap = 0  # how many hashes at the end of the newest list have no NAL unit
        self._number = 0
        self._gops = self._units = 0
        self._is_signed = False
        self._span: tuple[float, float] | None = None
        self._begins_at: int | None = None
        self._most_at_once = 1
        self._longest_s = _LONGEST_S
        self._device: tuple[str, ...] = ()
        self._fills: dict[bytes, list[Place]] = {}
        self._uncovered: dict[str, int] = {}

    def add(self, unit: Unit) -> None:
        """Take the next NAL unit."""
        if unit.kind is Kind.SEI:
            try:
                document = tlv.parse(unit)
            except tlv.Malformed as error:
                self._is_signed = True
                self._broken(place_of(unit), str(error))
                return
            if document is not None:
                self._is_signed = True
                self._take(document, place_of(unit), unit)
                return
        if unit.kind in (Kind.PICTURE, Kind.BROKEN):
            self._wait(unit, unit.data.rstrip(b"\0"))  # zeros that follow belong to no unit
        else:
            name = _OTHERS.get(unit.kind, f"NAL units of type {unit.type}")
            self._uncovered[name] = self._uncovered.get(name, 0) + 1

    def _wait(self, unit: Unit, content: bytes, *, is_sei: bool = False) -> None:
        known = (self._algorithm,) if self._algorithm else _SIZES
        plain = b"".join(_digest(each, content) for each in known)
        self._waiting.append(Item(place_of(unit), plain, unit.starts_gop, is_sei, self._number))
        self._number += 1
        if len(self._waiting) > _MOST_WAITING:
            self._findings.wrong([self._waiting.popleft() for _ in range(_AT_ONCE)], 0)

    def _decide(self, algorithm: str) -> None:
        """Keep of each hash the one that the stream was signed with."""
        self._algorithm = algorithm
        before = sum(_SIZES[each] for each in islice(_SIZES, list(_SIZES).index(algorithm)))
        for item in self._waiting:
            item.plain = item.plain[before : before + _SIZES[algorithm]]

    def _take(self, document: tlv.Document, place: Place, unit: Unit) -> None:
        if document.signature is not None and document.content == self._seen:
            return  # sent twice, against losses
        key = self._keys.of(document, self._algorithm, place)
        if document.certificates_only:
            if key is None:
                self._broken(place, "its signature does not hold")
            return
        assert document.general is not None
        claim = _Claim(document, document.general, place, self._number)
        if document.signature is None:
            self._wait(unit, document.whole, is_sei=True)
            self._unsigned.append(claim)
            if len(self._unsigned) > _MOST_UNSIGNED:
                del self._unsigned[0]
            return
        self._seen = document.content
        if self._algorithm is None and (key is not None or document.algorithm == "sha256"):
            self._decide(document.algorithm or "sha256")
        if key is None:
            self._broken(place, "its signature does not hold: it was altered, or signed with another key", claim)
            return
        self._device = self._device or document.vendor
        alike = self._fills.setdefault(document.fill[:1] if len(set(document.fill)) < 2 else b"mixed", [])
        if len(alike) < MOST_FINDINGS:
            alike.append(place)
        for each in self._trusted(claim):
            self._follow(each, key)
            self._cover(each)

    def _hash(self, content: bytes) -> bytes:
        assert self._algorithm is not None
        return _digest(self._algorithm, content)

    def _trusted(self, claim: _Claim) -> list[_Claim]:
        """Return a signed SEI, behind those unsigned ones whose hashes lead to it."""
        row, listed = [claim], set(claim.document.hashes or ())
        for each in reversed(self._unsigned):
            if self._hash(each.document.whole) in listed:
                row.insert(0, each)
                listed |= set(each.document.hashes or ())
        self._unsigned.clear()
        self._most_at_once = max(self._most_at_once, len(row))
        return row

    def _follow(self, claim: _Claim, key: MediaKey) -> None:
        """Check that a SEI comes behind the one before."""
        general, before = claim.general, self._before
        self._keys.used(key, general)
        first = claim.document.hashes[0] if claim.document.hashes else b""
        if before is not None and general.linked != before[1] and before[1]:
            is_new = not any(general.linked)
            later = general.start >= before[0].end and key.chain[0] == before[2]
            if later and (is_new or general.counter > before[0].counter + 1):
                lost = general.counter - before[0].counter - 1
                lacks = f"{counted(lost, 'signed stretch', 'signed stretches')} missing before this one"
                text = "the signer began anew here: what came before may be missing" if is_new else lacks
                self._findings.add(Fault.MISSING, text, self._start_of(claim))
            else:
                text = "what is signed here does not follow what comes before it: moved, or from another recording"
                self._findings.add(Fault.ORDER, text, self._start_of(claim))
        self._before = (general, first, key.chain[0])
        self._last = claim

    def _start_of(self, claim: _Claim) -> Place:
        return self._waiting[0].place if self._waiting else claim.place

    def _cover(self, claim: _Claim, *, is_proven: bool = True) -> None:
        """Compare what a SEI lists with what waits."""
        if not claim.document.hashes:
            self._cover_whole(claim)
            return
        signed = claim.document.hashes
        found, pairs = ([], []) if self._is_of_before(claim) else self._aligned(signed, claim.position)
        if not pairs:
            if self._units and is_proven:
                self._gap += len(signed)
            self._grow_old()
            return
        items = list(islice(self._waiting, pairs[-1][0] + 1))
        del found[len(items) :]
        last = (-1, -1)
        listed = set(signed)
        for number, pair in enumerate(pairs):
            unlisted = items[last[0] + 1 : pair[0]]
            lacking = pair[1] - last[1] - 1 + (self._gap if number == 0 else 0)
            if is_proven and (unlisted or lacking):
                moved = all(each in listed for each in found[last[0] + 1 : pair[0]])
                before = items[last[0]].place if number else self._passed
                self._findings.wrong(unlisted, lacking, between(before, items[pair[0]].place), is_moved=moved)
            last = pair
        self._gap = len(signed) - 1 - last[1] if is_proven else 0
        if items[pairs[0][0]].starts_gop:
            self._anchor = items[pairs[0][0]].plain
        if is_proven:
            self._proven(claim, [items[index] for index, _ in pairs])
        self._passed = items[-1].place
        for _ in items:
            self._waiting.popleft()

    def _aligned(self, signed: tuple[bytes, ...], position: int) -> tuple[list[bytes], list[tuple[int, int]]]:
        """Return the hashes of what waits before the SEI, linked to the anchor with which most of them are found in its
        list. What follows a SEI may be alike, where nothing moves in the picture."""
        waiting = [item for item in self._waiting if item.position < position]
        starts = [item.plain for item in waiting if item.starts_gop]
        best: tuple[list[bytes], list[tuple[int, int]]] = ([], [])
        for anchor in dict.fromkeys((signed[0], self._anchor, *starts[:1])):
            linked = [
                item.plain
                if item.starts_gop or item.is_sei
                else self._hash(anchor + item.plain)
                for item in waiting
            ]  # fmt: skip
            pairs = matches(linked, signed)
            if len(pairs) > len(best[1]):
                best = (linked, pairs)
            if len(pairs) == len(signed):
                break
        return best

    def _is_of_before(self, claim: _Claim) -> bool:
        """Whether a SEI covers what stood before an excerpt: it begins with a key frame, behind which the signature of
        the GOP before stands. Where nothing moves, that GOP may begin with the same picture."""
        if self._units:
            return False
        waiting = [item for item in self._waiting if item.position < claim.position]
        is_key_frame = bool(waiting) and waiting[0].starts_gop and waiting[-1].place.time == waiting[0].place.time
        return is_key_frame and len(waiting) < len(claim.document.hashes or ())

    def _cover_whole(self, claim: _Claim) -> None:
        """Compare what waits with the one hash of a SEI that lists none."""
        count = claim.general.count
        starts = [0, *(at for at, item in enumerate(self._waiting) if item.starts_gop and at)][:_MOST_STARTS]
        for start in starts:
            items = list(islice(self._waiting, start, start + count))
            if not items or len(items) < count:
                continue
            anchor = items[0].plain if items[0].starts_gop else self._anchor
            linked = [
                item.plain if item.starts_gop or item.is_sei else self._hash(anchor + item.plain) for item in items
            ]
            if self._hash(b"".join(linked)) == claim.general.gop_hash:
                if start:
                    self._findings.wrong(list(islice(self._waiting, start)), 0)
                self._anchor = anchor
                assert self._before is not None
                self._before = (self._before[0], linked[0], self._before[2])
                self._proven(claim, items)
                self._passed = items[-1].place
                for _ in range(start + count):
                    self._waiting.popleft()
                return
        if self._units:
            end = next((at for at in starts if at), len(self._waiting))
            items = [self._waiting.popleft() for _ in range(min(end, count))]
            self._findings.wrong(items, len(items))
            self._gap += count - len(items)
        self._grow_old()

    def _proven(self, claim: _Claim, items: list[Item]) -> None:
        if not self._gops:
            self._begins_at = claim.general.counter
        self._gops += 1
        self._units += sum(not item.is_sei for item in items)
        self._longest_s = max(self._longest_s, items[-1].place.time - items[0].place.time)
        begin = self._span[0] if self._span else items[0].place.time
        self._span = (begin, items[-1].place.time)

    def _grow_old(self) -> None:
        for item in self._waiting:
            item.waited += 1
        old = sum(item.waited > _PATIENCE for item in self._waiting)
        self._findings.wrong([self._waiting.popleft() for _ in range(old)], 0)

    def _broken(self, place: Place, why: str, claim: _Claim | None = None) -> None:
        """A SEI is not as its signer made it; what it covers is neither proven nor wrong."""
        self._findings.add(Fault.SEI, f"a signature is broken: {why}", place)
        self._before = None
        self._gap = 0
        self._unsigned.clear()
        if claim is not None and claim.document.hashes and self._algorithm:
            self._cover(claim, is_proven=False)

    def finish(self) -> Verdict:
        """Return the verdict on all that was added."""
        tail = self._end() if self._units else None
        if self._is_signed and not self._units:
            self._findings.wrong(list(self._waiting), 0)
        fills = sorted((places for fill, places in self._fills.items() if fill), key=len)
        for place in (each for places in fills[:-1] for each in places):
            self._findings.add(Fault.SEI, "bytes behind a signature were altered", place)
        for why, place in self._keys.faults():
            self._findings.add(Fault.SIGNER, f"the signer is not trusted: {why}", place)
        if not self._is_signed:
            return Verdict(Result.NOT_SIGNED, uncovered=self._uncovered)
        return Verdict(
            self._result(),
            self._findings.in_order(),
            self._findings.more,
            self._gops,
            self._units,
            self._span,
            self._keys.recorded(),
            self._keys.signers(),
            self._device,
            self._begins_at,
            tail,
            self._uncovered,
        )

    def _end(self) -> Place | None:
        """Judge what waits at the end of the file; return where the part begins that may still lack its signature."""
        assert self._last is not None
        left, last = list(self._waiting), self._last
        begins_anew = bool(left) and left[0].starts_gop
        if self._gap:
            listed = last.document.hashes or ()
            instead = 0
            if not begins_anew or self._gap >= len(listed):
                instead = sum(item.position < last.position for item in left)
            following = left[instead].place if len(left) > instead else last.place
            self._findings.wrong(left[:instead], self._gap, between(self._passed, following))
            left = left[instead:]
        elif left and not begins_anew and not last.general.partial:
            self._findings.wrong(left, 0)
            return None
        if not left:
            return None
        most = self._most_at_once + 1
        lasts_s = left[-1].place.time - left[0].place.time
        if sum(item.starts_gop for item in left) > most or lasts_s > most * self._longest_s:
            self._findings.wrong(left, 0)
            return None
        first = left[0].place
        return Place(first.offset, left[-1].place.end, first.time, first.what)

    def _result(self) -> Result:
        if self._findings.faults - {Fault.MISSING} or not self._units:
            return Result.NOT_AUTHENTIC
        if not self._keys.are_checked:
            return Result.SIGNER_UNKNOWN
        return Result.MISSING if self._findings.faults else Result.AUTHENTIC


def _digest(algorithm: str, content: bytes) -> bytes:
    return hashlib.new(algorithm, content).digest()
