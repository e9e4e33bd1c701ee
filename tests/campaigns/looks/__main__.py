"""`python -m tests.campaigns.looks`: a day of looking through a kiosk that is killed again and again."""

import argparse
import secrets
import tempfile
from pathlib import Path

from tests.campaigns.looks.day import Day
from tests.campaigns.looks.streams import StreamKills


def main() -> int:
    """Run it. Exit code 1: the record lacks something, or a picture came too late."""
    parser = argparse.ArgumentParser("make looks", description=__doc__)
    parser.add_argument("--looks", type=int, default=100, metavar="N", help="default: 100")
    parser.add_argument("--kills", type=int, default=30, metavar="N", help="so many of them; default: 30")
    parser.add_argument("--seed", type=int, default=secrets.randbelow(10**6), metavar="N")
    parser.add_argument("--streams", type=int, metavar="N", help="instead: so many looks by a stream, each killed")
    args = parser.parse_args()
    print(f"seed {args.seed}", flush=True)
    if args.streams:
        with tempfile.TemporaryDirectory() as directory:
            kills = StreamKills(Path(directory), args.seed)
            kills.play(args.streams)
        print(f"{args.streams} kills; {kills.looks} looks in the record, {kills.streams} streams at the server")
        print(*kills.missing, sep="\n")
        return 1 if kills.missing else 0
    with tempfile.TemporaryDirectory() as directory:
        figures = Day(Path(directory), args.seed).play(args.looks, args.kills)
    print(figures)
    for each in figures.missing:
        print(f"  {each}")
    return 1 if figures.missing or max(figures.first_s) > 2 or max(figures.late_s) > 1 else 0


if __name__ == "__main__":
    raise SystemExit(main())
