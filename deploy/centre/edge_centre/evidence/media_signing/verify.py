"""Verifies a stream that was signed by ONVIF Media Signing: what is as it was signed, and where it is not.

Each signed SEI lists the hashes of the NAL units of a GOP, or of a part of one, and names the first hash of the SEI
before. A SEI may come some pictures after the GOP that it covers. What comes before the end of what a SEI covers, and
is in no list, was altered, inserted or moved; what a list has and the file has not is missing.

In the dark, before a covered lens or in a frozen picture all GOPs may be equal, and hashes say nothing of their order:
so the counters must follow each other, a SEI must stand as far behind its pictures as the one before, and the times in
the file must pass as those that were signed.
"""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice, pairwise
from statistics import median

from agent.trust.evidence import tlv
from agent.trust.evidence.h264 import Kind, Unit
from edge_centre.adapters.media_signature import MediaKey
from edge_centre.evidence.media_signing.align import matches
from edge_centre.evidence.media_signing.findings import Findings, Item, between, counted, place_of
from edge_centre.evidence.media_signing.keys import Keys, Trust
from edge_centre.evidence.media_signing.verdict import MOST_FINDINGS, Fault, Place, Result, Verdict

_PATIENCE = 16
"""How many signed SEIs a NAL unit waits for the one that covers it."""
_MOST_STARTS = 4
"""At how many places of what waits a SEI without a list is tried."""
_MOST_LAG, _MOST_STEPS = 64, 4096
"""Pictures, and NAL units, that a SEI may stand behind what it covers for that to be expected of the next one."""
_SLACK_S, _SLACK = 0.5, 0.005
"""By how much, and by which part of what has passed, a file's times may differ from those that were signed."""
_HURRY = 4
"""How many times as fast as the film was recorded a file may show pictures of one stretch, two steps in a row: a camera
that falls behind makes one."""
_EFFORT, _EFFORT_EACH = 200_000, 3
"""How many hashes are tried where a list does not fit at once: so many, and so many more for each that is read. What
somebody has made to keep us busy is not looked at more closely than that."""
_START = b"\0\0\1"
"""No NAL unit holds it, but for a SEI of a signer that escapes nothing: FFmpeg shows what follows as one of its own."""
_WRAP = 1 << 32
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
    pictures: int
    """How many pictures have begun before it."""


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
        self._waiting: list[Item] = []
        self._unsigned: list[_Claim] = []
        self._algorithm: str | None = None  # until the first signature that holds
        self._before: tuple[tlv.General, bytes, bytes] | None = None  # the claim before, its first hash, its key
        self._anchor = b""
        self._last: _Claim | None = None
        self._seen: tuple[bytes, int] | None = None  # the newest that is signed, and how many items came before it
        self._lag: int | None = None  # how many pictures the newest SEI has stood behind what it covers
        self._fruitless = 0  # SEIs that cover nothing which is here
        self._effort = _EFFORT
        self._pace: tuple[float, int] | None = None  # a time in the file, and the signed one that belongs to it
        self._ended: tuple[float, tlv.General] | None = None  # when the newest proven stretch ends, and what it says
        self._known = 0  # how many findings there were then
        self._steps: list[
            tuple[float, float, Place]
        ] = []  # of each stretch: one as signed, the quickest two, its place
        self._passed: Place | None = None  # the newest NAL unit that a SEI has covered
        self._gap = 0  # how many hashes at the end of the newest list have no NAL unit
        self._number = self._pictures = 0
        self._gops = self._units = 0
        self._is_signed = False
        self._span: tuple[float, float] | None = None
        self._begins_at: int | None = None
        self._most_at_once = 1
        self._longest_s = _LONGEST_S
        self._times: list[tuple[float, float]] = []
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
                if _START in unit.data.removeprefix(document.content):
                    self._broken(place_of(unit), "behind what was signed it holds something that players show")
                    return
                self._take(document, place_of(unit), unit)
                return
        if unit.kind in (Kind.PICTURE, Kind.BROKEN) or _START in unit.data:
            self._wait(unit, unit.data.rstrip(b"\0"))  # zeros that follow belong to no unit
        else:
            name = _OTHERS.get(unit.kind, f"NAL units of type {unit.type}")
            self._uncovered[name] = self._uncovered.get(name, 0) + 1

    def _wait(self, unit: Unit, content: bytes, *, is_sei: bool = False) -> None:
        known = (self._algorithm,) if self._algorithm else _SIZES
        plain = b"".join(_digest(each, content) for each in known)
        self._pictures += unit.starts_picture and not is_sei
        kind = (unit.starts_gop, unit.starts_picture, is_sei)
        self._waiting.append(Item(place_of(unit), plain, *kind, self._number, self._pictures, self._fruitless))
        self._number += 1
        self._effort += _EFFORT_EACH
        if len(self._waiting) > _MOST_WAITING:
            self._findings.wrong(self._taken(_AT_ONCE), 0)

    def _taken(self, count: int) -> list[Item]:
        """Return the first of what waits, which wait no longer."""
        items = self._waiting[:count]
        del self._waiting[:count]
        return items

    def _decide(self, algorithm: str) -> None:
        """Keep of each hash the one that the stream was signed with."""
        self._algorithm = algorithm
        before = sum(_SIZES[each] for each in islice(_SIZES, list(_SIZES).index(algorithm)))
        for item in self._waiting:
            item.plain = item.plain[before : before + _SIZES[algorithm]]

    def _take(self, document: tlv.Document, place: Place, unit: Unit) -> None:
        if document.signature is not None and self._seen is not None and document.content == self._seen[0]:
            self._again(document, place, self._number - self._seen[1])
            return
        key = self._keys.of(document, self._algorithm, place)
        if document.certificates_only:
            if key is None:
                self._broken(place, "its signature does not hold")
            return
        assert document.general is not None
        claim = _Claim(document, document.general, place, self._number, self._pictures)
        self._effort += _EFFORT_EACH * len(document.hashes or ())
        if document.signature is None:
            self._wait(unit, document.whole, is_sei=True)
            self._unsigned.append(claim)
            if len(self._unsigned) > _MOST_UNSIGNED:
                del self._unsigned[0]
            return
        self._seen = document.content, self._number
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

    def _again(self, document: tlv.Document, place: Place, since: int) -> None:
        """Take the newest signed SEI once more, `since` so many items: some signers send it twice, against losses."""
        if document.general is not None and since >= document.general.count:
            text = "this signature appears for the second time: what comes before it was repeated"
            self._findings.add(Fault.ORDER, text, self._waiting[0].place if self._waiting else place)

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
        if before is not None:
            is_linked = general.linked == before[1] or not before[1]
            step = (general.counter - before[0].counter + _WRAP // 2) % _WRAP - _WRAP // 2
            later = general.start >= before[0].end and key.chain[0] == before[2]
            if not any(general.linked) and not is_linked and later:
                text = "the signer began anew here: what came before may be missing"
                self._findings.add(Fault.MISSING, text, self._start_of(claim))
            elif step > 1 and later:
                text = f"{counted(step - 1, 'signed stretch', 'signed stretches')} missing before this one"
                self._findings.add(Fault.MISSING, text, self._start_of(claim))
            elif not is_linked or not (step == 1 or (step == 0 and before[0].partial)):
                text = "what is signed here does not follow what comes before it: moved, or from another recording"
                self._findings.add(Fault.ORDER, text, self._start_of(claim))
        self._before = (general, first, key.chain[0])
        self._last = claim

    def _start_of(self, claim: _Claim) -> Place:
        return self._waiting[0].place if self._waiting else claim.place

    def _cover(self, claim: _Claim, *, is_proven: bool = True) -> None:
        """Compare what a SEI lists with what waits."""
        signed = claim.document.hashes
        if not signed:
            self._cover_whole(claim)
            return
        count = min(max(claim.position - self._waiting[0].position, 0), len(self._waiting)) if self._waiting else 0
        start = next((at for at in self._expected(count, len(signed)) if self._are(at, signed)), None)
        if start is not None:
            items = self._waiting[: start + len(signed)]
            if is_proven and (start or self._gap):
                self._findings.wrong(items[:start], self._gap, between(self._passed, items[start].place))
            self._gap, self._lag = 0, claim.pictures - items[-1].picture
            self._covered(claim, items, items[start:], is_whole=True, is_proven=is_proven)
            return
        found, pairs = ([], []) if self._is_of_before(claim, count) else self._aligned(signed, count)
        if not pairs:
            if self._units and is_proven:
                self._gap += len(signed)
            self._grow_old()
            return
        items = self._waiting[: pairs[-1][0] + 1]
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
        self._covered(claim, items, [items[index] for index, _ in pairs], is_whole=False, is_proven=is_proven)

    def _covered(
        self, claim: _Claim, items: list[Item], proven: list[Item], *, is_whole: bool, is_proven: bool
    ) -> None:
        """Be done with `items`; those that are `proven` are as they were signed."""
        if proven[0].starts_gop:
            self._anchor = proven[0].plain
        if is_proven:
            self._proven(claim, proven, is_whole=is_whole)
        self._passed = items[-1].place
        del self._waiting[: len(items)]

    def _expected(self, count: int, size: int) -> Iterator[int]:
        """Yield where a list of `size` hashes may begin in the `count` that wait before its SEI: first where it is as
        far behind its pictures as the SEI before was, or as signers have it; then at once."""
        for lag in dict.fromkeys((1 if self._lag is None else self._lag, 1, 0)):
            end, left = count, lag if lag <= _MOST_LAG else 0
            while left and count - _MOST_STEPS < end and end:
                end -= 1
                left -= self._waiting[end].starts_picture
            if not left and lag <= _MOST_LAG and end >= size:
                yield end - size
        yield 0

    def _are(self, start: int, signed: tuple[bytes, ...]) -> bool:
        """Whether what waits from `start` on is what a list has."""
        items = self._waiting[start : start + len(signed)]
        if len(items) < len(signed):
            return False
        anchor = items[0].plain if items[0].starts_gop else self._anchor
        return all(self._linked(item, anchor) == each for item, each in zip(items, signed, strict=True))

    def _linked(self, item: Item, anchor: bytes) -> bytes:
        """Return the hash of an item as a list has it."""
        return item.plain if item.starts_gop or item.is_sei else self._hash(anchor + item.plain)

    def _aligned(self, signed: tuple[bytes, ...], count: int) -> tuple[list[bytes], list[tuple[int, int]]]:
        """Return the hashes of the `count` that wait before the SEI, linked to the anchor with which most of them are
        found in its list. What follows a SEI may be alike, where nothing moves in the picture."""
        waiting = self._waiting[:count]
        starts = [item.plain for item in waiting if item.starts_gop]
        best: tuple[list[bytes], list[tuple[int, int]]] = ([], [])
        for anchor in dict.fromkeys((signed[0], self._anchor, *starts[:1])):
            self._effort -= count + len(signed)
            if self._effort < 0:
                break
            linked = [self._linked(item, anchor) for item in waiting]
            pairs = matches(linked, signed)
            if len(pairs) > len(best[1]):
                best = (linked, pairs)
            if len(pairs) == len(signed):
                break
        return best

    def _is_of_before(self, claim: _Claim, count: int) -> bool:
        """Whether a SEI covers what stood before an excerpt: it begins with a key frame, behind which the signature of
        the GOP before stands. Where nothing moves, that GOP may begin with the same picture."""
        if self._units or not 0 < count < len(claim.document.hashes or ()):
            return False
        return self._waiting[0].starts_gop and self._waiting[0].picture == claim.pictures

    def _cover_whole(self, claim: _Claim) -> None:
        """Compare what waits with the one hash of a SEI that lists none."""
        count = claim.general.count
        starts = [0, *(at for at, item in enumerate(self._waiting) if item.starts_gop and at)][:_MOST_STARTS]
        self._effort -= len(self._waiting)
        for start in starts:
            items = self._waiting[start : start + count]
            self._effort -= count
            if not items or len(items) < count or self._effort < 0:
                continue
            anchor = items[0].plain if items[0].starts_gop else self._anchor
            linked = [self._linked(item, anchor) for item in items]
            if self._hash(b"".join(linked)) == claim.general.gop_hash:
                if start:
                    self._findings.wrong(self._waiting[:start], 0)
                assert self._before is not None
                self._before = (self._before[0], linked[0], self._before[2])
                self._covered(claim, self._waiting[: start + count], items, is_whole=True, is_proven=True)
                return
        if self._units:
            end = next((at for at in starts if at), len(self._waiting))
            items = self._taken(min(end, count))
            self._findings.wrong(items, len(items))
            self._gap += count - len(items)
        self._grow_old()

    def _proven(self, claim: _Claim, items: list[Item], *, is_whole: bool) -> None:
        if not self._gops:
            self._begins_at = claim.general.counter
        if is_whole:
            self._keep_pace(claim.general, items[0].place)
            self._note_steps(claim.general, items)
            signed = (claim.general.start / tlv.SECOND, claim.general.end / tlv.SECOND)
            self._times += zip((items[0].place.time, items[-1].place.time), signed, strict=True)
            self._ended = (items[-1].place.time, claim.general)
        self._gops += 1
        self._units += sum(not item.is_sei for item in items)
        self._longest_s = max(self._longest_s, items[-1].place.time - items[0].place.time)
        begin = self._span[0] if self._span else items[0].place.time
        self._span = (begin, items[-1].place.time)

    def _keep_pace(self, general: tlv.General, first: Place) -> None:
        """Hold the time in the file against the one that was signed, from the place on where nothing else is wrong."""
        ended, known, self._known = self._ended, self._known, self._findings.count
        if tlv.time_of(general.start) is None:
            return
        if self._pace is None or ended is None or known != self._findings.count:
            self._pace = (first.time, general.start)
            return
        before = ended[1]
        if (general.start, general.end) == (before.start, before.end):
            return  # this signer's last SEI says again what the one before has said
        shown, passed = first.time - self._pace[0], (general.start - self._pace[1]) / tlv.SECOND
        slack = _SLACK_S + _SLACK * abs(passed)
        if abs(shown - passed) <= slack:
            return
        jump = (general.start - before.end) / tlv.SECOND - max(first.time - ended[0], 0)
        if abs(jump) > slack:
            ways = f"{jump:.1f} s are missing" if jump > 0 else f"the signed time goes back by {-jump:.1f} s"
            self._findings.add(Fault.TIME, f"{ways} before this picture, or the signer's clock was set there", first)
        elif Fault.SHOWN not in self._findings.faults:
            text = f"up to here the file shows in {shown:.1f} s what was recorded in {passed:.1f} s"
            self._findings.add(Fault.SHOWN, text, first)
        self._pace, self._known = (first.time, general.start), self._findings.count

    def _note_steps(self, general: tlv.General, items: list[Item]) -> None:
        """Note how quickly a stretch shows its pictures. Only the times of its first and last one are signed."""
        times = [item.place.time for item in items if item.starts_picture and not item.is_sei]
        steps = [after - before for before, after in pairwise(times)]
        quickest = min(map(max, pairwise(steps)), default=None)
        if quickest is not None and tlv.time_of(general.start) is not None:
            self._steps.append(((general.end - general.start) / tlv.SECOND / len(steps), quickest, items[0].place))

    def _judge_steps(self) -> None:
        usual_s = median([each[0] for each in self._steps]) if self._steps else 0.0
        hurried = [place for _, quickest, place in self._steps if quickest < usual_s / _HURRY]
        if hurried and Fault.SHOWN not in self._findings.faults:
            many = counted(len(hurried), "signed stretch", "signed stretches")
            text = f"some pictures pass faster than they were recorded, and others are held: in {many}, the first here"
            self._findings.add(Fault.SHOWN, text, hurried[0])

    def _grow_old(self) -> None:
        self._fruitless += 1
        old = next((at for at, item in enumerate(self._waiting) if self._fruitless - item.since <= _PATIENCE), None)
        self._findings.wrong(self._taken(len(self._waiting) if old is None else old), 0)

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
        self._judge_steps()
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
            self._times,
            uncovered=self._uncovered,
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
        faults = self._findings.faults
        if faults - {Fault.MISSING, Fault.TIME, Fault.SHOWN} or not self._units:
            return Result.NOT_AUTHENTIC
        if not self._keys.are_checked:
            return Result.SIGNER_UNKNOWN
        if faults & {Fault.MISSING, Fault.TIME}:
            return Result.MISSING
        return Result.OTHERWISE if faults else Result.AUTHENTIC


def _digest(algorithm: str, content: bytes) -> bytes:
    return hashlib.new(algorithm, content).digest()
