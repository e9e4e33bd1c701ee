"""`python -m tests.campaigns.uploads`: uploads over a network that is cut, and of a kiosk that is smashed."""

import argparse
import sys
import tempfile
from pathlib import Path
from statistics import median

from tests.campaigns.uploads import cuts, smashed


def main() -> int:
    """Run both; return 0 if nothing was lost, and 10 s before the press are there after 5 s of life."""
    parser = argparse.ArgumentParser(prog="python -m tests.campaigns.uploads", description=__doc__)
    parser.add_argument("--cuts", type=int, default=50)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--kbit", type=int, default=20_000, help="how fast the store reads, in kbit/s")
    args = parser.parse_args()
    good = True
    if args.cuts:
        found = cuts.run(args.cuts)
        print(f"{found.cuts} cuts and {found.kills} kills of the uploader in {found.seconds:.0f} s: {found.segments}")
        print(f"segments, {found.lost} lost, {found.spoilt} spoilt, {found.puts} PUTs")
        good = not found.lost and not found.spoilt
    if args.kills:
        with tempfile.TemporaryDirectory() as directory:
            smashes = smashed.run(Path(directory), args.kills, bytes_s=args.kbit * 125)
        print("life after the press, s | kills | seconds before it at the store: least, median | after it, median")
        for second in range(int(smashed.LONGEST_S)):
            some = [each for each in smashes if second <= each.life_s < second + 1]
            if some:
                before = [each.before_s for each in some]
                after = median(each.after_s for each in some)
                print(f"{second}-{second + 1} | {len(some)} | {min(before):.1f}, {median(before):.1f} | {after:.1f}")
        firsts = [each.first_s for each in smashes if each.first_s is not None]
        size = median([each.first_bytes for each in smashes if each.first_bytes] or [0])
        if firsts:
            print(f"first segment ({size / 1e6:.1f} MB) after {median(firsts):.1f} s, at most {max(firsts):.1f} s")
        good &= all(each.before_s >= 10 for each in smashes if each.life_s >= 5)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
