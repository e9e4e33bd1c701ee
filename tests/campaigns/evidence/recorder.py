"""A recorder that writes made-up clips as fast as it can, until it is killed.

    python -m tests.campaigns.evidence.recorder DIRECTORY KEY CERTIFICATE RECIPIENT SEED

It prints a line for each thing that is on the disk: `begun CLIP PIECES`, `added CLIP PIECES`, `ended CLIP PIECES`.
Beside the clips it writes a file that it never syncs.
"""

import random
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

from agent.contract.uuid7 import Uuid7Source
from agent.evidence import open_clip
from agent.evidence.clips import Clips
from agent.trust.evidence.fragment import Fragment
from agent.trust.evidence_keys import DeviceKey, Recipient
from tests.support.made_up_clips import CAMERA, DEVICE, ROOMY

UNSYNCED = "unsynced"


def main(directory: str, key: str, certificate: str, recipient: str, seed: str) -> None:
    """Record for ever."""
    setattr(open_clip, "SIGNING", 0)  # noqa: B010 - on a busy machine too, each fragment is signed
    chance, ids, index = random.Random(int(seed)), Uuid7Source(), 0
    signer = DeviceKey(Path(key), Path(certificate))
    facts = {"device": DEVICE, "camera": CAMERA}

    def now() -> tuple[datetime, str]:
        return datetime.now(UTC), "synced"

    def fragment(size: int) -> Fragment:
        nonlocal index
        index += 1
        times = (time.clock_gettime_ns(time.CLOCK_BOOTTIME), datetime.now(UTC))
        return Fragment(index, False, chance.randbytes(size), times[0], times[0], times[1], times[1], "synced")

    clips = Clips(Path(directory), facts, Recipient.parse(recipient), signer, ROOMY, now)
    clips.recover()
    print("ready", flush=True)
    with (Path(directory) / UNSYNCED).open("wb", buffering=0) as unsynced:
        while True:
            unsynced.write(chance.randbytes(1000))
            clip = ids.next(time.time_ns() // 1_000_000)
            begun = clips.begin(clip, {"alarm": clip}, [fragment(8_000) for _ in range(10)])
            pieces = 10
            print("begun", clip, pieces, flush=True)
            for _ in range(chance.randrange(8)):
                begun.append(fragment(8_000))
                pieces += 1
                print("added", clip, pieces, flush=True)
            clips.end(clip, "over")
            print("ended", clip, pieces, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
