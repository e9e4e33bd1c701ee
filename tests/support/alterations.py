"""Alterations of evidence, each with the place that whoever checks it must name."""

import json
import random
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

from cryptography import x509

from agent.contract.leaves import canonical
from agent.trust.evidence.chain import FILE
from agent.trust.evidence.manifest import read
from agent.trust.evidence.sealed_file import read_head, read_header
from agent.trust.evidence_keys import EvidenceKey
from edge_centre.authority import Revoked
from edge_centre.evidence.comparison import File
from edge_centre.evidence.signer import Trust
from edge_centre.evidence.verdict import Verdict, judge_clip
from tests.support.certificates import Authority
from tests.support.made_up_clips import CAMERA, Clock, Recording

OTHER = "gp/jhb-park-station/kiosk-0043"


class Set(NamedTuple):
    """What is given to whoever checks."""

    clip: File
    manifest: File
    chain: File
    trust: Trust

    def having(self, which: str, content: bytes) -> "Set":
        """The same with another content of one of its files."""
        changes: dict[str, Any] = {which: getattr(self, which)._replace(content=content)}
        return self._replace(**changes)


class Altered(NamedTuple):
    what: str
    given: Set
    file: str
    at: int
    """The first byte that is not as it was; -1 where the whole file is another one."""


def judged(given: Set, key: EvidenceKey) -> Verdict:
    return judge_clip(given.clip, given.manifest, given.trust, given.chain, key)


def is_named(verdict: Verdict, altered: Altered) -> bool:
    """Whether the first finding about that file has the place."""
    found = [each for each in verdict.findings if each.file == altered.file and each.kind in {"wrong", "missing"}]
    if not found or verdict.is_authentic:
        return False
    return altered.at < 0 or found[0].begin <= altered.at <= max(found[0].end, found[0].begin)


class Scene:
    """A device with three clips (one after its key was renewed, one that a power cut has ended) and another device."""

    def __init__(self, directory: Path, seed: int = 1) -> None:
        self.random = random.Random(seed)
        self.authority = Authority(directory / "ca")
        self.key = EvidenceKey.generate("evidence-1")
        self.own = Recording(directory / "own" / CAMERA, self.authority, self.key)
        self.clips = [self.own.record()]
        self.own.renew()
        self.clips.append(self.own.record(4))
        cut = self.own.begin()
        self.own.heard()
        cut.append(self.own.fragment())
        self.own.start()
        self.own.heard()
        self.clips.append(cut.clip)
        self.other = Recording(directory / "other" / CAMERA, self.authority, self.key, device=OTHER, seed=2)
        self.foreign = self.other.record()

    def given(self, clip: str, of: Recording | None = None) -> Set:
        recording = of or self.own
        clip_file, manifest = recording.file(f"{clip}.clip"), recording.file(f"{clip}.manifest")
        return Set(clip_file, manifest, recording.file(FILE), self.own.trust())

    def altered(self) -> Altered:
        """One alteration, at random."""
        clip = self.random.choice(self.clips)
        return self.random.choice(KINDS)(self, clip, self.given(clip))

    def revoked(self, given: Set) -> Trust:
        """What is trusted once the key that signed was revoked, two days ago."""
        own = x509.load_der_x509_certificate(read(given.manifest.content, "").statements[0].x5c[0])
        revoked = Revoked(own.serial_number, datetime.now(UTC) - timedelta(days=2))
        return replace(given.trust, revoked=self.authority._root.revocation_list([revoked], 1).decode())

    def foreign_clip(self, clip: str) -> str:
        """Another clip: of this device or of the other."""
        return self.random.choice([*(each for each in self.clips if each != clip), self.foreign])

    def recording_of(self, clip: str) -> Recording:
        return self.other if clip == self.foreign else self.own


def _flip(which: str) -> Callable[[Scene, str, Set], Altered]:
    def flip(scene: Scene, clip: str, given: Set) -> Altered:
        file: File = getattr(given, which)
        at, bit = scene.random.randrange(len(file.content)), 1 << scene.random.randrange(8)
        content = bytearray(file.content)
        content[at] ^= bit
        return Altered(f"flip {which}", given.having(which, bytes(content)), file.name, at)

    return flip


def _pieces(which: str, content: bytes) -> list[bytes]:
    if which != "clip":
        return content.splitlines(keepends=True)
    pieces = [read_header(content).raw]
    at = len(pieces[0])
    while (head := read_head(content, at)) is not None:
        pieces.append(content[at : at + head.length])
        at += head.length
    return pieces


def _piecewise(which: str, how: str) -> Callable[[Scene, str, Set], Altered]:
    """Alter whole records, lines or entries."""

    def alter(scene: Scene, clip: str, given: Set) -> Altered:
        file: File = getattr(given, which)
        pieces = _pieces(which, file.content)
        other = scene.foreign_clip(clip)
        strange: File = getattr(scene.given(other, scene.recording_of(other)), which)
        if strange.content == file.content:  # the chain of the same device
            strange = getattr(scene.given(scene.foreign, scene.other), which)
        number = scene.random.randrange(len(pieces))
        foreign = scene.random.choice([each for each in _pieces(which, strange.content) if each not in pieces])
        match how:
            case "remove":
                new = [*pieces[:number], *pieces[number + 1 :]]
            case "repeat":
                new = [*pieces[: number + 1], pieces[number], *pieces[number + 1 :]]
                number += 1
            case "swap":
                number = scene.random.randrange(len(pieces) - 1)
                second = scene.random.randrange(number + 1, len(pieces))
                new = list(pieces)
                new[number], new[second] = new[second], new[number]
            case "replace":
                new = [*pieces[:number], foreign, *pieces[number + 1 :]]
            case "insert":
                new = [*pieces[:number], foreign, *pieces[number:]]
            case "cut":
                content = file.content[: scene.random.randrange(1, len(file.content))]
                new, number = [content], 1
            case _:
                new = [*pieces, scene.random.randbytes(scene.random.randrange(1, 50))]
                number = len(pieces)
        at = sum(map(len, new[:number])) if how == "cut" else sum(map(len, pieces[:number]))
        at = at if how != "repeat" else sum(map(len, pieces[:number]))
        return Altered(f"{how} {which}", given.having(which, b"".join(new)), file.name, at)

    return alter


def _value(which: str) -> Callable[[Scene, str, Set], Altered]:
    """Put another value, of any kind, into a line, which stays in the one form of JSON; or one more, or one less."""

    def alter(scene: Scene, clip: str, given: Set) -> Altered:
        file: File = getattr(given, which)
        pieces = _pieces(which, file.content)
        number = scene.random.randrange(len(pieces))
        body = json.loads(pieces[number])
        name = scene.random.choice([*body, "lost", "kind", "manifest", "entry", "checkpoint", "certificates", "index"])
        body[name] = scene.random.choice([each for each in _VALUES if each != body.get(name)])
        if scene.random.random() < 0.2:
            del body[scene.random.choice([*body])]
        new = canonical(body) + b"\n"
        if new == pieces[number]:
            return alter(scene, clip, given)
        content = b"".join([*pieces[:number], new, *pieces[number + 1 :]])
        return Altered(f"value {which}", given.having(which, content), file.name, sum(map(len, pieces[:number])))

    return alter


_VALUES: list[Any] = [
    None, True, -1, 0, 1, 10**30, "", "x", "1970-01-01T00:00:00Z", "9999", [], {}, [1], {"a": 1}, [[]], ["AA=="], "\0",
]  # fmt: skip


def _of_another_device(scene: Scene, clip: str, given: Set) -> Altered:
    strange = scene.given(scene.foreign, scene.other)
    return Altered("another device's manifest", given._replace(manifest=strange.manifest), strange.manifest.name, -1)


def _chain_of_another_device(scene: Scene, clip: str, given: Set) -> Altered:
    strange = scene.given(scene.foreign, scene.other)
    return Altered("another device's chain", given._replace(chain=strange.chain), given.chain.name, -1)


def _of_another_clip(scene: Scene, clip: str, given: Set) -> Altered:
    other = scene.foreign_clip(clip)
    content = scene.given(other, scene.recording_of(other)).clip.content
    return Altered("another clip's file", given._replace(clip=File(given.clip.name, content)), given.clip.name, 0)


def _revoked(scene: Scene, clip: str, given: Set) -> Altered:
    return Altered("revoked", given._replace(trust=scene.revoked(given)), given.manifest.name, -1)


def _not_valid_then(scene: Scene, clip: str, given: Set) -> Altered:
    days = scene.random.choice([-40, 40])
    clock = Clock(wall=datetime.now(UTC) + timedelta(days=days, seconds=scene.random.randrange(10**6)))
    directory = scene.own.directory.parent.parent / f"then-{scene.random.randrange(10**12)}"
    late = Recording(directory, scene.authority, scene.key, clock=clock, seed=scene.random.randrange(10**6))
    own = scene.given(late.record(1), late)
    return Altered("not valid then", own._replace(trust=late.trust()), own.manifest.name, -1)


def _written_anew(scene: Scene, clip: str, given: Set) -> Altered:
    """Whoever has the device's key makes it all again; only what the centre has heard tells."""
    directory = scene.own.directory.parent.parent / f"anew-{scene.random.randrange(10**12)}"
    forged = Recording(directory, scene.authority, scene.key, seed=scene.random.randrange(10**6))
    own = scene.given(forged.record(1), forged)
    return Altered("written anew", own, own.chain.name, -1)


KINDS: list[Callable[[Scene, str, Set], Altered]] = [
    *(_flip(which) for which in ("clip", "manifest", "chain")),
    *(_flip(which) for which in ("clip", "manifest", "chain")),
    *(
        _piecewise(which, how)
        for which in ("clip", "manifest", "chain")
        for how in ("remove", "repeat", "swap", "replace", "insert", "cut", "behind")
    ),
    *(_value(which) for which in ("manifest", "chain")),
    _of_another_device,
    _chain_of_another_device,
    _of_another_clip,
    _revoked,
    _not_valid_then,
    _written_anew,
]
