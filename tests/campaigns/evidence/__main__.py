"""`python -m tests.campaigns.evidence`: clips, manifests, chains and films in which nothing moves are altered, and
recorders lose their power."""

import argparse
import os
import random
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path

from agent.trust.evidence.chain import FILE, read
from agent.trust.evidence_keys import EvidenceKey
from edge_centre.evidence.media_signing.verdict import Result
from tests.campaigns.evidence.recorder import UNSYNCED
from tests.support.alterations import Scene, is_named, judged
from tests.support.altered_container import unnamed_edits
from tests.support.altered_media import STILL, missed, nothing_moves, still_film
from tests.support.certificates import Authority
from tests.support.made_up_clips import CAMERA, Recording
from tests.support.signed_media import judged as judged_film
from tests.support.signed_media import mp4, signing
from tests.support.wait import wait_for

ROOT = Path(__file__).parents[3]
_EXAMPLE = """\
Examples:
  make evidence
  make evidence EVIDENCE="--seed 1234"          what a run did that printed this seed
  make evidence EVIDENCE="--alterations 10000 --cuts 0"

Exit codes: 0 all as it must be, 1 something was not.
"""
_IMAGE_BYTES = 64 * 1024 * 1024
_LATEST_S = 0.8


def main() -> int:
    """Run it."""
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser("make evidence", description=__doc__, epilog=_EXAMPLE, formatter_class=raw)
    parser.add_argument("--alterations", type=int, default=1000, metavar="N", help="default: 1000")
    parser.add_argument("--still", type=int, default=200, metavar="N", help="of films; default: 200")
    parser.add_argument("--untouched", type=int, default=100, metavar="N", help="default: 100")
    parser.add_argument("--cuts", type=int, default=50, metavar="N", help="default: 50; they need root")
    parser.add_argument("--seed", type=int, default=secrets.randbelow(10**6), metavar="N")
    args = parser.parse_args()
    print(f"seed {args.seed}")
    with tempfile.TemporaryDirectory(dir="/dev/shm" if Path("/dev/shm").is_dir() else None) as directory:
        is_good = _alterations(Path(directory), args.alterations, args.untouched, args.seed)
        is_good = _in_the_dark(args.still, args.untouched, args.seed) and is_good
        if args.cuts and os.geteuid() != 0:
            print("no power was cut: only root may mount the disk that loses what was not synced")
            is_good = False
        elif args.cuts:
            is_good = _cuts(Path(directory), args.cuts, args.seed) and is_good
    return 0 if is_good else 1


def _alterations(directory: Path, count: int, untouched: int, seed: int) -> bool:
    scene, began = Scene(directory / "scene", seed), time.process_time()
    kinds: Counter[str] = Counter()
    missed: list[str] = []
    for _ in range(count):
        altered = scene.altered()
        kinds[altered.what] += 1
        verdict = judged(altered.given, scene.key)
        if not is_named(verdict, altered):
            found = [str(each) for each in verdict.findings]
            missed.append(f"{altered.what} at {altered.file}, byte {altered.at}: {verdict.word}, {found}")
    refused = 0
    for _ in range(untouched):
        verdict = judged(scene.given(scene.own.record(scene.random.randrange(5))), scene.key)
        refused += verdict.word != "authentic" or verdict.findings != []
    for name, number in sorted(kinds.items()):
        print(f"  {number:5} {name}")
    print("".join(f"MISSED {each}\n" for each in missed), end="")
    print(f"{count - len(missed)} of {count} alterations found, each with its place")
    print(f"{refused} of {untouched} untouched clips refused ({time.process_time() - began:.1f} s of processor)")
    return not missed and not refused


def _in_the_dark(count: int, untouched: int, seed: int) -> bool:
    """Alter films of a covered lens, of a frozen picture, and of a still scene."""
    chance, found, why, began = random.Random(seed), Counter[str](), list[str](), time.process_time()
    for number, kind in enumerate(STILL):
        film = still_film(kind, chance.randrange(10**6))
        for altered in islice(film.alterations(chance), count // 3 + (number < count % 3)):
            reason = missed(altered, signing().ca)
            found[altered.name] += reason is None
            why += [f"MISSED in {kind} footage: {reason}"] if reason else []
    refused = 0
    for number in range(untouched):
        gops = [chance.randrange(1, 9) for _ in range(chance.randrange(1, 9))]
        made = nothing_moves(STILL[number % 3], gops, chance.randrange(10**6))
        refused += judged_film(mp4(made)).result is not Result.AUTHENTIC
    print("\n".join([*(f"  {number:5} {name}" for name, number in sorted(found.items())), *why]))
    print(f"{found.total()} of {count} alterations of dark, frozen and still films found, each with its place")
    print(f"{refused} of {untouched} untouched such films refused ({time.process_time() - began:.1f} s of processor)")
    edits, unnamed = unnamed_edits()
    print("".join(f"MISSED {each}\n" for each in unnamed), end="")
    print(f"{edits - len(unnamed)} of {edits} edits around the pictures named")
    return not why and not refused and not unnamed


def _cuts(directory: Path, count: int, seed: int) -> bool:
    chance, faults, promised, unsynced = random.Random(seed), 0, 0, 0
    where: Counter[str] = Counter()
    empty = directory / "empty.img"
    with empty.open("wb") as file:
        file.truncate(_IMAGE_BYTES)
    subprocess.run(["mkfs.ext4", "-q", "-F", empty], check=True)
    authority, key = Authority(directory / "ca"), EvidenceKey.generate("evidence-1")
    for number in range(count):
        card = directory / f"card-{number}.img"
        shutil.copyfile(empty, card)
        recording = Recording(directory / f"r{number}", authority, key)
        after = directory / f"after-{number}.img"
        with mounted(card, directory / "card") as mount:
            camera = mount / CAMERA
            camera.mkdir()
            os.sync()
            said = _killed(recording, camera, chance.uniform(0, _LATEST_S), number)
            shutil.copyfile(card, after)  # what the disk has: not what is in the memory of its file system
            written = (camera / UNSYNCED).stat().st_size if (camera / UNSYNCED).exists() else 0
        where[said[-1].split()[0] if said else "before anything"] += 1
        with mounted(after, directory / "card") as mount:
            recording.directory = mount / CAMERA
            kept = recording.directory / UNSYNCED
            unsynced += written > (kept.stat().st_size if kept.exists() else 0)
            fault, pieces = _fault(recording, said)
        promised += pieces
        faults += fault != ""
        if fault:
            print(f"cut {number}: {fault}")
        card.unlink()
        after.unlink()
    print(f"  cut while the newest thing on the disk was: {dict(where)}")
    print(f"  {unsynced} of {count} cuts lost what was never synced")
    print(f"{count - faults} of {count} power cuts left every clip up to its last synced fragment ({promised} of them)")
    return faults == 0


def _killed(recording: Recording, camera: Path, after_s: float, seed: int) -> list[str]:
    """Return what a recorder said until it was killed."""
    files = (recording.certificate.key, recording.certificate.cert)
    words = [sys.executable, "-m", "tests.campaigns.evidence.recorder", camera, *files, str(recording.key.public())]
    with subprocess.Popen([*map(str, words), str(seed)], stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        cut = threading.Timer(after_s, process.send_signal, [signal.SIGKILL])
        cut.start()
        lines = process.stdout.read().splitlines()
        cut.join()
    return lines


def _fault(recording: Recording, said: list[str]) -> tuple[str, int]:
    """Return what is wrong with what a cut has left, and how many pieces were promised."""
    clips: dict[str, tuple[str, int]] = {}
    for what, clip, count in (line.split() for line in said if line.count(" ") == 2):
        clips[clip] = what, int(count)
    recording.start()
    for clip, (what, pieces) in clips.items():
        verdict = recording.verdict(clip, recording.trust(heads=False))
        if not verdict.is_authentic:
            return f"{clip}: {verdict.word}, {[str(each) for each in verdict.findings]}", 0
        if len(verdict.plain) < pieces or (what == "ended") > (verdict.manifest.end == "ended"):
            return f"{clip}: {len(verdict.plain)} pieces of {pieces}, {verdict.manifest.end}", 0
    later = recording.record(1)
    if not recording.verdict(later, recording.trust(heads=False)).is_authentic:
        return "the chain does not go on", 0
    if found := read(recording.file(FILE).content, FILE, []).findings:
        return f"the chain: {found[0]}", 0
    return "", sum(pieces for _, pieces in clips.values())


@contextmanager
def mounted(image: Path, place: Path) -> Iterator[Path]:
    """Yield where the file system of an image is mounted."""
    place.mkdir(exist_ok=True)
    subprocess.run(["mount", "-o", "loop", image, place], check=True)
    try:
        yield place
    finally:
        # A recorder whose agent was killed may still be closing its clips.
        umount = ["umount", str(place)]
        wait_for(lambda: subprocess.run(umount, check=False, stderr=subprocess.DEVNULL).returncode == 0, what="umount")


if __name__ == "__main__":
    sys.exit(main())
